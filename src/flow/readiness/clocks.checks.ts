import { services } from '../../caracal/services.ts';
import type { Check, Fact, Observed } from '../../model/check.ts';
import type { Observation } from '../../model/observation.ts';
import { finding } from '../judging.ts';
import { postgresSession } from '../storage/postgres.checks.ts';
import { redisStream } from '../streams/snapshot.ts';
import { count, milliseconds } from '../words.ts';
import { isAuditUnhealthy, isOwnHealth, serviceHealth } from './service.checks.ts';

/** Caracal packages/engine/src/doctor.ts: from here on a clock needs attention, or breaks what is signed with a time. */
const attentionMs = 2_000;
const brokenMs = 30_000;

/** What the STS allows a signed exchange of the Gateway: Caracal services/sts/internal/exchange.go:43. */
const exchangeMs = 60_000;

/** A `Date` header leaves its milliseconds out. */
const headerPrecisionMs = 1_000;

/** How far a clock is ahead of this machine's, in milliseconds: somewhere between the two. */
interface Clock {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const session = postgresSession.of('Postgres');
/** The Redis clock is read with every stream, so no command is sent for it alone. */
const stream = redisStream.of('audit.events');

/** A moment of another clock that lies between the start and the end of an observation. */
function clock(name: string, { at, tookMs }: Observation, theirsMs: number, precisionMs = 0): readonly Clock[] {
  const startMs = Date.parse(at);
  return Number.isFinite(theirsMs) ? [{ name, from: theirsMs - startMs - tookMs, to: theirsMs + precisionMs - startMs }] : [];
}

/** Every clock that was read. A cached answer and one of something else in the place of a service tell no clock. */
function clocksOf(observed: Observed): readonly Clock[] {
  const ofServices = services.flatMap(({ name }) => {
    const observation = observed.get(serviceHealth.of(name));
    const { outcome } = observation;
    if (outcome.kind !== 'answer' || outcome.value.headers.includes('age')) return [];
    if (!isOwnHealth(name, outcome.value) && !isAuditUnhealthy(name, outcome.value)) return [];
    return clock(name, observation, Date.parse(outcome.value.date), headerPrecisionMs);
  });
  const postgres = observed.get(session);
  const redis = observed.get(stream);
  return [
    ...ofServices,
    ...(postgres.outcome.kind === 'answer' ? clock('Postgres', postgres, Date.parse(postgres.outcome.value.now)) : []),
    ...(redis.outcome.kind === 'answer' ? clock('Redis', redis, redis.outcome.value.nowMs) : []),
  ];
}

const middle = ({ from, to }: Clock): number => (from + to) / 2;

/** The least that two clocks can be apart. */
const apart = (left: Clock, right: Clock): number => Math.max(0, left.from - right.to, right.from - left.to);

/** Those that agree with the median; of two medians, with the one that more agree with. */
function agreement(clocks: readonly Clock[]): { readonly median: Clock; readonly agree: readonly Clock[] } {
  const sorted = [...clocks].sort((left, right) => middle(left) - middle(right));
  const candidates = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]].flatMap((median) =>
    median ? { median, agree: clocks.filter((other) => apart(other, median) < attentionMs) } : [],
  );
  const [first, second] = candidates;
  if (!first || !second) throw new Error('there is no clock');
  return second.agree.length > first.agree.length ? second : first;
}

/** `45 s ahead`, `1 min behind`, as seen from `from`. */
function offset(other: Clock, from: Clock): string {
  const ms = middle(other) - middle(from);
  return `${milliseconds(Math.round(Math.abs(ms) / 1_000) * 1_000)} ${ms > 0 ? 'ahead' : 'behind'}`;
}

/** `44.9 s`. */
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const here: Clock = { name: 'this machine', from: 0, to: 0 };

/** Whether all clocks of the deployment, and this machine's, tell the same time. */
export const clocksCheck: Check = {
  id: 'CRC-RDY-091',
  title: 'Clocks',
  step: 'readiness',
  component: 'all services',
  needs: [],
  asks: [...services.map(({ name }) => serviceHealth.of(name)), session, stream],
  privilege: 'none',
  source: 'packages/engine/src/doctor.ts, clock skew; services/sts/internal/exchange.go:43',
  judge(observed) {
    const theirs = clocksOf(observed);
    if (theirs.length === 0) return finding('unknown', 'no clock was read: give the addresses of the services', 'No service, Postgres or Redis told its time.');
    const all = [...theirs, here];
    const { median, agree } = agreement(all);
    const facts: Fact[] = theirs.map((each) => ({ name: each.name, value: `${seconds(middle(each))} ±${seconds((each.to - each.from) / 2)} against this machine` }));
    const odd = all.filter((each) => !agree.includes(each)).sort((left, right) => apart(right, median) - apart(left, median));
    const farthest = odd[0];
    if (!farthest) {
      const spread = Math.max(...all.map(middle)) - Math.min(...all.map(middle));
      return finding('pass', `${all.length} clocks within ${Math.max(1, Math.ceil(spread / 1_000))} s`, 'The Date headers of /health, Postgres and Redis agree with this machine, as far as whole seconds and the way there tell.', facts);
    }
    const status = apart(farthest, median) >= brokenMs ? 'fail' : 'warn';
    const [gateway, sts] = ['gateway', 'sts'].map((name) => theirs.find((each) => each.name === name));
    const exchanges = gateway && sts && apart(gateway, sts) >= exchangeMs
      ? ' Gateway and STS are more than 60 s apart, so the STS refuses every exchange of the Gateway as badly signed.'
      : ' Tokens are signed with a time: where clocks differ they are called expired, or not valid yet.';
    if (agree.length * 2 <= all.length) {
      return finding(status, `no majority: ${farthest.name} ${offset(farthest, median)} of ${median.name}`, `The clocks fall into groups, so that none can be called wrong.${exchanges}`, facts);
    }
    const more = odd.length > 1 ? ` and ${count(odd.length - 1, 'other')}` : '';
    const whose = odd.includes(here)
      ? ' All of the deployment agree with each other; on one host they share one clock, which may be the wrong one.'
      : '';
    return finding(status, `${farthest.name} ${offset(farthest, median)}${more}`, `${agree.length} of ${all.length} clocks agree, all but ${odd.map(({ name }) => name).join(', ')}.${whose}${exchanges}`, facts);
  },
};
