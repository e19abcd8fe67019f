import { type RunningServer, serveHttp } from './http-server.ts';

/** What the Gateway forwards to: a resource server that takes every call it gets. */
export function startUpstream(): Promise<RunningServer> {
  return serveHttp((request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ path: request.url, items: [] }));
  });
}
