import type * as Engine from '../flow/engine.ts';
import type { Found } from '../targets/find.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { BadUsage } from './args.ts';
import type { TargetsCommand } from './args.ts';
import type { Host } from './host.ts';
import { oneLine } from './words.ts';

export type TargetParts = Pick<typeof Engine, 'asTheyCome' | 'findLocalRuntime' | 'lookEverywhere' | 'readTargetFile'>;

/**
 * Lists the deployments that are found by themselves, and what the places without one say.
 *
 * @returns the exit code: 0 when something was found, else 5.
 */
export async function targets({ json }: TargetsCommand, engine: TargetParts, host: Host): Promise<number> {
  const found = await everything(engine, host);
  const rows = found.flatMap((one) => (one.kind === 'target' ? [{ id: one.located.id, name: one.located.target.name, kind: one.located.target.kind, origin: one.located.origin }] : []));
  if (json) {
    const nothing = found.flatMap((one) => (one.kind === 'nothing' ? [{ place: one.place, why: one.why }] : []));
    await host.out(`${JSON.stringify({ targets: rows, nothing }, undefined, 2)}\n`);
  } else {
    for (const { id, kind, origin } of rows) await host.out(`${oneLine(`${id}  ${kind}, ${origin}`)}\n`);
    for (const one of found) if (one.kind === 'nothing') host.progress(`${one.place}: ${one.why}.`);
  }
  return rows.length > 0 ? 0 : 5;
}

/**
 * The deployment of `--target`; undefined for the only one that is found.
 *
 * @throws BadUsage when there is no such deployment, or more than one.
 */
export async function targetOf(name: string | undefined, engine: TargetParts, host: Host): Promise<LocatedTarget> {
  if (name === 'local') {
    const { found, looked } = await engine.findLocalRuntime(host.environment);
    if (!found) throw new BadUsage(`Cannot find a Caracal on this machine: looked at ${looked.join(', ')}. Give --target FILE`);
    return found;
  }
  const isId = name !== undefined && /^(?:compose|kubernetes):/.test(name);
  if (name !== undefined && !isId) return asBadUsage(engine.readTargetFile(name));
  const everywhere = await everything(engine, host);
  const found = everywhere.flatMap((one) => (one.kind === 'target' ? [one.located] : []));
  const named = found.filter(({ id }) => name === undefined || id === name);
  const [only] = named;
  if (only && named.length === 1) return only;
  const ids = found.map(({ id }) => id).join(', ');
  if (name !== undefined) throw new BadUsage(`There is no target ${name}. ${ids === '' ? nothingText(everywhere) : `Found: ${ids}`}`);
  if (named.length > 1) throw new BadUsage(`Several deployments were found: ${ids}. Give one of them as --target`);
  throw new BadUsage(`Cannot find a Caracal: ${nothingText(everywhere)}. Give --target FILE`);
}

async function everything(engine: TargetParts, { environment, signal }: Host): Promise<readonly Found[]> {
  const found: Found[] = [];
  for await (const one of engine.asTheyCome(engine.lookEverywhere(environment, signal), signal)) found.push(one);
  return found;
}

function nothingText(found: readonly Found[]): string {
  return found.flatMap((one) => (one.kind === 'nothing' ? [`${one.place} (${one.why}${one.detail === undefined ? '' : `; ${one.detail}`})`] : [])).join(', ');
}

/** Reading fails for reasons that the user can change, each with its own sentence. */
export async function asBadUsage<Value>(reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    throw new BadUsage(error instanceof Error ? error.message : String(error));
  }
}
