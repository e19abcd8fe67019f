import { styleText } from 'node:util';
import type { Verdict } from '../model/check.ts';
import type { Report } from '../model/report.ts';
import type { Status } from '../model/status.ts';
import { stepTitles, steps } from '../model/step.ts';
import { statusWords } from '../model/status.ts';
import { answer, oneLine } from './words.ts';

type Colour = Parameters<typeof styleText>[0];

const colours: Readonly<Record<Status, Colour>> = {
  pass: 'green',
  warn: 'yellow',
  fail: 'red',
  blocked: 'gray',
  unknown: 'gray',
  'not-applicable': 'gray',
  cancelled: 'gray',
  crashed: 'magenta',
};

const stateWidth = Math.max(...Object.values(statusWords).map((word) => word.length));
/** A longer name moves its own value alone. */
const widestPath = 56;

/** A report for reading: the answer first, then where it comes from, then each check with its value, by step. */
export function table(report: Report, { colour }: { readonly colour: boolean }): string {
  const { target, zone, verdicts, startedAt, judgedAgainAt } = report;
  const lines = [answer(report), oneLine([target.name, target.address, ...(zone === null ? [] : [`zone ${zone}`])].join(' · '))];
  if (judgedAgainAt !== undefined) lines.push(`Record of ${startedAt}, judged again. Nothing here is live.`);
  const width = Math.min(widestPath, Math.max(0, ...verdicts.map((verdict) => path(verdict).length)));
  for (const step of steps) {
    const of = verdicts.filter((verdict) => verdict.step === step);
    if (of.length > 0) lines.push('', stepTitles[step], ...of.map((verdict) => row(verdict, width, colour)));
  }
  return `${lines.join('\n')}\n`;
}

function path({ component, title }: Verdict): string {
  return oneLine(`${component} › ${title}`);
}

function row(verdict: Verdict, width: number, colour: boolean): string {
  const word = statusWords[verdict.status].padEnd(stateWidth);
  // The caller knows whether a terminal reads this; the function would ask the wrong stream.
  const state = colour ? styleText(colours[verdict.status], word, { validateStream: false }) : word;
  return `  ${state}  ${path(verdict).padEnd(width)}  ${oneLine(verdict.summary)}`.trimEnd();
}
