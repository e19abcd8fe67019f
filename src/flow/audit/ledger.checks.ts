import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { earlier, subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksZone, whenZone } from '../zone.checks.ts';
import { chainFacts, keyState } from './chain.ts';
import type { ChainFacts } from './chain.ts';
import { contentSaid, extent, hasRows, noRows, signaturesSaid, together } from './chainJudging.ts';
import type { Said } from './chainJudging.ts';
import { auditKeeping } from './keeping.checks.ts';

/** Chains that are read, by the word of the statement: that of the zone, and that of Control events that belong to none. */
export const chainNames = { zone: 'this zone', unknown: 'zone unknown' } as const;

/** The newest rows of the ledger of the zone that is asked about, and how long its events took to get there. */
export const ledger = subject(
  'postgres.auditLedger',
  z.object({
    /** Clock of Postgres, ISO 8601. */
    now: z.string(),
    key: keyState,
    chains: z.array(chainFacts),
    /** Of the newest events of the last 10 minutes, 2,000 at most: those that came over 60 s late, and when the last of them came. */
    lately: z.object({ events: z.number().int(), late: z.number().int(), lastLate: z.string().nullable(), longestMs: z.number().nullable() }),
    /** Of the newest rows of the chain, those stored in the last 5 minutes, and which of them came over 60 s late. */
    stored: z.object({ rows: z.number().int(), late: z.number().int() }),
    /** The row that was written last. */
    newest: z.object({ occurredAt: z.string(), ingestedAt: z.string() }).nullable(),
    /** Events of the zone that are dated over 5 s ahead of Postgres; 100 at most. */
    future: z.object({ events: z.number().int(), furthest: z.string().nullable() }),
  }),
);

type Ledger = z.infer<typeof ledger.schema>;

const keeping = auditKeeping.of('Postgres');
const dayMs = 86_400_000;

/**
 * A gap of rows in dropped partitions has events that came at least so late. Replay files wait for a
 * restart of their service, so that days are likely, months are not: Caracal packages/core/go/audit/client.go.
 */
const likelyLateMs = 31 * dayMs;
const possibleLateMs = 92 * dayMs;

/** Late events, below which nothing is said: one can be from anywhere. */
const someLate = 3;
/** What came longer ago than this is history. */
const recentMs = 300_000;

const base = { step: 'audit', needs: [postgresAuthenticationId], asks: [asksZone], privilege: 'SELECT on audit_events', component: 'audit' } as const;

function whenLedger(observed: Observed, judge: (answer: Ledger, before: Ledger | undefined) => Judgement): Judgement {
  return whenZone(observed, (zone) => {
    const question = ledger.of(zone);
    const answered = observed.find(question);
    if (!answered) return { ...finding('unknown', 'not asked yet', 'The ledger of the zone in view was not asked yet.'), wants: [question, earlier(question)] };
    const before = observed.find(earlier(question));
    return whenAnswered(answered, (answer) => judge(answer, before?.outcome.kind === 'answer' ? before.outcome.value : undefined));
  });
}

/** Which rows partitions have taken with them that retention dropped. */
interface Kept {
  /** Whether any can have been dropped; undefined when the age of the database is not known. */
  readonly dropped: boolean | undefined;
  /** Lower bound of the oldest partition; not finite when it is not known. */
  readonly sinceMs: number;
}

function keptOf(observed: Observed): Kept {
  const { outcome } = observed.get(keeping);
  if (outcome.kind !== 'answer') return { dropped: undefined, sinceMs: Infinity };
  const { partitions, installed } = outcome.value;
  const sinceMs = Math.min(...partitions.flatMap(({ from }) => (from === null ? [] : [Date.parse(from)])));
  const at = installed.kind === 'read' ? installed.value.at : null;
  // The first migration makes the partition of its own month, so that an older one is gone only if the month is.
  return { dropped: at === null || !Number.isFinite(sinceMs) ? undefined : Date.parse(at) < sinceMs, sinceMs };
}

/**
 * Whether a row that was stored at `at` or later, and is gone, can have been in a dropped partition: it
 * was dated before the oldest one, so that it came that much late.
 */
function wasDropped({ dropped, sinceMs }: Kept, at: string): 'no' | 'hardly' | 'likely' {
  if (dropped === false) return 'no';
  if (!Number.isFinite(sinceMs)) return 'hardly';
  const lateMs = Date.parse(at) - sinceMs;
  if (lateMs <= likelyLateMs) return 'likely';
  return lateMs <= possibleLateMs ? 'hardly' : 'no';
}

const inDropped = 'Audit leaves no number out. Events that came late are in the partition of their own month and go with it when retention drops it, which leaves a gap among old rows.';

function sequenceSaid(chain: ChainFacts, kept: Kept, before: ChainFacts | undefined): Said {
  const facts: Fact[] = [{ name: chain.name, value: extent(chain) }];
  const [repeated] = chain.repeated;
  if (repeated) {
    return { status: 'fail', summary: `chain_seq ${repeated.seq} stands twice`, reasoning: 'Audit numbers rows under the lock of the zone, so that no number is given twice: a row was added by somebody else.', facts };
  }
  if (before?.newest && (chain.newest?.seq ?? 0) < before.newest.seq && wasDropped(kept, before.newest.at) !== 'likely') {
    return {
      status: 'fail',
      summary: `ends at chain_seq ${chain.newest?.seq ?? 0}, was at ${before.newest.seq}`,
      reasoning: 'The earlier run saw rows beyond the present end. They were deleted, or an older backup was restored.',
      facts,
    };
  }
  if (chain.first !== null && chain.first.seq > 1) {
    if (kept.dropped === false) {
      return {
        status: 'fail',
        summary: `begins at chain_seq ${chain.first.seq}, ${count(chain.first.seq - 1, 'row is', 'rows are')} gone`,
        reasoning: 'The database is younger than its oldest partition, so that retention cannot have dropped the first rows.',
        facts,
      };
    }
    facts.push({ name: `${chain.name}, kept from`, value: `chain_seq ${chain.first.seq}: retention drops the partitions with the rows before` });
  }
  const gaps = chain.gaps.map(({ after, before: next }) => ({ after, rows: count(next.seq - after.seq - 1, 'row'), next, was: wasDropped(kept, after.at) }));
  facts.push(...gaps.map(({ after, rows, next }) => ({ name: `${chain.name}, gap`, value: `${rows} between chain_seq ${after.seq} and ${next.seq}, stored ${after.at} to ${next.at}` })));
  const deleted = gaps.find(({ was }) => was === 'no');
  if (deleted) {
    return { status: 'fail', summary: `${deleted.rows} missing after chain_seq ${deleted.after.seq}`, reasoning: 'Audit leaves no number out, and no partition was dropped that can have held what is missing: it was deleted.', facts };
  }
  const doubtful = gaps.find(({ was }) => was === 'hardly');
  if (doubtful) {
    return { status: 'warn', summary: `${doubtful.rows} missing after chain_seq ${doubtful.after.seq}; deleted, or dropped with a partition`, reasoning: `${inDropped} Here an event would have to have come more than a month late, or the partitions are not known.`, facts };
  }
  return {
    status: 'pass',
    summary: gaps.length === 0 ? `no gap in ${count(chain.recent, 'row')}` : `${count(gaps.length, 'gap')} of dropped partitions in ${count(chain.recent, 'row')}`,
    reasoning: inDropped,
    facts,
  };
}

/** Rows of an older release are hashed otherwise until Audit has hashed them again, which shipped grants do not let it do. */
function ledgerContentSaid(chain: ChainFacts, rehashed: boolean): Said {
  const { differs, same } = chain.content;
  if (rehashed || !differs || !same || differs.last.seq > same.first.seq) return contentSaid(chain);
  const { differs: old, ...content } = chain.content;
  const said = contentSaid({ ...chain, content });
  return { ...said, facts: [...said.facts, { name: `${chain.name}, of an older release`, value: `${count(old?.rows ?? 0, 'row')} up to chain_seq ${old?.last.seq ?? 0}, hashed before audit_chain_rehash` }] };
}

/** Whether the ledger is whole, by the evidence that is in its rows. */
export const ledgerChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-AUD-003',
    title: 'Ingestion delay',
    source: 'services/audit/internal/pg.go',
    judge: (observed) =>
      whenLedger(observed, ({ now, lately, stored, newest, future }) => {
        if (!newest) return finding('not-applicable', 'no event to measure', 'The zone has no event yet.');
        const facts: Fact[] = [
          { name: 'newest event', value: `occurred ${newest.occurredAt}, stored ${newest.ingestedAt}` },
          ...(future.events > 0 ? [{ name: 'dated ahead of Postgres', value: `${count(future.events, 'event')}, up to ${future.furthest ?? ''}` }] : []),
          ...(lately.late > 0 ? [{ name: 'over 60 s', value: `${count(lately.late, 'event')}, the last stored ${lately.lastLate ?? ''}` }] : []),
        ];
        if (lately.events === 0) {
          const tookMs = Math.max(0, Date.parse(newest.ingestedAt) - Date.parse(newest.occurredAt));
          if (stored.late >= someLate && stored.late * 2 > stored.rows) {
            return finding('warn', `${milliseconds(tookMs)} behind`, `Of ${count(stored.rows, 'event')} that were stored in the last 5 minutes, ${stored.late} took over 60 s, and none is of the last 10 minutes: Audit works through old ones.`, facts);
          }
          return finding('pass', `none in 10 min, newest took ${milliseconds(tookMs)}`, 'Without new events there is no delay to speak of.', facts);
        }
        const shown = `at most ${milliseconds(lately.longestMs ?? 0)}`;
        const meaning = `Over the newest ${count(lately.events, 'event')} of the last 10 minutes, from the clock of the producer to the transaction that stored it.`;
        const isRecent = lately.lastLate !== null && Date.parse(now) - Date.parse(lately.lastLate) <= recentMs;
        return lately.late >= someLate && isRecent
          ? finding('warn', `${lately.late} of ${lately.events} took over 60 s, longest ${milliseconds(lately.longestMs ?? 0)}`, `${meaning} Audit was away, blocked or behind, or the clock of a producer is.`, facts)
          : finding('pass', shown, meaning, facts);
      }),
  },
  {
    ...base,
    id: 'CRC-AUD-005',
    title: 'Ledger sequence',
    asks: [asksZone, keeping],
    privilege: 'SELECT on audit_events, schema_migrations',
    source: 'services/audit/internal/pg.go:133',
    judge: (observed) =>
      whenLedger(observed, ({ chains }, before) => {
        const kept = keptOf(observed);
        return together(chains.map((chain) => {
          const then = before?.chains.find(({ name }) => name === chain.name);
          return hasRows(chain) || then?.newest ? sequenceSaid(chain, kept, then) : noRows(chain);
        }));
      }),
  },
  {
    ...base,
    id: 'CRC-AUD-006',
    title: 'Ledger hashes',
    asks: [asksZone, keeping],
    privilege: 'SELECT on audit_events, audit_chain_rehash',
    source: 'services/audit/internal/pg.go:547',
    judge: (observed) =>
      whenLedger(observed, ({ chains }) => {
        const { outcome } = observed.get(keeping);
        const rehashed = outcome.kind === 'answer' && outcome.value.rehash.kind === 'read' && outcome.value.rehash.value.done;
        return together(chains.map((chain) => (hasRows(chain) ? ledgerContentSaid(chain, rehashed) : noRows(chain))));
      }),
  },
  {
    ...base,
    id: 'CRC-AUD-007',
    title: 'Ledger signatures',
    privilege: 'SELECT on audit_events; AUDIT_HMAC_KEY as keys.audit',
    source: 'services/audit/internal/tamper.go:97',
    judge: (observed) => whenLedger(observed, ({ key, chains }) => signaturesSaid(key, chains, 'Audit')),
  },
];
