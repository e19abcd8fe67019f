import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ClientBase } from 'pg';

/** The service roles, which can log in only after the runner has given them a password. */
export const SERVICE_ROLES = [
  'caracalapi', 'caracalsts', 'caracalgateway', 'caracalaudit', 'caracalcoordinator', 'caracalauth',
] as const;
export type ServiceRole = (typeof SERVICE_ROLES)[number];

export interface MigrateOptions {
  /** Passwords by role; a role without one keeps NOLOGIN, silently, as with the real runner. */
  passwords?: Partial<Record<ServiceRole, string>>;
  /** Last version to apply, to leave the later ones pending. Default: all. */
  upTo?: string;
  /** Receives the runner's own output lines. */
  onLine?: (line: string) => void;
}

const SCHEMA_FOLDER = new URL('schema/', import.meta.url);
const ADVISORY_LOCK_KEY = '4732518903281471';

/** Versions that a complete installation has recorded, in the order of their application. */
export async function migrationVersions(): Promise<string[]> {
  const files = await readdir(SCHEMA_FOLDER);
  return files.filter((name) => name.endsWith('.up.sql')).map((name) => name.slice(0, -'.up.sql'.length)).sort();
}

/**
 * Applies the schema files as Caracal's runner does (contract, storage 1.1): history table first,
 * then one transaction per file that holds the advisory lock and also records the version; recorded
 * versions are skipped; finally LOGIN and password per service role.
 *
 * @param client a connection of the superuser to the database
 * @throws DatabaseError of the failing statement; files before it stay applied
 */
export async function migrate(client: ClientBase, options: MigrateOptions = {}): Promise<void> {
  const { passwords = {}, upTo, onLine = () => undefined } = options;
  await client.query(`
    CREATE TABLE IF NOT EXISTS public.schema_migrations (
      version    text        NOT NULL PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  for (const version of await migrationVersions()) {
    if (upTo !== undefined && version > upTo) {
      break;
    }
    onLine(`applying ${version}`);
    await apply(client, version);
  }
  onLine('migrations up to date');
  for (const role of SERVICE_ROLES) {
    const password = passwords[role];
    if (password !== undefined && password !== '') {
      await client.query(`ALTER ROLE ${role} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
      onLine(`provisioned login for ${role}`);
    }
  }
}

/**
 * Takes 0003 back, objects and history row, in one transaction: a database whose last migration is
 * pending (contract, storage 1.3). `migrate` applies it again.
 */
export async function unapply0003(client: ClientBase): Promise<void> {
  await inTransaction(client, async () => {
    // The three checks go with their columns.
    await client.query(`
      ALTER TABLE public.operator_message_runs
        DROP COLUMN input_tokens,
        DROP COLUMN output_tokens,
        DROP COLUMN usage_by_provider_model,
        DROP COLUMN served_provider_id,
        DROP COLUMN served_model`);
    await client.query("DELETE FROM public.schema_migrations WHERE version = '0003_operator_run_token_usage'");
  });
}

/**
 * Takes from the schema what the baseline of July 2026 lacked, and gives back the one constraint that
 * it had instead; the history stays as it is (contract, storage 11).
 */
export async function becomeJulyBaseline(client: ClientBase): Promise<void> {
  await inTransaction(client, async () => {
    await client.query(`
      DROP TABLE public.sts_rate_limit;
      DROP TRIGGER policy_set_versions_immutable ON public.policy_set_versions;
      DROP INDEX public.sessions_terminal_retention_idx;
      REVOKE DELETE ON public.sessions FROM caracalcoordinator;
      ALTER TABLE public.sessions DROP COLUMN lease_generation;
      ALTER TABLE public.delegation_edges DROP CONSTRAINT delegation_edges_zone_parent_fk;
      ALTER TABLE public.delegation_edges
        ADD CONSTRAINT delegation_edges_parent_edge_id_fkey
        FOREIGN KEY (parent_edge_id) REFERENCES public.delegation_edges (id) ON DELETE SET NULL`);
  });
}

async function apply(client: ClientBase, version: string): Promise<void> {
  const sql = await readFile(fileURLToPath(new URL(`${version}.up.sql`, SCHEMA_FOLDER)), 'utf8');
  await inTransaction(client, async () => {
    await client.query(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_KEY})`);
    // Looked up under the lock: a runner that waited here finds the work done.
    const recorded = await client.query('SELECT 1 FROM public.schema_migrations WHERE version = $1', [version]);
    if (recorded.rowCount === 0) {
      await client.query(sql);
      await client.query('INSERT INTO public.schema_migrations (version) VALUES ($1)', [version]);
    }
  });
}

async function inTransaction(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
