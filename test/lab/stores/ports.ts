import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Ports of labs lie below those that systems take for outgoing connections (from 32768 on Linux, from
 * 49152 elsewhere): one of these may be taken between the choice of a port and its use.
 */
const firstPort = 12_000;
const portsOfProcess = 300;
/** Each process chooses from a range of its own, as far as these reach. */
const processes = 66;

const first = firstPort + (process.pid % processes) * portsOfProcess;
let next = randomInt(portsOfProcess);

/**
 * A TCP port on 127.0.0.1 that nothing listens on at this moment, and that this process was not given
 * lately: two labs that start together must not get the same one, because each would take the other's
 * services for its own.
 *
 * @throws Error when all ports of the range are taken
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < portsOfProcess; tries += 1) {
    const port = first + (next % portsOfProcess);
    next += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free from ${String(first)} to ${String(first + portsOfProcess - 1)}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    // On all addresses, as the Go services listen.
    server.listen(port, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
