/** The recovery canary: a call that is allowed, one that is refused, and the audit events of both. Pure. */
import type { RemedyRun } from '../model/remedy.ts';
import type { CanaryTarget, Target } from '../model/target.ts';
import { askedWords } from './calls.ts';

/** A request of the canary. A mandate is used once, so that minting it and calling with it are two requests. */
export type CanaryStep = 'mint' | 'call' | 'refusal';

/** What was sent and answered. */
export interface CanaryAnswer {
  readonly step: CanaryStep;
  /** `POST http://127.0.0.1:8080/oauth/2/token` */
  readonly asked: string;
  readonly requestId: string;
  /** Null when no HTTP answer came, or the request could not be sent. */
  readonly status: number | null;
  /** What it answered, in its own words where it refused; why there is no answer. */
  readonly said: string;
  readonly asExpected: boolean;
  readonly tookMs: number;
}

/** An audit event of one of the requests. */
export interface CanaryEvent {
  readonly requestId: string;
  readonly type: string;
  readonly decision: string;
  readonly evaluation: string;
}

/** What was found of the requests in the audit. */
export interface CanaryEvidence {
  /** Where it was looked: `Postgres`, `the API`; null where nobody could look. */
  readonly where: string | null;
  readonly events: readonly CanaryEvent[];
  /** Steps whose event was not found. */
  readonly missing: readonly CanaryStep[];
  /** Why it could not be looked; empty otherwise. */
  readonly why: string;
  /** Until all were found, or until it was given up. */
  readonly tookMs: number;
}

export interface CanaryRun extends Pick<RemedyRun, 'at' | 'tookMs'> {
  /** All calls were answered as they should, and the events of all were found. */
  readonly isWell: boolean;
  /** `An allowed and a refused call were answered and audited.` */
  readonly sentence: string;
  /** In the order in which they were sent; the call is left out when no mandate was issued. */
  readonly answers: readonly CanaryAnswer[];
  readonly evidence: CanaryEvidence;
}

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';

/**
 * The form of an exchange, without the secret. Outside of a Session no rule of the policy matches a scope of a resource,
 * so that it is denied, and the denial is audited (contract, request evidence 4.3 and 7.5).
 */
export function exchangeForm({ application, resource, scope, session, delegation }: CanaryTarget, zone: string, step: 'mint' | 'refusal'): Readonly<Record<string, string>> {
  const form = { grant_type: grantType, zone_id: zone, application_id: application, resource, scope };
  return step === 'mint' ? { ...form, agent_session_id: session, delegation_edge_id: delegation } : form;
}

/** Path of the resource that is called through the Gateway. */
export function calledPath({ path = '/' }: CanaryTarget): string {
  return path;
}

/**
 * What a canary sends and to whom, for the confirmation; null where the target has nothing to call with.
 *
 * @param zone The zone in view; null when none is known.
 */
export function canaryCalls(target: Target, zone: string | null): Pick<RemedyRun, 'asked' | 'calls'> | null {
  const { canary } = target;
  if (canary === undefined || zone === null) return null;
  const { scope, resource, session, delegation, application } = canary;
  return {
    asked: `${askedWords('sts', target)}, ${askedWords('gateway', target)}`,
    calls: [
      `POST /oauth/2/token: ${scope} at ${resource} for ${application}, within Session ${session} and Delegation ${delegation}`,
      `GET ${calledPath(canary)} through the Gateway, with the mandate that was issued`,
      'POST /oauth/2/token: the same scope without a Session, which has to be refused',
    ],
  };
}

/** How an audit event of each step looks: contract, request evidence 4.4, 7.2. */
const expected: Readonly<Record<CanaryStep, (event: CanaryEvent) => boolean>> = {
  mint: ({ type, decision }) => type === 'token_exchange' && decision === 'allow',
  call: ({ type }) => type === 'gateway_resource_request',
  refusal: ({ type, decision }) => type === 'token_exchange' && decision === 'deny',
};

/** Steps that were answered as they should be, and whose event is not among these. */
export function missingSteps(answers: readonly CanaryAnswer[], events: readonly CanaryEvent[]): readonly CanaryStep[] {
  return answers
    .filter(({ asExpected, step, requestId }) => asExpected && !events.some((event) => event.requestId === requestId && expected[step](event)))
    .map(({ step }) => step);
}

const names: Readonly<Record<CanaryStep, string>> = { mint: 'The mint', call: 'The call', refusal: 'The call that has to be refused' };

/** What a canary says, in one sentence, and whether all is well. */
export function conclusion(answers: readonly CanaryAnswer[], { missing, where, why }: CanaryEvidence): Pick<CanaryRun, 'isWell' | 'sentence'> {
  const wrong = answers.find(({ asExpected }) => !asExpected);
  if (wrong) return { isWell: false, sentence: `${names[wrong.step]} was answered otherwise: ${wrong.said}.` };
  if (where === null) return { isWell: false, sentence: `An allowed and a refused call were answered as they should be; their audit events cannot be looked for: ${why}.` };
  if (why !== '') return { isWell: false, sentence: `An allowed and a refused call were answered as they should be; their audit events could not be read in ${where}: ${why}.` };
  if (missing.length > 0) return { isWell: false, sentence: `An allowed and a refused call were answered as they should be; ${where} has no audit event of ${missing.map((step) => names[step].toLowerCase()).join(' and ')}.` };
  return { isWell: true, sentence: 'An allowed and a refused call were answered and audited.' };
}
