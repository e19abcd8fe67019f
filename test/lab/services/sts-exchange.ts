import type { Pool } from 'pg';
import { uuidv7 } from '../stores/identifiers.ts';
import type { AuditProducer } from './audit-producer.ts';
import { isClientSecret } from './client-secrets.ts';
import { messageOf } from './deadline.ts';
import type { GoRedis } from './go-redis.ts';
import type { Log } from './logging.ts';
import { type Claims, issue, peek, verificationKey, verified } from './mandates.ts';
import type { Decision, PolicyEngine } from './policy-engine.ts';
import type { ProviderTokens } from './provider-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';

const MANDATE_SECONDS = 900;
const LEEWAY_SECONDS = 60;
const AUTH_FAILURES_PER_MINUTE = 60;
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export type ExchangeContext = {
  pool: Pool; redis: GoRedis; policy: PolicyEngine; keys: SigningKeys; providers: ProviderTokens; audit: AuditProducer; issuer: string;
  mintLimitPerMinute: number; log: Log; counters: { traversals: number; traversalErrors: number };
};
export type ExchangeRequest = {
  form: URLSearchParams; requestId: string;
  /** Whether the request carries a genuine signature of the Gateway. */
  fromGateway: boolean;
};
export type ExchangeOutcome =
  | { status: 200; body: Record<string, unknown> }
  | { status: number; error: string; description: string };

type Application = { id: string; name: string; registration_method: string; client_secret_hash: string | null };
type Resource = {
  id: string; identifier: string; upstream_url: string | null; scopes: string[]; operation_enforcement: string;
  provider_id: string; provider_kind: string; provider_config: unknown;
  operations: { method: string; path: string; scope: string }[];
};
type Governance = { sessionId: string; edge: Edge; lifecycle: string; labels: string[]; depth: number; parentId: string | null };
type Edge = { id: string; source_session_id: string; source_application: string; resource_id: string | null; scopes: string[] };
type Kind = 'bootstrap' | 'mint' | 'use';
/** All that the refusals and events of one exchange need. */
type Exchange = ExchangeRequest & {
  context: ExchangeContext; zoneId: string; application: Application; subject: Claims | undefined; scopes: string[]; kind: Kind;
  governance: Governance | undefined; base: Record<string, unknown>;
};

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, description: string) {
    super(description);
    this.status = status;
    this.code = code;
  }
}

/**
 * `POST /oauth/2/token` for the exchanges that traffic uses: bootstrap, mint and use. Refusals come
 * in Caracal's order, with its codes, texts and audit trace (contract, request evidence 4.4).
 */
export async function exchange(context: ExchangeContext, request: ExchangeRequest): Promise<ExchangeOutcome> {
  try {
    return { status: 200, body: await grant(await identify(context, request)) };
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, error: error.code, description: error.message };
    context.log('error', 'token issuance failed', { request_id: request.requestId, error: messageOf(error) });
    return { status: 500, error: 'internal_error', description: 'token issuance failed' };
  }
}

/** Who asks, on whose behalf, and within which Session and Delegation. */
async function identify(context: ExchangeContext, request: ExchangeRequest): Promise<Exchange> {
  const { form, fromGateway } = request;
  if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange') throw new Refusal(400, 'invalid_token', 'unsupported grant_type');
  const zoneId = form.get('zone_id') ?? '';
  const applicationId = form.get('application_id') ?? '';
  await limitFailures(context, applicationId);
  const application = await authenticate(context, { zoneId, applicationId, secret: form.get('client_secret') ?? '', fromGateway });
  if (form.getAll('resource').length === 0) throw new Refusal(400, 'invalid_token', 'at least one resource is required');
  await context.pool.query('SELECT now()').catch(() => {
    throw new Refusal(503, 'sts_unavailable', 'trusted time unavailable');
  });
  const subjectToken = form.get('subject_token');
  const subject = subjectToken === null ? undefined : await subjectOf(context, { token: subjectToken, type: form.get('subject_token_type'), zoneId, application, fromGateway });
  const scopes = fromGateway ? (subject?.scope ?? '').split(' ').filter(Boolean) : (form.get('scope') ?? '').split(' ').filter(Boolean);
  const sessionId = form.get('agent_session_id') ?? subject?.agent_session_id;
  const edgeId = form.get('delegation_edge_id') ?? subject?.delegation_edge_id;
  const governance = edgeId === undefined ? undefined : await governanceOf(context, { zoneId, application, sessionId, edgeId, scopes });
  const bootstrap = !fromGateway && sessionId === undefined && scopes.join(' ') === 'agent:lifecycle';
  return {
    ...request, context, zoneId, application, subject, scopes, governance, kind: fromGateway ? 'use' : bootstrap ? 'bootstrap' : 'mint',
    base: { application_id: application.id, application_name: application.name, application_registration_method: application.registration_method },
  };
}

async function limitFailures({ redis }: ExchangeContext, applicationId: string): Promise<void> {
  const key = `auth-rl:${applicationId}`;
  const failures = await redis.run((client) => client.get(key)).catch(() => {
    throw new Refusal(429, 'provider_rate_limited', 'authentication rate limit unavailable');
  });
  if (Number(failures ?? 0) >= AUTH_FAILURES_PER_MINUTE) throw new Refusal(429, 'provider_rate_limited', 'authentication rate limit exceeded');
}

/** A Postgres error looks like wrong credentials, as in the real service (contract, readiness 4.10). */
async function authenticate(
  { pool, redis }: ExchangeContext, caller: { zoneId: string; applicationId: string; secret: string; fromGateway: boolean },
): Promise<Application> {
  const { zoneId, applicationId, secret, fromGateway } = caller;
  const found = await pool.query<Application & { zone_id: string }>(
    `SELECT id, name, registration_method, client_secret_hash, zone_id FROM applications
     WHERE id = $1 AND archived_at IS NULL AND (expires_at IS NULL OR expires_at > now())`, [applicationId],
  ).catch(() => ({ rows: [] }));
  const application = found.rows[0];
  const genuine = application !== undefined && (fromGateway || await isClientSecret(secret, application.client_secret_hash ?? ''));
  if (application !== undefined && genuine && application.zone_id === zoneId) return application;
  if (application !== undefined && genuine && zoneId !== '') {
    throw new Refusal(403, 'zone_invalid', `application is registered in zone ${application.zone_id} but the request targeted zone ${zoneId}`);
  }
  await redis.run(async (client) => {
    if (await client.incr(`auth-rl:${applicationId}`) === 1) await client.expire(`auth-rl:${applicationId}`, 60);
  }).catch(() => undefined);
  throw new Refusal(401, 'access_denied', 'invalid client credentials');
}

async function subjectOf(
  context: ExchangeContext,
  presented: { token: string; type: string | null; zoneId: string; application: Application; fromGateway: boolean },
): Promise<Claims> {
  const { token, type, zoneId, application, fromGateway } = presented;
  if (type !== ACCESS_TOKEN) throw new Refusal(400, 'invalid_token', 'unsupported subject_token_type');
  const kid = peek(token)?.kid;
  const { keys } = await context.keys.published(zoneId).catch(() => ({ keys: [] }));
  const key = keys.find((candidate) => candidate.kid === kid);
  const claims = key === undefined ? undefined : verified(token, verificationKey(key));
  const right = claims?.iss === context.issuer && claims.zone_id === zoneId && claims.exp + LEEWAY_SECONDS > Date.now() / 1000
    && claims.use === (fromGateway ? 'gateway' : 'session');
  if (claims === undefined || !right) throw new Refusal(401, 'invalid_token', 'invalid subject_token');
  const record = await context.pool.query<{ live: boolean }>(
    "SELECT status = 'active' AND expires_at > now() AS live FROM authority_records WHERE id = $1 AND zone_id = $2", [claims.sid, zoneId],
  ).catch(() => ({ rows: [] }));
  if (record.rows[0]?.live !== true) throw new Refusal(403, 'access_denied', 'authority record inactive or expired');
  if (claims.client_id !== application.id) throw new Refusal(403, 'access_denied', 'authority record client mismatch');
  return claims;
}

/** Liveness of Session and Delegation by the database's clock (contract, request evidence 12.4). */
async function governanceOf(
  { pool, counters }: ExchangeContext,
  asked: { zoneId: string; application: Application; sessionId: string | undefined; edgeId: string; scopes: string[] },
): Promise<Governance> {
  const { zoneId, application, sessionId, edgeId, scopes } = asked;
  counters.traversals += 1;
  const live = (alias: string): string => `(${alias}.status = 'active' AND CASE ${alias}.lifecycle
    WHEN 'service' THEN ${alias}.heartbeat_deadline_at > now()
    ELSE ${alias}.started_at + make_interval(secs => ${alias}.ttl_seconds) > now() END)`;
  const { rows } = await pool.query<{
    id: string; source_session_id: string; target_session_id: string; source_application: string; target_application: string;
    resource_id: string | null; scopes: string[]; edge_live: boolean; source_live: boolean; target_live: boolean;
    lifecycle: string; labels: string[]; depth: number; parent_id: string | null;
  }>(
    `SELECT e.id, e.source_session_id, e.target_session_id, e.resource_id, e.scopes, e.issuer_application_id AS source_application,
            e.receiver_application_id AS target_application, t.lifecycle, t.labels, t.depth, t.parent_id,
            e.status = 'active' AND e.expires_at > now() AS edge_live, ${live('s')} AS source_live, ${live('t')} AS target_live
     FROM delegation_edges e JOIN sessions s ON s.id = e.source_session_id JOIN sessions t ON t.id = e.target_session_id
     WHERE e.id = $1 AND e.zone_id = $2`, [edgeId, zoneId],
  ).catch(() => {
    counters.traversalErrors += 1;
    return { rows: [] };
  });
  const edge = rows[0];
  const refuse = (description: string): never => {
    throw new Refusal(403, 'access_denied', description);
  };
  if (sessionId === undefined) return refuse('delegation requires a target Session');
  if (edge?.edge_live !== true) return refuse('delegation edge inactive or expired');
  if (edge.target_session_id !== sessionId) return refuse('delegation edge target mismatch');
  if (!edge.source_live) return refuse('delegation source inactive or expired');
  if (!edge.target_live || edge.target_application !== application.id) return refuse('delegation target inactive or unauthorized');
  if (scopes.some((scope) => !edge.scopes.includes(scope))) return refuse('requested scopes exceed delegation scopes');
  return { sessionId, edge, lifecycle: edge.lifecycle, labels: edge.labels, depth: edge.depth, parentId: edge.parent_id };
}

/** Asks for every resource and signs a mandate for those that were granted. */
async function grant(exchange: Exchange): Promise<Record<string, unknown>> {
  const asked = [...new Set(exchange.form.getAll('resource').map((identifier) => identifier.trim()))].sort();
  const granted: Resource[] = [];
  let reason = '';
  for (const identifier of asked) {
    const resource = await admitted(exchange, identifier);
    if (resource === undefined) continue;
    const decision = await decisionOf(exchange, identifier);
    record(exchange, decisionEvent(exchange, identifier, decision));
    if (decision.allowed) granted.push(resource);
    else reason = decision.reason;
  }
  if (granted.length === 0) {
    record(exchange, { decision: 'deny', status: 'exchange_denied', diagnostics: null, metadata: { requested: asked } });
    throw new Refusal(403, 'access_denied', reason === '' ? 'policy denied' : `policy denied (${reason})`);
  }
  return mandate(exchange, granted);
}

/** What the policy says; a policy that cannot be loaded refuses the whole exchange. */
async function decisionOf(exchange: Exchange, resource: string): Promise<Decision> {
  const { context, zoneId, application, scopes, kind, governance, requestId } = exchange;
  try {
    return await context.policy.decide({ zoneId, applicationId: application.id, resource, scopes, kind, governed: governance !== undefined });
  } catch (error) {
    context.log('error', 'policy evaluation failed', { request_id: requestId, zone_id: zoneId, resource, error: messageOf(error) });
    record(exchange, { decision: 'deny', status: 'policy_eval_failed', diagnostics: null, metadata: { resource } });
    throw new Refusal(503, 'policy_eval_failed', 'policy evaluation unavailable');
  }
}

/** The resource, if nothing before the policy speaks against it. */
async function admitted(exchange: Exchange, identifier: string): Promise<Resource | undefined> {
  const { context, zoneId, scopes, governance, form } = exchange;
  const deny = (status: string, metadata: Record<string, unknown> = {}): undefined => {
    record(exchange, { decision: 'deny', status, diagnostics: null, metadata: { resource: identifier, ...metadata } });
    return undefined;
  };
  const found = await context.pool.query<Resource>(
    `SELECT r.id, r.identifier, r.upstream_url, r.scopes, r.operation_enforcement, r.operations, p.id AS provider_id,
            p.provider_kind, p.config_json AS provider_config
     FROM resources r JOIN providers p ON p.id = r.credential_provider_id
     WHERE r.zone_id = $1 AND r.identifier = $2 AND r.archived_at IS NULL`, [zoneId, identifier],
  ).catch(() => ({ rows: [] }));
  const resource = found.rows[0];
  if (resource === undefined) return deny('resource_not_found');
  const declared = resource.upstream_url === null ? resource.scopes : [...resource.scopes, 'agent:lifecycle'];
  if (scopes.some((scope) => !declared.includes(scope))) return deny('scope_mismatch');
  if (governance !== undefined && governance.edge.resource_id !== null && governance.edge.resource_id !== resource.id) {
    return deny('resource_outside_delegation', { delegation_edge_id: governance.edge.id });
  }
  if (exchange.fromGateway && resource.operation_enforcement === 'enforced') {
    const [method, path] = [form.get('request_method') ?? '', form.get('request_path') ?? ''];
    const operation = resource.operations.find((candidate) => candidate.method === method && candidate.path === path);
    if (operation === undefined || !scopes.includes(operation.scope)) {
      deny('operation_not_permitted', { method, path });
      const text = operation === undefined ? 'is not declared on resource' : `requires scope ${operation.scope} on resource`;
      throw new Refusal(403, 'operation_not_permitted', `operation ${method} ${path} ${text} ${identifier}`);
    }
  }
  return await withinMintLimit(exchange, resource) ? resource : deny('rate_limited');
}

/** Fails closed: without Redis nothing is minted (contract, storage 8). */
async function withinMintLimit({ context, zoneId, application }: Exchange, resource: Resource): Promise<boolean> {
  const key = `rl:${zoneId}:${resource.id}:${application.id}`;
  try {
    return await context.redis.run(async (client) => {
      const count = await client.incr(key);
      if (count === 1) await client.expire(key, 60);
      return count <= context.mintLimitPerMinute;
    });
  } catch {
    return false;
  }
}

async function mandate(exchange: Exchange, granted: readonly Resource[]): Promise<Record<string, unknown>> {
  const { context, zoneId, application, subject, scopes, governance, kind } = exchange;
  const target = granted.map(({ identifier }) => identifier);
  const sid = uuidv7();
  const now = Math.floor(Date.now() / 1000);
  await context.pool.query(
    `INSERT INTO authority_records (id, zone_id, session_type, subject_id, expires_at, authenticated_at, claims_json)
     VALUES ($1, $2, 'application', $3, now() + make_interval(secs => $4), now(), '{}')`, [sid, zoneId, application.id, MANDATE_SECONDS],
  ).catch(() => {
    throw new Refusal(500, 'internal_error', 'authority record creation failed');
  });
  const claims: Claims = {
    iss: context.issuer, sub: application.id, aud: kind === 'use' ? target : [context.issuer], exp: now + MANDATE_SECONDS, iat: now,
    jti: uuidv7(), zone_id: zoneId, client_id: application.id, ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    sid, root_sid: subject?.root_sid ?? sid, use: kind === 'bootstrap' ? 'session' : kind === 'mint' ? 'gateway' : 'resource',
    sub_type: 'application', target,
    ...(governance === undefined ? {} : {
      agent_session_id: governance.sessionId, delegation_edge_id: governance.edge.id,
      source_session_id: governance.edge.source_session_id, target_session_id: governance.sessionId,
      delegation_path: [governance.edge.id], delegation_chain: delegationChain(exchange, governance), hop_count: 1,
    }),
  };
  await registerJti(exchange, claims.jti);
  const token = issue(claims, await context.keys.forSigning(zoneId));
  if (kind === 'use') for (const resource of granted) await upstreamCredential(exchange, resource);
  return {
    access_token: token, token_type: 'Bearer', expires_in: MANDATE_SECONDS, ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    issued_token_type: ACCESS_TOKEN, target_resources: target,
    ...(kind === 'use' ? { upstreams: Object.fromEntries(granted.map((resource) => [resource.identifier, { url: resource.upstream_url ?? '', auth_mode: authMode(resource) }])) } : {}),
  };
}

/** A new mandate's id must be new (contract, storage 8). */
async function registerJti(exchange: Exchange, jti: string): Promise<void> {
  const { context, application, requestId } = exchange;
  const stored = await context.redis.run((client) => client.set(
    `audit:jti:${jti}`, `${application.id}|${String(Math.floor(Date.now() / 1000))}`, 'EX', MANDATE_SECONDS, 'NX',
  )).catch((error: unknown) => {
    context.log('error', 'jti registry write failed', { request_id: requestId, error: messageOf(error) });
    throw new Refusal(500, 'internal_error', 'token issuance failed');
  });
  if (stored === 'OK') return;
  record(exchange, { decision: 'deny', status: 'anomaly', type: 'jti_collision', diagnostics: null, metadata: { jti, app_id: application.id, request_id: requestId } });
  throw new Refusal(500, 'internal_error', 'token issuance failed');
}

/** The policy said yes; a credential that cannot be had refuses all the same (contract, request evidence 4.4, row 36). */
async function upstreamCredential(exchange: Exchange, resource: Resource): Promise<void> {
  if (resource.provider_kind !== 'oauth2_client_credentials') return;
  try {
    await exchange.context.providers.token({ id: resource.provider_id, config: resource.provider_config });
  } catch (error) {
    record(exchange, {
      decision: 'deny', status: 'provider_credential_unavailable', diagnostics: null, metadata: { resource: resource.identifier, reason: messageOf(error) },
    });
    throw new Refusal(502, 'http_request_failed', `upstream credential for resource ${resource.identifier} is unavailable: ${messageOf(error)}`);
  }
}

function authMode({ provider_kind: kind }: Resource): string {
  if (kind === 'caracal_mandate') return 'caracal_jwt';
  return kind === 'api_key' ? 'provider_apikey' : kind.startsWith('oauth2') ? 'provider_oauth' : 'none';
}

type EventPart = {
  decision: 'allow' | 'deny'; status: string; type?: string; diagnostics: unknown; policies?: unknown; metadata: Record<string, unknown>;
  versionId?: string; manifestSha?: string;
};

/** Metadata of an event that the policy decided (contract, request evidence 7.3). */
function decisionEvent(exchange: Exchange, resource: string, decision: Decision): EventPart {
  const { governance, subject, kind, scopes } = exchange;
  return {
    decision: decision.allowed ? 'allow' : 'deny', status: 'complete', diagnostics: decision.allowed ? [] : [{ reason: decision.reason }],
    policies: decision.policies, versionId: decision.policySetVersionId, manifestSha: decision.manifestSha,
    metadata: {
      resource, requested_scopes: kind === 'use' ? [] : scopes, session_id: subject?.sid ?? '', agent_session_id: governance?.sessionId ?? '',
      delegation_edge_id: governance?.edge.id ?? '', subject_kind: 'application',
      ...(governance === undefined ? {} : {
        agent_lifecycle: governance.lifecycle, agent_labels: governance.labels, agent_depth: governance.depth,
        ...(governance.parentId === null ? {} : { agent_parent_id: governance.parentId }),
        delegation_chain: delegationChain(exchange, governance), delegation_hop_count: 1,
      }),
    },
  };
}

function delegationChain({ application }: Exchange, { sessionId, edge }: Governance): Record<string, string>[] {
  return [
    { application_id: edge.source_application, agent_session_id: edge.source_session_id, delegation_edge_id: edge.id },
    { application_id: application.id, agent_session_id: sessionId, delegation_edge_id: '' },
  ];
}

function record({ context, zoneId, requestId, base }: Exchange, part: EventPart): void {
  context.audit.emit({
    id: uuidv7(), zone_id: zoneId, event_type: part.type ?? 'token_exchange', request_id: requestId, decision: part.decision,
    policy_set_version_id: part.versionId ?? '', manifest_sha: part.manifestSha ?? '', evaluation_status: part.status,
    determining_policies_json: part.policies ?? null, diagnostics_json: part.diagnostics, metadata_json: { ...base, ...part.metadata },
    occurred_at: new Date().toISOString(),
  });
}
