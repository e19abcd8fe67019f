import { createServer } from 'node:http';

/** What the Gateway forwards to: a resource server that takes every call it gets. */
export type UpstreamServer = { readonly url: string; close(): Promise<unknown> };

/** Starts it on a free port of 127.0.0.1. */
export async function startUpstream(): Promise<UpstreamServer> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ path: request.url, items: [] }));
  });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    resolve(undefined);
  });
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the operating system gave no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    close: () => {
      const { promise: closed, resolve: done } = Promise.withResolvers<undefined>();
      server.close(() => {
        done(undefined);
      });
      server.closeAllConnections();
      return closed;
    },
  };
}
