import { misleadingMessages } from '../caracal/misleadingMessages.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Known } from './known.ts';

type NotCause = Diagnosis['notCauses'][number];

/** How a check says of itself that it is a consequence. */
const notACause = /^not a cause: (.*)$/s;
/** How an alert rule that fires for nothing is told among the facts of its check. */
const falseAlarm = /^false alarm: [^;]*; (.*)$/s;

/** What looks wrong and is not, with why not. */
export function notCausesIn({ situation }: Known): readonly NotCause[] {
  const ofChecks = situation.verdicts.flatMap(({ check, component, title, summary, facts }): readonly NotCause[] => [
    ...[notACause.exec(summary)?.[1] ?? []].flat().map((why) => ({ words: `${component} › ${title}`, why, check })),
    ...facts.flatMap(({ name, value }) => [falseAlarm.exec(value)?.[1] ?? []].flat().map((why) => ({ words: `alert ${name}`, why, check }))),
  ]);
  const red = situation.verdicts.some(({ status }) => status === 'fail' || status === 'warn');
  const logged = new Set(situation.logged.map(({ id }) => id));
  // What misleads only by what a single line says is told at that line.
  const ofLogs = !red ? [] : misleadingMessages
    .filter(({ message, after, where }) => where === undefined && logged.has(message) && (after === undefined || logged.has(after)))
    .map(({ message, note }): NotCause => ({ words: `log of ${message}`, why: notACause.exec(note)?.[1] ?? note, check: null }));
  return [...ofChecks, ...ofLogs];
}
