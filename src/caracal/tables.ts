import type { Migration } from './migrations.ts';
import type { ServiceRole } from './roles.ts';

/** A table of Caracal 1.0, as its three migrations leave it. Lists are words with a space between. */
export interface Table {
  /** True where rows are shown and taken by `caracal.zone_id` alone, through the policy `zone_isolation`. */
  readonly rowLevelSecurity?: true;
  /** By role: r SELECT, a INSERT, w UPDATE, d DELETE. */
  readonly grants: Partial<Record<ServiceRole, string>>;
  readonly columns: string;
  /** Unique indexes, those of primary keys and unique constraints among them. */
  readonly unique: string;
  readonly indexes?: string;
  /** Checks and foreign keys. */
  readonly constraints?: string;
}

/**
 * The 44 tables in `public` that services use, without the history of migrations and the partitions
 * of `audit_events`: Caracal infra/postgres/migrations.
 */
export const tables: Readonly<Record<string, Table>> = {
  admin_audit_events: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'ra', caracalcoordinator: 'ra' },
    columns:
      'id request_id actor_id actor_name actor_scope action method path zone_id entity_type entity_id status_code payload_json occurred_at content_sha256 ' +
      'prev_content_sha256 chain_hmac chain_seq',
    unique: 'admin_audit_events_pkey',
    indexes: 'admin_audit_events_actor_time admin_audit_events_chain admin_audit_events_request admin_audit_events_zone_time',
  },
  admin_tokens: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd' },
    columns: 'id name token_sha256 scope zone_id created_by created_at last_used_at revoked_at token_hash capability',
    unique: 'admin_tokens_pkey admin_tokens_token_sha256_active',
    indexes: 'admin_tokens_zone_active',
    constraints: 'admin_token_scope_zone_pair admin_tokens_capability_check admin_tokens_scope_check admin_tokens_zone_id_fkey',
  },
  agent_invocations: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'r', caracalcoordinator: 'raw', caracalsts: 'r' },
    columns:
      'id zone_id service_id source_session_id target_session_id method params_json metadata_json status attempts max_attempts timeout_ms retry_policy_json ' +
      'error_json deadline_at cancel_requested_at started_at completed_at created_at updated_at',
    unique: 'agent_invocations_pkey agent_invocations_zone_id_id_unique',
    indexes:
      'agent_invocations_deadline_at_idx agent_invocations_zone_id_service_id_status_created_at_idx agent_invocations_zone_id_source_session_id_status_idx ' +
      'agent_invocations_zone_id_target_session_id_status_idx',
    constraints:
      'agent_invocations_max_attempts_check agent_invocations_service_id_fkey agent_invocations_source_session_id_fkey agent_invocations_status_check ' +
      'agent_invocations_target_session_id_fkey agent_invocations_timeout_ms_check agent_invocations_zone_id_fkey agent_invocations_zone_service_fk ' +
      'agent_invocations_zone_source_fk agent_invocations_zone_target_fk',
  },
  agent_services: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'r', caracalcoordinator: 'raw', caracalsts: 'r' },
    columns:
      'id zone_id application_id endpoint_url protocol_versions framework_name framework_version capabilities health metadata_json last_heartbeat_at ' +
      'created_at updated_at',
    unique: 'agent_services_pkey agent_services_zone_id_application_id_endpoint_url_key agent_services_zone_id_id_unique',
    indexes: 'agent_services_last_heartbeat_at_idx agent_services_zone_id_application_id_idx agent_services_zone_id_health_idx',
    constraints: 'agent_services_application_id_fkey agent_services_health_check agent_services_zone_application_fk agent_services_zone_id_fkey',
  },
  agent_topology: {
    grants: { caracalcoordinator: 'raw' },
    columns: 'parent_id child_id',
    unique: 'agent_topology_pkey',
    indexes: 'agent_topology_child_id_idx',
    constraints: 'agent_topology_child_id_fkey agent_topology_parent_id_fkey',
  },
  applications: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalcoordinator: 'r', caracalgateway: 'r', caracalsts: 'r' },
    columns:
      'id zone_id name registration_method credential_type client_secret_hash traits expires_at archived_at created_at created_by created_via_operator ' +
      'updated_by updated_via_operator updated_at',
    unique: 'applications_pkey applications_zone_id_id_unique',
    indexes: 'applications_zone_id_expires_at_idx applications_zone_id_idx applications_zone_keyset_idx',
    constraints: 'applications_credential_type_check applications_dcr_expires_at_required applications_registration_method_check applications_zone_id_fkey',
  },
  audit_chain_rehash: {
    grants: { caracalaudit: 'rawd' },
    columns: 'id completed_at',
    unique: 'audit_chain_rehash_pkey',
    constraints: 'audit_chain_rehash_id_check',
  },
  audit_events: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'r', caracalaudit: 'ra' },
    columns:
      'id zone_id event_type request_id decision policy_set_id policy_set_version_id manifest_sha evaluation_status determining_policies_json ' +
      'diagnostics_json metadata_json occurred_at ingested_at content_sha256 prev_content_sha256 chain_hmac chain_seq ingest_signature',
    unique: 'audit_events_pkey',
    indexes:
      'audit_events_agent_labels_idx audit_events_agent_session_idx audit_events_request_id_idx audit_events_session_idx audit_events_zone_chain ' +
      'audit_events_zone_id_occurred_at_idx',
  },
  audit_export_watermark: {
    grants: { caracalaudit: 'raw' },
    columns: 'name last_exported_hour updated_at',
    unique: 'audit_export_watermark_pkey',
  },
  audit_ingest_alerts: {
    grants: { caracalaudit: 'ra' },
    columns: 'id event_id zone_id kind detail observed_at',
    unique: 'audit_ingest_alerts_pkey',
    indexes: 'audit_ingest_alerts_zone_time',
  },
  audit_retention: {
    grants: { caracalapi: 'rawd', caracalaudit: 'r' },
    columns: 'singleton retention_days updated_at updated_by',
    unique: 'audit_retention_pkey',
    constraints: 'audit_retention_retention_days_check audit_retention_singleton_check',
  },
  authority_records: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rw', caracalcoordinator: 'r', caracalgateway: 'r', caracalsts: 'raw' },
    columns: 'id zone_id session_type subject_id parent_id status expires_at authenticated_at claims_json created_at revoked_at revoked_reason',
    unique: 'authority_records_pkey authority_records_zone_id_id_unique',
    indexes:
      'authority_records_expires_at_idx authority_records_zone_active_idx authority_records_zone_created_idx authority_records_zone_id_subject_id_status_idx ' +
      'authority_records_zone_subject_idx',
    constraints: 'authority_records_parent_id_fkey authority_records_session_type_check authority_records_status_check authority_records_zone_id_fkey',
  },
  caracal_outbox: {
    grants: { caracalapi: 'raw', caracalcoordinator: 'raw' },
    columns: 'id producer topic dedupe_key payload_json status attempts available_at published_at created_at updated_at',
    unique: 'caracal_outbox_pkey caracal_outbox_producer_topic_dedupe_key_key',
    indexes: 'caracal_outbox_status_available_at_idx caracal_outbox_topic_status_idx',
    constraints: 'caracal_outbox_producer_check caracal_outbox_status_check',
  },
  coordinator_idempotency_receipts: {
    rowLevelSecurity: true,
    grants: { caracalcoordinator: 'rad' },
    columns: 'id operation zone_id scope_id key_digest request_digest resource_type resource_id response_status response_json created_at expires_at',
    unique: 'coordinator_idempotency_receipts_pkey coordinator_idempotency_scope_unique',
    indexes: 'coordinator_idempotency_expiry_idx',
    constraints:
      'coordinator_idempotency_expiry_check coordinator_idempotency_key_digest_check coordinator_idempotency_operation_check ' +
      'coordinator_idempotency_receipts_zone_id_fkey coordinator_idempotency_request_digest_check coordinator_idempotency_response_size_check ' +
      'coordinator_idempotency_response_status_check',
  },
  delegated_grants: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'raw' },
    columns: 'id zone_id application_id user_id resource_id scopes status created_at updated_at created_by created_via_operator updated_by updated_via_operator',
    unique: 'delegated_grants_pkey',
    indexes: 'delegated_grants_zone_id_user_id_idx delegated_grants_zone_id_user_id_resource_id_status_idx delegated_grants_zone_keyset_idx',
    constraints:
      'delegated_grants_application_id_fkey delegated_grants_resource_id_fkey delegated_grants_status_check delegated_grants_zone_application_fk ' +
      'delegated_grants_zone_id_fkey delegated_grants_zone_resource_fk',
  },
  delegation_edges: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rw', caracalcoordinator: 'raw', caracalgateway: 'r', caracalsts: 'r' },
    columns:
      'id zone_id source_session_id target_session_id issuer_application_id receiver_application_id resource_id scopes constraints_json status expires_at ' +
      'edge_version revoked_at created_at updated_at parent_edge_id',
    unique: 'delegation_edges_pkey delegation_edges_zone_id_id_unique',
    indexes:
      'delegation_edges_expires_at_idx delegation_edges_zone_id_parent_edge_id_idx delegation_edges_zone_id_resource_id_status_idx ' +
      'delegation_edges_zone_id_source_session_id_status_idx delegation_edges_zone_id_target_session_id_status_idx',
    constraints:
      'delegation_edges_check delegation_edges_resource_id_fkey delegation_edges_revocation_fields_check delegation_edges_source_session_id_fkey ' +
      'delegation_edges_status_check delegation_edges_target_session_id_fkey delegation_edges_zone_issuer_application_fk delegation_edges_zone_parent_fk ' +
      'delegation_edges_zone_receiver_application_fk delegation_edges_zone_resource_fk delegation_edges_zone_source_fk delegation_edges_zone_target_fk',
  },
  delegation_graph_epochs: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'r', caracalcoordinator: 'raw', caracalsts: 'r' },
    columns: 'zone_id epoch updated_at',
    unique: 'delegation_graph_epochs_pkey',
    constraints: 'delegation_graph_epochs_zone_id_fkey',
  },
  event_outbox: {
    grants: { caracalapi: 'rawd', caracalsts: 'a' },
    columns: 'id stream_name payload_json attempts available_at locked_until locked_by last_error dispatched_at request_id created_at',
    unique: 'event_outbox_pkey',
    indexes: 'event_outbox_dispatch_ready event_outbox_undispatched_age',
  },
  notification_deliveries: {
    grants: { caracalapi: 'rawd' },
    columns: 'id sink_id zone_id event_id event_type payload_json attempts available_at delivered_at abandoned_at response_status last_error created_at',
    unique: 'notification_deliveries_pkey notification_deliveries_sink_event_uniq',
    indexes: 'notification_deliveries_due_idx notification_deliveries_settled_idx notification_deliveries_sink_keyset_idx',
    constraints: 'notification_deliveries_sink_id_fkey',
  },
  notification_sinks: {
    grants: { caracalapi: 'rawd' },
    columns:
      'id zone_id name url secret_ct event_types active cursor_chain_seq consecutive_failures last_success_at last_failure_at last_error created_at ' +
      'updated_at',
    unique: 'notification_sinks_pkey',
    indexes: 'notification_sinks_zone_keyset_idx',
    constraints: 'notification_sinks_event_types_check notification_sinks_zone_id_fkey',
  },
  operator_ai_providers: {
    grants: { caracalapi: 'rawd' },
    columns: 'slug label base_url models context_window enabled sort_order created_at updated_at auth_config',
    unique: 'operator_ai_providers_pkey',
    indexes: 'operator_ai_providers_order_idx',
    constraints: 'operator_ai_providers_context_window_check operator_ai_providers_slug_check',
  },
  operator_conversation_counters: {
    grants: { caracalapi: 'rawd' },
    columns: 'zone_id next_number',
    unique: 'operator_conversation_counters_pkey',
  },
  operator_conversations: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'raw' },
    columns: 'id zone_id title status created_by next_seq created_at updated_at last_activity_at archived_at mode autopilot number',
    unique: 'operator_conversations_pkey operator_conversations_zone_number_idx',
    indexes: 'operator_conversations_zone_keyset_idx',
    constraints: 'operator_conversations_mode_check operator_conversations_next_seq_check operator_conversations_status_check',
  },
  operator_message_run_events: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'ra' },
    columns: 'id run_id zone_id conversation_id event_seq state reason error_code error_detail payload created_at',
    unique: 'operator_message_run_events_pkey operator_message_run_events_run_seq_key',
    indexes: 'operator_message_run_events_conversation_idx',
    constraints:
      'operator_message_run_events_conversation_fkey operator_message_run_events_event_seq_check operator_message_run_events_run_fkey ' +
      'operator_message_run_events_state_check',
  },
  operator_message_runs: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'raw' },
    columns:
      'id zone_id conversation_id client_message_id server_message_turn_id correlation_id state actor_id provider_id reason error_code error_detail ' +
      'deadline_at started_at updated_at completed_at last_event_seq input_tokens output_tokens usage_by_provider_model served_provider_id served_model',
    unique: 'operator_message_runs_client_id_idx operator_message_runs_correlation_idx operator_message_runs_pkey',
    indexes: 'operator_message_runs_active_idx operator_message_runs_conversation_state_idx',
    constraints:
      'operator_message_runs_completion_check operator_message_runs_conversation_fkey operator_message_runs_input_tokens_check ' +
      'operator_message_runs_last_event_seq_check operator_message_runs_message_turn_fkey operator_message_runs_output_tokens_check ' +
      'operator_message_runs_state_check operator_message_runs_usage_by_provider_model_check',
  },
  operator_plan_secrets: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd' },
    columns: 'conversation_id zone_id plan_seq step_id envelope secret_keys created_at expires_at',
    unique: 'operator_plan_secrets_pkey',
    constraints: 'operator_plan_secrets_conversation_fkey operator_plan_secrets_plan_seq_check',
  },
  operator_turns: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'ra' },
    columns: 'id conversation_id zone_id seq role kind content actor_id client_token created_at',
    unique: 'operator_turns_conversation_seq_key operator_turns_idempotency_idx operator_turns_pkey',
    indexes: 'operator_turns_conversation_seq_idx',
    constraints: 'operator_turns_conversation_fkey operator_turns_kind_check operator_turns_role_check operator_turns_seq_check',
  },
  operator_zone_memory: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'ra' },
    columns: 'id zone_id conversation_id text created_at',
    unique: 'operator_zone_memory_pkey',
    indexes: 'operator_zone_memory_recall_idx',
    constraints: 'operator_zone_memory_text_check',
  },
  policies: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'id zone_id name description archived_at created_by created_at updated_at created_via_operator updated_by updated_via_operator',
    unique: 'policies_pkey policies_zone_id_name_key',
    indexes: 'policies_zone_keyset_idx',
    constraints: 'policies_zone_id_fkey',
  },
  policy_set_bindings: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'zone_id policy_set_id active_version_id updated_at',
    unique: 'policy_set_bindings_one_active_per_zone policy_set_bindings_pkey',
    constraints: 'policy_set_bindings_active_version_id_fkey policy_set_bindings_policy_set_id_fkey policy_set_bindings_zone_id_fkey',
  },
  policy_set_versions: {
    grants: { caracalapi: 'ra', caracalsts: 'r' },
    columns: 'id policy_set_id version manifest_json manifest_sha256 schema_version created_by created_at archived_at created_via_operator',
    unique: 'policy_set_versions_pkey policy_set_versions_policy_set_id_version_key',
    constraints: 'policy_set_versions_policy_set_id_fkey',
  },
  policy_sets: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'id zone_id name description archived_at created_by created_at updated_at created_via_operator updated_by updated_via_operator',
    unique: 'policy_sets_pkey policy_sets_zone_id_name_key',
    indexes: 'policy_sets_zone_keyset_idx',
    constraints: 'policy_sets_zone_id_fkey',
  },
  policy_versions: {
    grants: { caracalapi: 'raw', caracalsts: 'r' },
    columns: 'id policy_id version content content_sha256 schema_version created_by created_at archived_at created_via_operator',
    unique: 'policy_versions_pkey policy_versions_policy_id_version_key',
    indexes: 'policy_versions_policy_id_created_at_idx',
    constraints: 'policy_versions_policy_id_fkey',
  },
  provider_connections: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'raw' },
    columns: 'id zone_id subject_id provider_id status access_token_ct refresh_token_ct expires_at refreshed_at refresh_token_version created_at updated_at',
    unique: 'provider_connections_active_subject_provider_uidx provider_connections_pkey',
    indexes: 'provider_connections_zone_provider_status_idx provider_connections_zone_subject_status_idx',
    constraints: 'provider_connections_status_check provider_connections_zone_provider_fk',
  },
  providers: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalgateway: 'r', caracalsts: 'r' },
    columns:
      'id zone_id name identifier config_json created_at updated_at archived_at secret_config_keys provider_kind connectivity_failed_at created_by ' +
      'created_via_operator updated_by updated_via_operator',
    unique: 'providers_pkey providers_zone_id_id_unique providers_zone_identifier_active_uidx',
    indexes: 'providers_active_idx providers_zone_keyset_idx',
    constraints: 'providers_provider_kind_check providers_zone_id_fkey',
  },
  resources: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalcoordinator: 'r', caracalgateway: 'r', caracalsts: 'r' },
    columns:
      'id zone_id name identifier upstream_url credential_provider_id scopes created_at updated_at archived_at operations operation_enforcement created_by ' +
      'created_via_operator updated_by updated_via_operator',
    unique: 'resources_pkey resources_zone_id_id_unique resources_zone_id_identifier_key',
    indexes: 'resources_active_idx resources_credential_provider_id_idx resources_zone_keyset_idx',
    constraints: 'resources_credential_provider_id_fkey resources_operation_enforcement_check resources_zone_id_fkey resources_zone_provider_fk',
  },
  secret_store: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'ref zone_id envelope version created_at updated_at',
    unique: 'secret_store_pkey',
    indexes: 'secret_store_zone_id_idx',
    constraints: 'secret_store_zone_id_fkey',
  },
  secrets: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'raw' },
    columns: 'id zone_id entity_id name type envelope version created_at updated_at',
    unique: 'secrets_pkey',
    indexes: 'secrets_zone_id_entity_id_idx',
    constraints: 'secrets_type_check secrets_zone_id_fkey',
  },
  sessions: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rw', caracalcoordinator: 'rawd', caracalgateway: 'r', caracalsts: 'r' },
    columns:
      'id zone_id application_id parent_id subject_authority_record_id status depth labels max_children child_count started_at last_active_at terminated_at ' +
      'ttl_seconds metadata_json updated_at lifecycle last_heartbeat_at heartbeat_deadline_at termination_reason lease_generation',
    unique: 'sessions_pkey sessions_zone_id_id_unique',
    indexes:
      'sessions_last_active_at_idx sessions_service_heartbeat_deadline_idx sessions_subject_authority_record_id_idx sessions_terminal_retention_idx ' +
      'sessions_zone_id_parent_id_status_idx',
    constraints:
      'sessions_lease_generation_check sessions_lifecycle_check sessions_lifecycle_fields_check sessions_parent_id_fkey sessions_status_check ' +
      'sessions_terminal_fields_check sessions_zone_application_fk sessions_zone_authority_record_fk sessions_zone_parent_fk',
  },
  step_up_challenges: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rw', caracalsts: 'rawd' },
    columns:
      'id zone_id session_id challenge_type metadata_json created_at expires_at satisfied_at principal_id resource_set_hash consumed_at approver_subject_id ' +
      'application_id tier approver_class privacy_mode rejected_at decision_reason approver_session_id subject_anchor consumed_authority_record_id',
    unique: 'step_up_challenges_consume_uniq step_up_challenges_live_binding_uniq step_up_challenges_pkey',
    indexes:
      'step_up_challenges_application_idx step_up_challenges_approver step_up_challenges_expires_idx step_up_challenges_session_id_idx ' +
      'step_up_challenges_sweep_idx step_up_challenges_zone_keyset_idx step_up_challenges_zone_principal',
    constraints:
      'step_up_challenges_application_id_fkey step_up_challenges_approver_class_check step_up_challenges_challenge_type_check ' +
      'step_up_challenges_privacy_mode_check step_up_challenges_zone_id_fkey',
  },
  sts_rate_limit: {
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'singleton limit_per_minute updated_at updated_by',
    unique: 'sts_rate_limit_pkey',
    constraints: 'sts_rate_limit_limit_per_minute_check sts_rate_limit_singleton_check',
  },
  subject_issuers: {
    rowLevelSecurity: true,
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'id zone_id issuer jwks_url audience created_at updated_at archived_at created_by created_via_operator updated_by updated_via_operator',
    unique: 'subject_issuers_pkey subject_issuers_zone_issuer_active_uidx',
    indexes: 'subject_issuers_zone_keyset_idx',
    constraints: 'subject_issuers_zone_id_fkey',
  },
  workloads: {
    grants: { caracalapi: 'rawd', caracalsts: 'r' },
    columns: 'id zone_id name secret_hash bindings created_at updated_by updated_at created_by created_via_operator updated_via_operator',
    unique: 'workloads_pkey',
    indexes: 'workloads_zone_idx',
    constraints: 'workloads_zone_id_fkey',
  },
  zones: {
    grants: { caracalapi: 'rawd', caracalcoordinator: 'r', caracalgateway: 'r', caracalsts: 'r' },
    columns:
      'id name slug dcr_enabled created_at updated_at archived_at owner_account_id operator_coauthor_badge operator_governed created_by created_via_operator ' +
      'updated_by updated_via_operator',
    unique: 'zones_pkey zones_slug_key',
    indexes: 'zones_active_idx zones_owner_account_id_idx',
  },
};

export const tableNames: readonly string[] = Object.keys(tables);

/** Tables whose rows are evidence: services may read and insert, nobody may change or delete. */
export const appendOnlyTables = ['audit_events', 'admin_audit_events'] as const;

/** What the policy `zone_isolation` of every table says, for reading and for writing, as Postgres prints it. */
export const zoneIsolation =
  "((current_setting('caracal.zone_id'::text, true) = '*'::text) OR (zone_id = current_setting('caracal.zone_id'::text, true)))";

/** Triggers that keep versions of policies as they were written: before each row, on update and delete. */
export const immutabilityTriggers: Readonly<Record<string, string>> = {
  policy_versions: 'policy_versions_immutable',
  policy_set_versions: 'policy_set_versions_immutable',
};
export const immutabilityFunction = 'reject_policy_version_mutation';

/** Checks that are added NOT VALID and stay so: they hold for new rows (Caracal 0003_operator_run_token_usage.up.sql). */
export const neverValidated: readonly string[] = [
  'operator_message_runs_input_tokens_check',
  'operator_message_runs_output_tokens_check',
  'operator_message_runs_usage_by_provider_model_check',
];

/** What is made by a later migration than the baseline: `table.column`, the name of an index or constraint, `role on table`. */
export const madeLater: Readonly<Record<string, Migration>> = {
  'step_up_challenges.subject_anchor': '0002_approval_hardening',
  'step_up_challenges.consumed_authority_record_id': '0002_approval_hardening',
  step_up_challenges_sweep_idx: '0002_approval_hardening',
  'caracalsts on event_outbox': '0002_approval_hardening',
  'operator_message_runs.input_tokens': '0003_operator_run_token_usage',
  'operator_message_runs.output_tokens': '0003_operator_run_token_usage',
  'operator_message_runs.usage_by_provider_model': '0003_operator_run_token_usage',
  'operator_message_runs.served_provider_id': '0003_operator_run_token_usage',
  'operator_message_runs.served_model': '0003_operator_run_token_usage',
  operator_message_runs_input_tokens_check: '0003_operator_run_token_usage',
  operator_message_runs_output_tokens_check: '0003_operator_run_token_usage',
  operator_message_runs_usage_by_provider_model_check: '0003_operator_run_token_usage',
};

/** The words of one of a table's lists. */
export function listed(list: string | undefined): readonly string[] {
  return list === undefined ? [] : list.split(' ');
}
