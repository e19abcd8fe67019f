/** What somebody pasted, as far as it tells which call it is about. Of the text itself nothing is kept. */
import { readRecord } from '../logs/record.ts';
import { objectsIn, textOf } from './jsonIn.ts';
import type { Json } from './jsonIn.ts';
import { decodeMandate } from './mandate.ts';
import type { Mandate } from './mandate.ts';
import { refusalsLike } from './refusal.ts';
import type { CallerAnswer } from './refusal.ts';

export interface Captured {
  /** For a person: `an answer of the Gateway`, `a mandate`. */
  readonly what: string;
  readonly requestId?: string | undefined;
  readonly approvalId?: string | undefined;
  readonly mandate?: Mandate | undefined;
  /** What the caller got. */
  readonly answer?: CallerAnswer | undefined;
  readonly zoneId?: string | undefined;
  readonly resource?: string | undefined;
  /** When it happened, by the clock of whoever wrote the text, milliseconds since 1970. */
  readonly at?: number | undefined;
}

export type Capture = { readonly kind: 'captured'; readonly captured: Captured } | { readonly kind: 'nothing'; readonly why: string };

/** An answer of HTTP with all its headers is shorter, and a log line longer than this tells nothing more. */
const mostCharacters = 256 * 1024;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** The Gateway takes any printable character (contract request-evidence 5); what has brackets or quotes is something else that was pasted. */
const idAlone = /^[^\P{ASCII}\s{}[\]()<>"'`,\\]{1,128}$/u;

/** Recognises a request id, a mandate, an approval id, an answer over HTTP or its body, a log line, an exception of an SDK. */
export function capture(pasted: string): Capture {
  const text = pasted.slice(0, mostCharacters).trim();
  if (text === '') return nothing('There is nothing to look for');
  const decoded = decodeMandate(text);
  if (decoded.kind === 'mandate') return found({ what: 'a mandate', ...ofMandate(decoded.mandate) });
  return ofHttp(text) ?? ofJson(text) ?? ofAnswerLine(text) ?? ofWords(text) ?? ofId(text) ?? nothing('There is no request id, token, approval id or answer of Caracal in this text');
}

function nothing(why: string): Capture {
  return { kind: 'nothing', why: `${why}. Paste a request id, token, approval id, response or log line.` };
}

function found(captured: Captured): Capture {
  return { kind: 'captured', captured };
}

function ofMandate(mandate: Mandate): Partial<Captured> {
  const { zone_id: zoneId, iat, target, use } = mandate.claims;
  // A session mandate names no resource, and of several nobody can tell which was called.
  const resource = use !== 'session' && target?.length === 1 ? target[0] : undefined;
  return { mandate, zoneId, resource, at: iat === undefined ? undefined : iat * 1_000 };
}

/** An input of one line has joined the lines of an answer; its headers are told apart by their colons, up to the body. */
function linesOf(text: string): readonly string[] {
  const answer = /HTTP\/[\d.]+ \d{3}\b.*/.exec(text)?.[0] ?? text;
  const body = answer.indexOf('{');
  const head = body === -1 ? answer : answer.slice(0, body);
  return [...head.trim().split(/ (?:< )?(?=[A-Za-z][\w-]*: )| <(?= |$)/), ...(body === -1 ? [] : ['', answer.slice(body)])];
}

/** `curl -i` writes the answer as it is; `curl -v` marks its lines by `<` and what was sent, which has the mandate, by `>`. */
function ofHttp(text: string): Capture | undefined {
  const lines = text.includes('\n') ? text.split(/\r?\n/) : linesOf(text);
  const received = lines.filter((line) => !/^[>*{}] /.test(line)).map((line) => line.replace(/^< ?/, ''));
  const first = received.findIndex((line) => /^HTTP\/[\d.]+ \d{3}\b/.test(line));
  if (first === -1) return undefined;
  const end = received.findIndex((line, place) => place > first && line.trim() === '');
  const headers = new Map(received.slice(first + 1, end === -1 ? undefined : end).flatMap((line): (readonly [string, string])[] => {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    // The Gateway's own value comes first, where the upstream sends one, too.
    return colon === -1 ? [] : [[name, line.slice(colon + 1).trim()]];
  }).toReversed());
  const status = Number(/ (\d{3})\b/.exec(received[first] ?? '')?.[1]);
  const body = objectIn(received.slice(end === -1 ? first : end + 1).join('\n'));
  const date = Date.parse(headers.get('date') ?? '');
  return found(answerOf({ status, body, requestId: headers.get('x-request-id'), at: Number.isNaN(date) ? undefined : date }));
}

function ofJson(text: string): Capture | undefined {
  const body = objectIn(text);
  if (body === undefined) return undefined;
  const has = (...names: readonly string[]): boolean => names.every((name) => Object.hasOwn(body, name));
  if (has('level', 'time')) {
    const { requestId, time, service } = readRecord(JSON.stringify(body));
    return requestId === undefined ? undefined : found({ what: `a log line of ${service ?? 'a service'}`, requestId, at: time, zoneId: textOf(body, 'zone_id'), resource: textOf(body, 'resource'), approvalId: textOf(body, 'challenge_id') });
  }
  if (has('event_type', 'request_id')) return found({ what: 'an audit event', requestId: textOf(body, 'request_id'), zoneId: textOf(body, 'zone_id'), at: timeOf(body, 'occurred_at') });
  if (has('final_decision', 'request_id')) return found({ what: 'an explanation of the API', requestId: textOf(body, 'request_id'), zoneId: textOf(body, 'zone_id') });
  if (has('tier', 'state', 'id')) return found({ what: 'an approval', approvalId: textOf(body, 'id'), zoneId: textOf(body, 'zone_id'), at: timeOf(body, 'created_at') });
  const token = textOf(body, 'access_token');
  const decoded = token === undefined ? undefined : decodeMandate(token);
  if (decoded?.kind === 'mandate') return found({ what: 'a mandate in an answer of the STS', ...ofMandate(decoded.mandate), answer: { status: 200, error: undefined, description: undefined } });
  const status = Number(/^(\d{3})\b/.exec(text)?.[1] ?? NaN);
  return has('error') || has('requestId') ? found(answerOf({ status: Number.isNaN(status) ? undefined : status, body, requestId: undefined, at: undefined })) : undefined;
}

function objectIn(text: string): Json | undefined {
  return objectsIn(text)[0]?.object;
}

function timeOf(body: Json, name: string): number | undefined {
  const time = Date.parse(textOf(body, name) ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function answerOf({ status, body = {}, requestId, at }: { readonly status: number | undefined; readonly body: Json | undefined; readonly requestId: string | undefined; readonly at: number | undefined }): Captured {
  const answer: CallerAnswer = { status, error: textOf(body, 'error', 'code'), description: textOf(body, 'error_description', 'message') };
  return { what: answeredBy(answer), requestId: requestId ?? textOf(body, 'requestId', 'request_id'), approvalId: textOf(body, 'approval_id', 'approvalId'), resource: textOf(body, 'resource'), answer, at };
}

function answeredBy(answer: CallerAnswer): string {
  const services = new Set(refusalsLike(answer).map(({ service }) => service));
  if (services.size !== 1) return 'an answer';
  return services.has('gateway') ? 'an answer of the Gateway' : 'an answer of the STS';
}

/** `401 invalid_token: token replay detected`, as people write it down. */
function ofAnswerLine(text: string): Capture | undefined {
  const [, status, error, description = ''] = /^(?:HTTP )?(\d{3})[ :,]+(?:[A-Z][a-z]+ ?)*[ :,]*([a-z]+(?:_[a-z]+)+)\b(?:[:, ]+([^\n]*))?/.exec(text) ?? [];
  if (status === undefined) return undefined;
  const { requestId, approvalId } = idsIn(text);
  const answer: CallerAnswer = { status: Number(status), error, description: description.replace(/\s*\(?request\b.*$/i, '').trim() || undefined };
  return found({ what: answeredBy(answer), requestId, approvalId, answer });
}

/** An exception of an SDK, or any text that names its ids. */
function ofWords(text: string): Capture | undefined {
  const { requestId, approvalId } = idsIn(text);
  return requestId === undefined && approvalId === undefined ? undefined : found({ what: 'a text with an id', requestId, approvalId });
}

function idsIn(text: string): { readonly requestId: string | undefined; readonly approvalId: string | undefined } {
  // What was shortened for people ends with an ellipsis.
  const idAfter = (names: string): string | undefined => new RegExp(`\\b(?:${names})\\b["']?\\s*[:=]\\s*["']?([A-Za-z0-9_.:-]{1,128})(?![A-Za-z0-9_.:…-])`, 'i').exec(text)?.[1]?.replace(/[.:]+$/, '');
  return { requestId: idAfter('request[_ -]?id|reqid|x-request-id'), approvalId: idAfter('approval[_ -]?id|challenge[_ -]?id') };
}

/** Ids of approvals and of requests look alike. */
function ofId(text: string): Capture | undefined {
  const id = text.replace(/^["'`]|["'`,;]+$/g, '');
  if (!idAlone.test(id)) return undefined;
  return found({ what: 'an id', requestId: id, ...(uuid.test(id) ? { approvalId: id } : {}) });
}
