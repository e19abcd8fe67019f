import type { RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningServer, serveHttp } from './http-server.ts';

const CHUNK_MS = 50;

/**
 * A resource server that takes every call it gets, and answers as the query asks: `status=500`, `requestId=own` for
 * a request id of its own, `chunks=20` for so many pieces, one every 50 ms, `cut=1` for an answer that breaks off.
 */
export const answerEverything: RequestListener = (request, response) => {
  request.resume();
  const query = new URL(request.url ?? '/', 'http://host').searchParams;
  const requestId = query.get('requestId');
  response.writeHead(Number(query.get('status') ?? 200), { 'Content-Type': 'application/json', ...(requestId === null ? {} : { 'X-Request-Id': requestId }) });
  const body = JSON.stringify({ path: request.url, items: [] });
  const chunks = Number(query.get('chunks') ?? 0);
  if (chunks === 0 && query.get('cut') === null) {
    response.end(body);
    return;
  }
  void (async () => {
    for (let sent = 0; sent < Math.max(chunks, 1) && !response.destroyed; sent += 1) {
      response.write(' '.repeat(100));
      await delay(CHUNK_MS);
    }
    if (query.get('cut') === null) response.end(body);
    else response.destroy();
  })();
};

/** What the Gateway forwards to. */
export function startUpstream(): Promise<RunningServer> {
  return serveHttp(answerEverything);
}
