/** The thread that holds a log: all reading, sorting, searching and formatting happens here. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { createRedactor } from '../redaction/redactor.ts';
import { openFileLog } from './fileLog.ts';
import { openLiveLog } from './liveLog.ts';
import type { FromThread, LogThreadData, ToThread } from './protocol.ts';
import { LogAnswers } from './service.ts';

/** How often what came in is put in order, and how often the host is told at most. */
const turnMs = 25;
const toldEveryMs = 100;

if (parentPort === null) throw new Error('this is no thread');
const port = parentPort;
const { place, folder } = workerData as LogThreadData;
const redactor = createRedactor();
mkdirSync(folder, { recursive: true, mode: 0o700 });
const log = place.kind === 'file' ? openFileLog(place.path) : openLiveLog({ located: place.located, tail: place.tail, spillPath: join(folder, `${randomUUID()}.log`), redactor });
const answers = new LogAnswers(log);

const post = (message: FromThread): void => port.postMessage(message);
let told = '';
let toldAt = 0;

function turn(): void {
  if (isClosed) return;
  const now = Date.now();
  const isNew = answers.advance(now);
  if (now - toldAt >= toldEveryMs) {
    const state = answers.state();
    const key = JSON.stringify(state);
    if (key !== told) post({ kind: 'state', state });
    [told, toldAt] = [key, now];
  }
  // A timer rests for a millisecond at least, which adds up while a large log is read.
  if (isNew && !log.isLoaded) setImmediate(turn);
  else timer = setTimeout(turn, turnMs);
}
let isClosed = false;
let timer = setTimeout(turn, 0);

port.on('message', ({ id, method, parameters }: ToThread) => {
  void (async () => {
    try {
      const answer = (answers[method] as (...all: readonly unknown[]) => unknown).apply(answers, [...parameters]);
      post({ kind: 'result', id, result: await answer });
    } catch (error) {
      post({ kind: 'failure', id, message: error instanceof Error ? error.message : String(error) });
    }
    if (method !== 'close') return;
    isClosed = true;
    clearTimeout(timer);
    port.close();
  })();
});
