import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { serviceMetrics } from '../services/serviceMetrics.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';

/** A table that is closed to us or absent does not hide the others. */
function part<Value extends z.ZodType>(value: Value): z.ZodDiscriminatedUnion<[z.ZodObject<{ kind: z.ZodLiteral<'read'>; value: Value }>, z.ZodObject<{ kind: z.ZodLiteral<'refused'>; code: z.ZodString; message: z.ZodString }>]> {
  return z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('read'), value }),
    z.object({ kind: z.literal('refused'), code: z.string(), message: z.string() }),
  ]);
}

/** What is read of one small table each. Times are ISO 8601. */
export const keptParts = {
  alerts: part(
    z.object({
      /** Of the newest 1,000. */
      rows: z.number().int(),
      newest: z.string().nullable(),
      oldest: z.string().nullable(),
      kinds: z.array(z.string()),
      zones: z.number().int(),
    }),
  ),
  /** The window that was set in Console; null when none was. */
  retention: part(z.object({ days: z.number().int().nullable(), changedAt: z.string().nullable() })),
  /** When the first migration was applied. */
  installed: part(z.object({ at: z.string().nullable() })),
  /** The last hour that was exported; null when none ever was. */
  exported: part(z.object({ hour: z.string().nullable() })),
  /** Whether Audit has hashed the rows of an older release again, or found none. */
  rehash: part(z.object({ done: z.boolean() })),
};

/** How the ledger is kept: alerts of ingestion, retention and export. */
export const auditKeeping = subject(
  'postgres.auditKeeping',
  z.object({
    /** Clock of Postgres. */
    now: z.string(),
    /** Partitions of `audit_events` and where each begins; null for the default one. */
    partitions: z.array(z.object({ name: z.string(), from: z.string().nullable() })),
    ...keptParts,
  }),
);

type Keeping = z.infer<typeof auditKeeping.schema>;
type Part<Value> = { readonly kind: 'read'; readonly value: Value } | { readonly kind: 'refused'; readonly code: string; readonly message: string };

const question = auditKeeping.of('Postgres');
const auditMetrics = serviceMetrics.of('audit');

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Without a value in AUDIT_RETENTION_DAYS: Caracal services/audit/internal/config.go. */
const defaultDays = 365;
/** Retention runs each 6 h, and not in the first 6 h of the process. */
const graceMs = dayMs;
/** An export that is behind for longer is told apart from one that was switched off. */
const forgottenMs = 30 * dayMs;

const base = { step: 'audit', component: 'audit', needs: [postgresAuthenticationId], asks: [question] } as const;

function whenRead<Value>(observed: Observed, partOf: (keeping: Keeping) => Part<Value>, judge: (value: Value, keeping: Keeping) => Judgement): Judgement {
  return whenAnswered(observed.get(question), (keeping) => {
    const found = partOf(keeping);
    if (found.kind === 'read') return judge(found.value, keeping);
    const why = found.code === '42501' ? `no permission: ${found.message}` : `${found.code}: ${found.message}`;
    return finding('unknown', why, 'The table could not be read, so nothing is known here.');
  });
}

/** A month of Caracal's own naming, which is what retention goes by. */
function monthOf(name: string): { readonly fromMs: number; readonly endMs: number } | undefined {
  const [, year, month] = /^audit_events_y(\d{4})m(\d{2})$/.exec(name) ?? [];
  if (year === undefined || month === undefined) return undefined;
  return { fromMs: Date.UTC(Number(year), Number(month) - 1), endMs: Date.UTC(Number(year), Number(month)) };
}

function judgeRetention(keeping: Keeping, days: number | null, changedAt: string | null): Judgement {
  const nowMs = Date.parse(keeping.now);
  const months = keeping.partitions
    .flatMap(({ name }) => {
      const month = monthOf(name);
      return month ? [{ name, ...month }] : [];
    })
    .sort((left, right) => left.fromMs - right.fromMs);
  const [oldest] = months;
  if (!oldest) return finding('unknown', 'no partition by month', 'Retention drops partitions that are named audit_events_yYYYYmMM, and there is none.');
  const kept = days ?? defaultDays;
  const since = changedAt === null ? -Infinity : Date.parse(changedAt);
  const overdue = months.filter(({ endMs }) => Math.max(endMs + kept * dayMs, since) + graceMs < nowMs);
  const facts: Fact[] = [
    { name: 'oldest partition', value: oldest.name },
    { name: 'kept', value: days === null ? `${defaultDays} d unless AUDIT_RETENTION_DAYS says otherwise` : `${days} d, set in Console` },
    ...(overdue.length > 0 ? [{ name: 'due to be dropped', value: overdue.map(({ name }) => name).join(', ') }] : []),
  ];
  if (overdue.length === 0) return finding('pass', `oldest ${oldest.name.slice(-8)}, ${kept} d kept`, 'No partition has ended longer ago than the ledger is kept.', facts);
  if (days === null && runsRetention(keeping, months.at(-1)?.fromMs ?? 0, nowMs)) {
    return finding('pass', `oldest ${oldest.name.slice(-8)}, more than ${defaultDays} d kept`, 'Retention runs, as the partitions ahead show, so that AUDIT_RETENTION_DAYS of Audit is above its default of 365.', facts);
  }
  return finding(
    'warn',
    `${count(overdue.length, 'partition')} overdue, oldest ${oldest.name.slice(-8)}`,
    `${kept} days are kept, and retention drops what is older each 6 h in the replica that leads. It does not run, or fails before it drops.`,
    facts,
  );
}

/** The first migration makes four months; later ones that reach three months ahead of now are of a retention that runs. */
function runsRetention({ installed }: Keeping, newestMs: number, nowMs: number): boolean {
  if (installed.kind !== 'read' || installed.value.at === null) return false;
  return newestMs > monthsAfter(Date.parse(installed.value.at), 3) && newestMs >= monthsAfter(nowMs - graceMs, 3);
}

function monthsAfter(ms: number, months: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months);
}

/** What became of the ledger: what was refused on the way in, what is dropped, and what is archived. */
export const keepingChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-AUD-008',
    title: 'Ingest alerts',
    privilege: 'SELECT on audit_ingest_alerts',
    source: 'services/audit/internal/pg.go:167',
    judge: (observed) =>
      whenRead(observed, ({ alerts }) => alerts, ({ rows, newest, oldest, kinds, zones }, { now }) => {
        if (rows === 0) return finding('pass', '0 alerts', 'Audit writes a row when an event comes again with other content. There is none, in no zone.');
        const age = newest === null ? '' : `, newest ${milliseconds(Math.max(0, Date.parse(now) - Date.parse(newest)))}`;
        return finding('fail', `${count(rows, 'alert')}${age}: ${kinds.join(', ')}`, 'An event came again under the same id and time with other content. The first one stands in the ledger, the other one in audit.events.dlq as tamper_on_replay. Nothing clears these rows.', [
          { name: 'newest', value: newest ?? '' },
          { name: 'oldest', value: oldest ?? '' },
          { name: 'zones', value: String(zones) },
        ]);
      }),
  },
  {
    ...base,
    id: 'CRC-AUD-011',
    title: 'Retention',
    privilege: 'SELECT on audit_retention, schema_migrations',
    source: 'services/audit/internal/retention.go:51',
    judge: (observed) => whenRead(observed, ({ retention }) => retention, ({ days, changedAt }, keeping) => judgeRetention(keeping, days, changedAt)),
  },
  {
    ...base,
    id: 'CRC-AUD-012',
    title: 'Export',
    privilege: 'SELECT on audit_export_watermark',
    source: 'services/audit/internal/parquet.go:89',
    judge: (observed) =>
      whenRead(observed, ({ exported }) => exported, ({ hour }, { now }) => {
        if (hour === null) return finding('not-applicable', 'off', 'Without AUDIT_EXPORT_S3_BUCKET nothing is exported, and no hour ever was.');
        const lastClosedMs = Math.floor(Date.parse(now) / hourMs) * hourMs - hourMs;
        const behind = Math.max(0, Math.round((lastClosedMs - Date.parse(hour)) / hourMs));
        const facts: Fact[] = [{ name: 'last exported hour', value: hour }];
        if (behind <= 2) return finding('pass', `${behind} h behind`, 'Closed hours are exported each hour from the start of Audit on, so that up to 2 h may wait.', facts);
        const warned = finding('warn', `${count(behind, 'closed hour')} not exported`, 'The export fails or does not run: no replica leads, the store refuses, or Audit is away. It goes on where it stopped.', facts);
        if (lastClosedMs - Date.parse(hour) <= forgottenMs) return warned;
        const metrics = observed.find(auditMetrics);
        if (!metrics) return { ...warned, wants: [auditMetrics] };
        const backlog = metrics.outcome.kind === 'answer' ? metrics.outcome.value.values?.['export_backlog_hours'] : undefined;
        return backlog === 0
          ? finding('not-applicable', `off since ${hour.slice(0, 10)}`, 'Audit has no hour to export, although the last one is long ago: the export was switched off.', facts)
          : warned;
      }),
  },
];
