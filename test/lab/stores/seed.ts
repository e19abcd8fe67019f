import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { adminTokenDigest, adminTokenHash, unknownClientSecretHash } from './admin-token.ts';
import { uuidv7 } from './identifiers.ts';
import { PAYMENTS, SANDBOX, type ZoneContent } from './seed-content.ts';

export interface SeedOptions {
  /** Plain text of `CARACAL_ADMIN_TOKEN`. */
  adminToken: string;
}

export interface SeededApplication { id: string; name: string; authorityRecordId: string }
export interface SeededResource { id: string; name: string; identifier: string; scopes: string[] }
export interface SeededSession {
  id: string;
  applicationId: string;
  authorityRecordId: string;
  lifecycle: 'task' | 'service';
  labels: string[];
  depth: number;
  parentId: string | null;
}
export interface SeededEdge { id: string; sourceSessionId: string; targetSessionId: string; resourceId: string; scopes: string[] }

/** One zone with the ids that traffic and stand-ins need; records are keyed as in seed-content.ts. */
export interface SeededZone {
  id: string;
  name: string;
  slug: string;
  applications: Record<string, SeededApplication>;
  resources: Record<string, SeededResource>;
  sessions: Record<string, SeededSession>;
  delegationEdges: Record<string, SeededEdge>;
  policySetId: string;
  activePolicySetVersionId: string;
  manifestSha256: string;
  delegationGraphEpoch: number;
}

export interface Seeded {
  payments: SeededZone;
  sandbox: SeededZone;
  /** `admin_tokens.id` of the bootstrap token. */
  adminTokenId: string;
}

/** Lease of a service session, in seconds (contract, storage 5.4: 120 s by default). */
export const SERVICE_LEASE_SECONDS = 120;

/** How long ago the zones were set up, and how long ago the agents started, in milliseconds. */
const CONFIGURED_AGO_MS = 26 * 3600 * 1000;
const STARTED_AGO_MS = 5 * 60 * 1000;
/** Life of authority records, task sessions and delegations: longer than any lab runs, in seconds. */
const LIFE_SECONDS = 24 * 3600;
/** Policy contract of this release (contract, storage 5.4). */
const POLICY_SCHEMA_VERSION = '2026-05-20';

type Values = Record<string, string | number | boolean | null | Date | Buffer | string[]>;

/**
 * Fills an empty, fully migrated database with a healthy deployment: the zones Payments and Sandbox
 * with an active policy, live authority records, sessions and delegations, and the bootstrap admin
 * token. Every probe of contract, storage 4.2 comes out healthy, for as long as somebody calls
 * `renewServiceLeases` in intervals below SERVICE_LEASE_SECONDS.
 *
 * @param client a connection of the superuser, which row-level security does not restrict
 * @throws DatabaseError when the content is already there; nothing is changed then
 */
export async function seed(client: ClientBase, options: SeedOptions): Promise<Seeded> {
  const tokenHash = await adminTokenHash(options.adminToken);
  await client.query('BEGIN');
  try {
    const adminTokenId = uuidv7();
    await insert(client, 'admin_tokens', {
      id: adminTokenId, name: 'bootstrap', token_sha256: adminTokenDigest(options.adminToken), token_hash: tokenHash,
      scope: 'global', capability: 'write', created_by: 'env-bootstrap',
    });
    // The Audit service has looked for rows to re-anchor and found none.
    await insert(client, 'audit_chain_rehash', { id: 1 });
    const actor = `admin:${adminTokenId}`;
    const payments = await seedZone(client, PAYMENTS, actor);
    const sandbox = await seedZone(client, SANDBOX, actor);
    await client.query('COMMIT');
    return { payments, sandbox, adminTokenId };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** The heartbeat of all service agents: prolongs the lease of every active service session. */
export async function renewServiceLeases(client: ClientBase): Promise<void> {
  await client.query(`
    UPDATE sessions
    SET last_heartbeat_at = now(), last_active_at = now(), updated_at = now(),
        heartbeat_deadline_at = now() + make_interval(secs => $1)
    WHERE lifecycle = 'service' AND status = 'active'`, [SERVICE_LEASE_SECONDS]);
}

async function seedZone(client: ClientBase, content: ZoneContent, actor: string): Promise<SeededZone> {
  const configured = new Date(Date.now() - CONFIGURED_AGO_MS);
  const id = uuidv7(configured);
  const created = { created_by: actor, created_at: configured };
  await insert(client, 'zones', {
    id, name: content.name, slug: content.slug, dcr_enabled: content.dcrEnabled, ...created, updated_at: configured,
  });
  const applications = await seedApplications(client, content, id, created);
  const resources = await seedResources(client, content, id, created);
  const policy = await seedPolicy(client, { content, zoneId: id, actor, configured, applications, resources });
  const sessions = await seedSessions(client, content, id, applications);
  const delegationEdges = await seedDelegations(client, { content, zoneId: id, sessions, resources });
  // The epoch counts changes of the graph; so far each created one edge.
  const delegationGraphEpoch = content.delegations.length;
  await insert(client, 'delegation_graph_epochs', { zone_id: id, epoch: delegationGraphEpoch });
  return {
    id, name: content.name, slug: content.slug, applications, resources, sessions, delegationEdges, delegationGraphEpoch,
    ...policy,
  };
}

async function seedApplications(
  client: ClientBase, content: ZoneContent, zoneId: string, created: Values,
): Promise<Record<string, SeededApplication>> {
  const applications: Record<string, SeededApplication> = {};
  for (const { key, name, traits } of content.applications) {
    const application = { id: uuidv7(), name, authorityRecordId: uuidv7() };
    await insert(client, 'applications', {
      id: application.id, zone_id: zoneId, name, registration_method: 'managed', traits,
      client_secret_hash: unknownClientSecretHash(), ...created,
    });
    const started = new Date(Date.now() - STARTED_AGO_MS);
    await insert(client, 'authority_records', {
      id: application.authorityRecordId, zone_id: zoneId, session_type: 'application', subject_id: application.id,
      authenticated_at: started, created_at: started, expires_at: inSeconds(LIFE_SECONDS), claims_json: '{}',
    });
    applications[key] = application;
  }
  return applications;
}

async function seedResources(
  client: ClientBase, content: ZoneContent, zoneId: string, created: Values,
): Promise<Record<string, SeededResource>> {
  const providerIds: Record<string, string> = {};
  for (const provider of content.providers) {
    const id = uuidv7();
    await insert(client, 'providers', {
      id, zone_id: zoneId, name: provider.name, identifier: `provider://${provider.key}`, provider_kind: provider.kind,
      config_json: JSON.stringify(provider.config), ...created,
    });
    providerIds[provider.key] = id;
  }
  const resources: Record<string, SeededResource> = {};
  for (const { key, name, provider, upstream, scopes, operations, enforcement } of content.resources) {
    const resource = { id: uuidv7(), name, identifier: `resource://${key}`, scopes };
    await insert(client, 'resources', {
      id: resource.id, zone_id: zoneId, name, identifier: resource.identifier, upstream_url: upstream, scopes,
      credential_provider_id: pick(providerIds, provider), operations: JSON.stringify(operations),
      operation_enforcement: enforcement, ...created,
    });
    resources[key] = resource;
  }
  return resources;
}

async function seedPolicy(client: ClientBase, zone: {
  content: ZoneContent;
  zoneId: string;
  actor: string;
  configured: Date;
  applications: Record<string, SeededApplication>;
  resources: Record<string, SeededResource>;
}): Promise<Pick<SeededZone, 'policySetId' | 'activePolicySetVersionId' | 'manifestSha256'>> {
  const { zoneId, actor, configured } = zone;
  const created = { created_by: actor, created_at: configured };
  const manifest: { policy_version_id: string }[] = [];
  for (const [name, content] of Object.entries(policyDocuments(zone))) {
    const policyId = uuidv7(configured);
    const versionId = uuidv7(configured);
    await insert(client, 'policies', { id: policyId, zone_id: zoneId, name, ...created });
    await insert(client, 'policy_versions', {
      id: versionId, policy_id: policyId, version: 1, content, content_sha256: sha256(content),
      schema_version: POLICY_SCHEMA_VERSION, ...created,
    });
    manifest.push({ policy_version_id: versionId });
  }
  const policySetId = uuidv7(configured);
  const activePolicySetVersionId = uuidv7(configured);
  // Compact, in stored order (contract, storage 5.2).
  const manifestJson = JSON.stringify(manifest);
  const manifestSha256 = sha256(manifestJson);
  await insert(client, 'policy_sets', { id: policySetId, zone_id: zoneId, name: 'main', ...created });
  await insert(client, 'policy_set_versions', {
    id: activePolicySetVersionId, policy_set_id: policySetId, version: 1, manifest_json: manifestJson,
    manifest_sha256: manifestSha256, schema_version: POLICY_SCHEMA_VERSION, ...created,
  });
  await insert(client, 'policy_set_bindings', {
    zone_id: zoneId, policy_set_id: policySetId, active_version_id: activePolicySetVersionId, updated_at: configured,
  });
  // The activation, published long ago.
  await insert(client, 'event_outbox', {
    id: uuidv7(configured), stream_name: 'caracal.policy.invalidate', attempts: 1, created_at: configured,
    payload_json: JSON.stringify({
      zone_id: zoneId, policy_set_id: policySetId, policy_set_version_id: activePolicySetVersionId,
    }),
    available_at: configured, dispatched_at: configured, locked_by: 'api:1', request_id: uuidv7(configured),
  });
  return { policySetId, activePolicySetVersionId, manifestSha256 };
}

/** The data documents that Caracal's own decision contract reads: who is who, and who may do what. */
function policyDocuments(zone: {
  content: ZoneContent;
  applications: Record<string, SeededApplication>;
  resources: Record<string, SeededResource>;
}): Record<string, string> {
  const applicationIds = Object.fromEntries(Object.entries(zone.applications).map(([key, { id }]) => [key, id]));
  const grants = Object.fromEntries(zone.content.grants.map(({ resource, ...grant }) => [pick(zone.resources, resource).identifier, grant]));
  return {
    'app-ids': dataDocument('app_ids', applicationIds),
    grants: dataDocument('grants', grants),
    restrict: dataDocument('restrict', {}),
  };
}

/** A policy that only defines data; JSON is valid Rego. */
export function dataDocument(name: string, value: unknown): string {
  return [
    '# caracal:data-document', 'package caracal.authz', '', 'import rego.v1', '',
    `${name} := ${JSON.stringify(value, undefined, 2)}`, '',
  ].join('\n');
}

async function seedSessions(
  client: ClientBase, content: ZoneContent, zoneId: string, applications: Record<string, SeededApplication>,
): Promise<Record<string, SeededSession>> {
  const started = new Date(Date.now() - STARTED_AGO_MS);
  const sessions: Record<string, SeededSession> = {};
  for (const { key, application, lifecycle, parent, labels } of content.sessions) {
    const { id: applicationId, authorityRecordId } = pick(applications, application);
    const above = parent === undefined ? undefined : pick(sessions, parent);
    const session: SeededSession = {
      id: uuidv7(started), applicationId, authorityRecordId, lifecycle, labels,
      depth: above === undefined ? 0 : above.depth + 1, parentId: above?.id ?? null,
    };
    const now = new Date();
    const life: Values = lifecycle === 'task'
      ? { ttl_seconds: LIFE_SECONDS, last_active_at: started }
      : {
        ttl_seconds: null, last_active_at: now, last_heartbeat_at: now,
        heartbeat_deadline_at: inSeconds(SERVICE_LEASE_SECONDS), lease_generation: 1,
      };
    await insert(client, 'sessions', {
      id: session.id, zone_id: zoneId, application_id: applicationId, subject_authority_record_id: authorityRecordId,
      lifecycle, labels, depth: session.depth, parent_id: session.parentId, started_at: started, metadata_json: '{}',
      child_count: content.sessions.filter((other) => other.parent === key).length, ...life,
    });
    if (session.parentId !== null) {
      await insert(client, 'agent_topology', { parent_id: session.parentId, child_id: session.id });
    }
    sessions[key] = session;
  }
  return sessions;
}

async function seedDelegations(client: ClientBase, zone: {
  content: ZoneContent;
  zoneId: string;
  sessions: Record<string, SeededSession>;
  resources: Record<string, SeededResource>;
}): Promise<Record<string, SeededEdge>> {
  const started = new Date(Date.now() - STARTED_AGO_MS);
  const edges: Record<string, SeededEdge> = {};
  for (const { key, from, to, resource, scopes } of zone.content.delegations) {
    const source = pick(zone.sessions, from);
    const target = pick(zone.sessions, to);
    const edge = {
      id: uuidv7(started), sourceSessionId: source.id, targetSessionId: target.id,
      resourceId: pick(zone.resources, resource).id, scopes,
    };
    await insert(client, 'delegation_edges', {
      id: edge.id, zone_id: zone.zoneId, source_session_id: source.id, target_session_id: target.id,
      issuer_application_id: source.applicationId, receiver_application_id: target.applicationId,
      resource_id: edge.resourceId, scopes, created_at: started, expires_at: inSeconds(LIFE_SECONDS),
      constraints_json: JSON.stringify({ max_hops: 3, ttl_seconds: LIFE_SECONDS }),
    });
    edges[key] = edge;
  }
  return edges;
}

async function insert(client: ClientBase, table: string, row: Values): Promise<void> {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${String(index + 1)}`);
  await client.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')})`, Object.values(row));
}

function pick<Value>(record: Record<string, Value>, key: string): Value {
  const value = record[key];
  if (value === undefined) throw new Error(`the seed content refers to ${key}, which it does not define`);
  return value;
}

function inSeconds(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
