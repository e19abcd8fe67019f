import { logSourceOf } from '../caracal/logSources.ts';
import { knownMessage } from './known.ts';
import type { KnownMessage } from './known.ts';
import { levels, readRecord } from './record.ts';
import type { LogRecord } from './record.ts';
import { hashOf } from './scan.ts';
import type { Scanned } from './scan.ts';
import { shapeOf } from './shape.ts';

/** A known message in a log. Rows are those of the index. */
export interface LogFinding extends KnownMessage {
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

/** Errors that differ in numbers, ids and addresses only. */
export interface ErrorGroup {
  /** Message and error of the first one. */
  readonly title: string;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly sources: readonly string[];
  /** Undefined where the message is not known. */
  readonly known: KnownMessage | undefined;
}

type Growing<Counted> = { -readonly [Field in keyof Counted]: Counted[Field] };

const errorPlace = levels.indexOf('error') + 1;

/** Texts of messages that are remembered with what they mean. Few are different; a log of nothing else is a strange one. */
const mostTexts = 10_000;
const mostGroups = 2_000;
const recent = 1_024;
/** Of a line that is no JSON, so much is looked at. */
const longestText = 2_000;

/** A message that was seen before. */
interface Seen {
  readonly source: string;
  readonly text: Buffer;
  readonly finding: Growing<LogFinding> | null;
}

/** Letter by letter: messages are short, and asking the runtime takes longer. */
function isSame(bytes: Buffer, from: number, to: number, text: Buffer): boolean {
  if (to - from !== text.length) return false;
  for (let at = 0; at < text.length; at += 1) if (bytes[from + at] !== text[at]) return false;
  return true;
}

/** What the lines of a log say that is known, and its errors by their shape, counted while it comes in. */
export class Findings {
  readonly #findings = new Map<string, Growing<LogFinding>>();
  readonly #groups = new Map<string, Growing<ErrorGroup>>();
  /** By source and text of the message; null for one that is not known. */
  readonly #texts = new Map<string, Map<string, Growing<LogFinding> | null>>();
  /** By the hash of their bytes: those that came last need not be made texts again. */
  readonly #recent: (Seen | undefined)[] = Array.from({ length: recent }, () => undefined);

  /** Takes in a row, whose record stands in `bytes` from `start` to before `end`. */
  add(row: number, source: string, bytes: Buffer, start: number, end: number, { level, messageStart, messageEnd }: Scanned): void {
    const isJson = messageEnd !== 0;
    const [from, to] = [isJson ? start + messageStart : start, isJson ? start + messageEnd : Math.min(end, start + longestText)];
    const place = hashOf(bytes, from, to) % recent;
    let seen = this.#recent[place];
    if (seen === undefined || seen.source !== source || !isSame(bytes, from, to, seen.text)) {
      seen = { source, text: Buffer.from(bytes.subarray(from, to)), finding: this.#findingIn(row, source, bytes, start, end, bytes.toString('latin1', from, to)) };
      this.#recent[place] = seen;
    }
    const { finding } = seen;
    if (finding !== null) {
      finding.count += 1;
      finding.last = row;
    }
    if (level >= errorPlace && level <= levels.length) this.#addError(row, source, readRecord(bytes.toString('utf8', start, end)));
  }

  /** All known messages so far, in the order in which they came first. */
  findings(): readonly LogFinding[] {
    return [...this.#findings.values()].map((finding) => ({ ...finding }));
  }

  /** All errors so far, in the order in which they came first. */
  groups(): readonly ErrorGroup[] {
    return [...this.#groups.values()].map((group) => ({ ...group }));
  }

  /** By the text of its message, whose meaning is found out once. */
  #findingIn(row: number, source: string, bytes: Buffer, start: number, end: number, text: string): Growing<LogFinding> | null {
    let texts = this.#texts.get(source);
    if (texts === undefined) this.#texts.set(source, (texts = new Map<string, Growing<LogFinding> | null>()));
    let finding = texts.get(text);
    if (finding === undefined) {
      finding = this.#findingOf(knownMessage(readRecord(bytes.toString('utf8', start, end)), logSourceOf(source)), row);
      if (texts.size >= mostTexts) texts.clear();
      texts.set(text, finding);
    }
    return finding;
  }

  #findingOf(known: KnownMessage | undefined, row: number): Growing<LogFinding> | null {
    if (known === undefined) return null;
    let finding = this.#findings.get(known.id);
    if (finding === undefined) this.#findings.set(known.id, (finding = { ...known, count: 0, first: row, last: row }));
    return finding;
  }

  #addError(row: number, source: string, record: LogRecord): void {
    const title = titleOf(record);
    const shape = shapeOf(title);
    const group = this.#groups.get(shape);
    if (group === undefined) {
      if (this.#groups.size === mostGroups) return;
      this.#groups.set(shape, { title, count: 1, first: row, last: row, sources: [source], known: knownMessage(record, logSourceOf(source)) });
      return;
    }
    group.count += 1;
    group.last = row;
    if (!group.sources.includes(source)) group.sources = [...group.sources, source];
  }
}

function titleOf({ message, error }: LogRecord): string {
  const said = error === undefined || error.message === message ? message : message === '' ? error.message : `${message}: ${error.message}`;
  return said.slice(0, longestText);
}
