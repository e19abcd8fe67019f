import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, Selection, TextEditorRevealType, Uri, window, workspace } from 'vscode';
import type { CodeLens, Command, DocumentLink, DocumentSymbol, FoldingRange, Hover, Location, MarkdownString, TextEditor } from 'vscode';
import { pick, pictures, rowsWhen, useTargetFiles } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';

const start = Date.UTC(2026, 7, 20, 14, 1, 58);
const filterInput: Target = { role: 'textbox', name: '/Filter the log/' };
const timeInput: Target = { role: 'textbox', name: '/Go to a time/' };
const request = '5b0c7a11-2f0e-4a53-9d55-6a1f6df90ae7';

/** Waits until it holds, or says what stands in the editor. */
async function when(what: string, holds: () => boolean, withinMs = 20_000): Promise<void> {
  for (const end = Date.now() + withinMs; !holds(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`Not so within ${withinMs} ms: ${what}. There is:\n${shownText().slice(-2_000)}`);
  }
}

const isLog = ({ document }: TextEditor): boolean => document.uri.scheme === 'caracal-log';

/** The editor that shows a log. */
function editor(): TextEditor {
  const found = window.visibleTextEditors.find(isLog);
  ok(found, 'no log is shown');
  return found;
}

/** What it shows; nothing while there is none. */
const shownText = (): string => window.visibleTextEditors.find(isLog)?.document.getText() ?? '';
const lines = (): readonly string[] => shownText().split('\n');
const atCaret = (): string => lines()[window.visibleTextEditors.find(isLog)?.selection.active.line ?? 0] ?? '';
const lineWith = (text: string): number => lines().findIndex((line) => line.includes(text));

function isEndSeen(): boolean {
  const { document, visibleRanges } = editor();
  return (visibleRanges.at(-1)?.end.line ?? 0) >= document.lineCount - 1;
}

/** Puts the caret where the text is, as a click does that changes nothing else. */
function caretAt(text: string): void {
  const line = lineWith(text);
  ok(line > 0, `${text} is not there:\n${lines().slice(-20).join('\n')}`);
  const shown = editor();
  shown.selection = new Selection(line, 0, line, 0);
  shown.revealRange(shown.selection, TextEditorRevealType.InCenter);
}

describe('A log in the editor', () => {
  let page: WorkbenchPage;
  let folder: string;
  let count = 0;

  const file = (source: string): string => join(folder, `${source}.log`);
  const logged = (source: string, more: object, at = start + 60_000 + count): string => `${JSON.stringify({ level: 'info', service: source, time: at, ...more })}\n`;

  /** Adds numbered lines to the log of the STS. */
  async function log(lineCount: number): Promise<void> {
    const from = count;
    count += lineCount;
    await appendFile(file('sts'), Array.from({ length: lineCount }, (_, index) => logged('sts', { msg: 'exchange', n: from + index }, start + 60_000 + from + index)).join(''));
  }

  const isLastThere = (): boolean => lines().at(-1)?.endsWith(` n=${count - 1}`) === true;

  /** Waits for words in a part of the window. */
  async function snapshotWhen(selector: string, wanted: RegExp): Promise<void> {
    for (const end = Date.now() + 10_000; ; await sleep(50)) {
      const shown = await page.snapshot(selector);
      if (wanted.test(shown)) return;
      ok(Date.now() < end, `There is no ${String(wanted)} in:\n${shown}`);
    }
  }

  async function lensesOf(): Promise<readonly Command[]> {
    const lenses = await commands.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', editor().document.uri, 50);
    return lenses.flatMap(({ command }) => (command === undefined ? [] : [command]));
  }

  async function lensWhen(title: string | RegExp): Promise<void> {
    for (const end = Date.now() + 5_000; ; await sleep(50)) {
      const titles = (await lensesOf()).map((lens) => lens.title);
      if (titles.some((one) => (typeof title === 'string' ? one === title : title.test(one)))) return;
      ok(Date.now() < end, `There is no lens ${String(title)} among:\n${titles.join('\n')}`);
    }
  }

  /** Folds what begins with a text, until another one is not in sight: VS Code asks for folds some time after it has the text. */
  async function fold(beginning: string, folded: string): Promise<void> {
    const isInSight = (): boolean => editor().visibleRanges.some(({ start: from, end }) => from.line <= lineWith(folded) && lineWith(folded) <= end.line);
    caretAt(beginning);
    for (const end = Date.now() + 5_000; isInSight(); await sleep(100)) {
      ok(Date.now() < end, `${folded} cannot be folded`);
      await commands.executeCommand('editor.fold');
    }
  }

  async function hoverAt(line: number): Promise<string> {
    const { document } = editor();
    const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', document.uri, document.lineAt(line).range.start);
    return hovers.flatMap(({ contents }) => contents.map((content) => (content as MarkdownString).value)).join('\n');
  }

  async function filter(text: string): Promise<void> {
    void commands.executeCommand('caracal.filterLog');
    await page.fill(filterInput, text);
    await page.press('Enter');
    await page.waitFor(filterInput, 'hidden');
  }

  before(async () => {
    page = openedPage();
    folder = await mkdtemp(join(tmpdir(), 'caracal-workbench-logs-'));
    await writeFile(file('gateway'), [
      logged('gateway', { msg: 'listening', port: 8081 }, start),
      logged('gateway', { level: 'warn', msg: 'denied: jti replay', request_id: request, status: 401 }, start + 2_000),
      logged('gateway', { level: 'error', msg: 'jti tracker setnx failed', request_id: request, error: 'dial tcp 10.0.0.7:6379: connect: connection refused' }, start + 2_100),
    ].join(''));
    await writeFile(file('redis'), '1:M 20 Aug 2026 14:02:00.500 * Ready to accept connections tcp\n');
    await writeFile(file('api'), [
      logged('api', { msg: 'request', reqId: request, method: 'POST' }, start + 2_050),
      'TypeError: cannot read a stream\n    at consume (file:///app/streams.js:41:13)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)\n',
    ].join(''));
    await writeFile(file('sts'), Array.from({ length: 6 }, (_, index) => logged('sts', { level: 'warn', msg: 'claim pending', attempt: index }, start + 3_000 + index)).join(''));
    await writeFile(join(folder, 'target.json'), JSON.stringify({ kind: 'endpoints', name: 'logged', services: { api: 'http://127.0.0.1:9' }, redis: 'redis://127.0.0.1:9', logs: Object.fromEntries(['sts', 'gateway', 'api', 'redis'].map((source) => [source, `${source}.log`])) }));
    await commands.executeCommand('workbench.action.closeAllEditors');
    await commands.executeCommand('workbench.action.closePanel');
    await useTargetFiles([join(folder, 'target.json')]);
    await commands.executeCommand('caracal.flow.focus');
    await pick(page, 'logged');
    await page.waitFor({ role: 'button', name: 'Caracal: target logged, not run' });
  });

  after(async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    await rm(folder, { recursive: true });
  });

  it('opens from the palette, all services merged by time', async () => {
    void commands.executeCommand('caracal.openLog');
    await page.waitFor({ role: 'option', name: '/^All services/' });
    await page.screenshot('log-picker');
    await page.press('Enter');
    await page.waitFor({ role: 'tab', name: '/logged: all services/' });
    await when('all of it is there', () => lines().length === 15);
    strictEqual(editor().document.languageId, 'caracal-log');
    match(lines()[0] ?? '', /^# logged, from 20 Aug 2026, 14:01:58 UTC\./);
    deepStrictEqual(lines().slice(1, 6).map((line) => line.slice(0, 50).trimEnd()), [
      '14:01:58.000  gateway     info   listening  port=8', '14:02:00.000  gateway     warn   denied: jti repla', '14:02:00.050  api         info   request  reqId=5b',
      '14:02:00.050  api         error  TypeError: cannot', '    at consume (file:///app/streams.js:41:13)',
    ].map((line) => line.slice(0, 50)));
    await pictures(page, 'log');
  });

  it('cannot be edited', async () => {
    const before = editor().document.getText();
    await page.type('x');
    strictEqual(editor().document.getText(), before);
    await page.press('Escape');
  });

  it('has what belongs together in folds, requests in the outline, and all that is known in hovers', async () => {
    const { uri } = editor().document;
    const folds = await commands.executeCommand<FoldingRange[]>('vscode.executeFoldingRangeProvider', uri);
    deepStrictEqual(folds.map(({ start: from, end: to }) => lines()[from]?.slice(14, 40).trimEnd().concat(` +${to - from}`)), ['api         error  TypeErr +2', 'sts         warn   claim p +5']);
    const symbols = await commands.executeCommand<DocumentSymbol[]>('vscode.executeDocumentSymbolProvider', uri);
    deepStrictEqual(symbols.map(({ name, detail }) => `${name}, ${detail}`), ['request 5b0c…0ae7, 3 lines']);
    const at = editor().document.lineAt(lineWith('setnx failed'));
    const said = await hoverAt(at.range.start.line);
    for (const part of ['| request\\_id |', '10\\.0\\.0\\.7', 'Only this request']) ok(said.includes(part), said);
    const links = await commands.executeCommand<DocumentLink[]>('vscode.executeLinkProvider', uri);
    // VS Code links the place in the stack by itself.
    strictEqual(links.filter(({ target }) => target?.scheme === 'command').length, 3);
    const references = await commands.executeCommand<Location[]>('vscode.executeReferenceProvider', uri, at.range.start);
    strictEqual(references.length, 3);
    const lenses = await commands.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', uri, 50);
    const titles = lenses.map(({ command }) => command?.title ?? '');
    for (const part of ['All levels', 'All sources', 'Following', 'Raw lines', 'Save redacted']) ok(titles.includes(part), titles.join('\n'));
    ok(titles.some((title) => title.startsWith('once: ')), titles.join('\n'));
  });

  it('shows a new line at once, and leaves the caret where it is', async () => {
    caretAt('listening');
    // A caret that somebody puts there would end the following; this one was put there by nobody.
    for (let times = 0; times < 20; times += 1) {
      await log(1);
      await when('the line is there and in sight', () => isLastThere() && isEndSeen());
    }
    match(atCaret(), /listening/);
    await page.waitFor({ role: 'button', name: 'Caracal log: Following' });
  });

  it('stands still when somebody scrolls up, counts what comes, and goes on at the end', async () => {
    await log(300);
    await when('the end is in sight', () => isLastThere() && isEndSeen());
    await commands.executeCommand('workbench.action.focusActiveEditorGroup');
    await commands.executeCommand('editorScroll', { to: 'up', by: 'page', value: 2 });
    await page.waitFor({ role: 'button', name: '/Caracal log: Paused/' });
    const [text, ranges] = [editor().document.getText(), JSON.stringify(editor().visibleRanges)];
    await log(50);
    await page.waitFor({ role: 'button', name: 'Caracal log: Paused, 50 new' });
    strictEqual(editor().document.getText(), text);
    strictEqual(JSON.stringify(editor().visibleRanges), ranges);
    await page.press('Control+End');
    await when('the end is in sight', () => isLastThere() && isEndSeen());
    await page.waitFor({ role: 'button', name: 'Caracal log: Following' });
  });

  it('goes on with a flood, of which the end stays in sight', async () => {
    for (let times = 0; times < 20; times += 1) await log(2_000);
    await when('the end is in sight', () => isLastThere() && isEndSeen());
    ok(lines().length <= 5_002, String(lines().length));
  });

  it('loads what is older where somebody scrolls to, and leaves the place as it is', async () => {
    const first = (): number => Number(/ n=(\d+)/.exec(lines()[2] ?? '')?.[1]);
    const before = first();
    await commands.executeCommand('editorScroll', { to: 'up', by: 'line', value: lines().length });
    await when('older lines are there', () => first() < before);
    await page.waitFor({ role: 'button', name: '/Caracal log: Paused/' });
    await when('the place is as it was', () => {
      const top = editor().visibleRanges[0]?.start.line ?? 0;
      return Math.abs(Number(/ n=(\d+)/.exec(lines()[top] ?? '')?.[1]) - before) < 5;
    });
  });

  it('filters, and says at once what is wrong with a filter', async () => {
    void commands.executeCommand('caracal.filterLog');
    await page.fill(filterInput, 'level:loud');
    await snapshotWhen('.quick-input-widget', /There is no level loud/);
    await page.press('Enter');
    match(await page.snapshot('.quick-input-widget'), /There is no level loud/, 'it stays open');
    await page.fill(filterInput, 'source:gateway,redis');
    await page.press('Enter');
    await page.waitFor(filterInput, 'hidden');
    await when('only they are there', () => lines().length === 5);
    match(lines().at(-1) ?? '', /redis .* Ready to accept connections/);
    await filter('jti around:1');
    await when('what fits is there, with what is around it', () => lines().length >= 5 && lineWith('listening') > 0 && lineWith('claim pending') === -1);
    await pictures(page, 'log-filter');
  });

  it('shows one request, by the line that the caret is on', async () => {
    await filter('level:warn source:gateway');
    await when('the two lines are there', () => lines().length === 3);
    caretAt('jti replay');
    await commands.executeCommand('caracal.showLogRequest');
    await when('only that request is there', () => lines().length === 4 && lineWith('method=POST') > 0);
    await when('the caret is on its line', () => atCaret().includes('jti replay'));
    await filter('');
    await when('all is there again', () => lines().length > 1_000 && atCaret().includes('jti replay'));
  });

  it('goes to a time, and from error to error', async () => {
    void commands.executeCommand('caracal.goToLogTime');
    await page.fill(timeInput, '14:01:58');
    await page.press('Enter');
    await page.waitFor(timeInput, 'hidden');
    await when('the caret is there', () => atCaret().includes('listening'));
    await page.press('F8');
    await when('the caret is on the first error', () => atCaret().includes('TypeError'));
    await page.press('F8');
    await when('the caret is on the next error', () => atCaret().includes('setnx failed'));
    await page.press('Shift+F8');
    await when('the caret is on the error before', () => atCaret().includes('TypeError'));
  });

  it('shows lines as they were logged, and keeps filter and place', async () => {
    await filter('source:gateway,api');
    await when('they are there', () => lines().length === 8);
    caretAt('jti replay');
    await commands.executeCommand('caracal.toggleRawLog');
    await when('they are raw', () => lines()[1]?.startsWith('{"level":"info","service":"gateway"') === true);
    await when('the caret is on its line', () => atCaret().includes('jti replay'));
    await commands.executeCommand('caracal.toggleRawLog');
    await when('they are as before', () => lines()[1]?.startsWith('14:01:58.000') === true);
  });

  it('remembers its filter', async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    void commands.executeCommand('caracal.openLog');
    await page.waitFor({ role: 'option', name: '/^All services/' });
    await page.press('Enter');
    await page.waitFor({ role: 'tab', name: '/logged: all services/' });
    await when('only they are there', () => lines().length === 8);
    await filter('');
  });

  it('hides what tells of probes until it is wanted', async () => {
    await filter('-exchange');
    await when('it is filtered', () => lineWith('exchange') === -1);
    const { uri } = editor().document;
    const before = lines().length;
    const probe = 'f3b1c2d4-0000-4000-8000-00000000beef';
    await appendFile(file('api'), [
      logged('api', { msg: 'incoming request', reqId: probe, req: { method: 'GET', url: '/ready', ip: '127.0.0.1' } }),
      logged('api', { msg: 'ready_redis_unreachable', level: 'warn', reqId: probe }),
      logged('api', { msg: 'request completed', reqId: probe, res: { statusCode: 503 }, responseTime: 12.5 }),
    ].join(''));
    await when('what went wrong is there', () => lineWith('ready_redis_unreachable') > 0);
    strictEqual(lines().length, before + 1);
    await lensWhen('Probe lines hidden');
    await commands.executeCommand('caracal.internal.logProbes', uri.toString());
    await when('they are there', () => lines().length === before + 3);
    await lensWhen('Probe lines shown');
    await commands.executeCommand('caracal.internal.logProbes', uri.toString());
    await when('they are hidden', () => lines().length === before + 1);
  });

  it('folds a stack and what is alike, and says how much', async () => {
    await commands.executeCommand('workbench.action.focusActiveEditorGroup');
    await fold('TypeError: cannot', 'at consume');
    await fold('claim pending', 'attempt=5');
    await pictures(page, 'log-folded');
    await commands.executeCommand('editor.unfoldAll');
    await filter('level:warn -exchange around:1');
    await pictures(page, 'log-filtered');
    await filter('');
    await commands.executeCommand('caracal.followLog');
  });

  it('shows hostile lines harmlessly, and none as more than it is', async () => {
    const hostile = [
      logged('api', { msg: 'colour \u001b[31mred\u001b[0m, title \u001b]0;owned\u0007, link \u001b]8;;http://evil.example\u0007here' }, start + 100_000_000),
      logged('api', { msg: 'abc\u202e\u2066cba\u200b bidirectional' }, start + 100_000_001),
      Buffer.concat([Buffer.from('binary '), Buffer.from([0, 1, 2, 0xff, 0xfe, 0xc3, 0x28]), Buffer.from(' and invalid UTF-8\n')]),
      '{"level":"error","time":1,"msg":"not closed\n',
      '──── gateway: restarted after exit code 0, the log goes on ────\n',
      logged('api', { msg: `${'x'.repeat(10_000_000)} ends` }, start + 100_000_002),
      logged('api', { msg: '[click](command:workbench.action.quit) <script>alert(1)</script>' }, start + 100_000_003),
      logged('api', { msg: 'half of \ud83d a character' }, start + 100_000_004),
      logged('api', { msg: 'the last one' }, start + 100_000_005),
    ];
    for (const line of hostile) await appendFile(file('api'), line);
    await filter('source:api');
    await when('the last one is there', () => lineWith('the last one') > 0);
    const text = editor().document.getText();
    // eslint-disable-next-line no-control-regex -- they are what must not be there
    doesNotMatch(text, /[\0-\x08\x0b-\x1f\x7f\u200b\u202e\u2066]/);
    match(text, /colour red, title , link here/);
    match(text, /abc‹U\+202E›‹U\+2066›cba‹U\+200B› bidirectional/);
    match(text, /binary ␀␁␂.* and invalid UTF-8/);
    match(text, /"msg":"not closed/);
    match(text, /half of ‹U\+D83D› a character/);
    match(text, /characters more/);
    ok(Math.max(...lines().map((line) => line.length)) < 20_000);
    const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', editor().document.uri, editor().document.lineAt(lineWith('[click]')).range.start);
    const said = hovers.flatMap(({ contents }) => contents.map((content) => (content as MarkdownString).value)).join('\n');
    doesNotMatch(said, /\[click\]|<script>/);
    await pictures(page, 'log-hostile');
    await commands.executeCommand('caracal.toggleRawLog');
    await when('they are raw', () => lineWith(' ──── gateway: restarted') > 0);
    await commands.executeCommand('caracal.toggleRawLog');
    await when('they are as before', () => lineWith('{"level"') === -1 || lineWith('14:02:00.050') > 0);
  });

  it('is saved as it was logged, with secrets masked', async () => {
    await appendFile(file('gateway'), logged('gateway', { msg: 'config', redis: 'redis://:hunter2hunter2@redis:6379' }, start + 200_000_000));
    await filter('source:gateway');
    await when('it is there', () => lineWith('config') > 0);
    const [workspaceFolder] = workspace.workspaceFolders ?? [];
    ok(workspaceFolder);
    const path = join(workspaceFolder.uri.fsPath, 'logged.log');
    void commands.executeCommand('caracal.saveLog');
    await snapshotWhen('.quick-input-widget', /logged\.log/);
    await page.press('Enter');
    let saved = '';
    for (const end = Date.now() + 10_000; saved === '' && Date.now() < end; await sleep(50)) saved = await readFile(path, 'utf8').catch(() => '');
    match(saved, /^\{"level":"info","service":"gateway"/);
    doesNotMatch(saved, /hunter2/);
  });

  it('is used by the keyboard alone', async () => {
    /** Runs a command by its title, without the mouse. */
    const run = async (title: string): Promise<void> => {
      await page.press('F1');
      await page.fill({ role: 'textbox', name: 'Type the name of a command to run' }, `>Caracal: ${title}`);
      await page.waitFor({ role: 'option', name: `Caracal: ${title}` });
      const place = (await page.names({ role: 'option' })).findIndex((name) => name.startsWith(`Caracal: ${title}`));
      for (let down = 0; down < place; down += 1) await page.press('ArrowDown');
      await page.press('Enter');
    };
    await commands.executeCommand('workbench.action.closeAllEditors');
    await run('Open Log…');
    await page.waitFor({ role: 'option', name: '/^All services/' });
    await page.press('ArrowDown');
    await page.press('ArrowDown');
    await page.press('Enter');
    await page.waitFor({ role: 'tab', name: '/logged: gateway/' });
    await when('it is there', () => lines().length === 5);
    await page.waitFor({ role: 'button', name: 'Caracal log: Following' });
    await page.press('Control+Home');
    await page.waitFor({ role: 'button', name: 'Caracal log: Paused' });
    await page.press('F8');
    await when('the caret is on the error', () => atCaret().includes('setnx failed'));
    await run('Filter Log…');
    await page.waitFor(filterInput);
    await page.type('status');
    await page.press('Enter');
    await when('only what fits is there', () => lines().length === 2 && atCaret().includes('jti replay'));
    await run('Show Raw or Formatted Lines');
    await when('it is raw', () => atCaret().startsWith('{"level":"warn"'));
    await run('Show Raw or Formatted Lines');
    await run('Show Only This Request');
    await when('the request is there', () => lines().length === 3);
    await run('Filter Log…');
    await page.waitFor(filterInput);
    await page.press('Delete');
    await page.press('Enter');
    await page.waitFor(filterInput, 'hidden');
    await when('all is there', () => lines().length === 5);
    await page.press('Control+End');
    await page.waitFor({ role: 'button', name: 'Caracal log: Following' });
  });

  it('explains a line, and says which ones mislead', async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    void commands.executeCommand('caracal.openLog');
    await page.waitFor({ role: 'option', name: '/^All services/' });
    await page.press('Enter');
    const refused = 'a1b2c3d4-2f0e-4a53-9d55-6a1f6df90ae7';
    await appendFile(file('gateway'), [
      logged('gateway', { level: 'warn', msg: 'jti tracker setnx failed', request_id: refused, fail_open: false, error: 'dial tcp: lookup redis: no such host' }),
      logged('gateway', { msg: 'denied: jti replay', request_id: refused, status: 401 }),
    ].join(''));
    const shortened = `${refused.slice(0, 4)}…${refused.slice(-4)}`;
    const isRefusal = (line: string): boolean => line.includes(shortened) && line.includes('denied: jti replay');
    await when('the refusal is there', () => lines().some(isRefusal));
    const said = await hoverAt(lines().findIndex(isRefusal));
    for (const part of ['The mandate was used before', 'not a cause: no replay, Redis failed', 'Only this request']) ok(said.replaceAll('\\', '').includes(part), said);
    await lensWhen('Explain');
    const lens = (await lensesOf()).find(({ title }) => title === 'Explain');
    ok(lens);
    await commands.executeCommand(lens.command, ...((lens.arguments ?? []) as readonly unknown[]));
    await snapshotWhen('.monaco-hover:not(.hidden)', /jti tracker setnx failed|cannot read a stream/);
    await pictures(page, 'log-explained');
    await page.press('Escape');
    await page.press('Escape');
  });

  it('reads further back when that is wanted', async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    void commands.executeCommand('caracal.openLog');
    await page.waitFor({ role: 'option', name: '/^api/' });
    await page.type('api');
    await page.press('Enter');
    await page.waitFor({ role: 'tab', name: '/logged: api/' });
    // The line of ten megabytes is more than is read at first.
    await when('the mark is there', () => lines()[1] === '──── older lines were not read ────');
    strictEqual(lineWith('TypeError: cannot'), -1);
    await lensWhen('Read older lines');
    await commands.executeCommand('caracal.readOlderLog');
    await when('older lines are there', () => lineWith('TypeError: cannot') > 0 && lineWith('the last one') > 0);
    strictEqual(lineWith('older lines were not read'), -1);
    await commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('opens a file that is chosen in the Explorer, of any size', async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    const path = join(folder, 'large.log');
    for (let part = 0; part < 10; part += 1) await appendFile(path, Array.from({ length: 10_000 }, (_, index) => logged('sts', { msg: 'exchange', n: part * 10_000 + index }, start + part * 10_000 + index)).join(''));
    await commands.executeCommand('caracal.openLogFile', Uri.file(path));
    await when('its end is there', () => lines().at(-1)?.endsWith(' n=99999') === true);
    strictEqual(lines().length, 2_502);
  });

  it('opens from a row of the tree, at the line that speaks for it', async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    await commands.executeCommand('caracal.flow.focus');
    await page.click({ role: 'treeitem', name: '/^Readiness/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some(({ label }) => label.startsWith('gateway')));
    await page.click({ role: 'treeitem', name: '/^gateway/' }, { button: 'right' });
    await page.waitFor({ role: 'menuitem', name: '/^Open Log/' });
    // For 100 ms a menu takes no click, and nothing in the page tells when it does.
    await sleep(300);
    await page.click({ role: 'menuitem', name: '/^Open Log/' });
    await page.waitFor({ role: 'tab', name: '/logged: gateway/' });
    await when('the caret is on the line', () => atCaret().includes('setnx failed'));
    await pictures(page, 'log-of-gateway');
  });

  it('stands in the Output view, too, and goes on there', async () => {
    await commands.executeCommand('caracal.showLogOutput');
    const text = (): string => workspace.textDocuments.find(({ uri, languageId }) => uri.scheme === 'output' && languageId === 'caracal-log')?.getText() ?? '';
    await when('it is there', () => text().includes('jti tracker setnx failed'));
    await log(3);
    await when('it goes on', () => new RegExp(` n=${count - 1}\\b`).test(text()));
    await commands.executeCommand('workbench.action.closePanel');
  });

  it('names the cause that an error speaks for, where a flow has found one', async () => {
    await appendFile(file('api'), logged('api', { level: 'error', msg: '[ioredis] Unhandled error event: Error: connect ECONNREFUSED 127.0.0.1:9' }, start + 200_000_001));
    await commands.executeCommand('workbench.action.closeAllEditors');
    void commands.executeCommand('caracal.openLog');
    await page.waitFor({ role: 'option', name: '/^All services/' });
    await page.press('Enter');
    await page.waitFor({ role: 'tab', name: '/logged: all services/' });
    await filter('ioredis');
    await when('it is there', () => lineWith('ioredis') > 0);
    doesNotMatch((await lensesOf()).map(({ title }) => title).join('\n'), /Cause/);
    await commands.executeCommand('caracal.runAll');
    const cause = /Cause [①-⑳]: Redis /;
    await lensWhen(cause);
    match(await hoverAt(lineWith('ioredis')), cause);
    // Lenses are drawn some time after they are known.
    await snapshotWhen('.monaco-editor', cause);
    await pictures(page, 'log-cause');
  });
});
