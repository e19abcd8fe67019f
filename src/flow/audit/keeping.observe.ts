import * as z from 'zod';
import type { Deployment } from '../../targets/deployment.ts';
import { Refused } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import type { keptParts } from './keeping.checks.ts';
import { auditKeeping } from './keeping.checks.ts';

type Part = keyof typeof keptParts;

/** One scalar of JSON for each part, so that they fit in one statement or stand each alone. */
const selects: Readonly<Record<Part, string>> = {
  alerts: `(SELECT json_build_object('rows', count(*), 'newest', max(observed_at), 'oldest', min(observed_at),
                   'kinds', coalesce(json_agg(DISTINCT kind), '[]'), 'zones', count(DISTINCT zone_id))
              FROM (SELECT observed_at, kind, zone_id FROM audit_ingest_alerts ORDER BY id DESC LIMIT 1000) AS newest)`,
  retention: `(SELECT json_build_object('days', max(retention_days), 'changedAt', max(updated_at)) FROM audit_retention WHERE singleton)`,
  installed: `(SELECT json_build_object('at', min(applied_at)) FROM schema_migrations WHERE version = '0001_baseline')`,
  exported: `(SELECT json_build_object('hour', max(last_exported_hour)) FROM audit_export_watermark WHERE name = 'parquet-hourly')`,
  rehash: '(SELECT json_build_object(\'done\', count(*) > 0) FROM audit_chain_rehash)',
};
const names = Object.keys(selects) as Part[];

/** Readable by everybody, as all of the catalogue. */
const partitions = `(SELECT json_agg(json_build_object('name', child.relname, 'bounds', pg_get_expr(child.relpartbound, child.oid)))
   FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = to_regclass('audit_events'))`;

const raw = z.object({ now: z.string(), partitions: z.array(z.object({ name: z.string(), bounds: z.string() })).nullable() });

const observer: Observer<z.infer<typeof auditKeeping.schema>> = {
  subject: auditKeeping,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'SELECT from audit_ingest_alerts, audit_retention, audit_export_watermark, audit_chain_rehash, schema_migrations and the partitions of audit_events',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const catalogue = `now() AS now, ${partitions} AS partitions`;
    try {
      const [row] = await deployment.postgres().query(`SELECT ${catalogue}, ${names.map((name) => `${selects[name]} AS ${name}`).join(', ')}`, [], signal);
      return answerOf({ ...row, ...Object.fromEntries(names.map((name) => [name, { kind: 'read', value: row?.[name] }])) });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    // One table that is closed or absent must not hide the others.
    const [row] = await deployment.postgres().query(`SELECT ${catalogue}`, [], signal);
    const each: [Part, unknown][] = [];
    for (const name of names) each.push([name, await part(deployment, name, signal)]);
    return answerOf({ ...row, ...Object.fromEntries(each) });
  },
};

async function part(deployment: Deployment, name: Part, signal: AbortSignal): Promise<unknown> {
  try {
    const [row] = await deployment.postgres().query(`SELECT ${selects[name]} AS part`, [], signal);
    return { kind: 'read', value: row?.['part'] };
  } catch (error) {
    if (isMissing(error)) return { kind: 'refused', code: error.code, message: error.message };
    throw error;
  }
}

/** No privilege, no such table, no such column. */
function isMissing(error: unknown): error is Refused {
  return error instanceof Refused && ['42501', '42P01', '42703'].includes(error.code);
}

function answerOf(row: Readonly<Record<string, unknown>>): z.infer<typeof auditKeeping.schema> {
  const { now, partitions: found } = raw.parse(row);
  return auditKeeping.schema.parse({ ...row, now, partitions: (found ?? []).map(({ name, bounds }) => ({ name, from: from(bounds) })) });
}

/** The lower bound of `FOR VALUES FROM ('2026-11-01 00:00:00+00') TO (…)`; null for the default partition and for one without. */
function from(bounds: string): string | null {
  const written = /FROM \('([^']+)'\)/.exec(bounds)?.[1];
  return written === undefined ? null : written.replace(' ', 'T').replace(/\+00$/, 'Z');
}

export const keepingObservers = [observer];
