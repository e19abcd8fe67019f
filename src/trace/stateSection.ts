/** State then and now, what the STS would say, and where it is recorded that something is revoked. */
import { kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent, EventKind } from './auditEvent.ts';
import { refusalsLike } from './refusal.ts';
import { delegationLiveness, recordLiveness, sessionLiveness } from './liveness.ts';
import type { Known, LivenessCheck } from './liveness.ts';
import { inSpiteOf } from './inSpite.ts';
import { decidedVersion, effectsOf, endedOf, revocationStores, revokesRecords } from './revocation.ts';
import { approvalIds, askedHop, changeBy, changerOf, listBlock, mandateEpoch, named, requestTime, textBlock } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import type { ApprovalRow, DelegationState, RecordState, SessionState } from './stateRows.ts';
import type { Block, Cell, Mark, Section } from './story.ts';
import type { AdminChange, PolicyVersion } from './surroundings.ts';
import { count, moment, sentenceCase, shortId } from './words.ts';

/** One thing, as it was at the request and as it is now. */
interface Compared {
  readonly name: string;
  readonly then: string;
  readonly now: string;
  readonly mark: Mark;
  /** What changed it and who; `""` where nothing did, or nobody can tell. */
  readonly change: string;
}

const notRecorded = 'not recorded';
const notThere = 'not there yet';

/** The section of a story about state; it judges by the clock of Postgres, or of the API where that is not given. */
export function stateSection(parts: SectionParts): Section {
  const { captured, trace, evidence } = parts;
  const at = requestTime(captured, trace, evidence);
  const compared = [...ofState(parts, at), ofRevocations(parts, at), ofEpoch(parts), ofPolicy(parts), ...ofApplications(parts, at)];
  const changed = compared.filter(({ mark }) => mark === 'warning').length;
  const now = evidence.state.kind === 'row' ? `Now, ${moment(evidence.state.row.now)}` : 'Now';
  const row = ({ name, then, now: standing, mark, change }: Compared): readonly Cell[] => [{ text: name, mark }, { text: then }, { text: standing }, { text: change }];
  const quiet = compared.filter(({ mark }) => mark === 'passed');
  const refusal = trace.liveness.at(-1);
  const summary = [evidence.state.kind === 'cannot look' ? `rows cannot be looked at: ${evidence.state.why}` : changed === 0 ? 'nothing is known to have changed since' : `${changed} changed since`, ...(refusal?.result === 'fails' ? [`the STS would refuse it now: ${refusal.description}`] : [])].join('; ');
  return {
    id: 'state', title: 'State then and now', summary,
    blocks: [
      {
        kind: 'table', heads: ['State', at === undefined ? 'Then' : `Then, ${moment(at)}`, now, 'What changed it'],
        rows: compared.filter(({ mark }) => mark !== 'passed').map(row), ...(quiet.length === 0 ? {} : { folded: { label: `${count(quiet.length, 'row')} as then`, rows: quiet.map(row) } }),
      },
      textBlock(`Now is told by the clock of ${evidence.state.kind === 'row' ? (evidence.state.row.clock ?? 'Postgres') : 'Postgres'}. Then is derived from the times in the rows and from what the events name; what neither has is not recorded.`),
      ...answerBlocks(parts),
      { kind: 'table', heads: ['Where a revocation is recorded', 'What it says of this request', 'Who reads it'], rows: revocationStores(parts).map(({ store, words, way, mark }) => [{ text: store, mark }, { text: words }, { text: way }]) },
      ...listBlock(effectsOf(parts)),
    ],
  };
}

/** What the STS would answer now. Refusals of its row 17 leave no audit event, so this is all there is to them. */
function answerBlocks(parts: SectionParts): readonly Block[] {
  const { captured: { answer }, trace: { liveness }, evidence } = parts;
  const last = liveness.at(-1);
  const unseen = liveness.filter(({ result }) => result === 'cannot tell');
  const isRow17 = answer !== undefined && refusalsLike(answer).some(({ service, row }) => service === 'sts' && row === 17);
  const blocks: Block[] = [];
  if (evidence.state.kind === 'cannot look') blocks.push(textBlock(`What the STS would answer now cannot be told: ${evidence.state.why}.`, 'unknown'));
  else if (last === undefined) blocks.push(textBlock('Nothing known names a Session or a Delegation, so there is nothing that the STS would look at.', 'none'));
  else if (last.result === 'fails') blocks.push(textBlock(`The STS would refuse it now: ${last.description}. ${checkWords(last)}.`, 'failed'));
  else if (unseen.length > 0) blocks.push(textBlock(`The STS would take it now as far as can be looked at; not looked at: ${unseen.map(({ description, why }) => `${description} (${why})`).join('; ')}.`, 'unknown'));
  else blocks.push(textBlock(`The STS would take this Session and this Delegation now: ${count(liveness.length, 'check')} hold.`, 'passed'));
  if (isRow17) {
    const told = answer.description ?? '';
    const verdict = last?.result !== 'fails' ? 'No check fails now, so what failed then has changed since' : last.description === told ? 'It is what the caller was told' : `The caller was told ${told}, which another row decided then`;
    blocks.push(textBlock(`A refusal of this kind leaves no audit event, so these rows are all there is to it. ${verdict}.`));
  }
  return [...blocks, ...inSpiteOf(parts).map((text) => textBlock(text))];
}

/** `Session …a41c07: its 60 s ended, 10:14:40`. */
function checkWords({ of, id, why, at }: LivenessCheck): string {
  return `${sentenceCase(of)} ${shortId(id)}: ${why.replace(/,$/, '')}${at === undefined ? '' : `, ${moment(at)}`}`;
}

function ofState(parts: SectionParts, at: number | undefined): readonly Compared[] {
  const { evidence: { state } } = parts;
  if (state.kind !== 'row') return [{ name: 'Sessions, Delegations, authority records, approvals', then: notRecorded, now: `cannot look: ${state.kind === 'absent' ? 'nothing was asked' : state.why}`, mark: 'unknown', change: '' }];
  const { sessions, delegations, records, approvals } = state.row;
  return [
    ...sessions.map((row) => ofSession(parts, row, at)), ...delegations.map((row) => ofDelegation(parts, row, at)), ...records.map((row) => ofRecord(parts, row, at)),
    ...approvals.filter(({ id }) => approvalIds(parts).has(id)).map((row) => ofApproval(parts, row, at)),
  ];
}

/** Compares what stood then with what stands now. `dead` tells whether it is one that the STS would not take. */
function compare(name: string, then: string, now: string, { isSame, isDead, change }: { readonly isSame: boolean; readonly isDead: boolean; readonly change: string }): Compared {
  return { name, then, now, mark: isSame ? (isDead ? 'failed' : 'passed') : 'warning', change: isSame ? '' : change };
}

function ofSession(parts: SectionParts, row: SessionState, at: number | undefined): Compared {
  const { evidence: { state } } = parts;
  const { now, records } = state.kind === 'row' ? state.row : { now: 0, records: [] };
  const find = (id: string): Known<RecordState> => {
    const record = records.find((one) => one.id === id);
    return record === undefined ? { kind: 'cannot look', why: 'its authority record was not read' } : { kind: 'row', row: record };
  };
  const finding = sessionLiveness(row, { records: find, now });
  const isDead = finding.result === 'fails';
  const then = sessionThen(parts, row, at);
  const ended = row.terminatedAt ?? (row.status === 'suspended' ? row.updatedAt : undefined);
  const isNew = then === notThere;
  const change = ended === undefined ? (isDead ? 'time alone; nobody did it' : '') : whatEnded(parts, row, Date.parse(ended));
  if (finding.result === 'cannot tell') return { name: named('Session', row.id), then, now: `cannot tell: ${finding.why}`, mark: 'unknown', change: '' };
  return compare(named('Session', row.id), then, standing(finding, row.status), { isSame: at === undefined || then === notRecorded || (then.startsWith('dead') ? isDead : !isDead && !isNew), isDead, change });
}

/** What the row tells of the Session at a time. A time of the past of a suspension or of a heartbeat is in no row. */
function sessionThen(parts: SectionParts, row: SessionState, at: number | undefined): string {
  if (at === undefined) return notRecorded;
  const { status, startedAt, terminatedAt, terminationReason, ttlSeconds = 0, lifecycle, updatedAt } = row;
  const isBefore = (time: string | undefined): boolean => time !== undefined && Date.parse(time) <= at;
  if (!isBefore(startedAt)) return notThere;
  if (isBefore(terminatedAt)) return `dead: ${status}${terminationReason === undefined ? '' : `, ${terminationReason}`}`;
  if (lifecycle === 'task' && Date.parse(startedAt) + ttlSeconds * 1_000 <= at) return `dead: its ${ttlSeconds} s had ended`;
  if (status === 'suspended' && isBefore(updatedAt)) return 'dead: suspended';
  if (wasTaken(parts, row.id)) return 'active: the STS took it';
  return lifecycle === 'service' || status === 'suspended' ? notRecorded : 'active; whether it was suspended is not recorded';
}

/** An allow of the policy comes after all checks of liveness, so it proves that they held. */
function wasTaken({ trace, evidence }: SectionParts, sessionId: string): boolean {
  return (askedHop(trace, evidence)?.events ?? []).some(({ decision, policy_set_version_id: version, metadata_json: metadata }) => decision === 'allow' && version !== '' && metadata['agent_session_id'] === sessionId);
}

function ofDelegation(parts: SectionParts, row: DelegationState, at: number | undefined): Compared {
  const { evidence: { state } } = parts;
  const finding = delegationLiveness(row, state.kind === 'row' ? state.row.now : 0);
  const then = at === undefined ? notRecorded : row.createdAt !== undefined && Date.parse(row.createdAt) > at ? notThere : deadThen(row, at);
  const change = row.revokedAt === undefined ? 'time alone; nobody did it' : whoEnded(parts, Date.parse(row.revokedAt), [row.id, row.sourceSessionId, row.targetSessionId], ({ path }) => /\/(?:agents|delegations)\//.test(path));
  return comparedRow(named('Delegation', row.id), then, standing(finding, row.status), finding.result === 'fails', change);
}

function ofRecord(parts: SectionParts, row: RecordState, at: number | undefined): Compared {
  const { evidence: { state } } = parts;
  const finding = recordLiveness(row, state.kind === 'row' ? state.row.now : 0);
  const then = at === undefined ? notRecorded : row.createdAt !== undefined && Date.parse(row.createdAt) > at ? notThere : deadThen(row, at);
  const change = row.revokedAt === undefined ? 'time alone; nobody did it' : `${row.revokedReason ?? 'revoked'}, ${whoEnded(parts, Date.parse(row.revokedAt), [row.id, row.subjectId], (one) => revokesRecords(one) || /\/delegations\//.test(one.path))}`;
  return comparedRow(named(`Authority record of ${row.type === 'user' ? 'a user' : 'an Application'}`, row.id), then, standing(finding, row.status), finding.result === 'fails', change);
}

/** Delegations and authority records never come to life again, so their times tell how they stood. */
function deadThen({ revokedAt, expiresAt }: { readonly revokedAt: string | undefined; readonly expiresAt: string }, at: number): string {
  if (revokedAt !== undefined && Date.parse(revokedAt) <= at) return 'dead: revoked';
  return Date.parse(expiresAt) <= at ? 'dead: expired' : 'active';
}

function comparedRow(name: string, then: string, now: string, isDead: boolean, change: string): Compared {
  return compare(name, then, now, { isSame: then === notRecorded || (then.startsWith('dead') ? isDead : then === 'active' && !isDead), isDead, change: isDead ? change : 'it was made after the request' });
}

function standing({ result, why, at }: { readonly result: LivenessCheck['result']; readonly why: string; readonly at: number | undefined }, status: string): string {
  if (result === 'holds') return 'active';
  return `${why.replace(/,$/, '')}${at === undefined ? '' : `, ${moment(at)}`}${status === 'active' ? '; its row still says active' : ''}`;
}

/** Sessions that nobody ends by a call: Caracal does it itself, and writes no row to the admin audit. */
const endedByItself: Readonly<Record<string, string>> = {
  ttl: 'its time was over; the Coordinator ended it', service_heartbeat_lost: 'it sent no heartbeat; the Coordinator ended it', subject_authority_inactive: 'the authority record of its user was not alive; the Coordinator ended it',
};

function whatEnded(parts: SectionParts, { id, parentId, terminationReason = '' }: SessionState, at: number): string {
  const itself = endedByItself[terminationReason];
  if (itself !== undefined) return itself;
  const by = whoEnded(parts, at, [id, ...(parentId === undefined ? [] : [parentId])], ({ path, method }) => /\/agents\/[^/]+/.test(path) && method !== 'POST');
  return terminationReason === '' || terminationReason === 'requested' ? by : `${terminationReason}, ${by}`;
}

function whoEnded({ surroundings: { changes } }: SectionParts, at: number, ids: readonly string[], isKind: (change: AdminChange) => boolean): string {
  return changerOf(changes, changeBy(changes, at, ids, isKind));
}

/** A hold, by what counts first (contract request-evidence 2.4). */
function approvalState({ consumedAt, rejectedAt, expiresAt, satisfiedAt, createdAt }: ApprovalRow, at: number): string {
  const isBefore = (time: string | undefined): boolean => time !== undefined && Date.parse(time) <= at;
  if (!isBefore(createdAt)) return notThere;
  if (isBefore(consumedAt)) return 'used';
  if (isBefore(rejectedAt)) return 'rejected';
  if (isBefore(expiresAt)) return 'expired';
  return isBefore(satisfiedAt) ? 'approved' : 'pending';
}

/** What a request itself did to a hold was so then. */
const doneByRequest: Partial<Readonly<Record<EventKind, (event: AuditEvent) => string>>> = { consumption: () => 'used', decision: ({ decision }) => decision, hold: () => 'pending' };

function ofApproval({ trace, evidence }: SectionParts, row: ApprovalRow, at: number | undefined): Compared {
  const { state } = evidence;
  const own = (askedHop(trace, evidence)?.events ?? []).filter((event) => metadataText(event, 'challenge_id') === row.id);
  const done = own.map((event) => doneByRequest[kindOf(event)]?.(event)).find((word) => word !== undefined);
  const now = approvalState(row, state.kind === 'row' ? state.row.now : 0);
  const then = done ?? (at === undefined ? notRecorded : approvalState(row, at));
  const by = now === 'expired' ? 'nobody decided it in time' : row.approverSubjectId === undefined ? '' : `decided by ${row.approverSubjectId}${row.decisionReason === undefined ? '' : `: ${row.decisionReason}`}`;
  return compare(named('Approval', row.id), then, now, { isSame: then === notRecorded || then === now, isDead: now === 'rejected' || now === 'expired', change: by });
}

function ofRevocations(parts: SectionParts, at: number | undefined): Compared {
  const { evidence: { state } } = parts;
  const name = 'Revocations';
  if (state.kind !== 'row') return { name, then: notRecorded, now: 'see where they are recorded', mark: 'unknown', change: '' };
  const ended = endedOf(parts);
  const before = ended.filter((one) => one.at !== undefined && at !== undefined && one.at <= at);
  const words = (number: number): string => (number === 0 ? 'none' : `${number} of what it needs`);
  return compare(name, at === undefined ? notRecorded : words(before.length), words(ended.length), { isSame: at === undefined || before.length === ended.length, isDead: ended.length > 0, change: 'see the rows above' });
}

function ofEpoch(parts: SectionParts): Compared {
  const { surroundings: { epoch, messages, changes } } = parts;
  const name = 'Delegation epoch';
  const then = mandateEpoch(parts);
  const thenWords = then === undefined ? notRecorded : String(then);
  if (epoch.kind !== 'row') return { name, then: thenWords, now: `cannot look: ${epoch.kind === 'absent' ? 'it was not read' : epoch.why}`, mark: 'unknown', change: '' };
  const { epoch: now, changedAt } = epoch.row;
  const newer = messages.kind === 'row' ? messages.row.epochs.filter(({ fields }) => then === undefined || Number(fields['epoch']) > then) : [];
  const said = newer.map(({ at, fields }) => `${eventWords[fields['event'] ?? ''] ?? fields['event'] ?? 'changed'}${fields['edge_id'] === undefined ? '' : ` ${shortId(fields['edge_id'])}`} at ${moment(at)}`);
  const by = changedAt === undefined ? '' : changerOf(changes, changeBy(changes, Date.parse(changedAt), newer.flatMap(({ fields }) => fields['edge_id'] ?? []), ({ path }) => /\/delegations(?:\/|$)/.test(path)));
  return compare(name, thenWords, String(now), { isSame: then === undefined || now === then, isDead: false, change: [...said, ...(by === '' ? [] : [`the last change ${by}`])].join('; ') });
}

const eventWords: Readonly<Record<string, string>> = { edge_create: 'Delegation created', edge_revoke: 'Delegation revoked', edge_expire: 'Delegations expired' };

function ofPolicy(parts: SectionParts): Compared {
  const { surroundings: { policy, changes } } = parts;
  const name = 'Policy in force';
  const decided = decidedVersion(parts);
  if (policy.kind !== 'row') return { name, then: decided === undefined ? notRecorded : named('version', decided), now: `cannot look: ${policy.kind === 'absent' ? 'it was not read' : policy.why}`, mark: 'unknown', change: '' };
  const { active, versions } = policy.row;
  const now = active === undefined ? 'none is active' : versionName(versions, active.activeVersionId);
  const then = decided === undefined ? notRecorded : versionName(versions, decided);
  const by = active === undefined ? '' : changerOf(changes, changeBy(changes, Date.parse(active.changedAt), [active.setId], ({ path }) => path.endsWith('/activate')));
  return compare(name, then, now, { isSame: decided === undefined || active?.activeVersionId === decided, isDead: active === undefined, change: active === undefined ? '' : `activated at ${moment(Date.parse(active.changedAt))} ${by}` });
}

/** `main, version 3`. */
export function versionName(versions: readonly PolicyVersion[], id: string): string {
  const version = versions.find((one) => one.id === id);
  return version === undefined ? named('version', id) : `${version.setName}, version ${version.version}`;
}

function ofApplications(parts: SectionParts, at: number | undefined): readonly Compared[] {
  const { surroundings: { applications, changes }, evidence: { state } } = parts;
  if (applications.kind !== 'row') return [{ name: 'Application', then: notRecorded, now: `cannot look: ${applications.kind === 'absent' ? 'it was not read' : applications.why}`, mark: 'unknown', change: '' }];
  const now = state.kind === 'row' ? state.row.now : Infinity;
  return applications.row.map(({ id, name, createdAt, expiresAt, archivedAt }) => {
    const stood = (when: number | undefined): string => {
      if (when === undefined) return notRecorded;
      if (Date.parse(createdAt) > when) return notThere;
      if (archivedAt !== undefined && Date.parse(archivedAt) <= when) return `archived, ${moment(Date.parse(archivedAt))}`;
      if (expiresAt !== undefined && when === Infinity) return 'cannot tell: the clock of Postgres was not read';
      return expiresAt !== undefined && Date.parse(expiresAt) <= when ? `expired, ${moment(Date.parse(expiresAt))}` : 'active';
    };
    const [then, standingNow] = [stood(at), stood(now)];
    const change = archivedAt === undefined ? 'time alone; nobody did it' : changerOf(changes, changeBy(changes, Date.parse(archivedAt), [id], ({ path }) => /\/applications\//.test(path)));
    return compare(`Application ${name}`, then, standingNow, { isSame: then === notRecorded || then === standingNow, isDead: standingNow !== 'active', change });
  });
}
