/** What somebody pasted, as far as it tells what was seen of Caracal: answers, states of readiness, lines of logs. */
import { ambiguities } from '../caracal/ambiguities.ts';
import { answerCodes, deadLetterReasons, exceptions, libraryTexts } from '../caracal/answers.ts';
import type { Surface } from '../caracal/answers.ts';
import { denyReasons, evaluationStatuses } from '../caracal/decisions.ts';
import { logSourceOf, logSources } from '../caracal/logSources.ts';
import type { LogSource } from '../caracal/logSources.ts';
import { misleadingMessages } from '../caracal/misleadingMessages.ts';
import type { Place } from '../caracal/places.ts';
import { readinessReasons } from '../caracal/readinessReasons.ts';
import { refusals } from '../caracal/refusals.ts';
import { services } from '../caracal/services.ts';
import { knownMessage } from '../logs/known.ts';
import type { KnownMessage } from '../logs/known.ts';
import { readRecord } from '../logs/record.ts';
import type { LogRecord } from '../logs/record.ts';
import { serviceNames } from '../model/serviceNames.ts';
import type { ServiceName } from '../model/target.ts';
import { isObject, objectsIn, textOf } from './jsonIn.ts';
import type { Json } from './jsonIn.ts';
import { refusalsLike } from './refusal.ts';
import type { CallerAnswer } from './refusal.ts';

/** An answer of somebody of Caracal, or that passed through it. */
export interface SeenAnswer extends CallerAnswer {
  readonly kind: 'answer';
  /** Undefined where the text does not tell. */
  readonly from: Surface | undefined;
  /** Whether it took more than 5 s; undefined where the text does not tell. */
  readonly isSlow: boolean | undefined;
  /** The upstream has answered. */
  readonly isPassedOn: boolean;
  readonly isEmptyList: boolean;
  /** A library raised it. */
  readonly isException: boolean;
}

/** A reason of `/ready`. */
export interface SeenReadiness {
  readonly kind: 'readiness';
  /** Empty where the text does not tell. */
  readonly services: readonly ServiceName[];
  readonly reason: string;
  readonly status: number | undefined;
}

/** Services of which `caracal status` tells no answer; `other` is one that no service of Caracal gives. */
export interface SeenStatus {
  readonly kind: 'status line';
  /** Empty where the text does not tell. */
  readonly services: readonly ServiceName[];
  readonly says: 'timeout' | 'unreachable' | 'other';
}

/** A line of a log whose message is known. */
export interface SeenMessage {
  readonly kind: 'message';
  readonly message: KnownMessage;
  readonly record: LogRecord;
}

export type Seen =
  | SeenAnswer
  | SeenReadiness
  | SeenStatus
  | SeenMessage
  /** A reason of policy, or the status of an audit event. */
  | { readonly kind: 'decision'; readonly code: string }
  /** A text that comes from one place alone. */
  | { readonly kind: 'text'; readonly text: string; readonly place: Place };

const mostCharacters = 256 * 1024;
/** A log excerpt may be long; what it is about stands in some lines. */
const mostSeen = 50;
const mostLines = 500;
/** No line of Caracal that means something is longer, and no description by far. */
const mostOfLine = 16 * 1024;
const mostOfDescription = 400;

/** Everything in a text that is Caracal's, in its order, each once. */
export function seenIn(pasted: string): readonly Seen[] {
  const text = pasted.slice(0, mostCharacters).trim();
  const objects = objectsIn(text);
  // What stands between objects, each part a line or more of its own.
  const between = [0, ...objects.map(({ end }) => end)].map((from, place) => text.slice(from, objects[place]?.start ?? text.length));
  const rest = between.join('\n');
  const hints = hintsOf(rest);
  const found = [
    ...statusLines(rest),
    ...objects.flatMap(({ object }, place) => ofObject(object, hints, sourceBefore(between[place] ?? ''))),
    ...rest.split('\n', mostLines).flatMap((line) => ofLine(line.trim())),
  ].slice(0, mostSeen);
  return withoutMisleading(inOne(found.length > 0 ? found : ofWords(rest, hints)));
}

/** What is the same of several services is told once, and who gives a reason before who gives none. */
function inOne(all: readonly Seen[]): readonly Seen[] {
  const keyOf = (seen: Seen): string => JSON.stringify(seen, (key, value: unknown) => (key === 'record' || key === 'services' ? undefined : value));
  const merged = [...Map.groupBy(all, keyOf).values()].flatMap(([first, ...others]): readonly Seen[] => {
    if (first === undefined) return [];
    return 'services' in first ? [{ ...first, services: [...new Set([first, ...others].flatMap((seen) => ('services' in seen ? seen.services : [])))] }] : [first];
  });
  return [...merged.filter(({ kind }) => kind !== 'status line'), ...merged.filter(({ kind }) => kind === 'status line')];
}

/** Of a call that another message of the same text explains, the message that misleads is left out. */
function withoutMisleading(all: readonly Seen[]): readonly Seen[] {
  const logged = new Set(all.flatMap((seen) => (seen.kind === 'message' ? seen.message.id : [])));
  const misleads = new Set(misleadingMessages.flatMap(({ message, after }) => (after !== undefined && logged.has(after) ? message : [])));
  return all.filter((seen) => seen.kind !== 'message' || !misleads.has(seen.message.id));
}

/** What a text tells of its answers outside of their bodies. */
interface Hints {
  readonly from: Surface | undefined;
  readonly status: number | undefined;
  readonly isSlow: boolean | undefined;
  readonly isPassedOn: boolean;
  readonly exception: string | undefined;
}

const exceptionName = new RegExp(`\\b(${Object.keys(exceptions).join('|')})\\b`);
const slowMs = 5_000;

function hintsOf(text: string): Hints {
  const exception = exceptionName.exec(text)?.[1];
  const [, number, unit = ''] = /\b(?:after|took|in|time[:=]?) ?(\d+(?:\.\d+)?) ?(ms|s)\b/i.exec(text) ?? [];
  const tookMs = number === undefined ? undefined : Number(number) * (unit.toLowerCase() === 's' ? 1_000 : 1);
  const isPassedOn = /\bx-caracal-token-expires-in\b/i.test(text);
  return {
    from: isPassedOn ? 'gateway' : exception === undefined ? surfaceIn(text) : exceptions[exception]?.from,
    status: statusIn(text), isSlow: tookMs === undefined ? undefined : tookMs > slowMs, isPassedOn, exception,
  };
}

/** `HTTP/1.1 401`, `(HTTP 404)`, `failed: 401`, `status: 401`, `STS error 503`, `401 …`. */
function statusIn(text: string): number | undefined {
  const found = /\bHTTP(?:\/[\d.]+)? (\d{3})\b/.exec(text) ?? /\b(?:failed|status(?:_?code)?|error)["']?\s{0,2}[:=]?\s{0,2}(\d{3})\b/i.exec(text) ?? /(?:^|[\s(:])([2-5]\d\d)\b(?![.:\d])/.exec(text);
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

/** Addresses by which a text names who answered, the most particular first. */
const addresses: readonly (readonly [Surface, RegExp])[] = [
  ['control', /\/v1\/control\/invoke\b/],
  ['sts', /\/oauth\/2\/token\b|\/\.well-known\/jwks\.json|\/internal\/policy\/|\/v1\/run\//],
  ['audit', /\/api\/audit\//],
  ['web', /\/api\/(?:console|auth)\b/],
  ['coordinator', /(?:^|[^\w])\/zones\/[^/\s]+\/(?:agents|agent-services|delegations|invocations|outbox)\b|[^\w]\/stats\b|\/v1\/verify\b/],
  ['api', /\/v1\/[a-z]/],
  ...services.map(({ name, port }) => [name, new RegExp(`(?:localhost|127\\.0\\.0\\.1|\\b${name}):${port}\\b`)] as const),
];

function surfaceIn(text: string): Surface | undefined {
  const addressed = addresses.find(([, pattern]) => pattern.test(text))?.[0];
  if (addressed !== undefined) return addressed;
  const named = /^(?:the )?(api|control|sts|gateway|coordinator|audit|web)\b/i.exec(text)?.[1]?.toLowerCase();
  return named as Surface | undefined;
}

function answer(hints: Hints, rest: Partial<SeenAnswer>): SeenAnswer {
  const { from, status, isSlow, isPassedOn, exception } = hints;
  return { kind: 'answer', from, status, error: undefined, description: undefined, isSlow, isPassedOn, isEmptyList: false, isException: exception !== undefined, ...rest };
}

/** The container that `docker compose logs` names before a line. */
function sourceBefore(text: string): LogSource | undefined {
  const name = /([\w.-]+?)(?:-\d+)?\s*\|\s*$/.exec(text.slice(-mostOfDescription))?.[1];
  const parts = name?.split('-') ?? [];
  return parts.map((_, place) => logSourceOf(parts.slice(place).join('-'))).find((source) => source !== undefined);
}

function ofObject(object: Json, hints: Hints, source: LogSource | undefined): readonly Seen[] {
  const has = (...names: readonly string[]): boolean => names.every((name) => Object.hasOwn(object, name));
  if (has('level', 'time') || has('level', 'msg')) return logged(readRecord(JSON.stringify(object)), source);
  if (Array.isArray(object['services']) && has('mode')) return object['services'].flatMap(statusOf);
  if (has('evaluation_status') || has('final_decision')) return decisionsIn(object);
  if (has('source_id', 'reason')) return deadLetter(textOf(object, 'reason') ?? '');
  const { ready, ok, draining, error: told } = object;
  if (ready === false || (ok === false && !isObject(told)) || draining === true) {
    return readiness(undefined, textOf(object, 'reason', 'error') ?? (draining === true ? 'draining' : undefined), hints.status);
  }
  const status = textOf(object, 'status');
  if (status === 'unavailable' || status === 'draining') return readiness('web', status, hints.status);
  if (isObject(told)) return controlAnswer(told, hints);
  if (typeof object['statusCode'] === 'number') return ofFastify(object, hints);
  const [code, description] = [textOf(object, 'error', 'code'), textOf(object, 'error_description', 'message')?.slice(0, mostOfDescription)];
  const error = code !== undefined && isCode(code, hints.from) ? code : undefined;
  const isOfCaracal = hints.isPassedOn || error !== undefined || (description !== undefined && isDescription(description, true));
  if (isOfCaracal) return [answer(hints, { ...(has('valid') ? { from: 'coordinator' as const } : {}), error, description })];
  const list = object['items'] ?? object['events'];
  return Array.isArray(list) && list.length === 0 ? [answer(hints, { status: hints.status ?? 200, isEmptyList: true })] : [];
}

function controlAnswer(error: Json, hints: Hints): readonly Seen[] {
  const code = textOf(error, 'code');
  return code !== undefined && isCode(code, 'control') ? [answer(hints, { from: 'control', error: code, description: undefined })] : [];
}

/** What fastify itself answers: of a service that is ending, or of something else at its address. */
function ofFastify({ statusCode, error }: Json, { status, from }: Hints): readonly Seen[] {
  if (statusCode === 503) return readiness(undefined, 'draining', status);
  return statusCode === 404 && error === 'Not Found' ? [{ kind: 'status line', services: named(from), says: 'other' }] : [];
}

function decisionsIn(object: Json): readonly Seen[] {
  const events = [object, ...(Array.isArray(object['denied']) ? object['denied'].filter(isObject) : [])];
  return events.flatMap((event) => {
    const reasons = (Array.isArray(event['diagnostics']) ? event['diagnostics'] : Array.isArray(event['diagnostics_json']) ? event['diagnostics_json'] : []).filter(isObject).map(({ reason }) => reason);
    return [textOf(event, 'evaluation_status'), ...reasons].filter((code): code is string => typeof code === 'string').flatMap(decision);
  });
}

function decision(code: string): readonly Seen[] {
  return Object.hasOwn(denyReasons, code) || Object.hasOwn(evaluationStatuses, code) ? [{ kind: 'decision', code }] : [];
}

function deadLetter(reason: string): readonly Seen[] {
  const [name = ''] = reason.split(':');
  const known = deadLetterReasons[name];
  return known === undefined ? [] : [{ kind: 'text', text: name, place: known }];
}

function readiness(service: string | undefined, reason: string | undefined, status: number | undefined): readonly Seen[] {
  return reason !== undefined && Object.hasOwn(readinessReasons, reason) ? [{ kind: 'readiness', services: named(service), reason, status }] : [];
}

function named(service: unknown): readonly ServiceName[] {
  return serviceNames.filter((name) => name === service);
}

/** A service of `caracal status --json`. */
function statusOf(service: unknown): readonly Seen[] {
  if (!isObject(service) || service['ok'] !== false) return [];
  return ofDetail(textOf(service, 'name'), textOf(service, 'detail') ?? '');
}

const row = /\b(api|sts|gateway|audit|coordinator)\s{1,20}\d{2,5}\s{1,4}(?:ready|health)\s{1,4}(?:✗|x) down\s{1,4}(\S{1,120}(?: \S{1,120}){0,20}?)(?=\s{1,20}(?:api|sts|gateway|audit|coordinator)\s{1,20}\d{2,5}\s|\s*?\n|\s*$)/g;

/** The rows of `caracal status` that say down. An input of one line has joined them. */
function statusLines(text: string): readonly Seen[] {
  return [...text.matchAll(row)].flatMap(([, service, detail = '']) => ofDetail(service, detail.trim()));
}

/** What `caracal status` says of a service: contract readiness 1.2. */
function ofDetail(service: string | undefined, detail: string): readonly Seen[] {
  if (detail === 'timeout' || detail === 'unreachable') return [{ kind: 'status line', services: named(service), says: detail }];
  const [, status, reason = ''] = /^(\d{3})\b ?(\S*)/.exec(detail) ?? [];
  if (status === undefined) return [];
  const known = readiness(service, status === '503' && reason === '' ? 'draining' : reason, Number(status));
  return known.length > 0 ? known : [{ kind: 'status line', services: named(service), says: 'other' }];
}

/** Texts that are known by how they begin. */
const beginnings: readonly (readonly [string, Place])[] = Object.entries(libraryTexts);
/** A message of fewer letters stands in other programs' logs as well. */
const leastLiteral = 12;

/** A line that is no JSON. */
function ofLine(line: string): readonly Seen[] {
  if (line === '' || line.length > mostOfLine) return [];
  if (line === 'timeout' || line === 'unreachable') return [{ kind: 'status line', services: [], says: line }];
  const [, service, detail] = /^(api|sts|gateway|audit|coordinator|web)\b[ :]+(timeout|unreachable|503)$/.exec(line) ?? [];
  if (detail !== undefined) return ofDetail(service, detail);
  const text = beginnings.find(([begin]) => line.includes(begin));
  if (text !== undefined) return [{ kind: 'text', text: text[0], place: text[1] }];
  const dead = Object.keys(deadLetterReasons).find((reason) => line.includes(reason));
  if (dead !== undefined) return deadLetter(dead);
  const [, before = '', said = line] = /^([\w.-]+(?:-\d+)?\s*\|)\s?(.*)$/.exec(line) ?? [];
  const record = readRecord(said);
  const source = sourceBefore(before) ?? (record.format === 'postgres' || record.format === 'redis' ? record.format : undefined);
  return source !== undefined ? logged(record, source) : loggedByAnybody(record);
}

function logged(record: LogRecord, source: LogSource | undefined): readonly Seen[] {
  const message = record.message.length > mostOfLine ? undefined : knownMessage(record, source);
  return message === undefined ? [] : [{ kind: 'message', message, record }];
}

function loggedByAnybody(record: LogRecord): readonly Seen[] {
  // The services of one language say the same of themselves.
  const found = logSources.flatMap((source) => knownMessage(record, source) ?? []).filter(({ id }) => id.slice(id.indexOf(':')).replaceAll(/\{…\}|…/g, '').length >= leastLiteral);
  return found.slice(0, 1).map((message) => ({ kind: 'message', message, record }));
}

/** Codes that other programs have as well. */
const common: readonly string[] = ['not_found', 'method_not_allowed', 'invalid_request'];
/** Every code that is known alone. */
const codes: ReadonlySet<string> = new Set([...Object.values(answerCodes).flatMap((byStatus) => Object.values(byStatus).flat()), ...refusals.flatMap(({ errors }) => errors)].filter((code) => code.includes('_') && !common.includes(code)));

function isCode(code: string, from: Surface | undefined): boolean {
  return codes.has(code) || (from !== undefined && Object.values(answerCodes[from]).some((listed) => listed.includes(code)));
}

/** What people write down of an answer, or copy of an exception: `401 invalid_token: token replay detected`. */
function ofWords(text: string, hints: Hints): readonly Seen[] {
  const words = [...text.matchAll(/\b[a-z]+(?:_[a-z0-9]+)+\b/g)];
  const code = words.find(([word]) => codes.has(word));
  const reason = words.find(([word]) => Object.hasOwn(readinessReasons, word));
  const description = descriptionIn(text, code, code !== undefined || hints.status !== undefined || hints.exception !== undefined);
  const raised = hints.exception === undefined ? undefined : exceptions[hints.exception]?.code;
  const plain = hints.from === 'audit' && hints.status !== undefined ? answerCodes.audit[hints.status]?.find((each) => text.includes(each)) : undefined;
  const error = code?.[0] ?? raised ?? plain;
  const isAnswer = error !== undefined || description !== undefined || hints.isPassedOn || isKnownByStatus(hints);
  const found: readonly Seen[] = isAnswer ? [answer(hints, { error, description })] : [];
  return [
    ...found,
    ...(reason !== undefined && description === undefined && !(code?.[0] === reason[0] && hints.from !== undefined) ? readiness(hints.from, reason[0], hints.status) : []),
    ...(description === undefined && error === undefined ? words.flatMap(([word]) => decision(word)) : []),
  ];
}

/** Some answers have neither a code nor a description of Caracal. */
function isKnownByStatus({ from, status }: Hints): boolean {
  return from !== undefined && status !== undefined && ambiguities.some((row) => row.codes === undefined && row.says === undefined && !row.isPassedOn && !row.isEmptyList && row.from.includes(from) && row.statuses.includes(status));
}

/** Descriptions that stand for themselves alone. */
const exact: ReadonlySet<string> = new Set([...refusals.map(({ description }) => description), ...ambiguities.flatMap(({ says = [] }) => says)].filter((description) => !description.includes('{…}')));

/** @param isAnswer it stands where answers have their descriptions: only there one is taken of which a part differs */
function isDescription(text: string, isAnswer: boolean): boolean {
  return exact.has(text) || (isAnswer && refusalsLike({ status: undefined, error: undefined, description: text }).length > 0);
}

/** A description that Caracal gives, wherever it stands in what was written down. */
function descriptionIn(text: string, code: RegExpExecArray | undefined, isAnswer: boolean): string | undefined {
  const lines = text.split('\n').filter(({ length }) => length <= mostOfDescription).flatMap((line) => [line, line.replace(/^[^:]*: /, ''), line.replace(/^.*: /, '')]);
  const afterCode = code === undefined ? [] : [text.slice(code.index + code[0].length, code.index + mostOfDescription).split('\n', 1)[0] ?? ''];
  const candidates = [...afterCode, ...lines].map((part) => part.replace(/^[\s:,"'\u2013-]+/, '').replace(/\s*\(?\brequest[_ -]?id\b.*$/i, '').replace(/[\s.,"']+$/, ''));
  const whole = candidates.find((description) => isDescription(description, isAnswer));
  if (whole !== undefined || !isAnswer) return whole;
  // Something else may follow in the same line.
  const begun = candidates.flatMap((candidate) => [...exact].filter((description) => candidate.startsWith(description) && !/^\w/.test(candidate.slice(description.length))));
  return begun.toSorted((one, other) => other.length - one.length)[0];
}
