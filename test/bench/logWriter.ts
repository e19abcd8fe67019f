/** Writes lines into files at a steady pace: logWriter.ts FOLDER SECONDS LINES_A_SECOND. Each line of a source has its number. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { logLine, sources } from './logLines.ts';

const [folder = '', seconds = '', pace = ''] = process.argv.slice(2);
const begun = performance.now();
for (let written = 0; written < Number(seconds) * Number(pace);) {
  const due = Math.min(Math.floor((performance.now() - begun) / 1_000 * Number(pace)), Number(seconds) * Number(pace));
  const now = Date.now();
  for (const source of sources) {
    const lines = Array.from({ length: due - written }, (_, index) => `${logLine(written + index, source, now)}\n`);
    if (lines.length > 0) appendFileSync(join(folder, `${source}.log`), lines.join(''));
  }
  written = due;
  await wait(20);
}
