/** A stretch of a text that was to be shown in some way, by codes that are left out of it. Numbers are SGR parameters. */
export interface Styled {
  readonly start: number;
  readonly end: number;
  readonly codes: readonly number[];
}

export interface HarmlessText {
  readonly text: string;
  readonly styles: readonly Styled[];
}

// All that a terminal would act on: CSI, OSC and the like with a string, and two-character sequences (ECMA-48).
// eslint-disable-next-line no-control-regex -- escapes are what it looks for
const sequences = /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[PX\]^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
/** Characters that change how or where others are shown, that an editor takes for the end of a line, or halves of one that no file can hold. */
const controls = /(?!\t)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/**
 * One line as it can be shown: escapes of terminals are taken out and colours kept beside the text, and what is
 * invisible becomes visible. Nothing else is changed.
 */
export function harmless(line: string): HarmlessText {
  const styles: Styled[] = [];
  let text = '';
  let [from, styledFrom]: [number, number] = [0, 0];
  let codes: readonly number[] = [];
  const close = (): void => {
    if (codes.length > 0 && text.length > styledFrom) styles.push({ start: styledFrom, end: text.length, codes });
    styledFrom = text.length;
  };
  for (const sequence of line.matchAll(sequences)) {
    text += visible(line.slice(from, sequence.index));
    from = sequence.index + sequence[0].length;
    if (sequence[2] !== 'm') continue;
    close();
    codes = styleAfter(codes, (sequence[1] ?? '').split(';').map(Number));
  }
  text += visible(line.slice(from));
  close();
  return { text, styles };
}

/** The beginning of a text, of no more than so many UTF-16 units, with no half of a character at its end. */
export function beginning(text: string, most: number): string {
  const part = text.slice(0, most);
  return part.isWellFormed() ? part : part.slice(0, -1);
}

function styleAfter(before: readonly number[], given: readonly number[]): readonly number[] {
  const reset = given.lastIndexOf(0);
  const added = given.slice(reset + 1).filter((code) => Number.isInteger(code) && code > 0);
  return reset === -1 ? [...before, ...added] : added;
}

function visible(text: string): string {
  return text.replaceAll(controls, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
  });
}
