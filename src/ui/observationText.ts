/** The record behind a check as a text that a person reads. Pure; the caller masks the result. */
import { count, milliseconds } from '../flow/words.ts';
import type { Check, Verdict } from '../model/check.ts';
import type { Observation, Outcome, Question } from '../model/observation.ts';
import type { Mark } from './causes.ts';
import { stateWords } from './words.ts';
import { yamlLines, yamlScalar } from './yaml.ts';

const commentWidth = 96;

export interface ObservationTextInput {
  readonly check: Pick<Check, 'id' | 'title' | 'component' | 'asks'>;
  readonly verdict: Verdict | undefined;
  readonly observations: readonly Observation[];
  /** With all that its cause explains: `7 failures, 4 warnings`. */
  readonly mark?: (Mark & { readonly reach: string }) | undefined;
  /** How many checks wait for this one to pass. */
  readonly blocks: number;
  readonly running: boolean;
}

/** Verdict and reasoning on top, then each question with its answer, then what was not asked and why. */
export function observationText(input: ObservationTextInput): string {
  const { check, verdict, mark } = input;
  const name = `${check.component} › ${check.title}`;
  if (!verdict) return lines([`# ${name}: ${input.running ? 'running' : 'not run'}`, '', ...mapEntry('check', check.id, '')]);
  const asked = input.observations.filter(({ outcome }) => outcome.kind !== 'unavailable');
  return lines([
    `# ${name}: ${stateWords[verdict.status]}`,
    ...comment(verdict.reasoning),
    '',
    ...mapEntry('check', check.id, ''),
    ...mapEntry('verdict', verdict.status, ''),
    ...mapEntry('summary', verdict.summary, ''),
    ...(verdict.blockedBy === undefined ? [] : mapEntry('blocked by', verdict.blockedBy, '')),
    ...(mark ? [`${mark.isOwn ? 'cause' : 'explained by'}: ${mark.number}  # ${mark.title}`] : []),
    ...(mark?.isOwn ? mapEntry('explains', mark.reach, '') : []),
    ...(input.blocks > 0 ? [`blocks: ${count(input.blocks, 'check')}`] : []),
    ...(verdict.facts.length === 0 ? [] : ['', 'facts:', ...verdict.facts.flatMap(({ name: fact, value }) => mapEntry(fact, value, '  '))]),
    ...(asked.length === 0 ? [] : ['', 'observations:', ...asked.flatMap((one, index) => [...(index === 0 ? [] : ['']), ...observed(one)])]),
    ...notAsked(input, verdict),
  ]);
}

function observed(observation: Observation): readonly string[] {
  return [
    `  - asked: ${yamlScalar(observation.asked)}`,
    '    from: this machine',
    `    at: ${observation.at}  # local clock`,
    `    took: ${milliseconds(observation.tookMs)}`,
    ...answered(observation.outcome),
  ];
}

function answered(outcome: Outcome): readonly string[] {
  switch (outcome.kind) {
    case 'answer':
      return yamlLines('answer', outcome.value, '    ');
    case 'refused':
      return [`    refused: ${yamlScalar(outcome.code)}`, `    message: ${yamlScalar(outcome.message)}`];
    case 'timeout':
      return [`    answer: none in ${milliseconds(outcome.deadlineMs)}`, `    waited for: ${yamlScalar(outcome.stage)}`];
    case 'unavailable':
      return [`    answer: none, ${yamlScalar(outcome.why)}`];
    case 'cancelled':
      return ['    answer: none, stopped by you'];
    case 'crashed':
      return [`    our fault: ${yamlScalar(`${outcome.error}: ${outcome.message}`)}`];
  }
}

function notAsked(input: ObservationTextInput, verdict: Verdict): readonly string[] {
  const unavailable = input.observations.flatMap(({ asked, outcome }) =>
    outcome.kind === 'unavailable' ? [`  - ${yamlScalar(asked)}: ${yamlScalar(`${outcome.why}; ${outcome.wayOut}`)}`] : [],
  );
  const rest =
    verdict.observations.length > 0
      ? []
      : input.check.asks.map((question) => `  - ${yamlScalar(questionText(question))}: ${yamlScalar(whyNot(verdict))}`);
  const all = [...unavailable, ...rest];
  return all.length === 0 ? [] : ['', 'not asked:', ...all];
}

function whyNot(verdict: Verdict): string {
  if (verdict.status === 'blocked') return verdict.summary;
  if (verdict.status === 'cancelled') return 'stopped by you';
  return 'not needed for this verdict';
}

function questionText(question: Question): string {
  return `${question.subject} of ${question.of}`;
}

function mapEntry(name: string, value: string, indent: string): readonly string[] {
  return [`${indent}${yamlScalar(name)}: ${yamlScalar(value)}`];
}

/** Words of prose on lines that fit beside the tree without scrolling. */
function comment(text: string): readonly string[] {
  const wrapped: string[] = [];
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const line = wrapped.at(-1);
    if (line !== undefined && line.length + word.length < commentWidth) wrapped[wrapped.length - 1] = `${line} ${word}`;
    else wrapped.push(`# ${word}`);
  }
  return wrapped;
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
