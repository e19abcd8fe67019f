import { createServer, type RequestListener } from 'node:http';

export type RunningServer = { readonly url: string; close(): Promise<void> };

/**
 * Serves HTTP on 127.0.0.1; `close` ends its connections as well.
 *
 * @param port default: a free one
 * @throws Error when the port is taken
 */
export async function serveHttp(listener: RequestListener, port = 0): Promise<RunningServer> {
  const server = createServer(listener);
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(port, '127.0.0.1', () => {
    resolve(undefined);
  });
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the operating system gave no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    close: () => new Promise((closed) => {
      server.close(() => {
        closed();
      });
      server.closeAllConnections();
    }),
  };
}
