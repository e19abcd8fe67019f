import { messageOf } from './deadline.ts';
import { hostName, optional } from './environment.ts';

// The three log formats of Caracal (contract, deploy 3.1 and 3.2).

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, unknown>>;
export type Log = (level: Level, message: string, fields?: Fields) => void;

/** zerolog, as STS, Gateway and Audit write it: on stderr, `time` in unix milliseconds. */
export function goLog(service: string): Log {
  const base = { service, hostname: hostName(), pid: process.pid, version: version(), env: optional('CARACAL_ENV', 'development') };
  return (level, message, fields = {}) => {
    process.stderr.write(`${JSON.stringify({ level, ...base, ...fields, time: Date.now(), msg: message })}\n`);
  };
}

/** pino, as API and Coordinator write it: on stdout, ISO time. */
export function pinoLog(service: string): Log {
  return (level, message, fields = {}) => {
    const line = {
      level, time: new Date().toISOString(), service, env: nodeEnvironment(), version: version(), pid: process.pid,
      hostname: hostName(), ...fields, msg: message,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
}

/** Caracal's own logger, as the web service and the `*-bootstrap` parts write it: on stderr, ISO time. */
export function coreLog(service: string): Log {
  return (level, message, fields = {}) => {
    const line = {
      level, time: new Date().toISOString(), service, hostname: hostName(), pid: process.pid, version: version(),
      env: nodeEnvironment(), msg: message, ...fields,
    };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  };
}

/** An error as pino serialises it. */
export function pinoError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: 'Error', message: String(error), stack: '' };
  const { code } = error as { code?: unknown };
  return { type: error.constructor.name, message: messageOf(error), stack: error.stack, ...(code === undefined ? {} : { code }) };
}

/** An error as Caracal's own logger serialises it. */
export function coreError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return { name: error.name, message: messageOf(error), stack: error.stack, ...(code === undefined ? {} : { code }) };
}

function version(): string {
  return optional('CARACAL_VERSION', 'dev');
}

function nodeEnvironment(): string {
  return optional('CARACAL_ENV', optional('NODE_ENV', 'development'));
}
