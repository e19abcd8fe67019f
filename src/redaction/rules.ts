/**
 * What a secret looks like that nobody told us about. Every rule walks a text once: a pattern begins
 * only where a run of its characters begins, or takes all that it has looked at, so that no text
 * makes it look at the same characters again and again.
 */
import { isHarmless, isPlaceholder, meaningOf } from './keys.ts';
import { isOnlyMasks } from './mask.ts';
import type { Span } from './spans.ts';

export type Rule = (text: string) => Iterable<Span>;

/** `pattern` at `at`, or nothing. The pattern must be sticky. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

const pemBegin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
/** A hyphen belongs to it, as in `DEK-Info`; several begin the next line of dashes. A backslash only in `\n`. */
const pemPart = /[\w+/=\s:,]+|-(?!-)|\\{1,8}[nr]/y;
const pemEnd = /-----END [A-Z0-9 ]{0,40}-----/y;

/** A private key in PEM, also on one line with `\n`, and also when its end is missing. */
function* privateKeys(text: string): Generator<Span> {
  for (const begin of text.matchAll(pemBegin)) {
    const start = begin.index + begin[0].length;
    let end = start;
    for (let part = matchAt(pemPart, text, end); part; part = matchAt(pemPart, text, end)) end += part[0].length;
    const last = matchAt(pemEnd, text, end);
    const value = text.slice(start, end);
    if (value.trim() !== '' || last) yield { start: begin.index, end: last ? end + last[0].length : end, label: 'private-key' };
  }
}

const urlRun = /(?<![A-Za-z\d+.-])([A-Za-z][A-Za-z\d+.-]{1,30}):(?:\\?\/){2}((?:[^\s"'`<>\\]|\\(?![nrtu"'\\]))*)/g;
const nestedScheme = /[A-Za-z][A-Za-z\d+.-]{1,30}:\/\//g;
const web = /^(?:https?|wss?|ftp|sftp|ssh|git)$/i;

/** The password of a connection string, up to the last `@` that can end it, and a token in the place of a user. */
function* userInformation(text: string): Generator<Span> {
  for (const run of text.matchAll(urlRun)) {
    const [whole, scheme = '', rest = ''] = run;
    const from = run.index + whole.length - rest.length;
    // An address in the query of another one is looked at by itself.
    const starts = [...rest.matchAll(nestedScheme)];
    yield* authority(scheme, rest.slice(0, starts[0]?.index), from);
    for (const [index, nested] of starts.entries()) {
      const start = nested.index + nested[0].length;
      yield* authority(nested[0].slice(0, -3), rest.slice(start, starts[index + 1]?.index), from + start);
    }
  }
}

function* authority(scheme: string, rest: string, from: number): Generator<Span> {
  const host = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  let at = host.lastIndexOf('@');
  if (!web.test(scheme)) at = Math.max(at, /^[^?#]*/.exec(rest)?.[0].lastIndexOf('@') ?? -1);
  // A colon that no port follows: the password has a slash, a question mark or a hash sign in it.
  if (at === -1 && /^[^:[]*:(?!\d{0,5}$)/.test(host)) at = rest.lastIndexOf('@');
  if (at === -1) return;
  const colon = rest.slice(0, at).indexOf(':');
  if (colon !== -1) {
    if (!isPlaceholder(rest.slice(colon + 1, at))) yield { start: from + colon + 1, end: from + at, label: 'password' };
  } else if (web.test(scheme) && at >= 16 && /\d/.test(rest.slice(0, at)) && !isOnlyMasks(rest.slice(0, at))) {
    yield { start: from, end: from + at, label: 'token' };
  }
}

const key = /(?<![\w.‹-])[A-Za-z_][\w.-]{0,199}/g;
const separator = /(\\{0,8}["'])?(\]?[ \t]{0,8}(?:=>|:=|=|:)\s{0,16})/y;
const openingQuote = /(\\{0,8})(["'`])/y;
const untilSpace = /[^\s"'`]*/y;
const untilDelimiter = /(?:[^\s&;,"'`<>|)}\]\\]|\\(?![nrt"'\\]))*/y;
const restOfLine = /[^\r\n]*/y;
const placeholderWithSpaces = /<[^<>\n]{0,60}>/y;
const nestedReach = 600;
const morePairs = /[&;,][\w.-]{1,60}=/;

/** A value beside the name of a secret: in JSON, YAML, dotenv, a query, a form, a log line or a connection string of words. */
function* namedValues(text: string): Generator<Span> {
  let masked = 0;
  let examined = 0;
  for (const match of text.matchAll(key)) {
    if (match.index < masked) continue;
    let [name] = match;
    // A letter of an escaped line break before the name belongs to that.
    if (text[match.index - 1] === '\\' && /^[nrt]/.test(name)) name = name.slice(1);
    const meaning = meaningOf(name);
    if (!meaning && !(name === 'code' && /[?&]/.test(text[match.index - 1] ?? ''))) continue;
    const end = match.index + match[0].length;
    const between = matchAt(separator, text, end);
    if (!between) continue;
    // Within a value that turned out harmless, such as an address with a query, values are short.
    const within = match.index < examined ? text.slice(0, end + nestedReach) : text;
    const span = valueOf(within, match.index, end + between[0].length, between, meaning);
    if (!span) continue;
    examined = Math.max(examined, span.end);
    const value = text.slice(span.start, span.end);
    const isCode = meaning === undefined;
    if (isCode ? value.length < 16 || !/\d/.test(value) : isHarmless(value, meaning)) continue;
    masked = span.end;
    yield { ...span, label: meaning === 'password' ? 'password' : name.toLowerCase().includes('token') ? 'token' : 'secret' };
  }
}

function valueOf(text: string, nameAt: number, at: number, between: RegExpExecArray, meaning: 'password' | 'secret' | undefined): Omit<Span, 'label'> | undefined {
  const [, closing, signs = ''] = between;
  const quote = matchAt(openingQuote, text, at);
  if (quote) {
    const [whole, slashes = '', sign = ''] = quote;
    const start = at + whole.length;
    // A text that ends with `password:` or the like: this quote closes it.
    if (closing === undefined && /^[,}\]]?$/.test(text[start] ?? '')) return undefined;
    return { start, end: endOfQuoted(text, start, sign, slashes.length) };
  }
  if (signs.includes('\n') && closing === undefined) return undefined;
  if (matchAt(placeholderWithSpaces, text, at)) return undefined;
  const upTo = (pattern: RegExp): Omit<Span, 'label'> => ({ start: at, end: at + (matchAt(pattern, text, at)?.[0].length ?? 0) });
  const begins = beginsLine(text, nameAt);
  if (signs.includes('=')) {
    const before = text[nameAt - 1] ?? '';
    if (closing === undefined && /["']/.test(before)) return { start: at, end: endOfQuoted(text, at, before, 0) };
    const line = upTo(untilSpace);
    return begins && !morePairs.test(text.slice(line.start, line.end)) ? line : upTo(untilDelimiter);
  }
  if (closing !== undefined) return upTo(untilDelimiter);
  if (!/\s/.test(signs)) return meaning === 'password' ? upTo(untilDelimiter) : undefined;
  // `name: value` is also how people write: only what stands alone on its line counts, or is no word.
  const word = upTo(untilSpace);
  const alone = begins && (matchAt(restOfLine, text, word.end)?.[0].replace(/#.*/, '').trim() ?? '') === '';
  const isWord = /^[a-z]+[.,;:!?]?$/i.test(text.slice(word.start, word.end));
  if (alone) return meaning === 'secret' && isWord ? undefined : word;
  return meaning === 'password' && !isWord && word.end - word.start >= 6 ? upTo(untilDelimiter) : undefined;
}

/**
 * Where a quoted text ends whose opening quote has `slashes` backslashes before it, as it has inside
 * other quoted texts. A text that is not closed ends with its line, or with the JSON text around it.
 */
function endOfQuoted(text: string, start: number, quote: string, slashes: number): number {
  const inJson = quote !== '"' && /^\s{0,20}[[{"]/.test(text);
  let before = 0;
  for (let at = start; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '\n' || sign === '\r') return at;
    if (sign === '\\') before += 1;
    else {
      const closes = before < slashes || (before - slashes) % (2 * (slashes + 1)) === 0;
      if (inJson && sign === '"' && before === 0) return at;
      if (sign === quote && closes) return at - Math.min(before, slashes);
      before = 0;
    }
  }
  return text.length;
}

/** Nothing before it on its line but what may stand before a name in YAML, dotenv and shell. */
function beginsLine(text: string, at: number): boolean {
  const reach = 40;
  const before = text.slice(Math.max(0, at - reach), at);
  return /(?:^|\n)[ \t]*(?:- |export |set |ENV )?$/.test(at > reach ? `.${before}` : before);
}

const authorization = /(?<![\w‹-])(?:proxy-)?authorization(?:\\{0,8}["'])?[ \t]{0,8}[:=]\s{0,8}(?:\\{0,8}["'])?/gi;
const scheme = /(?:Bearer|Basic|Digest|Token|ApiKey|Negotiate|AWS4-HMAC-SHA256)[ \t]+/iy;
const credentials = /[^\s"'\\,;]+/y;
const parameters = /(?:[\w-]{1,40}=(?:\\?"[^"\\]*\\?"|[^\s,"\\]+)[, ]{0,4})+/y;

/** The credentials of an Authorization header, after the scheme. */
function* authorizationHeaders(text: string): Generator<Span> {
  let examined = 0;
  for (const match of text.matchAll(authorization)) {
    if (match.index < examined) continue;
    const from = match.index + match[0].length;
    const named = matchAt(scheme, text, from)?.[0] ?? '';
    const start = from + named.length;
    const found = matchAt(/^(?:digest|aws4)/i.test(named) ? parameters : credentials, text, start)?.[0] ?? '';
    examined = start + found.length;
    if (!isHarmless(found.replace(/[.]$/, ''), named === '' ? 'secret' : 'password')) yield { start, end: start + found.length, label: 'authorization' };
  }
}

const bareScheme = /(?<![\w‹-])(?:Bearer|Basic)(?:[ \t]+|%20|\+)([\w.~+/=:-]{8,})/gi;

/** `Bearer …` without the name of the header, as error texts have it; names and words are left alone. */
function* bareCredentials(text: string): Generator<Span> {
  for (const match of text.matchAll(bareScheme)) {
    const [whole, value = ''] = match;
    if (/^[A-Z]?[a-z-]+[.:]?$/.test(value) || /^[A-Z_]+[.:]?$/.test(value) || /^[a-z_]+[.:]?$/.test(value)) continue;
    if (!/\d/.test(value) && value.length < 20 && !value.endsWith('=')) continue;
    const start = match.index + whole.length - value.length;
    yield { start, end: match.index + whole.length, label: 'authorization' };
  }
}

const cookieHeader = /(?<![\w‹-])(?:set-)?cookie[ \t]{0,8}:[ \t]{0,8}([^\r\n"\\]*)/gi;
const cookiePair = /(?<![^\s;,])([^\s=;,]+)=([^;,\s]*)/g;
const cookieAttribute = /^(?:path|domain|expires|max-age|samesite|priority|version)$/i;

/** Values of cookies; their names and attributes stay. */
function* cookies(text: string): Generator<Span> {
  for (const header of text.matchAll(cookieHeader)) {
    const [whole, value = ''] = header;
    const from = header.index + whole.length - value.length;
    for (const pair of value.matchAll(cookiePair)) {
      const [both, name = '', content = ''] = pair;
      const end = from + pair.index + both.length;
      if (!cookieAttribute.test(name) && !isPlaceholder(content)) yield { start: end - content.length, end, label: 'cookie' };
    }
  }
}

const option = /(?<![\w-])--?([A-Za-z][\w-]{0,60})[ \t]{1,8}(?:\\{0,4}["'])?([^\s"'\\-][^\s"'\\]*)/g;
const prose = /^(?:is|are|was|must|needs?|or|and|to|for|not|from|in|of|the|can|cannot|should|requires?|option|flag)[.,:;]?$/;
const configuration = /(?<=^|\n)[ \t]{0,8}(?:requirepass|masterauth)[ \t]{1,8}["']?([^\s"'\\]+)/g;
const redisClient = /(?<![\w-])redis-cli[^\n|;&]{0,200}?\s-a[ \t]{1,8}["']?([^\s"'\\]+)/g;
const userOption = /(?<!\S)(?:-u|--user|--proxy-user)[ =]{1,4}["']?([^\s:"'\\]{1,64}):([^\s"'\\]+)/g;

/** What is given to a program on its command line or in `redis.conf`. */
function* commandLines(text: string): Generator<Span> {
  for (const match of text.matchAll(option)) {
    const [, name = '', value = ''] = match;
    const meaning = meaningOf(name);
    if (meaning && !isHarmless(value, meaning) && !prose.test(value)) yield lastPart(match, value, 'password');
  }
  for (const pattern of [configuration, redisClient, userOption]) {
    for (const match of text.matchAll(pattern)) {
      const value = match.at(-1) ?? '';
      if (!isHarmless(value, 'password')) yield lastPart(match, value, 'password');
    }
  }
}

const passwordFileLine = /^(?:[\w.*-]{1,100}|\[[\da-f:]{2,45}\]):(?:\d{4,5}|\*):[\w.*-]{1,64}:[\w.*-]{1,64}:(\S+)$/gm;

/** A line of `.pgpass`. */
function* passwordFiles(text: string): Generator<Span> {
  for (const match of text.matchAll(passwordFileLine)) {
    const [, value = ''] = match;
    if (!isOnlyMasks(value)) yield lastPart(match, value, 'password');
  }
}

function lastPart(match: RegExpExecArray, value: string, label: string): Span {
  const end = match.index + match[0].length;
  return { start: end - value.length, end, label };
}

/** Tokens that are known by their form alone. A percent sequence may stand before one. */
const begin = '(?<![A-Za-z\\d_-])';
const forms: readonly (readonly [label: string, pattern: RegExp])[] = [
  ['jwt', /(?:(?<![\w-])|(?<=%[\dA-F]{2}))eyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g],
  ['jwt', new RegExp(`${begin}ZXlK[\\w+/=-]{20,}`, 'g')],
  ['caracal-token', new RegExp(`${begin}(?:cat_[\\w-]{20,}|caracal_(?:at|rt)_[\\w.-]{8,})`, 'g')],
  ['token', new RegExp(`${begin}v[1-4]\\.(?:local|public)\\.[\\w-]{20,}(?:\\.[\\w-]*)?`, 'g')],
  [
    'token',
    new RegExp(
      `${begin}(?:${[
        'gh[opru]_[A-Za-z\\d]{20,}', 'ghs_[\\w.-]{20,}', 'github_pat_\\w{20,}', 'gl(?:pat|rt|dt|cbt|ptt|ft|soat|agent|oas)-[\\w.-]{16,}',
        'AIza[\\w-]{30,}', 'ya29\\.[\\w-]{16,}', 'GOCSPX-[\\w-]{16,}', 'xox[abeoprs]-[\\w-]{10,}', 'xapp-[\\w-]{10,}',
        '[sr]k_(?:live|test)_\\w{10,}', 'whsec_[\\w+/=]{16,}', 'npm_[A-Za-z\\d]{30,}', 'pypi-[\\w-]{16,}', 'dckr_(?:pat|oat)_[\\w-]{16,}',
        'hv[bsr]\\.[\\w-]{16,}', 'dp\\.(?:pt|st|sa|ct|scim|audit)\\.[\\w.]{16,}', 'sk-(?:ant|proj|svcacct|admin)-[\\w-]{16,}', 'sk-[A-Za-z\\d]{20,}',
        'hf_[A-Za-z\\d]{20,}', 'gsk_[A-Za-z\\d]{20,}', 'glsa_\\w{16,}', 'glc_[\\w+/=]{16,}', 'sntry[su]_[\\w+/=-]{16,}', 'lin_api_\\w{16,}',
        'dapi[\\da-f]{32}', 'do[opr]_v1_[\\da-f]{32,}', 'tskey-[\\w-]{10,}', 'SG\\.[\\w-]{10,}\\.[\\w-]{10,}', 'sha256~[\\w-]{20,}',
        'AGE-SECRET-KEY-1[A-Z\\d]{20,}', '\\d{8,10}:AA[\\w-]{30,}', '(?:AKIA|ASIA|ABIA|ACCA)[A-Z\\d]{16}(?![A-Z\\d])',
      ].join('|')})`,
      'g',
    ),
  ],
  ['token', /(?<![\w~.-])[\w~.-]{3}[78]Q~[\w~.-]{31,34}(?![\w~.-])/g],
  ['token', /(?<=hooks\.slack\.com\/services\/)[\w/]{10,}/g],
  ['password-hash', /\$2[abxy]\$\d\d\$[./A-Za-z\d]{50,}/g],
  ['password-hash', /\$(?:argon2(?:id|i|d)|scrypt|[156y])\$[\w./+=,$-]{20,}/g],
  ['password-hash', /SCRAM-SHA-256\$\d+:[\w+/=]+\$[\w+/=]+:[\w+/=]+/g],
];

function* knownForms(text: string): Generator<Span> {
  for (const [label, pattern] of forms) {
    for (const match of text.matchAll(pattern)) yield { start: match.index, end: match.index + match[0].length, label };
  }
}

/** All rules; their order does not matter. */
export const rules: Readonly<Record<string, Rule>> = {
  privateKeys,
  userInformation,
  namedValues,
  authorizationHeaders,
  bareCredentials,
  cookies,
  commandLines,
  passwordFiles,
  knownForms,
};
