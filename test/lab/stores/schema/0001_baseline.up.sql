-- The schema of Caracal 1.0 as of its first migration, for the lab's own database.
--
-- Written from the recorded catalogue of a real 1.0.0 installation: every name, type, default,
-- constraint, index, policy and grant is meant to be indistinguishable from it through pg_catalog
-- (test/integration/lab-stores-catalog.test.ts compares them). Only the DDL's layout is ours.
-- What 0002 and 0003 add is deliberately absent here, so that a pending migration is a real state.

-- The service roles start without LOGIN; the runner gives LOGIN and a password after the last file.
CREATE ROLE caracalapi;
CREATE ROLE caracalsts;
CREATE ROLE caracalgateway;
CREATE ROLE caracalaudit;
CREATE ROLE caracalcoordinator;
-- Owner of the separate Console login database, which it creates itself; no grants in this one.
CREATE ROLE caracalauth CREATEDB;

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;


-- Tenants and administration
-- --------------------------

CREATE TABLE zones (
    id                      text        NOT NULL,
    name                    text        NOT NULL,
    slug                    text        NOT NULL,
    dcr_enabled             boolean     NOT NULL DEFAULT false,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    archived_at             timestamptz,
    owner_account_id        text,
    operator_coauthor_badge boolean     NOT NULL DEFAULT true,
    operator_governed       boolean     NOT NULL DEFAULT false,
    created_by              text,
    created_via_operator    boolean     NOT NULL DEFAULT false,
    updated_by              text,
    updated_via_operator    boolean     NOT NULL DEFAULT false,
    CONSTRAINT zones_pkey PRIMARY KEY (id),
    CONSTRAINT zones_slug_key UNIQUE (slug)
);
CREATE INDEX zones_active_idx ON zones (id) WHERE archived_at IS NULL;
CREATE INDEX zones_owner_account_id_idx ON zones (owner_account_id) WHERE owner_account_id IS NOT NULL;

CREATE TABLE admin_tokens (
    id           text        NOT NULL,
    name         text        NOT NULL,
    token_sha256 bytea       NOT NULL,
    scope        text        NOT NULL,
    zone_id      text,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    token_hash   text,
    capability   text        NOT NULL DEFAULT 'write',
    CONSTRAINT admin_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT admin_tokens_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE,
    CONSTRAINT admin_token_scope_zone_pair
        CHECK ((scope = 'global' AND zone_id IS NULL) OR (scope = 'zone' AND zone_id IS NOT NULL)),
    CONSTRAINT admin_tokens_capability_check CHECK (capability IN ('read', 'write', 'approve')),
    CONSTRAINT admin_tokens_scope_check CHECK (scope IN ('global', 'zone'))
);
CREATE UNIQUE INDEX admin_tokens_token_sha256_active ON admin_tokens (token_sha256)
    WHERE revoked_at IS NULL;
CREATE INDEX admin_tokens_zone_active ON admin_tokens (zone_id) WHERE revoked_at IS NULL AND scope = 'zone';

CREATE TABLE admin_audit_events (
    id                  text        NOT NULL,
    request_id          text        NOT NULL,
    actor_id            text,
    actor_name          text,
    actor_scope         text,
    action              text        NOT NULL,
    method              text        NOT NULL,
    path                text        NOT NULL,
    zone_id             text,
    entity_type         text,
    entity_id           text,
    status_code         integer     NOT NULL,
    payload_json        jsonb,
    occurred_at         timestamptz NOT NULL DEFAULT now(),
    content_sha256      text,
    prev_content_sha256 text,
    chain_hmac          text,
    chain_seq           bigint,
    CONSTRAINT admin_audit_events_pkey PRIMARY KEY (id)
);
CREATE INDEX admin_audit_events_actor_time ON admin_audit_events (actor_id, occurred_at DESC)
    WHERE actor_id IS NOT NULL;
CREATE INDEX admin_audit_events_chain ON admin_audit_events (zone_id, chain_seq DESC);
CREATE INDEX admin_audit_events_request ON admin_audit_events (request_id);
CREATE INDEX admin_audit_events_zone_time ON admin_audit_events (zone_id, occurred_at DESC);

-- What may be reached: applications, providers, resources
-- -------------------------------------------------------

CREATE TABLE applications (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    name                 text        NOT NULL,
    registration_method  text        NOT NULL,
    credential_type      text        NOT NULL DEFAULT 'token',
    client_secret_hash   text,
    traits               text[]      NOT NULL DEFAULT '{}',
    expires_at           timestamptz,
    archived_at          timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    created_by           text,
    created_via_operator boolean     NOT NULL DEFAULT false,
    updated_by           text,
    updated_via_operator boolean     NOT NULL DEFAULT false,
    updated_at           timestamptz,
    CONSTRAINT applications_pkey PRIMARY KEY (id),
    CONSTRAINT applications_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT applications_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id),
    CONSTRAINT applications_credential_type_check CHECK (credential_type = 'token'),
    CONSTRAINT applications_dcr_expires_at_required
        CHECK (registration_method <> 'dcr' OR expires_at IS NOT NULL),
    CONSTRAINT applications_registration_method_check CHECK (registration_method IN ('managed', 'dcr'))
);
CREATE INDEX applications_zone_id_expires_at_idx ON applications (zone_id, expires_at)
    WHERE expires_at IS NOT NULL;
CREATE INDEX applications_zone_id_idx ON applications (zone_id);
CREATE INDEX applications_zone_keyset_idx ON applications (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;

CREATE TABLE workloads (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    name                 text        NOT NULL,
    secret_hash          text        NOT NULL,
    bindings             jsonb       NOT NULL DEFAULT '[]',
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_by           text,
    updated_at           timestamptz,
    created_by           text,
    created_via_operator boolean     NOT NULL DEFAULT false,
    updated_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT workloads_pkey PRIMARY KEY (id),
    CONSTRAINT workloads_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE
);
CREATE INDEX workloads_zone_idx ON workloads (zone_id, created_at DESC, id DESC);

CREATE TABLE subject_issuers (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    issuer               text        NOT NULL,
    jwks_url             text        NOT NULL,
    audience             text        NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    archived_at          timestamptz,
    created_by           text,
    created_via_operator boolean     NOT NULL DEFAULT false,
    updated_by           text,
    updated_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT subject_issuers_pkey PRIMARY KEY (id),
    CONSTRAINT subject_issuers_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id)
);
CREATE UNIQUE INDEX subject_issuers_zone_issuer_active_uidx ON subject_issuers (zone_id, issuer)
    WHERE archived_at IS NULL;
CREATE INDEX subject_issuers_zone_keyset_idx ON subject_issuers (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;

CREATE TABLE providers (
    id                     text        NOT NULL,
    zone_id                text        NOT NULL,
    name                   text        NOT NULL,
    identifier             text        NOT NULL,
    config_json            jsonb       NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    archived_at            timestamptz,
    secret_config_keys     text[]      NOT NULL DEFAULT '{}',
    provider_kind          text        NOT NULL,
    connectivity_failed_at timestamptz,
    created_by             text,
    created_via_operator   boolean     NOT NULL DEFAULT false,
    updated_by             text,
    updated_via_operator   boolean     NOT NULL DEFAULT false,
    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT providers_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id),
    CONSTRAINT providers_provider_kind_check CHECK (
        provider_kind IN (
            'none', 'caracal_mandate', 'oauth2_authorization_code', 'oauth2_client_credentials', 'api_key',
            'bearer_token', 'http_basic'
        )
    )
);
CREATE INDEX providers_active_idx ON providers (id) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX providers_zone_identifier_active_uidx ON providers (zone_id, identifier)
    WHERE archived_at IS NULL;
CREATE INDEX providers_zone_keyset_idx ON providers (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;

CREATE TABLE provider_connections (
    id                    text        NOT NULL,
    zone_id               text        NOT NULL,
    subject_id            text        NOT NULL,
    provider_id           text        NOT NULL,
    status                text        NOT NULL DEFAULT 'active',
    access_token_ct       bytea,
    refresh_token_ct      bytea,
    expires_at            timestamptz,
    refreshed_at          timestamptz,
    refresh_token_version integer     NOT NULL DEFAULT 0,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_connections_pkey PRIMARY KEY (id),
    CONSTRAINT provider_connections_zone_provider_fk
        FOREIGN KEY (zone_id, provider_id) REFERENCES providers (zone_id, id),
    CONSTRAINT provider_connections_status_check CHECK (status IN ('active', 'revoked', 'expired'))
);
CREATE UNIQUE INDEX provider_connections_active_subject_provider_uidx
    ON provider_connections (zone_id, subject_id, provider_id)
    WHERE status = 'active';
CREATE INDEX provider_connections_zone_provider_status_idx
    ON provider_connections (zone_id, provider_id, status);
CREATE INDEX provider_connections_zone_subject_status_idx
    ON provider_connections (zone_id, subject_id, status);

CREATE TABLE resources (
    id                     text        NOT NULL,
    zone_id                text        NOT NULL,
    name                   text        NOT NULL,
    identifier             text        NOT NULL,
    upstream_url           text,
    credential_provider_id text        NOT NULL,
    scopes                 text[]      NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    archived_at            timestamptz,
    operations             jsonb       NOT NULL DEFAULT '[]',
    operation_enforcement  text        NOT NULL DEFAULT 'transport_uniform',
    created_by             text,
    created_via_operator   boolean     NOT NULL DEFAULT false,
    updated_by             text,
    updated_via_operator   boolean     NOT NULL DEFAULT false,
    CONSTRAINT resources_pkey PRIMARY KEY (id),
    CONSTRAINT resources_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT resources_credential_provider_id_fkey
        FOREIGN KEY (credential_provider_id) REFERENCES providers (id),
    CONSTRAINT resources_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id),
    CONSTRAINT resources_zone_provider_fk
        FOREIGN KEY (zone_id, credential_provider_id) REFERENCES providers (zone_id, id),
    CONSTRAINT resources_operation_enforcement_check
        CHECK (operation_enforcement IN ('enforced', 'transport_uniform'))
);
CREATE INDEX resources_active_idx ON resources (id) WHERE archived_at IS NULL;
CREATE INDEX resources_credential_provider_id_idx ON resources (credential_provider_id);
CREATE UNIQUE INDEX resources_zone_id_identifier_key ON resources (zone_id, identifier)
    WHERE archived_at IS NULL;
CREATE INDEX resources_zone_keyset_idx ON resources (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;

CREATE TABLE delegated_grants (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    application_id       text,
    user_id              text        NOT NULL,
    resource_id          text        NOT NULL,
    scopes               text[]      NOT NULL,
    status               text        NOT NULL DEFAULT 'active',
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    created_by           text,
    created_via_operator boolean     NOT NULL DEFAULT false,
    updated_by           text,
    updated_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT delegated_grants_pkey PRIMARY KEY (id),
    CONSTRAINT delegated_grants_application_id_fkey
        FOREIGN KEY (application_id) REFERENCES applications (id),
    CONSTRAINT delegated_grants_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES resources (id),
    CONSTRAINT delegated_grants_zone_application_fk
        FOREIGN KEY (zone_id, application_id) REFERENCES applications (zone_id, id),
    CONSTRAINT delegated_grants_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id),
    CONSTRAINT delegated_grants_zone_resource_fk
        FOREIGN KEY (zone_id, resource_id) REFERENCES resources (zone_id, id),
    CONSTRAINT delegated_grants_status_check CHECK (status IN ('active', 'revoked', 'expired'))
);
CREATE INDEX delegated_grants_zone_id_user_id_idx ON delegated_grants (zone_id, user_id);
CREATE INDEX delegated_grants_zone_id_user_id_resource_id_status_idx
    ON delegated_grants (zone_id, user_id, resource_id, status);
CREATE INDEX delegated_grants_zone_keyset_idx ON delegated_grants (zone_id, created_at DESC, id DESC);

CREATE TABLE secrets (
    id         text        NOT NULL,
    zone_id    text        NOT NULL,
    entity_id  text        NOT NULL,
    name       text        NOT NULL,
    type       text        NOT NULL,
    envelope   bytea       NOT NULL,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id),
    CONSTRAINT secrets_type_check CHECK (type IN ('token', 'password'))
);
CREATE INDEX secrets_zone_id_entity_id_idx ON secrets (zone_id, entity_id);

CREATE TABLE secret_store (
    ref        text        NOT NULL,
    zone_id    text        NOT NULL,
    envelope   bytea       NOT NULL,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT secret_store_pkey PRIMARY KEY (ref),
    CONSTRAINT secret_store_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id)
);
CREATE INDEX secret_store_zone_id_idx ON secret_store (zone_id);

-- Policy
-- ------

CREATE TABLE policies (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    name                 text        NOT NULL,
    description          text,
    archived_at          timestamptz,
    created_by           text        NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    created_via_operator boolean     NOT NULL DEFAULT false,
    updated_by           text,
    updated_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT policies_pkey PRIMARY KEY (id),
    CONSTRAINT policies_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id)
);
CREATE UNIQUE INDEX policies_zone_id_name_key ON policies (zone_id, name) WHERE archived_at IS NULL;
CREATE INDEX policies_zone_keyset_idx ON policies (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;

CREATE TABLE policy_versions (
    id                   text        NOT NULL,
    policy_id            text        NOT NULL,
    version              integer     NOT NULL,
    content              text        NOT NULL,
    content_sha256       text        NOT NULL,
    schema_version       text        NOT NULL,
    created_by           text        NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    archived_at          timestamptz,
    created_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT policy_versions_pkey PRIMARY KEY (id),
    CONSTRAINT policy_versions_policy_id_version_key UNIQUE (policy_id, version),
    CONSTRAINT policy_versions_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES policies (id)
);
CREATE INDEX policy_versions_policy_id_created_at_idx ON policy_versions (policy_id, created_at DESC);

CREATE TABLE policy_sets (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    name                 text        NOT NULL,
    description          text,
    archived_at          timestamptz,
    created_by           text        NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    created_via_operator boolean     NOT NULL DEFAULT false,
    updated_by           text,
    updated_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT policy_sets_pkey PRIMARY KEY (id),
    CONSTRAINT policy_sets_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id)
);
CREATE UNIQUE INDEX policy_sets_zone_id_name_key ON policy_sets (zone_id, name) WHERE archived_at IS NULL;
CREATE INDEX policy_sets_zone_keyset_idx ON policy_sets (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;

CREATE TABLE policy_set_versions (
    id                   text        NOT NULL,
    policy_set_id        text        NOT NULL,
    version              integer     NOT NULL,
    manifest_json        jsonb       NOT NULL,
    manifest_sha256      text        NOT NULL,
    schema_version       text        NOT NULL,
    created_by           text        NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    archived_at          timestamptz,
    created_via_operator boolean     NOT NULL DEFAULT false,
    CONSTRAINT policy_set_versions_pkey PRIMARY KEY (id),
    CONSTRAINT policy_set_versions_policy_set_id_version_key UNIQUE (policy_set_id, version),
    CONSTRAINT policy_set_versions_policy_set_id_fkey
        FOREIGN KEY (policy_set_id) REFERENCES policy_sets (id)
);

CREATE TABLE policy_set_bindings (
    zone_id           text        NOT NULL,
    policy_set_id     text        NOT NULL,
    active_version_id text,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT policy_set_bindings_pkey PRIMARY KEY (zone_id, policy_set_id),
    CONSTRAINT policy_set_bindings_active_version_id_fkey
        FOREIGN KEY (active_version_id) REFERENCES policy_set_versions (id),
    CONSTRAINT policy_set_bindings_policy_set_id_fkey
        FOREIGN KEY (policy_set_id) REFERENCES policy_sets (id),
    CONSTRAINT policy_set_bindings_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id)
);
CREATE UNIQUE INDEX policy_set_bindings_one_active_per_zone ON policy_set_bindings (zone_id)
    WHERE active_version_id IS NOT NULL;

-- A published version never changes. RAISE without a code is SQLSTATE P0001.
CREATE FUNCTION reject_policy_version_mutation() RETURNS trigger
    LANGUAGE plpgsql
AS $body$
BEGIN
    RAISE EXCEPTION 'policy_versions rows are immutable';
END
$body$;

CREATE TRIGGER policy_versions_immutable
    BEFORE UPDATE OR DELETE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION reject_policy_version_mutation();
CREATE TRIGGER policy_set_versions_immutable
    BEFORE UPDATE OR DELETE ON policy_set_versions
    FOR EACH ROW EXECUTE FUNCTION reject_policy_version_mutation();

-- Authority records, governed sessions, delegation
-- ------------------------------------------------

CREATE TABLE authority_records (
    id               text        NOT NULL,
    zone_id          text        NOT NULL,
    session_type     text        NOT NULL,
    subject_id       text,
    parent_id        text,
    status           text        NOT NULL DEFAULT 'active',
    expires_at       timestamptz NOT NULL,
    authenticated_at timestamptz NOT NULL,
    claims_json      jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    revoked_at       timestamptz,
    revoked_reason   text,
    CONSTRAINT authority_records_pkey PRIMARY KEY (id),
    CONSTRAINT authority_records_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT authority_records_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES authority_records (id),
    CONSTRAINT authority_records_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id),
    CONSTRAINT authority_records_session_type_check CHECK (session_type IN ('user', 'application')),
    CONSTRAINT authority_records_status_check CHECK (status IN ('active', 'revoked', 'expired'))
);
CREATE INDEX authority_records_expires_at_idx ON authority_records (expires_at) WHERE status = 'active';
CREATE INDEX authority_records_zone_active_idx ON authority_records (zone_id, expires_at)
    WHERE status = 'active';
CREATE INDEX authority_records_zone_created_idx ON authority_records (zone_id, created_at DESC, id DESC);
CREATE INDEX authority_records_zone_id_subject_id_status_idx
    ON authority_records (zone_id, subject_id, status);
CREATE INDEX authority_records_zone_subject_idx ON authority_records (zone_id, subject_id);

CREATE TABLE sessions (
    id                          text        NOT NULL,
    zone_id                     text        NOT NULL,
    application_id              text        NOT NULL,
    parent_id                   text,
    subject_authority_record_id text        NOT NULL,
    status                      text        NOT NULL DEFAULT 'active',
    depth                       integer     NOT NULL DEFAULT 0,
    labels                      text[]      NOT NULL DEFAULT '{}',
    max_children                integer     NOT NULL DEFAULT 10,
    child_count                 integer     NOT NULL DEFAULT 0,
    started_at                  timestamptz NOT NULL DEFAULT now(),
    last_active_at              timestamptz NOT NULL DEFAULT now(),
    terminated_at               timestamptz,
    ttl_seconds                 integer     DEFAULT 3600,
    metadata_json               jsonb,
    updated_at                  timestamptz NOT NULL DEFAULT now(),
    lifecycle                   text        NOT NULL DEFAULT 'task',
    last_heartbeat_at           timestamptz,
    heartbeat_deadline_at       timestamptz,
    termination_reason          text,
    lease_generation            bigint      NOT NULL DEFAULT 0,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT sessions_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES sessions (id),
    CONSTRAINT sessions_zone_application_fk
        FOREIGN KEY (zone_id, application_id) REFERENCES applications (zone_id, id),
    CONSTRAINT sessions_zone_authority_record_fk
        FOREIGN KEY (zone_id, subject_authority_record_id) REFERENCES authority_records (zone_id, id),
    CONSTRAINT sessions_zone_parent_fk FOREIGN KEY (zone_id, parent_id) REFERENCES sessions (zone_id, id),
    CONSTRAINT sessions_lease_generation_check CHECK (lease_generation >= 0),
    CONSTRAINT sessions_lifecycle_check CHECK (lifecycle IN ('task', 'service')),
    CONSTRAINT sessions_lifecycle_fields_check CHECK (
        (lifecycle = 'task' AND ttl_seconds IS NOT NULL AND ttl_seconds > 0
            AND last_heartbeat_at IS NULL AND heartbeat_deadline_at IS NULL)
        OR (lifecycle = 'service' AND ttl_seconds IS NULL
            AND last_heartbeat_at IS NOT NULL AND heartbeat_deadline_at IS NOT NULL)
    ),
    CONSTRAINT sessions_status_check CHECK (status IN ('active', 'suspended', 'terminated', 'expired')),
    CONSTRAINT sessions_terminal_fields_check CHECK (
        (status IN ('terminated', 'expired') AND terminated_at IS NOT NULL)
        OR (status IN ('active', 'suspended') AND terminated_at IS NULL)
    )
);
CREATE INDEX sessions_last_active_at_idx ON sessions (last_active_at) WHERE status = 'active';
CREATE INDEX sessions_service_heartbeat_deadline_idx ON sessions (heartbeat_deadline_at)
    WHERE status = 'active' AND lifecycle = 'service';
CREATE INDEX sessions_subject_authority_record_id_idx ON sessions (subject_authority_record_id);
CREATE INDEX sessions_terminal_retention_idx ON sessions (terminated_at, id)
    WHERE status IN ('terminated', 'expired');
CREATE INDEX sessions_zone_id_parent_id_status_idx ON sessions (zone_id, parent_id, status);

CREATE TABLE agent_topology (
    parent_id text NOT NULL,
    child_id  text NOT NULL,
    CONSTRAINT agent_topology_pkey PRIMARY KEY (parent_id, child_id),
    CONSTRAINT agent_topology_child_id_fkey
        FOREIGN KEY (child_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT agent_topology_parent_id_fkey
        FOREIGN KEY (parent_id) REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX agent_topology_child_id_idx ON agent_topology (child_id);

CREATE TABLE delegation_edges (
    id                      text        NOT NULL,
    zone_id                 text        NOT NULL,
    source_session_id       text        NOT NULL,
    target_session_id       text        NOT NULL,
    issuer_application_id   text        NOT NULL,
    receiver_application_id text        NOT NULL,
    resource_id             text,
    scopes                  text[]      NOT NULL DEFAULT '{}',
    constraints_json        jsonb       NOT NULL DEFAULT '{}',
    status                  text        NOT NULL DEFAULT 'active',
    expires_at              timestamptz NOT NULL,
    edge_version            integer     NOT NULL DEFAULT 0,
    revoked_at              timestamptz,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    parent_edge_id          text,
    CONSTRAINT delegation_edges_pkey PRIMARY KEY (id),
    CONSTRAINT delegation_edges_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT delegation_edges_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES resources (id),
    CONSTRAINT delegation_edges_source_session_id_fkey
        FOREIGN KEY (source_session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT delegation_edges_target_session_id_fkey
        FOREIGN KEY (target_session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT delegation_edges_zone_issuer_application_fk
        FOREIGN KEY (zone_id, issuer_application_id) REFERENCES applications (zone_id, id),
    CONSTRAINT delegation_edges_zone_parent_fk
        FOREIGN KEY (zone_id, parent_edge_id)
        REFERENCES delegation_edges (zone_id, id) ON DELETE SET NULL (parent_edge_id),
    CONSTRAINT delegation_edges_zone_receiver_application_fk
        FOREIGN KEY (zone_id, receiver_application_id) REFERENCES applications (zone_id, id),
    CONSTRAINT delegation_edges_zone_resource_fk
        FOREIGN KEY (zone_id, resource_id) REFERENCES resources (zone_id, id),
    CONSTRAINT delegation_edges_zone_source_fk
        FOREIGN KEY (zone_id, source_session_id) REFERENCES sessions (zone_id, id) ON DELETE CASCADE,
    CONSTRAINT delegation_edges_zone_target_fk
        FOREIGN KEY (zone_id, target_session_id) REFERENCES sessions (zone_id, id) ON DELETE CASCADE,
    CONSTRAINT delegation_edges_check CHECK (source_session_id <> target_session_id),
    CONSTRAINT delegation_edges_revocation_fields_check CHECK (
        (status = 'revoked' AND revoked_at IS NOT NULL)
        OR (status IN ('active', 'expired') AND revoked_at IS NULL)
    ),
    CONSTRAINT delegation_edges_status_check CHECK (status IN ('active', 'revoked', 'expired'))
);
CREATE INDEX delegation_edges_expires_at_idx ON delegation_edges (expires_at) WHERE status = 'active';
CREATE INDEX delegation_edges_zone_id_parent_edge_id_idx ON delegation_edges (zone_id, parent_edge_id)
    WHERE parent_edge_id IS NOT NULL;
CREATE INDEX delegation_edges_zone_id_resource_id_status_idx
    ON delegation_edges (zone_id, resource_id, status)
    WHERE resource_id IS NOT NULL;
CREATE INDEX delegation_edges_zone_id_source_session_id_status_idx
    ON delegation_edges (zone_id, source_session_id, status);
CREATE INDEX delegation_edges_zone_id_target_session_id_status_idx
    ON delegation_edges (zone_id, target_session_id, status);

CREATE TABLE delegation_graph_epochs (
    zone_id    text        NOT NULL,
    epoch      bigint      NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delegation_graph_epochs_pkey PRIMARY KEY (zone_id),
    CONSTRAINT delegation_graph_epochs_zone_id_fkey
        FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE
);

CREATE TABLE step_up_challenges (
    id                  text        NOT NULL,
    zone_id             text        NOT NULL,
    session_id          text,
    challenge_type      text        NOT NULL,
    metadata_json       jsonb       NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    expires_at          timestamptz NOT NULL,
    satisfied_at        timestamptz,
    principal_id        text,
    resource_set_hash   bytea,
    consumed_at         timestamptz,
    approver_subject_id text,
    application_id      text,
    tier                text,
    approver_class      text        NOT NULL DEFAULT 'operator',
    privacy_mode        text        NOT NULL DEFAULT 'identified',
    rejected_at         timestamptz,
    decision_reason     text,
    approver_session_id text,
    CONSTRAINT step_up_challenges_pkey PRIMARY KEY (id),
    CONSTRAINT step_up_challenges_application_id_fkey
        FOREIGN KEY (application_id) REFERENCES applications (id) ON DELETE CASCADE,
    CONSTRAINT step_up_challenges_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE,
    CONSTRAINT step_up_challenges_approver_class_check
        CHECK (approver_class IN ('operator', 'subject', 'any')),
    CONSTRAINT step_up_challenges_challenge_type_check CHECK (challenge_type = 'human_approval'),
    CONSTRAINT step_up_challenges_privacy_mode_check
        CHECK (privacy_mode IN ('identified', 'pseudonymous', 'anonymous'))
);
CREATE INDEX step_up_challenges_application_idx ON step_up_challenges (application_id)
    WHERE application_id IS NOT NULL;
CREATE INDEX step_up_challenges_approver ON step_up_challenges (approver_subject_id)
    WHERE approver_subject_id IS NOT NULL;
CREATE UNIQUE INDEX step_up_challenges_consume_uniq ON step_up_challenges (id)
    WHERE consumed_at IS NOT NULL;
CREATE INDEX step_up_challenges_expires_idx ON step_up_challenges (expires_at);
CREATE UNIQUE INDEX step_up_challenges_live_binding_uniq
    ON step_up_challenges (zone_id, principal_id, session_id, resource_set_hash) NULLS NOT DISTINCT
    WHERE consumed_at IS NULL;
CREATE INDEX step_up_challenges_session_id_idx ON step_up_challenges (session_id);
CREATE INDEX step_up_challenges_zone_keyset_idx ON step_up_challenges (zone_id, created_at DESC, id DESC);
CREATE INDEX step_up_challenges_zone_principal ON step_up_challenges (zone_id, principal_id)
    WHERE consumed_at IS NULL;

CREATE TABLE coordinator_idempotency_receipts (
    id              text        NOT NULL,
    operation       text        NOT NULL,
    zone_id         text        NOT NULL,
    scope_id        text        NOT NULL,
    key_digest      bytea       NOT NULL,
    request_digest  bytea       NOT NULL,
    resource_type   text        NOT NULL,
    resource_id     text        NOT NULL,
    response_status smallint    NOT NULL,
    response_json   jsonb       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    CONSTRAINT coordinator_idempotency_receipts_pkey PRIMARY KEY (id),
    CONSTRAINT coordinator_idempotency_scope_unique UNIQUE (operation, zone_id, scope_id, key_digest),
    CONSTRAINT coordinator_idempotency_receipts_zone_id_fkey
        FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE,
    CONSTRAINT coordinator_idempotency_expiry_check CHECK (expires_at > created_at),
    CONSTRAINT coordinator_idempotency_key_digest_check CHECK (octet_length(key_digest) = 32),
    CONSTRAINT coordinator_idempotency_operation_check
        CHECK (operation IN ('session.start.v2', 'delegation.create.v2', 'invocation.create.v2')),
    CONSTRAINT coordinator_idempotency_request_digest_check CHECK (octet_length(request_digest) = 32),
    CONSTRAINT coordinator_idempotency_response_size_check
        CHECK (octet_length(response_json::text) <= 65536),
    CONSTRAINT coordinator_idempotency_response_status_check
        CHECK (response_status >= 200 AND response_status <= 299)
);
CREATE INDEX coordinator_idempotency_expiry_idx ON coordinator_idempotency_receipts (expires_at, id);

CREATE TABLE sts_rate_limit (
    singleton        boolean     NOT NULL DEFAULT true,
    limit_per_minute integer     NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    updated_by       text,
    CONSTRAINT sts_rate_limit_pkey PRIMARY KEY (singleton),
    CONSTRAINT sts_rate_limit_limit_per_minute_check CHECK (limit_per_minute >= 1),
    CONSTRAINT sts_rate_limit_singleton_check CHECK (singleton)
);

-- Agent services and invocations
-- ------------------------------

CREATE TABLE agent_services (
    id                text        NOT NULL,
    zone_id           text        NOT NULL,
    application_id    text        NOT NULL,
    endpoint_url      text        NOT NULL,
    protocol_versions text[]      NOT NULL DEFAULT '{}',
    framework_name    text,
    framework_version text,
    capabilities      text[]      NOT NULL DEFAULT '{}',
    health            text        NOT NULL DEFAULT 'starting',
    metadata_json     jsonb       NOT NULL DEFAULT '{}',
    last_heartbeat_at timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_services_pkey PRIMARY KEY (id),
    CONSTRAINT agent_services_zone_id_application_id_endpoint_url_key
        UNIQUE (zone_id, application_id, endpoint_url),
    CONSTRAINT agent_services_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT agent_services_application_id_fkey
        FOREIGN KEY (application_id) REFERENCES applications (id) ON DELETE CASCADE,
    CONSTRAINT agent_services_zone_application_fk
        FOREIGN KEY (zone_id, application_id) REFERENCES applications (zone_id, id),
    CONSTRAINT agent_services_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE,
    CONSTRAINT agent_services_health_check
        CHECK (health IN ('starting', 'healthy', 'degraded', 'unhealthy'))
);
CREATE INDEX agent_services_last_heartbeat_at_idx ON agent_services (last_heartbeat_at)
    WHERE health IN ('healthy', 'degraded');
CREATE INDEX agent_services_zone_id_application_id_idx ON agent_services (zone_id, application_id);
CREATE INDEX agent_services_zone_id_health_idx ON agent_services (zone_id, health);

CREATE TABLE agent_invocations (
    id                  text        NOT NULL,
    zone_id             text        NOT NULL,
    service_id          text        NOT NULL,
    source_session_id   text,
    target_session_id   text,
    method              text        NOT NULL,
    params_json         jsonb       NOT NULL DEFAULT '{}',
    metadata_json       jsonb       NOT NULL DEFAULT '{}',
    status              text        NOT NULL DEFAULT 'pending',
    attempts            integer     NOT NULL DEFAULT 0,
    max_attempts        integer     NOT NULL DEFAULT 3,
    timeout_ms          integer     NOT NULL DEFAULT 30000,
    retry_policy_json   jsonb       NOT NULL DEFAULT '{}',
    error_json          jsonb,
    deadline_at         timestamptz,
    cancel_requested_at timestamptz,
    started_at          timestamptz,
    completed_at        timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_invocations_pkey PRIMARY KEY (id),
    CONSTRAINT agent_invocations_zone_id_id_unique UNIQUE (zone_id, id),
    CONSTRAINT agent_invocations_service_id_fkey
        FOREIGN KEY (service_id) REFERENCES agent_services (id) ON DELETE CASCADE,
    CONSTRAINT agent_invocations_source_session_id_fkey
        FOREIGN KEY (source_session_id) REFERENCES sessions (id) ON DELETE SET NULL,
    CONSTRAINT agent_invocations_target_session_id_fkey
        FOREIGN KEY (target_session_id) REFERENCES sessions (id) ON DELETE SET NULL,
    CONSTRAINT agent_invocations_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE,
    CONSTRAINT agent_invocations_zone_service_fk
        FOREIGN KEY (zone_id, service_id) REFERENCES agent_services (zone_id, id) ON DELETE CASCADE,
    CONSTRAINT agent_invocations_zone_source_fk
        FOREIGN KEY (zone_id, source_session_id) REFERENCES sessions (zone_id, id),
    CONSTRAINT agent_invocations_zone_target_fk
        FOREIGN KEY (zone_id, target_session_id) REFERENCES sessions (zone_id, id),
    CONSTRAINT agent_invocations_max_attempts_check CHECK (max_attempts > 0),
    CONSTRAINT agent_invocations_status_check CHECK (
        status IN (
            'pending', 'running', 'succeeded', 'failed', 'cancel_requested', 'canceled', 'timed_out', 'dead'
        )
    ),
    CONSTRAINT agent_invocations_timeout_ms_check CHECK (timeout_ms > 0)
);
CREATE INDEX agent_invocations_deadline_at_idx ON agent_invocations (deadline_at) WHERE status = 'running';
CREATE INDEX agent_invocations_zone_id_service_id_status_created_at_idx
    ON agent_invocations (zone_id, service_id, status, created_at DESC);
CREATE INDEX agent_invocations_zone_id_source_session_id_status_idx
    ON agent_invocations (zone_id, source_session_id, status)
    WHERE source_session_id IS NOT NULL;
CREATE INDEX agent_invocations_zone_id_target_session_id_status_idx
    ON agent_invocations (zone_id, target_session_id, status)
    WHERE target_session_id IS NOT NULL;

-- Audit
-- -----

CREATE TABLE audit_events (
    id                        text        NOT NULL,
    zone_id                   text        NOT NULL,
    event_type                text        NOT NULL,
    request_id                text,
    decision                  text,
    policy_set_id             text,
    policy_set_version_id     text,
    manifest_sha              text,
    evaluation_status         text,
    determining_policies_json jsonb,
    diagnostics_json          jsonb,
    metadata_json             jsonb,
    occurred_at               timestamptz NOT NULL,
    ingested_at               timestamptz NOT NULL DEFAULT now(),
    content_sha256            text,
    prev_content_sha256       text,
    chain_hmac                text,
    chain_seq                 bigint,
    ingest_signature          text,
    CONSTRAINT audit_events_pkey PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX audit_events_agent_labels_idx ON audit_events USING gin (((metadata_json -> 'agent_labels')));
CREATE INDEX audit_events_agent_session_idx ON audit_events (((metadata_json ->> 'agent_session_id')))
    WHERE metadata_json ? 'agent_session_id';
CREATE INDEX audit_events_request_id_idx ON audit_events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_events_session_idx ON audit_events (((metadata_json ->> 'session_id')))
    WHERE metadata_json ? 'session_id';
CREATE INDEX audit_events_zone_chain ON audit_events (zone_id, chain_seq DESC);
CREATE INDEX audit_events_zone_id_occurred_at_idx ON audit_events (zone_id, occurred_at DESC);

CREATE TABLE audit_ingest_alerts (
    id          bigserial   NOT NULL,
    event_id    text        NOT NULL,
    zone_id     text        NOT NULL,
    kind        text        NOT NULL,
    detail      text,
    observed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_ingest_alerts_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_ingest_alerts_zone_time ON audit_ingest_alerts (zone_id, observed_at DESC);

CREATE TABLE audit_export_watermark (
    name               text        NOT NULL,
    last_exported_hour timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_export_watermark_pkey PRIMARY KEY (name)
);

CREATE TABLE audit_retention (
    singleton      boolean     NOT NULL DEFAULT true,
    retention_days integer     NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    updated_by     text,
    CONSTRAINT audit_retention_pkey PRIMARY KEY (singleton),
    CONSTRAINT audit_retention_retention_days_check CHECK (retention_days >= 1),
    CONSTRAINT audit_retention_singleton_check CHECK (singleton)
);

CREATE TABLE audit_chain_rehash (
    id           smallint    NOT NULL DEFAULT 1,
    completed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_chain_rehash_pkey PRIMARY KEY (id),
    CONSTRAINT audit_chain_rehash_id_check CHECK (id = 1)
);

-- Rows dated outside the monthly window land here; a healthy ledger keeps it empty.
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;

-- The audit role may not create or drop tables itself, so partition work goes through two
-- functions that run as the owner. Bounds are dates: they mean midnight in the session's zone.
CREATE FUNCTION audit_partition_ensure(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
AS $body$
DECLARE
    first_day date := date_trunc('month', month);
    next_month date := first_day + interval '1 month';
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.audit_events FOR VALUES FROM (%L) TO (%L)',
        to_char(first_day, '"audit_events_y"YYYY"m"MM'), first_day, next_month);
END
$body$;

-- Refuses anything but a monthly partition, so the default partition and other tables are safe;
-- a month that is no partition (any more) is not an error.
CREATE FUNCTION audit_partition_drop(part_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
AS $body$
BEGIN
    IF part_name !~ '^audit_events_y\d{4}m\d{2}$' THEN
        RAISE EXCEPTION 'not an audit_events monthly partition: %', part_name;
    END IF;
    PERFORM FROM pg_inherits
        WHERE inhparent = 'public.audit_events'::regclass
          AND inhrelid = to_regclass(format('public.%I', part_name));
    IF FOUND THEN
        EXECUTE format('DROP TABLE public.%I', part_name);
    END IF;
END
$body$;

REVOKE ALL ON FUNCTION audit_partition_ensure(date), audit_partition_drop(text) FROM PUBLIC;

-- Current month and the next three: what the retention leader keeps in place afterwards.
SELECT audit_partition_ensure((date_trunc('month', now()) + make_interval(months => ahead))::date)
FROM generate_series(0, 3) AS ahead;

-- Outboxes and notifications
-- --------------------------

CREATE TABLE event_outbox (
    id            text        NOT NULL,
    stream_name   text        NOT NULL,
    payload_json  jsonb       NOT NULL,
    attempts      integer     NOT NULL DEFAULT 0,
    available_at  timestamptz NOT NULL DEFAULT now(),
    locked_until  timestamptz,
    locked_by     text,
    last_error    text,
    dispatched_at timestamptz,
    request_id    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_outbox_pkey PRIMARY KEY (id)
);
CREATE INDEX event_outbox_dispatch_ready ON event_outbox (available_at) WHERE dispatched_at IS NULL;
CREATE INDEX event_outbox_undispatched_age ON event_outbox (created_at) WHERE dispatched_at IS NULL;

CREATE TABLE caracal_outbox (
    id           text        NOT NULL,
    producer     text        NOT NULL,
    topic        text        NOT NULL,
    dedupe_key   text        NOT NULL,
    payload_json jsonb       NOT NULL,
    status       text        NOT NULL DEFAULT 'pending',
    attempts     integer     NOT NULL DEFAULT 0,
    available_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT caracal_outbox_pkey PRIMARY KEY (id),
    CONSTRAINT caracal_outbox_producer_topic_dedupe_key_key UNIQUE (producer, topic, dedupe_key),
    CONSTRAINT caracal_outbox_producer_check CHECK (producer IN ('api', 'coordinator')),
    CONSTRAINT caracal_outbox_status_check CHECK (status IN ('pending', 'published', 'dead'))
);
CREATE INDEX caracal_outbox_status_available_at_idx ON caracal_outbox (status, available_at);
CREATE INDEX caracal_outbox_topic_status_idx ON caracal_outbox (topic, status);

CREATE TABLE notification_sinks (
    id                   text        NOT NULL,
    zone_id              text        NOT NULL,
    name                 text        NOT NULL,
    url                  text        NOT NULL,
    secret_ct            bytea       NOT NULL,
    event_types          text[]      NOT NULL,
    active               boolean     NOT NULL DEFAULT true,
    cursor_chain_seq     bigint      NOT NULL DEFAULT 0,
    consecutive_failures integer     NOT NULL DEFAULT 0,
    last_success_at      timestamptz,
    last_failure_at      timestamptz,
    last_error           text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_sinks_pkey PRIMARY KEY (id),
    CONSTRAINT notification_sinks_zone_id_fkey FOREIGN KEY (zone_id) REFERENCES zones (id) ON DELETE CASCADE,
    CONSTRAINT notification_sinks_event_types_check CHECK (cardinality(event_types) > 0)
);
CREATE INDEX notification_sinks_zone_keyset_idx ON notification_sinks (zone_id, created_at DESC, id DESC);

CREATE TABLE notification_deliveries (
    id              text        NOT NULL,
    sink_id         text        NOT NULL,
    zone_id         text        NOT NULL,
    event_id        text        NOT NULL,
    event_type      text        NOT NULL,
    payload_json    jsonb       NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    available_at    timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz,
    abandoned_at    timestamptz,
    response_status integer,
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT notification_deliveries_sink_event_uniq UNIQUE (sink_id, event_id),
    CONSTRAINT notification_deliveries_sink_id_fkey
        FOREIGN KEY (sink_id) REFERENCES notification_sinks (id) ON DELETE CASCADE
);
CREATE INDEX notification_deliveries_due_idx ON notification_deliveries (available_at)
    WHERE delivered_at IS NULL AND abandoned_at IS NULL;
CREATE INDEX notification_deliveries_settled_idx ON notification_deliveries (created_at)
    WHERE delivered_at IS NOT NULL OR abandoned_at IS NOT NULL;
CREATE INDEX notification_deliveries_sink_keyset_idx
    ON notification_deliveries (sink_id, created_at DESC, id DESC);

-- Console assistant
-- -----------------

CREATE TABLE operator_ai_providers (
    slug           text        NOT NULL,
    label          text        NOT NULL,
    base_url       text        NOT NULL,
    models         jsonb       NOT NULL DEFAULT '[]',
    context_window integer     NOT NULL DEFAULT 0,
    enabled        boolean     NOT NULL DEFAULT true,
    sort_order     integer     NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    auth_config    jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT operator_ai_providers_pkey PRIMARY KEY (slug),
    CONSTRAINT operator_ai_providers_context_window_check CHECK (context_window >= 0),
    CONSTRAINT operator_ai_providers_slug_check CHECK (slug ~ '^[a-z0-9_]{1,32}$')
);
CREATE INDEX operator_ai_providers_order_idx ON operator_ai_providers (sort_order, slug);

CREATE TABLE operator_conversations (
    id               text        NOT NULL,
    zone_id          text        NOT NULL,
    title            text        NOT NULL,
    status           text        NOT NULL DEFAULT 'active',
    created_by       text        NOT NULL,
    next_seq         bigint      NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    last_activity_at timestamptz NOT NULL DEFAULT now(),
    archived_at      timestamptz,
    mode             text        NOT NULL DEFAULT 'agent',
    autopilot        boolean     NOT NULL DEFAULT false,
    number           bigint,
    CONSTRAINT operator_conversations_pkey PRIMARY KEY (id),
    CONSTRAINT operator_conversations_mode_check CHECK (mode IN ('ask', 'agent')),
    CONSTRAINT operator_conversations_next_seq_check CHECK (next_seq >= 1),
    CONSTRAINT operator_conversations_status_check CHECK (status IN ('active', 'archived'))
);
CREATE INDEX operator_conversations_zone_keyset_idx
    ON operator_conversations (zone_id, created_at DESC, id DESC)
    WHERE archived_at IS NULL;
CREATE UNIQUE INDEX operator_conversations_zone_number_idx ON operator_conversations (zone_id, number);

CREATE TABLE operator_conversation_counters (
    zone_id     text   NOT NULL,
    next_number bigint NOT NULL,
    CONSTRAINT operator_conversation_counters_pkey PRIMARY KEY (zone_id)
);

CREATE TABLE operator_turns (
    id              text        NOT NULL,
    conversation_id text        NOT NULL,
    zone_id         text        NOT NULL,
    seq             bigint      NOT NULL,
    role            text        NOT NULL,
    kind            text        NOT NULL,
    content         jsonb       NOT NULL DEFAULT '{}',
    actor_id        text,
    client_token    text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_turns_pkey PRIMARY KEY (id),
    CONSTRAINT operator_turns_conversation_seq_key UNIQUE (conversation_id, seq),
    CONSTRAINT operator_turns_conversation_fkey
        FOREIGN KEY (conversation_id) REFERENCES operator_conversations (id) ON DELETE CASCADE,
    CONSTRAINT operator_turns_kind_check
        CHECK (kind IN ('message', 'plan', 'approval', 'rejection', 'execution', 'error', 'note')),
    CONSTRAINT operator_turns_role_check CHECK (role IN ('user', 'operator', 'system')),
    CONSTRAINT operator_turns_seq_check CHECK (seq >= 1)
);
CREATE INDEX operator_turns_conversation_seq_idx ON operator_turns (conversation_id, seq);
CREATE UNIQUE INDEX operator_turns_idempotency_idx ON operator_turns (conversation_id, client_token)
    WHERE client_token IS NOT NULL;

CREATE TABLE operator_message_runs (
    id                     text        NOT NULL,
    zone_id                text        NOT NULL,
    conversation_id        text        NOT NULL,
    client_message_id      text        NOT NULL,
    server_message_turn_id text,
    correlation_id         text        NOT NULL,
    state                  text        NOT NULL,
    actor_id               text,
    provider_id            text,
    reason                 text,
    error_code             text,
    error_detail           text,
    deadline_at            timestamptz,
    started_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    completed_at           timestamptz,
    last_event_seq         bigint      NOT NULL DEFAULT 0,
    CONSTRAINT operator_message_runs_pkey PRIMARY KEY (id),
    CONSTRAINT operator_message_runs_conversation_fkey
        FOREIGN KEY (conversation_id) REFERENCES operator_conversations (id) ON DELETE CASCADE,
    CONSTRAINT operator_message_runs_message_turn_fkey
        FOREIGN KEY (server_message_turn_id) REFERENCES operator_turns (id) ON DELETE SET NULL,
    CONSTRAINT operator_message_runs_completion_check
        CHECK (state IN ('completed', 'cancelled', 'failed', 'timeout') OR completed_at IS NULL),
    CONSTRAINT operator_message_runs_last_event_seq_check CHECK (last_event_seq >= 0),
    CONSTRAINT operator_message_runs_state_check CHECK (
        state IN (
            'queued', 'sending', 'waiting_for_model', 'reasoning', 'waiting_for_tool',
            'waiting_for_user_approval', 'executing', 'streaming', 'completed', 'cancelled', 'failed',
            'timeout'
        )
    )
);
CREATE INDEX operator_message_runs_active_idx
    ON operator_message_runs (zone_id, conversation_id, updated_at DESC)
    WHERE state <> ALL (ARRAY['completed', 'cancelled', 'failed', 'timeout']);
CREATE UNIQUE INDEX operator_message_runs_client_id_idx
    ON operator_message_runs (conversation_id, client_message_id);
CREATE INDEX operator_message_runs_conversation_state_idx
    ON operator_message_runs (conversation_id, state, started_at DESC);
CREATE UNIQUE INDEX operator_message_runs_correlation_idx ON operator_message_runs (correlation_id);

CREATE TABLE operator_message_run_events (
    id              text        NOT NULL,
    run_id          text        NOT NULL,
    zone_id         text        NOT NULL,
    conversation_id text        NOT NULL,
    event_seq       bigint      NOT NULL,
    state           text        NOT NULL,
    reason          text,
    error_code      text,
    error_detail    text,
    payload         jsonb       NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_message_run_events_pkey PRIMARY KEY (id),
    CONSTRAINT operator_message_run_events_run_seq_key UNIQUE (run_id, event_seq),
    CONSTRAINT operator_message_run_events_conversation_fkey
        FOREIGN KEY (conversation_id) REFERENCES operator_conversations (id) ON DELETE CASCADE,
    CONSTRAINT operator_message_run_events_run_fkey
        FOREIGN KEY (run_id) REFERENCES operator_message_runs (id) ON DELETE CASCADE,
    CONSTRAINT operator_message_run_events_event_seq_check CHECK (event_seq >= 1),
    CONSTRAINT operator_message_run_events_state_check CHECK (
        state IN (
            'queued', 'sending', 'waiting_for_model', 'reasoning', 'waiting_for_tool',
            'waiting_for_user_approval', 'executing', 'streaming', 'completed', 'cancelled', 'failed',
            'timeout'
        )
    )
);
CREATE INDEX operator_message_run_events_conversation_idx
    ON operator_message_run_events (conversation_id, event_seq);

CREATE TABLE operator_plan_secrets (
    conversation_id text        NOT NULL,
    zone_id         text        NOT NULL,
    plan_seq        bigint      NOT NULL,
    step_id         text        NOT NULL,
    envelope        bytea       NOT NULL,
    secret_keys     text[]      NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    CONSTRAINT operator_plan_secrets_pkey PRIMARY KEY (conversation_id, plan_seq, step_id),
    CONSTRAINT operator_plan_secrets_conversation_fkey
        FOREIGN KEY (conversation_id) REFERENCES operator_conversations (id) ON DELETE CASCADE,
    CONSTRAINT operator_plan_secrets_plan_seq_check CHECK (plan_seq >= 1)
);

CREATE TABLE operator_zone_memory (
    id              text        NOT NULL,
    zone_id         text        NOT NULL,
    conversation_id text,
    text            text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_zone_memory_pkey PRIMARY KEY (id),
    CONSTRAINT operator_zone_memory_text_check CHECK (char_length(text) >= 1 AND char_length(text) <= 2000)
);
CREATE INDEX operator_zone_memory_recall_idx ON operator_zone_memory (zone_id, created_at DESC, id DESC);

-- Row-level security
-- ------------------

-- The same policy on every one of these tables: rows of the zone named by the setting caracal.zone_id,
-- or all rows for '*'. An unset setting gives no rows and no error. Not forced: the owner bypasses it.
DO $body$
DECLARE
    tenant_table text;
    tenant_tables CONSTANT text[] := ARRAY[
        'admin_tokens', 'admin_audit_events', 'applications', 'subject_issuers', 'providers',
        'provider_connections', 'resources', 'delegated_grants', 'secrets', 'secret_store',
        'policies', 'policy_sets', 'policy_set_bindings', 'authority_records', 'sessions',
        'delegation_edges', 'delegation_graph_epochs', 'step_up_challenges',
        'coordinator_idempotency_receipts', 'agent_services', 'agent_invocations', 'audit_events',
        'operator_conversations', 'operator_turns', 'operator_message_runs',
        'operator_message_run_events', 'operator_plan_secrets', 'operator_zone_memory'
    ];
BEGIN
    FOREACH tenant_table IN ARRAY tenant_tables LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            $policy$
            CREATE POLICY zone_isolation ON %I
                USING (current_setting('caracal.zone_id', true) = '*'
                       OR zone_id = current_setting('caracal.zone_id', true))
                WITH CHECK (current_setting('caracal.zone_id', true) = '*'
                            OR zone_id = current_setting('caracal.zone_id', true))
            $policy$, tenant_table);
    END LOOP;
END
$body$;

-- Grants
-- ------

-- Column lists are never used. The partitions of audit_events get nothing: services read through
-- the parent. Append-only ledgers are append-only because UPDATE and DELETE are missing here.

-- caracalapi
GRANT SELECT ON
    agent_invocations, agent_services, audit_events, delegation_graph_epochs
    TO caracalapi;
GRANT SELECT, INSERT ON
    admin_audit_events, operator_message_run_events, operator_turns, operator_zone_memory,
    policy_set_versions
    TO caracalapi;
GRANT SELECT, UPDATE ON
    authority_records, delegation_edges, sessions, step_up_challenges
    TO caracalapi;
GRANT SELECT, INSERT, UPDATE ON
    caracal_outbox, operator_conversations, operator_message_runs, policy_versions
    TO caracalapi;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    admin_tokens, applications, audit_retention, delegated_grants, event_outbox,
    notification_deliveries, notification_sinks, operator_ai_providers,
    operator_conversation_counters, operator_plan_secrets, policies, policy_set_bindings,
    policy_sets, provider_connections, providers, resources, secret_store, secrets, sts_rate_limit,
    subject_issuers, workloads, zones
    TO caracalapi;

-- caracalsts
GRANT SELECT ON
    agent_invocations, agent_services, applications, delegation_edges, delegation_graph_epochs,
    policies, policy_set_bindings, policy_set_versions, policy_sets, policy_versions, providers,
    resources, secret_store, sessions, sts_rate_limit, subject_issuers, workloads, zones
    TO caracalsts;
GRANT SELECT, INSERT, UPDATE ON
    authority_records, delegated_grants, provider_connections, secrets
    TO caracalsts;
GRANT SELECT, INSERT, UPDATE, DELETE ON step_up_challenges TO caracalsts;

-- caracalgateway
GRANT SELECT ON
    applications, authority_records, delegation_edges, providers, resources, sessions, zones
    TO caracalgateway;

-- caracalaudit
GRANT SELECT ON audit_retention TO caracalaudit;
GRANT SELECT, INSERT ON audit_events, audit_ingest_alerts TO caracalaudit;
GRANT SELECT, INSERT, UPDATE ON audit_export_watermark TO caracalaudit;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_chain_rehash TO caracalaudit;
GRANT SELECT, USAGE ON SEQUENCE audit_ingest_alerts_id_seq TO caracalaudit;
GRANT EXECUTE ON FUNCTION audit_partition_ensure(date), audit_partition_drop(text) TO caracalaudit;

-- caracalcoordinator
GRANT SELECT ON applications, authority_records, resources, zones TO caracalcoordinator;
GRANT SELECT, INSERT ON admin_audit_events TO caracalcoordinator;
GRANT SELECT, INSERT, DELETE ON coordinator_idempotency_receipts TO caracalcoordinator;
GRANT SELECT, INSERT, UPDATE ON
    agent_invocations, agent_services, agent_topology, caracal_outbox, delegation_edges,
    delegation_graph_epochs
    TO caracalcoordinator;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO caracalcoordinator;
