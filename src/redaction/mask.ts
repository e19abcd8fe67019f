import { createHmac, randomBytes } from 'node:crypto';

/** A mask as it stands in a text: `‹password:5f2c9a10b3d4e877›`. */
const maskSource = '‹[a-z][a-z0-9-]{0,39}:[0-9a-f]{16}›';

const nothingElse = new RegExp(`^(?:${maskSource})+$`);

/** Digests that are kept; a run meets some ten secrets. */
const remembered = 256;

/**
 * Names a secret without telling it. The same value has the same name for as long as the process
 * lives, so that a reader sees that two places hold one secret; the key never leaves the process, so
 * that nobody can try values against a name.
 */
export class Masker {
  readonly #key = randomBytes(32);
  /** A hostile text repeats one value a hundred thousand times. */
  readonly #digests = new Map<string, string>();

  /** `label` is cut to what a mask may hold: lower-case letters, digits and `-`. */
  mask(value: string, label: string): string {
    const name = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+/, '').slice(0, 40).replace(/-+$/, '');
    return `‹${name === '' ? 'secret' : name}:${this.#digest(value)}›`;
  }

  #digest(value: string): string {
    const known = this.#digests.get(value);
    if (known !== undefined) return known;
    const digest = createHmac('sha256', this.#key).update(value).digest('hex').slice(0, 16);
    if (this.#digests.size >= remembered) this.#digests.clear();
    this.#digests.set(value, digest);
    return digest;
  }
}

/** True when `text` is one or more masks and nothing besides. */
export function isOnlyMasks(text: string): boolean {
  return text.startsWith('‹') && nothingElse.test(text);
}

/** Where the masks of `text` stand, in order. */
export function masksIn(text: string): readonly { start: number; end: number }[] {
  if (!text.includes('‹')) return [];
  return [...text.matchAll(new RegExp(maskSource, 'g'))].map((match) => ({ start: match.index, end: match.index + match[0].length }));
}
