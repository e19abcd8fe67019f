import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';

/** Bytes of records, one after another, which need not be in memory. */
export interface LogBytes {
  readonly length: number;
  /**
   * The bytes, for as long as nothing else is read.
   *
   * @throws Error with the code of the file system
   */
  read(from: number, to: number): Buffer;
  close(): void;
}

/** Small, because records that fit a filter lie far from each other. */
const blockSize = 1 << 16;
/** Blocks that stay in memory: what is looked at, and what comes in, is near to what was just read. */
const blocksKept = 256;
/** What comes in is written at once when it is so much. */
const writtenAtOnce = 1 << 20;

/** A file, read in blocks. */
class FileBytes {
  readonly #file: number;
  readonly #blocks = new Map<number, Buffer>();
  #large = Buffer.alloc(0);

  constructor(file: number) {
    this.#file = file;
  }

  read(from: number, to: number): Buffer {
    const first = Math.floor(from / blockSize);
    if (to <= (first + 1) * blockSize) return this.#block(first).subarray(from - first * blockSize, to - first * blockSize);
    // Larger parts are read one after another: new memory for each would cost as much as reading it.
    if (this.#large.length < to - from) this.#large = Buffer.allocUnsafe(to - from);
    return this.#large.subarray(0, readFully(this.#file, this.#large.subarray(0, to - from), from));
  }

  #block(index: number): Buffer {
    const kept = this.#blocks.get(index);
    if (kept !== undefined) return kept;
    const block = Buffer.allocUnsafe(blockSize);
    const length = readFully(this.#file, block, index * blockSize);
    // A block that is not full yet may still grow.
    if (length < blockSize) return block.subarray(0, length);
    if (this.#blocks.size === blocksKept) this.#blocks.delete(this.#blocks.keys().next().value ?? 0);
    this.#blocks.set(index, block);
    return block;
  }
}

function readFully(file: number, into: Buffer, position: number): number {
  let length = 0;
  while (length < into.length) {
    const read = readSync(file, into, length, into.length - length, position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

/**
 * A log file, as long as it was when it was opened.
 *
 * @throws Error with the code of the file system
 */
export function openLogFile(path: string): LogBytes {
  const file = openSync(path, 'r');
  const bytes = new FileBytes(file);
  return { length: fstatSync(file).size, read: (from, to) => bytes.read(from, to), close: () => closeSync(file) };
}

/** What comes in from streams: on disk, and readable by the user alone. */
export interface Spill extends LogBytes {
  append(bytes: Uint8Array): void;
}

/**
 * A new file at `path` that is gone when it is closed. Where the system allows it, its name is gone at once,
 * so that nothing of it stays even after a crash.
 *
 * @throws Error with the code of the file system
 */
export function openSpill(path: string): Spill {
  const file = openSync(path, 'wx+', 0o600);
  if (process.platform !== 'win32') unlinkSync(path);
  const written = new FileBytes(file);
  const tail = Buffer.allocUnsafe(writtenAtOnce);
  let [flushed, waiting] = [0, 0];
  const flush = (): void => {
    for (let at = 0; at < waiting;) at += writeSync(file, tail, at, waiting - at, flushed + at);
    flushed += waiting;
    waiting = 0;
  };
  return {
    get length() {
      return flushed + waiting;
    },
    append: (bytes) => {
      let from = 0;
      while (from < bytes.length) {
        if (waiting === tail.length) flush();
        const count = Math.min(bytes.length - from, tail.length - waiting);
        tail.set(bytes.subarray(from, from + count), waiting);
        [from, waiting] = [from + count, waiting + count];
      }
    },
    read: (from, to) => {
      if (from >= flushed) return tail.subarray(from - flushed, to - flushed);
      if (to <= flushed) return written.read(from, to);
      return Buffer.concat([written.read(from, flushed), tail.subarray(0, to - flushed)]);
    },
    close: () => {
      closeSync(file);
      if (process.platform === 'win32') unlinkSync(path);
    },
  };
}
