import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, window } from 'vscode';
import { pick, pictures, rowOf, rowsWhen, useTargetFiles } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { TreeRow } from './protocol.ts';

const roots = ['Symptom', 'Readiness', 'Storage', 'Streams', 'Services', 'Audit', 'Fix'];

const secret = 'hunter2-is-no-word';

/** Accepts connections and never says a word, as a frozen service or a swallowing firewall does. */
class Silence {
  readonly #server: Server = createServer((socket) => {
    this.sockets.add(socket);
    // Read and forgotten: unread data would hide that the other side has gone.
    socket.resume();
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
  });
  readonly sockets = new Set<Socket>();

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function targetFile(name: string, port: number): string {
  const url = `http://127.0.0.1:${port}`;
  const services = Object.fromEntries(['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'].map((service) => [service, url]));
  return JSON.stringify({
    kind: 'endpoints', name, services,
    postgres: `postgresql://u:${secret}@127.0.0.1:${port}/caracal`, redis: `redis://:${secret}@127.0.0.1:${port}`,
  });
}

/** Labels of rows without the ages, which go on by themselves. */
function ageless(rows: readonly TreeRow[]): readonly string[] {
  return rows.map(({ label }) => label.replace(/, (now|[^,]* ago)$/, ''));
}

async function waitUntil(condition: () => boolean, otherwise: string): Promise<void> {
  for (const end = Date.now() + 5_000; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error(otherwise);
  }
}

describe('The Flow view on a target that never answers', () => {
  const silence = new Silence();
  /** Once every connection of a run has ended, nothing can arrive of it any more. */
  const nothingOpen = (): Promise<void> => waitUntil(() => silence.sockets.size === 0, `${silence.sockets.size} connections were left open`);
  let folder: string;
  let page: WorkbenchPage;

  before(async () => {
    page = openedPage();
    folder = await mkdtemp(join(tmpdir(), 'caracal-silence-'));
    const port = await silence.open();
    await writeFile(join(folder, 'silent.json'), targetFile('silent', port));
    await writeFile(join(folder, 'other.json'), targetFile('other', port));
  });

  after(async () => {
    await commands.executeCommand('caracal.stop');
    await silence.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('says what to do when there is no deployment', async () => {
    await useTargetFiles([]);
    await commands.executeCommand('caracal.flow.focus');
    await commands.executeCommand('caracal.lookAgain');
    deepStrictEqual(await page.rows('Flow'), [], 'something listens on a port of Caracal on this machine: stop it for this suite');
    await page.waitFor({ role: 'button', name: 'Add Target…' });
    await pictures(page, 'nothing-found');
  });

  it('shows all seven roots at once, whether anything answers or not', async () => {
    await useTargetFiles([join(folder, 'silent.json')]);
    await commands.executeCommand('caracal.flow.focus');
    await pick(page, 'silent');
    const rows = await rowsWhen(page, ({ length }) => length > 0);
    deepStrictEqual(rows.map(({ label }) => label.split(',')[0]), roots);
    strictEqual(rowOf(rows, 'Symptom').label, 'Symptom, none picked');
    strictEqual(rowOf(rows, 'Readiness').label, 'Readiness');
    strictEqual(silence.sockets.size, 0, 'nobody asked for a run');
    await page.waitFor({ role: 'button', name: 'Caracal: target silent, not run' });
  });

  it('opens by the arrow keys and runs by F5', async () => {
    await commands.executeCommand('caracal.flow.focus');
    await page.press('Home');
    await page.press('ArrowDown');
    await page.press('ArrowRight');
    const rows = await rowsWhen(page, (all) => all.length > roots.length);
    strictEqual(rowOf(rows, 'Readiness').expanded, true);
    strictEqual(rowOf(rows, 'api').level, 2);
    await page.press('F5');
    const running = await rowsWhen(page, (all) => rowOf(all, 'Readiness').label.includes('running'));
    ok(rowOf(running, 'api').label.includes('running'));
    ok(!rowOf(running, 'Audit').label.includes('running'), 'only the selected step runs');
  });

  it('stops at once, and nothing of the run arrives later', async () => {
    void commands.executeCommand('caracal.runAll');
    await rowsWhen(page, (all) => rowOf(all, 'Readiness').label.includes('running'));
    await commands.executeCommand('caracal.stop');
    const stopped = await rowsWhen(page, (all) => all.every(({ label }) => !label.includes('running')));
    ok(rowOf(stopped, 'Readiness').label.includes('cancelled'), rowOf(stopped, 'Readiness').label);
    await nothingOpen();
    deepStrictEqual(ageless(await page.rows('Flow')), ageless(stopped));
  });

  it('stops by Shift+F5', async () => {
    void commands.executeCommand('caracal.runAll');
    await rowsWhen(page, (all) => rowOf(all, 'Readiness').label.includes('running'));
    await commands.executeCommand('caracal.flow.focus');
    await page.press('Shift+F5');
    await rowsWhen(page, (all) => all.every(({ label }) => !label.includes('running')));
  });

  it('looks into a symptom until Escape, and then opens nothing', async () => {
    void commands.executeCommand('caracal.triageSymptom');
    await page.waitFor({ role: 'option', name: 'It is slow' });
    await page.type('slow');
    await page.press('Enter');
    const running = await rowsWhen(page, (all) => rowOf(all, 'Symptom').label.startsWith('Symptom, It is slow, running, 0 of '));
    ok(rowOf(running, 'Storage').label.includes('running'));
    await page.press('Escape');
    const stopped = await rowsWhen(page, (all) => all.every(({ label }) => !label.includes('running')));
    strictEqual(rowOf(stopped, 'Symptom').label, 'Symptom, It is slow');
    await nothingOpen();
    deepStrictEqual(window.tabGroups.all.flatMap(({ tabs }) => tabs), []);
  });

  it('shows nothing of a target that was picked away', async () => {
    void commands.executeCommand('caracal.runAll');
    await rowsWhen(page, (all) => rowOf(all, 'Readiness').label.includes('running'));
    await useTargetFiles([join(folder, 'silent.json'), join(folder, 'other.json')]);
    await pick(page, 'other');
    const other = await rowsWhen(page, (all) => all.length === roots.length);
    await nothingOpen();
    deepStrictEqual(await page.rows('Flow'), other);
    await page.waitFor({ role: 'button', name: 'Caracal: target other, not run' });
  });

  it('opens the record of a check by Enter and leaves the focus in the tree', async () => {
    await commands.executeCommand('caracal.flow.focus');
    for (const key of ['Home', 'ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowRight', 'ArrowDown', 'Enter']) {
      await page.press(key);
      await sleep(100);
    }
    await rowsWhen(page, (all) => all.some(({ level }) => level === 3));
    await waitUntil(() => window.activeTextEditor?.document.uri.scheme === 'caracal-observation', 'no record was opened');
    strictEqual(window.activeTextEditor?.document.languageId, 'yaml');
    await page.press('ArrowUp');
    await commands.executeCommand('caracal.stop');
  });

  it('shows what gives the debugger accounts of its own, to be read and copied', async () => {
    const shown = async (command: string, name: string): Promise<readonly string[]> => {
      await commands.executeCommand(command);
      await page.screenshot(name);
      const document = window.activeTextEditor?.document;
      return [document?.uri.scheme ?? '', document?.languageId ?? '', document?.getText() ?? ''];
    };
    const [scheme, language, role] = await shown('caracal.showObserverRole', 'observer-role');
    deepStrictEqual([scheme, language], ['caracal-observer', 'sql']);
    ok(role?.includes('CREATE ROLE caracal_observer'), role);
    const [, plain, user] = await shown('caracal.showObserverUser', 'observer-user');
    strictEqual(plain, 'plaintext');
    ok(user?.includes('\nACL SETUSER caracal_observer reset on ><password> '), user);
    await page.type('x');
    strictEqual(window.activeTextEditor?.document.getText(), user, 'it is for reading');
  });

  it('says nothing of a secret in what it shows', () => {
    for (const { document } of window.visibleTextEditors) ok(!document.getText().includes(secret), document.getText());
  });
});
