/** Judges recordings again, by the checks and causes of the working tree. */
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Situation } from '../../src/diagnosis/situation.ts';
import { checksOf, subjects } from '../../src/flow/catalogue.ts';
import { situationOf } from '../../src/flow/diagnosing.ts';
import { recordedSource } from '../../src/flow/recordedSource.ts';
import { run } from '../../src/flow/runner.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import { questionId } from '../../src/model/observation.ts';
import type { Case } from './cases.ts';
import type { CodeHashes } from './code.ts';
import type { Recording } from './recordings.ts';

/** A case, judged again from its recording. */
export interface Replayed {
  readonly one: Case;
  readonly recording: Recording;
  readonly verdicts: readonly Verdict[];
  readonly situation: Situation;
  readonly diagnosis: Diagnosis;
  /** Questions that the checks of today ask and the recording does not hold. */
  readonly lacks: readonly string[];
  /** What judging and looking for causes took, milliseconds. */
  readonly tookMs: number;
}

/** Judges a recording and looks for causes, as the flow does. */
export async function replay(one: Case, recording: Recording): Promise<Replayed> {
  const startedMs = performance.now();
  const { kind } = one;
  const held = new Set(recording.observations.map(({ id }) => id));
  const source = recordedSource(recording.observations, recording.startedAt, subjects);
  const lacks: string[] = [];
  const { verdicts } = await run({
    checks: checksOf(kind),
    source: {
      ask(question, signal) {
        if (!held.has(questionId(question))) lacks.push(questionId(question));
        return source.ask(question, signal);
      },
    },
    signal: new AbortController().signal,
  });
  const situation = situationOf(kind, verdicts, recording.observations);
  const { result } = diagnose(situation);
  return { one, recording, verdicts, situation, diagnosis: result, lacks, tookMs: performance.now() - startedMs };
}

/** Whether a recording was made by this code. */
export function isCurrent({ code }: Recording, { observers, lab }: CodeHashes): boolean {
  return code.observers === observers && code.lab === lab;
}

/** Why the recordings of these cases are not what the code of today would record; undefined when they are. */
export function outdated(cases: readonly Case[], recordings: ReadonlyMap<string, Recording>, code: Readonly<Record<Case['kind'], CodeHashes>>): string | undefined {
  const count = (words: string, which: (one: Case, recording: Recording | undefined) => boolean): readonly string[] => {
    const found = cases.filter((one) => which(one, recordings.get(one.id)));
    const kinds = [...Map.groupBy(found, ({ kind }) => kind)].map(([kind, { length }]) => `${length} of ${kind}`);
    return found.length === 0 ? [] : [`${words}: ${kinds.join(', ')}`];
  };
  const lines = [
    ...count('not recorded', (_, recording) => recording === undefined),
    ...count('recorded by other observers', (one, recording) => recording !== undefined && recording.code.observers !== code[one.kind].observers),
    ...count('recorded on another lab', (one, recording) => recording !== undefined && recording.code.lab !== code[one.kind].lab),
  ];
  return lines.length === 0 ? undefined : `${lines.join('\n')}\nRecord them with: npm run -s matrix -- --record`;
}
