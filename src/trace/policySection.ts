/** What was asked of the policy and granted, by which rule of which version, and what is in force now. */
import { denyReasons, evaluationStatuses } from '../caracal/decisions.ts';
import { asksForApproval, kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import { decidedVersion } from './revocation.ts';
import { askedHop, changeBy, changerOf, textBlock } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import { versionName } from './stateSection.ts';
import type { Block, Cell, Section } from './story.ts';
import type { PolicyText, PolicyVersion } from './surroundings.ts';
import { count, moment, sentenceCase } from './words.ts';

/** Documents of the zone that a reason of a deny comes from. Contract request-evidence 7.5. */
const documents: Readonly<Record<string, readonly string[]>> = {
  restriction_active: ['restrict'], malformed_risk_data: ['risk'], malformed_approval_data: ['approval_tiers'], resource_not_granted: ['grants', 'app_ids'], confinement_violation: ['confinement'],
  role_scope_mismatch: ['grants'], no_rule_matched: ['grants', 'app_ids'],
};

/** The section of a story about the policy. */
export function policySection(parts: SectionParts): Section {
  const section = { id: 'policy', title: 'Policy' } as const;
  const exchanges = exchangesOf(parts);
  if (exchanges.length === 0) return { ...section, summary: 'no decision of the policy is recorded of this request', blocks: [] };
  const decided = decidedVersion(parts);
  const minted = mintedScopes(parts);
  const granted = exchanges.filter(({ decision }) => decision === 'allow').length;
  const summary = [`${granted} of ${count(exchanges.length, 'exchange')} allowed`, ...(decided === undefined ? [] : [versionStanding(parts, decided).summary])].join('; ');
  return {
    ...section, summary,
    blocks: [
      { kind: 'table', heads: ['Request', 'Resource', 'Requested', 'Granted', 'Rule or reason'], rows: exchanges.map((event) => rowOf(parts, event, minted)) },
      ...(exchanges.some((event) => event.decision === 'allow') ? [textBlock('An allow is no proof that a mandate was issued: later checks of the STS leave no event.')] : []),
      ...(decided === undefined ? [textBlock('No version of a policy set is named: the request was refused before the policy was asked, or none is needed for it.')] : versionBlocks(parts, decided, reasonsOf(exchanges))),
    ],
  };
}

/** The exchanges of the request and of the mint of its mandate. */
function exchangesOf({ trace, evidence }: SectionParts): readonly AuditEvent[] {
  const asked = askedHop(trace, evidence);
  const joined = trace.hops.filter(({ kind }) => kind === 'mint' || kind === 'retry' || kind === 'call');
  const hops = asked === undefined ? joined : [...new Set([...joined, asked])].toSorted((one, other) => one.from - other.from);
  return hops.flatMap(({ events }) => events).filter((event) => event.event_type === 'token_exchange' && kindOf(event) !== 'nothing granted' && event.evaluation_status !== 'provider_credential_unavailable');
}

const nouns: Partial<Readonly<Record<ReturnType<typeof kindOf>, string>>> = { bootstrap: 'Bootstrap', federation: 'Federation', mint: 'Mint', use: 'Use through the Gateway', workload: 'Workload credential', 'control key': 'Control key', exchange: 'Exchange' };

function rowOf(parts: SectionParts, event: AuditEvent, minted: ReadonlyMap<string, readonly unknown[]>): readonly Cell[] {
  const { decision } = event;
  const isAllowed = decision === 'allow';
  const scopes = requestedScopes(parts, event, minted);
  const rule = event.determining_policies_json.map(({ policy }) => policy).join(', ');
  return [
    { text: nouns[kindOf(event)] ?? 'Exchange', mark: isAllowed ? 'passed' : 'failed' }, { text: metadataText(event, 'resource') || 'not recorded', isCode: true }, scopes.cell,
    { text: !isAllowed ? 'nothing' : asksForApproval(event) ? `${scopes.granted}, once it is approved` : scopes.granted },
    isAllowed ? { text: rule === '' ? 'no rule is named' : rule, isCode: rule !== '' } : { text: denialWords(event) },
  ];
}

/** The policy grants all that is asked of a resource, or nothing of it. A use asks for what its mandate carries. */
function requestedScopes({ captured, evidence }: SectionParts, event: AuditEvent, minted: ReadonlyMap<string, readonly unknown[]>): { readonly cell: Cell; readonly granted: string } {
  const scopes = event.metadata_json['requested_scopes'];
  if (Array.isArray(scopes) && scopes.length > 0) return { cell: { text: scopes.join(' '), isCode: true }, granted: 'all of them' };
  if (kindOf(event) !== 'use') return { cell: { text: 'not recorded' }, granted: Array.isArray(scopes) ? 'what it asked for' : 'not recorded' };
  const { scope } = event.request_id === evidence.requestId ? (captured.mandate?.claims ?? {}) : {};
  const carried = scope ?? minted.get(mandateOf(event))?.join(' ');
  return carried === undefined ? { cell: { text: 'what its mandate carries; not recorded' }, granted: 'the same' } : { cell: { text: `${carried} in its mandate`, isCode: true }, granted: 'the same' };
}

/** The scopes that were allowed for a mandate, by what it and its use have in common. */
function mintedScopes({ trace }: SectionParts): ReadonlyMap<string, readonly unknown[]> {
  const mints = trace.hops.flatMap(({ events }) => events).filter((event) => kindOf(event) === 'mint' && event.decision === 'allow');
  // The first of several counts.
  return new Map(mints.toReversed().flatMap((event) => {
    const scopes: unknown = event.metadata_json['requested_scopes'];
    return Array.isArray(scopes) ? [[mandateOf(event), scopes] as const] : [];
  }));
}

function mandateOf(event: AuditEvent): string {
  return ['agent_session_id', 'delegation_edge_id', 'resource'].map((name) => metadataText(event, name)).join('\n');
}

function reasonOf({ diagnostics_json: diagnostics }: AuditEvent): string {
  return diagnostics.map(({ reason }) => reason).find((reason): reason is string => typeof reason === 'string') ?? '';
}

function reasonsOf(events: readonly AuditEvent[]): readonly string[] {
  return [...new Set(events.map(reasonOf))];
}

/** Plain words, the code beside them. */
function denialWords(event: AuditEvent): string {
  const reason = reasonOf(event);
  const status = evaluationStatuses[event.evaluation_status];
  if (reason !== '') return `${sentenceCase(denyReasons[reason] ?? 'a reason that is not known here')} (${reason})`;
  if (status !== undefined) return `${status.layer === 'policy' ? '' : 'Not by the policy: '}${status.words} (${event.evaluation_status})`;
  return event.evaluation_status === '' ? 'no reason is recorded' : event.evaluation_status;
}

/** Whether the version that decided is still the one in force. */
function versionStanding({ surroundings: { policy, changes } }: SectionParts, decided: string): { readonly summary: string; readonly isSame: boolean | undefined } {
  if (policy.kind !== 'row') return { summary: `what is in force now cannot be looked at: ${policy.kind === 'absent' ? 'it was not read' : policy.why}`, isSame: undefined };
  const { active } = policy.row;
  if (active === undefined) return { summary: 'no policy set is active now', isSame: false };
  if (active.activeVersionId === decided) return { summary: 'same version now', isSame: true };
  const by = changerOf(changes, changeBy(changes, Date.parse(active.changedAt), [active.setId], ({ path }) => path.endsWith('/activate')));
  return { summary: `changed at ${moment(Date.parse(active.changedAt))} ${by}`, isSame: false };
}

function versionBlocks(parts: SectionParts, decided: string, reasons: readonly string[]): readonly Block[] {
  const { surroundings: { policy, texts } } = parts;
  const { summary, isSame } = versionStanding(parts, decided);
  const rows = policy.kind === 'row' ? policy.row : { versions: [], active: undefined };
  const then = rows.versions.find(({ id }) => id === decided);
  const now = isSame === false ? rows.versions.find(({ id }) => id === rows.active?.activeVersionId) : undefined;
  const read = texts.kind === 'row' ? texts.row : [];
  const whole = (version: PolicyVersion | undefined): string => (version === undefined ? '' : wholeText(version, read));
  const facts: Block = {
    kind: 'facts',
    facts: [
      { label: 'Decided by', value: { text: versionName(rows.versions, decided), ...(whole(then) === '' ? {} : { link: { kind: 'text', title: `${versionName(rows.versions, decided)}.rego`, language: 'rego', text: whole(then) } }) } },
      {
        label: 'In force now',
        value: {
          text: isSame === true || rows.active === undefined ? summary : `${versionName(rows.versions, rows.active.activeVersionId)}, ${summary}`, mark: isSame === undefined ? 'unknown' : isSame ? 'passed' : 'warning',
          ...(whole(then) === '' || whole(now) === '' ? {} : { link: { kind: 'difference', title: `Policy, ${then?.version ?? ''} and ${now?.version ?? ''}`, language: 'rego', before: whole(then), after: whole(now) } }),
        },
      },
    ],
  };
  if (texts.kind !== 'row') return [facts, textBlock(`The text of the policy cannot be looked at: ${texts.kind === 'absent' ? 'it was not read' : texts.why}.`, 'unknown')];
  if (then === undefined) return [facts, textBlock('The version that decided is not in Postgres any more, so its text cannot be shown.', 'unknown')];
  return [facts, textsTable(then, now, read, reasons)];
}

/** Each policy of the version that decided, and what became of it. Those that the reason comes from stand first. */
function textsTable(then: PolicyVersion, now: PolicyVersion | undefined, texts: readonly PolicyText[], reasons: readonly string[]): Block {
  const of = (version: PolicyVersion | undefined): readonly PolicyText[] => texts.filter(({ id }) => version?.policyVersionIds.includes(id));
  const [before, after] = [of(then), of(now)];
  const sought = reasons.flatMap((reason) => documents[reason] ?? []);
  const rows = before.map((policy): { readonly cells: readonly Cell[]; readonly isCause: boolean } => {
    const isCause = sought.some((name) => defines(policy, name));
    const newer = after.find(({ policyId }) => policyId === policy.policyId);
    const became: Cell = now === undefined || newer?.id === policy.id ? { text: 'the same' } : newer === undefined ? { text: 'not part of it any more', mark: 'warning' } : { text: `version ${newer.version}`, mark: 'warning', ...difference(policy, newer) };
    return { cells: [{ text: policy.name, isStrong: isCause, ...textLink(policy) }, { text: `version ${policy.version}` }, became, { text: isCause ? 'the reason comes from here' : '' }], isCause };
  });
  const added = after.filter(({ policyId }) => !before.some((policy) => policy.policyId === policyId)).map((policy): readonly Cell[] => [{ text: policy.name, ...textLink(policy) }, { text: 'not part of it' }, { text: `version ${policy.version}`, mark: 'warning' }, { text: '' }]);
  return { kind: 'table', heads: ['Policy', 'When it decided', 'Now', 'Difference'], rows: [...rows.toSorted((one, other) => Number(other.isCause) - Number(one.isCause)).map(({ cells }) => cells), ...added] };
}

function textLink({ name, version, content }: PolicyText): Pick<Cell, 'link'> {
  return content === undefined ? {} : { link: { kind: 'text', title: `${name}, version ${version}.rego`, language: 'rego', text: content } };
}

function difference(before: PolicyText, after: PolicyText): Pick<Cell, 'link'> {
  if (before.content === undefined || after.content === undefined) return {};
  return { link: { kind: 'difference', title: `${before.name}, versions ${before.version} and ${after.version}`, language: 'rego', before: before.content, after: after.content } };
}

/** Whether a policy has a rule or a document of that name, as Rego writes it at the beginning of a line. */
function defines({ content = '' }: PolicyText, name: string): boolean {
  return new RegExp(`^(?:default\\s+)?${name}\\b\\s*(?::?=|\\[|\\bcontains\\b|\\bif\\b|\\{)`, 'm').test(content);
}

/** All policies of a version as one text, in the order of their names; `""` where none of them was read. */
function wholeText({ policyVersionIds }: PolicyVersion, texts: readonly PolicyText[]): string {
  const own = texts.filter(({ id }) => policyVersionIds.includes(id));
  return own.map(({ name, version, content }) => `# Policy ${name}, version ${version}\n${content ?? '# Too long to be shown here\n'}`).join('\n');
}
