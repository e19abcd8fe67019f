import * as z from 'zod';
import { metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import { delegationLiveness, sessionLiveness } from './liveness.ts';
import type { DelegationRow, Finding, Known } from './liveness.ts';
import type { Evidence } from './read.ts';
import type { StateRows } from './stateRows.ts';
import type { Block, ChainHop, Mark, Section } from './story.ts';
import type { SectionParts } from './sectionParts.ts';
import type { Surroundings } from './surroundings.ts';
import { applicationName, focusOf } from './trace.ts';
import { count, moment, shortId } from './words.ts';

/** Of events and of mandates: contract request-evidence 7.3 and 10. A Delegation leads from its own place to the next one. */
const chain = z.array(z.object({ application_id: z.string(), agent_session_id: z.string().optional(), delegation_edge_id: z.string().optional() }));

interface Place {
  readonly application: string;
  readonly sessionId: string;
  /** By which the authority came here; `""` for the first one. */
  readonly delegationId: string;
}

/** How authority came to the caller, hop by hop, with the scopes that were left. */
export function delegationSection({ captured, trace, evidence, surroundings }: SectionParts): Section {
  const section = (summary: string, blocks: readonly Block[] = []): Section => ({ id: 'delegation', title: 'Delegation', summary, blocks });
  const focus = focusOf(trace, evidence);
  const places = placesOf(captured, focus, evidence);
  if (places.length < 2) {
    const isNamed = captured.mandate?.claims.delegation_edge_id !== undefined || focus.some((event) => metadataText(event, 'delegation_edge_id') !== '');
    return section(isNamed ? 'one is named, and nothing that could be read tells its hops' : 'none is named by what is known');
  }
  const hops = places.map((place) => hopOf(place, evidence, surroundings));
  const dead = hops.filter(({ mark }) => mark === 'failed').length;
  const scopes = hops.flatMap(({ delegation }) => (delegation === undefined ? [] : [delegation.scopes]));
  const narrows = scopes.some((some, at) => at > 0 && some.length < (scopes[at - 1]?.length ?? 0));
  return section([count(hops.length - 1, 'hop'), ...(narrows ? ['scopes narrow'] : []), ...(dead === 0 ? [] : [`${dead} dead now`])].join(', '), [{ kind: 'chain', hops }]);
}

function placesOf({ mandate }: Captured, focus: readonly AuditEvent[], { state }: Evidence): readonly Place[] {
  const told = [mandate?.claims.delegation_chain, ...focus.map((event) => event.metadata_json['delegation_chain'])].map((value) => chain.safeParse(value)).find(({ success, data }) => success && data.length > 1);
  if (told?.data !== undefined) {
    return told.data.map((place, at, all) => ({ application: place.application_id, sessionId: place.agent_session_id ?? '', delegationId: all[at - 1]?.delegation_edge_id ?? '' }));
  }
  // A refusal before the policy leaves no chain; its rows have it.
  const last = mandate?.claims.delegation_edge_id ?? focus.map((event) => metadataText(event, 'delegation_edge_id')).find((id) => id !== '');
  const rows = state.kind === 'row' ? state.row.delegations : [];
  const lineage: DelegationRow[] = [];
  for (let row = rows.find(({ id }) => id === last); row !== undefined && !lineage.includes(row); row = rows.find(({ id }) => id === lineage[0]?.parentId)) lineage.unshift(row);
  const [first] = lineage;
  if (first === undefined) return [];
  return [{ application: first.issuerApplicationId, sessionId: first.sourceSessionId, delegationId: '' }, ...lineage.map((row) => ({ application: row.receiverApplicationId, sessionId: row.targetSessionId, delegationId: row.id }))];
}

function hopOf({ application, sessionId, delegationId }: Place, evidence: Evidence, { applications }: Surroundings): ChainHop {
  const { state } = evidence;
  const rows = state.kind === 'row' ? state.row : undefined;
  const session = rows?.sessions.find(({ id }) => id === sessionId);
  const delegation = rows?.delegations.find(({ id }) => id === delegationId);
  const records = (id: string): Known<NonNullable<typeof rows>['records'][number]> => {
    const row = rows?.records.find((record) => record.id === id);
    return row === undefined ? { kind: 'absent' } : { kind: 'row', row };
  };
  const findings: readonly (readonly [what: string, finding: Finding | undefined])[] = rows === undefined ? [] : [
    ['Delegation', delegationId === '' ? undefined : delegation === undefined ? absent(rows) : delegationLiveness(delegation, rows.now)],
    ['Session', sessionId === '' ? undefined : session === undefined ? absent(rows) : sessionLiveness(session, { records, now: rows.now })],
  ];
  const bad = findings.flatMap(([what, finding]) => (finding?.result === 'fails' ? [`${what} ${finding.why}${finding.at === undefined ? '' : ` ${moment(finding.at)}`}`] : []));
  const unseen = findings.find(([, finding]) => finding?.result === 'cannot tell');
  const mark: Mark = bad.length > 0 ? 'failed' : rows === undefined || unseen !== undefined ? 'unknown' : 'passed';
  return {
    application: (applications.kind === 'row' ? applications.row.find(({ id }) => id === application)?.name : undefined) ?? applicationName(application, evidence),
    session: sessionId === '' ? 'no Session' : `Session ${shortId(sessionId)}`,
    delegation: delegationId === '' ? undefined : { name: `Delegation ${shortId(delegationId)}`, scopes: delegation?.scopes ?? [] },
    mark,
    standing: bad.length > 0 ? bad.join('; ') : mark === 'unknown' ? 'not known now' : 'live now',
  };
}

function absent({ notWhole }: StateRows): Finding {
  return notWhole === undefined ? { result: 'fails', why: 'is not there any more', at: undefined } : { result: 'cannot tell', why: notWhole, at: undefined };
}
