import { open, rm } from 'node:fs/promises';
import type { Redactor } from '../redaction/redactor.ts';
import type { RemoteLog } from './threadClient.ts';

/** Records that are masked and written at once: a few milliseconds of the host's time. */
const atOnce = 500;

export interface SaveOptions {
  readonly log: RemoteLog;
  readonly view: number;
  /** How many records the view shows: what comes in meanwhile is not part of what was seen. */
  readonly records: number;
  readonly path: string;
  /** That of this process, which knows the secrets that it has resolved. */
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  /** Told how many records are written. */
  readonly onProgress: (records: number) => void;
}

/**
 * Writes what a view shows, as it was logged, masked, into a file that its owner alone may read. Nothing is left of
 * one that is not finished.
 *
 * @throws Error with the code of the file system; the signal's reason when it is aborted
 */
export async function saveLog({ log, view, records, path, redactor, signal, onProgress }: SaveOptions): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    for (let place = 0; place < records;) {
      signal.throwIfAborted();
      const part = await log.raw(view, place, Math.min(atOnce, records - place));
      if (part.records === 0) break;
      await file.write(`${redactor.text(part.text)}\n`);
      place += part.records;
      onProgress(place);
    }
    await file.close();
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}
