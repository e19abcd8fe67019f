import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { targetSchema } from '../model/target.ts';
import type { Target } from '../model/target.ts';
import { jsonErrorPosition } from './jsonPosition.ts';
import type { LocatedTarget } from './located.ts';
import { fileProblem, readSmallFile } from './smallFile.ts';

/** A target file is a screenful. */
const largestBytes = 1024 * 1024;

const documented = 'docs/targets.md describes the format';

/**
 * Reads a target file. Its credentials are not read yet.
 *
 * @throws Error with one sentence for a person, which names the file, the field and what to do, and
 *   quotes no value, because a value may be a secret.
 */
export async function readTargetFile(path: string): Promise<LocatedTarget> {
  const file = resolve(path);
  const unreadable = (reason: string, wayOut: string): Error => new Error(`Cannot read the target ${file}: ${reason}. ${wayOut}.`);
  let text: string;
  try {
    text = await readSmallFile(file, largestBytes);
  } catch (error) {
    throw unreadable(fileProblem(error), 'Give the path of a target file');
  }
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    const { line, column } = jsonErrorPosition(text);
    throw unreadable(`invalid JSON at line ${line}, column ${column}`, 'Correct it there');
  }
  const parsed = targetSchema.safeParse(json, { reportInput: true });
  const problem = parsed.success ? problemOf(parsed.data) : issueWords(parsed.error.issues[0]);
  if (!parsed.success || problem !== undefined) throw unreadable(problem ?? 'it has another form', `Correct it; ${documented}`);
  return { id: file, target: parsed.data, folder: dirname(file), origin: 'target file' };
}

/** What the schema cannot say. */
function problemOf(target: Target): string | undefined {
  for (const [service, text] of Object.entries(target.services ?? {})) {
    const url = new URL(text);
    if (url.username !== '' || url.password !== '') return `services.${service} has a user or password in it; tokens have a field of their own`;
    if (url.search !== '' || url.hash !== '') return `services.${service} has more than a base URL in it`;
  }
  return undefined;
}

type Issue = z.core.$ZodIssue;

const kinds = targetSchema.options.map(({ shape }) => shape.kind.value);

/** The first thing wrong, by field. Never quotes what was found. */
function issueWords(issue: Issue | undefined): string {
  if (!issue) return 'it has another form';
  const field = issue.path.length === 0 ? 'the file' : issue.path.join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return `${field} has the unknown ${issue.keys.length === 1 ? 'field' : 'fields'} ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    case 'invalid_value':
      return `${field} must be ${issue.values.map((value) => `"${String(value)}"`).join(' or ')}`;
    case 'invalid_format':
      return `${field} is not ${issue.format === 'url' ? 'an http:// or https:// URL' : `a ${issue.format}`}`;
    case 'invalid_union':
      if ('discriminator' in issue) return `${field} must be ${kinds.map((kind) => `"${kind}"`).join(' or ')}`;
      return `${field} must be a text, {"value": …}, {"env": "NAME"} or {"file": "path"}`;
    case 'invalid_type':
      return issue.input === undefined ? `${field} is missing` : `${field} must be ${issue.expected === 'object' ? 'an object' : `a ${issue.expected}`}`;
    case 'too_small':
      return `${field} is empty`;
    case 'too_big':
      return `${field} is longer than ${String(issue.maximum)} characters`;
    default:
      return `${field} has another form`;
  }
}
