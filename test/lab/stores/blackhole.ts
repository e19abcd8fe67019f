import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { guardAgainstLeftovers } from './guard.ts';
import { goneWithin, sendSignal } from './processes.ts';

export interface Blackhole {
  readonly port: number;
  /** Frees the port; connections that were waiting are reset. */
  close(): Promise<void>;
}

/** A loopback handshake takes well under a millisecond: one that takes this long gets no answer. */
const NO_ANSWER_MS = 250;
/** The kernel queues one or two more connections than the backlog; many more means no blackhole. */
const MAX_FILLERS = 32;
/** How long a killed process may take to disappear. */
const END_TIMEOUT_MS = 5000;

/** Listens with the smallest queue there is and reports it. */
const LISTENER = `
  require('node:net').createServer().listen(
    { host: '127.0.0.1', port: Number(process.argv[1]), backlog: 1 },
    () => process.stdout.write('listening'),
  );
`;

/**
 * Makes 127.0.0.1:`port` a place from which TCP connects get no answer at all, as with a firewall
 * that drops packets: no acceptance, no refusal, only the client's own time limit. Needs neither
 * root nor a packet filter: a stopped process listens and never accepts, and once we have filled
 * its queue, the kernel drops every further SYN (Linux; other systems may refuse instead).
 *
 * @throws Error when the port is taken or the queue cannot be filled
 */
export async function blackhole(port: number): Promise<Blackhole> {
  const guard = guardAgainstLeftovers({ signal: 'SIGKILL' });
  const listener = spawn(process.execPath, ['-e', LISTENER, String(port)], {
    detached: true, stdio: ['ignore', 'pipe', 'pipe'],
  });
  guard.update(listener.pid);
  const fillers: Socket[] = [];
  const close = async (): Promise<void> => {
    fillers.forEach((filler) => filler.destroy());
    if (listener.pid !== undefined) {
      sendSignal(listener.pid, 'SIGKILL');
      await goneWithin([listener.pid], END_TIMEOUT_MS);
    }
    guard.release();
  };
  try {
    await listening(listener, port);
    if (listener.pid !== undefined) sendSignal(listener.pid, 'SIGSTOP');
    while (await answers(port, fillers)) {
      if (fillers.length > MAX_FILLERS) throw new Error(`port ${String(port)} keeps answering`);
    }
    return { port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listening(listener: ReturnType<typeof spawn>, port: number): Promise<void> {
  let complaint = '';
  listener.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const ended = once(listener, 'close').then(() => {
    throw new Error(`cannot listen on port ${String(port)}: ${complaint.trim()}`);
  });
  if (listener.stdout === null) throw new Error('the listener has no output');
  await Promise.race([once(listener.stdout, 'data'), ended]);
  // From here on its end is ours.
  ended.catch(() => undefined);
}

/** Tries one more connection, which stays open in the queue when it gets through. */
async function answers(port: number, fillers: Socket[]): Promise<boolean> {
  const filler = connect({ host: '127.0.0.1', port });
  filler.on('error', () => undefined); // reset by `close`
  filler.unref();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => {
    resolve(false);
  }, NO_ANSWER_MS);
  filler.once('connect', () => {
    resolve(true);
  });
  const connected = await promise;
  clearTimeout(timer);
  if (connected) fillers.push(filler);
  else filler.destroy();
  return connected;
}
