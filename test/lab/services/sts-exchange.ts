import { uuidv7 } from '../stores/identifiers.ts';
import { isClientSecret } from './client-secrets.ts';
import { messageOf } from './deadline.ts';
import { type PolicyInput, reasonOf, type Tier, type Verdict } from './decision-contract.ts';
import { type Claims, issue } from './mandates.ts';
import type { BundleInfo } from './policy-engine.ts';
import { type Asking, deny, record, Refusal, type StsContext, withinLimit } from './sts-context.ts';
import { type Delegation, type Governance, governanceOf, lifeWithin } from './sts-governance.ts';
import { consumedRefusal, Held, type Hold, holdMetadata, presentedHold, recordUse, reissuable, requiredHold, tiersOf, USABLE } from './sts-holds.ts';
import { connectionTrouble, directiveFor, type Provider, wantsUser } from './sts-providers.ts';
import { assertRecord, federatedSubject, mandateClaims } from './sts-subjects.ts';

/** Seconds of a mandate's life: of one that nobody asked otherwise for, and the most of one for a session. */
const MANDATE_SECONDS = 900;
const SESSION_MANDATE_SECONDS = 3600;
const AUTH_FAILURES_PER_MINUTE = 60;
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const UNSUPPORTED = {
  actor_token: 'actor_token is not supported: authenticate the acting application with its own client credentials',
  client_assertion: 'client_assertion is not supported: use client_secret', client_assertion_type: 'client_assertion_type is not supported: use client_secret',
};
/** Identifier of the resource for which control keys mint. */
const CONTROL_RESOURCE = 'caracal-control';

export type ExchangeRequest = {
  form: URLSearchParams; requestId: string;
  /** Whether the request carries a genuine signature of the Gateway. */
  fromGateway: boolean;
};
export type ExchangeOutcome =
  | { status: 200; body: Record<string, unknown> }
  | { status: 401; hold: Hold }
  | { status: number; error: string; description: string };

type Application = { id: string; name: string; registration_method: string; client_secret_hash: string | null; traits: string[] };
type Resource = {
  id: string; identifier: string; upstream_url: string | null; scopes: string[]; operation_enforcement: string; provider: Provider | null;
  operations: { method: string; path: string; scope: string }[];
};
/** What the application asks for. */
type Exchange = Asking & ExchangeRequest & {
  application: Application; resources: string[]; scopes: string[]; ttlSeconds: number; subject: Claims | undefined;
  recordId: string; sessionId: string; edgeId: string; governance: Governance; bundle: BundleInfo; now: Date;
};
type Granted = {
  resources: Resource[]; tiers: Tier[]; byControlKey: boolean;
  /** The policy's first reason against a resource, and the last refusal for want of a user's credential. */
  reason: string; providerRefusal: Refusal | undefined;
};

/**
 * `POST /oauth/2/token`. Refusals come in Caracal's order, with its codes, texts and audit trace (contract,
 * request evidence 4.4): an event that allows is written before much that can still refuse.
 */
export async function exchange(context: StsContext, request: ExchangeRequest): Promise<ExchangeOutcome> {
  try {
    return { status: 200, body: await answerTo(context, request) };
  } catch (error) {
    if (error instanceof Held) return { status: 401, hold: error.hold };
    if (error instanceof Refusal) return { status: error.status, error: error.code, description: error.message };
    context.log('error', 'token issuance failed', { request_id: request.requestId, error: messageOf(error) });
    return { status: 500, error: 'internal_error', description: 'token issuance failed' };
  }
}

async function answerTo(context: StsContext, request: ExchangeRequest): Promise<Record<string, unknown>> {
  const { form, requestId, fromGateway } = request;
  const { resources, ttlSeconds } = checkedForm(form);
  const zoneId = form.get('zone_id') ?? '';
  const applicationId = (form.get('application_id') ?? '').trim();
  if (!fromGateway) await limitFailures(context, applicationId);
  const application = await authenticate(context, { zoneId, applicationId, secret: form.get('client_secret') ?? '', fromGateway });
  const base = { application_id: application.id, application_name: application.name, application_registration_method: application.registration_method };
  const asking: Asking = { context, zoneId, requestId, base };
  if (form.get('subject_token_type') === ID_TOKEN) return federate(asking, { form, application, resources, ttlSeconds });
  if (resources.length === 0) throw new Refusal(400, 'invalid_token', 'at least one resource is required');
  const now = await databaseTime(context);
  const token = form.get('subject_token') ?? '';
  const subject = token === '' ? undefined : await mandateClaims(context, token, { zoneId, use: fromGateway ? 'gateway' : 'session' });
  if (token !== '' && subject === undefined) throw new Refusal(401, 'invalid_token', 'invalid subject_token');
  if (subject !== undefined) await assertRecord(context, subject, { zoneId, applicationId: application.id, recordId: form.get('session_id') ?? '' });
  const [sessionId, edgeId] = governed(form, subject);
  const recordId = subject?.sid ?? form.get('session_id') ?? '';
  const scopes = words(form.get('scope'));
  const bundle = context.policy.info(zoneId);
  const bound = { resources, scopes, principalId: subject?.sub ?? application.id, recordId, sessionId, edgeId, applicationId: application.id, bundle };
  const approvalId = form.get('approval_id') ?? '';
  const presented = approvalId === '' ? undefined : await usableHold({ ...asking, bound }, approvalId);
  const governance = await governanceOf(context, {
    zoneId, applicationId: application.id, recordId, sessionId, edgeId, scopes, ttlSeconds, subject: subject === undefined ? 'none' : subject.use === 'session' ? 'session' : 'gateway',
  });
  const exchanging: Exchange = { ...asking, ...request, application, resources, scopes, ttlSeconds, subject, recordId, sessionId, edgeId, governance, bundle, now };
  const granted = await grantOf(exchanging, presented !== undefined);
  const hold = presented ?? (granted.tiers.length === 0 ? undefined : {
    approved: await requiredHold({ ...asking, bound }, granted.tiers, { anchor: anchorOf(exchanging), labels: governance.session?.labels ?? [] }),
  });
  if (granted.resources.length === 0) throw refusedEverywhere(exchanging, granted);
  return mandate(exchanging, granted, hold);
}

/** Rows 2 of the table: what can be said of the form alone. */
function checkedForm(form: URLSearchParams): { resources: string[]; ttlSeconds: number } {
  const refuse = (description: string): never => {
    throw new Refusal(400, 'invalid_token', description);
  };
  for (const [field, text] of Object.entries(UNSUPPORTED)) if (form.has(field)) refuse(text);
  const ttl = form.get('ttl_seconds') ?? '';
  if (!/^[+-]?\d*$/.test(ttl)) refuse('invalid ttl_seconds');
  const resources = form.getAll('resource').map((identifier) => identifier.trim());
  if (resources.includes('')) refuse('resource must not be empty');
  if (form.get('grant_type') !== GRANT_TYPE) refuse('unsupported grant_type');
  const [token, type] = [form.get('subject_token') ?? '', form.get('subject_token_type') ?? ''];
  if (!['', ACCESS_TOKEN, ID_TOKEN].includes(type)) refuse('unsupported subject_token_type');
  if (token !== '' && type === '') refuse('subject_token_type is required with subject_token');
  if (token === '' && type !== '') refuse('subject_token is required with subject_token_type');
  return { resources: [...new Set(resources)].sort(), ttlSeconds: Number(ttl) };
}

async function limitFailures({ redis }: StsContext, applicationId: string): Promise<void> {
  const key = `auth-rl:${applicationId}`;
  const failures = await redis.run((client) => client.get(key)).catch(() => {
    throw new Refusal(429, 'provider_rate_limited', 'authentication rate limit unavailable');
  });
  if (Number(failures ?? 0) >= AUTH_FAILURES_PER_MINUTE) throw new Refusal(429, 'provider_rate_limited', 'authentication rate limit exceeded');
}

/** A Postgres error looks like wrong credentials, as in the real service (contract, readiness 4.10). */
async function authenticate(
  { pool, redis }: StsContext, caller: { zoneId: string; applicationId: string; secret: string; fromGateway: boolean },
): Promise<Application> {
  const { zoneId, applicationId, secret, fromGateway } = caller;
  const found = await pool.query<Application & { zone_id: string }>(
    `SELECT id, name, registration_method, client_secret_hash, traits, zone_id FROM applications
     WHERE id = $1 AND archived_at IS NULL AND (expires_at IS NULL OR expires_at > now())`, [applicationId],
  ).catch(() => ({ rows: [] }));
  const application = found.rows[0];
  const genuine = application !== undefined && (fromGateway || await isClientSecret(secret, application.client_secret_hash ?? ''));
  if (application !== undefined && genuine && application.zone_id === zoneId) return application;
  if (application !== undefined && genuine && zoneId !== '') {
    throw new Refusal(403, 'zone_invalid', `application is registered in zone ${application.zone_id} but the request targeted zone ${zoneId}; use credentials issued for the targeted zone or correct the zone_id`);
  }
  await redis.run(async (client) => {
    if (await client.incr(`auth-rl:${applicationId}`) === 1) await client.expire(`auth-rl:${applicationId}`, 60);
  }).catch(() => undefined);
  throw new Refusal(401, 'access_denied', 'invalid client credentials');
}

async function databaseTime({ pool }: StsContext): Promise<Date> {
  const { rows: [row] } = await pool.query<{ now: Date }>('SELECT now()').catch(() => {
    throw new Refusal(503, 'sts_unavailable', 'trusted time unavailable');
  });
  return row?.now ?? new Date();
}

/** A mandate for another issuer's user: an identity, and no authority over any resource (Caracal services/sts/internal/subjectissuer.go). */
async function federate(asking: Asking, asked: { form: URLSearchParams; application: Application; resources: readonly string[]; ttlSeconds: number }): Promise<Record<string, unknown>> {
  const { context, zoneId } = asking;
  const { form, application, resources, ttlSeconds } = asked;
  if (resources.length > 0 || ['scope', 'session_id', 'agent_session_id', 'delegation_edge_id', 'approval_id'].some((field) => (form.get(field) ?? '') !== '')) {
    deny(asking, 'subject_federation_invalid');
    throw new Refusal(400, 'invalid_token', 'a subject federation exchange carries only the identity token: no resources, scopes, session, delegation, or challenge parameters');
  }
  const now = await databaseTime(context);
  const { subject, issuer } = await federatedSubject(context, zoneId, form.get('subject_token') ?? '').catch((error: unknown) => {
    deny(asking, 'subject_federation_rejected', { reason: messageOf(error) });
    throw new Refusal(401, 'invalid_token', `invalid subject_token: ${messageOf(error)}`);
  });
  const seconds = lifeOf(ttlSeconds, SESSION_MANDATE_SECONDS);
  const sid = uuidv7();
  await insertRecord(context, { id: sid, zoneId, type: 'user', subject, parent: null, seconds, claims: { iss: issuer } });
  record(asking, {
    decision: 'allow', status: 'complete', policies: [{ policy: 'caracal-subject-federation' }], diagnostics: [],
    metadata: { federated_user_issuer: issuer, session_id: sid, subject_kind: 'user' },
  });
  const iat = Math.floor(now.getTime() / 1000);
  const claims: Claims = {
    iss: context.issuer, sub: subject, aud: [context.issuer], exp: iat + seconds, iat, jti: uuidv7(), zone_id: zoneId, client_id: application.id, sid, root_sid: sid, use: 'session', sub_type: 'user',
  };
  await registerJti(asking, application.id, claims.jti);
  return { access_token: issue(claims, await context.keys.forSigning(zoneId)), token_type: 'Bearer', expires_in: seconds, issued_token_type: ACCESS_TOKEN };
}

/** Session and Delegation of the form, which may not be others than those of the mandate. */
function governed(form: URLSearchParams, subject: Claims | undefined): [sessionId: string, edgeId: string] {
  const one = (field: 'agent_session_id' | 'delegation_edge_id', mismatch: string): string => {
    const [asked, carried] = [form.get(field) ?? '', subject?.[field] ?? ''];
    if (asked !== '' && carried !== '' && asked !== carried) throw new Refusal(403, 'access_denied', mismatch);
    return carried === '' ? asked : carried;
  };
  return [one('agent_session_id', 'Session mismatch'), one('delegation_edge_id', 'delegation edge mismatch')];
}

type UsableHold = { approved: Hold } | { reissued: { id: string; remainingSeconds: number }; holdId: string };

async function usableHold(asking: Parameters<typeof presentedHold>[0], id: string): Promise<UsableHold> {
  const hold = await presentedHold(asking, id);
  if (hold.state === 'approved') return { approved: hold };
  const reissued = await reissuable(asking, hold);
  if (reissued === undefined) throw consumedRefusal(asking, 'approval already used; another request consumed it');
  return { reissued, holdId: hold.id };
}

/** The person whom this request acts for, who alone may decide in the application's own surface. */
function anchorOf({ subject, governance: { session } }: Exchange): string {
  if (subject?.sub_type === 'user') return subject.sub;
  return session?.record_type === 'user' ? session.subject_id ?? '' : '';
}

/** Of all that was asked for: what is granted; each resource writes an event of its own. */
async function grantOf(exchanging: Exchange, isApproved: boolean): Promise<Granted> {
  const granted: Granted = { resources: [], tiers: [], byControlKey: false, reason: '', providerRefusal: undefined };
  for (const identifier of exchanging.resources) {
    const resource = await admitted(exchanging, identifier);
    if (resource === undefined) continue;
    if (isControlKey(exchanging, resource)) {
      record(exchanging, { decision: 'allow', status: 'complete', policies: [{ policy: 'control-key' }], diagnostics: [], metadata: { resource: identifier } });
      granted.resources.push(resource);
      granted.byControlKey = true;
      continue;
    }
    if (identifier === CONTROL_RESOURCE) {
      deny(exchanging, 'control_resource_requires_control_key', { resource: identifier });
      throw new Refusal(403, 'access_denied', 'the control resource is mintable only by a control key exchanging its own client credentials for control scopes');
    }
    const providerRefusal = exchanging.fromGateway ? await providerRefusalOf(exchanging, resource) : undefined;
    if (providerRefusal !== undefined) {
      granted.providerRefusal = providerRefusal;
      continue;
    }
    const verdict = await verdictOf(exchanging, resource);
    if (!isApproved) granted.tiers.push(...tiersOf(verdict.diagnostics));
    if (verdict.decision === 'allow') granted.resources.push(resource);
    else granted.reason ||= reasonOf(verdict);
  }
  return granted;
}

/** A caller who asked for one unknown resource hears `policy denied`, although no policy ran. */
function refusedEverywhere(exchanging: Exchange, { reason, providerRefusal }: Granted): Refusal {
  deny(exchanging, 'exchange_denied', { requested: exchanging.resources });
  return providerRefusal ?? new Refusal(403, 'access_denied', reason === '' ? 'policy denied' : `policy denied (${reason})`);
}

/** The resource, if nothing before the provider and the policy speaks against it. */
async function admitted(exchanging: Exchange, identifier: string): Promise<Resource | undefined> {
  const { context, zoneId, scopes, governance: { delegation }, application, fromGateway } = exchanging;
  const skip = (status: string, metadata: Record<string, unknown> = {}): undefined => {
    deny(exchanging, status, { resource: identifier, ...metadata });
    return undefined;
  };
  const found = await context.pool.query<Resource>(
    `SELECT r.id, r.identifier, r.upstream_url, r.scopes, r.operation_enforcement, r.operations,
            CASE WHEN p.id IS NOT NULL THEN json_build_object('id', p.id, 'kind', p.provider_kind, 'config', p.config_json) END AS provider
     FROM resources r LEFT JOIN providers p ON p.id = r.credential_provider_id AND p.archived_at IS NULL
     WHERE r.zone_id = $1 AND r.identifier = $2 AND r.archived_at IS NULL`, [zoneId, identifier],
  ).catch(() => ({ rows: [] }));
  const resource = found.rows[0];
  if (resource === undefined) return skip('resource_not_found');
  const declared = resource.upstream_url === null ? resource.scopes : [...resource.scopes, 'agent:lifecycle'];
  if (scopes.some((scope) => !declared.includes(scope))) return skip('scope_mismatch');
  if (delegation !== undefined && !covers(delegation, resource)) return skip('resource_outside_delegation', delegationMetadata(delegation));
  if (fromGateway) assertOperation(exchanging, resource);
  return await withinLimit(context, `rl:${zoneId}:${resource.id}:${application.id}`) ? resource : skip('rate_limited');
}

function covers({ edge, constraints }: Delegation, resource: Resource): boolean {
  return (edge.resource_id === null || edge.resource_id === resource.id) && (constraints.resources.length === 0 || constraints.resources.includes(resource.identifier));
}

/** What the Gateway is asked to do, compared exactly with what the resource declares. */
function assertOperation(exchanging: Exchange, { identifier, operations, operation_enforcement: enforcement }: Resource): void {
  if (enforcement !== 'enforced') return;
  const [method, path] = [(exchanging.form.get('request_method') ?? '').trim().toUpperCase(), (exchanging.form.get('request_path') ?? '').trim()];
  const operation = operations.find((candidate) => candidate.method === method && candidate.path === path);
  if (operation !== undefined && words(exchanging.subject?.scope).includes(operation.scope)) return;
  deny(exchanging, 'operation_not_permitted', { resource: identifier, method, path });
  throw new Refusal(403, 'operation_not_permitted', operation === undefined
    ? `operation ${method} ${path} is not declared on resource ${identifier}; declare it on the resource or set operation_enforcement to transport_uniform`
    : `operation ${method} ${path} on resource ${identifier} requires scope ${operation.scope}, which the presented mandate does not carry`);
}

/** A control key is an application that mints for the control resource and nothing but what its traits list. */
function isControlKey({ application: { traits }, subject, recordId, sessionId, edgeId, scopes, now }: Exchange, { identifier }: Resource): boolean {
  const expires = traitsOf(traits, 'control:expires:').map(Date.parse);
  const allowed = traitsOf(traits, 'control:scope:');
  return identifier === CONTROL_RESOURCE && traits.includes('control:invoke') && !expires.some((moment) => moment <= now.getTime())
    && subject === undefined && `${recordId}${sessionId}${edgeId}` === '' && scopes.length > 0 && scopes.every((scope) => scope.startsWith('control:') && allowed.includes(scope));
}

function traitsOf(traits: readonly string[], prefix: string): string[] {
  return traits.filter((trait) => trait.startsWith(prefix)).map((trait) => trait.slice(prefix.length));
}

/** Rows 24 to 26: a provider that is gone, or that has nothing for this user. */
async function providerRefusalOf(exchanging: Exchange, { identifier, provider }: Resource): Promise<Refusal | undefined> {
  const { context, zoneId, subject } = exchanging;
  if (provider === null) {
    deny(exchanging, 'provider_unavailable', { resource: identifier, reason: 'provider_not_found' });
    return new Refusal(403, 'access_denied', 'policy denied');
  }
  if (!wantsUser(provider)) return undefined;
  const user = subject?.sub ?? '';
  const trouble = user === '' ? 'no_user_principal' : await connectionTrouble(context, { zoneId, subject: user, provider });
  if (trouble === undefined) return undefined;
  if (trouble === 'credential_expired_not_renewable') {
    deny(exchanging, 'credential_refresh_failed', { resource: identifier, reason: trouble });
    return new Refusal(403, trouble, `provider connection for resource ${identifier} is expired and could not be refreshed; reconnect the subject from the provider's Connections panel`);
  }
  deny(exchanging, 'credential_not_provisioned', { resource: identifier, reason: trouble });
  return new Refusal(403, 'access_denied', trouble === 'no_user_principal'
    ? `resource ${identifier} uses a user-consent provider and this call carries no subject`
    : `no provider connection for subject ${user} on resource ${identifier}; connect the subject from the provider's Connections panel`);
}

/** What the policy says, and its event; a policy that cannot be evaluated refuses the whole exchange. */
async function verdictOf(exchanging: Exchange, resource: Resource): Promise<Verdict> {
  const { context, zoneId, requestId, bundle } = exchanging;
  let verdict: Verdict;
  try {
    verdict = await context.policy.decide(zoneId, policyInput(exchanging, resource));
  } catch (error) {
    context.log('error', 'policy evaluation failed', { request_id: requestId, zone_id: zoneId, resource: resource.identifier, error: messageOf(error) });
    record(exchanging, { decision: 'deny', status: 'policy_eval_failed', diagnostics: [{ error: messageOf(error) }], bundle, metadata: { resource: resource.identifier } });
    throw new Refusal(503, 'policy_eval_failed', 'policy evaluation unavailable');
  }
  record(exchanging, {
    decision: verdict.decision, status: verdict.evaluation_status, policies: verdict.determining_policies, diagnostics: verdict.diagnostics, bundle, metadata: decisionMetadata(exchanging, resource.identifier),
  });
  return verdict;
}

/** As much of the policy's input as the decision contract looks at (contract, request evidence 2.6). */
function policyInput({ application, scopes, subject, sessionId, governance: { session, delegation } }: Exchange, { identifier }: Resource): PolicyInput {
  return {
    principal: { type: 'Application', id: application.id, labels: session?.labels ?? [] }, resource: { identifier }, action: { id: 'TokenExchange' },
    delegation_edge: delegation?.edge, context: { agent_session_id: sessionId, requested_scopes: scopes, subject_claims: subject },
  };
}

/** Metadata of an event that the policy decided (contract, request evidence 7.3). */
function decisionMetadata({ scopes, recordId, sessionId, edgeId, subject, governance: { session, delegation } }: Exchange, resource: string): Record<string, unknown> {
  return {
    resource, requested_scopes: scopes, session_id: recordId, agent_session_id: sessionId, delegation_edge_id: edgeId, subject_kind: subject?.sub_type ?? 'application',
    ...(session === undefined ? {} : {
      agent_lifecycle: session.lifecycle, agent_labels: session.labels.length === 0 ? null : session.labels, agent_depth: session.depth,
      ...(session.parent_id === null ? {} : { agent_parent_id: session.parent_id }),
    }),
    ...(delegation === undefined ? {} : delegationMetadata(delegation)),
  };
}

function delegationMetadata({ edge, path, chain, epoch }: Delegation): Record<string, unknown> {
  return { delegation_edge_id: edge.id, delegation_chain: chain, delegation_hop_count: path.length, delegation_graph_epoch: epoch };
}

async function mandate(exchanging: Exchange, granted: Granted, hold: UsableHold | undefined): Promise<Record<string, unknown>> {
  const { context, zoneId, application, subject, fromGateway, form, sessionId, edgeId, governance: { delegation }, now } = exchanging;
  if (subject !== undefined && !fromGateway) throw new Refusal(403, 'access_denied', 'resource exchanges must use the Gateway');
  let seconds = lifeWithin(lifeOf(exchanging.ttlSeconds, subject === undefined ? SESSION_MANDATE_SECONDS : MANDATE_SECONDS), delegation);
  if (granted.byControlKey) seconds = Math.min(seconds, ...traitsOf(application.traits, 'control:max-ttl:').map(Number).filter((most) => most > 0));
  const use = subject !== undefined || granted.byControlKey ? 'resource' : sessionId !== '' && edgeId !== '' ? 'gateway' : 'session';
  const target = granted.resources.map(({ identifier }) => identifier);
  const scope = exchanging.scopes.length > 0 ? (form.get('scope') ?? '') : fromGateway ? (subject?.scope ?? '') : '';
  let sid = uuidv7();
  if (hold !== undefined && 'reissued' in hold) {
    sid = hold.reissued.id;
    seconds = Math.min(seconds, hold.reissued.remainingSeconds);
    record(exchanging, { type: 'step_up_consumed', decision: 'consumed', status: 'complete', metadata: { challenge_id: hold.holdId, reissued: true, authority_record_id: sid } });
  } else {
    await createRecord(exchanging, { sid, seconds, use }, hold?.approved);
  }
  const iat = Math.floor(now.getTime() / 1000);
  const claims: Claims = {
    iss: context.issuer, sub: subject?.sub ?? application.id, aud: use === 'resource' ? target : [context.issuer], exp: iat + Math.floor(seconds), iat, jti: uuidv7(),
    zone_id: zoneId, client_id: application.id, ...(scope === '' ? {} : { scope }), sid, root_sid: use === 'session' ? sid : subject?.root_sid ?? subject?.sid ?? sid, use,
    sub_type: subject?.sub_type ?? 'application', target, ...(sessionId === '' ? {} : { agent_session_id: sessionId }), ...(delegation === undefined ? {} : delegationClaims(delegation)),
  };
  const token = issue(claims, await context.keys.forSigning(zoneId));
  await registerJti(exchanging, application.id, claims.jti);
  return {
    access_token: token, token_type: 'Bearer', expires_in: Math.floor(seconds), ...(scope === '' ? {} : { scope }), issued_token_type: ACCESS_TOKEN, target_resources: target,
    ...(fromGateway ? { upstreams: await upstreamsOf(exchanging, granted.resources) } : {}),
  };
}

/** The use of an approval and the authority record that it pays for are one statement: an approval is used once. */
async function createRecord(exchanging: Exchange, { sid, seconds, use }: { sid: string; seconds: number; use: Claims['use'] }, hold: Hold | undefined): Promise<void> {
  const { context, zoneId, subject, application, recordId } = exchanging;
  const created = {
    id: sid, zoneId, type: subject?.sub_type ?? 'application', subject: subject?.sub ?? application.id, parent: use === 'resource' && recordId !== '' ? recordId : null, seconds, claims: undefined,
  };
  if (hold === undefined) {
    await insertRecord(context, created);
    return;
  }
  if (await insertRecord(context, created, hold).catch(() => 0) === 0) throw consumedRefusal(exchanging, 'approval no longer valid; another request may have consumed it', holdMetadata(hold));
  recordUse(exchanging, hold);
}

type NewRecord = { id: string; zoneId: string; type: string; subject: string; parent: string | null; seconds: number; claims: Record<string, string> | undefined };

/** @returns how many were created: none when the approval is not to be had any more. @throws Refusal when it fails without an approval */
async function insertRecord({ pool }: StsContext, { id, zoneId, type, subject, parent, seconds, claims }: NewRecord, hold?: Hold): Promise<number> {
  const values = [id, zoneId, type, subject, parent, seconds, claims === undefined ? null : JSON.stringify(claims)];
  const columns = 'INSERT INTO authority_records (id, zone_id, session_type, subject_id, parent_id, expires_at, authenticated_at, claims_json)';
  const row = '$1, $2, $3, $4, $5, now() + make_interval(secs => $6), now(), $7::jsonb';
  if (hold !== undefined) {
    const { rowCount } = await pool.query(
      `WITH used AS (UPDATE step_up_challenges c SET consumed_at = now(), consumed_authority_record_id = $1 WHERE c.id = $8 AND ${USABLE} RETURNING 1) ${columns} SELECT ${row} FROM used`, [...values, hold.id],
    );
    return rowCount ?? 0;
  }
  await pool.query(`${columns} VALUES (${row})`, values).catch(() => {
    throw new Refusal(500, 'internal_error', 'authority record creation failed');
  });
  return 1;
}

function delegationClaims({ edge, path, chain, epoch }: Delegation): Partial<Claims> {
  return {
    delegation_edge_id: edge.id, source_session_id: edge.source_session_id, target_session_id: edge.target_session_id, delegation_path: path,
    delegation_chain: chain.map(({ delegation_edge_id: id, ...hop }) => ({ ...hop, ...(id === '' ? {} : { delegation_edge_id: id }) })), hop_count: path.length,
    ...(epoch === 0 ? {} : { delegation_graph_epoch: epoch }),
  };
}

/** Seconds that a mandate is asked to live. @throws Refusal for more than there are */
function lifeOf(asked: number, most: number): number {
  if (asked < 0) throw new Refusal(400, 'invalid_token', 'ttl_seconds must be positive');
  if (asked > most) throw new Refusal(400, 'invalid_token', 'ttl_seconds exceeds token TTL cap');
  return asked === 0 ? MANDATE_SECONDS : asked;
}

/** A new mandate's id must be new (contract, storage 8). */
async function registerJti(asking: Asking, applicationId: string, jti: string): Promise<void> {
  const { context, requestId } = asking;
  const stored = await context.redis.run((client) => client.set(
    `audit:jti:${jti}`, `${applicationId}|${String(Math.floor(Date.now() / 1000))}`, 'EX', MANDATE_SECONDS, 'NX',
  )).catch((error: unknown) => {
    context.log('error', 'jti registry write failed', { request_id: requestId, error: messageOf(error) });
    throw new Refusal(500, 'internal_error', 'token issuance failed');
  });
  if (stored === 'OK') return;
  record({ ...asking, base: {} }, { decision: 'deny', status: 'anomaly', type: 'jti_collision', metadata: { jti, app_id: applicationId, request_id: requestId } });
  throw new Refusal(500, 'internal_error', 'token issuance failed');
}

/** The policy said yes, and the mandate is made; a credential that cannot be had refuses all the same (contract, request evidence 4.4, row 36). */
async function upstreamsOf(exchanging: Exchange, resources: readonly Resource[]): Promise<Record<string, unknown>> {
  const { context, zoneId, subject } = exchanging;
  const upstreams: Record<string, unknown> = {};
  for (const { identifier, upstream_url: url, provider } of resources) {
    try {
      if (provider === null) throw new Error('provider unavailable');
      upstreams[identifier] = { url: url ?? '', ...await directiveFor(context, { zoneId, subject: subject?.sub ?? '', provider }) };
    } catch (error) {
      deny(exchanging, 'provider_credential_unavailable', { resource: identifier, reason: messageOf(error) });
      throw new Refusal(502, 'http_request_failed', `upstream credential for resource ${identifier} is unavailable: ${messageOf(error)}`);
    }
  }
  return upstreams;
}

function words(text: string | null | undefined): string[] {
  return (text ?? '').split(/\s+/).filter(Boolean);
}
