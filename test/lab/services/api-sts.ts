import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from './deadline.ts';
import { GATEWAY_HEADERS, signGatewayRequest } from './gateway-signature.ts';

const TIMEOUT_MS = 30_000;

const statusSchema = z.object({
  loaded: z.boolean().default(false), zone_id: z.string().optional(), policy_set_version_id: z.string().optional(),
  manifest_sha256: z.string().optional(), loaded_at: z.string().optional(), age_seconds: z.number().optional(),
});
const errorSchema = z.object({ detail: z.string().optional(), error: z.string().optional() });

export type StsPolicyStatus = { state: string; detail?: string } & Partial<z.infer<typeof statusSchema>>;

/** What one replica of the STS has loaded for a zone, asked with the Gateway's key (Caracal apps/api/src/routes/policy-sets.ts:735). */
export async function policyStatusOfSts({ url, key }: { url: string; key: Buffer | undefined }, zoneId: string): Promise<StsPolicyStatus> {
  if (key === undefined) return { state: 'not_configured', detail: 'GATEWAY_STS_HMAC_KEY is not configured' };
  const path = `/internal/policy/status/${encodeURIComponent(zoneId)}`;
  const envelope = { timestamp: String(Math.floor(Date.now() / 1000)), nonce: randomUUID(), method: 'GET', path, body: '' };
  let response: Response;
  try {
    response = await fetch(new URL(path, url), {
      headers: {
        [GATEWAY_HEADERS.timestamp]: envelope.timestamp, [GATEWAY_HEADERS.nonce]: envelope.nonce,
        [GATEWAY_HEADERS.signature]: signGatewayRequest(key, envelope),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    return { state: 'unreachable', detail: messageOf(error) };
  }
  let payload: unknown;
  try {
    payload = await response.json();
  } catch (error) {
    return { state: 'failed', detail: `invalid STS response: ${messageOf(error)}` };
  }
  if (!response.ok) {
    const told = errorSchema.safeParse(payload).data;
    return { state: 'failed', detail: told?.detail ?? told?.error ?? String(response.status) };
  }
  const { loaded, zone_id, policy_set_version_id, manifest_sha256, loaded_at, age_seconds } = statusSchema.parse(payload);
  return {
    state: loaded ? 'loaded' : 'not_loaded', loaded,
    ...(zone_id === undefined ? {} : { zone_id }), ...(policy_set_version_id === undefined ? {} : { policy_set_version_id }),
    ...(manifest_sha256 === undefined ? {} : { manifest_sha256 }), ...(loaded_at === undefined ? {} : { loaded_at }),
    ...(age_seconds === undefined ? {} : { age_seconds }),
  };
}
