import { sourcePlace } from './record.ts';

/**
 * Which lines of a source belong together. One stream of one process at a time: lines of stdout and of
 * stderr come in between each other.
 */

/** What was found before: whether a block is open that ends only where something else clearly begins. */
export type Block = 'none' | 'stack' | 'crash' | { readonly postgres: string };

const clearBeginning = /^(?:\{|\[ioredis\] |\(node:\d+\) |caracal[\w-]*: |\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\d+:(?:[CMSX]|signal-handler) )/;
/** Go says so before the stacks of its goroutines, Node shows the place in the source before the error. */
const crashBeginning = /^(?:panic: |fatal error: |unexpected fault address |goroutine \d+ \[)/;
const stackLine = /^(?:\s|$|\(Use `node |created by |goroutine \d+ \[|exit status \d)/;
const postgresBeginning = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[(\d+)\] ([A-Z0-9]+): {2}/;
const postgresMore = new Set(['DETAIL', 'HINT', 'CONTEXT', 'STATEMENT', 'QUERY', 'LOCATION']);

/** Whether a line belongs to the record before it, and what is open after it. */
export interface Joined {
  readonly joined: boolean;
  readonly block: Block;
}

/** As much of a line as is needed to tell where it belongs. */
export const headLength = 200;
const openBrace = 123;
/** A line of JSON always begins a record: it need not be decoded to know that. */
const jsonLine: Joined = { joined: false, block: 'stack' };

/** Where the line belongs that stands in `bytes` from `start` to before `end`, or its beginning. */
export function joinsAt(block: Block, bytes: Buffer, start: number, end: number): Joined {
  return bytes[start] === openBrace ? jsonLine : joins(block, bytes.toString('utf8', start, Math.min(end, start + headLength)));
}

/** Tells from the line itself, or its beginning, where it belongs. */
export function joins(block: Block, line: string): Joined {
  const [, pid, severity] = postgresBeginning.exec(line) ?? [];
  if (pid !== undefined && severity !== undefined) {
    const joined = postgresMore.has(severity) && typeof block === 'object' && block.postgres === pid;
    return { joined, block: { postgres: pid } };
  }
  if (clearBeginning.test(line)) return { joined: false, block: 'stack' };
  if (block === 'crash') return { joined: true, block };
  if (block !== 'none' && stackLine.test(line)) return { joined: true, block };
  return { joined: false, block: crashBeginning.test(line) || sourcePlace.test(line) ? 'crash' : 'stack' };
}
