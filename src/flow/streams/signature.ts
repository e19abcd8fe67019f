/** The field that carries the signature of a stream message. */
export const signatureField = '_sig';

const bytes = new TextEncoder();

/** Order of UTF-8 bytes, which is not that of JavaScript's strings. */
function compareBytes(left: string, right: string): number {
  const [first, second] = [bytes.encode(left), bytes.encode(right)];
  for (let index = 0; index < Math.min(first.length, second.length); index += 1) {
    const difference = (first[index] ?? 0) - (second[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return first.length - second.length;
}

/**
 * What the signature `_sig` of a message is made over: the full name of the stream, then every other
 * field by the order of its name's bytes (Caracal packages/core/go/crypto/streamsig.go).
 */
export function signedText(key: string, fields: Readonly<Record<string, string>>): string {
  const names = Object.keys(fields).filter((name) => name !== signatureField).sort(compareBytes);
  return `${[key, ...names.map((name) => `${name}=${fields[name] ?? ''}`)].join('\n')}\n`;
}
