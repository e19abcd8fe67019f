import { resolve } from 'node:path';
import type { CredentialReference } from '../model/target.ts';
import type { Redactor } from '../redaction/redactor.ts';
import { Unavailable } from './failures.ts';
import { fileProblem, readSmallFile } from './smallFile.ts';

/** No secret is longer; a larger file is the wrong file. */
const largestFileBytes = 64 * 1024;

export interface CredentialContext {
  /** What it is called in a sentence, as in `admin token`. */
  readonly noun: string;
  /** What it is called in a mask; by default the same. */
  readonly label?: string;
  /** Folder that a relative `file` starts at. */
  readonly folder: string;
  readonly redactor: Redactor;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * The secret that a reference points at, read anew each time, without the newline that ends a secret
 * file. The redactor learns it before anybody else has it.
 *
 * @throws Unavailable when the variable or the file is missing, empty or no text of a secret.
 */
export async function resolveCredential(reference: CredentialReference, context: CredentialContext): Promise<string> {
  const { noun, label = noun, folder, redactor, environment = process.env } = context;
  const value = await valueOf(reference, folder, noun, environment);
  redactor.learn(value, label);
  return value;
}

async function valueOf(reference: CredentialReference, folder: string, noun: string, environment: NodeJS.ProcessEnv): Promise<string> {
  if (typeof reference === 'string') return reference;
  if ('value' in reference) return reference.value;
  if ('env' in reference) {
    const value = trimmed(environment[reference.env] ?? '');
    if (value === '') throw new Unavailable(`no ${noun}: ${reference.env} is not set`, `set ${reference.env} and start again from there`);
    return value;
  }
  const path = resolve(folder, reference.file);
  let value: string;
  try {
    value = trimmed(await readSmallFile(path, largestFileBytes));
  } catch (error) {
    throw new Unavailable(`no ${noun}: cannot read ${path}, ${fileProblem(error)}`, 'give the path of a readable file with the secret in it');
  }
  if (value === '') throw new Unavailable(`no ${noun}: ${path} is empty`, 'put the secret into it');
  return value;
}

function trimmed(value: string): string {
  return value.replace(/[\r\n]+$/, '');
}
