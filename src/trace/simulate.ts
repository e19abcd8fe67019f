/** The simulation of a decision by Caracal: the one call of a trace that is no reading. It runs only after the user has agreed to the very call. */
import * as z from 'zod';
import type { Deployment } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import type { ReplayInput } from './replayInput.ts';

export interface SimulationRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the API answered, in its words; a decision only where the policy ran. */
export interface Simulated {
  readonly kind: 'simulated';
  readonly decision: string | undefined;
  readonly evaluation: string;
  readonly reason: string | undefined;
  readonly policies: readonly string[];
  readonly diagnostics: readonly Readonly<Record<string, unknown>>[];
  readonly warnings: readonly string[];
}

export type Simulation = Simulated | { readonly kind: 'refused'; readonly why: string };

/** The call that simulates an input against the version that decided. Nothing is activated by it. */
export function simulationRequest(zoneId: string, { policySetId, versionId, input }: ReplayInput): SimulationRequest {
  return { path: `/v1/zones/${encodeURIComponent(zoneId)}/policy-sets/${encodeURIComponent(policySetId)}/simulate`, body: { version_id: versionId, input } };
}

const answerSchema = z.object({
  warnings: z.array(z.string()).nullish().transform((value) => value ?? []),
  explanation: z.object({ evaluation: z.string(), decision: z.string().nullish(), reason: z.string().nullish() }),
  result: z.object({
    decision: z.string().nullish(),
    determining_policies: z.array(z.union([z.string(), z.object({ policy: z.string() }).transform(({ policy }) => policy)])).nullish().transform((value) => value ?? []),
    diagnostics: z.array(z.record(z.string(), z.unknown())).nullish().transform((value) => value ?? []),
  }).nullish(),
});
const errorSchema = z.object({ error: z.string() });
const tokenSchema = z.object({ capability: z.string(), scope: z.string(), zone_id: z.string().nullable(), revoked: z.boolean() });

/**
 * Simulates. A token that is known not to be able to is not sent, because the API writes a row to its admin audit for
 * each call that it refuses.
 *
 * @throws the signal's reason when it is aborted
 */
export async function simulate(deployment: Deployment, zoneId: string, { path, body }: SimulationRequest, signal: AbortSignal): Promise<Simulation> {
  try {
    const unable = await inability(deployment, zoneId, signal);
    if (unable !== undefined) return { kind: 'refused', why: unable };
    const { status, body: answer } = await deployment.http('api').simulate({ path, body, signal });
    return readAnswer(status, answer);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refused || error instanceof Unavailable) return { kind: 'refused', why: error.message };
    throw error;
  }
}

/** Why the admin token cannot simulate; undefined where it can, or where nobody can tell. */
async function inability(deployment: Deployment, zoneId: string, signal: AbortSignal): Promise<string | undefined> {
  const digest = await deployment.tokenSha256('admin');
  let token: z.infer<typeof tokenSchema> | undefined;
  try {
    const [row] = await deployment.postgres().query(`SELECT capability, scope, zone_id, revoked_at IS NOT NULL AS revoked FROM admin_tokens WHERE token_sha256 = decode($1, 'hex') ORDER BY revoked_at IS NOT NULL LIMIT 1`, [digest], signal);
    if (row === undefined) return 'the admin token is not one of this deployment';
    token = tokenSchema.parse(row);
  } catch (error) {
    if (error instanceof Refused || error instanceof Unavailable) return undefined;
    throw error;
  }
  if (token.revoked) return 'the admin token is revoked';
  if (token.capability !== 'write') return `the admin token may only ${token.capability}, and a simulation needs one that may write`;
  return token.scope === 'zone' && token.zone_id !== zoneId ? 'the admin token is of another zone' : undefined;
}

/** Contract request-evidence 1.3 and 2.6. */
const refusals: Readonly<Record<string, string>> = {
  admin_token_read_only: 'the admin token may only read, and a simulation needs one that may write', admin_token_approve_only: 'the admin token may only approve, and a simulation needs one that may write',
  admin_token_zone_mismatch: 'the admin token is of another zone', invalid_admin_token: 'the admin token is not live', system_zone_read_only: 'the system zone takes no simulation', rate_limited: 'the API has had too many calls in this minute; try again in the next one',
  version_not_found: 'the version that decided is not there any more', invalid_policy_contract: 'the policies of this version do not fit the contract of the platform',
};

function readAnswer(status: number, text: string): Simulation {
  const json = jsonOf(text);
  if (status !== 200) {
    const { error = 'no error code' } = errorSchema.safeParse(json).data ?? {};
    return { kind: 'refused', why: `${refusals[error] ?? 'the API refused it'} (${status} ${error})` };
  }
  const read = answerSchema.safeParse(json);
  if (!read.success) return { kind: 'refused', why: 'the answer of the API is not one of a simulation' };
  const { warnings, explanation: { evaluation, decision, reason }, result } = read.data;
  return { kind: 'simulated', decision: result?.decision ?? decision ?? undefined, evaluation, reason: reason ?? undefined, policies: result?.determining_policies ?? [], diagnostics: result?.diagnostics ?? [], warnings };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
