import { parse } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';

/** Line and column, both from 1, of the first character that is no JSON. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Where a text stops being JSON. The engine's own message has the place only sometimes, and quotes
 * what stands there, which may be a secret.
 *
 * @param text Something that `JSON.parse` refuses; for valid JSON the end of the text.
 */
export function jsonErrorPosition(text: string): Position {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const before = text.slice(0, errors[0]?.offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
