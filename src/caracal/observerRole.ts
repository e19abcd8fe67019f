import { listed, tables } from './tables.ts';

export const observerRoleName = 'caracal_observer';

/** Tables that hold no secret and no payload of a caller: all their columns may be read. */
const whole = [
  'audit_events', 'audit_ingest_alerts', 'audit_export_watermark', 'audit_retention', 'audit_chain_rehash', 'admin_audit_events', 'schema_migrations',
  'delegation_edges', 'delegation_graph_epochs', 'agent_topology', 'step_up_challenges', 'policies', 'policy_versions', 'policy_sets',
  'policy_set_versions', 'policy_set_bindings', 'resources', 'providers', 'subject_issuers', 'zones', 'delegated_grants', 'sts_rate_limit',
] as const;

/** Columns that stay closed in tables of which all others may be read: payloads, secrets, and what is derived from secrets. */
const closed: Readonly<Record<string, readonly string[]>> = {
  event_outbox: ['payload_json'],
  caracal_outbox: ['payload_json'],
  notification_deliveries: ['payload_json'],
  notification_sinks: ['url', 'secret_ct'],
  authority_records: ['claims_json'],
  sessions: ['metadata_json'],
  agent_services: ['metadata_json'],
  agent_invocations: ['params_json', 'metadata_json', 'error_json'],
  applications: ['client_secret_hash'],
  workloads: ['secret_hash', 'bindings'],
  provider_connections: ['access_token_ct', 'refresh_token_ct'],
  secrets: ['envelope'],
  secret_store: ['envelope'],
  admin_tokens: ['token_sha256', 'token_hash'],
  coordinator_idempotency_receipts: ['key_digest', 'request_digest', 'response_json'],
};

/**
 * SQL that makes a role for the debugger on a database of Caracal 1.0: it reads what the checks read,
 * no secret and no payload, and writes nothing. It can be run again. It holds no password.
 */
export function observerRoleSql(): string {
  const columns = Object.entries(closed).map(([table, without]) => {
    const open = listed(tables[table]?.columns).filter((column) => !without.includes(column));
    return `GRANT SELECT (${open.join(', ')}) ON public.${table} TO ${observerRoleName};`;
  });
  return [
    '-- A role for Caracal Debugger that reads and never writes. Secrets and payloads stay closed to it.',
    '--',
    '-- Run it on the database of Caracal as the owner or a superuser, after the migrations:',
    '--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f observer-role.sql',
    '-- Then give it a password, which psql asks for and sends as a hash:',
    `--   \\password ${observerRoleName}`,
    '-- and put the connection string of this role into the target. The statements can be run again.',
    '',
    'DO $$',
    'BEGIN',
    `  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${observerRoleName}') THEN`,
    `    CREATE ROLE ${observerRoleName};`,
    '  END IF;',
    `  IF EXISTS (SELECT FROM pg_roles WHERE rolname = '${observerRoleName}' AND (rolsuper OR rolbypassrls OR rolreplication)) THEN`,
    `    RAISE EXCEPTION '${observerRoleName} is there already and may more than read';`,
    '  END IF;',
    `  EXECUTE format('GRANT CONNECT ON DATABASE %I TO ${observerRoleName}', current_database());`,
    'END',
    '$$;',
    `ALTER ROLE ${observerRoleName} LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT 3;`,
    '-- Row-level security shows all zones to a session with this setting; with the id of a zone, that zone.',
    `ALTER ROLE ${observerRoleName} SET caracal.zone_id = '*';`,
    `ALTER ROLE ${observerRoleName} SET default_transaction_read_only = on;`,
    `ALTER ROLE ${observerRoleName} SET statement_timeout = '5s';`,
    `ALTER ROLE ${observerRoleName} SET lock_timeout = '1s';`,
    `ALTER ROLE ${observerRoleName} SET idle_in_transaction_session_timeout = '10s';`,
    '',
    `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${observerRoleName};`,
    `GRANT USAGE ON SCHEMA public TO ${observerRoleName};`,
    ...whole.map((table) => `GRANT SELECT ON public.${table} TO ${observerRoleName};`),
    '',
    '-- All columns but secrets, what is derived from them, and payloads.',
    ...columns,
    '',
    '-- Optional: shows how long transactions and statements of others have been running, never a row of theirs.',
    '-- Without it, Transactions and Service pools stay unknown.',
    `-- GRANT pg_monitor TO ${observerRoleName};`,
    '',
  ].join('\n');
}
