import { deepStrictEqual, ok } from 'node:assert/strict';
import { pickLab } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import { sample } from './symptomWalks.ts';
import { walk } from './walk.ts';

describe('From each symptom of the guide to the cause', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'failing');
  });

  after(() => end());

  for (const one of sample) {
    it(`${one.symptom} when the fault is ${one.fault}`, async () => {
      const { named, isRight, tookMs } = await walk(page, one, 'named');
      ok(isRight && tookMs !== null && tookMs < 10_000, `${named.join(', ')} after ${tookMs ?? '?'} ms`);
      deepStrictEqual(named.length, 1);
    });
  }
});
