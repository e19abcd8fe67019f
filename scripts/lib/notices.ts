/** The licences of everything that the package holds and others wrote. */
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { root } from './paths.ts';

/** The runtime and the grammars of the parsers, whose builds come without their licence. */
const ofParsers = 'scripts/licences/tree-sitter.txt';
const folderOfPackage = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

/** @param files paths of all that was bundled, from the root of the repository */
export async function noticesOf(files: readonly string[]): Promise<string> {
  const folders = new Set(files.flatMap((file) => folderOfPackage.exec(file)?.[0] ?? []));
  const notices = await Promise.all([...folders].map((folder) => noticeOf(resolve(root, folder))));
  const parsers = `tree-sitter and its grammars for Go, Python and TypeScript\n\n${(await readFile(join(root, ofParsers), 'utf8')).trim()}`;
  const all = [...new Set([...notices, parsers])].toSorted();
  return `Caracal Debugger contains software of others, under these licences.\n\n${all.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** @throws Error when a package does not say its licence */
async function noticeOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { readonly name: string; readonly version: string; readonly license?: string };
  const file = (await readdir(folder)).find((each) => /^(?:licen[cs]e|copying)(?:\.\w+)?$/i.test(each));
  if (file === undefined && license === undefined) throw new Error(`${name} does not say its licence`);
  const text = file === undefined ? `Licence: ${String(license)}` : await readFile(join(folder, file), 'utf8');
  return `${name} ${version}\n\n${text.replaceAll('\r\n', '\n').trim()}`;
}
