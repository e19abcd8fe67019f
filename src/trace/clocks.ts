import type { Deployment, PostgresStore } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import type { Clock, Material } from './stitching.ts';

/** A stretch in which a moment of another clock lies, by the clock of this machine: how far the other is ahead, in milliseconds. */
interface Ahead {
  readonly least: number;
  readonly most: number;
}

const clocks: readonly Clock[] = ['sts', 'gateway', 'api'];
/** A `Date` header leaves its milliseconds out. */
const headerPrecisionMs = 1_000;
/** A service that does not answer has no clock to be measured; nobody waits for one. */
const answeredWithinMs = 2_000;

/**
 * By how much the clocks of the services are ahead of that of the database, in milliseconds: asked are `/health` of each,
 * which answers whatever else is broken, and Postgres. Clocks that cannot be told apart are left out.
 *
 * @throws the signal's reason when it is aborted
 */
export async function measureClocks(deployment: Deployment, postgres: PostgresStore, signal: AbortSignal): Promise<NonNullable<Material['aheadMs']>> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(answeredWithinMs)]);
  const [database, ...services] = await Promise.all([databaseClock(postgres, within), ...clocks.map((name) => serviceClock(deployment, name, within))]);
  signal.throwIfAborted();
  if (database === undefined) return {};
  return Object.fromEntries(clocks.flatMap((name, place) => {
    const ahead = services[place];
    const apart = ahead === undefined ? 0 : apartMs(ahead, database);
    return apart === 0 ? [] : [[name, apart]];
  }));
}

/** The distance of two clocks; 0 where they may agree, or differ by less than is worth a word. */
export function apartMs(one: Ahead, other: Ahead): number {
  const middle = (one.least - other.most + one.most - other.least) / 2;
  const spread = (one.most - one.least + other.most - other.least) / 2;
  return Math.abs(middle) <= Math.max(spread, headerPrecisionMs) ? 0 : Math.round(middle);
}

async function databaseClock(postgres: PostgresStore, signal: AbortSignal): Promise<Ahead | undefined> {
  return measured(async () => {
    const [row] = await postgres.query('SELECT clock_timestamp() AS now', [], signal);
    return Date.parse(String(row?.['now']));
  }, 0);
}

async function serviceClock(deployment: Deployment, name: Clock, signal: AbortSignal): Promise<Ahead | undefined> {
  return measured(async () => Date.parse((await deployment.http(name).get({ path: '/health', signal })).headers['date'] ?? ''), headerPrecisionMs);
}

async function measured(ask: () => Promise<number>, precisionMs: number): Promise<Ahead | undefined> {
  const from = Date.now();
  try {
    const theirs = await ask();
    return Number.isNaN(theirs) ? undefined : { least: theirs - Date.now(), most: theirs + precisionMs - from };
  } catch (error) {
    if (error instanceof Refused || error instanceof Unavailable || (error instanceof DOMException && error.name === 'TimeoutError')) return undefined;
    throw error;
  }
}
