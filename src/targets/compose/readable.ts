import { stripVTControlCharacters } from 'node:util';

/** Text of others on one line, without characters that a terminal or an editor obeys, cut at `limit` characters. */
export function readable(text: string, limit = 500): string {
  const plain = stripVTControlCharacters(text).replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, ' ');
  return plain.length > limit ? `${plain.slice(0, limit - 1)}…` : plain;
}
