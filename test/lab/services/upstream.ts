import type { RequestListener } from 'node:http';
import { type RunningServer, serveHttp } from './http-server.ts';

/** A resource server that takes every call it gets. */
export const answerEverything: RequestListener = (request, response) => {
  request.resume();
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ path: request.url, items: [] }));
};

/** What the Gateway forwards to. */
export function startUpstream(): Promise<RunningServer> {
  return serveHttp(answerEverything);
}
