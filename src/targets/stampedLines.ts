import { Refused } from './failures.ts';
import type { StampedLine } from './logs.ts';

/** Nobody reads a longer line; what goes on behind it is a line of its own. */
const longestLine = 16 * 1024 * 1024;

/** The longest stamp is `2026-08-20T10:00:02.123456789+02:00`. */
const longestStamp = 36;

const [newline, carriageReturn, space] = [10, 13, 32] as const;

/** Takes what comes of a log, and gives the lines that are complete by then. What is left over at its end was cut off. */
export type LineDecoder = (chunk: Buffer) => readonly StampedLine[];

/** A log of one stream: each line with its stamp, the last one perhaps in parts. */
export function plainLines(): LineDecoder {
  const line = new Line(undefined);
  return (chunk) => {
    const lines: StampedLine[] = [];
    for (let at = 0; at < chunk.length;) {
      const found = chunk.indexOf(newline, at);
      const end = found === -1 ? chunk.length : found + 1;
      line.add(chunk.subarray(at, end), lines);
      at = end;
    }
    return lines;
  };
}

/**
 * A log as the Docker Engine frames it: a header of 8 bytes, whose first says which stream and whose last four
 * how much follows, then a line or a part of one. Every part has a stamp: the engine takes lines in parts of 16 KiB.
 *
 * @throws Refused NOT_DOCKER, of the function that it gives, when what comes is not framed
 */
export function framedLines(): LineDecoder {
  const streams = [new Line('stdout'), new Line('stdout'), new Line('stderr')] as const;
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: StampedLine[] = [];
    let at = 0;
    while (at + 8 <= bytes.length) {
      const end = at + 8 + bytes.readUInt32BE(at + 4);
      if (end - at > longestLine) throw new Refused('NOT_DOCKER', 'it does not answer as a Docker Engine');
      if (end > bytes.length) break;
      streams[bytes[at] ?? 0]?.addStamped(bytes.subarray(at + 8, end), lines);
      at = end;
    }
    rest = bytes.subarray(at);
    return lines;
  };
}

/** A line that comes in parts. */
class Line {
  readonly #stream: StampedLine['stream'];
  #parts: Buffer[] = [];
  #length = 0;

  constructor(stream: StampedLine['stream']) {
    this.#stream = stream;
  }

  /** A part that has a stamp of its own; that of the first is the line's. */
  addStamped(part: Buffer, into: StampedLine[]): void {
    this.add(this.#length === 0 ? part : part.subarray(stampEnd(part) + 1), into);
  }

  add(part: Buffer, into: StampedLine[]): void {
    this.#parts.push(part);
    this.#length += part.length;
    const isWhole = part.at(-1) === newline;
    if (!isWhole && this.#length < longestLine) return;
    const line = this.#parts.length === 1 ? part : Buffer.concat(this.#parts);
    [this.#parts, this.#length] = [[], 0];
    let end = isWhole ? line.length - 1 : line.length;
    if (line[end - 1] === carriageReturn) end -= 1;
    const stamp = stampEnd(line);
    into.push({ stamp: line.toString('latin1', 0, stamp), stream: this.#stream, bytes: line.subarray(stamp + 1, Math.max(end, stamp + 1)) });
  }
}

/** Place of the space after the stamp. */
function stampEnd(line: Buffer): number {
  const found = line.subarray(0, longestStamp).indexOf(space);
  return found === -1 ? Math.min(line.length, longestStamp) : found;
}
