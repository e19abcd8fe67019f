import * as z from 'zod';
import { open } from './envelope.ts';
import type { StsContext } from './sts-context.ts';

// Credentials that the STS gives out for a resource's provider (contract, request evidence 4.4, rows 24 to 26 and 36).

/** Additional data of a connection's sealed token. */
const ACCESS_TOKEN = 'caracal/providerConnections/accessToken';

const configSchema = z.looseObject({ allow_runtime_injection: z.boolean().default(false), header_name: z.string().optional() });
const secretSchema = z.looseObject({ api_key: z.string().default(''), bearer_token: z.string().default('') });

export type Provider = { id: string; kind: string; config: unknown };
/** How the Gateway authenticates upstream; `token` is the provider's own. */
export type Directive = { auth_mode: string; provider_id: string; connection_id?: string; header?: string; token?: string };
type Connection = { id: string; access_token_ct: Buffer | null; renewable: boolean; expired: boolean };

/** Where the secret of a provider lies; also its additional data. */
export function secretRef(zoneId: string, providerId: string): string {
  return `zones/${zoneId}/providers/${providerId}/secretConfig`;
}

export function wantsUser({ kind }: Provider): boolean {
  return kind === 'oauth2_authorization_code';
}

/** Whether a launched process may get this provider's credential itself. */
export function mayBeInjected({ kind, config }: Provider): boolean {
  return configSchema.parse(config ?? {}).allow_runtime_injection && !['none', 'caracal_mandate', 'http_basic'].includes(kind);
}

/** Why a user's connection cannot be used, before any policy is asked; undefined when it can be. */
export async function connectionTrouble(context: StsContext, asked: { zoneId: string; subject: string; provider: Provider }): Promise<'no_provider_connection' | 'credential_expired_not_renewable' | undefined> {
  const connection = await connectionOf(context, asked);
  if (connection?.expired === true && !connection.renewable) return 'credential_expired_not_renewable';
  return (connection?.access_token_ct ?? null) === null ? 'no_provider_connection' : undefined;
}

/** @throws Error with Caracal's text when the credential is not to be had */
export async function directiveFor(context: StsContext, asked: { zoneId: string; subject: string; provider: Provider }): Promise<Directive> {
  const { zoneId, provider: { id, kind, config } } = asked;
  if (kind === 'none') return { auth_mode: 'none', provider_id: id };
  if (kind === 'caracal_mandate') return { auth_mode: 'caracal_jwt', provider_id: id };
  if (wantsUser(asked.provider)) {
    const connection = await connectionOf(context, asked);
    const sealed = connection?.access_token_ct ?? null;
    if (connection === undefined || sealed === null) throw new Error('provider connection unavailable');
    return { auth_mode: 'provider_oauth', provider_id: id, connection_id: connection.id, header: 'Authorization', token: `Bearer ${open(context.kek, sealed, ACCESS_TOKEN)}` };
  }
  if (kind === 'oauth2_client_credentials') return { auth_mode: 'provider_oauth', provider_id: id, header: 'Authorization', token: `Bearer ${await context.providers.token({ id, config })}` };
  const { api_key: apiKey, bearer_token: bearerToken } = await secretOf(context, zoneId, id);
  if (kind === 'api_key') {
    const { header_name: header } = configSchema.parse(config ?? {});
    if (header === undefined) throw new Error('provider api key header invalid');
    if (apiKey === '') throw new Error('provider api key missing');
    return { auth_mode: 'provider_apikey', provider_id: id, header, token: apiKey };
  }
  if (bearerToken === '') throw new Error('provider bearer token missing');
  return { auth_mode: 'provider_oauth', provider_id: id, header: 'Authorization', token: `Bearer ${bearerToken}` };
}

async function secretOf({ pool, kek }: StsContext, zoneId: string, providerId: string): Promise<z.infer<typeof secretSchema>> {
  const ref = secretRef(zoneId, providerId);
  try {
    const { rows: [row] } = await pool.query<{ envelope: Buffer }>('SELECT envelope FROM secret_store WHERE ref = $1', [ref]);
    return secretSchema.parse(row === undefined ? {} : JSON.parse(open(kek, row.envelope, ref)));
  } catch (error) {
    throw new Error('provider secret fetch failed', { cause: error });
  }
}

async function connectionOf({ pool }: StsContext, { zoneId, subject, provider }: { zoneId: string; subject: string; provider: Provider }): Promise<Connection | undefined> {
  const { rows } = await pool.query<Connection>(
    `SELECT id, access_token_ct, refresh_token_ct IS NOT NULL AS renewable, expires_at <= now() AS expired FROM provider_connections
     WHERE zone_id = $1 AND subject_id = $2 AND provider_id = $3 AND status = 'active'`, [zoneId, subject, provider.id],
  ).catch(() => ({ rows: [] }));
  return rows[0];
}
