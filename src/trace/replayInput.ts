/**
 * The input of the policy as the STS made it for a decision, put together again for a simulation. What Caracal's own
 * explain rebuilds lacks most of it, and so gives another reason. Contract request-evidence 2.6 and 9.
 */
import { kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import { askedHop, metadataNumber } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import { shortId } from './words.ts';

/** A field that the event alone does not give. */
export interface ReplayField {
  readonly field: string;
  /** Where it was taken from, or why it is missing. */
  readonly words: string;
}

export interface ReplayInput {
  readonly kind: 'input';
  /** The decision that is simulated again. */
  readonly event: AuditEvent;
  readonly policySetId: string;
  readonly versionId: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly added: readonly ReplayField[];
  readonly missing: readonly ReplayField[];
}

/** Input of this version of the contract is what the fields here are of. */
const schemaVersion = '2026-05-20';

/** The decision of the policy that tells most about the request, as an input; or why there is none to simulate. */
export function replayInput(parts: SectionParts): ReplayInput | { readonly kind: 'none'; readonly why: string } {
  const { trace, evidence, surroundings: { policy } } = parts;
  const asked = askedHop(trace, evidence)?.events ?? [];
  const decided = asked.filter((event) => event.policy_set_version_id !== '' && ['mint', 'use', 'bootstrap', 'workload', 'exchange'].includes(kindOf(event)));
  const event = decided.find(({ decision }) => decision === 'deny') ?? decided[0];
  if (event === undefined) return { kind: 'none', why: asked.length === 0 ? 'the audit holds no event of this request' : 'no policy was asked for this request' };
  if (policy.kind !== 'row') return { kind: 'none', why: `the policy set cannot be looked at: ${policy.kind === 'absent' ? 'it was not read' : policy.why}` };
  const version = policy.row.versions.find(({ id }) => id === event.policy_set_version_id);
  if (version === undefined) return { kind: 'none', why: 'the version that decided is not in Postgres any more' };
  const maker = new InputMaker(parts, event);
  const input = maker.make(version.schemaVersion);
  if (version.schemaVersion !== schemaVersion) maker.missing.push({ field: 'schema_version', words: `the version is of contract ${version.schemaVersion}, and this input of ${schemaVersion}` });
  return { kind: 'input', event, policySetId: version.setId, versionId: version.id, input, added: maker.added, missing: maker.missing };
}

class InputMaker {
  readonly added: ReplayField[] = [];
  readonly missing: ReplayField[] = [];
  readonly #parts: SectionParts;
  readonly #event: AuditEvent;

  constructor(parts: SectionParts, event: AuditEvent) {
    this.#parts = parts;
    this.#event = event;
  }

  make(version: string): Readonly<Record<string, unknown>> {
    const isWorkload = kindOf(this.#event) === 'workload';
    const [sessionId, delegationId, recordId] = [this.#text('agent_session_id'), this.#text('delegation_edge_id'), this.#recordId()];
    return {
      schema_version: version,
      principal: this.#principal(isWorkload),
      resource: this.#resource(),
      action: { id: isWorkload ? 'CredentialInjection' : 'TokenExchange', ...this.#operation() },
      ...(recordId === undefined ? {} : { session: { id: recordId } }),
      ...(delegationId === undefined ? {} : { delegation_edge: this.#delegation(delegationId) }),
      context: {
        actor_claims: this.#actor(isWorkload),
        ...this.#subject(),
        trace_id: this.#event.request_id,
        ...(recordId === undefined ? {} : { session_id: recordId }),
        ...(sessionId === undefined ? {} : { agent_session_id: sessionId }),
        ...(delegationId === undefined ? {} : { delegation_edge_id: delegationId }),
        challenge_resolved: this.#isResolved(),
        requested_scopes: this.#scopes(),
      },
    };
  }

  #text(name: string): string | undefined {
    const value = metadataText(this.#event, name);
    return value === '' || value === '[redacted]' ? undefined : value;
  }

  #add(field: string, words: string): void {
    this.added.push({ field, words });
  }

  #lack(field: string, words: string): void {
    this.missing.push({ field, words });
  }

  #scopes(): readonly unknown[] {
    const scopes = this.#event.metadata_json['requested_scopes'];
    return Array.isArray(scopes) ? scopes : [];
  }

  /** The API masks it; a mandate in hand that was presented for a use has it. */
  #recordId(): string | undefined {
    const own = this.#text('session_id');
    if (own !== undefined) return own;
    const { sid } = kindOf(this.#event) === 'use' ? (this.#parts.captured.mandate?.claims ?? {}) : {};
    if (sid !== undefined) this.#add('session.id', 'from the mandate in hand');
    else if (metadataText(this.#event, 'session_id') === '[redacted]') this.#lack('session.id', 'the API masks it');
    return sid;
  }

  #principal(isWorkload: boolean): Readonly<Record<string, unknown>> {
    const { zoneId } = this.#parts.evidence;
    if (isWorkload) {
      this.#add('principal.type', 'a workload, which explain takes for an Application');
      return { type: 'Workload', id: this.#text('workload_id') ?? '', zone_id: zoneId };
    }
    const sessionId = this.#text('agent_session_id');
    const labels = this.#event.metadata_json['agent_labels'];
    return {
      type: 'Application', id: this.#text('application_id') ?? '', zone_id: zoneId, registration_method: this.#text('application_registration_method') ?? '',
      ...(sessionId === undefined ? {} : { agent_session_id: sessionId, lifecycle: this.#text('agent_lifecycle') ?? '', labels: Array.isArray(labels) ? labels : [] }),
    };
  }

  /** Explain puts the requested scopes where the declared ones belong. */
  #resource(): Readonly<Record<string, unknown>> {
    const identifier = this.#text('resource') ?? '';
    const { resources } = this.#parts.surroundings;
    const row = resources.kind === 'row' ? resources.row.find((one) => one.identifier === identifier && one.archivedAt === undefined) : undefined;
    if (row === undefined) {
      this.#lack('resource.id, resource.scopes', resources.kind === 'cannot look' ? `cannot look: ${resources.why}` : 'the zone has no such resource now');
      return { type: 'Resource', identifier, scopes: this.#scopes() };
    }
    this.#add('resource.id, resource.scopes', 'from its row, as it is now');
    return { type: 'Resource', id: row.id, identifier, scopes: row.scopes };
  }

  /** Only a use goes to an operation. Its event of the Gateway has the method; the path is in none. */
  #operation(): Readonly<Record<string, unknown>> {
    if (kindOf(this.#event) !== 'use') return {};
    const { trace, evidence } = this.#parts;
    const call = (askedHop(trace, evidence)?.events ?? []).find((event) => kindOf(event) === 'gateway call');
    const [method, path] = [this.#text('method') ?? (call === undefined ? undefined : metadataText(call, 'method')), this.#text('path')];
    if (method !== undefined) this.#add('action.method', 'from the event of the Gateway');
    else this.#lack('action.method', 'no event of the Gateway tells it');
    if (path === undefined) this.#lack('action.path', 'Caracal does not record it; no rule of the contract looks at it');
    return { ...(method === undefined ? {} : { method }), ...(path === undefined ? {} : { path }) };
  }

  #delegation(id: string): Readonly<Record<string, unknown>> {
    const { state } = this.#parts.evidence;
    const rows = state.kind === 'row' ? state.row.delegations : [];
    const row = rows.find((one) => one.id === id);
    const graphEpoch = metadataNumber([this.#event], 'delegation_graph_epoch');
    if (graphEpoch === undefined) this.#lack('delegation_edge.graph_epoch', 'the event does not tell it');
    const epoch = graphEpoch === undefined ? {} : { graph_epoch: graphEpoch };
    if (row === undefined) {
      this.#lack('delegation_edge', state.kind === 'cannot look' ? `its row cannot be looked at: ${state.why}` : 'its row is gone');
      return { id, ...epoch };
    }
    this.#add('delegation_edge', `scopes, Sessions, Applications and constraints from the row of Delegation ${shortId(id)}, which never change`);
    const path = this.#path(id, rows);
    const { sourceSessionId, targetSessionId, issuerApplicationId, receiverApplicationId, resourceId, scopes, constraints, version, revokedAt } = row;
    // The version grows when a Delegation is revoked, and at no other time.
    const edgeVersion = version === undefined ? undefined : Math.max(0, version - (revokedAt === undefined ? 0 : 1));
    if (edgeVersion !== undefined && revokedAt !== undefined) this.#add('delegation_edge.edge_version', 'one less than now: the Delegation was revoked');
    return {
      id, source_session_id: sourceSessionId, target_session_id: targetSessionId, issuer_application_id: issuerApplicationId, receiver_application_id: receiverApplicationId,
      ...(resourceId === undefined ? {} : { resource_id: resourceId }), scopes, ...(edgeVersion === undefined ? {} : { edge_version: edgeVersion }), path, ...epoch, constraints_json: constraints,
    };
  }

  /** From the first Delegation of the chain to this one. */
  #path(id: string, rows: readonly { readonly id: string; readonly parentId: string | undefined }[]): readonly string[] {
    const path: string[] = [];
    for (let next: string | undefined = id; next !== undefined && !path.includes(next); ) {
      path.unshift(next);
      next = rows.find((row) => row.id === next)?.parentId;
    }
    return path;
  }

  #actor(isWorkload: boolean): Readonly<Record<string, unknown>> {
    if (isWorkload) return {};
    this.#add('context.actor_claims', 'the Application that asked');
    return { caracal_client_id: this.#text('application_id') ?? '' };
  }

  /** Without them a use has no shape that the policy knows. */
  #subject(): Readonly<Record<string, unknown>> {
    if (kindOf(this.#event) !== 'use') return {};
    const { captured, trace } = this.#parts;
    const [resource, sessionId, delegationId] = ['resource', 'agent_session_id', 'delegation_edge_id'].map((name) => this.#text(name));
    const claims = captured.mandate?.claims;
    if (claims?.use === 'gateway' && claims.delegation_edge_id === delegationId && claims.agent_session_id === sessionId) {
      this.#add('context.subject_claims', 'from the mandate in hand');
      return { subject_claims: { scope: claims.scope ?? '', target: claims.target ?? [], ...(delegationId === undefined ? {} : { delegation_edge_id: delegationId }) } };
    }
    const mint = trace.hops.find(({ kind, join }) => (kind === 'mint' || kind === 'retry') && join !== undefined);
    const minted = (mint?.events ?? []).filter((event) => kindOf(event) === 'mint' && event.decision === 'allow');
    const scopes = minted.find((event) => metadataText(event, 'resource') === resource)?.metadata_json['requested_scopes'];
    if (mint === undefined || !Array.isArray(scopes)) {
      this.#lack('context.subject_claims', 'neither the mandate nor its mint is known; the policy will say no_rule_matched');
      return {};
    }
    this.#add('context.subject_claims', `from the mint that it belongs to, request ${shortId(mint.requestId)}, ${mint.join?.certainty ?? 'likely'}`);
    return { subject_claims: { scope: scopes.join(' '), target: minted.map((event) => metadataText(event, 'resource')), ...(delegationId === undefined ? {} : { delegation_edge_id: delegationId }) } };
  }

  #isResolved(): boolean {
    const { trace, evidence } = this.#parts;
    const isResolved = (askedHop(trace, evidence)?.events ?? []).some((event) => kindOf(event) === 'consumption');
    if (isResolved) this.#add('context.challenge_resolved', 'the approval was used by this request');
    return isResolved;
  }
}
