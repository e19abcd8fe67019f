import { readFileSync } from 'node:fs';
import { messageOf } from './deadline.ts';

/**
 * A configuration that a service cannot start with. `goText` is what a Go service says of it, nothing
 * for what it only logs (contract, deploy 1.9).
 */
export class ConfigurationError extends Error {
  readonly goText: string | undefined;
  constructor(text: string, goText: string | undefined, options?: ErrorOptions) {
    super(text, options);
    this.goText = goText;
  }
}

/**
 * A variable that the service cannot start without.
 *
 * @throws ConfigurationError naming the variable, or the file that `NAME_FILE` names
 */
export function required(name: string): string {
  const value = valueOf(name);
  if (value === '') throw new ConfigurationError(`Required env var missing: ${name}`, `required env vars missing: ${name}`);
  return value;
}

/**
 * An optional variable; an empty one counts as unset.
 *
 * @throws ConfigurationError when `NAME_FILE` names a file that is empty or cannot be read
 */
export function optional(name: string, fallback = ''): string {
  const value = valueOf(name);
  return value === '' ? fallback : value;
}

/** @throws ConfigurationError naming the variable when its value is no whole number of at least 0 */
export function whole(name: string, fallback: number): number {
  const text = optional(name, String(fallback));
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new ConfigurationError(`Invalid integer env var ${name}: ${text}`, `invalid integer for ${name}: ${text}`);
  return value;
}

/**
 * A key in hexadecimal form (contract, deploy 5.1).
 *
 * @throws ConfigurationError when it is missing or shorter than 32 bytes
 */
export function hexKey(name: string): Buffer {
  const text = required(name);
  if (!/^([0-9a-f]{2})*$/i.test(text) || text.length < 64) {
    throw new ConfigurationError(`${name} must be hex-encoded with at least 32 bytes`, undefined);
  }
  return Buffer.from(text, 'hex');
}

/** Go and Node services ask the system; containers and the lab name themselves. */
export function hostName(): string {
  return optional('HOSTNAME', 'localhost');
}

/** The variable, else the text of the file that `NAME_FILE` names (contract, deploy 5.2), else nothing. */
function valueOf(name: string): string {
  const value = process.env[name] ?? '';
  const file = process.env[`${name}_FILE`] ?? '';
  if (value !== '' || file === '') return value;
  const text = readSecret(`${name}_FILE`, file);
  if (text === '') throw new ConfigurationError(`Secret file empty: ${name}_FILE=${file}`, `secret file empty: ${name}_FILE=${file}`);
  return text;
}

function readSecret(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = `open ${file}: ${missing ? 'no such file or directory' : 'permission denied'}`;
    throw new ConfigurationError(messageOf(error), `read secret file ${variable}=${file}: ${reason}`, { cause: error });
  }
}
