/** Objects of JSON in a text that somebody pasted, which may have anything around them. */

export type Json = Readonly<Record<string, unknown>>;

/** An object and where it stands, UTF-16 units. */
export interface JsonObject {
  readonly object: Json;
  readonly start: number;
  readonly end: number;
}

/** A hostile text has a brace at every place; no more than this is looked at for all of them together. */
const mostLooked = 1024 * 1024;

/** The outermost objects of a text, in their order. */
export function objectsIn(text: string): readonly JsonObject[] {
  const found: JsonObject[] = [];
  let left = mostLooked;
  for (let start = text.indexOf('{'); start !== -1 && left > 0; ) {
    const end = endOfObject(text, start, left);
    left -= (end ?? text.length) - start;
    const object = end === undefined ? undefined : parsed(text.slice(start, end));
    if (object !== undefined && end !== undefined) found.push({ object, start, end });
    start = text.indexOf('{', object === undefined || end === undefined ? start + 1 : end);
  }
  return found;
}

/** After the brace that closes the one at `start`; undefined where none does within `most`. */
function endOfObject(text: string, start: number, most: number): number | undefined {
  let depth = 0;
  let isQuoted = false;
  const last = Math.min(text.length, start + most);
  for (let at = start; at < last; at += 1) {
    const sign = text[at];
    if (isQuoted) {
      if (sign === '\\') at += 1;
      else if (sign === '"') isQuoted = false;
    } else if (sign === '"') isQuoted = true;
    else if (sign === '{') depth += 1;
    else if (sign === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function parsed(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(part);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // something else in braces
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first of these that is a text and not empty. */
export function textOf(object: Json, ...names: readonly string[]): string | undefined {
  return names.map((name) => object[name]).find((value): value is string => typeof value === 'string' && value !== '');
}
