import { migrations as known } from '../../caracal/migrations.ts';
import { starts } from '../../caracal/starting.ts';
import type { Fact, Judgement, Observed } from '../../model/check.ts';
import type { Question } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { composeContainers, containerWords } from '../containers.ts';
import { finding, lack, signed, signOf } from '../judging.ts';
import { migrationHistory } from '../storage/migrations.checks.ts';
import { postgresHello } from '../storage/postgres.checks.ts';
import { redisHello } from '../storage/redis.checks.ts';
import { milliseconds } from '../words.ts';
import { serviceHealth } from './service.checks.ts';

const postgres = postgresHello.of('Postgres');
const redis = redisHello.of('Redis');
const history = migrationHistory.of('Postgres');

/** Caracal packages/engine/src/preflight.ts warns so long before the end of a certificate. */
const soonMs = 30 * 24 * 3_600_000;

/** Part of its life that a certificate has left when it is usually renewed: short ones are renewed often. */
const renewedWith = 0.3;

/**
 * Whether anything answers HTTP at the address of a service. Behind a closed port there may be a
 * service that ends while it starts, so what it needs for that is looked at as well.
 */
export function judgeProcess(service: ServiceName, observed: Observed): Judgement {
  const observation = observed.get(serviceHealth.of(service));
  const { outcome, asked } = observation;
  if (outcome.kind === 'answer') {
    const { certificate, status, tookMs } = outcome.value;
    const answered = `${asked} was answered with HTTP ${status}.`;
    if (!certificate) return finding('pass', `answers in ${milliseconds(tookMs)}`, answered);
    const leftMs = certificate.endsMs - Date.parse(observation.at);
    const facts = [{ name: 'certificate', value: `until ${new Date(certificate.endsMs).toISOString()}` }];
    return leftMs < Math.min(soonMs, (certificate.endsMs - certificate.startsMs) * renewedWith)
      ? finding('warn', `certificate ends in ${milliseconds(leftMs)}`, `${answered} When its certificate has ended, nobody gets through to ${service} any more.`, facts)
      : finding('pass', `answers in ${milliseconds(tookMs)}`, answered, facts);
  }
  if (outcome.kind === 'unavailable') return finding('unknown', lack(observation), 'The target gives no address for this service.');
  const failed = `${asked} had no complete HTTP answer from here.`;
  const summary = `${lack(observation)}${containerWords(service, observed)}`;
  const container = composeContainers.of(service);
  if (outcome.kind !== 'refused' || outcome.code !== 'ECONNREFUSED') return { ...signed(finding('fail', summary, failed), signOf(observation)), wants: [container] };
  const facts = missingAtStart(service, observed);
  const why = facts.length > 0
    ? `${service} ends while it starts when what it needs is away, so its own answer cannot tell the reason.`
    : 'It was stopped, is shutting down, or ended while it started. Nothing else that was seen tells which; its log does.';
  return {
    result: { status: 'fail', summary, reasoning: `${failed} Nothing listens there. ${why}`, facts, signs: [signOf(observation)] },
    wants: [container, ...neededToStart(service)],
  };
}

function neededToStart(service: ServiceName): readonly Question[] {
  const start = starts[service];
  return [...(start.postgres === undefined ? [] : [postgres]), ...(start.redis === undefined ? [] : [redis]), history];
}

/** What the service needs to start and what was seen to be away. */
function missingAtStart(service: ServiceName, observed: Observed): readonly Fact[] {
  const start = starts[service];
  const away = (question: Question): boolean => ['refused', 'timeout'].includes(observed.find(question)?.outcome.kind ?? '');
  const facts: Fact[] = [];
  if (start.postgres !== undefined && away(postgres)) facts.push({ name: 'Postgres', value: `no answer; ${service} ${start.postgres}` });
  if (start.redis !== undefined && away(redis)) facts.push({ name: 'Redis', value: `no answer; ${service} ${start.redis}` });
  const outcome = observed.find(history)?.outcome;
  if (outcome?.kind === 'answer') {
    const pending = known.filter((name) => !outcome.value.applied.some(({ version }) => version === name));
    if (pending.length > 0) facts.push({ name: 'migrations', value: `pending: ${pending.join(', ')}; no service is started before dbMigrate is done` });
  }
  return facts;
}
