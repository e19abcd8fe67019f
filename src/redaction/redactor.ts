import { KnownValues } from './known.ts';
import { Masker } from './mask.ts';

/** The one function that every way out goes through: log, copy, save, panel, report, error. */
export interface Redactor {
  /** Masks this value from now on, in every encoding. Of a connection string also the password. */
  learn(value: string, label: string): void;
  text(text: string): string;
  json<Value>(value: Value): Value;
}

/** A redactor with a key of its own: its masks say nothing to another process. */
export function createRedactor(): Redactor {
  const masker = new Masker();
  const known = new KnownValues(masker);
  const text = (plain: string): string => known.replace(plain);
  const json = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(json);
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, child]) => [known.replace(key), json(child)]));
    }
    return value;
  };
  return { learn: (value, label) => known.add(value, label), text, json: <Value>(value: Value) => json(value) as Value };
}
