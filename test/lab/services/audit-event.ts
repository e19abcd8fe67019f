/** One audit event on its way to the stream (contract, storage 9.4; request evidence 7.1). */
export type AuditEvent = {
  id: string;
  zone_id: string;
  event_type: string;
  request_id: string;
  decision: string;
  policy_set_version_id?: string;
  manifest_sha?: string;
  evaluation_status: string;
  determining_policies_json: unknown;
  diagnostics_json: unknown;
  metadata_json?: unknown;
  occurred_at: string;
};

/** The event's JSON text with its keys in the producers' order; empty optional texts are left out. */
export function auditData(event: AuditEvent): string {
  const {
    id, zone_id, event_type, request_id, decision, policy_set_version_id, manifest_sha, evaluation_status,
    determining_policies_json, diagnostics_json, metadata_json, occurred_at,
  } = event;
  return JSON.stringify({
    id, zone_id, event_type, request_id, decision,
    policy_set_version_id: policy_set_version_id === '' ? undefined : policy_set_version_id,
    manifest_sha: manifest_sha === '' ? undefined : manifest_sha,
    evaluation_status, determining_policies_json, diagnostics_json, metadata_json, occurred_at,
  });
}

let last = 0;

/** The time as a Go service writes it: finer than a millisecond, and never the same twice in one process. */
export function goTime(): string {
  last = Math.max(Date.now() * 1000, last + 1);
  return `${new Date(Math.floor(last / 1000)).toISOString().slice(0, -1)}${String(last % 1000).padStart(3, '0')}Z`;
}
