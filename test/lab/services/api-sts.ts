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
  let response: Response;
  try {
    response = await signed({ url, key }, { method: 'GET', path: `/internal/policy/status/${encodeURIComponent(zoneId)}`, body: '' });
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

export type Simulation = { warnings: string[]; explanation: Record<string, unknown>; result: unknown };

/** A dry run in one replica of the STS; undefined without a key. Of a refusal only the code is kept, not what it says (contract, request evidence 2.6). */
export async function simulationOfSts({ url, key }: { url: string; key: Buffer | undefined }, request: Record<string, unknown>): Promise<Simulation | undefined> {
  if (key === undefined) return undefined;
  const failed = (warning: string, reason: string): Simulation => ({ warnings: [warning], explanation: { evaluation: 'failed', reason }, result: null });
  let response: Response;
  try {
    response = await signed({ url, key }, { method: 'POST', path: '/internal/policy/simulate', body: JSON.stringify(request) });
  } catch (error) {
    return failed(`sts_simulation_unreachable:${messageOf(error)}`, 'STS simulation endpoint is unreachable');
  }
  let payload: { error?: string; detail?: string; version_id?: string; manifest_sha256?: string; result?: { decision?: string } };
  try {
    payload = await response.json() as typeof payload;
  } catch (error) {
    return failed(`sts_simulation_invalid_response:${messageOf(error)}`, 'STS simulation returned an unparseable response');
  }
  if (!response.ok) return failed(`sts_simulation_failed:${payload.error ?? String(response.status)}`, payload.detail ?? payload.error ?? 'STS simulation failed');
  return {
    warnings: [], result: payload.result ?? null,
    explanation: {
      evaluation: 'executed', decision: payload.result?.decision, policy_set_version_id: payload.version_id, manifest_sha256: payload.manifest_sha256,
      reason: 'OPA evaluated the supplied input through the STS runtime engine without mutating active policy bindings',
    },
  };
}

/** A call under the Gateway's key. @throws Error of the network */
function signed({ url, key }: { url: string; key: Buffer }, { method, path, body }: { method: string; path: string; body: string }): Promise<Response> {
  const envelope = { timestamp: String(Math.floor(Date.now() / 1000)), nonce: randomUUID(), method, path, body };
  return fetch(new URL(path, url), {
    method, ...(body === '' ? {} : { body }), signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      ...(body === '' ? {} : { 'content-type': 'application/json' }), [GATEWAY_HEADERS.timestamp]: envelope.timestamp, [GATEWAY_HEADERS.nonce]: envelope.nonce,
      [GATEWAY_HEADERS.signature]: signGatewayRequest(key, envelope),
    },
  });
}
