/** Keeps secrets out of a box. Pure. */
import type { Redactor } from '../../redaction/redactor.ts';

/**
 * What is typed or pasted into a box. A secret in it is masked in the box at once; what the text told until then is
 * kept, the text is not.
 */
export class MaskedBox<Told> {
  readonly #redactor: Pick<Redactor, 'text'>;
  readonly #read: (text: string) => Told;
  #shown = '';
  #told: Told;

  /** @param read what a text tells; it may keep nothing of a secret that can be shown */
  constructor(redactor: Pick<Redactor, 'text'>, read: (text: string) => Told) {
    this.#redactor = redactor;
    this.#read = read;
    this.#told = read('');
  }

  /** What the text in the box tells. */
  get told(): Told {
    return this.#told;
  }

  /** Takes the text that now is in the box; returns the one that may stand there. */
  take(text: string): string {
    // The box tells of what was put there in the place of a secret, too.
    if (text === this.#shown) return text;
    this.#told = this.#read(text);
    this.#shown = this.#redactor.text(text);
    return this.#shown;
  }
}
