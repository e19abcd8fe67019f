import { isOnlyMasks } from './mask.ts';
import type { Span } from './spans.ts';

/** Below this many characters a form of a value is too common to be searched for. */
const shortest = 6;
/** The same for the part of a Base64 text that does not depend on what surrounds the value. */
const shortestInside = 10;
/** A cut value is recognised by this many of its first characters. */
const prefixLength = 8;

interface Needle {
  readonly text: string;
  readonly value: string;
  readonly label: string;
  /** Inside a longer Base64 text: all of that text goes. */
  readonly inside: boolean;
}

/**
 * Values that look like a word or a small number, such as the password `caracal`. Masking them
 * everywhere would make a report unreadable and hide nothing: they are masked where a rule sees that
 * a password stands.
 */
function isWeak(value: string): boolean {
  return value.length < shortest || /^[a-z]{1,11}$/i.test(value) || /^\d{1,8}$/.test(value);
}

/** Secrets that this process has resolved, in every form in which they may turn up. */
export class KnownValues {
  readonly #labels = new Map<string, string>();
  #needles: readonly Needle[] = [];
  #prefixes: readonly { start: string; value: string; label: string }[] = [];

  /** The first label of a value stays. Masks and empty values are not learned. */
  add(value: string, label: string): void {
    if (value === '' || isOnlyMasks(value) || this.#labels.has(value)) return;
    this.#labels.set(value, label);
    const needles = formsOf(value).map((form) => ({ ...form, value, label }));
    this.#needles = [...this.#needles, ...needles].toSorted((one, other) => one.text.length - other.text.length);
    if (value.length >= 2 * prefixLength) {
      this.#prefixes = [...this.#prefixes, { start: value.slice(0, prefixLength), value, label }];
    }
  }

  /** The label under which a value was learned. */
  labelOf(value: string): string | undefined {
    return this.#labels.get(value);
  }

  /** Where the values stand in a text, in whichever form. */
  find(text: string): readonly Span[] {
    const all: Span[] = [];
    for (const { text: needle, value, label, inside } of this.#needles) {
      // Shortest first: the others do not fit either. Most texts of a report are short.
      if (needle.length > text.length) break;
      for (let start = text.indexOf(needle), end; start !== -1; start = text.indexOf(needle, end)) {
        end = start + needle.length;
        const found = inside ? { ...base64Around(text, start, end), label } : { start, end, value, label };
        // The next search starts after all of it, so that a long Base64 text is walked once.
        end = found.end;
        all.push(found);
      }
    }
    for (const { start: prefix, value, label } of this.#prefixes) {
      for (let start = text.indexOf(prefix); start !== -1; start = text.indexOf(prefix, start + prefix.length)) {
        let length = prefix.length;
        while (length < value.length && text[start + length] === value[length]) length += 1;
        if (/^(?:\.\.\.|…)/.test(text.slice(start + length, start + length + 3))) {
          all.push({ start, end: start + length, label });
        }
      }
    }
    return all;
  }
}

function base64Around(text: string, from: number, to: number): { start: number; end: number } {
  const isPart = (at: number): boolean => /^[\w+/=-]$/.test(text[at] ?? '');
  let start = from;
  let end = to;
  while (isPart(start - 1)) start -= 1;
  while (isPart(end)) end += 1;
  return { start, end };
}

function formsOf(value: string): readonly { text: string; inside: boolean }[] {
  const bytes = Buffer.from(value, 'utf8');
  const percent = encodeURIComponent(value);
  const strict = percent.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const json = JSON.stringify(value).slice(1, -1);
  const whole = [
    bytes.toString('base64'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    percent,
    lowerPercent(percent),
    strict,
    lowerPercent(strict),
    new URLSearchParams({ value }).toString().slice('value='.length),
    [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    json,
    JSON.stringify(json).slice(1, -1),
    json.replaceAll('/', '\\/'),
    // Control characters are escaped already, so that this is every character outside ASCII.
    json.replaceAll(/[^ -\u007f]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`),
    value.replaceAll("'", `'\\''`),
    value.replaceAll("'", `'"'"'`),
    value.replaceAll(/["$`\\]/g, '\\$&'),
    value.replaceAll(/[^\w@%+=:,./-]/g, '\\$&'),
    value.replaceAll("'", "''"),
  ];
  const forms = new Map<string, boolean>();
  if (!isWeak(value)) forms.set(value, false);
  for (const form of whole) {
    if (form !== value && form.length >= shortest) forms.set(form, false);
  }
  for (const form of insideForms(bytes)) {
    if (!forms.has(form)) forms.set(form, true);
  }
  return [...forms].map(([text, inside]) => ({ text, inside }));
}

function lowerPercent(encoded: string): string {
  return encoded.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
}

/** The characters of a Base64 text that only the value decides, for each place where it may begin. */
function insideForms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
    const first = before === 0 ? 0 : before + 1;
    const complete = Math.floor(((before + bytes.length) * 8) / 6);
    const inside = encoded.slice(first, complete);
    if (inside.length < shortestInside) return [];
    return [inside, inside.replaceAll('-', '+').replaceAll('_', '/')];
  });
}
