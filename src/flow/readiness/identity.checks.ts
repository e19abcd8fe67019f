import { servicesWith } from '../../caracal/readinessOrder.ts';
import type { Judgement, Observed } from '../../model/check.ts';
import type { Observation } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, lack } from '../judging.ts';
import { fieldsOf, isOwnHealth, reasonOf, saysReady, serviceHealth, serviceIdentity, serviceReady } from './service.checks.ts';
import type { ServiceAnswer } from './service.checks.ts';

/**
 * Headers of a direct answer. api and gateway add `x-request-id` to each of theirs; coordinator, sts and
 * audit add nothing (Caracal apps/api/src/app.ts:242, services/gateway/internal/server.go:418).
 */
const ownHeaders: ReadonlySet<string> = new Set(['content-type', 'content-length', 'date', 'connection', 'keep-alive', 'transfer-encoding', 'x-request-id']);

const goServices: readonly ServiceName[] = ['sts', 'gateway', 'audit'];
const nodeServices: readonly ServiceName[] = ['api', 'coordinator'];
const withRequestId: readonly ServiceName[] = ['api', 'gateway'];

const hasRequestId = ({ headers }: ServiceAnswer): boolean => headers.includes('x-request-id');

/** Something in front adds headers of its own, so that it may also have added or taken `x-request-id`. */
const isRelayed = ({ headers }: ServiceAnswer): boolean => headers.some((name) => !ownHeaders.has(name));

/** Services whose good `/health` looks like this one, by its body and, in a direct answer, by its headers. */
function byHealth(service: ServiceName, answer: ServiceAnswer): readonly ServiceName[] {
  if (service === 'web') return ['web'];
  const alike = nodeServices.includes(service) ? nodeServices : goServices;
  return isRelayed(answer) ? alike : alike.filter((name) => withRequestId.includes(name) === hasRequestId(answer));
}

/** Services whose `/ready` can be this one, among the three in Go: audit's success has no `ok`, and reasons differ. */
function byReady({ outcome }: Observation<ServiceAnswer>): readonly ServiceName[] {
  if (outcome.kind !== 'answer') return goServices;
  const fields = fieldsOf(outcome.value.body);
  if (saysReady(outcome.value)) return fields?.['ok'] === true ? ['sts', 'gateway'] : ['audit'];
  const reason = fields?.['reason'];
  return typeof reason === 'string' ? goServices.filter((name) => servicesWith(reason).includes(name)) : goServices;
}

/**
 * Who answers `GET /.well-known/jwks.json` without a zone so: the STS says that the zone is missing, the
 * Gateway that the bearer is, the Coordinator that the token is, the api and Audit that there is no
 * such path, each in its own form.
 */
export function whoAnswers(answer: ServiceAnswer): ServiceName | undefined {
  const { status, body, contentType } = answer;
  const fields = fieldsOf(body);
  const error = fields?.['error'];
  const withId = typeof fields?.['requestId'] === 'string';
  if (status === 400 && error === 'invalid_token' && !withId) return 'sts';
  if ((status === 401 && error === 'invalid_token' && withId) || (status === 503 && error === 'sts_unavailable' && withId)) return 'gateway';
  if (status === 401 && error === 'missing_token') return 'coordinator';
  if (status === 404 && error === 'Not Found' && fields?.['statusCode'] === 404 && hasRequestId(answer)) return 'api';
  if (status === 404 && contentType.startsWith('text/plain') && body.trim() === '404 page not found') return 'audit';
  if ((status === 404 && error === 'not_found') || (status === 200 && contentType.startsWith('text/html') && body.includes('Caracal'))) return 'web';
  return undefined;
}

/**
 * Whether the service of this name answers, and not another one of Caracal: several have the same
 * `/health`. It is told by what was read anyway; one more path is asked only when that leaves doubt.
 */
export function judgeIdentity(service: ServiceName, observed: Observed): Judgement {
  const health = observed.get(serviceHealth.of(service));
  if (health.outcome.kind !== 'answer') return finding('unknown', lack(health), `${health.asked} had no HTTP answer from here.`);
  const answer = health.outcome.value;
  if (!isOwnHealth(service, answer)) {
    return finding('unknown', `/health gave ${answer.status}, which tells nothing`, `${health.asked} was not answered by ${service} itself.`);
  }
  const alike = byHealth(service, answer);
  const told = (by: string): Judgement => finding('pass', `${service}, by ${by}`, `No other service of Caracal answers so.`);
  const header = hasRequestId(answer) ? 'its x-request-id' : 'no x-request-id';
  if (isOnly(service, alike)) return told(service === 'web' ? 'its name on /health' : header);
  if (goServices.includes(service)) {
    const ready = serviceReady.of(service);
    const seen = observed.find(ready);
    if (!seen) return { ...unsure(service), wants: [ready] };
    const left = alike.filter((name) => byReady(seen).includes(name));
    if (isOnly(service, left)) return told(`${header} and /ready`);
    // The Gateway counts every call to another path as a refusal, so that doubt alone does not ask one of it.
    if (service === 'gateway' && hasRequestId(answer) && left.includes('gateway')) return told(`${header} and /ready, behind something that adds headers`);
  }
  const identity = serviceIdentity.of(service);
  const seen = observed.find(identity);
  if (!seen) return { ...unsure(service), wants: [identity] };
  if (seen.outcome.kind !== 'answer') return finding('unknown', lack(seen), `${seen.asked} had no answer, and /health alone leaves doubt.`);
  const who = whoAnswers(seen.outcome.value);
  if (who === service) return told('/.well-known/jwks.json');
  if (who === undefined) return unsure(service, `${seen.asked} gave ${seen.outcome.value.status} ${reasonOf(seen.outcome.value.body) ?? ''}`.trim());
  return finding(
    'fail',
    `${who} answers at the address of ${service}`,
    `${seen.asked} gave ${seen.outcome.value.status} ${reasonOf(seen.outcome.value.body) ?? ''}, as ${who} does and ${service} does not. Their /health is the same, so only this tells them apart.`,
    [{ name: 'answers', value: who }],
  );
}

const isOnly = (service: ServiceName, names: readonly ServiceName[]): boolean => names.length === 1 && names[0] === service;

function unsure(service: ServiceName, seen = 'Its answers leave doubt'): Judgement {
  return finding(
    'unknown',
    'cannot be told: give an address without anything in front',
    `${seen}. Something in front changes headers or paths, or the version differs, so ${service} cannot be told from the other services of Caracal.`,
  );
}
