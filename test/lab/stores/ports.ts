import { createServer } from 'node:net';

/**
 * A TCP port on 127.0.0.1 that nothing listens on at this moment. Another program may take it
 * before the caller does; the lab accepts that.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => {
      if (address !== null && typeof address === 'object') {
        resolve(address.port);
      } else {
        reject(new Error('the operating system gave no port'));
      }
    });
  });
  return promise;
}
