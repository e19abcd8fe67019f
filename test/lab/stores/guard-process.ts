// The guard of guard.ts: runs until its standard input closes, then ends what is still registered.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { GuardMessage } from './guard.ts';
import { descendantsOf, goneWithin, sendSignal } from './processes.ts';

type Watch = Exclude<GuardMessage, { forget: true }>;

/** Time that a process gets for an immediate but clean end, in milliseconds. */
const GRACE_MS = 3000;

const watches = new Map<string, Watch>();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => undefined);
}
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as GuardMessage;
  if ('forget' in message) {
    watches.delete(message.id);
  } else {
    watches.set(message.id, message);
  }
}
await Promise.all([...watches.values()].map(end));

async function end(watch: Watch): Promise<void> {
  if (watch.pid !== undefined) {
    const tree = [watch.pid, ...descendantsOf(watch.pid)];
    // A stopped process acts on no signal but SIGKILL.
    tree.forEach((pid) => {
      sendSignal(pid, 'SIGCONT');
    });
    sendSignal(watch.pid, watch.signal);
    if (!await goneWithin(tree, GRACE_MS)) {
      tree.forEach((pid) => {
        sendSignal(pid, 'SIGKILL');
      });
      await goneWithin(tree, GRACE_MS);
    }
  }
  if (watch.scratch !== undefined) {
    rmSync(watch.scratch, { recursive: true, force: true });
  }
}
