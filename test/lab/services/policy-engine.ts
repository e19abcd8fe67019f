import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import * as z from 'zod';
import { messageOf } from './deadline.ts';
import type { Log } from './logging.ts';

/** Policy contract of this release, and what identifies its text (contract, readiness 2.6). */
export const DECISION_CONTRACT_VERSION = '2026-07-12';
export const DECISION_CONTRACT_SHA256 = createHash('sha256').update(`lab decision contract ${DECISION_CONTRACT_VERSION}`).digest('hex');

/** The data documents of a zone that this engine reads. */
const documentsSchema = z.object({
  app_ids: z.record(z.string(), z.string()),
  grants: z.array(z.object({ application: z.string(), resource: z.string(), scopes: z.array(z.string()) })),
  restrict: z.record(z.string(), z.unknown()),
});
type Documents = z.infer<typeof documentsSchema>;
const manifestSchema = z.array(z.object({ policy_version_id: z.string() }));

type Bundle = { versionId: string; manifestSha: string; documents: Documents | undefined; loadedAt: number };
const NO_POLICY: Bundle = { versionId: '', manifestSha: 'no_active_policy_set', documents: undefined, loadedAt: 0 };

export type Question = {
  zoneId: string;
  applicationId: string;
  resource: string;
  scopes: readonly string[];
  kind: 'bootstrap' | 'mint' | 'use';
  /** Whether Session and Delegation are given. */
  governed: boolean;
};
export type Decision = {
  allowed: boolean;
  policySetVersionId: string;
  manifestSha: string;
  /** Why not; empty when allowed. */
  reason: string;
  policies: { policy: string }[];
};

/**
 * The part of Caracal's policy engine that decides over plain grants: bundles are read from
 * Postgres per zone, checked against their manifest hash, and read again on an invalidation and by
 * a safety poll. An unchanged bundle keeps its age (contract, deploy 0, fact 6).
 */
export class PolicyEngine {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #bundles = new Map<string, Bundle>();
  readonly counters = { evaluations: 0, evaluationNs: 0n, compilations: 0, compilationErrors: 0, compilationNs: 0n };

  constructor(pool: Pool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Loads every zone that has a binding. */
  async reloadAll(message: string): Promise<void> {
    try {
      const { rows } = await this.#pool.query<{ zone_id: string }>('SELECT DISTINCT zone_id FROM policy_set_bindings');
      for (const { zone_id: zone } of rows) {
        await this.reload(zone).catch((error: unknown) => {
          this.#log('error', `${message}: reload zone`, { zone, error: messageOf(error) });
        });
      }
    } catch (error) {
      this.#log('error', `${message}: list bound zones`, { error: messageOf(error) });
    }
  }

  /**
   * Loads the zone's active version, if it is another one than the loaded.
   *
   * @throws Error when it cannot be read or does not match its manifest; the old bundle stays
   */
  async reload(zoneId: string): Promise<void> {
    const active = await this.#pool.query<{ id: string; manifest_json: unknown; manifest_sha256: string }>(
      `SELECT v.id, v.manifest_json, v.manifest_sha256
       FROM policy_set_bindings b JOIN policy_set_versions v ON v.id = b.active_version_id
       JOIN policy_sets s ON s.id = b.policy_set_id AND s.archived_at IS NULL WHERE b.zone_id = $1`, [zoneId],
    );
    const version = active.rows[0];
    if (version === undefined) {
      this.#bundles.set(zoneId, { ...NO_POLICY, loadedAt: Date.now() });
      return;
    }
    if (this.#bundles.get(zoneId)?.versionId === version.id) return;
    const started = process.hrtime.bigint();
    this.counters.compilations += 1;
    try {
      const documents = await this.#compile(version);
      this.#bundles.set(zoneId, { versionId: version.id, manifestSha: version.manifest_sha256, documents, loadedAt: Date.now() });
    } catch (error) {
      this.counters.compilationErrors += 1;
      throw error;
    } finally {
      this.counters.compilationNs += process.hrtime.bigint() - started;
    }
  }

  /** Decides from what is loaded; a zone without a policy denies everything. */
  decide(question: Question): Decision {
    const started = process.hrtime.bigint();
    const bundle = this.#bundles.get(question.zoneId) ?? NO_POLICY;
    const reason = bundle.documents === undefined ? 'no_active_policy_set' : refusal(bundle.documents, question);
    this.counters.evaluations += 1;
    this.counters.evaluationNs += process.hrtime.bigint() - started;
    return {
      allowed: reason === '', reason, policySetVersionId: bundle.versionId, manifestSha: bundle.manifestSha,
      policies: reason === '' ? [{ policy: determining(bundle.documents, question) }] : [],
    };
  }

  /** Seconds since the oldest bundle was loaded, 0 without any. */
  maxAgeSeconds(): number {
    const loaded = [...this.#bundles.values()].map(({ loadedAt }) => loadedAt);
    return loaded.length === 0 ? 0 : (Date.now() - Math.min(...loaded)) / 1000;
  }

  async #compile(version: { manifest_json: unknown; manifest_sha256: string }): Promise<Documents> {
    const manifest = manifestSchema.parse(version.manifest_json);
    // Hashed compact, each object with its only key (contract, storage 5.2).
    const hash = createHash('sha256').update(JSON.stringify(manifest.map(({ policy_version_id }) => ({ policy_version_id })))).digest('hex');
    if (hash !== version.manifest_sha256) throw new Error('policy manifest hash mismatch');
    const { rows } = await this.#pool.query<{ content: string }>(
      'SELECT content FROM policy_versions WHERE id = ANY($1)', [manifest.map(({ policy_version_id }) => policy_version_id)],
    );
    if (rows.length !== manifest.length) throw new Error('policy bundle incomplete');
    return documentsSchema.parse(Object.fromEntries(rows.map(({ content }) => documentOf(content))));
  }
}

/** `name := <JSON>`, the only rule of a data document. */
function documentOf(content: string): [name: string, value: unknown] {
  const match = /^(\w+) := ([\s\S]+)$/m.exec(content);
  if (match === null) throw new Error('compile policy bundle: no rule');
  return [match[1] ?? '', JSON.parse(match[2] ?? '')];
}

/** The decision contract's reasons in its order (contract, request evidence 7.5); empty = allowed. */
function refusal(documents: Documents, question: Question): string {
  if (Object.keys(documents.restrict).length > 0) return 'restriction_active';
  const owner = ownerOf(documents, question.applicationId);
  const grants = documents.grants.filter(({ application, resource }) => application === owner && resource === question.resource);
  if (question.kind === 'bootstrap') {
    return grants.length > 0 && question.scopes.every((scope) => scope === 'agent:lifecycle') ? '' : 'no_rule_matched';
  }
  if (!question.governed) return 'no_rule_matched';
  if (grants.length === 0) return 'resource_not_granted';
  const granted = new Set(grants.flatMap(({ scopes }) => scopes));
  return question.scopes.every((scope) => granted.has(scope)) ? '' : 'role_scope_mismatch';
}

function determining(documents: Documents | undefined, question: Question): string {
  if (question.kind === 'bootstrap' || documents === undefined) return 'caracal-bootstrap';
  return `caracal-${ownerOf(documents, question.applicationId)}-${question.kind}`;
}

function ownerOf(documents: Documents, applicationId: string): string {
  return Object.entries(documents.app_ids).find(([, id]) => id === applicationId)?.[0] ?? '';
}
