import { ok } from 'node:assert/strict';
import { pickCopy } from './extension.ts';
import { openedPage } from './page.ts';
import { walks } from './symptomWalks.ts';
import type { Walked } from './symptomWalks.ts';
import { walk } from './walk.ts';

/** A lab starts while the walk before it goes on; the first one is waited for. */
const withinMs = 240_000;

/** Asks the program that has the labs: `GET /<fault>` for a target file, `POST /` with how a walk went. */
const labs = process.env['CARACAL_WALKS'] ?? '';

async function targetFileOf(fault: string): Promise<string> {
  const response = await fetch(`${labs}/${fault}`);
  const text = await response.text();
  ok(response.ok, text);
  return text;
}

describe('From a symptom to its cause', function () {
  this.timeout(withinMs);
  let picked: { readonly file: string; readonly end: () => Promise<void> } | undefined;

  after(() => picked?.end());

  for (const one of walks) {
    it(`${one.symptom} when the fault is ${one.fault}`, async () => {
      const page = openedPage();
      const file = await targetFileOf(one.fault);
      if (picked?.file !== file) {
        await picked?.end();
        picked = { file, end: await pickCopy(page, file, one.fault) };
      }
      const walked = await walk(page, one, 'over');
      await fetch(labs, { method: 'POST', body: JSON.stringify(walked satisfies Walked) });
      ok(walked.isRight, `named: ${walked.named.join(', ') || 'none'}, not ${one.cause}`);
    });
  }
});
