import * as z from 'zod';

const text = z.string().nullish().transform((value) => value ?? '');

/** A row of the audit as the Admin API gives it, which says nothing by `""` as well as by null. Contract request-evidence 2.2 and 7.1. */
export const auditEventSchema = z.object({
  id: z.string(),
  event_type: z.string(),
  request_id: text,
  decision: text,
  policy_set_version_id: text,
  manifest_sha: text,
  evaluation_status: text,
  determining_policies_json: z.array(z.object({ policy: z.string() })).nullish().transform((value) => value ?? []),
  diagnostics_json: z.array(z.record(z.string(), z.unknown())).nullish().transform((value) => value ?? []),
  metadata_json: z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? {}),
  /** By the clock of the service that wrote it; by the API to the millisecond. */
  occurred_at: z.iso.datetime(),
  ingested_at: z.string().nullish().transform((value) => value ?? undefined),
});

export type AuditEvent = z.infer<typeof auditEventSchema>;

/** What an event tells of: a `token_exchange` is several things. Contract request-evidence 4.3 and 7.2. */
export type EventKind =
  | 'bootstrap' | 'federation' | 'mint' | 'use' | 'control key' | 'workload'
  /** An exchange that was refused before anybody could say which kind it is. */
  | 'exchange'
  /** No resource of an exchange was granted; the reasons are in the events beside it. */
  | 'nothing granted'
  | 'gateway call' | 'replay' | 'jti collision' | 'hold' | 'decision' | 'consumption' | 'launch' | 'control call' | 'credential revealed' | 'other';

const kindsByType: Readonly<Record<string, EventKind>> = {
  gateway_resource_request: 'gateway call', replay_detected: 'replay', jti_collision: 'jti collision', step_up_issued: 'hold', step_up_decided: 'decision',
  step_up_consumed: 'consumption', run_launch: 'launch', 'control.invoke': 'control call', credential_revealed: 'credential revealed',
};

/** What is called where no resource is. */
export const namesByKind: Partial<Readonly<Record<EventKind, string>>> = { 'control call': 'Control', launch: 'Launch', federation: 'Sign-in' };

/** Statuses that only a call through the Gateway meets. Contract request-evidence 7.4. */
const gatewayStatuses = new Set(['operation_not_permitted', 'provider_unavailable', 'credential_not_provisioned', 'credential_refresh_failed', 'provider_credential_unavailable']);

/** What an event tells of. */
export function kindOf(event: AuditEvent): EventKind {
  if (event.event_type !== 'token_exchange') return kindsByType[event.event_type] ?? 'other';
  const status = event.evaluation_status;
  if (status === 'exchange_denied') return 'nothing granted';
  if (status.startsWith('subject_federation_')) return 'federation';
  if (metadataText(event, 'workload_id') !== '') return 'workload';
  const [policy = ''] = event.determining_policies_json.map(({ policy: name }) => name);
  if (policy === 'control-key') return 'control key';
  if (policy === 'caracal-subject-federation') return 'federation';
  if (policy === 'caracal-bootstrap') return 'bootstrap';
  if (policy.endsWith('-mint')) return 'mint';
  if (policy.endsWith('-use') || gatewayStatuses.has(status)) return 'use';
  const scopes = event.metadata_json['requested_scopes'];
  if (!Array.isArray(scopes)) return 'exchange';
  if (scopes.length > 0) return metadataText(event, 'agent_session_id') === '' ? 'bootstrap' : 'mint';
  return metadataText(event, 'delegation_edge_id') === '' ? 'exchange' : 'use';
}

/** A text of the metadata; `""` where there is none. */
export function metadataText(event: AuditEvent, name: string): string {
  const value = event.metadata_json[name];
  return typeof value === 'string' ? value : '';
}

/** Whether the policy asks for an approval; its decision is allow all the same. */
export function asksForApproval({ diagnostics_json: diagnostics }: AuditEvent): boolean {
  return diagnostics.some((entry) => 'step_up_required' in entry);
}
