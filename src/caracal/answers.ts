/** The error codes that Caracal answers with, by who answers: contract readiness 4.3 to 4.9, request-evidence 11.2. */
import { place, postgresChecks, redisChecks, stsChecks } from './places.ts';
import type { Place } from './places.ts';

/** Who answers: the services, Control, which the api carries, and the verifier of a resource. */
export const surfaces = ['api', 'control', 'sts', 'gateway', 'coordinator', 'audit', 'web', 'resource'] as const;
export type Surface = (typeof surfaces)[number];

export const surfaceNames: Readonly<Record<Surface, string>> = {
  api: 'The API', control: 'Control', sts: 'The STS', gateway: 'The Gateway', coordinator: 'The Coordinator', audit: 'Audit', web: 'web', resource: 'The resource',
};

const codes = (text: string): readonly string[] => text.trim().split(/\s+/);

/** By status of HTTP. The exchange of the STS and the calls of the Gateway are in `refusals`, with their descriptions. */
export const answerCodes: Readonly<Record<Surface, Readonly<Record<number, readonly string[]>>>> = {
  api: {
    400: codes(`
      invalid_body invalid_params invalid_query invalid_cursor invalid_fields no_fields invalid_admin_token_id invalid_admin_token_request zone_id_required zone_id_not_allowed_for_global
      invalid_application client_secret_not_configured invalid_provider invalid_provider_config invalid_provider_identifier invalid_provider_connection invalid_provider_connection_revoke
      invalid_provider_oauth_authorize provider_authorization_endpoint_invalid provider_check_unsupported provider_config_required provider_connection_unsupported
      api_key_required_for_base_url_change invalid_issuer invalid_resource invalid_resource_identifier resource_verification_unsupported operation_duplicate operation_method_and_path_required
      operation_path_must_be_absolute operation_scope_not_in_resource_scopes invalid_sink invalid_sink_url invalid_subject_issuer invalid_subject_revoke invalid_workload duplicate_credential_env
      invalid_credential_env invalid_zone dcr_shutdown_not_applicable rate_limit_above_ceiling retention_above_limit invalid_cancel invalid_conversation invalid_credentials invalid_decision
      invalid_execute invalid_message invalid_plan invalid_turn invalid_turn_content content_too_large plan_validation_failed
      invalid_oauth_callback oauth_state_expired oauth_state_invalid oauth_state_mismatch provider_oauth_denied authorization_code_required provider_token_endpoint_not_allowed`),
    401: codes('invalid_admin_token invalid_account_assertion'),
    403: codes(`
      admin_token_read_only admin_token_approve_only approve_capability_required admin_token_zone_mismatch system_zone_read_only account_scope_required zone_forbidden
      admin_token_management_requires_global admin_token_management_forbidden_for_derived_token control_resource_not_grantable grant_scopes_exceed_resource trait_count_exceeded trait_duplicate
      trait_forbidden trait_invalid dcr_disabled subject_approval_required capability_forbidden mode_forbidden zone_not_governed`),
    404: codes(`
      zone_not_found application_not_found client_secret_not_stored resource_not_found provider_not_found provider_connection_not_found grant_not_found policy_not_found policy_set_not_found
      policy_set_version_not_found version_not_found policy_set_binding_not_found active_policy_set_version_not_found approval_not_found admin_token_not_found sink_not_found subject_issuer_not_found
      subject_not_found workload_not_found workload_secret_not_stored request_not_found conversation_not_found plan_not_found run_not_found step_not_found`),
    409: codes(`
      reserved_namespace application_name_taken approval_not_decidable dcr_shutdown_required policy_set_name_conflict referenced_policy_version_missing protected_resource resource_identifier_conflict
      resource_quota_exceeded provider_identifier_conflict sink_limit_reached subject_issuer_exists subject_issuer_limit_reached workload_name_taken zone_slug_conflict ai_unavailable
      governed_execution_unconfigured conversation_archived plan_already_decided plan_already_executed plan_already_satisfied plan_blocked plan_credentials_required plan_invalid plan_not_approved
      plan_not_resumable plan_rejected plan_state_changed run_settled step_needs_no_credentials`),
    422: codes('invalid_rego invalid_policy_bundle invalid_policy_contract provider_check_failed provider_discovery_failed resource_check_failed capability_not_executable execution_failed'),
    429: codes(`
      rate_limited dcr_limit_exceeded dcr_rate_limit_exceeded provider_discovery_rate_limited provider_test_rate_limited resource_test_rate_limited operator_concurrency_limit_exceeded ai_budget_exceeded`),
    500: codes('internal_error admin_token_mint_failed audit_unavailable ai_failed'),
    502: codes('secret_backend_unavailable ai_provider_error ai_stream_interrupted ai_unreachable provider_token_exchange_failed provider_token_response_invalid provider_token_type_unsupported'),
    503: codes('policy_verification_unavailable service_unconfigured dcr_shutdown_unavailable operator_concurrency_lease_lost'),
  },
  control: {
    400: ['invalid'], 401: codes('unauthorized token_replay'), 403: ['denied'], 404: ['not_found'], 409: codes('zone_mismatch conflict'), 429: ['rate_limited'], 500: ['audit_unavailable'],
    501: ['unsupported'], 502: ['upstream'], 503: ['control_disabled'],
  },
  // What `refusals` does not have: keys, approvals, simulation.
  sts: { 400: ['zone_invalid'], 404: ['resource_not_found'], 409: ['access_denied'], 422: ['policy_eval_failed'] },
  // An answer of something else at the address of the STS; the reload of revocations.
  gateway: { 404: ['sts_unavailable'], 503: ['revocation_reload_failed'] },
  coordinator: {
    400: codes(`
      invalid_params invalid_query invalid_body invalid_cursor idempotency_key_multiple idempotency_key_invalid subject_session_id_required lease_generation_required delegation_expiry_required
      self_delegation_denied invalid_delegation_constraint invalid_max_hops delegation_resource_scope_mismatch invalid_request missing_token`),
    401: codes('missing_token invalid_token identity_revoked authority_record_required invalid_subject_proof token_invalid'),
    403: codes(`
      operator_token_required missing_scope zone_mismatch application_ownership_required parent_ownership_required issuer_ownership_required invoker_ownership_required coordinator_admin_required
      broad_delegation_permission_required delegation_scopes_exceed_resource delegation_exceeds_parent_authority subject_proof_application_mismatch`),
    404: codes(`
      session_not_found application_not_found parent_not_found delegation_not_found delegation_endpoint_not_found resource_not_found agent_service_not_found invocation_not_found dead_outbox_not_found`),
    409: codes(`
      idempotency_key_conflict idempotency_result_inactive session_not_found_or_not_active session_not_found_or_not_suspended session_not_service session_suspended session_not_live
      session_subject_inactive session_lease_expired session_lease_fenced task_session_cannot_start_service dcr_application_cannot_host_service dcr_application_cannot_be_child
      dcr_application_cannot_start_child dcr_application_already_bound delegation_application_mismatch delegation_cycle_denied invocation_not_startable invocation_not_cancelable
      invocation_not_completable`),
    429: codes('rate_limited session_zone_limit_exceeded session_limit_exceeded session_children_limit_exceeded session_depth_limit_exceeded idempotency_receipt_limit_exceeded'),
    500: codes('internal_error audit_unavailable'),
  },
  // Plain text.
  audit: { 400: ['zone_id is required'], 401: ['unauthorized'], 404: ['not found'], 500: ['search failed'] },
  web: {
    400: codes('invalid_request email_confirmation_required zone_and_key_required client_secret_required at_least_one_permission_required invalid_ttl not_a_control_key scope_not_granted ttl_exceeds_key_maximum'),
    401: ['unauthenticated'], 403: codes('access_denied cross_site_request_blocked registration_not_permitted zone_forbidden system_zone_read_only'),
    404: codes('not_found zone_not_found control_key_not_found'), 405: ['method_not_allowed'], 409: ['control_lifecycle_failed'], 500: ['internal_error'],
    502: codes('upstream_unreachable diagnostics_failed token_exchange_failed'), 503: codes('control_plane_not_configured coordinator_not_configured'),
  },
  resource: {
    401: codes('missing_token invalid_token invalid_zone session_revoked delegation_stale'),
    403: codes('insufficient_scope scope_insufficient session_required delegation_required chain_mismatch hop_count_exceeded'),
  },
};

/** What Audit writes beside a dead letter; the rest of a reason may follow. Contract readiness 4.8. */
export const deadLetterReasons: Readonly<Record<string, Place>> = {
  missing_data_field: place('audit-missing', 'A message of the audit stream is not an event', ['STR-012', 'STR-010']),
  hmac_verify_failed: place('audit-missing', 'Audit does not accept the signature of an event: AUDIT_HMAC_KEY differs', ['SVC-032', 'STR-012']),
  json_parse_error: place('audit-missing', 'An event of the audit stream cannot be read', ['STR-012', 'STR-010']),
  tamper_on_replay: place('audit-missing', 'An event came again with another content', ['AUD-008', 'STR-012']),
  transient_exceeded_max_deliveries: place('audit-missing', 'Audit gave an event up after 8 deliveries: Postgres did not take it', ['STR-012', ...postgresChecks, 'STO-017']),
  pg_permanent_error: place('audit-missing', 'Postgres refused an event for good', ['STR-012', 'STO-013', 'STO-008']),
};

const notTheDeployment = 'something';

/** What a code means where the contract says more of it than its area does. */
export const knownAnswers: Readonly<Partial<Record<Surface, Readonly<Record<string, Place>>>>> = {
  api: {
    invalid_account_assertion: place('api-refuses', 'The API does not believe what web says of an account: their tokens differ', ['AUD-001']),
    system_zone_read_only: place('api-refuses', 'The system zone of Caracal cannot be written to'),
    zone_not_governed: place('api-refuses', 'The zone has no policy set that is enforced', ['SVC-012']),
    secret_backend_unavailable: place('sts-exchange', 'The API cannot open a secret: another SECRET_STORE_KEK, or the external store is away', ['SVC-002', 'SVC-015']),
    policy_verification_unavailable: place('sts-exchange', 'The API cannot ask the STS to simulate: it is away, or not configured', [...stsChecks, 'SVC-013']),
    audit_unavailable: place('audit-missing', 'The API made no record of the call in its admin audit, and refused it for that', [...postgresChecks, 'STO-008', 'AUD-009']),
    zone_not_found: place('api-refuses', 'The API has no such zone', ['SVC-062']),
    client_secret_not_stored: place('sts-exchange', 'The Application has no secret that can be shown again', ['SVC-062']),
  },
  control: {
    control_disabled: place('api-refuses', 'Control is switched off: its gate file is missing'),
    token_replay: place('api-refuses', 'A Control token works once, and was used before'),
    denied: place('api-refuses', 'The Control token does not cover the command, or is of another zone', ['SVC-062']),
    zone_mismatch: place('api-refuses', 'The Control token is of another zone than the command'),
    invalid: place(notTheDeployment, 'Control does not take these arguments'),
    unsupported: place(notTheDeployment, 'Control does not know this command'),
    conflict: place(notTheDeployment, 'The command does not fit what is there'),
    not_found: place(notTheDeployment, 'What the command names is not there'),
    upstream: place('not-ready', 'The API or the STS behind Control failed', ['RDY-001', ...stsChecks, ...postgresChecks, ...redisChecks]),
    audit_unavailable: place('audit-missing', 'Control made the change, and could not record it', [...redisChecks, 'STR-090', ...postgresChecks]),
  },
  coordinator: {
    missing_token: place('session-views', 'The Coordinator got no token'),
    operator_token_required: place('session-views', 'The operator token of the caller is not that of the Coordinator', ['SVC-040']),
    missing_scope: place('session-views', 'The mandate lacks the scope agent:lifecycle', ['SVC-062']),
    zone_mismatch: place('session-views', 'The mandate is of another zone than the address'),
    identity_revoked: place('session-views', 'The Application is archived or expired, or its authority record is not active', ['SVC-062']),
    authority_record_required: place('session-views', 'The mandate names no authority record'),
    invalid_subject_proof: place('session-views', 'The Coordinator does not accept the proof of the subject', ['SVC-015', 'RDY-011', 'RDY-091']),
    token_invalid: place('session-views', 'The Coordinator does not accept this token', ['SVC-015', 'RDY-011', 'RDY-091']),
    audit_unavailable: place('session-views', 'The Coordinator could not write its row of the admin audit, and refused the call for that', [...postgresChecks, 'STO-008']),
    dead_outbox_not_found: place('session-views', 'The outbox of the Coordinator has no such dead row', ['STR-091']),
  },
  audit: {
    unauthorized: place('audit-missing', 'Audit was asked with another token than AUDIT_ADMIN_TOKEN, or for metrics than METRICS_BEARER'),
    'not found': place('audit-missing', 'Audit shows nothing: AUDIT_ADMIN_TOKEN is not set, as by default'),
    'zone_id is required': place('audit-missing', 'Audit was asked without a zone'),
    'search failed': place('audit-missing', 'Audit could not read the ledger from Postgres', [...postgresChecks, 'STO-006', 'STO-008']),
  },
  gateway: {
    revocation_reload_failed: place('gateway-refuses', 'The Gateway could not read the revocations from Postgres', ['SVC-022', ...postgresChecks]),
  },
  web: {
    unauthenticated: place('api-refuses', 'The sign-in to the Console has ended'),
    access_denied: place('api-refuses', 'Who signed in to the Console is not on the list of operators'),
    registration_not_permitted: place('api-refuses', 'Who wants to register is not on the list of operators'),
    cross_site_request_blocked: place('api-refuses', 'web was called from a page of another site'),
    upstream_unreachable: place('session-views', 'web cannot reach the API or the Coordinator', ['RDY-041', 'RDY-001', 'RDY-042', 'RDY-044', 'RDY-002', 'RDY-004']),
    coordinator_not_configured: place('session-views', 'web was given no address or no token of the Coordinator', ['RDY-041']),
    control_plane_not_configured: place('session-views', 'web was given no address or no admin token of the API', ['RDY-001', 'AUD-001']),
    token_exchange_failed: place('sts-exchange', 'web got no token of the STS for a Control call', [...stsChecks]),
    control_lifecycle_failed: place('sts-exchange', 'web could not make or end a Control key', [...stsChecks, 'RDY-001']),
    diagnostics_failed: place('not-ready', 'The Diagnostics page of the Console failed itself', ['RDY-001', 'RDY-041']),
  },
};

/** A kind of fault that codes speak of, whoever answers. */
export interface Area {
  readonly name: string;
  /** Codes; one that ends in `*` stands for all that begin like it. */
  readonly codes: readonly string[];
  readonly place: Place;
  /** Symptoms by who answers, where the fault shows elsewhere than at the place's own. */
  readonly symptoms?: Readonly<Partial<Record<Surface, string>>>;
}

/** Contract readiness 4.10, code to area. The first that has a code counts. */
export const areas: readonly Area[] = [
  {
    name: 'admin credential', codes: codes('invalid_admin_token admin_token_* approve_capability_required invalid_account_assertion'),
    place: place('api-refuses', 'The admin token may not do this: its capability, scope or zone', ['AUD-001', 'AUD-004']),
  },
  {
    name: 'zone', codes: codes('zone_invalid zone_mismatch zone_not_found zone_forbidden account_scope_required system_zone_read_only invalid_zone zone_id_required'),
    place: place('api-refuses', 'It was asked of another zone than the token or the Application is for', ['AUD-004', 'SVC-062']),
    symptoms: { sts: 'sts-exchange', coordinator: 'session-views', resource: 'gateway-refuses' },
  },
  {
    name: 'application', codes: codes('client_secret_not_stored identity_revoked workload_secret_not_stored'),
    place: place('sts-exchange', 'The Application or the workload cannot prove itself: its secret, or it is archived or expired', ['SVC-062']),
  },
  {
    name: 'policy', codes: codes('policy_eval_failed invalid_rego invalid_policy_bundle invalid_policy_contract policy_verification_unavailable operation_not_permitted'),
    place: place('sts-exchange', 'A policy does not compile, or could not be evaluated', ['SVC-011', 'SVC-014', 'SVC-012', 'SVC-013']),
  },
  {
    name: 'approval', codes: codes('interaction_required approval_* subject_approval_required'),
    place: place('sts-exchange', 'It waits for an approval, or its approval no longer counts: nothing is broken'),
  },
  {
    name: 'session', codes: codes('session_* delegation_* authority_record_required'),
    place: place('session-views', 'A Session, an authority record or a Delegation is not alive, or of another Application', ['SVC-041', 'SVC-042', 'SVC-045', 'STO-044']),
    symptoms: { sts: 'sts-exchange', resource: 'gateway-refuses' },
  },
  {
    name: 'mandate', codes: codes('invalid_token credential_expired_not_renewable token_replay missing_token insufficient_scope scope_insufficient chain_mismatch hop_count_exceeded'),
    place: place('gateway-refuses', 'The mandate is not accepted as it is: form, life, use or scopes', ['SVC-015', 'RDY-091']),
    symptoms: { sts: 'sts-exchange', coordinator: 'session-views' },
  },
  {
    name: 'provider', codes: codes('http_request_failed provider_* secret_backend_unavailable'),
    place: place('sts-exchange', 'A provider or its credential failed', ['SVC-061', 'SVC-060', 'SVC-017', 'SVC-016', 'SVC-002']),
  },
  {
    name: 'platform', codes: codes('internal_error sts_unavailable audit_unavailable rate_limited postgres_unreachable redis_unreachable outbox_*'),
    place: place('not-ready', 'A service or a store behind the answer failed', [...postgresChecks, ...redisChecks, ...stsChecks]),
  },
];

/** Checks that are red where the STS or the Gateway refuses, by the row of the refusal; rows that `ambiguities` has are not here. Contract readiness 4.6 and 4.7. */
export const refusalChecks: Readonly<Record<'sts' | 'gateway', Readonly<Record<number, readonly string[]>>>> = {
  sts: {
    5: ['SVC-062'], 8: [...postgresChecks], 9: ['SVC-015', ...postgresChecks, 'RDY-091'], 25: ['SVC-060'], 26: ['SVC-060', 'SVC-061', 'SVC-017'],
    27: ['SVC-014', 'SVC-011', 'SVC-012', 'SVC-013'], 28: ['SVC-014', 'SVC-011'], 35: [...postgresChecks, ...redisChecks, 'SVC-015'], 36: ['SVC-061', 'SVC-017', 'SVC-016'],
  },
  gateway: {
    1: ['SVC-022', ...postgresChecks], 4: ['RDY-091'], 11: ['SVC-023', 'STR-032', 'STR-035', 'STR-036', 'STR-038'], 12: [...stsChecks, 'SVC-021', 'RDY-013'], 14: [...stsChecks, 'SVC-021', 'RDY-013'],
    16: ['SVC-028'], 18: ['SVC-028'],
  },
};

/** The same for the reasons of policy and the statuses of audit events; those that are not here have none. Contract request-evidence 7.4 and 7.5. */
export const decisionChecks: Readonly<Record<string, readonly string[]>> = {
  no_active_policy_set: ['SVC-012', 'SVC-013'], malformed_risk_data: ['SVC-014'], malformed_approval_data: ['SVC-014'], policy_eval_failed: ['SVC-014', 'SVC-011', 'SVC-012', 'SVC-013'],
  resource_not_found: ['SVC-062', ...postgresChecks], resource_not_granted: ['SVC-062'], rate_limited: [...redisChecks], provider_unavailable: ['SVC-060', 'SVC-061'],
  credential_not_provisioned: ['SVC-060'], credential_refresh_failed: ['SVC-060', 'SVC-061', 'SVC-017'], provider_credential_unavailable: ['SVC-061', 'SVC-017', 'SVC-016'],
  subject_federation_rejected: ['SVC-062'], workload_auth_failed: ['SVC-062', ...postgresChecks], anomaly: [...redisChecks], upstream_rejected: ['SVC-028'], build_failed: ['SVC-028'], upstream_error: ['SVC-028'],
};

/** What all other codes say. */
export const asked: Place = place(notTheDeployment, 'It cannot be done as it was asked: the call, or what is registered, not the deployment');

/** The symptom of an answer by who gave it. */
export const surfaceSymptoms: Readonly<Record<Surface, string>> = {
  api: 'api-refuses', control: 'api-refuses', sts: 'sts-exchange', gateway: 'gateway-refuses', coordinator: 'session-views', audit: 'audit-missing', web: 'session-views', resource: 'gateway-refuses',
};

/** Errors that the libraries of Caracal raise, by the name of their class: who refused, and with which code where the name says so. */
export const exceptions: Readonly<Record<string, { readonly from: Surface; readonly code?: string }>> = {
  // packages/oauth/{ts/src/types.ts,python/caracalai_oauth/errors.py,go/types.go}
  CaracalError: { from: 'sts' },
  ApprovalRequiredError: { from: 'sts', code: 'interaction_required' },
  ApprovalRequired: { from: 'sts', code: 'interaction_required' },
  InvalidRequest: { from: 'sts', code: 'invalid_request' },
  AccessDenied: { from: 'sts', code: 'access_denied' },
  InvalidToken: { from: 'sts', code: 'invalid_token' },
  ZoneMismatch: { from: 'sts', code: 'zone_invalid' },
  ResourceNotFound: { from: 'sts', code: 'resource_not_found' },
  ScopeInsufficient: { from: 'sts', code: 'scope_insufficient' },
  OperationNotPermitted: { from: 'sts', code: 'operation_not_permitted' },
  DelegationRequired: { from: 'sts', code: 'delegation_required' },
  ServiceUnavailable: { from: 'sts', code: 'sts_unavailable' },
  // packages/admin/ts/src/errors.ts, packages/sdk/{ts/src/coordinator.ts,python/caracalai/errors.py}
  AdminApiError: { from: 'api' },
  CoordinatorError: { from: 'coordinator' },
  // packages/identity/ts/src/verify.ts, packages/adapters
  TokenInvalidError: { from: 'resource', code: 'invalid_token' },
  ZoneInvalidError: { from: 'resource', code: 'invalid_zone' },
  ScopeInsufficientError: { from: 'resource', code: 'insufficient_scope' },
  SessionRequiredError: { from: 'resource', code: 'session_required' },
  DelegationRequiredError: { from: 'resource', code: 'delegation_required' },
  ChainMismatchError: { from: 'resource', code: 'chain_mismatch' },
  HopCountExceededError: { from: 'resource', code: 'hop_count_exceeded' },
  FastMcpAuthError: { from: 'resource' },
  CaracalAuthError: { from: 'resource' },
};

/** What the libraries say of the STS themselves, how it begins: packages/oauth/{ts/src/client.ts,python/caracalai_oauth/client.py,go/client.go}. */
export const libraryTexts: Readonly<Record<string, Place>> = {
  'STS request timed out': place('sts-exchange', 'The STS did not answer the library in time', [...stsChecks, 'RDY-013', ...postgresChecks, ...redisChecks]),
  'STS response invalid': place('sts-exchange', 'Something else than the STS answers at its address', ['RDY-014', 'RDY-012']),
  'Caracal credentials are unavailable': place('sts-exchange', 'The library was given no credential: the STS was not asked'),
};
