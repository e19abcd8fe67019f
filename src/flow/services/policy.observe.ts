import * as z from 'zod';
import { Refused } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { fieldsOf, reasonOf } from '../readiness/service.checks.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { policyActivation, zoneKeys, zonePolicy } from './policy.checks.ts';

type Answer<Of> = Of extends { schema: z.ZodType<infer Value> } ? Value : never;

const httpDeadlineMs = 8_000;

/**
 * One row, whatever there is. The STS hashes the manifest written compactly, each object with nothing but
 * `policy_version_id` (Caracal services/sts/internal/opa.go:392).
 */
const statement = (intact: string): string => `
  WITH active AS (
    SELECT b.policy_set_id, b.active_version_id, b.updated_at, s.name, v.version, v.manifest_sha256, v.manifest_json
      FROM policy_set_bindings b
      LEFT JOIN policy_sets s ON s.id = b.policy_set_id
      LEFT JOIN policy_set_versions v ON v.id = b.active_version_id
     WHERE b.zone_id = $1 AND b.active_version_id IS NOT NULL LIMIT 1
  ), entries AS (
    SELECT n, entry->>'policy_version_id' AS id
      FROM active, jsonb_array_elements(CASE jsonb_typeof(manifest_json) WHEN 'array' THEN manifest_json ELSE '[]' END) WITH ORDINALITY AS e(entry, n)
  )
  SELECT (SELECT count(*)::int FROM policy_sets WHERE zone_id = $1 AND archived_at IS NULL) AS sets,
         (SELECT json_build_object('set', policy_set_id, 'name', coalesce(name, policy_set_id), 'versionId', active_version_id, 'version', version,
                 'manifestSha256', manifest_sha256, 'since', to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                 'sinceMs', greatest(0, extract(epoch FROM statement_timestamp() - updated_at) * 1000)) FROM active) AS active,
         (SELECT encode(sha256(convert_to('[' || coalesce(
                   (SELECT string_agg('{"policy_version_id":' || to_json(coalesce(id, ''))::text || '}', ',' ORDER BY n) FROM entries), '') || ']', 'UTF8')), 'hex')
            FROM active) AS manifest,
         (SELECT json_agg(json_build_object('id', e.id, 'exists', p.id IS NOT NULL, 'intact', ${intact}) ORDER BY e.n)
            FROM entries e LEFT JOIN policy_versions p ON p.id = e.id) AS policies,
         (SELECT json_agg(json_build_object('id', id, 'version', version, 'ageMs', greatest(0, extract(epoch FROM statement_timestamp() - created_at) * 1000)))
            FROM (SELECT id, version, created_at FROM secrets WHERE zone_id = $1 AND name = 'zone_signing_key'
                   ORDER BY version DESC, created_at DESC LIMIT 2) AS newest) AS keys`;

const withContent = statement(`encode(sha256(convert_to(p.content, 'UTF8')), 'hex') = p.content_sha256`);
/** For a role that may not read policies, only what identifies them. */
const withoutContent = statement('NULL::boolean');

const policy: Observer<Answer<typeof zonePolicy>> = {
  subject: zonePolicy,
  deadlineMs: postgresDeadlineMs,
  asked: (_deployment, of) => `active policy set version of zone ${of}, hashes of its manifest and policies, its signing keys by id`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Postgres');
    const postgres = deployment.postgres();
    const rows = await postgres.query(withContent, [of], signal).catch((error: unknown) => {
      if (!(error instanceof Refused) || error.code !== '42501') throw error;
      return postgres.query(withoutContent, [of], signal);
    });
    const [row = {}] = rows;
    return zonePolicy.schema.parse({
      sets: row['sets'],
      active: row['active'],
      manifestComputed: row['manifest'],
      policies: (row['policies'] as unknown[] | null)?.map((entry) => ({ ...(entry as object), id: (entry as { id: string | null }).id ?? '' })) ?? [],
      keys: row['keys'] ?? [],
    });
  },
};

const text = z.string().nullish().transform((value) => value ?? null);

const status = z.object({
  active_version_id: text,
  manifest_sha256: text,
  propagation_status: text,
  outbox: z.object({ state: text }).nullish(),
  sts: z
    .object({ state: z.string(), policy_set_version_id: text, manifest_sha256: text, age_seconds: z.number().nullish(), detail: text })
    .nullish(),
});

const pathOf = (of: string): string => {
  const [zone = '', set = ''] = of.split('/');
  return `/v1/zones/${encodeURIComponent(zone)}/policy-sets/${encodeURIComponent(set)}/activation-status`;
};

const activation: Observer<Answer<typeof policyActivation>> = {
  subject: policyActivation,
  deadlineMs: httpDeadlineMs,
  asked: (deployment, of) => `GET ${deployment.http('api').at(pathOf(of)).href}`,
  async observe(deployment, { of, signal, stage }) {
    stage('connecting or waiting for an answer');
    const answer = await deployment.http('api').get({ path: pathOf(of), token: 'admin', signal });
    const told = answer.status === 200 ? status.safeParse(fieldsOf(answer.body)).data : undefined;
    const sts = told?.sts;
    return {
      status: answer.status,
      error: answer.status === 200 ? null : (reasonOf(answer.body) ?? null),
      propagation: told?.propagation_status ?? null,
      activeVersionId: told?.active_version_id ?? null,
      manifestSha256: told?.manifest_sha256 ?? null,
      outbox: told?.outbox?.state ?? null,
      sts: sts
        ? {
            state: sts.state,
            versionId: sts.policy_set_version_id,
            manifestSha256: sts.manifest_sha256,
            ageSeconds: sts.age_seconds ?? null,
            detail: sts.detail,
          }
        : null,
    };
  },
};

const keySet = z.object({ keys: z.array(z.object({ kid: z.string() })) });

const keysPath = (zone: string): string => `/.well-known/jwks.json?zone_id=${encodeURIComponent(zone)}`;

const keys: Observer<Answer<typeof zoneKeys>> = {
  subject: zoneKeys,
  deadlineMs: httpDeadlineMs,
  asked: (deployment, of) => `GET ${deployment.http('sts').at(keysPath(of)).href}`,
  async observe(deployment, { of, signal, stage }) {
    stage('connecting or waiting for an answer');
    const answer = await deployment.http('sts').get({ path: keysPath(of), signal });
    const fields = fieldsOf(answer.body);
    const description = fields?.['error_description'];
    return {
      status: answer.status,
      error: answer.status === 200 ? null : typeof description === 'string' ? description : (reasonOf(answer.body) ?? null),
      kids: answer.status === 200 ? (keySet.safeParse(fields).data?.keys.map(({ kid }) => kid) ?? null) : null,
    };
  },
};

export const policyObservers = [policy, activation, keys];
