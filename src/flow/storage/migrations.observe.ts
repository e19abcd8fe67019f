import { fingerprints } from '../../caracal/migrations.ts';
import { Refused } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { migrationHistory, schemaFingerprints } from './migrations.checks.ts';
import { postgresDeadlineMs } from './postgres.observe.ts';

const noSuchTable = '42P01';

const history: Observer<{ present: boolean; applied: { version: string; appliedAt: string }[] }> = {
  subject: migrationHistory,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'SELECT version, applied_at FROM public.schema_migrations ORDER BY version',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    let rows;
    try {
      rows = await deployment.postgres().query(
        `SELECT version, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS applied_at
           FROM public.schema_migrations ORDER BY version`,
        [],
        signal,
      );
    } catch (error) {
      if (error instanceof Refused && error.code === noSuchTable) return { present: false, applied: [] };
      throw error;
    }
    return {
      present: true,
      applied: rows.map((row) => ({ version: String(row['version']), appliedAt: String(row['applied_at']) })),
    };
  },
};

/** Looks each fingerprint up in the catalogue; none of it reads a row of Caracal's. */
const lookUp = `
  SELECT name FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS f(name, kind, holder, object, wanted)
   WHERE CASE kind
     WHEN 'table' THEN to_regclass('public.' || holder) IS NOT NULL
     WHEN 'index' THEN to_regclass('public.' || object) IS NOT NULL
     WHEN 'function' THEN to_regprocedure('public.' || holder) IS NOT NULL
     WHEN 'column' THEN EXISTS (SELECT FROM pg_attribute
       WHERE attrelid = to_regclass('public.' || holder) AND attname = object AND NOT attisdropped)
     WHEN 'trigger' THEN EXISTS (SELECT FROM pg_trigger
       WHERE tgrelid = to_regclass('public.' || holder) AND tgname = object AND tgenabled <> 'D')
     WHEN 'constraint' THEN EXISTS (SELECT FROM pg_constraint
       WHERE conrelid = to_regclass('public.' || holder) AND conname = object)
     WHEN 'definition' THEN (SELECT pg_get_constraintdef(oid) FROM pg_constraint
       WHERE conrelid = to_regclass('public.' || holder) AND conname = object) = wanted
     WHEN 'privilege' THEN EXISTS (SELECT FROM pg_roles
       WHERE rolname = split_part(object, ':', 1)
         AND has_table_privilege(oid, to_regclass('public.' || holder), split_part(object, ':', 2)))
   END`;

const catalogue: Observer<{ present: string[] }> = {
  subject: schemaFingerprints,
  deadlineMs: postgresDeadlineMs,
  asked: () => `look-up of ${fingerprints.length} objects in pg_catalog`,
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(
      lookUp,
      [
        fingerprints.map(({ name }) => name),
        fingerprints.map(({ kind }) => kind),
        fingerprints.map(({ on }) => on),
        fingerprints.map(({ object }) => object),
        fingerprints.map(({ text }) => text ?? null),
      ],
      signal,
    );
    return { present: rows.map((row) => String(row['name'])) };
  },
};

export const migrationObservers = [history, catalogue];
