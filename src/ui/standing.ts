/** One sentence for the whole target: message line, badge and status bar. Pure. */
import { answerOf } from '../flow/answer.ts';
import { deciding, firstRed } from '../flow/triage.ts';
import { count } from '../flow/words.ts';
import type { Status } from '../model/status.ts';
import { worst } from '../model/status.ts';
import { decisiveCauses, explainedText, isSure, marksOf } from './causes.ts';
import { settledState } from './flowState.ts';
import type { FlowState } from './flowState.ts';
import { age, countStates, countsText, stateIcons, timeOfDay } from './words.ts';
import type { Counts, State } from './words.ts';

export interface Standing {
  /** The line above the tree: one sentence, under 60 characters. Undefined when no target is picked. */
  readonly message: string | undefined;
  /** Undefined where no badge should be shown. */
  readonly badge: { readonly value: number; readonly tooltip: string } | undefined;
  readonly statusBar: StatusBarText | undefined;
}

export interface StatusBarText {
  readonly text: string;
  readonly accessibilityLabel: string;
}

/** The line above the tree is shorter. */
const messageLength = 60;

/**
 * @param last Standing before the current runs began; during a run it stands, so that nothing flips.
 */
export function standing(state: FlowState, last: Standing | undefined, now: number): Standing {
  if (!state.target) return { message: undefined, badge: undefined, statusBar: undefined };
  const running = state.running.size > 0;
  if (running) {
    const done = state.runSize - state.running.size;
    const before = last?.statusBar?.text.replace(/^\$\([^)]*\) /, '') ?? state.target.name;
    return {
      message: `Running: ${done} of ${state.runSize}.`,
      badge: last?.badge,
      statusBar: {
        text: `$(${stateIcons.running.id}) ${before}`,
        accessibilityLabel: `Caracal: target ${state.target.name}, running`,
      },
    };
  }
  const settled = state.checks.map((check) => settledState(state, check.id));
  const counts = countStates(settled);
  const failed = counts.get('fail') ?? 0;
  const named = decisiveCauses(state).length;
  return {
    message: sentence(state, settled, counts),
    badge:
      failed > 0 && state.ended !== undefined
        ? { value: failed, tooltip: `${count(failed, 'check')} failed, ${named === 0 ? 'no cause confirmed' : count(named, 'cause')}` }
        : undefined,
    statusBar: statusBar(state, state.target.name, settled, counts, now),
  };
}

function sentence(state: FlowState, settled: readonly State[], counts: Counts): string {
  const of = (each: State): number => counts.get(each) ?? 0;
  const total = state.checks.length;
  const answered = total - of('not-run') - of('cancelled');
  if (state.ended === undefined || of('not-run') === total) return 'Nothing was run yet.';
  if (state.found !== undefined) return state.found;
  if (state.ended === 'triaged') return triageText(state);
  if (state.ended === 'stopped') return `Stopped by you. ${answered} of ${total} checks have an answer.`;
  const statuses = settled.filter((each): each is Status => each !== 'running' && each !== 'not-run');
  const news = watchText(state);
  if (news !== undefined) return news;
  const causes = causesText(state);
  if (causes !== undefined) return causes;
  const well = statuses.every((status) => status === 'pass' || status === 'not-applicable');
  return well && of('not-run') > 0 ? `${answered} of ${total} checks were run, and all pass.` : answerOf(statuses);
}

/** What is named: `Redis is stopped. It explains 7 of 8 failures.`, and as much of that as there is room for. */
function causesText(state: FlowState): string | undefined {
  const named = decisiveCauses(state);
  const [first] = named;
  if (!first) return undefined;
  const explained = explainedText(named, state);
  if (named.length > 1) return `${named.length} causes explain ${explained}.`;
  const title = `${isSure(first) ? '' : 'Likely: '}${first.title}.`;
  return [`${title} It explains ${explained}.`, title].find(({ length }) => length < messageLength) ?? `1 cause explains ${explained}.`;
}

/** Of a watched target, what failed since the last good state: the earliest, with how many beside it. */
function watchText({ watch, checks, answers }: FlowState): string | undefined {
  if (!watch) return undefined;
  const failures = checks.flatMap(({ id, component }) => {
    const answer = answers.get(id);
    return answer?.verdict.status === 'fail' ? [{ component, at: answer.changedAt }] : [];
  });
  const changed = failures.filter((failure): failure is { component: string; at: number } => failure.at !== undefined);
  const first = changed.reduce<(typeof changed)[number] | undefined>((before, failure) => (before && before.at <= failure.at ? before : failure), undefined);
  if (!first) return undefined;
  const others = new Set(failures.map(({ component }) => component)).size - 1;
  const subject = others === 0 ? first.component : `${first.component} and ${others} more`;
  return `${subject} failed at ${timeOfDay(first.at)}.${watch.wellBefore ? ' All passed before.' : ''}`;
}

/** What the run for the symptom found: where to begin, or that it is not here. */
function triageText(state: FlowState): string {
  const verdicts = deciding(state.symptom?.checks ?? [], (check) => state.answers.get(check)?.verdict);
  const found = firstRed(verdicts);
  if (!found) {
    const counts = countStates(verdicts.map(({ status }) => status));
    const well = [...counts.keys()].every((status) => status === 'pass' || status === 'not-applicable');
    return `Nothing of this symptom is red: ${well ? `${counts.get('pass') ?? 0} pass` : countsText(counts)}.`;
  }
  const where = `${found.first.component} › ${found.first.title}`;
  // The named cause says more than the place where it shows.
  const causes = marksOf(state).has(found.first.check) ? causesText(state) : undefined;
  if (causes !== undefined) return causes;
  const words = { fail: 'failure', warn: 'warning', unknown: 'unknown' }[found.state];
  return found.count === 1 ? `One ${words}: ${where}.` : `First ${words} of ${found.count}: ${where}.`;
}

function statusBar(
  state: FlowState,
  name: string,
  settled: readonly State[],
  counts: Counts,
  now: number,
): StatusBarText {
  const of = (each: State): number => counts.get(each) ?? 0;
  const newest = Math.max(...[...state.answers.values()].map((answer) => answer.at));
  const [first, ...others] = decisiveCauses(state);
  const cause = first && isSure(first) ? first.title : undefined;
  const caused = (icon: State, counted: string, said: string): StatusBarText => cause === undefined
    ? item(icon, counted, said)
    : item(icon, `${cause}${others.length > 0 ? ` +${others.length}` : ''}`, `${said}, ${cause}${others.length > 0 ? ` and ${count(others.length, 'more cause', 'more causes')}` : ''}`);
  const item = (icon: State, words: string, said = words): StatusBarText => ({
    text: `$(${stateIcons[icon].id}) ${words === '' ? name : `${name}: ${words}`}`,
    accessibilityLabel: [`Caracal: target ${name}`, said, ...(Number.isFinite(newest) ? [age(newest, now).spoken] : [])].join(', '),
  });
  switch (worst(settled.filter((each): each is Status => each !== 'not-run' && each !== 'running'))) {
    case undefined:
      return item('not-run', '', 'not run');
    case 'fail':
      return caused('fail', count(of('fail'), 'failure'), `${count(of('fail'), 'check')} failed`);
    case 'warn':
      return caused('warn', count(of('warn'), 'warning'), count(of('warn'), 'warning'));
    case 'unknown':
    case 'blocked':
      return caused('unknown', 'cannot tell', 'cannot tell');
    case 'cancelled':
      return item('cancelled', 'stopped');
    case 'crashed':
      return item('crashed', 'our fault');
    case 'pass':
    case 'not-applicable':
      return of('not-run') > 0 ? item('not-run', 'partly run') : item('pass', '', 'all checks passed');
  }
}
