import * as z from 'zod';
import type { Migration } from '../../caracal/migrations.ts';
import { madeLater } from '../../caracal/tables.ts';
import type { Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { whenAnswered } from '../judging.ts';
import { migrationHistory } from './migrations.checks.ts';

const names = z.array(z.string());

/** A service role, as the cluster has it. */
const role = z.object({
  name: z.string(),
  login: z.boolean(),
  superuser: z.boolean(),
  bypassesRls: z.boolean(),
  createsRoles: z.boolean(),
  createsDatabases: z.boolean(),
  /** -1 for no limit. */
  connectionLimit: z.number().int(),
  /** ISO 8601, or `infinity`; null when the password never ends. */
  passwordUntil: z.string().nullable(),
  passwordEnded: z.boolean(),
  /** CONNECT on this database. */
  connects: z.boolean(),
  /** USAGE on the schema `public`. */
  usesSchema: z.boolean(),
  /** True when it has the rights of a role that owns tables of Caracal: row-level security does not bind such a role. */
  owns: z.boolean(),
  memberOf: names,
});

const policy = z.object({
  name: z.string(),
  permissive: z.boolean(),
  /** `*` for all commands, else r, a, w or d. */
  command: z.string(),
  /** True when it binds everybody or a service role. */
  forServices: z.boolean(),
  /** Null when it reads and checks `caracal.zone_id` as Caracal's own does, or was not read; else its conditions. */
  other: z.string().nullable(),
});

/**
 * What the catalogue says about the parts of Caracal's schema, the roles and the settings, read in
 * one statement. Lists named `missing…` hold what was looked for and is not there.
 */
export const postgresCatalogue = subject(
  'postgres.catalogue',
  z.object({
    /** Server clock, ISO 8601. */
    now: z.string(),
    database: z.string(),
    /** Tables of Caracal that are there. */
    tables: names,
    /** Tables and partitions under a lock that shuts out readers, held or waited for: their policies and bounds were not read. */
    locked: names,
    owners: names,
    /** `table.column`, of tables that are there; likewise below. */
    missingColumns: names,
    missingIndexes: names,
    /** Unique indexes of Caracal that are there and not unique. */
    notUnique: names,
    /** Of any table in `public`. */
    invalidIndexes: names,
    /** `table.constraint`. */
    missingConstraints: names,
    /** There, but rows of before were never checked, or it is not enforced at all. */
    notValidated: names,
    roles: z.array(role),
    /** By role, by table or sequence: letters of r SELECT, a INSERT, w UPDATE, d DELETE, U USAGE. */
    grants: z.record(z.string(), z.record(z.string(), z.string())),
    functions: z.array(z.object({ name: z.string(), callers: names, definer: z.boolean() })),
    /** Who may change or remove evidence: append-only tables, and partitions of `audit_events`. */
    mutable: z.array(z.object({ table: z.string(), role: z.string(), may: names })),
    isolation: z.array(z.object({ table: z.string(), enabled: z.boolean(), forced: z.boolean(), policies: z.array(policy) })),
    triggers: z.array(
      z.object({
        table: z.string(),
        name: z.string(),
        /** O on, A always, R on replicas only, D off: `pg_trigger.tgenabled`. */
        enabled: z.string(),
        /** True for a trigger before each row on update and delete. */
        complete: z.boolean(),
        function: z.string(),
        /** True when the function has a RAISE in it. */
        raises: z.boolean(),
      }),
    ),
    partitions: z.array(
      z.object({
        name: z.string(),
        /** Bounds in ISO 8601; null where there is none. Both null and `rest` false: bounds of another kind, or not read. */
        from: z.string().nullable(),
        to: z.string().nullable(),
        /** True for the default partition, which takes what no other does. */
        rest: z.boolean(),
      }),
    ),
    /** Tables with the name of a partition that are none: the retention of Audit takes such a month to be there. */
    detached: names,
    /** Size of the default partition, without indexes; null when there is none, or it was not read. 0 proves that it is empty. */
    defaultBytes: z.number().nullable(),
    /** True on a standby. */
    recovering: z.boolean(),
    settings: z.array(
      z.object({
        name: z.string(),
        value: z.string(),
        /** False when the value is that of our own role, database or session, and hides the server's. */
        ofServer: z.boolean(),
      }),
    ),
    /** ALTER ROLE … SET and ALTER DATABASE … SET, where they reach a service; null for every role or database. */
    overrides: z.array(z.object({ role: z.string().nullable(), database: z.string().nullable(), name: z.string(), value: z.string() })),
    /** The databases of the cluster with the oldest ids that are not frozen. */
    frozen: z.array(z.object({ database: z.string(), transactions: z.number(), multixacts: z.number() })),
    checksumFailures: z.object({ count: z.number().nullable(), last: z.string().nullable() }),
    /** What row-level security does to this very session. */
    visibility: z.object({
      user: z.string(),
      /** Tables of Caracal whose row-level security binds this user. */
      bound: z.number().int(),
      /** `caracal.zone_id` as it was in effect in the statement. */
      zone: z.string().nullable(),
      rowSecurity: z.string(),
      /** Tables that bind this user and show it no rows, or not all, whatever the setting. */
      hidden: names,
      /** Tables of Caracal of which this user may read no column. */
      unreadable: names,
    }),
  }),
);

export type Catalogue = z.infer<typeof postgresCatalogue.schema>;

/** The catalogue, with what the history of migrations lets one expect of it. */
export interface Known extends Catalogue {
  /** Whether a migration of this name made the schema. */
  readonly made: (migration: Migration) => boolean;
  /** True when the history has migrations that are later than 1.0. */
  readonly newer: boolean;
}

const catalogue = postgresCatalogue.of('Postgres');
const history = migrationHistory.of('Postgres');

/** To stand among the `asks` of each check that uses `whenCatalogue`. */
export const asksCatalogue = [catalogue, history] as const;

/**
 * Judges by the catalogue. A history that cannot be read, because it takes a privilege of its own,
 * is made up for by what later migrations left in the schema.
 */
export function whenCatalogue(observed: Observed, judge: (known: Known) => Judgement): Judgement {
  const { outcome } = observed.get(history);
  const applied = outcome.kind === 'answer' && outcome.value.present ? outcome.value.applied.map(({ version }) => version) : undefined;
  return whenAnswered(observed.get(catalogue), (answer) =>
    judge({
      ...answer,
      made: (migration) => (applied ? applied.includes(migration) : left(answer, migration)),
      newer: applied?.some((version) => !/^000[123]_/.test(version)) ?? false,
    }),
  );
}

/** Whether any column that this migration adds is there; the baseline adds none of these. */
function left({ missingColumns }: Catalogue, migration: Migration): boolean {
  const added = Object.entries(madeLater).filter(([object, by]) => by === migration && object.includes('.'));
  return added.length === 0 || added.some(([column]) => !missingColumns.includes(column));
}

/** Whether an object, called as in `madeLater`, is to be expected. */
export function expected(known: Known, object: string): boolean {
  const migration = madeLater[object];
  return migration === undefined || known.made(migration);
}

/** Whether nothing of Caracal is in this database, so that there is nothing to judge. */
export function foreign({ tables }: Catalogue): boolean {
  return tables.length === 0;
}

/**
 * The value of a setting that a new session of a role starts with: that of its role in this database,
 * of its role, of the database, of all roles, of the server. Null when the server's is hidden.
 *
 * @see https://www.postgresql.org/docs/18/sql-alterrole.html
 */
export function settingOf({ overrides, settings, database }: Catalogue, name: string, user: string): { value: string; from: string } | null {
  const order: readonly (readonly [string | null, string | null, string])[] = [
    [user, database, `ALTER ROLE ${user} IN DATABASE ${database} SET`],
    [user, null, `ALTER ROLE ${user} SET`],
    [null, database, `ALTER DATABASE ${database} SET`],
    [null, null, 'ALTER ROLE ALL SET'],
  ];
  for (const [role, of, from] of order) {
    const found = overrides.find((each) => each.name === name && each.role === role && each.database === of);
    if (found) return { value: found.value, from };
  }
  const server = settings.find((each) => each.name === name);
  return server?.ofServer === true ? { value: server.value, from: 'the server' } : null;
}

/** `a, b, c and 4 more`. */
export function some(list: readonly string[], most = 3): string {
  const shown = list.slice(0, most).join(', ');
  return list.length > most ? `${shown} and ${list.length - most} more` : shown;
}
