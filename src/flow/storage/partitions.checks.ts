import * as z from 'zod';
import type { Check, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { bytes, count } from '../words.ts';
import { postgresAuthenticationId } from './postgres.checks.ts';
import { asksCatalogue, foreign, whenCatalogue } from './postgresCatalogue.ts';
import type { Known } from './postgresCatalogue.ts';
import { catalogueIsOpen, nothingHere } from './schema.checks.ts';

export const defaultRows = subject(
  'postgres.defaultRows',
  z.object({
    rows: z.number().int(),
    /** True when there are more rows than were counted. */
    more: z.boolean(),
    /** `occurred_at` of the rows that were counted, ISO 8601; null when there is none. */
    oldest: z.string().nullable(),
    newest: z.string().nullable(),
  }),
);

const base = { step: 'storage', component: 'Postgres', needs: [postgresAuthenticationId], asks: asksCatalogue } as const;
const countOfDefault = defaultRows.of('Postgres');

const hourMs = 3_600_000;
/** Bounds are midnights of the time zone that the server had when the partition was made: UTC+14 to UTC-12. */
const zoneMs = 15 * hourMs;
/** The first day of a month, in any time zone: Audit extends the window every 6 h and skips its first turn after a start. */
const firstDayMs = 36 * hourMs;

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const month = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

/** The start of the month that is so many after that of `ms`, in UTC. */
function monthAfter(ms: number, months: number): number {
  const time = new Date(ms);
  return Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + months);
}

/** Up to when every moment from `start` on has a partition; `start` itself when it has none. */
function coveredUntil(ranges: readonly { from: number; to: number }[], start: number): number {
  const next = ranges.find(({ from, to }) => from <= start && start < to);
  return next ? coveredUntil(ranges.filter((range) => range !== next), next.to) : start;
}

function judgePartitions(known: Known): Judgement {
  if (!known.tables.includes('audit_events')) return foreign(known) ? nothingHere(known) : finding('unknown', 'no table audit_events here', 'Postgres › Tables tells that it is missing.');
  const months = known.partitions.filter(({ rest }) => !rest);
  const shut = months.find(({ name }) => known.locked.includes(name));
  if (shut) return finding('unknown', `${shut.name} is locked`, 'Somebody holds this partition, or waits for it, with a lock that shuts out readers, so its bounds were not read.');
  if (months.some(({ from, to }) => from === null && to === null)) return finding('unknown', 'bounds of another kind', 'A partition of audit_events has bounds that are no range of time.');
  const ranges = months.map(({ from, to }) => ({ from: from === null ? -Infinity : Date.parse(from), to: to === null ? Infinity : Date.parse(to) }));
  const now = Date.parse(known.now);
  const until = coveredUntil(ranges, now);
  const later = ranges.map(({ from }) => from).filter((from) => from > until).sort((left, right) => left - right)[0];
  const facts = [
    ...months.map(({ name, from, to }) => ({ name, value: `${from ?? 'the beginning'} to ${to ?? 'the end'}` })),
    ...known.detached.map((name) => ({ name, value: 'a table of its own, not attached: Audit takes this month to be there' })),
  ];
  const consequence = 'Such events go to the default partition, and while one of a month is there, that month cannot be made (23514).';
  if (until === now) {
    const detached = known.detached.some((name) => name === `audit_events_y${month(now).replace('-', 'm')}`);
    return finding('fail', `no partition for now, ${month(now)}${detached ? ': it is detached' : ''}`, `Events of this moment have no month of their own. ${consequence}`, facts);
  }
  if (until < monthAfter(now, 2) - zoneMs) {
    const gap = later === undefined ? '' : `, next from ${day(later)}`;
    return finding('warn', `no partition from ${day(until)} on${gap}`, `The next month has none, or not for all of it. ${consequence}`, facts);
  }
  if (until < monthAfter(now, 4) - zoneMs && now > monthAfter(now, 0) + firstDayMs) {
    return finding('warn', `window ends ${day(until)}, short of 3 months ahead`, 'Every 6 h one replica of Audit makes the months up to 3 ahead, save for its first turn after a start. It has not this month.', facts);
  }
  const ahead = until === Infinity ? 'without end' : `until ${day(until)}`;
  return finding('pass', `${count(months.length, 'month')}, ${ahead}`, 'Every moment from now on has a partition of its own, by the real bounds and the clock of the server.', facts);
}

function judgeDefault(known: Known, observed: Observed): Judgement {
  if (!known.tables.includes('audit_events')) return foreign(known) ? nothingHere(known) : finding('unknown', 'no table audit_events here', 'Postgres › Tables tells that it is missing.');
  const rest = known.partitions.find((partition) => partition.rest);
  if (rest && known.locked.includes(rest.name)) return finding('unknown', `${rest.name} is locked`, 'Somebody holds the default partition, or waits for it, with a lock that shuts out readers.');
  if (known.defaultBytes === null) {
    return finding('fail', 'missing', 'An event whose time lies in no month is refused with 23514 and ends in the dead letters of Audit.');
  }
  const size = { name: 'size', value: bytes(known.defaultBytes) };
  if (known.defaultBytes === 0) return finding('pass', 'empty', 'The default partition has no bytes, so every event lies in a month of its own.', [size]);
  const counted = observed.find(countOfDefault);
  // Deleted rows leave bytes behind.
  if (!counted) return { result: { status: 'unknown', summary: `${size.value}, rows not counted`, reasoning: 'Bytes alone do not tell whether rows are left.', facts: [size] }, wants: [countOfDefault] };
  return whenAnswered(counted, ({ rows, more, oldest, newest }) => {
    if (rows === 0) return finding('pass', 'empty', 'Only bytes of deleted rows are left.', [size]);
    const facts = [{ name: 'oldest', value: oldest ?? '' }, { name: 'newest', value: newest ?? '' }, size];
    const many = more ? `more than ${(rows - 1).toLocaleString('en-US')} rows` : count(rows, 'row');
    return finding(
      'warn',
      `${many}, dated ${(oldest ?? '').slice(0, 10)}${oldest?.slice(0, 10) === newest?.slice(0, 10) ? '' : ` to ${(newest ?? '').slice(0, 10)}`}`,
      'Their month had no partition when they came. When its turn comes it cannot be made (23514), and the retention of Audit stops there: it then neither makes nor drops months.',
      facts,
    );
  });
}

/** Whether every event of now and of the coming months has a partition to go to. */
export const partitionChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-013',
    title: 'Partitions',
    privilege: catalogueIsOpen,
    source: 'infra/postgres/scripts/verify.sh:173',
    judge: (observed) => whenCatalogue(observed, judgePartitions),
  },
  {
    ...base,
    id: 'CRC-STO-014',
    title: 'Default partition',
    privilege: 'none beyond LOGIN while it is empty; else SELECT on audit_events',
    source: 'infra/postgres/migrations/0001_baseline.up.sql:1002',
    judge: (observed) => whenCatalogue(observed, (known) => judgeDefault(known, observed)),
  },
];
