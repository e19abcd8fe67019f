import { logSourceOf } from '../caracal/logSources.ts';
import { knownMessage } from './known.ts';
import type { KnownMessage } from './known.ts';
import { levels, readRecord } from './record.ts';
import type { LogRecord } from './record.ts';
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
/** Of a line that is no JSON, so much is looked at. */
const longestText = 2_000;

/** What the lines of a log say that is known, and its errors by their shape, counted while it comes in. */
export class Findings {
  readonly #findings = new Map<string, Growing<LogFinding>>();
  readonly #groups = new Map<string, Growing<ErrorGroup>>();
  /** By source and text of the message; null for one that is not known. */
  readonly #texts = new Map<string, Map<string, Growing<LogFinding> | null>>();

  /** Takes in a row. */
  add(row: number, source: string, bytes: Buffer, { level, messageStart, messageEnd }: Scanned): void {
    const text = messageEnd === 0 ? bytes.toString('latin1', 0, longestText) : bytes.toString('latin1', messageStart, messageEnd);
    let texts = this.#texts.get(source);
    if (texts === undefined) {
      texts = new Map<string, Growing<LogFinding> | null>();
      this.#texts.set(source, texts);
    }
    let finding = texts.get(text);
    let record: LogRecord | undefined;
    if (finding === undefined) {
      record = readRecord(bytes.toString());
      finding = this.#findingOf(knownMessage(record, logSourceOf(source)), row);
      if (texts.size >= mostTexts) texts.clear();
      texts.set(text, finding);
    }
    if (finding !== null) {
      finding.count += 1;
      finding.last = row;
    }
    if (level >= errorPlace && level <= levels.length) this.#addError(row, source, record ?? readRecord(bytes.toString()));
  }

  /** All known messages so far, in the order in which they came first. */
  findings(): readonly LogFinding[] {
    return [...this.#findings.values()].map((finding) => ({ ...finding }));
  }

  /** All errors so far, in the order in which they came first. */
  groups(): readonly ErrorGroup[] {
    return [...this.#groups.values()].map((group) => ({ ...group }));
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
