/** Least first, so that a level can be compared by its place. */
export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof levels)[number];

/** What a record says went wrong, however its logger writes that. */
export interface LoggedError {
  readonly message: string;
  /** Class of the error; absent where only a text was logged. */
  readonly type?: string;
  /** `ECONNREFUSED`, an SQLSTATE. */
  readonly code?: string;
  readonly stack?: string;
}

/**
 * What one process said at once: a line, or a line with those that belong to it, as a stack does.
 * Everything but `message` may be missing; nothing is guessed.
 */
export interface LogRecord {
  readonly format: 'json' | 'postgres' | 'redis' | 'text';
  /** By the clock of the process, milliseconds since 1970. */
  readonly time: number | undefined;
  readonly level: Level | undefined;
  /** As the process calls itself: `sts`, `api-bootstrap`, `caracal-auth`. */
  readonly service: string | undefined;
  readonly requestId: string | undefined;
  readonly message: string;
  readonly error: LoggedError | undefined;
  /** What else the line says, in its order. */
  readonly fields: readonly (readonly [name: string, value: unknown])[];
  /** The same on every line of a process: host name, process id, version, environment. */
  readonly origin: readonly (readonly [name: string, value: unknown])[];
  /** The lines after the first one. */
  readonly more: readonly string[];
}

const originFields = new Set(['hostname', 'pid', 'version', 'env']);

/** How the web service calls itself; it alone logs its request id as `id`, which elsewhere is that of an event. */
export const webService = 'caracal-auth';

/** Names under which a request id is logged: Go, pino, and what some lines of pino add. */
const requestIdFields = ['request_id', 'reqId', 'requestId'];

/**
 * Reads a record, whose lines are separated by `\n`. Any text is a record.
 *
 * The formats are those of zerolog (sts, gateway, audit), pino (api, coordinator), Caracal's own logger (web,
 * `*-bootstrap`, control), PostgreSQL and Redis; all else is text (Caracal packages/core/go/logging, apps/api/src/logger.ts).
 */
export function readRecord(text: string): LogRecord {
  const [first = '', ...more] = text.split('\n');
  return { ...(readJson(first) ?? readPostgres(first) ?? readRedis(first) ?? readText(first, more)), more };
}

type FirstLine = Omit<LogRecord, 'more'>;

function readJson(line: string): FirstLine | undefined {
  if (!line.startsWith('{')) return undefined;
  const content = parsed(line);
  if (content === undefined) return undefined;
  const { level, time, service, msg, ...others } = content;
  const name = typeof service === 'string' ? service : undefined;
  const idField = (name === webService ? ['id', ...requestIdFields] : requestIdFields).find((field) => typeof others[field] === 'string');
  const error = errorOf(others['err'], others['error']);
  const rest = Object.entries(others).filter(([field]) => field !== 'err' && (field !== 'error' || error === undefined || others['err'] !== undefined));
  return {
    format: 'json',
    time: timeOf(time),
    level: levels.find((one) => one === level),
    service: name,
    requestId: idField === undefined ? undefined : String(others[idField]),
    message: typeof msg === 'string' ? msg : '',
    error,
    fields: rest.filter(([field]) => !originFields.has(field)),
    origin: rest.filter(([field]) => originFields.has(field)),
  };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // cut off by the service or the runtime, or no JSON at all
  }
}

function timeOf(time: unknown): number | undefined {
  const value = typeof time === 'number' ? time : typeof time === 'string' ? Date.parse(time) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** pino logs an object as `err`, its outbox lines a string; zerolog a string as `error`; the own logger either. */
function errorOf(...values: readonly unknown[]): LoggedError | undefined {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return { message: value };
    if (typeof value !== 'object' || value === null) continue;
    const { message, type, name, code, stack } = value as Record<string, unknown>;
    if (typeof message !== 'string') continue;
    const kind = typeof type === 'string' ? type : name;
    return {
      message,
      ...(typeof kind === 'string' ? { type: kind } : {}),
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof stack === 'string' ? { stack } : {}),
    };
  }
  return undefined;
}

const postgresLine = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (\S+) \[(\d+)\] ([A-Z0-9]+): {2}(.*)$/;

const postgresLevels: Readonly<Record<string, Level>> = {
  DEBUG: 'debug', DEBUG1: 'debug', DEBUG2: 'debug', DEBUG3: 'debug', DEBUG4: 'debug', DEBUG5: 'debug',
  LOG: 'info', INFO: 'info', NOTICE: 'info', WARNING: 'warn', ERROR: 'error', FATAL: 'error', PANIC: 'fatal',
};

/** With the prefix that PostgreSQL's image has by default, `%m [%p] `. A time of another zone than UTC is left out: its abbreviation is ambiguous. */
function readPostgres(line: string): FirstLine | undefined {
  const [, date, zone, pid, severity, message] = postgresLine.exec(line) ?? [];
  if (date === undefined || severity === undefined) return undefined;
  return {
    format: 'postgres',
    time: zone === 'UTC' || zone === 'GMT' ? Date.parse(`${date.replace(' ', 'T')}Z`) : undefined,
    level: postgresLevels[severity],
    service: undefined, requestId: undefined, message: message ?? '', error: undefined,
    fields: [['severity', severity]], origin: [['pid', Number(pid)]],
  };
}

const redisLine = /^(\d+):([CMSX]) (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)$/;
const redisSignal = /^(\d+):signal-handler \((\d+)\) (.*)$/;
const redisLevels: Readonly<Record<string, Level>> = { '.': 'debug', '-': 'debug', '*': 'info', '#': 'warn' };
const redisRoles: Readonly<Record<string, string>> = { C: 'child', M: 'master', S: 'replica', X: 'sentinel' };

/** Redis writes local time without a zone; containers have UTC. */
function readRedis(line: string): FirstLine | undefined {
  const common = { format: 'redis', service: undefined, requestId: undefined, error: undefined } as const;
  const [, pid, role, date, mark, message] = redisLine.exec(line) ?? [];
  if (role !== undefined && mark !== undefined) {
    return { ...common, time: timeOf(`${String(date)} UTC`), level: redisLevels[mark], message: message ?? '', fields: [['role', redisRoles[role]]], origin: [['pid', Number(pid)]] };
  }
  const [, handler, seconds, said] = redisSignal.exec(line) ?? [];
  if (handler === undefined) return undefined;
  return { ...common, time: Number(seconds) * 1000, level: 'warn', message: said ?? '', fields: [], origin: [['pid', Number(handler)]] };
}

/** Words by which a line that no logger wrote says how bad it is. The first that fits counts. */
const severities: readonly (readonly [Level, RegExp])[] = [
  ['fatal', /^(?:panic|fatal error|runtime): /],
  ['warn', /^\(node:\d+\) |^warn: |^warning: | is active in production;/i],
  ['error', /\b\w*error\b ?:|^\[ioredis\] unhandled error|^migrate: |^redis (?:did not|password file)|^caracal-\w+: could not /i],
];

/** Where in the source: Node shows it before an error that nobody caught. */
export const sourcePlace = /^(?:file:\/\/|node:|\/)\S+:\d+$/;

function readText(line: string, more: readonly string[]): FirstLine {
  const uncaught = sourcePlace.test(line) ? more.find((other) => /^\w*(?:Error|Exception)\b/.test(other)) : undefined;
  const level = uncaught === undefined ? severities.find(([, words]) => words.test(line))?.[0] : 'fatal';
  return {
    format: 'text', time: undefined, level, service: undefined, requestId: undefined, message: uncaught ?? line, error: undefined, fields: [], origin: [],
  };
}
