import * as z from 'zod';
import { isClientSecret } from './client-secrets.ts';
import { messageOf } from './deadline.ts';
import { reasonOf, type Verdict } from './decision-contract.ts';
import { type Asking, deny, record, Refusal, type StsContext, withinLimit } from './sts-context.ts';
import { type Approving, consumedRefusal, type Hold, holdMetadata, presentedHold, recordUse, requiredHold, tiersOf, USABLE } from './sts-holds.ts';
import { directiveFor, mayBeInjected, type Provider, wantsUser } from './sts-providers.ts';

// What `caracal run` asks the STS (contract, request evidence 4.3 and 4.4; Caracal services/sts/internal/runmanifest.go and runcredential.go).
// Neither answer carries the request id, except in a hold.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const bindingsSchema = z.array(z.looseObject({ env: z.string(), resource: z.string(), scopes: z.array(z.string()).default([]) }));

export type RunRequest = { form: URLSearchParams; requestId: string; launchId: string };
type Workload = { id: string; name: string; zone_id: string; secret_hash: string; bindings: unknown };
type Binding = z.infer<typeof bindingsSchema>[number];
type Resource = { identifier: string; provider: Provider | null };

/** What a process is launched with. @throws Refusal */
export async function runManifest(context: StsContext, request: RunRequest): Promise<Record<string, unknown>> {
  const { workload, asking } = await authenticated(context, request, ['workload_id', 'secret'], 'run-manifest');
  const bindings = bindingsSchema.parse(workload.bindings ?? []);
  if (bindings.length === 0) throw new Refusal(404, 'resource_not_found', 'no credential bindings configured; define them for this workload on the Launcher page in the Caracal web console');
  record(asking, { type: 'run_launch', decision: 'allow', status: 'complete', metadata: { binding_count: bindings.length } });
  return { zone_id: workload.zone_id, workload_id: workload.id, bindings: workload.bindings };
}

/** One credential of a launch. @throws Refusal, Held */
export async function runCredential(context: StsContext, request: RunRequest): Promise<Record<string, unknown>> {
  const env = (request.form.get('env') ?? '').trim();
  const { workload, asking: plain } = await authenticated(context, request, ['workload_id', 'secret', 'env'], 'run-credential');
  const { zone_id: zoneId } = workload;
  const binding = bindingsSchema.parse(workload.bindings ?? []).find((candidate) => candidate.env === env);
  if (binding === undefined) throw new Refusal(404, 'resource_not_found', `no credential binding for env ${env}; define it for this workload on the Launcher page in the Caracal web console`);
  const asking: Asking = { ...plain, base: { ...plain.base, resource: binding.resource, env } };
  const provider = await injectable(asking, binding);
  const bundle = context.policy.info(zoneId);
  const approving: Approving = { ...asking, bound: { resources: [binding.resource], scopes: binding.scopes, principalId: workload.id, recordId: '', sessionId: '', edgeId: '', applicationId: '', bundle } };
  const presented = await presentedUnused(approving, (request.form.get('approval_id') ?? '').trim());
  const verdict = await verdictOf(approving, binding);
  const tiers = presented === undefined ? tiersOf(verdict.diagnostics) : [];
  const hold = tiers.length === 0 ? presented : await requiredHold(approving, tiers, { anchor: '', labels: [] }).catch((error: unknown) => {
    if (error instanceof Refusal && error.message.includes('separate')) deny(approving, 'approval_class_conflict');
    throw error;
  });
  if (verdict.decision === 'deny') throw new Refusal(403, 'access_denied', `policy denied (${reasonOf(verdict)})`);
  const credential = await credentialOf(approving, binding, provider);
  if (hold !== undefined) await use(approving, hold);
  return { env, credential };
}

/** The workload behind a secret; one that exists and has another secret leaves an event. */
async function authenticated(context: StsContext, { form, requestId, launchId }: RunRequest, fields: readonly string[], limit: string): Promise<{ workload: Workload; asking: Asking }> {
  const [id, secret] = [(form.get('workload_id') ?? '').trim(), form.get('secret') ?? ''];
  if (fields.some((field) => (form.get(field) ?? '').trim() === '')) {
    throw new Refusal(400, 'invalid_token', `${fields.slice(0, -1).join(', ')}${fields.length > 2 ? ',' : ''} and ${fields.at(-1) ?? ''} are required`);
  }
  if (!await withinLimit(context, `rl:${limit}:${id}`)) throw new Refusal(429, 'provider_rate_limited', 'rate limit exceeded');
  const { rows: [workload] } = await context.pool.query<Workload>('SELECT id, name, zone_id, secret_hash, bindings FROM workloads WHERE id = $1', [id]).catch(() => ({ rows: [] }));
  const asking: Asking = {
    context, zoneId: workload?.zone_id ?? '', requestId,
    base: { workload_id: id, workload_name: workload?.name ?? '', ...(UUID.test(launchId) ? { launch_id: launchId } : {}) },
  };
  if (workload !== undefined && await isClientSecret(secret, workload.secret_hash)) return { workload, asking };
  if (workload === undefined) context.log('warn', 'run authentication failed for unknown workload id', { workload_id: id, request_id: requestId });
  else record(asking, { type: 'run_launch', decision: 'deny', status: 'workload_auth_failed', metadata: {} });
  throw new Refusal(401, 'access_denied', 'invalid workload credentials');
}

/** The provider whose credential a process may have itself. */
async function injectable(asking: Asking, { resource: identifier }: Binding): Promise<Provider> {
  const { rows: [resource] } = await asking.context.pool.query<Resource>(
    `SELECT r.identifier, CASE WHEN p.id IS NOT NULL THEN json_build_object('id', p.id, 'kind', p.provider_kind, 'config', p.config_json) END AS provider
     FROM resources r LEFT JOIN providers p ON p.id = r.credential_provider_id AND p.archived_at IS NULL WHERE r.zone_id = $1 AND r.identifier = $2 AND r.archived_at IS NULL`, [asking.zoneId, identifier],
  ).catch(() => ({ rows: [] }));
  const refuse = (status: string, reason: string, description: string): never => {
    deny(asking, status, { reason });
    throw new Refusal(403, 'access_denied', description);
  };
  if (resource === undefined) {
    deny(asking, 'resource_not_found');
    throw new Refusal(404, 'resource_not_found', `resource ${identifier} not found in the workload's zone`);
  }
  const { provider } = resource;
  if (provider === null) return refuse('provider_unavailable', 'provider_not_found', 'credential provider unavailable');
  if (!mayBeInjected(provider)) refuse('credential_injection_denied', 'runtime_injection_not_allowed', `provider does not allow runtime credential injection for resource ${identifier}`);
  if (wantsUser(provider)) refuse('credential_not_provisioned', 'no_user_principal', `resource ${identifier} uses a user-consent provider; workload launches have no user principal`);
  return provider;
}

/** A launch has no second try: an approval that was used stays used. */
async function presentedUnused(approving: Approving, id: string): Promise<Hold | undefined> {
  if (id === '') return undefined;
  const hold = await presentedHold(approving, id);
  if (hold.state === 'consumed') throw consumedRefusal(approving, 'approval already used; another request consumed it');
  return hold;
}

async function verdictOf({ bound: { bundle, principalId }, ...asking }: Approving, { resource, scopes }: Binding): Promise<Verdict> {
  const { context, zoneId, requestId } = asking;
  try {
    const verdict = await context.policy.decide(zoneId, {
      principal: { type: 'Workload', id: principalId }, resource: { identifier: resource }, action: { id: 'CredentialInjection' },
      context: { requested_scopes: [...scopes] },
    });
    record(asking, {
      decision: verdict.decision, status: verdict.evaluation_status, policies: verdict.determining_policies, diagnostics: verdict.diagnostics, bundle, metadata: { requested_scopes: scopes },
    });
    return verdict;
  } catch (error) {
    context.log('error', 'policy evaluation failed', { request_id: requestId, zone_id: zoneId, error: messageOf(error) });
    record(asking, { decision: 'deny', status: 'policy_eval_failed', diagnostics: [{ error: messageOf(error) }], bundle, metadata: {} });
    throw new Refusal(503, 'policy_eval_failed', 'policy evaluation unavailable');
  }
}

/** The provider's own credential, without the scheme that a header would have. */
async function credentialOf(approving: Approving, { resource }: Binding, provider: Provider): Promise<string> {
  const { context, zoneId } = approving;
  try {
    const { token = '' } = await directiveFor(context, { zoneId, subject: '', provider });
    return token.replace(/^Bearer /, '');
  } catch (error) {
    deny(approving, 'provider_credential_unavailable', { reason: messageOf(error) });
    throw new Refusal(502, 'http_request_failed', `upstream credential for resource ${resource} is unavailable: ${messageOf(error)}`);
  }
}

async function use(approving: Approving, hold: Hold): Promise<void> {
  const { rowCount } = await approving.context.pool.query(`UPDATE step_up_challenges c SET consumed_at = now() WHERE c.id = $1 AND ${USABLE}`, [hold.id]);
  if (rowCount === 0) throw consumedRefusal(approving, 'approval no longer valid; another request may have consumed it', holdMetadata(hold));
  recordUse(approving, hold);
}
