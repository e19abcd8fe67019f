import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { Position, Uri, WorkspaceEdit, commands, window, workspace } from 'vscode';
import { configuredVerifiers } from '../../src/trace/verifier/configured.ts';
import type { VerifierSettings } from '../../src/trace/verifier/setting.ts';
import { VerifierSources, fileOfPlace } from '../../src/ui/trace/verifierSettings.ts';
import { extension } from './extension.ts';
import { openedPage } from './page.ts';

const source = (issuer: string): string => `import { createMandateVerifier } from '@caracalai/verify';\ncreateMandateVerifier({ issuer: '${issuer}' });\n`;
const own: Readonly<Record<string, string>> = {
  'billing/src/server.ts': source('https://sts.example'),
  'billing/src/other.ts': 'export {};\n',
  'reports/server.py': 'from caracalai_asgi import CaracalASGIAuth\napp = CaracalASGIAuth(app, audience="reports-api", revocations=store)\n',
  'payouts/main.go': 'package main\n\nimport verify "github.com/garudex-labs/caracal/packages/verify/go"\n\nfunc main() {\n\tverify.NewVerifier(verify.Options{Issuer: "https://sts.example"})\n}\n',
};
const others: Readonly<Record<string, string>> = {
  'billing/node_modules/x/index.js': source('https://module.example'),
  'billing/dist/server.js': source('https://built.example'),
  'reports/.venv/lib/server.py': 'CaracalASGIAuth(app, audience="venv")\n',
  'billing/src/notes.md': source('https://notes.example'),
  'billing/src/huge.ts': `${source('https://huge.example')}${' '.repeat(512 * 1024)}`,
};
const shown = ({ entry, place, settings: { named } }: VerifierSettings): string => `${entry} ${place === undefined ? '' : `${place.file}:${place.line}`} ${named.issuer?.kind === 'literal' ? String(named.issuer.value) : (named.issuer?.kind ?? 'none')}`;

describe('The settings of verifiers', () => {
  const page = openedPage();
  const memory = new Map<string, unknown>();
  let root: Uri;
  let sources: VerifierSources;

  before(async () => {
    const [folder] = workspace.workspaceFolders ?? [];
    ok(folder !== undefined);
    root = folder.uri;
    for (const [path, text] of Object.entries({ ...own, ...others })) await workspace.fs.writeFile(Uri.joinPath(root, path), new TextEncoder().encode(text));
    sources = new VerifierSources({
      memory: { get: (key) => memory.get(key), update: (key, value) => Promise.resolve(void memory.set(key, value)) },
      folder: Uri.joinPath(extension().extensionUri, 'dist'),
      load: () => Promise.resolve({ configuredVerifiers }),
    });
  });

  after(async () => {
    for (const folder of ['billing', 'reports', 'payouts']) await workspace.fs.delete(Uri.joinPath(root, folder), { recursive: true });
    await workspace.getConfiguration('caracal').update('verifiers', undefined, true);
  });

  const read = () => sources.read(new AbortController().signal);

  it('are found in the source that people of the workspace wrote', async () => {
    const { verifiers, looked } = await read();
    deepStrictEqual(verifiers.map(shown), ['createMandateVerifier billing/src/server.ts:2 https://sts.example', 'NewVerifier payouts/main.go:6 https://sts.example', 'CaracalASGIAuth reports/server.py:2 computed']);
    deepStrictEqual(looked, { files: Object.keys(own).length, isWhole: true, problems: [] });
    for (const { place } of verifiers) ok((await workspace.fs.stat(fileOfPlace(place?.file ?? '') ?? root)).size > 0);
  });

  it('are those that the user sees in an editor', async () => {
    const document = await workspace.openTextDocument(Uri.joinPath(root, 'reports/server.py'));
    await window.showTextDocument(document);
    const edit = new WorkspaceEdit();
    edit.insert(document.uri, new Position(0, 0), '# not saved\n');
    await workspace.applyEdit(edit);
    ok(document.isDirty);
    strictEqual((await read()).verifiers.map(shown)[2], 'CaracalASGIAuth reports/server.py:3 computed');
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('are not read any more when that is stopped', async () => {
    const reason = new Error('stopped');
    const stop = new AbortController();
    const reading = sources.read(stop.signal);
    stop.abort(reason);
    strictEqual(await reading.catch((error: unknown) => error), reason);
  });

  it('come from the configuration', async () => {
    await workspace.getConfiguration('caracal').update('verifiers', [{ name: 'billing', language: 'go', issuer: 'https://configured.example', audience: '', zone: '', revocations: 'redis' }, {}], true);
    const { verifiers, looked } = await read();
    strictEqual(verifiers.map(shown)[0], 'billing (caracal.verifiers)  https://configured.example');
    strictEqual(looked.problems.length, 1);
    await workspace.getConfiguration('caracal').update('verifiers', undefined, true);
  });

  it('are asked for, and kept', async () => {
    const typing = sources.type();
    const answer = async (what: string, text: string): Promise<void> => {
      await page.waitFor({ role: 'textbox', name: `Type settings of a verifier: ${what}` });
      await page.type(text);
      await page.press('Enter');
    };
    await page.waitFor({ role: 'option', name: 'Python' });
    await page.type('Python');
    await page.press('Enter');
    await answer('Issuer', 'https://typed.example');
    await answer('Audience', 'billing-api');
    await answer('Zone', 'z1');
    await answer('Required scopes', 'invoice:read invoice:list');
    await answer('Required targets', '');
    await page.waitFor({ role: 'checkbox', name: '/Delegation/' });
    await page.press('Enter');
    await page.waitFor({ role: 'option', name: 'Redis' });
    await page.press('Enter');
    strictEqual(await typing, true);
    const [typed] = (await read()).verifiers;
    ok(typed !== undefined);
    const { issuer, audience, zone, scopes, targets, session, revocations } = typed.settings.named;
    deepStrictEqual([typed.language, typed.entry, ...[issuer, audience, zone, scopes, targets, session, revocations].map((one) => (one?.kind === 'literal' ? one.value : one))], ['python', 'typed in', 'https://typed.example', 'billing-api', 'z1', ['invoice:read', 'invoice:list'], [], false, 'Redis']);
  });

  it('are not changed by somebody who gives up', async () => {
    const before = [...memory];
    const typing = sources.type();
    await page.waitFor({ role: 'option', name: 'Python' });
    await page.press('Escape');
    strictEqual(await typing, false);
    deepStrictEqual([...memory], before);
  });
});
