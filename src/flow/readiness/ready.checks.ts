import { readinessReasons } from '../../caracal/readinessReasons.ts';
import { notTold, servicesWith } from '../../caracal/readinessOrder.ts';
import type { Fact, Judgement, Observed } from '../../model/check.ts';
import type { Question } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, lack, signed, signOf } from '../judging.ts';
import { redisHello } from '../storage/redis.checks.ts';
import { milliseconds } from '../words.ts';
import { auditReader } from './auditReader.checks.ts';
import { factsOf, notFromService, reasonOf, saysReady, serviceReady } from './service.checks.ts';
import type { ServiceAnswer } from './service.checks.ts';

/** From here on an answer is called slow. */
const slowMs = 1_000;

const redis = redisHello.of('Redis');

/** What `/ready` of a service does not look at, and the checks that do. */
const notLookedAt: Readonly<Record<ServiceName, string>> = {
  api: 'its secret backend (CRC-SVC-002) or events that wait in its outbox (CRC-STR-090)',
  sts: 'policy (CRC-SVC-012, CRC-SVC-013), signing keys (CRC-SVC-015), the secret backend (CRC-SVC-016) or consumers that fail later (CRC-STR-021, CRC-STR-031, CRC-STR-041)',
  gateway: 'readiness of the STS, of which it asks /health (CRC-RDY-013), Postgres before its snapshot is 70 s old (CRC-SVC-022), exchanges (CRC-SVC-021) or upstreams (CRC-SVC-028)',
  audit: 'producer keys (CRC-SVC-032), the ledger (CRC-AUD-005 to CRC-AUD-007) or, without thresholds, its lag and dead letters (CRC-STR-002, CRC-STR-012)',
  coordinator: 'its jobs (CRC-SVC-041 to CRC-SVC-045) or events that wait in its outbox (CRC-STR-091)',
  web: 'the api and the coordinator that its console calls (CRC-RDY-003, CRC-RDY-043)',
};

/** api and coordinator count each call in Redis, without a time limit, before they test anything. */
const countsInRedis: readonly ServiceName[] = ['api', 'coordinator'];

/** Whether the service says that it can do its work, and if not, the first reason in its own words. */
export function judgeReady(service: ServiceName, observed: Observed): Judgement {
  const observation = observed.get(serviceReady.of(service));
  const { outcome, asked } = observation;
  if (outcome.kind === 'unavailable') return finding('unknown', lack(observation), 'The target gives no address for this service.');
  if (outcome.kind !== 'answer') {
    const hint = redisHint(service, observed);
    return {
      result: {
        status: 'fail',
        summary: lack(observation),
        reasoning: `${asked} had no answer, while /health of the same process had one. ${outcome.kind === 'timeout' ? hint.reasoning : 'The process may have ended between the two calls.'}`.trim(),
        facts: outcome.kind === 'timeout' ? hint.facts : [],
        signs: [signOf(observation)],
      },
      wants: outcome.kind === 'timeout' ? hint.wants : [],
    };
  }
  const answer = outcome.value;
  if (saysReady(answer)) {
    return finding('pass', `ready in ${milliseconds(answer.tookMs)}`, `${asked} gave 200. ${service} does not look at ${notLookedAt[service]} for that.`);
  }
  if (answer.status === 429 && reasonOf(answer.body) === 'rate_limited') {
    return signed(finding('unknown', '429 rate_limited: asked too often, wait a minute', `${asked} is limited to 120 calls a minute and address by default, which all that ask from one host share. It says nothing about ${service}.`), 'rate_limited');
  }
  const foreign = notFromService(service, asked, answer);
  if (foreign) return foreign;
  const reason = reasonOf(answer.body);
  if (reason === undefined) return finding('fail', `${answer.status} without a reason`, `${asked} gave ${answer.status} and no reason.`);
  return judgeReason(service, reason, answer, observed);
}

function judgeReason(service: ServiceName, reason: string, answer: ServiceAnswer, observed: Observed): Judgement {
  const slow = answer.tookMs >= slowMs ? ` after ${milliseconds(answer.tookMs)}` : '';
  const hidden = notTold(service, reason);
  const facts: Fact[] = [
    ...factsOf(answer.body, ['dependency', 'deadCount', 'limit', 'requestId']),
    ...(hidden.length > 0 ? [{ name: 'not told', value: hidden.join(', ') }] : []),
  ];
  const told = `${service} says ${reason}: ${meaningOf(service, reason)}.`;
  const order = hidden.length > 0 ? ' The first failing test ends the answer, so what comes after it was not told.' : '';
  const result = (summary: string, more: string, seen: readonly Fact[] = [], sign = reason): Judgement['result'] => ({
    status: 'fail', summary, reasoning: `${told} ${more}`.trim() + order, facts: [...facts, ...seen], signs: [sign],
  });
  if (reason === 'consumer_unhealthy') {
    const reader = auditReader(observed);
    const sticky = reader.state === 'sticky';
    const more = sticky ? 'Redis and the group are well and nothing waits, so only this flag is left: one audited action, or a restart of Audit, clears it.' : '';
    return { result: result(`${answer.status} ${reason}${sticky ? ', sticky' : slow}`, more, reader.facts, sticky ? 'sticky' : reason), wants: reader.wants };
  }
  if (reason === 'internal_error') {
    const hint = redisHint(service, observed);
    return { result: result(`${answer.status} ${reason}${slow}`, hint.reasoning, hint.facts), wants: hint.wants };
  }
  return { result: result(`${answer.status} ${reason}${slow}`, '') };
}

function meaningOf(service: ServiceName, reason: string): string {
  const known = readinessReasons[reason]?.meaning;
  if (known === undefined) return 'a reason that Caracal 1.0 does not have';
  const others = servicesWith(reason);
  return others.length > 0 && !others.includes(service) ? `${known}. That is a reason of ${others.join(' and ')}, not of ${service}` : known;
}

/** What api and coordinator hide: they hang, then give 500, whatever is wrong with Redis, and never name it. */
function redisHint(service: ServiceName, observed: Observed): { reasoning: string; facts: readonly Fact[]; wants: readonly Question[] } {
  if (!countsInRedis.includes(service)) return { reasoning: '', facts: [], wants: [] };
  const why = `${service} counts the call in Redis before it tests anything, and with its default limits never names Redis: it hangs, then gives 500.`;
  const outcome = observed.find(redis)?.outcome;
  switch (outcome?.kind) {
    case 'answer':
      return { reasoning: `${why} A Redis answers here; a wrong password, a full memory or a read-only replica look the same.`, facts: [{ name: 'Redis', value: 'answers' }], wants: [redis] };
    case 'refused':
    case 'timeout':
      return { reasoning: why, facts: [{ name: 'Redis', value: 'no answer from here either' }], wants: [redis] };
    default:
      return { reasoning: why, facts: [], wants: [redis] };
  }
}
