import * as z from 'zod';
import { services } from '../../caracal/services.ts';
import type { Service } from '../../caracal/services.ts';
import type { Check, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, whenAnswered } from '../judging.ts';
import { readinessCheck } from '../readiness/service.checks.ts';
import { postgresReachableId } from '../storage/postgres.checks.ts';
import { redisReachableId } from '../storage/redis.checks.ts';
import { count } from '../words.ts';

const metrics = z.object({
  status: z.number().int(),
  contentType: z.string(),
  /** Whether a token was presented. */
  authenticated: z.boolean(),
  /** The code of an error body, or its first line. */
  error: z.string().nullable(),
  /** Figures by name; a name in a JSON answer is the path to it, joined by dots. Null when the body is not figures. */
  values: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).nullable(),
  /** Names of groups that may be empty, such as `outbox` of the Coordinator. */
  groups: z.array(z.string()),
});

export type MetricsAnswer = z.infer<typeof metrics>;

export const serviceMetrics = subject('service.metrics', metrics);

const number: Readonly<Record<ServiceName, string>> = {
  api: 'CRC-SVC-001',
  sts: 'CRC-SVC-010',
  gateway: 'CRC-SVC-020',
  audit: 'CRC-SVC-030',
  coordinator: 'CRC-SVC-040',
  web: 'CRC-SVC-050',
};

/** What a service asks before it can answer for its figures, beside being there. */
const alsoNeeds: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  // One query over the outbox: Caracal apps/api/src/app.ts:98.
  api: [postgresReachableId],
  // Every path but /health is counted in Redis first: Caracal apps/coordinator/src/app.ts:151.
  coordinator: [redisReachableId, postgresReachableId],
};

function judge(service: Service, answer: MetricsAnswer): Judgement {
  const { name } = service;
  const shown = service.metrics;
  if (!shown) return finding('not-applicable', 'has no metrics', `${name} answers /metrics with its page.`);
  const setting = shown.token === 'coordinator' ? 'CARACAL_COORDINATOR_TOKEN' : 'METRICS_BEARER';
  const { status, error, authenticated, values } = answer;
  if (status === 401 || status === 403) {
    return authenticated
      ? finding(
          'unknown',
          `${status} ${error ?? ''}: the ${shown.token} token given is not ${setting} of ${name}`,
          `A refusal here says that the token is another one, not that ${name} is down.`,
        )
      : finding('unknown', `no credential: give ${setting} as tokens.${shown.token}`, `${name} asks for ${setting} outside development.`);
  }
  if (status === 200 && values) {
    const missing = shown.keys.filter((key) => !(key in values) && !answer.groups.includes(key));
    if (missing.length > 0) {
      return finding('warn', `without ${missing.join(', ')}`, `${name} of Caracal 1.0 gives these figures. Another version, or another application, answers.`);
    }
    return finding(
      'pass',
      count(Object.keys(values).length, 'figure'),
      `${shown.path} was opened with ${authenticated ? `the ${shown.token} token` : 'no token, as in development'}.`,
      shown.keys.flatMap((key) => (values[key] === undefined ? [] : [{ name: key, value: String(values[key]) }])),
    );
  }
  if (status === 200 || status === 404) {
    return finding('fail', `another application: ${status} ${answer.contentType.split(';')[0] ?? ''}`, `${shown.path} did not give figures of ${name}.`);
  }
  return finding('unknown', `${status} ${error ?? ''}`.trim(), `${name} could not give its figures. That says nothing about the figures.`);
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
  const question = serviceMetrics.of(name);
  return {
    ...base,
    needs: [readinessCheck(name, 'process'), ...(alsoNeeds[name] ?? [])],
    asks: [question],
    privilege: service.metrics.token === 'coordinator' ? 'CARACAL_COORDINATOR_TOKEN' : 'METRICS_BEARER',
    source: name === 'coordinator' ? 'apps/coordinator/src/app.ts:221' : `${service.metrics.path} of ${name}`,
    judge: (observed) => whenAnswered(observed.get(question), (answer) => judge(service, answer)),
  };
});
