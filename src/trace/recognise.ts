/** From what somebody pasted to the places in Caracal that it can come from. */
import { ambiguities, ambiguousReasons, reasonChecks, tellingMessages } from '../caracal/ambiguities.ts';
import type { Ambiguity } from '../caracal/ambiguities.ts';
import { answerCodes, areas, asked, decisionChecks, knownAnswers, refusalChecks, surfaceNames, surfaceSymptoms, surfaces } from '../caracal/answers.ts';
import type { Area, Surface } from '../caracal/answers.ts';
import { denyReasons, evaluationStatuses } from '../caracal/decisions.ts';
import { place, postgresChecks, redisChecks } from '../caracal/places.ts';
import type { Place } from '../caracal/places.ts';
import { readinessReasons } from '../caracal/readinessReasons.ts';
import { servicesWith } from '../caracal/readinessOrder.ts';
import { refusals } from '../caracal/refusals.ts';
import type { Layer, Refusal } from '../caracal/refusals.ts';
import { speakingMessages } from '../caracal/speakingMessages.ts';
import { symptoms } from '../caracal/symptoms.ts';
import { serviceNames } from '../model/serviceNames.ts';
import type { ServiceName } from '../model/target.ts';
import { capture } from './capture.ts';
import type { Captured } from './capture.ts';
import { isNamed } from './named.ts';
import { refusalsLike, verifierRefusalOf } from './refusal.ts';
import { seenIn } from './seen.ts';
import type { Seen, SeenAnswer, SeenMessage, SeenReadiness, SeenStatus } from './seen.ts';
import { listText, sentenceCase, shortId } from './words.ts';

/** What a text is about. It keeps nothing of the text but codes, words of Caracal and ids. */
export interface Recognised {
  /** `401 invalid_token, token replay detected` */
  readonly summary: string;
  /** `a Gateway answer, request …f90ae7` */
  readonly detail: string;
  /** The likeliest first. Empty where only an id or a token was seen. */
  readonly places: readonly Place[];
  /** What a trace can go by; undefined where there is nothing. */
  readonly captured: Captured | undefined;
}

/** More nobody reads. */
const mostPlaces = 9;

/** Undefined for a text in which nothing is Caracal's, and that names no request. */
export function recognise(text: string): Recognised | undefined {
  const captured = capturedOf(text);
  const seen = seenIn(text);
  const [first] = seen;
  if (first === undefined) return captured !== undefined && isNamed(captured) ? { ...ofCaptured(captured), places: [], captured } : undefined;
  const others = new Set(seen.map(summaryOf)).size - 1;
  const { requestId } = captured ?? {};
  return {
    summary: `${summaryOf(first)}${others === 0 ? '' : ` and ${others} more`}`,
    detail: `${formOf(first)}${requestId === undefined ? '' : `, request ${shortId(requestId)}`}`,
    places: unique(seen.flatMap(placesOf)).slice(0, mostPlaces),
    captured,
  };
}

/** One word alone may be an id of somebody's own, and is none where it looks like a word. */
function capturedOf(text: string): Captured | undefined {
  const result = capture(text);
  if (result.kind === 'nothing') return undefined;
  const { what, approvalId, requestId = '' } = result.captured;
  return what === 'an id' && approvalId === undefined && !/^(?=.*\d).{8,}$/.test(requestId) ? undefined : result.captured;
}

/** The places that what is known now speaks for, before all others. */
export function likeliestFirst(places: readonly Place[], isRed: (check: string) => boolean): readonly Place[] {
  const speaks = ({ seenAt }: Place): boolean => seenAt.some(isRed);
  return [...places.filter(speaks), ...places.filter((each) => !speaks(each))];
}

function ofCaptured({ what, mandate, requestId, approvalId, resource }: Captured): Pick<Recognised, 'summary' | 'detail'> {
  if (mandate !== undefined) {
    const { use } = mandate.claims;
    return { summary: use === 'gateway' ? 'a mandate for the Gateway' : use === 'resource' ? 'a mandate for a resource' : what, detail: `masked; decoded on this machine, not sent and not stored${resource === undefined ? '' : `; for ${resource}`}` };
  }
  const id = requestId ?? approvalId;
  return { summary: what === 'an id' ? `request ${shortId(id ?? '')}` : what, detail: what === 'an id' ? 'an id: pick what you see of it next' : id === undefined ? 'no error of Caracal in it' : `request ${shortId(id)}` };
}

function unique(places: readonly Place[]): readonly Place[] {
  return [...new Map(places.map((each) => [each.words, each])).values()];
}

function summaryOf(seen: Seen): string {
  switch (seen.kind) {
    case 'answer': {
      const head = [seen.status, seen.error].filter((part) => part !== undefined).join(' ');
      const tail = seen.isPassedOn ? 'answered by the upstream' : seen.isEmptyList ? 'an empty list' : seen.description === undefined || !isKnown(seen) ? undefined : seen.description;
      return [head, tail].filter((part) => part !== undefined && part !== '').join(', ');
    }
    case 'readiness':
      return [...listed(seen.services), seen.status, seen.reason].filter((part) => part !== undefined).join(' ');
    case 'status line':
      return [...listed(seen.services), seen.says === 'other' ? 'answers something else' : seen.says].join(' ');
    case 'message':
      return seen.message.id.slice(seen.message.id.indexOf(' ') + 1);
    case 'decision':
      return seen.code;
    case 'text':
      return seen.text;
  }
}

function listed(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [listText(names)];
}

/** What somebody else wrote may hold anything, and is not repeated. */
function isKnown(seen: SeenAnswer): boolean {
  return refusalsLike({ ...seen, status: undefined, error: undefined }).length > 0 || ambiguities.some(({ says }) => seen.description !== undefined && fits(says, seen.description) === true);
}

const formWords: Readonly<Record<Surface, string>> = {
  api: 'an API answer', control: 'an answer of Control', sts: 'an STS answer', gateway: 'a Gateway answer', coordinator: 'a Coordinator answer', audit: 'an answer of Audit', web: 'an answer of web', resource: 'an answer of a resource',
};

function formOf(seen: Seen): string {
  switch (seen.kind) {
    case 'answer': {
      const from = surfacesOf(seen);
      if (seen.isException) return 'an exception of a library';
      return from.length === 1 && from[0] !== undefined ? formWords[from[0]] : 'an answer';
    }
    case 'readiness':
      return 'an answer of /ready';
    case 'status line':
      return 'a line of caracal status';
    case 'message':
      return `a log line of ${seen.message.source}`;
    case 'decision':
      return 'a decision in the audit';
    case 'text':
      return 'a text of Caracal';
  }
}

function placesOf(seen: Seen): readonly Place[] {
  switch (seen.kind) {
    case 'answer':
      return ofAnswer(seen);
    case 'readiness':
      return ofReason(seen);
    case 'status line':
      return ofStatusLine(seen);
    case 'message':
      return ofMessage(seen);
    case 'decision':
      return [ofDecision(seen.code)];
    case 'text':
      return [seen.place];
  }
}

/** Undefined where one of both is not known. */
function fits<Value>(wanted: readonly Value[] | undefined, given: Value | undefined): boolean | undefined {
  if (wanted === undefined || given === undefined) return undefined;
  if (typeof given !== 'string') return wanted.includes(given);
  return wanted.some((each) => each === given || (typeof each === 'string' && each.includes('{…}') && given.startsWith(each.slice(0, each.indexOf('{…}')))));
}

/** Whether a row is about an answer: nothing that the answer tells speaks against it, and something besides its status for it. */
function isAbout(row: Ambiguity, seen: SeenAnswer): boolean {
  if (row.isPassedOn !== undefined || row.isEmptyList !== undefined) {
    return (row.isPassedOn === seen.isPassedOn || row.isEmptyList === seen.isEmptyList) && fits(row.statuses, seen.status) !== false && fits(row.from, seen.from) !== false;
  }
  if (seen.isPassedOn || seen.isEmptyList) return false;
  if (row.isSlow !== undefined && seen.isSlow !== undefined && row.isSlow !== seen.isSlow) return false;
  const [from, status, code, says] = [fits(row.from, seen.from), fits(row.statuses, seen.status), fits(row.codes, seen.error), fits(row.says, seen.description)];
  if ([from, status, code, says].includes(false)) return false;
  return says === true || code === true || (row.codes === undefined && row.says === undefined && from === true && status === true);
}

/** Who can have given an answer: who it names, else everybody who has such a one. */
function surfacesOf(seen: SeenAnswer): readonly Surface[] {
  const { from, status, error } = seen;
  if (from !== undefined) return [from];
  const described = new Set<Surface>([...refusalsLike(seen).map(({ service }) => service), ...ambiguities.filter((row) => row.says !== undefined && seen.description !== undefined && isAbout(row, seen)).flatMap((row) => row.from)]);
  if (described.size > 0) return surfaces.filter((surface) => described.has(surface));
  if (error === undefined) return [];
  return surfaces.filter((surface) => statusesOf(surface, error).some((one) => status === undefined || one === status));
}

/** The statuses with which somebody answers a code. */
function statusesOf(surface: Surface, code: string): readonly number[] {
  const listed = Object.entries(answerCodes[surface]).flatMap(([status, codes]) => (codes.includes(code) ? Number(status) : []));
  return [...listed, ...refusals.filter(({ service, errors }) => service === surface && errors.includes(code)).flatMap(({ statuses }) => statuses)];
}

function ofAnswer(given: SeenAnswer): readonly Place[] {
  const [only, ...more] = surfacesOf(given);
  const seen = { ...given, from: more.length > 0 ? given.from : only };
  const rows = ambiguities.filter((row) => isAbout(row, seen));
  if (seen.isPassedOn) return rows.length > 0 ? rows.flatMap(({ places }) => places) : [passedOn];
  if (seen.isEmptyList) return rows.flatMap(({ places }) => places);
  // Rows that the description names leave no room for others of the same service.
  const told = rows.filter(({ says }) => fits(says, seen.description) === true);
  const likely = refusalsLike(seen).filter(({ service }) => !told.some(({ from }) => from.includes(service)));
  if (told.length > 0 || likely.length > 0) return [...told.flatMap(({ places }) => places), ...likely.slice(0, 3).map((refusal) => ofRefusal(refusal, seen))];
  const verifier = verifierRefusalOf(seen);
  const ambiguous = new Set(rows.flatMap(({ from }) => from));
  // What the STS and the Gateway refuse by one code is more than what is ambiguous of it.
  const plain = surfacesOf(seen).filter((surface) => !ambiguous.has(surface) || refusalsWith(surface, seen).length > 0);
  return [...rows.flatMap(({ places }) => places), ...plain.flatMap((surface) => ofCode(surface, seen, verifier?.words))];
}

/** Of an answer whose upstream has spoken Caracal says nothing more. */
const passedOn = place('gateway-refuses', 'The upstream answered so; Caracal had passed the call on', ['SVC-028']);

function ofRefusal({ service, row, words, layer }: Refusal, { description }: SeenAnswer): Place {
  const reason = /^policy denied \((.+)\)$/.exec(description ?? '')?.[1];
  if (reason !== undefined) return ofDecision(reason);
  const subject = layer === 'approval' ? 'Nothing is broken: ' : words.startsWith('the STS ') ? '' : `${surfaceNames[service]} refused: `;
  return place(surfaceSymptoms[service], sentenceCase(`${subject}${words}`), refusalChecks[service][row]);
}

function ofDecision(code: string): Place {
  const reason = denyReasons[code];
  if (reason !== undefined) return place('sts-exchange', `Policy denied it: ${reason}`, decisionChecks[code]);
  const { layer, words } = evaluationStatuses[code] ?? { layer: 'policy' as const, words: `its reason is ${code}` };
  const isOfGateway = layer === 'gateway' || layer === 'resource';
  return place(isOfGateway ? 'gateway-refuses' : 'sts-exchange', `${isOfGateway ? 'The Gateway' : layer === 'policy' ? 'Policy' : 'The STS'} refused: ${words}`, decisionChecks[code]);
}

/** The refusals of the STS or of the Gateway that have a code. */
function refusalsWith(surface: Surface, { error, status }: SeenAnswer): readonly Refusal[] {
  return refusals.filter(({ service, errors, statuses }) => service === surface && error !== undefined && errors.includes(error) && (status === undefined || statuses.includes(status)));
}

/** What a code says where neither a description nor the contract tells more. */
function ofCode(surface: Surface, seen: SeenAnswer, verifierWords: string | undefined): readonly Place[] {
  const { error } = seen;
  if (error === undefined) return [];
  const known = knownAnswers[surface]?.[error];
  if (known !== undefined) return [known];
  if (surface === 'resource') return [place('gateway-refuses', `The resource refused this call${verifierWords === undefined ? '' : `: ${verifierWords}`}`, ['SVC-015', 'RDY-091'])];
  const like = refusalsWith(surface, seen);
  const [first] = like;
  if (first !== undefined && like.every(({ words }) => words === first.words)) return [ofRefusal(first, seen)];
  const layers = [...new Set(like.map(({ layer }) => layer))];
  if (layers.length > 0) return layers.map((layer) => place(layer === 'gateway' || layer === 'resource' ? 'gateway-refuses' : surfaceSymptoms[surface], layerWords[layer], layerChecks[layer]));
  const area = areaOf(error);
  const isForbidden = statusesOf(surface, error).every((one) => one === 401 || one === 403);
  if (area === undefined) return [isForbidden ? place(surfaceSymptoms[surface], `${surfaceNames[surface]} does not let this caller do that`) : asked];
  return [{ ...area.place, words: `${surfaceNames[surface]}: ${area.place.words.slice(0, 1).toLowerCase()}${area.place.words.slice(1)}`, symptom: area.symptoms?.[surface] ?? area.place.symptom }];
}

const layerWords: Readonly<Record<Layer, string>> = {
  'before policy': 'The STS refused before policy: who asked, for which zone, or its Session or Delegation',
  policy: 'Policy denied it, or could not be evaluated',
  approval: 'It waits for an approval, or its approval no longer counts: nothing is broken',
  'after mint': 'Policy allowed it, and the STS could not issue the token',
  gateway: 'The Gateway refused it: the mandate, its authority, or the STS behind it',
  resource: 'The Gateway passed it on, and the upstream did not answer',
};

const layerChecks: Readonly<Record<Layer, readonly string[]>> = {
  'before policy': ['SVC-062', ...postgresChecks, ...redisChecks], policy: ['SVC-012', 'SVC-011', 'SVC-013', 'SVC-014'], approval: [], 'after mint': ['SVC-015', ...postgresChecks, 'SVC-061', 'SVC-017'],
  gateway: ['SVC-022', ...redisChecks, 'RDY-011', 'SVC-021'], resource: ['SVC-028'],
};

/** The kind of fault that a code speaks of; undefined for what only the caller, or what is registered, can change. */
export function areaOf(code: string): Area | undefined {
  return areas.find(({ codes }) => codes.some((each) => each === code || (each.endsWith('*') && code.startsWith(each.slice(0, -1)))));
}

function ofReason({ services, reason }: SeenReadiness): readonly Place[] {
  const several = ambiguousReasons[reason];
  if (several !== undefined) return several;
  const who = services.length > 0 ? services : servicesWith(reason);
  const subject = who.length === 1 && reason !== 'draining' ? `${who[0] ?? ''} is` : services.length > 0 ? `${listText(services)} ${services.length === 1 ? 'is' : 'are'}` : 'A service is';
  return [place('not-ready', `${subject} not ready: ${readinessReasons[reason]?.meaning ?? ''}`, reasonChecks[reason])];
}

/** A check of readiness of each service: 1 its process, 2 its health, 4 its identity. */
function readinessChecks(services: readonly ServiceName[], part: 1 | 2 | 4): readonly string[] {
  return serviceNames.flatMap((name, place) => (services.length === 0 || services.includes(name) ? `RDY-0${place}${part}` : []));
}

/** `caracal status` asks five services. */
const mostServices = 5;

function ofStatusLine({ services, says }: SeenStatus): readonly Place[] {
  const [who, subject] = services.length === 0 ? ['a service', 'A service'] : [listText(services), listText(services)];
  switch (says) {
    case 'unreachable':
      return [
        services.length < mostServices
          ? place('not-ready', `Nothing listens where ${who} should: stopped, starting, or elsewhere`, readinessChecks(services, 1))
          : place('not-ready', 'Nothing listens where the services should: Caracal is not started here, or runs elsewhere', readinessChecks(services, 1)),
      ];
    case 'timeout':
      return [
        place('not-ready', `${subject} could not ask Redis: to say so takes longer than the 1.5 s of the CLI`, [...redisChecks], 'Redis does not answer'),
        place('not-ready', `${subject} could not ask Postgres: to say so takes longer than the 1.5 s of the CLI`, [...postgresChecks], 'Postgres does not answer'),
        place('not-ready', `${subject} gave no answer at all`, readinessChecks(services, 2), '/health does not answer either'),
      ];
    case 'other':
      return [place('not-ready', `Something else answers where ${who} should`, [...readinessChecks(services, 4), ...readinessChecks(services, 2)])];
  }
}

const symptomsOfSources: Readonly<Partial<Record<string, string>>> = { sts: 'sts-exchange', gateway: 'gateway-refuses', audit: 'audit-missing', coordinator: 'session-views', web: 'session-views', api: 'api-refuses' };
const goesWell: readonly (string | undefined)[] = ['info', 'debug', 'trace'];

/** The services log the reason of `/ready` in their own words: `ready: pg unreachable`, `ready_outbox_dead`. */
function reasonOf(message: string): string | undefined {
  const reason = /: ready[:_] ?(.*)$/.exec(message)?.[1]?.replaceAll(' ', '_').replace(/^pg_/, 'postgres_');
  return reason !== undefined && Object.hasOwn(readinessReasons, reason) ? reason : undefined;
}

function ofMessage({ message, record }: SeenMessage): readonly Place[] {
  const { id, source, meaning } = message;
  const telling = tellingMessages[id];
  if (telling !== undefined) return [telling];
  const reason = reasonOf(id);
  if (reason !== undefined) return ofReason({ kind: 'readiness', services: serviceNames.filter((name) => name === source), reason, status: undefined });
  const rows = ambiguities.filter(({ logged }) => logged?.includes(id));
  const isOfRedis = record.error?.type === 'MaxRetriesPerRequestError' || /ECONNREFUSED|redis/i.test(record.error?.message ?? '');
  if (rows.length > 0) return unique(rows.filter(({ isSlow }) => isSlow !== false || !isOfRedis).flatMap(({ places }) => places));
  const seenAt = Object.entries(speakingMessages).flatMap(([check, messages]) => (messages.includes(id) ? check : []));
  if (seenAt.length === 0 && goesWell.includes(record.level) && !/denied|rejected|failed/.test(id)) return [];
  const preferred = /startup failed|init failed|run failed/.test(id) ? 'not-ready' : (symptomsOfSources[source] ?? 'not-ready');
  const about = symptoms.toSorted((one, other) => Number(other.id === preferred) - Number(one.id === preferred)).find(({ checks }) => seenAt.some((check) => checks.includes(check)));
  return [{ words: `${sentenceCase(meaning.split('. ')[0]?.replace(/\.$/, '') ?? meaning)} (${source})`, symptom: about?.id ?? preferred, seenAt }];
}
