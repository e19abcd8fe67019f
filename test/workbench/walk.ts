import { ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, window } from 'vscode';
import { symptoms } from '../../src/caracal/symptoms.ts';
import { conditions } from '../../src/diagnosis/conditions.ts';
import { isCause } from '../../src/diagnosis/definition.ts';
import { rowOf } from './extension.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';
import type { Walk, Walked } from './symptomWalks.ts';

const box: Target = { role: 'textbox', name: '/Pick what you see, or paste/' };
const prefix = 'Cause: ';
/** The slowest answer of a service whose store is away. */
const overWithinMs = 40_000;
const drawnWithinMs = 2_000;

/** The causes that stand open, in the order of their tabs. */
function causes(): readonly string[] {
  return window.tabGroups.all.flatMap(({ tabs }) => tabs).flatMap(({ label }) => (label.startsWith(prefix) ? label.slice(prefix.length) : []));
}

/** Triages a symptom on the picked target from the palette, as a user does who knows nothing more. */
export async function walk(page: WorkbenchPage, one: Walk, until: 'named' | 'over'): Promise<Walked> {
  const symptom = symptoms.find(({ id }) => id === one.symptom);
  const cause = conditions.filter(isCause).find(({ id }) => id === one.cause);
  ok(symptom, one.symptom);
  ok(cause, `there is no cause ${one.cause}`);
  await commands.executeCommand('workbench.action.closeAllEditors');
  await page.runCommand('Caracal: Triage Symptom…');
  await page.waitFor(box);
  if (one.pasted === undefined) {
    await page.type(symptom.title);
    await page.waitFor({ role: 'option', name: symptom.title });
  } else {
    await page.fill(box, one.pasted);
    await page.waitFor({ role: 'option', name: '/^Use this text: /' });
  }
  await page.press('Enter');
  if (one.place !== undefined) await page.click({ role: 'option', name: one.place });
  let started = performance.now();
  const boxes = symptom.asks.filter((detail) => detail !== 'zone');
  for (const detail of boxes) {
    const input: Target = { role: 'textbox', name: detail === 'request' ? '/Request id · Step/' : '/Time · Step/' };
    await page.waitFor(input);
    started = performance.now();
    await page.press('Enter');
    await page.waitFor(input, 'hidden');
  }
  let tookMs: number | null = null;
  let overAt: number | undefined;
  // What opens at the end of the run is drawn after it.
  while (performance.now() < (overAt === undefined ? started + overWithinMs : overAt + drawnWithinMs)) {
    if (tookMs === null && causes().length > 0) tookMs = Math.round(performance.now() - started);
    if (rowOf(await page.rows('Flow'), 'Symptom').label === `Symptom, ${symptom.title}`) overAt ??= performance.now();
    if (tookMs !== null && (overAt !== undefined || until === 'named')) break;
    await sleep(50);
  }
  const named = causes();
  return { ...one, named, isRight: named.at(-1) === cause.title, tookMs };
}
