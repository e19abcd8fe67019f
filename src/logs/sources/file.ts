import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { StampedLine } from '../../targets/logs.ts';

/** How often a file is looked at. */
const pollMs = 250;
const pieceBytes = 1 << 18;
const [newline, carriageReturn] = [10, 13] as const;

/** What a log file brings: its bytes as they are, and that it is another one from here on. */
export type FileBrought =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** What stands before the first bytes is too much. */
  | { readonly kind: 'tailed' }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'rotated' }
  | { readonly kind: 'away'; readonly why: string };

/**
 * Follows a file as `tail -F` does: what is added comes as it is, and a file that was cut off or replaced
 * begins anew. What was added to the old one until then comes first.
 *
 * @param tailBytes no more of what was there before
 * @throws the signal's reason
 */
export async function* followFile(path: string, tailBytes: number, signal: AbortSignal): AsyncGenerator<FileBrought> {
  let file: FileHandle | undefined;
  let position = 0;
  let [isCaughtUp, isAway] = [false, false];
  try {
    for (;;) {
      try {
        if (file === undefined) {
          file = await open(path, 'r');
          const { size } = await file.stat();
          position = isCaughtUp ? 0 : await lineAfter(file, Math.max(0, size - tailBytes));
          isAway = false;
          if (position > 0) yield { kind: 'tailed' };
        }
        for (let bytes = await read(file, position); bytes.length > 0; bytes = await read(file, position)) {
          position += bytes.length;
          yield { kind: 'bytes', bytes };
          signal.throwIfAborted();
        }
        const [old, now] = [await file.stat(), await stat(path)];
        if (now.ino !== old.ino || now.dev !== old.dev || now.size < position) {
          // What was written between the last look and the change.
          const rest = now.ino === old.ino ? undefined : await read(file, position);
          if (rest !== undefined && rest.length > 0) yield { kind: 'bytes', bytes: rest };
          await file.close();
          file = undefined;
          yield { kind: 'rotated' };
          continue;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Error && 'code' in error)) throw error;
        if (!isAway) yield { kind: 'away', why: error.message };
        isAway = true;
      }
      if (!isCaughtUp) yield { kind: 'caught-up' };
      isCaughtUp = true;
      await wait(pollMs, undefined, { signal });
    }
  } finally {
    await file?.close();
  }
}

async function read(file: FileHandle, position: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(pieceBytes);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, position);
  return bytes.subarray(0, bytesRead);
}

/** The beginning of the first whole line from a place on. */
async function lineAfter(file: FileHandle, position: number): Promise<number> {
  if (position === 0) return 0;
  for (let at = position - 1; ; ) {
    const bytes = await read(file, at);
    const found = bytes.indexOf(10);
    if (found !== -1) return at + found + 1;
    if (bytes.length === 0) return at;
    at += bytes.length;
  }
}

/** Lines of a file, from the parts in which it is read. What a process has not ended yet waits for its end. */
export function fileLines(): (bytes: Buffer) => readonly StampedLine[] {
  let rest: Buffer[] = [];
  return (bytes) => {
    const lines: StampedLine[] = [];
    let at = 0;
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, at)) {
      const part = bytes.subarray(at, end);
      const whole = rest.length === 0 ? part : Buffer.concat([...rest, part]);
      rest = [];
      lines.push({ stamp: '', stream: undefined, bytes: whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole });
      at = end + 1;
    }
    if (at < bytes.length) rest.push(bytes.subarray(at));
    return lines;
  };
}
