import { counters } from '../../caracal/counters.ts';
import { services } from '../../caracal/services.ts';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, whenAnswered } from '../judging.ts';
import { readinessCheck } from '../readiness/service.checks.ts';
import { postgresReachableId } from '../storage/postgres.checks.ts';
import { redisReachableId } from '../storage/redis.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksFigures, figuresOf } from './figures.ts';
import type { Rise } from './figures.ts';
import { metricsOf, serviceMetrics, withoutFigures } from './serviceMetrics.ts';
import type { MetricsAnswer } from './serviceMetrics.ts';

const number: Readonly<Record<ServiceName, string>> = {
  api: 'CRC-SVC-001',
  sts: 'CRC-SVC-010',
  gateway: 'CRC-SVC-020',
  audit: 'CRC-SVC-030',
  coordinator: 'CRC-SVC-040',
  web: 'CRC-SVC-050',
};

/** Id of the check that opens the figures of a service. */
export function metricsCheckId(service: ServiceName): string {
  return number[service];
}

/** What a service asks before it can answer for its figures, beside being there. */
const alsoNeeds: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  // One query over the outbox: Caracal apps/api/src/app.ts:98.
  api: [postgresReachableId],
  // Every path but /health is counted in Redis first: Caracal apps/coordinator/src/app.ts:151.
  coordinator: [redisReachableId, postgresReachableId],
};

/** Each figure, and how much of it came since the run before where it only rises. */
function figureFacts(service: ServiceName, values: NonNullable<MetricsAnswer['values']>, since: Rise | undefined): readonly Fact[] {
  return Object.entries(values).map(([name, value]) => {
    const rose = since && counters[service].includes(name) ? since.by(name) : 0;
    return { name, value: since && rose > 0 ? `${value}, ${rose} of them in ${milliseconds(since.inMs)}` : String(value) };
  });
}

function judge(service: ServiceName, observed: Observed, answer: MetricsAnswer): Judgement {
  const { path, token, keys } = metricsOf(service);
  const { status, values, groups, contentType, authenticated } = answer;
  if (status !== 200 || !values) return withoutFigures(service, answer);
  const missing = keys.filter((key) => !(key in values) && !groups.includes(key));
  if (missing.length === keys.length) {
    return finding('fail', `another application: ${status} ${contentType.split(';')[0] ?? ''}`, `${path} gave figures, but none that ${service} gives.`);
  }
  if (missing.length > 0) {
    return finding('warn', `without ${missing.join(', ')}`, `${service} of Caracal 1.0 gives these figures. Another version, or another application, answers.`);
  }
  return finding(
    'pass',
    count(Object.keys(values).length, 'figure'),
    `${path} was opened with ${authenticated ? `the ${token} token` : 'no token, as in development'}.`,
    figureFacts(service, values, figuresOf(observed, service)?.since),
  );
}

/** The metrics of each service, opened with the credential that they take. */
export const metricsChecks: readonly Check[] = services.map((service): Check => {
  const { name } = service;
  const base = { id: number[name], title: 'Metrics', step: 'services', component: name } as const;
  if (!service.metrics) {
    return {
      ...base,
      needs: [],
      asks: [],
      privilege: 'none',
      source: 'apps/auth/src/server.ts',
      judge: () => finding('not-applicable', 'has no metrics', 'The web service answers every unknown path with its page and has no figures to read.'),
    };
  }
  return {
    ...base,
    needs: [readinessCheck(name, 'process'), ...(alsoNeeds[name] ?? [])],
    asks: asksFigures(name),
    privilege: service.metrics.token === 'coordinator' ? 'CARACAL_COORDINATOR_TOKEN' : 'METRICS_BEARER',
    source: name === 'coordinator' ? 'apps/coordinator/src/app.ts:221' : `${service.metrics.path} of ${name}`,
    judge: (observed) => whenAnswered(observed.get(serviceMetrics.of(name)), (answer) => judge(name, observed, answer)),
  };
});
