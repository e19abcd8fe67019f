import { QuickPickItemKind, ThemeIcon, window } from 'vscode';
import type { QuickInputButton, QuickPick, QuickPickItem } from 'vscode';
import type { LocatedTarget } from '../targets/located.ts';
import type { Found, KnownTargets } from './knownTargets.ts';
import { DisposableStore } from './lifecycle.ts';

interface Item extends QuickPickItem {
  readonly located?: LocatedTarget;
  readonly action?: 'add' | 'look-again';
}

export type Picked = { readonly kind: 'target'; readonly located: LocatedTarget } | { readonly kind: 'add' };

const forget: QuickInputButton = { iconPath: new ThemeIcon('trash'), tooltip: 'Forget' };

/** Asks for a target. Looking goes on while the list is open; entries are added at the end of their group. */
export async function pickTarget(known: KnownTargets, current: string | undefined): Promise<Picked | undefined> {
  const store = new DisposableStore();
  const picker = store.add(window.createQuickPick<Item>());
  picker.title = 'Pick a target';
  picker.placeholder = 'Name or address of a Caracal deployment';
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.keepScrollPosition = true;
  const list = new TargetList(picker, known, current);
  const done = Promise.withResolvers<Picked | undefined>();
  store.add(picker.onDidHide(() => done.resolve(undefined)));
  store.add(picker.onDidTriggerItemButton(({ item }) => void list.forget(item.located)));
  store.add(
    picker.onDidAccept(() => {
      const [item] = picker.selectedItems;
      if (item?.action === 'look-again') void list.look();
      else if (item?.action === 'add') done.resolve({ kind: 'add' });
      else if (item?.located) done.resolve({ kind: 'target', located: item.located });
    }),
  );
  picker.show();
  void list.look();
  try {
    return await done.promise;
  } finally {
    list.close();
    store.dispose();
  }
}

class TargetList {
  readonly #picker: QuickPick<Item>;
  readonly #known: KnownTargets;
  readonly #current: string | undefined;
  #found: readonly Found[] = [];
  /** Counts looks: a slower earlier one must not add to the list of a later one. */
  #look = 0;

  constructor(picker: QuickPick<Item>, known: KnownTargets, current: string | undefined) {
    this.#picker = picker;
    this.#known = known;
    this.#current = current;
  }

  async look(): Promise<void> {
    this.#look += 1;
    const look = this.#look;
    this.#found = [];
    this.#picker.busy = true;
    this.#draw();
    for await (const found of this.#known.find()) {
      if (look !== this.#look) return;
      this.#found = [...this.#found, found];
      this.#draw();
    }
    this.#picker.busy = false;
  }

  async forget(located: LocatedTarget | undefined): Promise<void> {
    if (!located) return;
    await this.#known.forget(located.id);
    this.#draw();
  }

  close(): void {
    this.#look = -1;
  }

  #draw(): void {
    const recent = this.#known.recent();
    const targets = this.#found.flatMap((found) => (found.kind === 'target' ? [found.located] : []));
    const items = [
      ...group('Recent', recent.flatMap((id) => targets.filter((located) => located.id === id)).map((located) => this.#item(located, [forget]))),
      ...group('Found here', [
        ...targets.filter(({ id }) => !recent.includes(id)).map((located) => this.#item(located, [])),
        ...this.#found.flatMap((found) =>
          found.kind === 'nothing' ? [{ label: `$(question) ${found.place}: ${found.why}`, detail: found.detail ?? '' }] : [],
        ),
      ]),
      ...group('Add', [
        { label: '$(add) Add Target…', action: 'add' as const },
        { label: '$(refresh) Look Again', action: 'look-again' as const },
      ]),
    ];
    // New items make VS Code choose the first one; what the user is at must stay.
    const at = this.#picker.activeItems[0]?.label;
    this.#picker.items = items;
    const active = items.find((item) => item.label === at && item.kind !== QuickPickItemKind.Separator);
    if (active) this.#picker.activeItems = [active];
  }

  #item(located: LocatedTarget, buttons: readonly QuickInputButton[]): Item {
    const current = located.id === this.#current ? ', picked' : '';
    return {
      label: `$(server-environment) ${located.target.name}`,
      description: `${located.target.kind}, ${located.origin}${current}`,
      detail: located.id === 'local' ? located.folder : located.id,
      buttons,
      located,
    };
  }
}

function group(label: string, items: readonly Item[]): readonly Item[] {
  return items.length === 0 ? [] : [{ label, kind: QuickPickItemKind.Separator }, ...items];
}
