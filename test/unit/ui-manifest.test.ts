import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { commandIds, flowViewId, internalCommandIds, requestsViewId } from '../../src/ui/commandIds.ts';
import { isTooOld, oldestEditor } from '../../src/ui/editorVersion.ts';

interface Manifest {
  readonly engines: { readonly vscode: string };
  readonly activationEvents: readonly string[];
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category: string; readonly title: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when?: string }[]>>;
    readonly keybindings: readonly { readonly command: string; readonly when?: string }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsWelcome: readonly { readonly contents: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly scope: string }>> };
  };
}

const readText = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const manifest = JSON.parse(readText('package.json')) as Manifest;
const texts = JSON.parse(readText('package.nls.json')) as Record<string, string>;
const { contributes } = manifest;

describe('The manifest', () => {
  const contributed = contributes.commands.map(({ command }) => command);
  const known: readonly string[] = [...Object.values(commandIds), ...Object.values(internalCommandIds)];

  it('contributes exactly the commands that are registered', () => {
    deepStrictEqual(contributed.toSorted(), Object.values(commandIds).toSorted());
  });

  it('puts only known commands into menus, keys and welcome texts', () => {
    const used = [
      ...Object.values(contributes.menus).flat().map(({ command }) => command),
      ...contributes.keybindings.map(({ command }) => command),
      ...Object.values(texts).flatMap((text) => [...text.matchAll(/command:(caracal\.[\w.]+)/g)].map(([, id]) => id ?? '')),
    ];
    deepStrictEqual(used.filter((id) => !known.includes(id)), []);
  });

  it('has every command of a row or view under a condition', () => {
    for (const menu of Object.values(contributes.menus)) for (const { command, when } of menu) ok(when, command);
    for (const { command, when } of contributes.keybindings) ok(when?.includes(`focusedView == ${flowViewId}`) === true || when === 'editorLangId == caracal-log', command);
  });

  it('says "Caracal" before each command', () => {
    deepStrictEqual(contributes.commands.filter(({ category }) => category !== 'Caracal'), []);
  });

  it('takes every text from the table, and the table has no other', () => {
    const used = [...readText('package.json').matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key);
    deepStrictEqual([...new Set(used)].toSorted(), Object.keys(texts).toSorted());
  });

  it('activates by its views, its commands, links to it, and logs and requests that were open', () => {
    deepStrictEqual(manifest.activationEvents, ['onFileSystem:caracal-log', 'onWebviewPanel:caracal.request', 'onUri']);
    deepStrictEqual(Object.values(contributes.views).flat().map(({ id }) => id), [flowViewId, requestsViewId]);
  });

  it('does not let a workspace name files, nor an untrusted one set anything', () => {
    const { properties } = contributes.configuration;
    deepStrictEqual(Object.keys(properties), manifest.capabilities.untrustedWorkspaces.restrictedConfigurations);
    // What a resource server is set to is compared and never contacted, so it may stand beside its source.
    deepStrictEqual(Object.entries(properties).filter(([, { scope }]) => scope !== 'machine').map(([name]) => name), ['caracal.verifiers']);
  });

  it('asks for the VS Code that the entry asks for', () => {
    strictEqual(manifest.engines.vscode, `^${oldestEditor}`);
    deepStrictEqual(['1.104.3', '1.99.0', '1.105.0', '1.139.1', '2.0.0'].map(isTooOld), [true, true, false, false, false]);
  });
});
