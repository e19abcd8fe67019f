import type { Scanned } from './scan.ts';

/** What machines call to see whether a service lives and how it does, and what this tool calls of the Coordinator. */
const probed = new Set(['/health', '/ready', '/metrics', '/stats']);
/** More calls than these are never open at once: those that are left have no answer in the log. */
const mostOpen = 10_000;
/** Longer than any path that is probed. */
const longestPath = 16;

const incoming = Buffer.from('incoming request');
const completed = Buffer.from('request completed');
const request = Buffer.from('request');
const url = Buffer.from('"url":"');
const path = Buffer.from('"path":"');

/**
 * Which lines tell of a probe and of nothing else. api and coordinator log two lines for each call, of which only the
 * first one names the path; web logs one (contract deploy-logs-metrics 3.4). What goes wrong in a probe is another line.
 */
export class Probes {
  /** Hashes of the request ids of probes whose answer is still to come. */
  readonly #open = new Set<number>();

  /** @param scanned the record, which stands in `bytes` from `start` to before `end` */
  isProbe(bytes: Buffer, start: number, end: number, { messageStart, messageEnd, requestId, isWeb }: Scanned): boolean {
    const says = start + messageStart;
    // By its length alone nearly every message is none of them: this runs for every line.
    switch (messageEnd - messageStart) {
      case request.length:
        return isWeb && isAt(bytes, says, request) && isProbed(bytes.subarray(start, end), path);
      case completed.length:
        return isAt(bytes, says, completed) && this.#open.delete(requestId);
      case incoming.length:
        if (!isAt(bytes, says, incoming) || !isProbed(bytes.subarray(start, end), url)) return false;
        if (this.#open.size === mostOpen) this.#open.clear();
        this.#open.add(requestId);
        return true;
      default:
        return false;
    }
  }
}

function isAt(bytes: Buffer, from: number, text: Buffer): boolean {
  for (let at = 0; at < text.length; at += 1) if (bytes[from + at] !== text[at]) return false;
  return true;
}

function isProbed(record: Buffer, field: Buffer): boolean {
  const at = record.indexOf(field);
  if (at === -1) return false;
  const value = record.toString('latin1', at + field.length, at + field.length + longestPath);
  return probed.has(/^[^"?]*/.exec(value)?.[0] ?? '');
}
