/**
 * Whether the STS would take a Session and a Delegation now: its checks of row 17, in its order. They leave no audit event,
 * and a row that says `active` may be dead all the same. Contract request-evidence 12.4 and 4.4; Caracal
 * services/sts/internal/exchange.go, validateSessionReferences. Times are ISO 8601; `now` is milliseconds since 1970 by the clock of the database.
 */

/** A row of a store, as far as it could be looked at. */
export type Known<Row> = { readonly kind: 'row'; readonly row: Row } | { readonly kind: 'absent' } | { readonly kind: 'cannot look'; readonly why: string };

export interface AuthorityRecordRow {
  readonly id: string;
  readonly type: 'user' | 'application';
  readonly subjectId: string;
  readonly status: string;
  readonly expiresAt: string;
  readonly revokedAt: string | undefined;
  readonly revokedReason: string | undefined;
}

export interface SessionRow {
  readonly id: string;
  readonly applicationId: string;
  readonly authorityRecordId: string;
  readonly lifecycle: string;
  readonly status: string;
  readonly startedAt: string;
  /** Seconds; undefined for a service. */
  readonly ttlSeconds: number | undefined;
  /** Of a service. */
  readonly heartbeatDeadlineAt: string | undefined;
  readonly terminatedAt: string | undefined;
  readonly terminationReason: string | undefined;
}

export interface DelegationRow {
  readonly id: string;
  readonly sourceSessionId: string;
  readonly targetSessionId: string;
  readonly issuerApplicationId: string;
  readonly receiverApplicationId: string;
  readonly parentId: string | undefined;
  readonly scopes: readonly string[];
  readonly constraints: Readonly<Record<string, unknown>>;
  readonly status: string;
  readonly expiresAt: string;
  readonly revokedAt: string | undefined;
}

/** What an exchange names, and what is in the stores of it. */
export interface Asked {
  readonly now: number;
  readonly applicationId: string;
  readonly authorityRecordId?: string | undefined;
  /** What is exchanged: of a mandate the authority record need not be the caller's own, and a session mandate is bound to its Session. */
  readonly subject: 'none' | 'session mandate' | 'gateway mandate';
  readonly sessionId?: string | undefined;
  readonly delegationId?: string | undefined;
  readonly scopes: readonly string[];
  readonly ttlSeconds?: number | undefined;
  readonly records: (id: string) => Known<AuthorityRecordRow>;
  readonly sessions: (id: string) => Known<SessionRow>;
  readonly delegations: (id: string) => Known<DelegationRow>;
}

/** One check of the STS. */
export interface LivenessCheck {
  /** What the STS answers where it fails. */
  readonly description: string;
  readonly of: 'authority record' | 'Session' | 'Delegation';
  readonly id: string;
  readonly result: 'holds' | 'fails' | 'cannot tell';
  /** Why, as words with the time that they end with, if there is one: `expired`, at 1785665680000. */
  readonly why: string;
  readonly at: number | undefined;
}

export type Finding = Pick<LivenessCheck, 'result' | 'why' | 'at'>;

const holds: Finding = { result: 'holds', why: '', at: undefined };
const fails = (why: string, at?: string): Finding => ({ result: 'fails', why, at: at === undefined ? undefined : Date.parse(at) });
const when = (isSo: boolean, why: string): Finding => (isSo ? holds : fails(why));

/** Most hops that the platform allows (Caracal services/sts/internal/exchange.go, maxDelegationHops). */
export const mostHops = 10;
/** Constraints that the STS knows; with another one it takes none. */
const knownConstraints = new Set(['resources', 'ttl_seconds', 'max_depth', 'max_hops', 'policy_approved', 'expires_at', 'broad_reason']);

/** The checks of row 17 up to the first one that fails, which is what the STS would answer; all of them where none does. */
export function livenessOf(asked: Asked): readonly LivenessCheck[] {
  const checks: LivenessCheck[] = [];
  for (const check of checksOf(asked)) {
    checks.push(check);
    if (check.result === 'fails') break;
  }
  return checks;
}

function* checksOf(asked: Asked): Generator<LivenessCheck> {
  const { applicationId, authorityRecordId = '', sessionId = '', delegationId = '', subject } = asked;
  if (authorityRecordId !== '') {
    const record = asked.records(authorityRecordId);
    const about = { of: 'authority record', id: authorityRecordId } as const;
    yield { description: 'authority record inactive or expired', ...about, ...ofRow(record, (row) => recordLiveness(row, asked.now)) };
    if (subject === 'none') yield { description: 'authority record not owned by caller', ...about, ...ofRow(record, ({ type, subjectId }) => when(type === 'application' && subjectId === applicationId, `belongs to ${type} ${subjectId}`)) };
  }
  if (delegationId !== '') {
    yield* delegationChecks(asked, delegationId, sessionId);
    return;
  }
  if (sessionId === '') return;
  const session = asked.sessions(sessionId);
  const about = { of: 'Session', id: sessionId } as const;
  yield { description: 'session inactive or expired', ...about, ...ofRow(session, (row) => sessionLiveness(row, asked)) };
  yield { description: 'session not owned by caller', ...about, ...ofRow(session, (row) => when(row.applicationId === applicationId, `belongs to Application ${row.applicationId}`)) };
  yield* bindingCheck(asked, session, sessionId);
}

/** A session mandate that is exchanged carries its authority record, which must be the one that the Session was started under. */
function* bindingCheck({ subject, authorityRecordId = '' }: Asked, session: Known<SessionRow>, id: string): Generator<LivenessCheck> {
  if (subject !== 'session mandate' || authorityRecordId === '') return;
  yield { description: 'session authority record binding mismatch', of: 'Session', id, ...ofRow(session, (row) => when(row.authorityRecordId === authorityRecordId, `was started under authority record ${row.authorityRecordId}`)) };
}

function* delegationChecks(asked: Asked, id: string, sessionId: string): Generator<LivenessCheck> {
  const { applicationId, scopes, ttlSeconds = 0, now } = asked;
  const about = { of: 'Delegation', id } as const;
  yield { description: 'delegation requires a target Session', ...about, ...when(sessionId !== '', 'no Session is named beside it') };
  const delegation = asked.delegations(id);
  const check = (description: string, judge: (row: DelegationRow) => Finding): LivenessCheck => ({ description, ...about, ...ofRow(delegation, judge) });
  yield check('delegation edge inactive or expired', (row) => delegationLiveness(row, now));
  yield check('delegation edge target mismatch', (row) => when(row.targetSessionId === sessionId, `is for Session ${row.targetSessionId}`));
  if (delegation.kind !== 'row') return;
  const { row: edge } = delegation;
  const [source, target] = [asked.sessions(edge.sourceSessionId), asked.sessions(edge.targetSessionId)];
  yield { description: 'delegation source inactive or expired', of: 'Session', id: edge.sourceSessionId, ...ofRow(source, (row) => sessionLiveness(row, asked)) };
  yield {
    description: 'delegation target inactive or unauthorized', of: 'Session', id: edge.targetSessionId,
    ...ofRow(target, (row) => {
      const liveness = sessionLiveness(row, asked);
      return liveness.result === 'fails' ? liveness : row.applicationId === applicationId ? liveness : fails(`belongs to Application ${row.applicationId}`);
    }),
  };
  yield* bindingCheck(asked, target, edge.targetSessionId);
  yield check('delegation application mismatch', (row) => {
    const issuer = source.kind === 'row' ? source.row.applicationId : row.issuerApplicationId;
    const receiver = target.kind === 'row' ? target.row.applicationId : row.receiverApplicationId;
    return when(row.issuerApplicationId === issuer && row.receiverApplicationId === receiver, `was made by Application ${row.issuerApplicationId} for ${row.receiverApplicationId}`);
  });
  yield check('delegation constraints invalid', ({ constraints }) => {
    const unknown = Object.keys(constraints).filter((name) => !knownConstraints.has(name));
    const [depth, hops] = [numberOf(constraints, 'max_depth'), numberOf(constraints, 'max_hops')];
    if (unknown.length > 0) return fails(`has a constraint that the STS does not know: ${unknown.join(', ')}`);
    return when(depth === 0 || hops === 0 || depth === hops, 'has a max_depth and another max_hops');
  });
  yield check('requested scopes exceed delegation scopes', (row) => {
    const missing = scopes.filter((scope) => !row.scopes.includes(scope));
    return when(missing.length === 0, `does not carry ${missing.join(', ')}`);
  });
  yield check('requested ttl exceeds delegation ttl', ({ constraints }) => {
    const most = numberOf(constraints, 'ttl_seconds');
    return when(most === 0 || ttlSeconds <= most, `allows ${most} s, asked were ${ttlSeconds} s`);
  });
  yield check('delegation hop limit exceeds platform maximum', (row) => when(hopsOf(row) <= mostHops, `allows ${hopsOf(row)} hops, the platform ${mostHops}`));
  yield* lineageChecks(asked, edge);
}

/** The Delegations that this one was made from, from the first one on. */
function* lineageChecks({ delegations, now }: Asked, edge: DelegationRow): Generator<LivenessCheck> {
  const lineage: DelegationRow[] = [edge];
  for (let parent = edge.parentId; parent !== undefined && lineage.length <= mostHops; ) {
    const known = delegations(parent);
    const about = { description: 'delegation path invalid', of: 'Delegation', id: parent } as const;
    if (known.kind !== 'row') {
      yield { ...about, ...ofRow(known, () => holds) };
      return;
    }
    lineage.unshift(known.row);
    parent = known.row.parentId;
  }
  const most = Math.min(hopsOf(edge), mostHops);
  yield { description: 'delegation path invalid', of: 'Delegation', id: edge.id, ...when(lineage.length <= most, `is hop ${lineage.length} of its chain, and allows ${most}`) };
  for (const [place, hop] of lineage.entries()) {
    const about = { of: 'Delegation', id: hop.id } as const;
    const before = lineage[place - 1];
    if (hop !== edge) yield { description: 'delegation path edge inactive or revoked', ...about, ...delegationLiveness(hop, now) };
    if (before !== undefined) yield { description: 'delegation chain discontinuous', ...about, ...when(hop.issuerApplicationId === before.receiverApplicationId, `was made by Application ${hop.issuerApplicationId}, and the one before it for ${before.receiverApplicationId}`) };
  }
}

function ofRow<Row>(known: Known<Row>, judge: (row: Row) => Finding): Finding {
  switch (known.kind) {
    case 'row':
      return judge(known.row);
    case 'absent':
      return fails('is not there');
    case 'cannot look':
      return { result: 'cannot tell', why: known.why, at: undefined };
  }
}

/** Whether an authority record is alive. Its row says `active` until a job has looked, every 5 minutes. */
export function recordLiveness({ status, expiresAt, revokedAt, revokedReason }: AuthorityRecordRow, now: number): Finding {
  if (status !== 'active') return fails(`${status}${revokedReason === undefined ? '' : `, ${revokedReason},`}`, revokedAt);
  return Date.parse(expiresAt) > now ? holds : fails('expired', expiresAt);
}

/** Whether a Delegation is alive. */
export function delegationLiveness({ status, expiresAt, revokedAt }: DelegationRow, now: number): Finding {
  if (status !== 'active' || revokedAt !== undefined) return fails(status === 'active' ? 'revoked' : status, revokedAt);
  return Date.parse(expiresAt) > now ? holds : fails('expired', expiresAt);
}

/** Whether a Session is alive. Its row says `active` until a sweeper has looked, every 30 or 60 s. */
export function sessionLiveness(session: SessionRow, { records, now }: Pick<Asked, 'records' | 'now'>): Finding {
  const { status, lifecycle, startedAt, ttlSeconds = 0, heartbeatDeadlineAt, terminatedAt, terminationReason } = session;
  if (status !== 'active') return fails(`${status}${terminationReason === undefined ? '' : `, ${terminationReason},`}`, terminatedAt);
  if (lifecycle === 'service') {
    if (heartbeatDeadlineAt === undefined) return fails('has no heartbeat');
    if (Date.parse(heartbeatDeadlineAt) <= now) return fails('sent no heartbeat; its lease ended', heartbeatDeadlineAt);
  } else {
    const end = Date.parse(startedAt) + ttlSeconds * 1_000;
    if (end <= now) return { result: 'fails', why: `its ${ttlSeconds} s ended`, at: end };
  }
  const record = records(session.authorityRecordId);
  if (record.kind === 'cannot look') return { result: 'cannot tell', why: `of its authority record: ${record.why}`, at: undefined };
  if (record.kind === 'absent' || record.row.type !== 'user') return holds;
  const ofUser = recordLiveness(record.row, now);
  return ofUser.result === 'holds' ? holds : { ...ofUser, why: `the authority record of its user is ${ofUser.why}` };
}

function hopsOf({ constraints }: DelegationRow): number {
  return numberOf(constraints, 'max_hops') || numberOf(constraints, 'max_depth') || 1;
}

function numberOf(constraints: DelegationRow['constraints'], name: string): number {
  const value = constraints[name];
  return typeof value === 'number' ? value : 0;
}
