import * as z from 'zod';
import { readinessReasons } from '../../caracal/readinessReasons.ts';
import type { Dependency } from '../../caracal/readinessReasons.ts';
import { services } from '../../caracal/services.ts';
import type { Service } from '../../caracal/services.ts';
import type { Check, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { Observation } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, lack } from '../judging.ts';
import { milliseconds } from '../words.ts';

/** An HTTP answer as far as readiness is read from it. `body` is cut at 4,096 characters. */
const httpAnswer = z.object({
  status: z.number().int(),
  contentType: z.string(),
  /** The `Connection` header; Node services say `close` to a caller while they shut down. */
  connection: z.string(),
  body: z.string(),
  tookMs: z.number(),
});

export type ServiceAnswer = z.infer<typeof httpAnswer>;

export const serviceHealth = subject('service.health', httpAnswer);
export const serviceReady = subject('service.ready', httpAnswer);

/** First number of a service's checks: Process, Health and Ready follow each other. */
const firstNumber: Readonly<Record<ServiceName, number>> = {
  api: 1,
  sts: 11,
  gateway: 21,
  audit: 31,
  coordinator: 41,
  web: 51,
};

/** Id of a service's check. */
export function readinessCheck(service: ServiceName, which: 'process' | 'health' | 'ready'): string {
  const number = firstNumber[service] + ['process', 'health', 'ready'].indexOf(which);
  return `CRC-RDY-${String(number).padStart(3, '0')}`;
}

const jsonObject = z.record(z.string(), z.unknown());

/** The reason in a readiness body: the first text among the keys that Caracal's three vocabularies use. */
export function reasonOf(body: string): string | undefined {
  const fields = parsed(body);
  for (const key of ['reason', 'error', 'detail', 'status']) {
    const value = fields?.[key];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    return jsonObject.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

function isDraining(answer: ServiceAnswer): boolean {
  if (answer.status !== 503) return false;
  const fields = parsed(answer.body);
  return (
    fields?.['draining'] === true ||
    fields?.['status'] === 'draining' ||
    (fields?.['error'] === 'Service Unavailable' && answer.connection === 'close')
  );
}

/** What answered, shortly: `404 text/html`, `200 application/json`. */
function kindOf(answer: ServiceAnswer): string {
  return `${answer.status} ${answer.contentType.split(';')[0] || 'without a content type'}`;
}

function judgeProcess(observation: Observation<ServiceAnswer>): Judgement {
  const { outcome, asked } = observation;
  switch (outcome.kind) {
    case 'answer':
      return finding('pass', `answers in ${milliseconds(outcome.value.tookMs)}`, `${asked} was answered with HTTP ${outcome.value.status}.`);
    case 'unavailable':
      return finding('unknown', lack(observation), 'The target gives no address for this service.');
    default:
      return finding('fail', lack(observation), `${asked} had no HTTP answer from here.`);
  }
}

/** Whether a body is the service's own: the fields that it gives, or none where it gives none. */
function isHealthBody({ health }: Service, body: string): boolean {
  if (health === undefined) return body.trim() === '';
  const fields = parsed(body);
  return fields !== undefined && Object.entries(health).every(([name, value]) => fields[name] === value);
}

function judgeHealth(service: Service, observation: Observation<ServiceAnswer>): Judgement {
  const { outcome, asked } = observation;
  if (outcome.kind !== 'answer') return finding('unknown', lack(observation), `${asked} had no HTTP answer from here.`);
  const answer = outcome.value;
  if (answer.status === 200 && isHealthBody(service, answer.body)) {
    return finding('pass', `200 in ${milliseconds(answer.tookMs)}`, `${asked} gave 200 with the body that ${service.name} gives.`);
  }
  if (service.name === 'audit' && answer.status === 503 && reasonOf(answer.body) === 'consumer_unhealthy') {
    return finding(
      'fail',
      'not a cause: /health follows Redis here',
      'Audit answers 503 consumer_unhealthy on /health as well, when its reader of the audit stream failed. The process is alive, and restarting it does not help while Redis or its group is missing.',
    );
  }
  if (answer.status === 200) {
    return finding(
      'fail',
      `another application: ${kindOf(answer)}`,
      `${asked} gave 200, but not with the body that ${service.name} gives. Something else listens there.`,
    );
  }
  return finding('fail', `${answer.status} ${reasonOf(answer.body) ?? firstLine(answer.body)}`.trim(), `${asked} gave ${answer.status}.`);
}

function firstLine(body: string): string {
  return (body.split('\n', 1)[0] ?? '').slice(0, 120);
}

function judgeReady(service: Service, observation: Observation<ServiceAnswer>): Judgement {
  const { outcome, asked } = observation;
  if (outcome.kind === 'unavailable') return finding('unknown', lack(observation), 'The target gives no address for this service.');
  if (outcome.kind !== 'answer') {
    return finding(
      'fail',
      lack(observation),
      `${asked} had no answer, while /health of the same process had one. On api and coordinator that is what a missing or frozen Redis looks like: they count the call in Redis before they look at anything.`,
    );
  }
  const answer = outcome.value;
  const fields = parsed(answer.body);
  if (answer.status === 200 && (fields?.['ok'] === true || fields?.['ready'] === true || fields?.['status'] === 'ready')) {
    return finding('pass', `ready in ${milliseconds(answer.tookMs)}`, `${asked} gave 200.`);
  }
  if (answer.status === 429) {
    return finding('unknown', '429 rate_limited: asked too often, wait a minute', `${asked} is limited to 120 calls a minute and address.`);
  }
  if (isDraining(answer)) {
    return finding('warn', 'draining: it is shutting down', `${asked} gave 503 without a reason, as a service does between SIGTERM and its end.`);
  }
  const reason = reasonOf(answer.body);
  if (!fields || answer.status === 404 || answer.status === 200) {
    return finding('fail', `another application: ${kindOf(answer)}`, `${asked} did not give what ${service.name} gives. Something else listens there.`);
  }
  if (reason === undefined) return finding('fail', `${answer.status} without a reason`, `${asked} gave ${answer.status} and no reason.`);
  const slow = answer.tookMs >= 1_000 ? ` after ${milliseconds(answer.tookMs)}` : '';
  const meaning = readinessReasons[reason]?.meaning ?? 'a reason that Caracal 1.0 does not have';
  return finding(
    'fail',
    `${answer.status} ${reason}${slow}`,
    `${service.name} says ${reason}: ${meaning}. It ends at its first failing test, so what comes later in its order was not tested.`,
    ['dependency', 'deadCount', 'limit', 'requestId'].flatMap((name) => {
      const value = fields[name];
      return typeof value === 'string' || typeof value === 'number' ? [{ name, value: String(value) }] : [];
    }),
  );
}

/** How a service's readiness reads from outside, for comparing services with each other. */
type Reading = 'ready' | 'silent' | 'slow' | { readonly reason: string } | 'not known';

function read(observation: Observation<ServiceAnswer>): Reading {
  const { outcome } = observation;
  if (outcome.kind === 'refused') return 'silent';
  if (outcome.kind === 'timeout') return 'slow';
  if (outcome.kind !== 'answer') return 'not known';
  if (outcome.value.status === 200) return 'ready';
  const reason = reasonOf(outcome.value.body);
  return reason === undefined ? 'not known' : { reason };
}

/**
 * The dependency that the services' answers together point to, with the services that speak for it.
 * Two must agree, because one service alone may have its own wrong address or password.
 */
export function sharedDependency(
  readings: ReadonlyMap<ServiceName, Reading>,
): { readonly dependency: Dependency; readonly because: readonly ServiceName[] } | undefined {
  const names = [...readings.keys()];
  const saying = (dependency: Dependency): ServiceName[] =>
    names.filter((name) => {
      const reading = readings.get(name);
      return typeof reading === 'object' && readinessReasons[reading.reason]?.dependency === dependency;
    });
  const postgres = saying('Postgres');
  if (postgres.length >= 2) return { dependency: 'Postgres', because: postgres };
  // api and coordinator never name Redis with default limits: they hang, then answer 500.
  const hanging = (['api', 'coordinator'] as const).filter((name) => {
    const reading = readings.get(name);
    return reading === 'slow' || (typeof reading === 'object' && reading.reason === 'internal_error');
  });
  const redis = [...saying('Redis'), ...hanging];
  if (redis.length >= 2) return { dependency: 'Redis', because: redis };
  const sts = saying('sts');
  const stsAway = readings.get('sts') === 'silent' || readings.get('sts') === 'slow';
  if (sts.length > 0 && stsAway) return { dependency: 'sts', because: ['sts', ...sts] };
  return undefined;
}

const together: Check = {
  id: 'CRC-RDY-090',
  title: 'Shared dependency',
  step: 'readiness',
  component: 'all services',
  needs: [],
  asks: services.map((service) => serviceReady.of(service.name)),
  privilege: 'none',
  source: 'services/gateway/internal/server.go:224, apps/api/src/app.ts:597, apps/coordinator/src/app.ts:151',
  judge(observed) {
    const readings = new Map(services.map(({ name }) => [name, read(observed.get(serviceReady.of(name)))] as const));
    const known = [...readings.values()].filter((reading) => reading !== 'not known');
    if (known.length === 0) return finding('unknown', 'no service has an answer: give their addresses', 'No readiness was read.');
    const ready = known.filter((reading) => reading === 'ready').length;
    if (known.length > 1 && known.every((reading) => reading === 'silent')) {
      return finding('fail', 'every service refuses: not started, or another host', 'No port of the target has a listener.');
    }
    const shared = sharedDependency(readings);
    if (shared) {
      return finding(
        'fail',
        `${shared.dependency}, by ${shared.because.join(', ')}`,
        `The answers of ${shared.because.join(', ')} together are what Caracal gives when ${shared.dependency} is away. Look at ${shared.dependency} itself before these services.`,
      );
    }
    return finding('pass', `none, ${ready} of ${known.length} ready`, 'The answers do not point to one dependency that several services share.');
  },
};

const readySource: Readonly<Record<ServiceName, string>> = {
  api: 'apps/api/src/app.ts:597',
  sts: 'services/sts/internal/server.go:558',
  gateway: 'services/gateway/internal/server.go:224',
  audit: 'services/audit/internal/server.go:177',
  coordinator: 'apps/coordinator/src/app.ts:168',
  web: 'apps/auth/src/server.ts:73',
};

/** Process, Health and Ready of each service, and what the six answers say together. */
export const readinessChecks: readonly Check[] = [
  ...services.flatMap((service): Check[] => {
    const { name } = service;
    const base = { step: 'readiness', component: name, privilege: 'none' } as const;
    const health = serviceHealth.of(name);
    const ready = serviceReady.of(name);
    const process = readinessCheck(name, 'process');
    return [
      {
        ...base,
        id: process,
        title: 'Process',
        needs: [],
        asks: [health],
        source: 'infra/docker/runtime-compose.yml, ports',
        judge: (observed) => judgeProcess(observed.get(health)),
      },
      {
        ...base,
        id: readinessCheck(name, 'health'),
        title: 'Health',
        needs: [process],
        asks: [health],
        source: name === 'audit' ? 'services/audit/internal/server.go:177' : 'readiness of a process, without dependencies',
        judge: (observed) => judgeHealth(service, observed.get(health)),
      },
      {
        ...base,
        id: readinessCheck(name, 'ready'),
        title: 'Ready',
        needs: [process],
        asks: [ready],
        source: readySource[name],
        judge: (observed) => judgeReady(service, observed.get(ready)),
      },
    ];
  }),
  together,
];
