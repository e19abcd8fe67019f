/**
 * Who said no to a call, why, and how far it came: from the answer that the caller got and from what the audit holds of
 * one request id. Facts of Caracal: contract request-evidence 4.4, 5, 7 and 8.
 */
import { denyReasons, evaluationStatuses, withoutAnswer } from '../caracal/decisions.ts';
import { layers } from '../caracal/refusals.ts';
import type { Layer, Refusal } from '../caracal/refusals.ts';
import { asksForApproval, kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent, EventKind } from './auditEvent.ts';
import { needsBoth } from './holds.ts';
import type { Hold } from './holds.ts';
import { refusalsLike, verifierRefusalOf } from './refusal.ts';
import type { CallerAnswer } from './refusal.ts';
import { resourceName, shortId, shortIds } from './words.ts';

export type OutcomeKind =
  | 'went through'
  /** The policy allowed it, and nothing says that it was refused after that. */
  | 'allowed'
  | 'partly granted' | 'denied' | 'refused' | 'on hold'
  /** What happened is no governed call: a decision of an approval, a call of Control. */
  | 'no call'
  | 'cannot tell';

export interface Outcome {
  readonly kind: OutcomeKind;
  /** Where it was decided; undefined where it went through, or where nobody can tell. */
  readonly layer: Layer | undefined;
  /** The code that Caracal gives for it: a reason, a status of an event, or an error; undefined where there is none. */
  readonly code: string | undefined;
  /** What happened, as a person would say it aloud. */
  readonly sentence: string;
  /** At most two more. */
  readonly more: readonly string[];
  /** What each layer did with it. */
  readonly states: Readonly<Record<Layer, string>>;
  /** An audit event should tell of it, and none does. */
  readonly awaitsEvent: boolean;
}

/** What is known of one request id. */
export interface Told {
  /** All events of it, in any order. */
  readonly events: readonly AuditEvent[];
  readonly answer?: CallerAnswer | undefined;
  /** Of the call that used the same mandate before, where this one is a replay. */
  readonly first?: Outcome | undefined;
  /** The hold that it is about, as it stands now. */
  readonly hold?: Hold | undefined;
  /** Until when an event may still come, for a person: `14:07:10`. */
  readonly lookingUntil?: string | undefined;
}

/** What happened to a call. */
export function outcomeOf(told: Told): Outcome {
  const call: Call = { ...told, byKind: Map.groupBy(told.events, kindOf), likely: told.answer === undefined ? [] : refusalsLike(told.answer) };
  return replayed(call) ?? executed(call) ?? refusedAfterPolicy(call) ?? approvalRefused(call) ?? held(call) ?? exchanged(call) ?? noCall(call) ?? answered(call) ?? refusedByResource(call) ?? unknown(call);
}

interface Call extends Told {
  readonly byKind: ReadonlyMap<EventKind, readonly AuditEvent[]>;
  /** Refusals that the answer may be. */
  readonly likely: readonly Refusal[];
}

const withoutCredential = 'provider_credential_unavailable';

function of({ byKind }: Call, ...kinds: readonly EventKind[]): readonly AuditEvent[] {
  return kinds.flatMap((kind) => byKind.get(kind) ?? []);
}

/** What the STS decided of each resource that was asked for. */
function exchanges(call: Call): readonly AuditEvent[] {
  return of(call, 'bootstrap', 'federation', 'mint', 'use', 'control key', 'workload', 'exchange').filter(({ evaluation_status: status }) => status !== withoutCredential);
}

function isAllowed({ decision }: AuditEvent): boolean {
  return decision === 'allow';
}

/** Parts of an outcome; what is left out is as it mostly is. */
interface Parts extends Pick<Outcome, 'kind' | 'sentence'> {
  readonly layer?: Layer;
  readonly code?: string | undefined;
  readonly more?: readonly string[];
  /** What the layer that decided did. */
  readonly at?: string;
  /** What those before it did. */
  readonly passed?: Partial<Record<Layer, string>>;
  readonly awaitsEvent?: boolean;
}

function outcome({ kind, sentence, layer, code, more = [], at = 'refused', passed = {}, awaitsEvent = false }: Parts): Outcome {
  const decided = layer === undefined ? layers.length : layers.indexOf(layer);
  const states = layers.map((one, place) => [one, place === decided ? at : place > decided ? 'not reached' : (passed[one] ?? 'not recorded')]);
  return { kind, layer, code, sentence, more: more.slice(0, 2), states: Object.fromEntries(states) as Outcome['states'], awaitsEvent };
}

function refused(layer: Layer, code: string | undefined, words: string, rest: Partial<Parts> = {}): Outcome {
  const sentences: Readonly<Record<Layer, string>> = {
    'before policy': `Caracal refused this call before policy: ${words}.`,
    policy: `Policy denied this call: ${words}.`,
    approval: `The approval does not count for this call: ${words}.`,
    'after mint': `Policy allowed this call, but no token was issued: ${words}.`,
    gateway: `The Gateway refused this call: ${words}.`,
    resource: `Caracal allowed this call, but the resource did not answer it: ${words}.`,
  };
  return outcome({ kind: layer === 'policy' ? 'denied' : 'refused', layer, code, sentence: sentences[layer], ...rest });
}

/** What came before the answer of the Gateway or of the provider, by the events of the STS. */
function passedPolicy(call: Call): Partial<Record<Layer, string>> {
  const allowed = exchanges(call).filter(isAllowed);
  const [event] = allowed;
  if (event === undefined) return {};
  const kind = kindOf(event);
  const isGated = allowed.some(asksForApproval);
  // A call is approved, or not, when its mandate is made.
  const approval = of(call, 'consumption').length > 0 ? 'approved, used' : kind !== 'use' && !isGated ? 'none needed' : undefined;
  return { 'before policy': 'passed', policy: kind === 'federation' || kind === 'control key' ? 'not asked' : 'allowed', ...(approval === undefined ? {} : { approval }) };
}

function replayed(call: Call): Outcome | undefined {
  if (of(call, 'replay').length === 0) return undefined;
  const { first } = call;
  const more = first === undefined ? 'A mandate works once. Which call used it first is not known.' : `The first call: ${first.sentence}`;
  return outcome({ kind: 'refused', layer: 'gateway', code: 'replay_detected', sentence: 'The Gateway saw this mandate before.', more: [more], at: 'refused, 401' });
}

/** What the Gateway could not do, where one status stands for several things. */
const errorKinds: Readonly<Record<string, string>> = { upstream_not_addressable: 'the address of the upstream may not be called, for its form, its name or its range', provider_host_not_allowed: 'the credential of the provider is not for the host of the upstream' };

/** The Gateway tells once what it did with a call that the STS had allowed. */
function executed(call: Call): Outcome | undefined {
  const [event] = of(call, 'gateway call');
  if (event === undefined) return undefined;
  const { evaluation_status: status, metadata_json: metadata } = event;
  const passed = { ...passedPolicy(call), 'after mint': 'issued' };
  const host = metadataText(event, 'upstream_host') || 'the upstream';
  if (metadata['revocation_interrupted'] === true) return refused('gateway', 'revocation_interrupted', 'its authority was revoked while the answer came', { sentence: 'The Gateway cut the answer of this call off: its authority was revoked meanwhile.', at: 'cut off', passed });
  if (status === 'executed') {
    const upstream = Number(metadata['upstream_status'] ?? metadata['gateway_status'] ?? 0);
    const passedOn = { ...passed, gateway: 'passed on' };
    if (upstream < 400) return outcome({ kind: 'went through', sentence: 'This call went through.', passed: { ...passedOn, resource: `answered, ${upstream}` } });
    const isRefusal = upstream === 401 || upstream === 403;
    const resource = resourceName(metadataText(event, 'resource'));
    return outcome({
      kind: 'refused', layer: 'resource', code: String(upstream), passed: passedOn, at: `${isRefusal ? 'refused' : 'answered'}, ${upstream}`,
      sentence: isRefusal ? `${resource} refused this call. Caracal had allowed it.` : `Caracal passed this call on; ${host} answered ${upstream}.`,
      ...(isRefusal ? { more: moreOfResource(call) } : {}),
    });
  }
  const { layer, words } = evaluationStatuses[status] ?? { layer: 'gateway' as const, words: `its audit event says ${status}` };
  const code = metadataText(event, 'error_kind') || status;
  const told = Number(metadata['gateway_status'] ?? 0);
  if (layer === 'gateway') return refused('gateway', code, errorKinds[code] ?? words, { more: ['Policy had allowed it.'], at: `refused, ${told}`, passed });
  const isBegun = code === 'response_copy_failed';
  const sentence = isBegun ? `Caracal passed this call on; the answer of ${host} broke off.` : `Caracal passed this call on, but ${host} did not answer: ${withoutAnswer[told] ?? words}.`;
  return outcome({ kind: 'refused', layer, code, sentence, at: isBegun ? `broke off, ${told}` : 'no answer', passed: { ...passed, gateway: 'passed on' } });
}

function moreOfResource({ answer }: Call): readonly string[] {
  const refusal = answer && verifierRefusalOf(answer);
  return refusal === undefined ? [] : [`It answered ${refusal.code}: ${refusal.words}.`];
}

/** An allow in the audit is no proof that a token was issued: rows 15, 29, 32, 33, 35 and 36. */
function refusedAfterPolicy(call: Call): Outcome | undefined {
  const passed = passedPolicy(call);
  const [event] = call.events.filter(({ evaluation_status: status }) => status === withoutCredential);
  if (event !== undefined) {
    const why = metadataText(event, 'reason');
    return refused('after mint', withoutCredential, evaluationStatuses[withoutCredential]?.words ?? '', { more: why === '' ? [] : [`The STS says: ${why}.`], at: 'refused, 502', passed });
  }
  if (of(call, 'jti collision').length > 0) return refused('after mint', 'jti_collision', 'the id of the new mandate had been given before', { at: 'refused, 500', passed });
  const refusal = call.likely.find(({ audit, row }) => audit === 'allow' && row !== heldRow);
  if (refusal === undefined || !exchanges(call).some(isAllowed)) return undefined;
  const before = refusal.layer === 'gateway' ? { ...passed, 'after mint': 'issued' } : passed;
  return refused(refusal.layer, call.answer?.error, refusal.words, { ...(refusal.layer === 'after mint' ? {} : { more: ['Policy had allowed it.'] }), at: refusedAt(call, refusal), passed: before });
}

const heldRow = 30;

function refusedAt({ answer }: Call, { statuses }: Refusal): string {
  return `refused, ${answer?.status ?? statuses[0] ?? ''}`;
}

/** An approval that does not count ends the whole exchange, also after the policy has allowed all of it. */
function approvalRefused(call: Call): Outcome | undefined {
  const deny = exchanges(call).find((event) => !isAllowed(event) && reasonOf(event).layer === 'approval');
  if (deny === undefined) return undefined;
  const { code, words } = reasonOf(deny);
  return refused('approval', code, words, { ...(code === 'approval_rejected' ? { sentence: rejectedWords(call.hold) } : {}), at: refusedState(call), passed: passedPolicy(call) });
}

/** `The approval was rejected by admin:…21a9a3: “not today”.` */
function rejectedWords(hold: Hold | undefined): string {
  const [by, why] = [hold?.approverSubjectId, hold?.decisionReason];
  return `The approval was rejected${by === undefined ? '' : ` by ${shortIds(by)}`}${why === undefined ? '' : `: “${why}”`}.`;
}

/** An allow alone does not tell it; the use of an approval and the answer do. */
function isIssued(call: Call): boolean {
  return of(call, 'consumption').length > 0 || call.answer?.status === 200;
}

/** The decision of a mint is allow even while it is held. */
function held(call: Call): Outcome | undefined {
  const [hold] = of(call, 'hold');
  const isGated = hold !== undefined || exchanges(call).some(asksForApproval);
  if (!isGated || isIssued(call)) return undefined;
  const passed = passedPolicy(call);
  if (hold === undefined && needsBoth(exchanges(call))) return refused('approval', 'approval_class_conflict', evaluationStatuses['approval_class_conflict']?.words ?? '', { more: ['Policy had allowed it.'], passed });
  const ended = call.hold && endedHold(call.hold);
  if (ended !== undefined) return outcome({ layer: 'approval', passed, ...ended });
  const who = approvers[call.hold?.approverClass ?? (hold === undefined ? '' : metadataText(hold, 'approver_class'))];
  const until = call.hold?.expiresAt ?? (hold === undefined ? '' : metadataText(hold, 'expires_at'));
  const sentence = who === undefined ? 'This call is on hold: it waits for an approval.' : `This call is on hold. ${who} can approve it${until === '' ? '' : ` until ${until}`}.`;
  return outcome({ kind: 'on hold', layer: 'approval', code: 'interaction_required', sentence, at: 'on hold', passed });
}

/** What became of a request that was held; undefined while it waits. */
function endedHold(hold: Hold): Pick<Parts, 'kind' | 'code' | 'sentence' | 'more' | 'at'> | undefined {
  switch (hold.standing) {
    case 'waits':
      return undefined;
    case 'approved':
      return { kind: 'on hold', code: 'interaction_required', sentence: 'This call was on hold and is approved, but the caller has not asked again.', more: [`It can until ${hold.expiresAt}, for the same resources and scopes, in the same Session.`], at: 'approved, not used' };
    case 'used':
      return { kind: 'allowed', code: 'interaction_required', sentence: `This call was on hold; its approval was used by ${hold.usedBy === undefined ? 'a later request' : `the request ${shortId(hold.usedBy)}`}.`, at: 'approved, used later' };
    case 'rejected':
      return { kind: 'refused', code: 'approval_rejected', sentence: rejectedWords(hold), at: 'rejected' };
    case 'over':
      return { kind: 'refused', code: 'approval_expired', sentence: 'This call was on hold, and nobody approved it in time.', at: 'over' };
    case 'approved, and over':
      return { kind: 'refused', code: 'approval_expired', sentence: 'This call was on hold and was approved, but the caller did not ask again in time.', at: 'over' };
  }
}

const approvers: Readonly<Record<string, string>> = { operator: 'An operator', subject: 'The user', any: 'An operator or the user' };

function exchanged(call: Call): Outcome | undefined {
  const all = exchanges(call);
  const denied = all.filter((event) => !isAllowed(event));
  const [deny] = denied;
  if (deny === undefined) return all.length === 0 ? nothingGranted(call) : allowed(call, all);
  const reasons = denied.map(reasonOf);
  if (denied.length < all.length) {
    return outcome({
      kind: 'partly granted', code: reasons[0]?.code, sentence: `${all.length - denied.length} of ${all.length} resources ${all.length - denied.length === 1 ? 'was' : 'were'} granted.`,
      more: denied.map((event, place) => `${resourceName(metadataText(event, 'resource'))}: ${reasons[place]?.words ?? ''}.`), passed: { ...passedPolicy(call), policy: `allowed ${all.length - denied.length} of ${all.length}`, ...(isIssued(call) ? { 'after mint': 'issued' } : {}) },
    });
  }
  const { layer, code, words } = reasonOf(deny);
  const passed = layer === 'before policy' ? {} : { 'before policy': 'passed' };
  const others = denied.slice(1).filter((_, place) => reasons[place + 1]?.code !== code).map((event) => `${resourceName(metadataText(event, 'resource'))}: ${reasonOf(event).words}.`);
  return refused(layer, code, call.likely.find(({ audit }) => audit === code)?.words ?? words, { more: [...detailOf(deny), ...others], at: layer === 'policy' ? 'denied' : refusedState(call), passed });
}

function refusedState({ answer }: Call): string {
  return answer?.status === undefined ? 'refused' : `refused, ${answer.status}`;
}

function reasonOf({ evaluation_status: status, diagnostics_json: diagnostics }: AuditEvent): { readonly layer: Layer; readonly code: string; readonly words: string } {
  const known = evaluationStatuses[status];
  if (known !== undefined) return { ...known, code: status };
  const reason = diagnostics.map(({ reason: given }) => given).find((given) => typeof given === 'string');
  if (status !== 'complete' || reason === undefined) return { layer: 'policy', code: status, words: 'the policy of the zone gave no whole answer' };
  return { layer: 'policy', code: reason, words: denyReasons[reason] ?? `its reason is ${reason}` };
}

/** What the event itself says beside its status. */
function detailOf(event: AuditEvent): readonly string[] {
  const [reason, method, path] = ['reason', 'method', 'path'].map((name) => metadataText(event, name));
  return [...(method === '' ? [] : [`It was ${method} ${path}.`]), ...(reason === '' ? [] : [`The STS says: ${reason}.`])];
}

/** The summary alone: the events that say why are not there. */
function nothingGranted(call: Call): Outcome | undefined {
  if (of(call, 'nothing granted').length === 0) return undefined;
  return outcome({ kind: 'cannot tell', code: 'exchange_denied', sentence: 'Caracal granted none of the resources; the events that say why are not in the audit.' });
}

/** Nothing but allows. */
function allowed(call: Call, [event]: readonly AuditEvent[]): Outcome {
  const passed = passedPolicy(call);
  const kind = event === undefined ? 'exchange' : kindOf(event);
  if (kind === 'use') {
    return outcome({ kind: 'allowed', sentence: 'Caracal allowed this call. What the Gateway did with it is not recorded.', more: ['It may still run, its answer may still come, or the Gateway refused it after that.', ...(call.lookingUntil === undefined ? [] : [`Looking until ${call.lookingUntil}.`])], passed: { ...passed, 'after mint': 'issued' } });
  }
  const what = issued[kind] ?? 'A mandate';
  return isIssued(call)
    ? outcome({ kind: 'allowed', sentence: `${what} was issued.`, passed: { ...passed, 'after mint': 'issued' } })
    : outcome({ kind: 'allowed', sentence: `${what} was allowed. Whether it was issued is not recorded.`, passed });
}

const issued: Partial<Readonly<Record<EventKind, string>>> = { bootstrap: 'A session mandate', federation: 'A session mandate of a user', workload: 'A credential for a workload', 'control key': 'A mandate of a control key' };

function noCall(call: Call): Outcome | undefined {
  const [event] = of(call, 'decision', 'consumption', 'control call', 'launch', 'credential revealed', 'other');
  if (event === undefined) return undefined;
  const reason = metadataText(event, 'reason');
  const why = reason === '' ? '' : `: ${reason}`;
  const command = [metadataText(event, 'command'), metadataText(event, 'subcommand')].filter((part) => part !== '').join(' ');
  const sentences: Partial<Record<EventKind, string>> = {
    decision: `${metadataText(event, 'approver_plane') === 'subject' ? 'The user' : 'An operator'} ${event.decision} a request that was on hold${why}.`,
    consumption: 'An approval was used.',
    'control call': `Control ${isAllowed(event) ? 'ran' : 'refused'} ${command === '' ? 'a command' : command}${isAllowed(event) ? '' : why}.`,
    launch: isAllowed(event) ? 'A workload was launched.' : `A workload was not launched: ${reasonOf(event).words}.`,
    'credential revealed': `A secret was read in plain text: ${metadataText(event, 'credential')}.`,
  };
  const code = event.evaluation_status === 'complete' ? undefined : event.evaluation_status;
  const isRefused = event.decision === 'deny';
  return outcome({ kind: isRefused ? 'refused' : 'no call', ...(isRefused && kindOf(event) === 'launch' ? { layer: reasonOf(event).layer, at: refusedState(call) } : {}), code, sentence: sentences[kindOf(event)] ?? `The audit holds an event of another kind: ${event.event_type}.` });
}

/** Most refusals leave no event. */
function answered(call: Call): Outcome | undefined {
  const { answer, likely, lookingUntil } = call;
  const [refusal] = likely;
  if (answer === undefined || refusal === undefined) return undefined;
  const reason = /^policy denied \((.+)\)$/.exec(answer.description ?? '')?.[1];
  const awaitsEvent = refusal.audit !== undefined;
  const expected = !awaitsEvent ? 'No audit event exists, and none is expected.' : lookingUntil === undefined ? 'Its audit event is missing.' : `Its audit event is not ingested yet. Looking until ${lookingUntil}.`;
  if (refusal.row === heldRow) return outcome({ kind: 'on hold', layer: 'approval', code: 'interaction_required', sentence: 'This call is on hold: it waits for an approval.', more: [expected], at: 'on hold', awaitsEvent });
  if (refusal.audit === 'exchange_denied' && reason === undefined) {
    return outcome({ kind: 'cannot tell', code: answer.error, sentence: 'Caracal granted none of the resources; only the audit says why.', more: [expected], awaitsEvent });
  }
  const words = reason === undefined ? refusal.words : (denyReasons[reason] ?? `its reason is ${reason}`);
  return refused(refusal.layer, reason ?? answer.error ?? refusal.errors[0], words, { more: [expected], at: refusedAt(call, refusal), awaitsEvent });
}

/** A refusal of a verifier has no request id and leaves no event; it says no more than its code. */
function refusedByResource({ answer }: Call): Outcome | undefined {
  const refusal = answer && verifierRefusalOf(answer);
  if (refusal === undefined) return undefined;
  const { code, status, words } = refusal;
  return outcome({ kind: 'refused', layer: 'resource', code, sentence: `The resource refused this call: ${words}.`, more: ['No audit event exists, and none is expected: a refusal by a resource leaves none.'], at: `refused, ${status}` });
}

function unknown({ lookingUntil }: Call): Outcome {
  return outcome({ kind: 'cannot tell', awaitsEvent: true, sentence: lookingUntil === undefined ? 'Cannot tell: the audit holds no event of this request.' : `Not ingested yet. Looking until ${lookingUntil}.` });
}
