import { QuickPickItemKind, ThemeIcon, window } from 'vscode';
import type { QuickInputButton, QuickPick, QuickPickItem } from 'vscode';
import type { LocatedTarget } from '../targets/located.ts';
import type { Found } from '../targets/find.ts';
import type { KnownTargets } from './knownTargets.ts';
import { kindTitles } from './words.ts';
import { DisposableStore } from './lifecycle.ts';

interface Item extends QuickPickItem {
  readonly located?: LocatedTarget;
  readonly action?: 'add' | 'look-again';
}

export type Picked = { readonly kind: 'target'; readonly located: LocatedTarget } | { readonly kind: 'add' };

/** The list does not move so soon after the user did something: Enter means what stood there. */
const calmMs = 300;

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
  store.add(picker.onDidChangeValue(() => list.touched()));
  store.add(picker.onDidChangeActive(() => list.touched()));
  store.add(picker.onDidTriggerItemButton(({ item }) => void list.forget(item.located)));
  store.add(
    picker.onDidAccept(() => {
      // Entries that are added just now leave nothing selected, or another one: what was typed is meant.
      const chosen = picker.selectedItems[0] ?? picker.activeItems[0];
      const isMeant = (one: Item): boolean => one.kind !== QuickPickItemKind.Separator && fits(one, picker.value);
      const item = chosen && isMeant(chosen) ? chosen : (picker.items.find(isMeant) ?? chosen);
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
  /** Targets of the first group. It does not grow once something is typed: VS Code tells what was chosen by its place in the list. */
  #recent: ReadonlySet<string> = new Set();
  /** Of the look that goes on: one that another takes over from, or whose list was closed, ends. */
  #looking = new AbortController();
  #touchedAt = 0;
  #nextDraw: NodeJS.Timeout | undefined;

  constructor(picker: QuickPick<Item>, known: KnownTargets, current: string | undefined) {
    this.#picker = picker;
    this.#known = known;
    this.#current = current;
  }

  async look(): Promise<void> {
    this.#looking.abort();
    this.#looking = new AbortController();
    const { signal } = this.#looking;
    this.#found = [];
    this.#picker.busy = true;
    this.#draw();
    for await (const found of this.#known.find(signal)) {
      this.#found = [...this.#found, found];
      this.#drawWhenCalm();
    }
    if (!signal.aborted) this.#picker.busy = false;
  }

  async forget(located: LocatedTarget | undefined): Promise<void> {
    if (!located) return;
    await this.#known.forget(located.id);
    this.#draw();
  }

  /** The user typed or moved. */
  touched(): void {
    this.#touchedAt = Date.now();
  }

  close(): void {
    this.#looking.abort();
    clearTimeout(this.#nextDraw);
  }

  #drawWhenCalm(): void {
    clearTimeout(this.#nextDraw);
    const waitMs = this.#touchedAt + calmMs - Date.now();
    if (waitMs <= 0) this.#draw();
    else this.#nextDraw = setTimeout(() => this.#drawWhenCalm(), waitMs);
  }

  #draw(): void {
    const targets = this.#found.flatMap((found) => (found.kind === 'target' ? [found.located] : []));
    const shown = this.#known.recent().filter(({ id, located }) => located !== undefined || targets.some((target) => target.id === id));
    if (this.#picker.value === '') this.#recent = new Set(shown.map(({ id }) => id));
    const recent = this.#known.recent().filter(({ id }) => this.#recent.has(id));
    const items = [
      ...group('Recent', recent.flatMap(({ id, located }) => targets.find((target) => target.id === id) ?? located ?? []).map((located) => this.#item(located, [forget]))),
      ...group('Found here', [
        ...targets.filter(({ id }) => !recent.some((other) => other.id === id)).map((located) => this.#item(located, [])),
        ...this.#found.flatMap((found) =>
          found.kind === 'nothing' ? [{ label: `$(question) ${found.place}: ${found.why}`, detail: found.detail ?? '' }] : [],
        ),
      ]),
      ...group('Add', [
        { label: '$(add) Add Target…', action: 'add' as const },
        { label: '$(refresh) Look Again', action: 'look-again' as const },
      ]),
    ];
    // New items make VS Code choose the first one that matches; what the user went to must stay.
    const [at] = this.#picker.activeItems;
    const [first, moved] = [this.#picker.items, items].map((list) => list.filter(({ kind }) => kind !== QuickPickItemKind.Separator));
    const active = at === undefined || at === first?.[0] ? undefined : moved?.find((item) => isSame(item, at));
    this.#picker.items = items;
    if (active) this.#picker.activeItems = [active];
  }

  #item(located: LocatedTarget, buttons: readonly QuickInputButton[]): Item {
    const current = located.id === this.#current ? ', picked' : '';
    return {
      label: `$(server-environment) ${located.target.name}`,
      description: `${kindTitles[located.target.kind]}, ${located.origin}${current}`,
      ...(located.id === 'local' ? { detail: located.folder } : located.origin === 'target file' ? { detail: located.id } : {}),
      buttons,
      located,
    };
  }
}

function fits({ label, description = '', detail = '' }: Item, typed: string): boolean {
  return [label, description, detail].some((text) => text.toLowerCase().includes(typed.trim().toLowerCase()));
}

function isSame(one: Item, other: Item): boolean {
  return one.located?.id === other.located?.id && one.action === other.action && one.label === other.label;
}

function group(label: string, items: readonly Item[]): readonly Item[] {
  return items.length === 0 ? [] : [{ label, kind: QuickPickItemKind.Separator }, ...items];
}
