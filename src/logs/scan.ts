import { levels, readRecord, webService } from './record.ts';

/**
 * What of a record is kept beside its bytes, found without decoding the whole line. It says the same as
 * `readRecord`, at many times its speed: a log is scanned line by line, and only what is looked at is read.
 */
export interface Scanned {
  /** Milliseconds since 1970 by the clock of the process; NaN where the line has no time. */
  time: number;
  /** Place in `levels` and one more; 0 where the line has no level. */
  level: number;
  /** `hashOf` the request id; 0 where there is none. */
  requestId: number;
  /** It is a line of JSON of the web service, whose fields are its own. */
  isWeb: boolean;
  /** Where in the record the message of a line of JSON stands, as it is written; 0 for none. */
  messageStart: number;
  messageEnd: number;
}

export function nothingScanned(): Scanned {
  return { time: NaN, level: 0, requestId: 0, isWeb: false, messageStart: 0, messageEnd: 0 };
}

const [newline, quote, comma, zero, colon, openBracket, backslash, closeBracket, openBrace, closeBrace] = [10, 34, 44, 48, 58, 91, 92, 93, 123, 125] as const;

/** A number for an id, by which lines that may have it are found: FNV-1a of its bytes, and never 0. */
export function hashOf(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash >>> 0 || 1;
}

const decoder = new TextDecoder();

/** Scans the record in `bytes` from `start` to before `end` into `into`. */
export function scanRecord(bytes: Uint8Array, start: number, end: number, into: Scanned): void {
  into.time = NaN;
  into.level = 0;
  into.requestId = 0;
  into.isWeb = false;
  into.messageStart = 0;
  into.messageEnd = 0;
  if (bytes[start] === openBrace && scanJson(bytes, start, end, into)) return;
  const { time, level, requestId } = readRecord(decoder.decode(bytes.subarray(start, end)));
  into.time = time ?? NaN;
  into.level = level === undefined ? 0 : levels.indexOf(level) + 1;
  into.requestId = requestId === undefined ? 0 : hashOf(new TextEncoder().encode(requestId));
}

// A scan of the members of one object. `readRecord` has the last word on whatever is not plain: an escape
// in a name or in a value that matters, and what is no object. What does not matter is not checked through.
const unclear = -1;

function scanJson(bytes: Uint8Array, start: number, end: number, into: Scanned): boolean {
  let [request, requestEnd, requestRank, event, eventEnd, service, serviceEnd] = [0, 0, 0, 0, 0, 0, 0];
  let at = start + 1;
  if (bytes[at] === closeBrace) return endsAt(bytes, at + 1, end);
  for (;;) {
    if (bytes[at] !== quote) return false;
    const name = at + 1;
    at = plainStringEnd(bytes, name, end);
    if (at === unclear) return false;
    const nameEnd = at;
    if (bytes[at + 1] !== colon) return false;
    const value = at + 2;
    const isString = bytes[value] === quote;
    const matters = isMember(bytes, name, nameEnd);
    if (isString) {
      at = matters === 0 || matters === member.msg ? stringEnd(bytes, value + 1, end) : plainStringEnd(bytes, value + 1, end);
      if (at === unclear) return false;
      at += 1;
    } else {
      at = valueEnd(bytes, value, end);
      if (at === unclear) return false;
    }
    // A member that comes twice counts as it comes last, as everywhere.
    if (matters === member.time) {
      into.time = isString ? isoTime(bytes, value + 1, at - 1) : wholeNumber(bytes, value, at);
      if (Number.isNaN(into.time)) return false;
    } else if (matters === member.level) into.level = isString ? levelOf(bytes, value + 1, at - 1) : 0;
    else if (isString && matters !== 0) {
      // Assigned one by one: this runs for every line.
      if (matters === member.msg) {
        into.messageStart = value + 1 - start;
        into.messageEnd = at - 1 - start;
      } else if (matters === member.service) {
        service = value + 1;
        serviceEnd = at - 1;
      } else if (matters === member.id) {
        event = value + 1;
        eventEnd = at - 1;
      } else if (matters >= requestRank) {
        request = value + 1;
        requestEnd = at - 1;
        requestRank = matters;
      }
    }
    const mark = bytes[at];
    if (mark === closeBrace) break;
    if (mark !== comma) return false;
    at += 1;
  }
  if (!endsAt(bytes, at + 1, end)) return false;
  into.isWeb = service !== 0 && same(bytes, service, serviceEnd, webService);
  if (event !== 0 && into.isWeb) into.requestId = hashOf(bytes, event, eventEnd);
  else if (request !== 0) into.requestId = hashOf(bytes, request, requestEnd);
  return true;
}

/** The names that matter; of several request ids the one of the highest number counts. */
const member = { time: 1, level: 2, service: 3, id: 4, msg: 5, requestId: 6, reqId: 7, request_id: 8 } as const;
const names = Object.entries(member).map(([name, number]) => ({ name: Uint8Array.from(name, (one) => one.charCodeAt(0)), number }));
const longestName = Math.max(...names.map(({ name }) => name.length));
/** By length and first letter, by which these names differ: the place in `names` and one more. */
const byLengthAndFirst = new Uint8Array(256 * (longestName + 1));
for (const [place, { name }] of names.entries()) byLengthAndFirst[name.length * 256 + (name[0] ?? 0)] = place + 1;

function isMember(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const place = length > longestName ? 0 : byLengthAndFirst[length * 256 + (bytes[start] as number)] as number;
  if (place === 0) return 0;
  const { name, number } = names[place - 1] as (typeof names)[number];
  for (let at = 1; at < name.length; at += 1) if (bytes[start + at] !== name[at]) return 0;
  return number;
}

function same(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let at = 0; at < text.length; at += 1) if (bytes[start + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** Only lines of a stack may come after the object. */
function endsAt(bytes: Uint8Array, at: number, end: number): boolean {
  return at === end || bytes[at] === newline;
}

/** Bytes that end a string, or that it must not have as they are. A table, because every byte of a log is asked. */
const ends = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 32 || byte === quote || byte === backslash ? 1 : 0));

/** Place of the quote that ends a string without escapes and control characters. */
function plainStringEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && ends[bytes[at] as number] === 0) at += 1;
  return at < end && bytes[at] === quote ? at : unclear;
}

function stringEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; ; at += 2) {
    while (at < end && ends[bytes[at] as number] === 0) at += 1;
    if (at >= end) return unclear;
    if (bytes[at] !== backslash) return bytes[at] === quote ? at : unclear;
  }
}

/** Place after an array, an object, a number or a literal. */
function valueEnd(bytes: Uint8Array, from: number, end: number): number {
  const first = bytes[from];
  return first === openBrace || first === openBracket ? nestedEnd(bytes, from, end) : simpleEnd(bytes, from, end);
}

function nestedEnd(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0;
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === quote) {
      at = stringEnd(bytes, at + 1, end);
      if (at === unclear) return unclear;
    } else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (byte === newline) return unclear;
  }
  return unclear;
}

const literals = ['true', 'false', 'null'];

function simpleEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isNumeric(bytes[at] ?? 0)) at += 1;
  if (at > from) return at;
  const literal = literals.find((word) => same(bytes, from, from + word.length, word));
  return literal === undefined ? unclear : from + literal.length;
}

/** Digits, sign, point and exponent; whether they make a number is not looked at. */
function isNumeric(byte: number): boolean {
  return (byte >= zero && byte < colon) || byte === 45 || byte === 43 || byte === 46 || byte === 101 || byte === 69;
}

function wholeNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 15) return NaN;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function levelOf(bytes: Uint8Array, start: number, end: number): number {
  const place = levelByFirst[bytes[start] as number] as number;
  return place !== 0 && same(bytes, start, end, levels[place - 1] ?? '') ? place : 0;
}

/** By the first letter, by which levels differ: the place in `levels` and one more. */
const levelByFirst = new Uint8Array(256);
for (const [place, level] of levels.entries()) levelByFirst[level.charCodeAt(0)] = place + 1;

let [knownYear, knownMonth, knownDay, knownMidnight] = [0, 0, 0, 0];

/** `2026-08-20T10:00:02.000Z`; of any other form it says nothing. */
function isoTime(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 24 || bytes[end - 1] !== 90 || bytes[start + 10] !== 84) return NaN;
  const year = wholeNumber(bytes, start, start + 4);
  const month = wholeNumber(bytes, start + 5, start + 7);
  const day = wholeNumber(bytes, start + 8, start + 10);
  if (year !== knownYear || month !== knownMonth || day !== knownDay) {
    [knownYear, knownMonth, knownDay, knownMidnight] = [year, month, day, Date.UTC(year, month - 1, day)];
  }
  const seconds = wholeNumber(bytes, start + 11, start + 13) * 3600 + wholeNumber(bytes, start + 14, start + 16) * 60 + wholeNumber(bytes, start + 17, start + 19);
  return knownMidnight + seconds * 1000 + wholeNumber(bytes, start + 20, start + 23);
}
