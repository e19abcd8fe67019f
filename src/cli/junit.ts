import type { Verdict } from '../model/check.ts';
import type { Report } from '../model/report.ts';
import { stepTitles, steps } from '../model/step.ts';
import { statusWords } from '../model/status.ts';

/**
 * A report as JUnit XML: a suite for each step, a case for each check. A crash is an error; blocked,
 * unknown, cancelled and not applicable are skipped, each with its reason. JUnit has no warnings, so
 * that one passes and says so in its output.
 */
export function junit(report: Report): string {
  const tookMs = new Map(report.observations.map(({ id, tookMs }) => [id, tookMs]));
  const suites = steps.flatMap((step) => {
    const of = report.verdicts.filter((verdict) => verdict.step === step);
    return of.length === 0 ? [] : [suite(stepTitles[step], of, report.startedAt, tookMs)];
  });
  const all = counts(report.verdicts, report.tookMs);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${text(report.target.name)}" ${all}>\n${suites.join('')}</testsuites>\n`;
}

function suite(name: string, verdicts: readonly Verdict[], startedAt: string, tookMs: ReadonlyMap<string, number>): string {
  const times = verdicts.map(({ observations }) => Math.max(0, ...observations.map((id) => tookMs.get(id) ?? 0)));
  const cases = verdicts.map((verdict, index) => testCase(verdict, times[index] ?? 0));
  return `  <testsuite name="${text(name)}" timestamp="${startedAt}" ${counts(verdicts, Math.max(0, ...times))}>\n${cases.join('')}  </testsuite>\n`;
}

function counts(verdicts: readonly Verdict[], tookMs: number): string {
  const of = (kind: string): number => verdicts.filter((verdict) => kindOf(verdict) === kind).length;
  return `tests="${verdicts.length}" failures="${of('failure')}" errors="${of('error')}" skipped="${of('skipped')}" time="${seconds(tookMs)}"`;
}

function testCase(verdict: Verdict, tookMs: number): string {
  const { check, step, component, title, status, summary, reasoning, facts } = verdict;
  const opening = `    <testcase classname="${text(`${step}.${component}`)}" name="${text(`${check} ${title}`)}" time="${seconds(tookMs)}">`;
  const message = text(`${statusWords[status]}: ${summary}`);
  const details = text([reasoning, ...facts.map(({ name, value }) => `${name}: ${value}`)].join('\n'));
  const kind = kindOf(verdict);
  const inner =
    kind === undefined
      ? `<system-out>${message}</system-out>`
      : kind === 'skipped'
        ? `<skipped message="${message}"/>`
        : `<${kind} type="${text(check)}" message="${message}">${details}</${kind}>`;
  return `${opening}${inner}</testcase>\n`;
}

function kindOf({ status }: Verdict): 'failure' | 'error' | 'skipped' | undefined {
  switch (status) {
    case 'fail':
      return 'failure';
    case 'crashed':
      return 'error';
    case 'pass':
    case 'warn':
      return undefined;
    default:
      return 'skipped';
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;', '\t': '&#9;' };

/** Text for an element or an attribute; characters that XML 1.0 does not allow become U+FFFD. */
function text(plain: string): string {
  return plain
    .toWellFormed()
    .replaceAll(/(?![\n\t])\p{Cc}|[\uFFFE\uFFFF]/gu, '\uFFFD')
    .replaceAll(/[&<>"\n\t]/g, (sign) => entities[sign] ?? sign);
}
