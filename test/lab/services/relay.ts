import { request as forward, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { type RunningServer, serveHttp } from './http-server.ts';

/** What a proxy does to answers on their way. */
export type Relaying = {
  /** Headers that it sends instead of the service's. Default: the same. */
  headers?: (headers: IncomingHttpHeaders) => OutgoingHttpHeaders;
  /** How long it keeps each answer back. Default: not at all. */
  delayMs?: number;
};

/** A reverse proxy: everything goes on to `origin`, and comes back changed in what `how` says. */
export function startRelay(origin: string, how: Relaying): Promise<RunningServer> {
  return serveHttp((incoming, outgoing) => {
    const { method, url = '/', headers } = incoming;
    const onward = forward(new URL(url, origin), { ...(method === undefined ? {} : { method }), headers, agent: false }, (answer) => {
      setTimeout(() => {
        outgoing.writeHead(answer.statusCode ?? 502, how.headers?.(answer.headers) ?? answer.headers);
        answer.pipe(outgoing);
      }, how.delayMs ?? 0);
    });
    onward.on('error', () => {
      outgoing.writeHead(502, { 'content-type': 'text/html' }).end('<html><title>502 Bad Gateway</title></html>');
    });
    incoming.pipe(onward);
  });
}
