import { basename } from 'node:path';
import { openLogFile } from './bytes.ts';
import { Findings } from './findings.ts';
import { indexLog, LogIndex } from './index.ts';
import type { OpenLog } from './openLog.ts';
import { Probes } from './probes.ts';

/** What is taken in at once. */
const sliceMs = 20;

/**
 * A file, as long as it is when it is opened, and however large.
 *
 * @throws Error with the code of the file system
 */
export function openFileLog(path: string): OpenLog {
  const bytes = openLogFile(path);
  const name = basename(path).replace(/\.(?:log|txt|jsonl?)$/, '');
  const index = new LogIndex();
  const [findings, probes] = [new Findings(), new Probes()];
  const indexing = indexLog(bytes, 0, index, (bytes, start, end, scanned) => {
    findings.add(index.length, name, bytes, start, end, scanned);
    return probes.isProbe(bytes, start, end, scanned);
  });
  let [isLoaded, read] = [false, 0];
  return {
    log: { bytes, index, sources: [name] },
    findings,
    late: new Map(),
    skewMs: undefined,
    get sources() {
      return [{ name, standing: isLoaded ? 'read' : `reads, ${Math.floor((read / Math.max(1, bytes.length)) * 100)} %`, isWell: true, isTailed: false }];
    },
    get isLoaded() {
      return isLoaded;
    },
    problem: undefined,
    advance(now) {
      if (isLoaded) return false;
      do {
        const next = indexing.next();
        if (next.done === true) isLoaded = true;
        else read = next.value;
      } while (!isLoaded && Date.now() - now < sliceMs);
      return true;
    },
    close: () => bytes.close(),
  };
}
