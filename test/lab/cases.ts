import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Caller } from './caller.ts';
import { eventually } from './eventually.ts';
import type { Lab } from './lab.ts';
import { clientSecretHash } from './services/client-secrets.ts';
import { seal } from './services/envelope.ts';
import { serveHttp } from './services/http-server.ts';
import { secretRef } from './services/sts-providers.ts';
import { adminTokenDigest, adminTokenHash } from './stores/admin-token.ts';
import { uuidv7 } from './stores/identifiers.ts';
import { freePort } from './stores/ports.ts';
import { dataDocument } from './stores/seed.ts';

// Content for the cases that a debugger of requests has to tell apart, and which a healthy lab has no use for.

type Governed = { applicationId: string; sessionId: string; edgeId: string };
type Row = Readonly<Record<string, unknown>>;

/** What the cases need to know. */
export interface Cases {
  readonly caller: Caller;
  /** Identifiers of resources; the comment at each tells what is special. */
  readonly resources: typeof RESOURCES;
  /** An Application with every grant, and a Delegation over every resource: policy and providers decide. */
  readonly wide: Governed;
  /** The same at the end of a chain of two Delegations between Sessions of the one Application. */
  readonly chained: Governed & { readonly parentEdgeId: string };
  readonly controlKey: { readonly applicationId: string };
  readonly workload: { readonly id: string; readonly secret: string };
  /** Zone-scoped admin tokens. */
  readonly tokens: { readonly read: string; readonly write: string; readonly approve: string };
  /** What the zone's trusted issuer says of a user. */
  identityToken(subject: string, claims?: Row): string;
  /** A Session of the wide Application that acts for whom an authority record is of. */
  sessionFor(authorityRecordId: string): Promise<Governed>;
  /** Activates a next version of the policy in which these documents are others. */
  activate(documents: Row): Promise<void>;
  /** Publishes the revocation of an authority record, as the API does. */
  revoke(authorityRecordId: string): Promise<void>;
  close(): Promise<void>;
}

const RESOURCES = {
  /** `invoice:write` is of the tier `high`, which an operator has to approve. */
  billing: 'resource://billing-api',
  /** `stock:count` is for the user to approve, `stock:order` for anybody, `stock:write` for an operator, `stock:scrap` has no role. */
  warehouse: 'resource://warehouse',
  /** Has the scopes of billing, and another owner. */
  archive: 'resource://archive',
  /** Nobody listens at its upstream. */
  gone: 'resource://gone',
  /** Its upstream is no address. */
  unaddressable: 'resource://unaddressable',
  /** Its provider's token endpoint fails. */
  partner: 'resource://partner',
  /** Needs a connection of the user, and there is none. */
  calendar: 'resource://calendar',
  /** Its key may be injected into launched processes. */
  payouts: 'resource://payouts',
  /** No resource of the zone. */
  unknown: 'resource://unknown',
} as const;

const ISSUER = 'https://login.example.com';
const AUDIENCE = 'payments';
const SCOPES = ['invoice:read', 'invoice:write', 'stock:read', 'stock:write', 'stock:count', 'stock:order', 'stock:scrap', 'gone:call', 'partner:call', 'calendar:read', 'payout:read', 'payout:send'];
const CONTROL_SCOPES = ['control:explain:read', 'control:audit:read'];

/** Adds the content to a running lab: resources, a policy with tiers that need approval, and whoever else takes part. */
export async function addCases(lab: Lab): Promise<Cases> {
  const { zoneId, seeded: { payments: { applications, sessions } } } = lab;
  const [invoices, ledger, orders] = ['invoices', 'ledger', 'orders'].map((key) => applications[key]?.id ?? '');
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = 'login-1';
  const outside = await serveHttp((request, response) => {
    request.resume();
    response.writeHead(request.url === '/jwks' ? 200 : 503, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] }));
  });
  await addResources(lab, outside.url);
  const controlKey = uuidv7();
  await add(lab, 'applications', {
    id: controlKey, zone_id: zoneId, name: 'Nightly Control', registration_method: 'managed', client_secret_hash: await clientSecretHash(lab.callers.clientSecret),
    traits: ['control:invoke', ...CONTROL_SCOPES.map((scope) => `control:scope:${scope}`), 'control:max-ttl:300'], created_by: 'admin:lab',
  });
  await mkdir(join(lab.directory, 'control'), { recursive: true });
  await writeFile(join(lab.directory, 'control', 'enabled'), '');
  const workload = { id: uuidv7(), secret: randomBytes(32).toString('hex') };
  await add(lab, 'workloads', {
    id: workload.id, zone_id: zoneId, name: 'Nightly Export', secret_hash: await clientSecretHash(workload.secret), created_by: 'admin:lab',
    bindings: JSON.stringify([
      { env: 'PAYOUTS_KEY', resource: RESOURCES.payouts, scopes: ['payout:read'] }, { env: 'PAYOUTS_SEND_KEY', resource: RESOURCES.payouts, scopes: ['payout:send'] },
      { env: 'BILLING_KEY', resource: RESOURCES.billing, scopes: ['invoice:read'] },
    ]),
  });
  await add(lab, 'subject_issuers', { id: uuidv7(), zone_id: zoneId, issuer: ISSUER, jwks_url: `${outside.url}/jwks`, audience: AUDIENCE, created_by: 'admin:lab' });
  const tokens = { read: await adminToken(lab, 'read'), write: await adminToken(lab, 'write'), approve: await adminToken(lab, 'approve') };

  const session = async (recordId: string, parent: string | null = null): Promise<string> => {
    const id = uuidv7();
    await add(lab, 'sessions', {
      id, zone_id: zoneId, application_id: invoices, subject_authority_record_id: recordId, lifecycle: 'task', ttl_seconds: 86_400, labels: ['nightly'], metadata_json: '{}', parent_id: parent,
      depth: parent === null ? 0 : 1,
    });
    if (parent !== null) await add(lab, 'agent_topology', { parent_id: parent, child_id: id });
    return id;
  };
  const edge = async (from: { application: string; session: string }, to: string, parent: string | null = null): Promise<string> => {
    const id = uuidv7();
    await add(lab, 'delegation_edges', {
      id, zone_id: zoneId, source_session_id: from.session, target_session_id: to, issuer_application_id: from.application, receiver_application_id: invoices, scopes: SCOPES,
      constraints_json: JSON.stringify({ max_hops: 3, ttl_seconds: 3600 }), expires_at: new Date(Date.now() + 86_400_000), parent_edge_id: parent,
    });
    return id;
  };
  const checkout = { application: orders ?? '', session: sessions['checkout']?.id ?? '' };
  const own = applications['invoices']?.authorityRecordId ?? '';
  const applicationId = invoices ?? '';
  const [first, second] = [await session(own), await session(own)];
  const wide = { applicationId, sessionId: first, edgeId: await edge(checkout, first) };
  const child = await session(own, second);
  const root = await edge({ application: applicationId, session: first }, second);
  const chained = { applicationId, sessionId: child, edgeId: await edge({ application: applicationId, session: second }, child, root), parentEdgeId: root };
  const owners = { invoices: applicationId, ledger: ledger ?? '', orders: orders ?? '' };
  await activatePolicy(lab, owners);
  return {
    caller: new Caller(lab.callers), resources: RESOURCES, wide, chained, controlKey: { applicationId: controlKey }, workload, tokens,
    identityToken: (subject, claims = {}) => {
      const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const head = `${part({ alg: 'ES256', typ: 'JWT', kid })}.${part({ iss: ISSUER, aud: AUDIENCE, sub: subject, exp: Math.floor(Date.now() / 1000) + 300, ...claims })}`;
      return `${head}.${sign('sha256', Buffer.from(head), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
    sessionFor: async (recordId) => {
      const id = await session(recordId);
      return { applicationId, sessionId: id, edgeId: await edge(checkout, id) };
    },
    activate: (documents) => activatePolicy(lab, owners, documents),
    revoke: async (recordId) => {
      await add(lab, 'event_outbox', { id: uuidv7(), stream_name: 'caracal.sessions.revoke', payload_json: JSON.stringify({ zone_id: zoneId, session_id: recordId, reason: 'subject_revoked' }) });
    },
    close: () => outside.close(),
  };
}

async function addResources(lab: Lab, outsideUrl: string): Promise<void> {
  const { zoneId } = lab;
  const [{ url } = { url: '' }] = await lab.sql<{ url: string }>('SELECT upstream_url AS url FROM resources WHERE zone_id = $1 AND identifier = $2', [zoneId, RESOURCES.billing]);
  const provider = async (kind: string, config: Row): Promise<string> => {
    const id = uuidv7();
    await add(lab, 'providers', { id, zone_id: zoneId, name: `Cases ${kind}`, identifier: `provider://cases-${kind}`, provider_kind: kind, config_json: JSON.stringify(config), created_by: 'admin:lab' });
    return id;
  };
  const mandate = await provider('caracal_mandate', {});
  const payouts = await provider('api_key', { header_name: 'X-Api-Key', allow_runtime_injection: true });
  const ref = secretRef(zoneId, payouts);
  await add(lab, 'secret_store', { ref, zone_id: zoneId, envelope: seal(Buffer.from(lab.secrets.secretStoreKek, 'hex'), JSON.stringify({ api_key: 'key-of-payouts' }), ref) });
  const rows: [identifier: string, provider: string, upstream: string | null, scopes: string[]][] = [
    [RESOURCES.warehouse, mandate, url, ['stock:read', 'stock:write', 'stock:count', 'stock:order', 'stock:scrap']],
    [RESOURCES.archive, mandate, url, ['invoice:read', 'invoice:write']],
    [RESOURCES.gone, mandate, `http://127.0.0.1:${String(await freePort())}`, ['gone:call']],
    [RESOURCES.unaddressable, mandate, 'ftp://files.example.com', ['gone:call']],
    [RESOURCES.partner, await provider('oauth2_client_credentials', { token_endpoint: `${outsideUrl}/token`, client_id: 'payments' }), url, ['partner:call']],
    [RESOURCES.calendar, await provider('oauth2_authorization_code', {}), url, ['calendar:read']],
    [RESOURCES.payouts, payouts, url, ['payout:read', 'payout:send']],
    ['caracal-control', await provider('none', {}), null, CONTROL_SCOPES],
  ];
  for (const [identifier, credential_provider_id, upstream_url, scopes] of rows) {
    await add(lab, 'resources', { id: uuidv7(), zone_id: zoneId, name: identifier, identifier, upstream_url, scopes, credential_provider_id, created_by: 'admin:lab' });
  }
}

/** A next version of the policy set, with the documents that tell risks and who has to approve them. */
async function activatePolicy(lab: Lab, applications: { invoices: string; ledger: string; orders: string }, changes: Row = {}): Promise<void> {
  const { zoneId, seeded: { payments: { policySetId, activePolicySetVersionId } } } = lab;
  const nightly = (...scopes: string[]): Row => ({ application: 'invoices', roles: { nightly: scopes } });
  const documents = {
    app_ids: applications,
    grants: {
      [RESOURCES.billing]: nightly('invoice:read', 'invoice:write'), [RESOURCES.warehouse]: nightly('stock:read', 'stock:write', 'stock:count', 'stock:order'),
      [RESOURCES.archive]: { application: 'ledger', roles: { posting: ['invoice:read'] } }, [RESOURCES.gone]: nightly('gone:call'), [RESOURCES.unaddressable]: nightly('gone:call'),
      [RESOURCES.partner]: nightly('partner:call'), [RESOURCES.calendar]: nightly('calendar:read'), [RESOURCES.payouts]: nightly('payout:read', 'payout:send'),
      'resource://reports': { application: 'orders', roles: { checkout: ['report:read'] } }, 'resource://ledger': { application: 'ledger', roles: { posting: ['ledger:read', 'ledger:post'] } },
    },
    restrict: {},
    risk: [
      { scope: 'invoice:write', tier: 'high' }, { scope: 'stock:write', tier: 'high' }, { scope: 'payout:send', tier: 'high' }, { scope: 'stock:count', tier: 'personal' },
      { scope: 'stock:order', tier: 'shared' }, { scope: 'stock:read', tier: 'low' },
    ],
    approval_tiers: [{ tier: 'high', approver: 'operator', ttl_seconds: 1800 }, { tier: 'personal', approver: 'subject', privacy: 'pseudonymous' }, { tier: 'shared', approver: 'any' }],
    ...changes,
  };
  const manifest: { policy_version_id: string }[] = [];
  const [{ schema } = { schema: '' }] = await lab.sql<{ schema: string }>('SELECT schema_version AS schema FROM policy_set_versions WHERE id = $1', [activePolicySetVersionId]);
  for (const [name, value] of Object.entries(documents)) {
    const content = dataDocument(name, value);
    const [known] = await lab.sql<{ id: string; version: number }>(
      'SELECT p.id, max(v.version) AS version FROM policies p JOIN policy_versions v ON v.policy_id = p.id WHERE p.zone_id = $1 AND p.name = $2 GROUP BY p.id', [zoneId, name.replaceAll('_', '-')],
    );
    const policyId = known?.id ?? uuidv7();
    if (known === undefined) await add(lab, 'policies', { id: policyId, zone_id: zoneId, name: name.replaceAll('_', '-'), created_by: 'admin:lab' });
    const id = uuidv7();
    await add(lab, 'policy_versions', { id, policy_id: policyId, version: (known?.version ?? 0) + 1, content, content_sha256: sha256(content), schema_version: schema, created_by: 'admin:lab' });
    manifest.push({ policy_version_id: id });
  }
  const versionId = uuidv7();
  const [{ version } = { version: 0 }] = await lab.sql<{ version: number }>('SELECT max(version) AS version FROM policy_set_versions WHERE policy_set_id = $1', [policySetId]);
  await add(lab, 'policy_set_versions', {
    id: versionId, policy_set_id: policySetId, version: version + 1, manifest_json: JSON.stringify(manifest), manifest_sha256: sha256(JSON.stringify(manifest)), schema_version: schema, created_by: 'admin:lab',
  });
  const caller = new Caller(lab.callers);
  const { status, text } = await caller.api(`/zones/${zoneId}/policy-sets/${policySetId}/activate`, { body: { version_id: versionId } });
  if (status !== 202) throw new Error(`policy activation:\n${text}`);
  await eventually('the STS has the policy of the cases', async () =>
    (await caller.api(`/zones/${zoneId}/policy-sets/${policySetId}/activation-status`)).body['propagation_status'] === 'loaded');
}

async function adminToken(lab: Lab, capability: string): Promise<string> {
  const token = `cat_${randomBytes(32).toString('base64url')}`;
  await add(lab, 'admin_tokens', {
    id: uuidv7(), name: `cases ${capability}`, token_sha256: adminTokenDigest(token), token_hash: await adminTokenHash(token), scope: 'zone', zone_id: lab.zoneId, capability, created_by: 'admin:lab',
  });
  return token;
}

async function add(lab: Lab, table: string, row: Row): Promise<void> {
  const columns = Object.keys(row);
  await lab.sql(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((_, index) => `$${String(index + 1)}`).join(', ')})`, Object.values(row));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
