import type { Subject } from '../../model/observation.ts';
import { serviceNames } from '../../model/serviceNames.ts';
import type { ServiceName } from '../../model/target.ts';
import type { Observer } from '../liveSource.ts';
import { serviceHealth, serviceIdentity, serviceReady } from './service.checks.ts';
import type { ServiceAnswer } from './service.checks.ts';

/** Caracal names its reason late: a Node service takes 5 s for each dependency, and more for Redis. */
const readyDeadlineMs = 20_000;
const healthDeadlineMs = 5_000;

/** Characters of a body that are kept; Caracal's own are below 300. */
const bodyKept = 4_096;

/** @throws Error when `name` is no service of Caracal, which is our own mistake. */
export function serviceNamed(name: string): ServiceName {
  const found = serviceNames.find((service) => service === name);
  if (!found) throw new Error(`${name} is not a service`);
  return found;
}

/** The query of a redirect may carry what is secret. */
function withoutQuery(location: string): string {
  return location.split(/[?#]/, 1)[0] ?? '';
}

function get(subject: Subject<ServiceAnswer>, path: string, deadlineMs: number): Observer<ServiceAnswer> {
  return {
    subject,
    deadlineMs,
    asked: (deployment, of) => `GET ${deployment.http(serviceNamed(of)).at(path).href}`,
    async observe(deployment, { of, signal, stage }) {
      stage('connecting or waiting for an answer');
      const answer = await deployment.http(serviceNamed(of)).get({ path, signal });
      return {
        status: answer.status,
        contentType: answer.headers['content-type'] ?? '',
        location: withoutQuery(answer.headers['location'] ?? ''),
        date: answer.headers['date'] ?? '',
        headers: Object.keys(answer.headers).sort(),
        body: answer.body.slice(0, bodyKept),
        truncated: answer.truncated,
        certificate: answer.certificate,
        tookMs: answer.tookMs,
      };
    },
  };
}

/** One request each; the process, its health, its clock and mostly its identity are read from the same answer. */
export const readinessObservers = [
  get(serviceHealth, '/health', healthDeadlineMs),
  get(serviceReady, '/ready', readyDeadlineMs),
  get(serviceIdentity, '/.well-known/jwks.json', healthDeadlineMs),
];
