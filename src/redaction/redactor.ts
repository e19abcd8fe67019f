import { isHarmless, meaningOf } from './keys.ts';
import type { KeyMeaning } from './keys.ts';
import { KnownValues } from './known.ts';
import { isOnlyMasks, Masker } from './mask.ts';
import { rules } from './rules.ts';
import { replaceSpans } from './spans.ts';

/**
 * The one function that every way out goes through: log, copy, save, panel, report, error. Values that
 * the process has resolved go first, then what looks like a secret. What is masked once stays as it is.
 */
export interface Redactor {
  /**
   * Masks this value from now on, in every encoding; of a connection string also the password.
   * Values that are too common to be searched for, such as `caracal` or `1234`, are masked only where
   * a password stands.
   */
  learn(value: string, label: string): void;
  text(text: string): string;
  /** All strings of a plain JSON value, by their names too. Names stay, unless they hold a learned value. */
  json<Value>(value: Value): Value;
}

/** What is nested deeper was made to break a reader. */
const deepest = 200;

/** Too short for a form that any rule knows, and without a sign that could join a name and a value. */
const tooShort = /^[^=:@"'-]{0,11}$/;

/** More than any text needs; each pass leaves less to mask. */
const passes = 10;

/** A redactor with a key of its own: its masks say nothing to another process. */
export function createRedactor(): Redactor {
  const masker = new Masker();
  const known = new KnownValues();
  const mask = (value: string, label: string): string => masker.mask(value, known.labelOf(value) ?? label);
  const learned = (text: string): string => replaceSpans(text, known.find(text), mask);
  const text = (plain: string): string => {
    if (tooShort.test(plain)) return learned(plain);
    let result = learned(plain);
    // What stands beside a mask may read differently than before, so until nothing more is found.
    for (let pass = 0; pass < passes; pass += 1) {
      const before = result;
      result = replaceSpans(before, Object.values(rules).flatMap((rule) => [...rule(before)]), mask);
      if (result === before) break;
    }
    return result;
  };

  // A report says the same words a hundred times.
  const seen = new Map<string, string>();
  const textOnce = (plain: string): string => {
    const before = seen.get(plain);
    if (before !== undefined) return before;
    const masked = text(plain);
    seen.set(plain, masked);
    return masked;
  };
  const named = (key: string, value: string): string => {
    const meaning: KeyMeaning = meaningOf(key);
    const once = textOnce(value);
    // A header keeps its scheme: `Bearer ‹…›`.
    if (/authorization$/i.test(key)) return text(`authorization: ${value}`).replace(/^authorization: /, '');
    return meaning === undefined || isHarmless(once, meaning) ? once : mask(value, meaning === 'password' ? 'password' : 'secret');
  };
  const hidden = (value: string, label: string): string => (isOnlyMasks(value) ? value : mask(value, label));
  const json = (value: unknown, key: string, depth: number): unknown => {
    if (typeof value === 'string') return key === '' ? textOnce(value) : named(key, value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > deepest) return '‹withheld: nested too deeply›';
    if (Array.isArray(value)) return value.map((element: unknown) => json(element, key, depth + 1));
    return Object.fromEntries(Object.entries(withPairs(value)).map(([name, child]) => [learned(name), json(child, name, depth + 1)]));
  };
  /** `{name: 'API_KEY', value: '…'}` as Kubernetes lists variables, private parts of a JWK, and data of a Secret. */
  const withPairs = (value: object): object => {
    const fields: Readonly<Record<string, unknown>> = { ...value };
    const { name, value: content, kty, kind, data, stringData } = fields;
    if (typeof name === 'string' && typeof content === 'string' && /^[A-Z][A-Z\d_]*$/.test(name)) {
      return { ...fields, value: named(name, content) };
    }
    if (typeof kty === 'string') {
      return Object.fromEntries(Object.entries(fields).map(([part, child]) => [part, typeof child === 'string' && privateParts.has(part) ? hidden(child, 'private-key') : child]));
    }
    if (kind === 'Secret') return { ...fields, ...(data ? { data: withheld(data) } : {}), ...(stringData ? { stringData: withheld(stringData) } : {}) };
    return value;
  };
  const withheld = (content: unknown): unknown =>
    typeof content !== 'object' || content === null
      ? content
      : Object.fromEntries(Object.entries(content).map(([part, child]: [string, unknown]) => [part, typeof child === 'string' ? hidden(child, 'secret') : child]));

  return {
    learn(value, label) {
      const password = passwordIn(value);
      // An address alone is no secret, and a report must name it.
      if (password === undefined && /^[a-z][a-z\d+.-]*:\/\//i.test(value)) return;
      known.add(value, label);
      for (const form of password ?? []) known.add(form, 'password');
    },
    text,
    json: <Value>(value: Value) => {
      const masked = json(value, '', 0) as Value;
      seen.clear();
      return masked;
    },
  };
}

const privateParts: ReadonlySet<string> = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']);

/** The password of a connection string, as it stands there and decoded; undefined when there is none. */
function passwordIn(value: string): readonly string[] | undefined {
  const written = /^[a-z][a-z\d+.-]*:\/\/[^:@/]*:(.+)@[^@]*$/i.exec(value)?.[1] ?? /[?&]password=([^&#]+)/i.exec(value)?.[1];
  if (written === undefined || !value.includes('://')) return undefined;
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
}
