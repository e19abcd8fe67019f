import { deepStrictEqual, doesNotMatch, ok, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Selection, commands, window, workspace } from 'vscode';
import { pickLab, pictures, rowOf, rowsWhen } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target, TreeRow } from './protocol.ts';

/** A whole flow ends within 25 s; the rest is for the workbench to draw it. */
const flowMs = 30_000;

const titles = [
  'API answers 401 or 403', 'STS exchange fails', 'Gateway fails before the upstream', 'Session or delegation views fail',
  'Audit event is missing', 'A service is not ready', 'It is slow', 'Something is wrong',
];
const box: Target = { role: 'textbox', name: '/Pick what you see, or paste an error, a status line or a log line/' };
const redisTab: Target = { role: 'tab', name: '/^Cause: Redis is stopped/' };
const replay = '401 invalid_token: token replay detected';

/** Opens the picker on the row of the symptom, as a person without a mouse does. */
async function openPicker(page: WorkbenchPage): Promise<void> {
  await commands.executeCommand('caracal.flow.focus');
  await page.press('Home');
  await page.press('Enter');
  await page.waitFor({ role: 'option', name: titles[0] ?? '' });
}

/** Closes the picker as a person does who picks nothing. */
async function closePicker(page: WorkbenchPage): Promise<void> {
  await page.press('Escape');
  await page.waitFor(box, 'hidden');
}

/** What the box and its list say, or another part of the window, once they say so. */
async function shownWhen(page: WorkbenchPage, wanted: RegExp, part = '.quick-input-widget'): Promise<string> {
  for (const end = Date.now() + 5_000; ; await sleep(20)) {
    const shown = await page.snapshot(part);
    if (wanted.test(shown)) return shown;
    ok(Date.now() < end, `It does not say ${String(wanted)}:\n${shown}`);
  }
}

/** The choices that the picker shows, by their titles. */
async function choices(page: WorkbenchPage): Promise<readonly string[]> {
  return (await page.names({ role: 'option' })).map((name) => titles.find((title) => name.startsWith(title)) ?? name.split(',')[0] ?? '');
}

/** Picks the symptom that a word finds, once it stands first. */
async function pickByWord(page: WorkbenchPage, word: string, title: string): Promise<void> {
  await page.type(word);
  for (const end = Date.now() + 5_000; ; await sleep(20)) {
    const [first] = await choices(page);
    if (first === title) break;
    ok(Date.now() < end, `First stands ${first ?? 'nothing'}`);
  }
  await page.press('Enter');
}

/** Goes through the boxes that a symptom needs, and leaves each as it is. */
async function leaveEmpty(page: WorkbenchPage, ...boxes: readonly string[]): Promise<void> {
  for (const [place, title] of boxes.entries()) {
    const input: Target = { role: 'textbox', name: `/${title} · Step ${place + 2} of ${boxes.length + 1}/` };
    await page.waitFor(input);
    await page.press('Enter');
    await page.waitFor(input, 'hidden');
  }
}

/** Waits until the view says that the triage is over. */
async function untilOver(page: WorkbenchPage, title: string): Promise<readonly TreeRow[]> {
  return rowsWhen(page, (rows) => rowOf(rows, 'Symptom').label === `Symptom, ${title}`, flowMs);
}

/** Titles of all open tabs, group by group. */
function tabs(): readonly string[] {
  return window.tabGroups.all.flatMap((group) => group.tabs.map(({ label }) => label));
}

describe('Triage of a symptom on a failing lab', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'failing');
  });

  after(() => end());

  it('offers what a person sees, by title and by typical words, and Escape picks nothing', async () => {
    await openPicker(page);
    deepStrictEqual(await choices(page), titles);
    await pictures(page, 'symptoms');
    await page.type('admin_token_read_only');
    await page.waitFor({ role: 'option', name: '/Use this text: admin_token_read_only/' });
    deepStrictEqual(await choices(page), ['Use this text: admin_token_read_only', 'API answers 401 or 403']);
    await closePicker(page);
    strictEqual(rowOf(await page.rows('Flow'), 'Symptom').label, 'Symptom, none picked');
  });

  it('asks only what is missing, with a way back', async () => {
    await openPicker(page);
    await pickByWord(page, 'audit event', 'Audit event is missing');
    await page.waitFor({ role: 'textbox', name: '/Request id · Step 2 of 3/' });
    await shownWhen(page, /Leave empty to look at the last hour/);
    await page.screenshot('triage-request');
    await page.press('Enter');
    await page.waitFor({ role: 'textbox', name: '/Time · Step 3 of 3/' });
    await page.type('half past two');
    await shownWhen(page, /This is no time/);
    await page.click({ role: 'button', name: 'Back' });
    await page.waitFor({ role: 'textbox', name: '/Request id · Step 2 of 3/' });
    await page.click({ role: 'button', name: 'Back' });
    await page.waitFor({ role: 'option', name: titles[0] ?? '' });
    await closePicker(page);
    strictEqual(rowOf(await page.rows('Flow'), 'Symptom').label, 'Symptom, none picked');
  });

  it('opens the cause as soon as nothing can come before it, while slower checks go on', async () => {
    await openPicker(page);
    await pickByWord(page, 'audit event', 'Audit event is missing');
    await leaveEmpty(page, 'Request id', 'Time');
    await page.waitFor(redisTab);
    // Without Redis two services take long to say that they are not ready. Nobody waits for them.
    await rowsWhen(page, (rows) => /^Symptom, Audit event is missing, running, [1-9]/.test(rowOf(rows, 'Symptom').label));
    await page.screenshot('triage-running');
    // The focus is in the view, so that its key stops what goes on.
    await page.press('Escape');
    await untilOver(page, 'Audit event is missing');
    strictEqual(tabs().filter((label) => label.startsWith('Cause: ')).length, 1);
    await pictures(page, 'triage');
  });

  it('says where a pasted text can come from, and begins with what is known to be so', async () => {
    await openPicker(page);
    // An input of one line joins the lines of what is pasted.
    await page.fill(box, `HTTP/1.1 401 Unauthorized X-Request-Id: 0198f6a1-7000-7abc-8def-000000f90ae7 Content-Type: application/json {"error":"invalid_token","error_description":"token replay detected"}`);
    await page.waitFor({ role: 'option', name: '/Use this text: 401 invalid_token, token replay detected/' });
    await shownWhen(page, /a Gateway answer, request …f90ae7/);
    await pictures(page, 'triage-pasted');
    await page.press('Enter');
    await page.waitFor({ role: 'option', name: '/The Gateway saw this mandate before/' });
    // Redis was seen to be stopped.
    deepStrictEqual(await choices(page), ['The Gateway could not ask Redis and failed closed', 'The Gateway saw this mandate before', 'Pick a symptom']);
    // What was clicked before would show its name above the list.
    await page.hover({ role: 'option', name: '/Pick a symptom/' });
    await pictures(page, 'triage-places');
    await page.press('Enter');
    await page.waitFor({ role: 'textbox', name: '/Time · Step 3 of 3/' });
    await page.press('Enter');
    await rowsWhen(page, (rows) => rowOf(rows, 'Symptom').label.startsWith('Symptom, Gateway fails before the upstream, running'));
    await page.press('Escape');
    await untilOver(page, 'Gateway fails before the upstream');
  });

  it('keeps no token in the box', async () => {
    const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${segment({ alg: 'ES256', kid: 'k' })}.${segment({ use: 'gateway', jti: 'j' })}.${Buffer.alloc(64, 1).toString('base64url')}`;
    await openPicker(page);
    await page.fill(box, `${replay} Authorization: Bearer ${token}`);
    await page.waitFor({ role: 'option', name: '/Use this text: 401 invalid_token, token replay detected/' });
    doesNotMatch(await shownWhen(page, /Bearer ‹/), new RegExp(token.slice(0, 16)));
    await page.screenshot('triage-masked');
    await page.fill(box, token);
    await page.waitFor({ role: 'option', name: '/Use this text: a mandate for the Gateway/' });
    doesNotMatch(await page.snapshot('.quick-input-widget'), new RegExp(token.slice(0, 16)));
    await closePicker(page);
  });

  it('offers the selection, and says of a text that is not of Caracal that it may come from the upstream', async () => {
    const document = await workspace.openTextDocument({ content: 'boom\n503 outbox_dead_messages\n' });
    const editor = await window.showTextDocument(document);
    editor.selection = new Selection(1, 0, 2, 0);
    void commands.executeCommand('caracal.triageSymptom');
    await page.waitFor({ role: 'option', name: '/Use the selection: 503 outbox_dead_messages/' });
    await page.fill(box, 'the billing service says: out of paper');
    await page.waitFor({ role: 'option', name: "/This text is not one of Caracal's/" });
    await page.press('Enter');
    await page.waitFor({ role: 'option', name: 'Trace anyway' });
    deepStrictEqual(await choices(page), ['Trace anyway', 'Pick a symptom']);
    await shownWhen(page, /This text is not one of Caracal's\. It may come from the upstream\./);
    await page.screenshot('triage-foreign');
    await page.press('ArrowDown');
    await page.press('Enter');
    await page.waitFor({ role: 'option', name: titles[0] ?? '' });
    await closePicker(page);
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('runs again by F5 on its row, and forgets the symptom by None', async () => {
    await commands.executeCommand('caracal.flow.focus');
    await page.press('Home');
    await rowsWhen(page, (rows) => rowOf(rows, 'Symptom').selected);
    await page.press('F5');
    await rowsWhen(page, (rows) => rowOf(rows, 'Symptom').label.includes('running'));
    await page.press('Escape');
    await untilOver(page, 'Gateway fails before the upstream');
    await openPicker(page);
    await pickByWord(page, 'None', 'None');
    await rowsWhen(page, (rows) => rowOf(rows, 'Symptom').label === 'Symptom, none picked');
  });
});

describe('Triage of a symptom on a healthy lab', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'healthy');
  });

  after(() => end());

  it('says that nothing of it is red, and opens nothing', async () => {
    await openPicker(page);
    await pickByWord(page, 'slow', 'It is slow');
    await untilOver(page, 'It is slow');
    await sleep(500);
    const shown = await page.snapshot();
    ok(/Nothing of this symptom is red: \d+ pass\./.test(shown), shown);
    deepStrictEqual(tabs(), []);
    await page.screenshot('triage-healthy');
  });

  it('opens the call beside where the deployment is well and the call tells why it was refused', async () => {
    await openPicker(page);
    await pickByWord(page, 'STS exchange', 'STS exchange fails');
    // The traffic of the lab is denied every other second.
    await leaveEmpty(page, 'Request id', 'Time');
    await page.waitFor({ role: 'tab', name: '/ · …[0-9a-f]{6}/' });
    await shownWhen(page, /(?:Policy denied|Caracal refused) this call/, '.sidebar');
    await pictures(page, 'triage-call');
  });
});
