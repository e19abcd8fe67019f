import { window } from 'vscode';
import type { LocatedTarget } from '../targets/located.ts';
import type { Engine } from './engineSlot.ts';

/** Asks for the zone that per-zone checks look at. `zone` is undefined for the target's own. */
export async function pickZone(
  engine: Engine,
  target: LocatedTarget,
  current: string | undefined,
): Promise<{ readonly zone: string | undefined } | undefined> {
  void engine; void target; void current; void window;
  return undefined;
}
