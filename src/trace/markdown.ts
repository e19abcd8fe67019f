import { layers } from '../caracal/refusals.ts';
import { asMarkdown } from '../model/markdown.ts';
import { metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import type { LivenessCheck } from './liveness.ts';
import type { Evidence } from './read.ts';
import type { Hop } from './stitching.ts';
import type { Trace } from './trace.ts';

/** What Caracal never writes down, however well all is. Contract request-evidence 7.3 and 8. */
const neverRecorded: readonly string[] = [
  'Which token was issued: the audit holds the decision, not the mandate.',
  'Path, scopes, Session and Delegation of a call in the event of the Gateway; the event of the STS with the same request id has the last three.',
  'A refusal by the resource itself: it is known from its answer alone.',
];

/** `billing-api 401 · …f90ae7` */
export function traceTitle(captured: Captured, trace: Trace, { requestId }: Evidence): string {
  const resource = captured.resource ?? trace.hops.flatMap(({ events }) => events.map((event) => metadataText(event, 'resource'))).find((name) => name !== '') ?? 'Request';
  const status = captured.answer?.status ?? trace.outcome.code;
  return [`${resource}${status === undefined ? '' : ` ${status}`}`, ...(requestId === undefined ? [] : [`…${requestId.slice(-6)}`])].join(' · ');
}

/** All that is known about a request, as Markdown. Secrets are masked by whoever shows it. */
export function traceMarkdown(captured: Captured, trace: Trace, evidence: Evidence): string {
  const { outcome, hops, liveness } = trace;
  const joins = Map.groupBy(hops.flatMap(({ join }) => join ?? []), ({ certainty }) => certainty);
  const events = hops.reduce((sum, hop) => sum + hop.events.length, 0);
  return [
    `# ${asMarkdown(outcome.sentence)}`, '',
    ...outcome.more.flatMap((more) => [asMarkdown(more), '']),
    table(['Request', 'Zone', 'Code', 'Asked by'], [[evidence.requestId ?? 'not known', evidence.zoneId, outcome.code ?? 'none', captured.what]]), '',
    table(layers.map((layer) => `${layer.slice(0, 1).toUpperCase()}${layer.slice(1)}`), [layers.map((layer) => outcome.states[layer])]), '',
    '## Timeline', '',
    ...(events === 0
      ? ['The audit holds no event of this request.']
      : [`${count(events, 'event')} of ${count(hops.length, 'request')}; joins: ${joins.get('certain')?.length ?? 0} certain, ${joins.get('likely')?.length ?? 0} likely. Times are UTC by the clock of who wrote them.`, '', table(['Time', 'Request', 'What', 'Decision', 'About', 'Joined by'], hops.flatMap(rowsOf))]),
    '', '## State now', '',
    ...stateLines(liveness, evidence), '',
    '## Not looked at', '',
    ...(evidence.notRead.length === 0 && evidence.firstUse.kind !== 'cannot look' ? ['Nothing: all that may belong to it was read.'] : [...evidence.notRead.map(({ what, why }) => `- ${asMarkdown(what)}: ${asMarkdown(why)}`), ...(evidence.firstUse.kind === 'cannot look' ? [`- the first use of the mandate: ${asMarkdown(evidence.firstUse.why)}`] : [])]), '',
    '## Not recorded by Caracal', '',
    ...neverRecorded.map((line) => `- ${line}`), '',
  ].join('\n');
}

function rowsOf({ kind, requestId, events, join }: Hop): readonly (readonly string[])[] {
  return events.map((event, place) => [
    new Date(event.occurred_at).toISOString().slice(11, 23), place === 0 ? `${kind} …${requestId.slice(-6)}` : '', event.event_type, decisionOf(event), aboutOf(event), place === 0 ? (join === undefined ? 'asked for' : `${join.key}, ${join.certainty}`) : '',
  ]);
}

function decisionOf({ decision, evaluation_status: status, diagnostics_json: diagnostics }: AuditEvent): string {
  const reason = diagnostics.map(({ reason: given }) => given).find((given) => typeof given === 'string');
  return [decision, ...(status === '' || status === 'complete' ? [] : [status]), ...(reason === undefined ? [] : [reason])].join(', ');
}

const told = ['resource', 'application_name', 'agent_session_id', 'delegation_edge_id', 'method', 'upstream_host', 'upstream_status', 'error_kind', 'reason', 'challenge_id', 'tier', 'approver_subject_id'] as const;

function aboutOf({ metadata_json: metadata }: AuditEvent): string {
  return told.flatMap((name) => {
    const value = metadata[name];
    return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [`${name} ${value}`] : [];
  }).join(', ');
}

function stateLines(liveness: readonly LivenessCheck[], { state }: Evidence): readonly string[] {
  if (state.kind === 'cannot look') return [`Not known: ${asMarkdown(state.why)}.`];
  if (state.kind === 'absent' || liveness.length === 0) return ['No Session or Delegation is named by what is known, so there is nothing to look at.'];
  const last = liveness.at(-1);
  const said = last?.result === 'fails' ? `The STS would refuse it now: \`${last.description}\`.` : 'The STS would take this Session and this Delegation now, as far as their rows tell.';
  return [
    `${said} By the clock of Postgres, ${new Date(state.row.now).toISOString()}.`, '',
    table(['Check of the STS', 'Of', 'Id', 'Result', 'Why'], liveness.map(({ description, of, id, result, why, at }) => [description, of, id, result, [why, ...(at === undefined ? [] : [new Date(at).toISOString()])].filter((part) => part !== '').join(' ')])),
  ];
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => asMarkdown(cell)).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
