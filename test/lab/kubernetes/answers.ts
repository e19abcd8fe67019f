import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { PlainRefusal, Refusal } from './status.ts';

/** From this size on the real server compresses, when the client takes it. */
const gzipFromBytes = 128 * 1024;

/** Status, headers and body of a refusal. */
function refusalOf(error: unknown): { code: number; headers: Record<string, string>; body: string } {
  if (error instanceof PlainRefusal) {
    const { code, message, headers } = error;
    return { code, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: message === '' ? '' : `${message}\n` };
  }
  const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`);
  const { code, retryAfter } = refusal;
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache, private', ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) };
  return { code, headers, body: `${JSON.stringify(refusal.status)}\n` };
}

/** Answers a request that is refused; one that is being answered is broken off. */
export function answerError(response: ServerResponse, error: unknown): void {
  const { code, headers, body } = refusalOf(error);
  if (response.headersSent) response.destroy();
  else response.writeHead(code, headers).end(body);
}

/** Answers a request for another protocol that is refused. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { code, headers, body } = refusalOf(error);
  const lines = Object.entries({ ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

/** Answers in JSON, compressed as the real server does it. */
export function send(request: IncomingMessage, response: ServerResponse, code: number, document: unknown): void {
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  const compress = body.length > gzipFromBytes && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  response.writeHead(code, {
    'content-type': 'application/json', 'cache-control': 'no-cache, private', ...(compress ? { 'content-encoding': 'gzip', vary: 'Accept-Encoding' } : {}),
  });
  response.end(compress ? gzipSync(body, { level: 1 }) : body);
}
