import { IncomingMessage } from 'node:http';
import { Refused } from '../failures.ts';
import type { EngineEndpoint } from './engineEndpoint.ts';
import { callEngine, jsonLimitBytes, messageOf } from './wire.ts';
import type { EngineAnswer } from './wire.ts';

/** What dockerode hands over for each of its calls. */
export interface Dial {
  readonly method: string;
  /** Ends in `?` when options become a query. */
  readonly path: string;
  readonly options?: Readonly<Record<string, string | number | boolean | object | undefined>> | undefined;
  /** The answer is a stream of which no end is known. */
  readonly isStream?: boolean | undefined;
}

export interface ReadingModem {
  get(call: Dial): Promise<unknown>;
  dial(call: Dial, done: (error: unknown, answer?: unknown) => void): void;
}

/**
 * What dockerode sends its calls through. It takes the place of docker-modem, which follows redirects,
 * takes bodies of any size, and reads DOCKER_HOST also when it is told where to go.
 *
 * Only GET goes out, whichever method of dockerode is called. Each call has a connection of its own, which
 * ends with the answer or the abort. An answer is parsed JSON, or a Buffer when it is of another type; of
 * a call that streams, the response itself, whose connection ends when it is destroyed.
 *
 * Calls fail with Refused: an errno, a TLS code, the HTTP status, NOT_DOCKER; with the signal's reason when it is aborted.
 */
export function readingModem(endpoint: EngineEndpoint, signal: AbortSignal): ReadingModem {
  return {
    get: (call) => get(endpoint, call, signal),
    dial(call: Dial, done: (error: unknown, answer?: unknown) => void): void {
      get(endpoint, call, signal).then((answer) => done(null, answer), done);
    },
  };
}

async function get(endpoint: EngineEndpoint, { method, path, options, isStream = false }: Dial, signal: AbortSignal): Promise<unknown> {
  if (method !== 'GET') throw new Error(`${method} ${path} would not only read`);
  const answer = await callEngine(endpoint, { method, path: withQuery(path, options), isStream }, signal);
  return answer instanceof IncomingMessage ? answer : contentOf(answer);
}

function withQuery(path: string, options: Dial['options']): string {
  if (!path.endsWith('?')) return path;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined) continue;
    query.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return query.size === 0 ? path.slice(0, -1) : path + query.toString();
}

function contentOf({ status, isJson, body }: EngineAnswer): unknown {
  const content = isJson ? parsed(body) : body;
  if (status !== 200) throw new Refused(String(status), messageOf(content) ?? `it answered with HTTP ${status}`);
  return content;
}

function parsed(body: Buffer): unknown {
  if (body.length > jsonLimitBytes) throw new Refused('NOT_DOCKER', `an answer is larger than ${jsonLimitBytes / 1024 / 1024} MB`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refused('NOT_DOCKER', 'it does not answer as a Docker Engine');
  }
}
