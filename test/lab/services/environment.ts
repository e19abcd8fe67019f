/**
 * A variable that the service cannot start without.
 *
 * @throws Error naming the variable
 */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is required`);
  return value;
}

/** An optional variable; an empty one counts as unset. */
export function optional(name: string, fallback = ''): string {
  const value = process.env[name];
  return value === undefined || value === '' ? fallback : value;
}

/** @throws Error naming the variable when its value is no whole number of at least 0 */
export function whole(name: string, fallback: number): number {
  const text = optional(name, String(fallback));
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} must be a whole number`);
  return value;
}

/**
 * A key in hexadecimal form (contract, deploy 5.1).
 *
 * @throws Error when it is missing or shorter than 32 bytes
 */
export function hexKey(name: string): Buffer {
  const text = required(name);
  if (!/^([0-9a-f]{2})*$/i.test(text) || text.length < 64) {
    throw new Error(`${name} must be hex-encoded with at least 32 bytes`);
  }
  return Buffer.from(text, 'hex');
}

/** Go and Node services ask the system; containers and the lab name themselves. */
export function hostName(): string {
  return optional('HOSTNAME', 'localhost');
}
