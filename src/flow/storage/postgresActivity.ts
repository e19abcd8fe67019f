import * as z from 'zod';
import { subject } from '../../model/observation.ts';

/** A session that is in a transaction, or in the way of others. Times in milliseconds. */
const session = z.object({
  pid: z.number().int(),
  role: z.string(),
  application: z.string(),
  /** As `pg_stat_activity` calls it; null when this user may not see it. */
  state: z.string().nullable(),
  /** Since the transaction began; null outside of one, or when hidden. */
  transactionMs: z.number().nullable(),
  /** Since the state began: for `active`, since the statement began. */
  stateMs: z.number().nullable(),
});

/** An advisory lock by its signed 64-bit key as text; null for one of two 32-bit keys. */
const key = z.string().nullable();

/**
 * What the server is doing, read in one statement: sessions, transactions, lock waits, advisory locks
 * and replication. Statements of others are not read.
 */
export const postgresActivity = subject(
  'postgres.activity',
  z.object({
    /** True when this user sees what other users' sessions do: a superuser, or a member of pg_read_all_stats, as pg_monitor is. */
    seesAll: z.boolean(),
    /** False when the server does not record what sessions do. */
    tracked: z.boolean(),
    maxConnections: z.number().int(),
    /** Slots that no service can get: superuser_reserved_connections and reserved_connections. */
    reserved: z.number().int(),
    /** `pg_database.datconnlimit` of this database; -1 for no limit. */
    databaseLimit: z.number().int(),
    /** Client sessions of the whole server, and those in this database. */
    sessions: z.number().int(),
    inDatabase: z.number().int(),
    /** Sessions of the whole server by role, most first; at most 30 roles. */
    byRole: z.array(z.object({ role: z.string(), sessions: z.number().int(), limit: z.number().int() })),
    /** Sessions of service roles by where they come from and what they call themselves: about one group for each replica. */
    pools: z.array(
      z.object({
        role: z.string(),
        sessions: z.number().int(),
        idle: z.number().int(),
        /** Active, or in a transaction. */
        busy: z.number().int(),
        /** How long the one that became busy last has been so. */
        leastBusyMs: z.number().nullable(),
      }),
    ),
    /** In this database, longest first; at most 20, none younger than a second. `blocks` counts those that wait for it. */
    transactions: z.array(session.extend({ blocks: z.number().int() })),
    /** In this database, longest first; at most 20. */
    waits: z.array(
      z.object({
        pid: z.number().int(),
        role: z.string(),
        waitedMs: z.number(),
        /** `pg_locks.locktype`: relation, transactionid, tuple, advisory … */
        type: z.string(),
        relation: z.string().nullable(),
        key,
        mode: z.string(),
        blockers: z.array(session),
      }),
    ),
    /** Granted ones in this database; at most 50. `heldMs` is the age of the holder's transaction, where it is seen. */
    advisory: z.array(z.object({ key, pid: z.number().int(), role: z.string().nullable(), heldMs: z.number().nullable() })),
    /** Transactions prepared for two-phase commit in this database, which no service of Caracal makes. */
    prepared: z.object({ count: z.number().int(), oldestMs: z.number().nullable() }),
    replication: z.object({
      recovering: z.boolean(),
      /** Names of standbys that a commit waits for; empty when it waits for none. */
      synchronous: z.string(),
      commit: z.string(),
      replicas: z.array(
        z.object({
          name: z.string(),
          /** Null when hidden. */
          state: z.string().nullable(),
          sync: z.string().nullable(),
          lagBytes: z.number().nullable(),
          lagMs: z.number().nullable(),
        }),
      ),
      /** Slots that keep WAL back. */
      slots: z.array(
        z.object({
          name: z.string(),
          active: z.boolean(),
          /** reserved, extended, unreserved or lost. */
          status: z.string().nullable(),
          retainedBytes: z.number().nullable(),
          inactiveMs: z.number().nullable(),
        }),
      ),
    }),
  }),
);

export type Activity = z.infer<typeof postgresActivity.schema>;
export type Wait = Activity['waits'][number];
export type Session = z.infer<typeof session>;

/** Which of Caracal's things the hashed advisory locks that are waited for stand for. */
export const postgresLockNames = subject(
  'postgres.lockNames',
  z.object({ names: z.array(z.object({ key: z.string(), kind: z.string(), of: z.string() })) }),
);
