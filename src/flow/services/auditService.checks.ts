import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksFigures, judgeMovement, movement, over, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';

const lease = z.object({
  /** Roles of the sessions that hold the lease; two cannot. */
  holders: z.array(z.string()),
});

/** Who leads retention and export of Audit, by the advisory locks of Postgres. */
export const auditLeaders = subject(
  'postgres.auditLeaders',
  z.object({
    retention: lease,
    export: lease,
    /** Sessions of the role that Audit uses. */
    sessions: z.number().int(),
    /** Age of the oldest of them; null without any, or when the role in hand may not see it. */
    oldestMs: z.number().nullable(),
  }),
);

const question = auditLeaders.of('Postgres');

/** The role that the chart and Compose give to Audit: Caracal infra/postgres/migrations/0001_baseline.up.sql:7. */
const auditRole = 'caracalaudit';

/** A replica asks for a lease each 30 s, so that after a restart of Postgres nobody may lead for that long. */
const leadsWithinMs = 90_000;

const sweepEveryMs = 3_600_000;

const names = {
  checked: 'tamper_checked_total', mismatches: 'tamper_mismatch_total', breaks: 'tamper_chain_breaks', signatures: 'tamper_hmac_failures',
  lastSweep: 'tamper_last_sweep_unix', lastFull: 'tamper_last_full_unix', hmac: 'hmac_failures_total', inserts: 'inserts_total',
  parse: 'parse_errors_total', dead: 'dlq_total', deadSize: 'dlq_size', deadAge: 'dlq_oldest_age_secs', replays: 'tamper_replay_total',
  retries: 'retries_total', exported: 'export_events_total', exportErrors: 'export_errors_total', backlog: 'export_backlog_hours',
  exportMs: 'export_duration_ms', created: 'retention_created_total', dropped: 'retention_dropped_total',
} as const;

/** Audit recomputes the chains when it starts, and each hour those of the last hours; what it finds stands in figures and log alone. */
function judgeSweep(observed: Observed): Judgement {
  const { checked, mismatches, breaks, signatures, lastSweep, lastFull } = names;
  return whenFigures(observed, 'audit', [checked, mismatches, breaks, signatures, lastSweep, lastFull], ({ value, atMs }) => {
    const ago = (name: string): string => (value(name) === 0 ? 'never' : `${milliseconds(Math.max(0, atMs - value(name) * 1_000))} ago`);
    const facts: Fact[] = [
      { name: 'contents that differ from their hash', value: String(value(mismatches)) },
      { name: 'links that do not match', value: String(value(breaks)) },
      { name: 'signatures that do not verify', value: String(value(signatures)) },
      { name: 'last sweep', value: ago(lastSweep) },
      { name: 'last sweep of everything', value: ago(lastFull) },
    ];
    const found = [
      ...(value(mismatches) > 0 ? [count(value(mismatches), 'changed event')] : []),
      ...(value(breaks) > 0 ? [count(value(breaks), 'broken link')] : []),
    ];
    if (found.length > 0) {
      return finding(
        'fail',
        found.join(', '),
        'Audit found rows of the ledger that do not have their hash or do not follow each other: somebody changed or deleted evidence. The figure adds up over sweeps and stays until Audit is restarted; CRC-AUD-005 and CRC-AUD-006 look at the rows themselves.',
        facts,
      );
    }
    if (value(signatures) > 0) {
      return finding(
        'warn',
        `${count(value(signatures), 'signature')} of another key`,
        'Contents and links are right, but signatures do not verify with the AUDIT_HMAC_KEY that Audit has: it was changed, or the rows were written without the key. CRC-AUD-007 tells whether they are mixed with good ones, which would be tampering.',
        facts,
      );
    }
    if (value(lastSweep) === 0) return finding('not-applicable', 'no sweep has ended yet', 'The first one begins with the process and covers the whole retention.', facts);
    const late = atMs - value(lastSweep) * 1_000;
    return late > 2 * sweepEveryMs
      ? finding('warn', `last sweep ${milliseconds(late)} ago`, 'Audit sweeps each hour. The sweeps fail since, so that nobody would notice a change.', facts)
      : finding('pass', `${count(value(checked), 'event')} checked, none changed`, 'Audit recomputed hashes, links and signatures of the ledger.', facts);
  });
}

function judgeSignatures(observed: Observed): Judgement {
  return whenFigures(observed, 'audit', [names.hmac, names.inserts], ({ value }) => {
    const wording = {
      one: 'refused signature',
      none: `${count(value(names.inserts), 'event')} taken, none refused`,
      meaning: 'Audit takes an event when its signature is of the AUDIT_HMAC_KEY that it has.',
    };
    return judgeMovement(movement(observed, 'audit', [names.hmac]), wording, (rise) =>
      finding(
        'fail',
        `${count(rise.by(names.hmac), 'event')} refused ${over(rise)}`,
        'Events do not carry a signature of the key that Audit has: AUDIT_HMAC_KEY differs between it and sts, gateway or api. They become dead letters and are missing from the ledger.',
        [{ name: 'taken meanwhile', value: count(rise.by(names.inserts), 'event') }],
      ),
    );
  });
}

function judgeDeadLetters(observed: Observed): Judgement {
  const { dead, deadSize, deadAge, parse, replays, hmac, retries } = names;
  return whenFigures(observed, 'audit', [dead, deadSize, deadAge, parse, replays, hmac, retries], ({ value }) => {
    const wording = {
      one: 'dead letter',
      none: 'none since it started',
      meaning: 'Audit puts an event aside when it cannot take it, and never by itself takes it again.',
      facts: [
        { name: 'in the stream', value: `${count(value(deadSize), 'dead letter')}${value(deadSize) > 0 ? `, oldest ${milliseconds(value(deadAge) * 1_000)}` : ''}; looked at each 30 s` },
        { name: 'tried again since it started', value: count(value(retries), 'event') },
      ],
    };
    return judgeMovement(movement(observed, 'audit', [dead]), wording, (rise) => {
      const why = [
        ...(rise.by(hmac) > 0 ? [`${rise.by(hmac)} for their signature`] : []),
        ...(rise.by(parse) > 0 ? [`${rise.by(parse)} unreadable`] : []),
        ...(rise.by(replays) > 0 ? [`${rise.by(replays)} with an id that has another content`] : []),
      ];
      return finding(
        'warn',
        `${count(rise.by(dead), 'dead letter')} ${over(rise)}`,
        `Evidence is put aside while you look${why.length > 0 ? `: ${why.join(', ')}` : ''}. CRC-STR-012 shows the reasons.`,
        why.map((reason) => ({ name: 'why', value: reason })),
      );
    });
  });
}

function judgeLeaders({ retention, export: exporting, sessions, oldestMs }: z.infer<typeof auditLeaders.schema>): Judgement {
  const leases = [['retention', retention.holders], ['export', exporting.holders]] as const;
  const facts: Fact[] = [
    ...leases.map(([name, holders]) => ({ name, value: holders.length === 0 ? 'held by nobody' : `held by a session of ${holders.join(', ')}` })),
    { name: `sessions of ${auditRole}`, value: String(sessions) },
  ];
  const effect = 'Without a leader no partition is made ahead or dropped, and nothing is exported.';
  const foreign = leases.filter(([, holders]) => sessions > 0 && holders.some((holder) => holder !== auditRole));
  const [taken] = foreign;
  if (taken) {
    return finding('warn', `${taken[0]} is held by ${taken[1].join(', ')}, not by Audit`, `Another session holds the advisory lock by which a replica of Audit leads. ${effect}`, facts);
  }
  const vacant = leases.filter(([, holders]) => holders.length === 0).map(([name]) => name);
  if (vacant.length === 0) return finding('pass', 'retention and export led', 'One replica of Audit holds each lease.', facts);
  return oldestMs !== null && oldestMs > leadsWithinMs
    ? finding('warn', `nobody leads ${vacant.join(' and ')}`, `Audit is connected for ${milliseconds(oldestMs)} and asks for the leases each 30 s. ${effect}`, facts)
    : finding('pass', `nobody leads ${vacant.join(' and ')} yet`, 'Audit asks for the leases each 30 s; since when it is connected cannot be seen, or is shorter.', facts);
}

/**
 * The archive. It is written once an hour, and the backlog is what waited when the last round began: 1
 * where all is well, and after a round that caught up still what there was before it.
 */
function judgeExport(observed: Observed): Judgement {
  const { exported, exportErrors, backlog, exportMs } = names;
  return whenFigures(observed, 'audit', [exported, exportErrors, backlog, exportMs], ({ value, since }) => {
    const [events, errors, hours] = [value(exported), value(exportErrors), value(backlog)];
    const facts: Fact[] = [
      { name: 'failed since it started', value: count(errors, 'hour') },
      { name: 'waited when the last round began', value: count(hours, 'hour') },
      { name: 'last hour took', value: milliseconds(value(exportMs)) },
    ];
    const lately = since?.by(exportErrors) ?? 0;
    if (lately > 0) return finding('warn', `${count(lately, 'hour')} failed in ${milliseconds(since?.inMs ?? 0)}`, 'The archive could not be written. Audit tries again with the next hour, and goes on where it stopped.', facts);
    if (errors > 0 && hours > 1) return finding('warn', `${count(hours, 'hour')} waiting, ${count(errors, 'failure')}`, 'Rounds of the export failed and left hours behind. Audit tries again each hour.', facts);
    if (events === 0 && hours === 0 && errors === 0) {
      return finding('not-applicable', 'nothing exported since it started', 'The export is off, which is the default, another replica leads it, or its first round is to come. CRC-AUD-012 tells from the table how far it came.', facts);
    }
    return finding('pass', `${count(events, 'event')} exported`, 'Each closed hour is written once.', facts);
  });
}

const base = { step: 'services', component: 'audit', needs: [metricsCheckId('audit')], asks: asksFigures('audit'), privilege: 'METRICS_BEARER' } as const;

/** What the figures of Audit say, and who leads its jobs. */
export const auditServiceChecks: readonly Check[] = [
  { ...base, id: 'CRC-SVC-031', title: 'Tamper sweep', source: 'services/audit/internal/tamper.go', judge: judgeSweep },
  { ...base, id: 'CRC-SVC-032', title: 'Signatures', source: 'services/audit/internal/consumer.go:285', judge: judgeSignatures },
  { ...base, id: 'CRC-SVC-033', title: 'Dead letter growth', source: 'services/audit/internal/consumer.go:356', judge: judgeDeadLetters },
  {
    ...base,
    id: 'CRC-SVC-034',
    title: 'Leaders',
    needs: [metricsCheckId('audit'), postgresAuthenticationId],
    asks: [question],
    privilege: 'CONNECT alone; pg_monitor to see since when sessions are open',
    source: 'services/audit/internal/leader.go',
    judge: (observed) => whenAnswered(observed.get(question), judgeLeaders),
  },
  { ...base, id: 'CRC-SVC-035', title: 'Export', source: 'services/audit/internal/parquet.go', judge: judgeExport },
];
