import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import type { Captured } from '../../src/trace/capture.ts';
import type { Known } from '../../src/trace/liveness.ts';
import type { Evidence } from '../../src/trace/read.ts';
import type { SectionParts } from '../../src/trace/sectionParts.ts';
import type { DelegationState, RecordState, SessionState, StateRows } from '../../src/trace/stateRows.ts';
import type { Block, Cell, Section } from '../../src/trace/story.ts';
import type { Surroundings } from '../../src/trace/surroundings.ts';
import { traceOf } from '../../src/trace/trace.ts';

/** The request is at 0 s, and now is 600 s later. */
const requestAt = Date.UTC(2026, 7, 2, 10, 0, 0);
export const at = (seconds: number): string => new Date(requestAt + seconds * 1_000).toISOString();
export const nowSeconds = 600;
export const row = <Row>(value: Row): Known<Row> => ({ kind: 'row', row: value });

export const session = (id: string, more: Partial<SessionState> = {}): SessionState => ({
  id, applicationId: 'app', authorityRecordId: 'rec', lifecycle: 'task', status: 'active', startedAt: at(-100), ttlSeconds: 3_600, heartbeatDeadlineAt: undefined, terminatedAt: undefined, terminationReason: undefined, updatedAt: at(-100), ...more,
});
export const delegation = (more: Partial<DelegationState> = {}): DelegationState => ({
  id: 'edge', sourceSessionId: 'source', targetSessionId: 'target', issuerApplicationId: 'app', receiverApplicationId: 'app', parentId: undefined, scopes: ['invoice:read'], constraints: { max_hops: 2 }, status: 'active', expiresAt: at(3_600),
  revokedAt: undefined, createdAt: at(-90), resourceId: 'res-1', version: 0, ...more,
});
export const record = (more: Partial<RecordState> = {}): RecordState => ({ id: 'rec', type: 'application', subjectId: 'app', status: 'active', expiresAt: at(3_600), revokedAt: undefined, revokedReason: undefined, createdAt: at(-100), ...more });

export const event = (more: Partial<Record<keyof AuditEvent, unknown>> = {}): AuditEvent => auditEventSchema.parse({
  id: `event-${JSON.stringify(more).length}-${String(more.event_type)}`, event_type: 'token_exchange', request_id: 'request-1', decision: 'allow', policy_set_version_id: 'version-1', evaluation_status: 'complete', occurred_at: at(0),
  determining_policies_json: [{ policy: 'caracal-orders-mint' }], diagnostics_json: [],
  ...more,
  metadata_json: { application_id: 'app', application_registration_method: 'managed', resource: 'billing-api', requested_scopes: ['invoice:read'], session_id: '', agent_session_id: 'target', delegation_edge_id: 'edge', agent_lifecycle: 'task', agent_labels: ['reader'], delegation_graph_epoch: 7, ...(more.metadata_json as object | undefined) },
});

export interface Given {
  readonly captured?: Partial<Captured>;
  readonly events?: readonly AuditEvent[];
  readonly state?: Partial<StateRows>;
  readonly evidence?: Partial<Evidence>;
  readonly around?: Partial<Surroundings>;
}

/** A mint that all is well with, but for what is given. */
export function partsOf({ captured: given = {}, events = [event()], state = {}, evidence: more = {}, around = {} }: Given = {}): SectionParts {
  const captured: Captured = { what: 'an id', requestId: 'request-1', ...given };
  const rows: StateRows = { now: Date.parse(at(nowSeconds)), sessions: [session('source'), session('target')], delegations: [delegation()], records: [record()], approvals: [], ...state };
  const evidence: Evidence = { zoneId: 'zone-1', requestId: 'request-1', events, covered: [], firstUse: { kind: 'absent' }, state: row(rows), notRead: [], ...more };
  const surroundings: Surroundings = {
    anchors: ['rec', 'target', 'edge'], epoch: row({ epoch: 7, changedAt: at(-90) }),
    policy: row({ versions: [version(1, ['grants-1', 'ids-1'])], active: { setId: 'set', activeVersionId: 'version-1', changedAt: at(-5_000) } }),
    texts: row([{ id: 'grants-1', policyId: 'grants', name: 'grants', version: 1, content: 'package caracal.authz\n\ngrants := {}\n' }, { id: 'ids-1', policyId: 'ids', name: 'ids', version: 1, content: 'app_ids := {}\n' }]),
    applications: row([{ id: 'app', name: 'Orders', registrationMethod: 'managed', createdAt: at(-9_000), expiresAt: undefined, archivedAt: undefined }]),
    resources: row([{ id: 'res-1', identifier: 'billing-api', name: 'Billing', scopes: ['invoice:read', 'invoice:write'], archivedAt: undefined }]),
    changes: row([]), apiOutbox: row([]), coordinatorOutbox: row([]), messages: row({ revocations: [], dead: [], epochs: [] }), gateway: row({ active: 0, snapshotAge: 12, isFresh: true }),
    resourceServers: row({ revoked: new Set<string>(), epoch: undefined }), firstUse: { kind: 'absent' }, ...around,
  };
  return { captured, trace: traceOf(captured, evidence), evidence, surroundings };
}

export function version(number: number, policyVersionIds: readonly string[]) {
  return { id: `version-${number}`, setId: 'set', setName: 'main', version: number, schemaVersion: '2026-05-20', policyVersionIds: [...policyVersionIds], createdBy: 'ana', createdAt: at(-6_000) };
}

/** What is told, with its moments as seconds since the request: `30 s`. */
export function inSeconds<Told>(told: Told): Told {
  const text = JSON.stringify(told).replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, (iso) => `${(Date.parse(iso) - requestAt) / 1_000} s`);
  return JSON.parse(text) as Told;
}

/** Texts and list items of a section. */
export function textsOf(section: Section): readonly string[] {
  const { blocks } = inSeconds(section);
  return blocks.flatMap((block: Block) => (block.kind === 'text' ? [block.cell.text] : block.kind === 'list' ? block.items.map(({ text }) => text) : []));
}

/** A row of any table of a section, by the beginning of its first cell. */
export function rowOf(section: Section, first: string): readonly Cell[] {
  const { blocks } = inSeconds(section);
  const rows = blocks.flatMap((block) => (block.kind === 'table' ? [...block.rows, ...(block.folded?.rows ?? [])] : []));
  const found = rows.find(([cell]) => cell?.text.startsWith(first) === true);
  if (found === undefined) throw new Error(`no row ${first}: ${rows.map(([cell]) => cell?.text ?? '').join(', ')}`);
  return found;
}
