/** A number of a row or reply; null where there is none. Drivers give large ones as text. */
export function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** A text of a row or reply; null where there is none. */
export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
