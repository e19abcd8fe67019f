import type { Socket } from 'node:net';
import { Refused } from '../failures.ts';
import type { RedisAddress } from './redisAddress.ts';
import { firstBytes, openSocket, startTls } from './sockets.ts';

/** An open way to the server; `end` closes it at once. */
export interface RedisSocket {
  readonly stream: Socket;
  end(): void;
}

/**
 * Connects, with TLS for `rediss://`.
 *
 * @throws Refused with the errno or TLS code; the signal's reason when it is aborted.
 */
export async function openRedisSocket({ host, port, tls, via }: RedisAddress, signal: AbortSignal): Promise<RedisSocket> {
  const socket = await openSocket(via ?? { host, port }, signal);
  const stream = tls ? await startTls(socket, host, { rejectUnauthorized: true }, signal) : socket;
  return {
    stream,
    end: () => {
      // An error that comes while it is being destroyed has nobody left to tell.
      stream.on('error', () => undefined).destroy();
      socket.on('error', () => undefined).destroy();
    },
  };
}

/** `+PONG`, or an error that begins with a word in capitals: `-NOAUTH …`, `-LOADING …`, `-DENIED …`. */
const redisAnswer = /^(?:\+PONG|-[A-Z]+(?: .*)?)$/;

/**
 * Sends PING and nothing else. The answer is its first line as it came, such as
 * `-NOAUTH Authentication required.`
 *
 * @throws Refused NOT_REDIS when something else answers, or with the errno or TLS code.
 */
export async function redisHello(address: RedisAddress, signal: AbortSignal): Promise<{ readonly answer: string }> {
  const socket = await openRedisSocket(address, signal);
  try {
    socket.stream.write('PING\r\n');
    const bytes = await firstBytes(socket.stream, (read) => read.includes('\r\n'), signal);
    const [answer = ''] = bytes.toString('utf8').split('\r\n');
    if (!redisAnswer.test(answer)) throw new Refused('NOT_REDIS', 'what listens there is not Redis');
    return { answer };
  } finally {
    socket.end();
  }
}
