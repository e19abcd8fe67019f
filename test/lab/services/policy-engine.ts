import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import * as z from 'zod';
import { decide, denied, type Documents, documentsSchema, type PolicyInput, type Verdict } from './decision-contract.ts';
import { messageOf } from './deadline.ts';
import type { Log } from './logging.ts';

/** Policy contract of this release, and what identifies its text (contract, readiness 2.6). */
export const DECISION_CONTRACT_VERSION = '2026-07-12';
export const DECISION_CONTRACT_SHA256 = createHash('sha256').update(`lab decision contract ${DECISION_CONTRACT_VERSION}`).digest('hex');

const manifestSchema = z.array(z.object({ policy_version_id: z.string() }));

type Bundle = { versionId: string; manifestSha: string; documents: Documents | undefined; loadedAt: number };
/** What identifies the deny-all that takes the place of a missing policy. */
const DENY_ALL = 'no_active_policy_set';

/** A policy that is no data document of the platform. */
class InvalidModule extends Error {}

/** What identifies the bundle that decides for a zone. */
export type BundleInfo = { policySetVersionId: string; manifestSha: string };
export type PolicyModule = { id: string; content: string };

/**
 * Caracal's policy engine over data documents: bundles are read from Postgres per zone, checked
 * against their manifest hash, and read again on an invalidation and by a safety poll. An unchanged
 * bundle keeps its age (contract, deploy 0, fact 6).
 */
export class PolicyEngine {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #bundles = new Map<string, Bundle>();
  readonly counters = { evaluations: 0, evaluationErrors: 0, evaluationNs: 0n, compilations: 0, compilationErrors: 0, compilationNs: 0n };

  constructor(pool: Pool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Loads every zone that has an active version, once, when the process starts. */
  async seed(): Promise<void> {
    try {
      const { rows } = await this.#pool.query<{ zone_id: string }>('SELECT DISTINCT zone_id FROM policy_set_bindings WHERE active_version_id IS NOT NULL');
      await this.#reloadEach(rows.map(({ zone_id: zone }) => zone), 'opa seed: load zone');
    } catch (error) {
      this.#log('error', 'opa seed: list bound zones', { error: messageOf(error) });
    }
  }

  /** The safety poll: looks at the zones that are loaded, and at no other. */
  poll(): Promise<void> {
    return this.#reloadEach([...this.#bundles.keys()], 'opa pg poll: reload zone');
  }

  async #reloadEach(zones: readonly string[], message: string): Promise<void> {
    for (const zone of zones) {
      await this.reload(zone).catch((error: unknown) => {
        this.#log('error', message, { zone, error: messageOf(error) });
      });
    }
  }

  /**
   * Loads the zone's active version, if its content is another one than the loaded. While Postgres does
   * not answer, what is loaded stays; without anything loaded everything is denied.
   *
   * @throws Error when it does not match its manifest or does not compile; the old bundle stays
   */
  async reload(zoneId: string): Promise<void> {
    let version: { id: string; manifest_json: unknown; manifest_sha256: string } | undefined;
    try {
      const active = await this.#pool.query<{ id: string; manifest_json: unknown; manifest_sha256: string }>(
        `SELECT v.id, v.manifest_json, v.manifest_sha256 FROM policy_set_bindings b JOIN policy_set_versions v ON v.id = b.active_version_id
         WHERE b.zone_id = $1`, [zoneId],
      );
      version = active.rows[0];
    } catch (error) {
      if (this.#bundles.has(zoneId)) return;
      this.#denyAll(zoneId);
      throw error;
    }
    if (version === undefined) {
      this.#denyAll(zoneId);
      return;
    }
    const manifest = manifestSchema.parse(version.manifest_json);
    // Hashed compact, each object with its only key (contract, storage 5.2).
    const hash = createHash('sha256').update(JSON.stringify(manifest.map(({ policy_version_id }) => ({ policy_version_id })))).digest('hex');
    if (hash !== version.manifest_sha256) throw new Error(`policy manifest hash mismatch for zone ${zoneId}`);
    if (this.#bundles.get(zoneId)?.manifestSha === hash) return;
    const documents = await this.#compile(zoneId, manifest.map(({ policy_version_id }) => policy_version_id));
    this.#bundles.set(zoneId, { versionId: version.id, manifestSha: hash, documents, loadedAt: Date.now() });
  }

  /**
   * Decides from what is loaded, after a load where nothing is; a zone without a policy denies everything.
   *
   * @throws Error when it cannot be loaded or evaluated
   */
  async decide(zoneId: string, input: PolicyInput): Promise<Verdict> {
    const started = process.hrtime.bigint();
    this.counters.evaluations += 1;
    try {
      if (!this.#bundles.has(zoneId)) {
        await this.reload(zoneId).catch((error: unknown) => {
          throw new Error(`load policy for zone ${zoneId}: ${messageOf(error)}`, { cause: error });
        });
      }
      const documents = this.#bundles.get(zoneId)?.documents;
      return documents === undefined ? denied(DENY_ALL) : decide(documents, input);
    } catch (error) {
      this.counters.evaluationErrors += 1;
      throw error;
    } finally {
      this.counters.evaluationNs += process.hrtime.bigint() - started;
    }
  }

  /** The bundle that is loaded now; empty while none is. */
  info(zoneId: string): BundleInfo {
    const bundle = this.#bundles.get(zoneId);
    return { policySetVersionId: bundle?.versionId ?? '', manifestSha: bundle?.manifestSha ?? '' };
  }

  /** Decides from the given policies instead of those that are loaded. @throws Error when they do not compile */
  simulate(modules: readonly PolicyModule[], input: PolicyInput): Verdict {
    return decide(documentsSchema.parse(Object.fromEntries(modules.map(({ id, content }) => documentOf(id, content)))), input);
  }

  /** What is loaded for a zone (Caracal services/sts/internal/simulation.go, policyStatusResponse). */
  status(zoneId: string): Record<string, unknown> {
    const bundle = this.#bundles.get(zoneId);
    if (bundle === undefined) return { zone_id: zoneId, loaded: false };
    const age = Math.floor((Date.now() - bundle.loadedAt) / 1000);
    return {
      zone_id: zoneId, loaded: true, ...(bundle.versionId === '' ? {} : { policy_set_version_id: bundle.versionId }), manifest_sha256: bundle.manifestSha,
      loaded_at: `${new Date(bundle.loadedAt).toISOString().slice(0, 19)}Z`, ...(age === 0 ? {} : { age_seconds: age }),
    };
  }

  /** Seconds since the oldest bundle was loaded, 0 without any. */
  maxAgeSeconds(): number {
    const loaded = [...this.#bundles.values()].map(({ loadedAt }) => loadedAt);
    return loaded.length === 0 ? 0 : (Date.now() - Math.min(...loaded)) / 1000;
  }

  #denyAll(zoneId: string): void {
    this.#bundles.set(zoneId, { versionId: '', manifestSha: DENY_ALL, documents: undefined, loadedAt: Date.now() });
  }

  /** Only what gets as far as the compiler counts as a compilation. */
  async #compile(zoneId: string, ids: readonly string[]): Promise<Documents> {
    const { rows } = await this.#pool.query<{ id: string; content: string }>('SELECT id, content FROM policy_versions WHERE id = ANY($1)', [ids]);
    if (rows.length !== ids.length) {
      throw new Error(`policy bundle incomplete for zone ${zoneId}: manifest requires ${String(ids.length)} versions, got ${String(rows.length)}`);
    }
    let modules: [name: string, value: unknown][];
    try {
      modules = rows.map(({ id, content }) => documentOf(id, content));
    } catch (error) {
      if (!(error instanceof InvalidModule)) throw error;
      this.#denyAll(zoneId);
      throw new Error(`validate policy bundle for zone ${zoneId}: ${error.message}`, { cause: error });
    }
    const started = process.hrtime.bigint();
    this.counters.compilations += 1;
    const compiled = documentsSchema.safeParse(Object.fromEntries(modules));
    this.counters.compilationNs += process.hrtime.bigint() - started;
    if (compiled.success) return compiled.data;
    this.counters.compilationErrors += 1;
    throw new Error(`compile policy bundle for zone ${zoneId}: ${compiled.error.issues.map(({ path }) => path.join('.')).join(', ')}`);
  }
}

/** `name := <JSON>`, the only rule of a data document. @throws InvalidModule for anything else */
function documentOf(id: string, content: string): [name: string, value: unknown] {
  const match = /^(\w+) := ([\s\S]+)$/m.exec(content);
  if (match === null) throw new InvalidModule(`parse policy module ${id}: no rule`);
  const [, name = '', value = ''] = match;
  if (!Object.hasOwn(documentsSchema.shape, name)) throw new InvalidModule(`policy module ${id} defines unsupported data rule ${name}`);
  try {
    return [name, JSON.parse(value)];
  } catch (error) {
    throw new InvalidModule(`parse policy module ${id}: ${messageOf(error)}`);
  }
}
