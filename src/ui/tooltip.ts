/** What a row says when the pointer rests on it. Pure: lines of plain text. */
import { count, milliseconds } from '../flow/words.ts';
import type { Observation } from '../model/observation.ts';
import { coveredBy, marksOf, markText, reachText } from './causes.ts';
import type { FlowState } from './flowState.ts';
import type { FlowNode } from './flowNode.ts';
import { clock, stateWords } from './words.ts';

export interface Known {
  readonly state: FlowState;
  evidence(check: string): readonly Observation[];
}

export function tooltipText(node: FlowNode, known: Known): readonly string[] {
  if (node.kind === 'fact') return [`${node.label}: ${node.description}`];
  if (node.kind === 'check' && node.check !== undefined) return checkTooltip(node.check, node, known);
  if (node.kind === 'cause') return causeTooltip(node, known.state);
  const state = node.state === undefined ? '' : `: ${stateWords[node.state]}`;
  return [`${node.label}${state}`, ...(node.description === '' ? [] : [node.description]), ...(node.decoration ? [node.decoration.tooltip] : [])];
}

function causeTooltip(node: FlowNode, state: FlowState): readonly string[] {
  const cause = state.diagnosis?.causes.find(({ id }) => id === node.cause);
  if (!cause) return [];
  const reach = reachText(coveredBy(cause, state), state);
  return [`${node.label}: ${node.description}`, cause.sentence, ...(reach === '' ? [] : [`Explains ${reach}.`])];
}

function checkTooltip(id: string, node: FlowNode, known: Known): readonly string[] {
  const { state } = known;
  const check = state.checks.find((head) => head.id === id);
  if (!check) return [];
  const answer = state.answers.get(id);
  const mark = marksOf(state).get(id);
  const byId = new Map(state.checks.map((head) => [head.id, head]));
  const needs = check.needs.map((need) => byId.get(need)).filter((head) => head !== undefined);
  const blocks = blockedCount(state, id);
  const [first] = known.evidence(id);
  const facts = [
    first
      ? `Observed ${clock(Date.parse(first.at))} from this machine, took ${milliseconds(first.tookMs)}.`
      : answer
        ? `Answered ${clock(answer.at)}.`
        : undefined,
    needs.length === 0 ? 'Needs nothing.' : `Needs ${needs.map((need) => `${need.component} › ${need.title}`).join(', ')}.`,
    blocks > 0 ? `Blocks ${count(blocks, 'check')}.` : undefined,
  ];
  return [
    `${check.component} › ${check.title}: ${stateWords[node.state ?? 'not-run']}`,
    ...(answer ? [answer.verdict.summary] : []),
    ...(mark ? [markText(mark)] : []),
    facts.filter((fact) => fact !== undefined).join(' '),
  ];
}

/** How many checks wait for a check to pass. */
export function blockedCount(state: FlowState, id: string): number {
  return [...state.answers.values()].filter((answer) => answer.verdict.blockedBy === id).length;
}
