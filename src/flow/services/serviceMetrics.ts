import * as z from 'zod';
import { services } from '../../caracal/services.ts';
import type { Service } from '../../caracal/services.ts';
import type { Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding } from '../judging.ts';

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

/** The figures of a service; a second look is taken 2 s after the first. */
export const serviceMetrics = subject('service.metrics', metrics);

/** What a service that has figures says where they are. */
export type Metrics = NonNullable<Service['metrics']>;

/** @throws Error when the service has no figures, which is our own mistake. */
export function metricsOf(name: ServiceName): Metrics {
  const found = services.find((service) => service.name === name)?.metrics;
  if (!found) throw new Error(`${name} has no metrics`);
  return found;
}

/** The judgement on an answer that opened no figures. */
export function withoutFigures(name: ServiceName, answer: MetricsAnswer): Judgement {
  const { path, token } = metricsOf(name);
  const { status, error, authenticated, contentType } = answer;
  const setting = token === 'coordinator' ? 'CARACAL_COORDINATOR_TOKEN' : 'METRICS_BEARER';
  if (status === 401 || status === 403) {
    return authenticated
      ? finding(
          'unknown',
          `${status} ${error ?? ''}: the ${token} token given is not ${setting} of ${name}`,
          `A refusal here says that the token is another one, not that ${name} is down.`,
        )
      : finding('unknown', `no credential: give ${setting} as tokens.${token}`, `${name} asks for ${setting} outside development.`);
  }
  if (status === 200 || status === 404) {
    return finding('fail', `another application: ${status} ${contentType.split(';')[0] ?? ''}`, `${path} did not give figures of ${name}.`);
  }
  return finding('unknown', `${status} ${error ?? ''}`.trim(), `${name} could not give its figures. That says nothing about the figures.`);
}
