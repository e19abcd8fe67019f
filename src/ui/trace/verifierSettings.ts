import { CancellationTokenSource, Uri, window, workspace } from 'vscode';
import type { QuickPickItem } from 'vscode';
import { languageNames, verifierLanguages } from '../../caracal/verifiers.ts';
import type { VerifierLanguage } from '../../caracal/verifiers.ts';
import type { ReadVerifiers } from '../../trace/service.ts';
import type { ConfiguredVerifier } from '../../trace/verifier/configured.ts';
import type { VerifierSettings } from '../../trace/verifier/setting.ts';
import { SourceReader } from '../../trace/verifier/sourceReader.ts';
import type { Memory } from '../memory.ts';

/** JavaScript is read as TypeScript. */
const include = '**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs,py,go}';
/** What nobody of the project wrote, and what was built. */
const exclude = '**/{node_modules,bower_components,vendor,site-packages,dist,out,build,target,coverage,.venv,venv,env,.tox,__pycache__,.git,.next,.cache,.yarn}/**';
const mostFiles = 5_000;
/** As much is parsed at most; a larger file was not written by hand. */
const mostBytes = 512 * 1024;
/** Files that are read from disk at a time. */
const atOnce = 16;

const configurationName = 'caracal.verifiers';
const typedKey = 'caracal.typedVerifier';
const typedName = 'typed in';

export interface VerifierSourcesOptions {
  /** Of the workspace. */
  readonly memory: Memory;
  /** Folder of the built extension, with the program of the thread and the parsers. */
  readonly folder: Uri;
  readonly load: () => Promise<Pick<typeof import('../../trace/service.ts'), 'configuredVerifiers'>>;
}

/** Where the settings of verifiers come from: the source of the workspace, which is only read, the configuration, and what was typed in. */
export class VerifierSources {
  readonly #options: VerifierSourcesOptions;

  constructor(options: VerifierSourcesOptions) {
    this.#options = options;
  }

  /**
   * Looks at all three.
   *
   * @throws the signal's reason when it is aborted
   */
  async read(signal: AbortSignal): Promise<ReadVerifiers> {
    const { configuredVerifiers } = await this.#options.load();
    const typed = this.#options.memory.get(typedKey);
    const written = [
      ...(typed === undefined ? [] : [configuredVerifiers([typed], typedName)]),
      configuredVerifiers(workspace.getConfiguration('caracal').get<unknown>('verifiers', []), configurationName),
    ];
    const source = await this.#readSource(signal);
    return {
      verifiers: [...written.flatMap(({ verifiers }) => verifiers), ...source.verifiers],
      looked: { files: source.files, isWhole: source.isWhole, problems: [...written.flatMap(({ problems }) => problems), ...source.problems] },
    };
  }

  /**
   * Asks for the settings of a verifier, and keeps them for this workspace.
   *
   * @returns whether the user gave them
   */
  async type(): Promise<boolean> {
    const { memory, load } = this.#options;
    const before = memory.get(typedKey);
    const known = before !== undefined && (await load()).configuredVerifiers([before], typedName).problems.length === 0 ? (before as ConfiguredVerifier) : undefined;
    const typed = await askForVerifier(known);
    if (typed !== undefined) await memory.update(typedKey, typed);
    return typed !== undefined;
  }

  async #readSource(signal: AbortSignal): Promise<{ readonly verifiers: VerifierSettings[]; readonly problems: string[]; readonly files: number; readonly isWhole: boolean }> {
    const { folder } = this.#options;
    const found = await findFiles(signal);
    const files = found.slice(0, mostFiles);
    let filesRead = 0;
    const reader = new SourceReader({ program: Uri.joinPath(folder, 'verifiers.cjs').fsPath, folder: folder.fsPath });
    const verifiers: VerifierSettings[] = [];
    const problems: string[] = [];
    try {
      for (let from = 0; from < files.length; from += atOnce) {
        const texts = await Promise.all(files.slice(from, from + atOnce).map(async (uri) => ({ path: workspace.asRelativePath(uri), text: await textOf(uri) })));
        for (const { path, text } of texts) {
          if (text === undefined) continue;
          filesRead += 1;
          const read = await reader.read({ path, text }, signal);
          verifiers.push(...read.verifiers);
          if (read.problem !== undefined) problems.push(read.problem);
        }
      }
    } finally {
      reader.close();
    }
    return { verifiers, problems, files: filesRead, isWhole: found.length === files.length };
  }
}

/** One more than is looked at, where there are more. */
async function findFiles(signal: AbortSignal): Promise<readonly Uri[]> {
  const stop = new CancellationTokenSource();
  const onAbort = (): void => stop.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const found = await workspace.findFiles(include, exclude, mostFiles + 1, stop.token);
    signal.throwIfAborted();
    return found.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.dispose();
  }
}

/** What the user sees of a file; undefined where it is too large or gone. */
async function textOf(uri: Uri): Promise<string | undefined> {
  const open = workspace.textDocuments.find((document) => document.isDirty && document.uri.toString() === uri.toString());
  if (open !== undefined) return open.getText();
  try {
    if ((await workspace.fs.stat(uri)).size > mostBytes) return undefined;
    return new TextDecoder().decode(await workspace.fs.readFile(uri));
  } catch {
    // Deleted meanwhile, or not for us to read.
    return undefined;
  }
}

/**
 * The file of a place in a section about verifiers, which names it as VS Code shows it.
 *
 * @returns undefined where the workspace has no such folder any more
 */
export function fileOfPlace(path: string): Uri | undefined {
  const folders = workspace.workspaceFolders ?? [];
  const [only] = folders;
  if (only !== undefined && folders.length === 1) return Uri.joinPath(only.uri, path);
  const folder = folders.find(({ name }) => path.startsWith(`${name}/`));
  return folder === undefined ? undefined : Uri.joinPath(folder.uri, path.slice(folder.name.length + 1));
}

interface Choice<Value> extends QuickPickItem {
  readonly value: Value;
}

const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '');

/** Whoever closes one of the questions gives up. What is left empty is not set. */
async function askForVerifier(known: ConfiguredVerifier | undefined): Promise<ConfiguredVerifier | undefined> {
  const language = await pickOne<VerifierLanguage>('Language of the verifier', 'Each checks in another order', verifierLanguages.map((value) => ({ label: languageNames[value], value })), known?.language);
  if (language === undefined) return undefined;
  const issuer = await ask('Issuer', 'As the server is given it, such as https://sts.example', known?.issuer);
  if (issuer === undefined) return undefined;
  const audience = await ask('Audience', 'Identifier of the resource', known?.audience);
  if (audience === undefined) return undefined;
  const zone = await ask('Zone', 'Id of the zone', known?.zone);
  if (zone === undefined) return undefined;
  const scopes = await ask('Required scopes', 'Separated by spaces; empty where none is required', known?.scopes?.join(' '));
  if (scopes === undefined) return undefined;
  const targets = await ask('Required targets', 'Identifiers, separated by spaces; empty where none is required', known?.targets?.join(' '));
  if (targets === undefined) return undefined;
  const needs = await pickSome('Required besides', [
    { label: 'Session', value: 'session', picked: known?.session === true },
    { label: 'Delegation', value: 'delegation', picked: known?.delegation === true },
  ]);
  if (needs === undefined) return undefined;
  const revocations = await pickOne<ConfiguredVerifier['revocations']>('Revocation store', 'Where the server keeps revocations', [
    { label: 'Redis', value: 'redis' }, { label: 'Memory of the server', value: 'memory' }, { label: 'None', description: 'every mandate is refused then', value: 'none' },
  ], known?.revocations);
  if (revocations === undefined) return undefined;
  return { language, issuer, audience, zone, scopes: [...words(scopes)], targets: [...words(targets)], session: needs.includes('session'), delegation: needs.includes('delegation'), revocations };
}

const title = (what: string): string => `Type settings of a verifier: ${what}`;

async function ask(what: string, prompt: string, value = ''): Promise<string | undefined> {
  return (await window.showInputBox({ title: title(what), prompt, value, ignoreFocusOut: true }))?.trim();
}

async function pickOne<Value>(what: string, placeHolder: string, choices: readonly Choice<Value>[], current: Value | undefined): Promise<Value | undefined> {
  const first = choices.filter(({ value }) => value === current);
  const others = choices.filter(({ value }) => value !== current);
  return (await window.showQuickPick([...first, ...others], { title: title(what), placeHolder, ignoreFocusOut: true }))?.value;
}

async function pickSome(what: string, choices: readonly Choice<string>[]): Promise<readonly string[] | undefined> {
  return (await window.showQuickPick(choices, { title: title(what), placeHolder: 'Enter goes on, also with none of them', canPickMany: true, ignoreFocusOut: true }))?.map(({ value }) => value);
}
