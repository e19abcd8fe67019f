import { window } from 'vscode';
import type { QuickPickItem } from 'vscode';
import type { LocatedTarget } from '../targets/located.ts';
import type { Engine } from './engineSlot.ts';
import { DisposableStore } from './lifecycle.ts';
import { problemText } from './problem.ts';

/** `zone` is undefined where the target's own zone, if it names one, is to be used. */
export interface PickedZone {
  readonly zone: string | undefined;
}

interface Item extends QuickPickItem {
  readonly choice?: PickedZone;
}

/** Asks for the zone that per-zone checks look at. The list is read while it is open; an id can be typed. */
export async function pickZone(engine: Engine, target: LocatedTarget, current: string | undefined): Promise<PickedZone | undefined> {
  const store = new DisposableStore();
  const reading = new AbortController();
  const picker = store.add(window.createQuickPick<Item>());
  picker.title = 'Pick a zone';
  picker.placeholder = 'Name or id of a zone';
  picker.matchOnDescription = true;
  const done = Promise.withResolvers<PickedZone | undefined>();
  let read: readonly Item[] = [];
  const draw = (): void => {
    const typed = picker.value.trim();
    picker.items = [
      { label: '$(server-environment) Zone of the target', description: target.target.zone ?? 'none', choice: { zone: undefined } },
      ...read,
      ...(typed === '' ? [] : [{ label: `$(edit) Use ${typed}`, alwaysShow: true, choice: { zone: typed } }]),
    ];
  };
  store.add(picker.onDidChangeValue(draw));
  store.add(picker.onDidHide(() => done.resolve(undefined)));
  store.add(picker.onDidAccept(() => done.resolve(picker.selectedItems[0]?.choice)));
  draw();
  picker.busy = true;
  picker.show();
  void listed(engine, target, current, reading.signal).then((items) => {
    if (reading.signal.aborted) return;
    read = items;
    picker.busy = false;
    draw();
  });
  try {
    return await done.promise;
  } finally {
    reading.abort();
    store.dispose();
  }
}

/** Why there is no list is an entry of its own, because an id can still be typed. */
async function listed(engine: Engine, target: LocatedTarget, current: string | undefined, signal: AbortSignal): Promise<readonly Item[]> {
  try {
    const { listZones } = await engine.load();
    const zones = await listZones(target, engine.redactor, signal);
    return zones.map(({ id, name }) => ({
      label: `$(globe) ${name}`,
      description: id === current ? `${id}, picked` : id,
      choice: { zone: id },
    }));
  } catch (error) {
    return [{ label: '$(question) Cannot list zones', description: engine.redactor.text(problemText(error)), alwaysShow: true }];
  }
}
