import * as z from 'zod';
import { services } from '../../caracal/services.ts';
import type { Finding, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, signed } from '../judging.ts';

/** An HTTP answer as far as readiness is read from it. */
const httpAnswer = z.object({
  status: z.number().int(),
  contentType: z.string(),
  /** The `Location` of a redirect without its query; empty when there is none. Redirects are not followed. */
  location: z.string(),
  /** The `Date` header as it came: the clock of what answered, in whole seconds. Empty when there is none. */
  date: z.string(),
  /** Names of all headers, lower-case, in alphabetical order. */
  headers: z.array(z.string()),
  /** Cut at 4,096 characters. */
  body: z.string(),
  /** True when the body went on after 1 MiB. */
  truncated: z.boolean(),
  /** Start and end of the certificate, milliseconds since 1970; null over plain HTTP. */
  certificate: z.object({ startsMs: z.number(), endsMs: z.number() }).nullable(),
  tookMs: z.number(),
});

export type ServiceAnswer = z.infer<typeof httpAnswer>;

export const serviceHealth = subject('service.health', httpAnswer);
export const serviceReady = subject('service.ready', httpAnswer);
/** A path that each service of Caracal answers in its own way; asked only when the first two leave doubt. */
export const serviceIdentity = subject('service.identity', httpAnswer);

/** First number of a service's checks: Process, Health, Ready and Identity follow each other. */
const firstNumber: Readonly<Record<ServiceName, number>> = {
  api: 1,
  sts: 11,
  gateway: 21,
  audit: 31,
  coordinator: 41,
  web: 51,
};

/** Id of a service's check. */
export function readinessCheck(service: ServiceName, which: 'process' | 'health' | 'ready' | 'identity'): string {
  const number = firstNumber[service] + ['process', 'health', 'ready', 'identity'].indexOf(which);
  return `CRC-RDY-${String(number).padStart(3, '0')}`;
}

const jsonObject = z.record(z.string(), z.unknown());

/** The fields of a body that is a JSON object. */
export function fieldsOf(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return jsonObject.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

/** The reason in a readiness body: the first text among the keys that Caracal's three vocabularies use. */
export function reasonOf(body: string): string | undefined {
  const fields = fieldsOf(body);
  for (const key of ['reason', 'error', 'detail', 'status']) {
    const value = fields?.[key];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

/** Whether `/health` is the service's own: 200 with the fields that it gives, or with nothing where it gives nothing. */
export function isOwnHealth(service: ServiceName, { status, body }: ServiceAnswer): boolean {
  const health = services.find(({ name }) => name === service)?.health;
  if (status !== 200) return false;
  if (health === undefined) return body.trim() === '';
  const fields = fieldsOf(body);
  return fields !== undefined && Object.entries(health).every(([name, value]) => fields[name] === value);
}

/** Audit alone fails `/health` as well when its reader of the stream failed. */
export function isAuditUnhealthy(service: ServiceName, { status, body }: ServiceAnswer): boolean {
  return service === 'audit' && status === 503 && reasonOf(body) === 'consumer_unhealthy';
}

/** Whether `/ready` says yes, in any of the three vocabularies. */
export function saysReady({ status, body }: ServiceAnswer): boolean {
  const fields = fieldsOf(body);
  return status === 200 && (fields?.['ok'] === true || fields?.['ready'] === true || fields?.['status'] === 'ready');
}

/**
 * Whether the service is shutting down: the answers of a call that was under way, and what fastify
 * says on a connection that was open already.
 */
export function isDraining({ status, body }: ServiceAnswer): boolean {
  if (status !== 503) return false;
  const fields = fieldsOf(body);
  return fields?.['draining'] === true || fields?.['status'] === 'draining' || (fields?.['error'] === 'Service Unavailable' && fields['statusCode'] === 503);
}

/** What answered, shortly: `404 text/html`, `200 without a content type`. */
function kindOf({ status, contentType, truncated }: ServiceAnswer): string {
  return `${status} ${contentType.split(';')[0] || 'without a content type'}${truncated ? ', over 1 MiB' : ''}`;
}

/** Which services give this good `/health`; none when it is not Caracal's. */
function healthLike(answer: ServiceAnswer): readonly ServiceName[] {
  return services.flatMap(({ name }) => (isOwnHealth(name, answer) ? name : []));
}

const drainingFinding = signed(finding('warn', 'draining: it is shutting down', 'It gave 503 without a reason, as a service does between SIGTERM and its end. Nothing is wrong with a rollout.'), 'draining');

/**
 * The judgement on an answer that is none of `service`: something in front of it, or something else in
 * its place. Undefined when the answer has a form that Caracal's services give.
 *
 * @param asked the call in words
 */
export function notFromService(service: ServiceName, asked: string, answer: ServiceAnswer): Judgement | undefined {
  const { status, location, body } = answer;
  const unreached = (summary: string, seen: string): Judgement =>
    signed(finding('unknown', summary, `${asked} gave ${status}, which no service of Caracal gives there. ${seen} Nothing is known about ${service}.`), 'in front');
  if (isDraining(answer)) return drainingFinding;
  if (status >= 300 && status < 400) {
    return unreached(`${status} to ${location || 'nowhere'}: give that address`, 'A redirect is not followed, because credentials go only to the address of the target.');
  }
  if (status === 401 || status === 403 || status === 407) {
    return unreached(`${status} from something in front: give an address behind it`, 'Something in front asks for a credential.');
  }
  if (status === 400 && body.includes('HTTPS server')) return unreached('it speaks TLS: give its address with https', 'A server with TLS answers plain HTTP so.');
  if (status === 429 && fieldsOf(body)?.['error'] !== 'rate_limited') return unreached('429 from something in front: wait a minute', 'Something in front limits calls.');
  const fields = fieldsOf(body);
  const foreign = status === 200 || status === 404 || fields === undefined;
  if (!foreign) return undefined;
  if (status === 502 || status === 503 || status === 504) {
    return signed(finding('fail', `${status} from something in front: it gets no answer of ${service}`, `${asked} gave ${kindOf(answer)}. That is no answer of ${service}, but of something in front that cannot reach it.`), 'unreached');
  }
  const siblings = healthLike(answer);
  if (siblings.length > 0 && status === 200) {
    return signed(finding('fail', `another service of Caracal: as of ${siblings.join(' or ')}`, `${asked} gave what ${siblings.join(' or ')} gives there, not what ${service} gives. The address is that of another service.`), 'another');
  }
  const broken = answer.contentType.includes('json') && fields === undefined ? ' that is no JSON object' : '';
  return signed(finding('fail', `another application: ${kindOf(answer)}${broken}`, `${asked} did not give what ${service} gives. Something else listens there, or a path is missing from its address.`), 'another');
}

/** `name` and `value` of those fields of a body that are text or numbers. */
export function factsOf(body: string, names: readonly string[]): NonNullable<Finding['facts']> {
  const fields = fieldsOf(body);
  return names.flatMap((name) => {
    const value = fields?.[name];
    return typeof value === 'string' || typeof value === 'number' ? [{ name, value: String(value) }] : [];
  });
}
