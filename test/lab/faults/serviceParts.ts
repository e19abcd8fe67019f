import { createHash } from 'node:crypto';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { clientSecretHash } from '../services/client-secrets.ts';
import { untilReady } from '../services/deployment.ts';
import { uuidv7 } from '../stores/identifiers.ts';

/** A figure of a service as its `/metrics.json` gives it; a dot leads into an object. */
export async function figure(lab: Lab, service: 'sts' | 'gateway' | 'audit', name: string): Promise<number> {
  const response = await fetch(`${lab.services[service].url}/metrics.json`, {
    headers: { authorization: `Bearer ${lab.secrets.metricsBearer}` }, signal: AbortSignal.timeout(5_000),
  });
  return Number(name.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], await response.json()));
}

/** Waits until a figure is at least so high. */
export async function reaches(lab: Lab, service: 'sts' | 'gateway' | 'audit', name: string, least: number, withinMs?: number): Promise<void> {
  await eventually(`${service} counts ${String(least)} in ${name}`, async () => (await figure(lab, service, name)) >= least, withinMs);
}

/** Restarts a service with other settings and waits until it is ready. */
export async function restartWith(lab: Lab, service: 'api' | 'sts' | 'gateway' | 'audit' | 'coordinator', environment: Readonly<Record<string, string>>): Promise<void> {
  await lab.reconfigure(service, environment);
  await untilReady(lab.services[service]);
}

/**
 * Makes a next version of the zone's policy set, as the API stores one, and returns its id.
 *
 * @param grants Content of the policy `grants` in it; without one the version has the policies of the active one
 * @param hash Hash of the manifest to store; without one the right one
 */
export async function nextVersion(lab: Lab, { grants, hash }: { grants?: string; hash?: string } = {}): Promise<string> {
  const { policySetId, activePolicySetVersionId } = lab.seeded.payments;
  const [active] = await lab.sql<{ manifest: { policy_version_id: string }[] }>(
    'SELECT manifest_json AS manifest FROM policy_set_versions WHERE id = $1', [activePolicySetVersionId],
  );
  let manifest = active?.manifest ?? [];
  if (grants !== undefined) {
    const [made] = await lab.sql<{ before: string; id: string }>(
      `INSERT INTO policy_versions (id, policy_id, version, content, content_sha256, schema_version, created_by)
       SELECT $3, p.id, v.version + 1, $2, encode(sha256(convert_to($2, 'UTF8')), 'hex'), v.schema_version, v.created_by
         FROM policies p JOIN policy_versions v ON v.policy_id = p.id WHERE p.zone_id = $1 AND p.name = 'grants'
       RETURNING id, (SELECT v.id FROM policy_versions v WHERE v.policy_id = policy_versions.policy_id AND v.version = 1) AS before`,
      [lab.zoneId, grants, uuidv7()],
    );
    manifest = manifest.map((entry) => (entry.policy_version_id === made?.before ? { policy_version_id: made.id } : entry));
  }
  const id = uuidv7();
  const text = JSON.stringify(manifest.map(({ policy_version_id }) => ({ policy_version_id })));
  await lab.sql(
    `INSERT INTO policy_set_versions (id, policy_set_id, version, manifest_json, manifest_sha256, schema_version, created_by)
     SELECT $2, $1, max(version) + 1, $3::jsonb, $4, max(schema_version), max(created_by) FROM policy_set_versions WHERE policy_set_id = $1`,
    [policySetId, id, text, hash ?? createHash('sha256').update(text).digest('hex')],
  );
  return id;
}

/** The content of the active policy `grants`, with a comment at its end, so that it is another one and means the same. */
export async function otherGrants(lab: Lab): Promise<string> {
  const [row] = await lab.sql<{ content: string }>(
    "SELECT v.content FROM policies p JOIN policy_versions v ON v.policy_id = p.id WHERE p.zone_id = $1 AND p.name = 'grants' ORDER BY v.version DESC LIMIT 1", [lab.zoneId],
  );
  return `${row?.content ?? ''}\n`;
}

/** Makes a version the active one in Postgres alone, as of so long ago. */
export async function bind(lab: Lab, versionId: string, ago: string): Promise<void> {
  await lab.sql('UPDATE policy_set_bindings SET active_version_id = $2, updated_at = now() - $3::interval WHERE zone_id = $1', [lab.zoneId, versionId, ago]);
}

/** Activates a version through the API, which tells the STS over the stream, and waits until it is on its way. */
export async function activate(lab: Lab, versionId: string): Promise<void> {
  const { policySetId } = lab.seeded.payments;
  const response = await fetch(`${lab.services.api.url}/v1/zones/${lab.zoneId}/policy-sets/${policySetId}/activate`, {
    method: 'POST', headers: { authorization: `Bearer ${lab.secrets.caracalAdminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ version_id: versionId }),
  });
  if (response.status !== 202) throw new Error(`policy activation: ${String(response.status)} ${await response.text()}`);
  await eventually('the activation is dispatched', async () =>
    (await lab.sql("SELECT FROM event_outbox WHERE stream_name = 'caracal.policy.invalidate' AND dispatched_at IS NULL")).length === 0);
}

/** Takes an advisory lock in a session that stays, as a forgotten `psql` does. */
export async function holdLock(lab: Lab, key: string): Promise<void> {
  await lab.sql(/^\d+$/.test(key) ? 'SELECT pg_advisory_lock($1::bigint)' : 'SELECT pg_advisory_lock(hashtext($1))', [key]);
}

/** Publishes a revocation as the API does, and waits until it is on the stream. */
export async function revokeSomething(lab: Lab): Promise<void> {
  await lab.sql(
    "INSERT INTO event_outbox (id, stream_name, payload_json) VALUES ($1, 'caracal.sessions.revoke', $2::jsonb)",
    [uuidv7(), JSON.stringify({ zone_id: lab.zoneId, session_id: uuidv7(), reason: 'subject_revoked' })],
  );
  await eventually('the revocation is dispatched', async () =>
    (await lab.sql("SELECT FROM event_outbox WHERE stream_name = 'caracal.sessions.revoke' AND dispatched_at IS NULL")).length === 0);
}

/**
 * Opens the Gateway's circuit: a mandate of use `session`, which works more than once, is presented
 * while the STS is gone. The Gateway must know the zone's keys already.
 */
export async function openCircuit(lab: Lab): Promise<void> {
  await reaches(lab, 'gateway', 'requests_allowed', 1);
  const application = lab.seeded.payments.applications['orders']?.id ?? '';
  const resource = lab.seeded.payments.resources['reports']?.identifier ?? '';
  await lab.sql('UPDATE applications SET client_secret_hash = $2 WHERE id = $1', [application, await clientSecretHash('of the fault')]);
  const minted = await fetch(`${lab.services.sts.url}/oauth/2/token`, {
    method: 'POST', body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', zone_id: lab.zoneId, application_id: application, client_secret: 'of the fault',
      resource, scope: 'agent:lifecycle',
    }),
  });
  const { access_token: mandate } = (await minted.json()) as { access_token?: string };
  if (mandate === undefined) throw new Error(`no mandate: ${String(minted.status)}`);
  await lab.services.sts.kill();
  await eventually('the circuit is open', async () => {
    const response = await fetch(`${lab.services.gateway.url}/invoices`, { headers: { authorization: `Bearer ${mandate}`, 'x-caracal-resource': resource } });
    await response.body?.cancel();
    return (await figure(lab, 'gateway', 'sts_circuit_opened')) > 0;
  });
}

/**
 * Takes the audit stream away while `meanwhile` runs: its key holds text, so that producers cannot
 * write and Audit cannot read. Afterwards the stream is as it was, and Audit reads it again.
 */
export async function withoutAuditStream(lab: Lab, meanwhile: () => Promise<void>): Promise<void> {
  const stream = 'caracal.audit.events';
  await lab.redisClient.multi().rename(stream, `${stream}.aside`).set(stream, 'in the way').exec();
  try {
    await meanwhile();
  } finally {
    await lab.redisClient.multi().del(stream).rename(`${stream}.aside`, stream).exec();
  }
  await untilReady(lab.services.audit);
}
