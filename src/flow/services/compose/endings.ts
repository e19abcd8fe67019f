/** How a container ended and what its last lines tell of it. Pure. */
import type { ContainerFacts } from '../../../model/compose.ts';

/** Characters of a line that are shown. */
const shownCharacters = 160;

/** Lines below the one that tells something: indented ones, those of a stack of Go, the last one of Node. */
const below = /^\s|^goroutine \d|^\S+\(.*\)$|^exit status|^Node\.js v|^[}^]/;

/** Plain text that names a reason: Go's panic, Node's thrown error, the migrator, Redis' entry point, Postgres. */
const plainReason = /^panic: |^\w*Error: |^migrate: |^error: |\bFATAL: |^OCI runtime/;

interface Line {
  readonly text: string;
  readonly isReason: boolean;
}

/** A line in JSON is its message and its error; it may have been cut in the middle (contract, deploy 3.2). */
function read(line: string): Line {
  const field = (name: string): string | undefined => new RegExp(`"${name}":"((?:[^"\\\\]|\\\\.)*)"`).exec(line)?.[1]?.replaceAll('\\"', '"');
  if (!line.startsWith('{')) return { text: line.trim(), isReason: plainReason.test(line) };
  const text = [field('msg'), field('message') ?? field('err') ?? field('error')].filter((part) => part !== undefined).join(': ');
  return { text: text === '' ? line : text, isReason: /^(error|fatal)$/.test(field('level') ?? '') };
}

function own(lines: readonly string[]): readonly Line[] {
  return lines.filter((line) => line.trim() !== '' && !below.test(line)).map(read);
}

function shown(line: Line | undefined): string | undefined {
  return line && (line.text.length > shownCharacters ? `${line.text.slice(0, shownCharacters)}…` : line.text);
}

/** The last line that names a reason. An older run of the container may have written it. */
export function reasonIn(lines: readonly string[] | null): string | undefined {
  return shown(own(lines ?? []).findLast(({ isReason }) => isReason));
}

/** The last line that is not of a stack. */
export function lastIn(lines: readonly string[] | null): string | undefined {
  return shown(own(lines ?? []).at(-1));
}

/** `exited 1`, `out of memory, exited 137`. */
export function ending({ exitCode, oomKilled }: ContainerFacts): string {
  return oomKilled ? `out of memory, exited ${exitCode}` : `exited ${exitCode}`;
}

/** Steps of the engine that stand before what went wrong in one of them. */
const engineSteps =
  /^(failed to create (shim task|task for container)|OCI runtime create failed|runc create failed|unable to start container process|error during container init|driver failed programming external connectivity on endpoint [^:]*|failed to set up container networking): /;

/** What the engine says of a start that failed, without the steps that led to it. */
export function startError({ error }: ContainerFacts): string {
  let text = error.replace(/: unknown$/, '');
  while (engineSteps.test(text)) text = text.replace(engineSteps, '');
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
