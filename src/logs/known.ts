import { loggedNames, logMessages } from '../caracal/logMessages.ts';
import { logSources } from '../caracal/logSources.ts';
import type { LogSource } from '../caracal/logSources.ts';
import type { LogRecord } from './record.ts';

/** A message that is known to mean something. */
export interface KnownMessage {
  /** Stable, for findings and for people: `gateway: jti tracker setnx failed`. */
  readonly id: string;
  readonly source: LogSource;
  readonly meaning: string;
}

interface Pattern extends KnownMessage {
  /** Undefined for a text that stands for itself alone. */
  readonly like: RegExp | undefined;
}

/** `…` at the end and `{…}` inside stand for anything. */
function pattern(text: string): RegExp | undefined {
  const parts = text.replace(/…$/, '{…}').split('{…}');
  const literal = (part: string): string => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return parts.length === 1 ? undefined : new RegExp(`^${parts.map(literal).join('.*')}$`, 's');
}

const exact = new Map<string, KnownMessage>();
const patterns = new Map<LogSource, Pattern[]>(logSources.map((source) => [source, []]));
for (const source of logSources) {
  for (const [text, meaning] of Object.entries(logMessages[source])) {
    const message = { id: `${source}: ${text}`, source, meaning };
    const like = pattern(text);
    if (like === undefined) exact.set(message.id, message);
    else patterns.get(source)?.push({ ...message, like });
  }
}

/** Whose line it is: as it says itself, else `of`, the container that it came from. */
export function sourceOf(record: LogRecord, of?: LogSource): LogSource | undefined {
  return (record.service === undefined ? undefined : loggedNames[record.service]) ?? of;
}

/** What the record's message is known to mean; of several patterns that fit, the one that says most. */
export function knownMessage(record: LogRecord, of?: LogSource): KnownMessage | undefined {
  const source = sourceOf(record, of);
  if (source === undefined) return undefined;
  const found = exact.get(`${source}: ${record.message}`);
  if (found !== undefined) return found;
  const fitting = (patterns.get(source) ?? []).filter(({ like }) => like?.test(record.message));
  const best = fitting.toSorted((one, other) => other.id.length - one.id.length)[0];
  return best === undefined ? undefined : { id: best.id, source, meaning: best.meaning };
}
