/** Characters that show nothing, or turn the text around them; those between letters of a script or in an emoji stay. */
const unseen = /[\p{Bidi_Control}\u200B\u2060\uFEFF]|(?![\n\t])\p{Cc}/gu;

/** A text in which nothing hides: what would be invisible is named. */
export function visible(text: string): string {
  return text.replaceAll(unseen, (character) => `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`);
}

const thousands = new Intl.NumberFormat('en');

/** `5,000` */
export function numberText(number: number): string {
  return thousands.format(number);
}

/** `1 event`, `5,000 events` */
export function count(number: number, noun: string): string {
  return `${numberText(number)} ${noun}${number === 1 ? '' : 's'}`;
}
