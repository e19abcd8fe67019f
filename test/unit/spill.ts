import type { Spill } from '../../src/logs/bytes.ts';

/** Bytes that come in, kept in memory. */
export function spillInMemory(): Spill {
  let bytes: Buffer = Buffer.alloc(1 << 16);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append: (more: Buffer) => {
      if (length + more.length > bytes.length) bytes = Buffer.concat([bytes], 2 * (length + more.length));
      length += more.copy(bytes, length);
    },
    read: (from, to) => bytes.subarray(from, Math.min(to, length)),
    close: () => undefined,
  };
}
