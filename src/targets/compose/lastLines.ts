import type { ContainerFacts } from '../../model/compose.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { lastWords } from '../lastWords.ts';
import { readable } from './readable.ts';

const lineLimit = 300;
/** Far more than is shown, so that a secret is masked before its line is cut. */
const redactedLimit = 4_000;
/** A busy engine notes the start of a process so long after it runs. */
const startNotedWithinMs = 2_000;

/**
 * From when on a log is of the last run of its container, in ms since 1970: what runs before it said is of the
 * past. A process that ended at once may have said all before the engine noted its start.
 */
export function loggedSince({ status, createdAt, startedAt, finishedAt }: Pick<ContainerFacts, 'status' | 'createdAt' | 'startedAt' | 'finishedAt'>): number {
  const started = Date.parse(startedAt ?? createdAt);
  // While it runs, the end that is known is that of the run before.
  const hasEnded = status === 'exited' || status === 'restarting' || status === 'dead';
  return hasEnded && Date.parse(finishedAt ?? '') - started < startNotedWithinMs ? started - startNotedWithinMs : started;
}

/**
 * The last lines that a container logged, oldest first, without what may be a secret.
 *
 * @param logged As the engine sends it: framed, each frame with a header of 8 bytes whose last four are its
 *   length, unless the container has a terminal.
 */
export function lastLines(logged: Buffer, hasTerminal: boolean, redactor: Redactor): string[] {
  const text = (hasTerminal ? logged : unframed(logged)).toString('utf8');
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const last = lastWords(lines).map((line) => (line.length > redactedLimit ? `${line.slice(0, redactedLimit)}…` : line));
  if (last.length === 0) return [];
  return redactor
    .text(last.join('\n'))
    .split('\n')
    .map((line) => readable(line, lineLimit));
}

function unframed(logged: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= logged.length; ) {
    const end = at + 8 + logged.readUInt32BE(at + 4);
    parts.push(logged.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts);
}
