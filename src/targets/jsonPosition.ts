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
  const before = text.slice(0, errorOffset(text)).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

const space = /[ \t\r\n]*/y;
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// eslint-disable-next-line no-control-regex -- which JSON forbids inside strings
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/** What may come next: a value, a value or `]`, a key or `}`, a key, a colon, or a comma or the end of what is open. */
type Expected = 'value' | 'first value' | 'first key' | 'key' | 'colon' | 'comma';

function errorOffset(text: string): number {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    take(space);
    const sign = text[at];
    if (sign === undefined || (expected === 'comma' && open.length === 0)) return at;
    if (expected === 'comma' || expected === 'first value' || expected === 'first key') {
      const closes = open.at(-1) === '{' ? '}' : ']';
      if (sign === closes) {
        open.pop();
        at += 1;
        expected = 'comma';
        continue;
      }
    }
    if (expected === 'comma') {
      if (sign !== ',') return at;
      at += 1;
      expected = open.at(-1) === '{' ? 'key' : 'value';
    } else if (expected === 'colon') {
      if (sign !== ':') return at;
      at += 1;
      expected = 'value';
    } else if (expected === 'key' || expected === 'first key') {
      if (!take(string)) return at;
      expected = 'colon';
    } else if (sign === '{' || sign === '[') {
      open.push(sign);
      at += 1;
      expected = sign === '{' ? 'first key' : 'first value';
    } else if (take(string) || take(scalar)) expected = 'comma';
    else return at;
  }
}
