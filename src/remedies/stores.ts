/** Remedies of Redis and Postgres: contract, storage 2, 6, 12; readiness 2.3, 2.9. Pure. */
import { tables } from '../caracal/tables.ts';
import { serviceRoles } from '../caracal/roles.ts';
import { migrationLock } from '../caracal/advisoryLocks.ts';
import { kubernetesSecrets } from '../flow/services/kubernetes/kubernetesFacts.ts';
import { postgresActivity } from '../flow/storage/postgresActivity.ts';
import type { Activity, Session } from '../flow/storage/postgresActivity.ts';
import { postgresCatalogue } from '../flow/storage/postgresCatalogue.ts';
import type { Catalogue } from '../flow/storage/postgresCatalogue.ts';
import { figure, redisInfo } from '../flow/storage/redisFacts.ts';
import type { Names } from './names.ts';
import { identifier, word } from './quoting.ts';
import { advise, afterPostgres, afterRedis, checkOf, container, joined, logsOf, migrate, psql, redisCli, reloadRevocations, restart, said, sql } from './parts.ts';
import type { Draft, Table } from './parts.ts';

/** Starts a store, or goes on with it; outside of Compose it is not ours to reach. */
function startStore(names: Names, part: 'postgres' | 'redis', action: 'start' | 'restart'): Draft {
  if (names.kind === 'compose') {
    const isPaused = names.containers(part).some(({ status }) => status === 'paused');
    return container(names, part, isPaused ? 'unpause' : action);
  }
  const where = names.kind === 'kubernetes' ? `The chart installs no ${said(part)}${addressOf(names, part)}: ${action} it where it runs.` : `The target gives addresses only: ${action} ${said(part)} where it runs.`;
  return advise(`${action}-${part}`, `${action} ${said(part)}`, 'stores', joined(where, 'Keep its data as they are.'), {
    changes: `the process of ${said(part)}; its data stay as they are`,
    provedBy: [checkOf.process(part), checkOf.ready(part)],
    stillOpen: part === 'redis' ? afterRedis(names) : afterPostgres,
  });
}

/** Where the connection strings of the release lead. */
function addressOf(names: Names, part: 'postgres' | 'redis'): string {
  const found = names.answer(kubernetesSecrets, 'Kubernetes')?.addresses.find(({ key }) => (part === 'redis' ? key === 'redisUrl' : key.endsWith('atabaseUrl')));
  return found ? `; services reach it at ${found.host}:${found.port}` : '';
}

/** What between the services and a store lets nothing through. */
const noWay = (names: Names, part: 'postgres' | 'redis'): Draft =>
  advise('mend-network', `mend the way to ${said(part)}`, 'stores', joined(
    names.kind === 'compose' ? `See Compose › Networks: services and ${part} have to share one. After a change of the Compose file: ${names.up}.` : '',
    names.kind === 'kubernetes' ? `See Kubernetes › Network policy and Service objects, and the address in the Secret${addressOf(names, part)}.` : '',
    names.kind === 'endpoints' ? `See routes, firewalls and name servers between the services and ${said(part)}, and the address that services have.` : '',
  ), { changes: 'the network between them', provedBy: ['CRC-RDY-003', 'CRC-RDY-013'], stillOpen: part === 'redis' ? afterRedis(names) : afterPostgres });

const awayFromHere = (part: 'postgres' | 'redis'): Draft =>
  advise('correct-target', `give an address of ${said(part)} that is reached from here`, 'stores', `Services reach it, this machine does not: nothing is to be done in the deployment. Give \`${part}\` in the target with an address that leads there from here, such as a forwarded port.`, {
    changes: 'the target, and nothing in the deployment', provedBy: [checkOf.process(part)],
  });

/** One setting of Redis, at once and until its next start. */
function configure(names: Names, setting: string, value: string, keep: string, rest: Partial<Draft> = {}): Draft {
  return {
    id: `set-${setting}`, title: `set ${setting} to ${value}`, place: 'stores',
    commands: [redisCli(names, `CONFIG SET ${setting} ${value}`)], dryRun: redisCli(names, `CONFIG GET ${setting}`),
    changes: `${setting} of the running Redis, until its next start`,
    ...rest,
    advice: joined(keep, rest.advice),
  };
}

function moreMemory(names: Names, checks: readonly string[], first: string): readonly Draft[] {
  const limit = figure(names.answer(redisInfo, 'Redis') ?? {}, 'maxmemory') ?? 512 * 1024 * 1024;
  const megabytes = Math.ceil((2 * Math.max(limit, 1)) / (1024 * 1024));
  const keep = names.kind === 'compose' ? `Also write REDIS_MAXMEMORY=${megabytes}mb into caracal.env, which the next start reads.` : 'Also write it into the configuration of the server.';
  return [configure(names, 'maxmemory', `${megabytes}mb`, keep, {
    advice: joined(first, 'Look at what grows: streams that nobody reads, and dead letters, which nothing deletes. Trim nothing that was not read.'),
    provedBy: checks,
    stillOpen: afterRedis(names),
  })];
}

const clients = (names: Names): readonly Draft[] => {
  const limit = figure(names.answer(redisInfo, 'Redis') ?? {}, 'maxclients') ?? 10_000;
  return [
    configure(names, 'maxclients', String(2 * limit), 'The limit of open files of the process has to allow it.', {
      commands: [redisCli(names, 'CLIENT LIST'), redisCli(names, `CONFIG SET maxclients ${2 * limit}`)],
      advice: 'The list shows who holds connections. Where no connection is free, restart the client that leaks them first.',
      provedBy: ['CRC-STO-028', 'CRC-STO-021'],
    }),
  ];
};

/** The disk under the data of Redis, and the call that shows whether it writes again. */
const disk = (names: Names, again: 'BGSAVE' | 'BGREWRITEAOF', checks: readonly string[]): readonly Draft[] => [{
  id: 'free-disk', title: 'free the disk of Redis', place: 'stores',
  commands: [...(names.kind === 'compose' ? [logsOf(names, 'redis'), names.compose('exec redis df -h /data')] : []), redisCli(names, again)],
  dryRun: redisCli(names, 'INFO persistence'),
  advice: 'Its log names the reason: a full disk, a wrong owner of the data folder, or too little memory for a fork. Mend that, then let it write.',
  changes: 'a file in the data folder of Redis', provedBy: checks, stillOpen: afterRedis(names),
}];

const postgresRoles: readonly string[] = serviceRoles;

function catalogueOf(names: Names): Catalogue | undefined {
  return names.answer(postgresCatalogue, 'Postgres');
}

function activityOf(names: Names): Activity | undefined {
  return names.answer(postgresActivity, 'Postgres');
}

/** Ends a session of Postgres, which rolls back what it had begun. */
export function endSession(names: Names, session: Pick<Session, 'pid' | 'role'> | undefined, rest: Partial<Draft>): Draft {
  const pid = session?.pid ?? '<pid>';
  return {
    id: 'end-session', title: `end the session of ${session?.role ?? 'the holder'}`, place: 'stores', risk: 'medium',
    commands: [psql(names, `SELECT pg_terminate_backend(${pid})`)],
    dryRun: psql(names, `SELECT pid, usename, application_name, state, xact_start FROM pg_stat_activity WHERE pid = ${pid}`),
    advice: 'As a superuser, and only if that session may go: look for a psql window, a debugger or a job that was left.',
    changes: `one session of Postgres${session ? `, process ${session.pid}` : ''}; what it had begun is rolled back`,
    ...rest,
  };
}

/** SQL for what the catalogue shows; where it shows nothing, advice. */
function bySql(names: Names, head: Pick<Draft, 'id' | 'title' | 'changes'> & Partial<Draft>, statementsFor: (known: Catalogue) => readonly string[]): readonly Draft[] {
  const draft = { place: 'stores', risk: 'medium', ...head } as const;
  const known = catalogueOf(names);
  const statements = known ? statementsFor(known) : [];
  return [statements.length === 0 ? draft : sql(names, draft, statements.slice(0, 20))];
}

const letters: Readonly<Record<string, string>> = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE' };

function missingGrants(known: Catalogue): readonly string[] {
  return known.tables.flatMap((table) => Object.entries(tables[table]?.grants ?? {}).flatMap(([role, wanted]) => {
    const lacks = Array.from(wanted).filter((letter) => !(known.grants[role]?.[table] ?? '').includes(letter));
    return lacks.length === 0 || !known.roles.some(({ name }) => name === role) ? [] : [`GRANT ${lacks.map((letter) => letters[letter]).join(', ')} ON ${table} TO ${role}`];
  }));
}

function roleRepairs(known: Catalogue): readonly string[] {
  return known.roles.filter(({ name }) => postgresRoles.includes(name)).flatMap(({ name, login, superuser, bypassesRls, createsRoles, memberOf, owns }) => {
    const words = [...(login ? [] : ['LOGIN']), ...(superuser ? ['NOSUPERUSER'] : []), ...(bypassesRls ? ['NOBYPASSRLS'] : []), ...(createsRoles ? ['NOCREATEROLE'] : [])];
    return [...(words.length > 0 ? [`ALTER ROLE ${name} ${words.join(' ')}`] : []), ...(owns && !superuser ? memberOf.map((other) => `REVOKE ${identifier(other)} FROM ${name}`) : [])];
  });
}

/** Settings of a role or the database that hold services up, taken back. */
function resets(known: Catalogue, wanted: readonly string[]): readonly string[] {
  return known.overrides.filter(({ name }) => wanted.includes(name)).map(({ role, database, name }) => {
    const of = role === null ? `DATABASE ${identifier(database ?? known.database)}` : `ROLE ${identifier(role)}${database === null ? '' : ` IN DATABASE ${identifier(database)}`}`;
    return `ALTER ${of} RESET ${name}`;
  });
}

/** Server settings that are safe by default: contract, storage 2.8. */
const unsafe: Readonly<Record<string, string>> = { fsync: 'off', full_page_writes: 'off', zero_damaged_pages: 'on', ignore_checksum_failure: 'on', autovacuum: 'off', track_counts: 'off', synchronous_commit: 'off' };

const partitionMonths = (now: string): readonly string[] =>
  [0, 1, 2, 3].map((after) => new Date(Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth() + after)).toISOString().slice(0, 10));

/** Services that read streams, in the order in which they start; each makes its groups only then: contract, storage 7.2. */
const readers = ['sts', 'gateway', 'audit', 'coordinator'] as const;

const redis: Table = {
  'redis-stopped': (names) => [startStore(names, 'redis', 'start')],
  'redis-silent': (names) => [startStore(names, 'redis', 'restart')],
  'redis-loading': () => [advise('wait', 'wait until Redis has read its data', 'stores', 'Redis reads its file and then takes commands by itself; the check tells how long that takes. If it starts again and again, look at its log and at memory: data larger than the machine allows end it each time.', { provedBy: ['CRC-STO-027'] })],
  'redis-password': (names) => [
    { ...startStore(names, 'redis', 'restart'), id: 'same-password', title: 'give Redis and the services one password', risk: 'medium', advice: joined('Compare the secret file redisPassword with what the server has (requirepass): a restart lets the server read the file. Restart the services after a change of their connection string.', names.kind === 'compose' ? '' : 'Give the target the same one.') },
  ],
  'redis-clients-full': clients,
  'redis-clients-short': clients,
  'redis-memory-full': (names) => moreMemory(names, ['CRC-STO-023', 'CRC-STO-031'], ''),
  'redis-memory-short': (names) => moreMemory(names, ['CRC-STO-023'], ''),
  'redis-filling': (names) => moreMemory(names, ['CRC-STO-030'], 'If audit.events grows, let Audit keep up first.'),
  'redis-replica': () => [advise('use-master', 'point services at the master', 'stores', 'INFO replication names the master. Give it as redisUrl to the services and as `redis` to the target, and restart the services. Only when the old master is gone for good, promote this one.', { changes: 'where services write', risk: 'high', provedBy: ['CRC-STO-026', 'CRC-STO-031'] })],
  'redis-disk-failing': (names) => disk(names, 'BGSAVE', ['CRC-STO-024', 'CRC-STO-031']),
  'redis-rewrite-failing': (names) => disk(names, 'BGREWRITEAOF', ['CRC-STO-029']),
  'redis-eviction': (names) => [
    configure(names, 'maxmemory-policy', 'noeviction', 'Also write it into the configuration of the server.', { provedBy: ['CRC-STO-022'], stillOpen: ['keys that were evicted are gone: revocations, replay guards, streams. Compare revocations with Postgres'] }),
    reloadRevocations(names, { advice: 'If keys were evicted, what the Gateway missed comes from Postgres.' }),
  ],
  'redis-appendonly-off': (names) => [configure(names, 'appendonly', 'yes', 'Also write it into the configuration of the server.', { provedBy: ['CRC-STO-024'], stillOpen: ['what was written before is on the disk once the first file is complete'] })],
  'redis-emptied': (names) => [
    ...readers.map((service) => restart(names, service, {
      advice: 'Its groups are made only when it starts.',
      provedBy: ['CRC-STR-002', 'CRC-STR-021', 'CRC-STR-031', 'CRC-STR-051', checkOf.ready(service)],
      stillOpen: ['what was in the streams and not read is gone; replay guards and rate limits begin anew'],
    })),
  ],
  'redis-not-provisioned': (names) => [{ ...startStore(names, 'redis', 'restart'), advice: 'Its start makes the streams and groups. Its log names what failed: `error: XGROUP CREATE …`.', stillOpen: ['services that read streams make their groups only at their own start'] }],
  'redis-too-old': () => [advise('upgrade-redis', 'upgrade Redis', 'stores', 'Caracal ships Redis 8. A newer version reads the data files of an older one.', { changes: 'the version of Redis', risk: 'medium', provedBy: ['CRC-STO-025'], stillOpen: [] })],
  'redis-network': (names) => [noWay(names, 'redis')],
  'redis-away-from-here': () => [awayFromHere('redis')],
};

const postgres: Table = {
  'postgres-stopped': (names) => [startStore(names, 'postgres', 'start')],
  'postgres-silent': (names) => [startStore(names, 'postgres', 'restart')],
  'postgres-password': (names) => [
    migrate(names, { advice: 'For a role of a service: the migrator sets the passwords of all roles from their files. For the target: give the connection string that is in use, the file databaseUrl or one of the observer role.', provedBy: ['CRC-STO-002', 'CRC-RDY-003'] }),
  ],
  'postgres-login-refused': (names) => [migrate(names, { advice: 'The migrator gives the roles LOGIN and their passwords after the last migration.', provedBy: ['CRC-STO-007', 'CRC-STO-002'] })],
  'postgres-too-old': () => [advise('upgrade-postgres', 'move to Postgres 17 or later', 'stores', 'Best to 18: dump, restore, and start Caracal against the new server.', { changes: 'the server of the database', risk: 'high', provedBy: ['CRC-STO-003'] })],
  'postgres-slow': () => [advise('shorten-way', 'shorten the way to Postgres', 'stores', 'Services ask it several times for one request: keep them in one network, and see what lies in between. From here the way may be a longer one than theirs.', { changes: 'the network', provedBy: ['CRC-STO-001'] })],
  'transaction-ids-short': (names) => [{
    id: 'freeze-rows', title: 'freeze old rows', place: 'stores', risk: 'medium', commands: [psql(names, 'VACUUM (FREEZE)')], dryRun: psql(names, 'SELECT datname, age(datfrozenxid) FROM pg_database ORDER BY 2 DESC'),
    advice: 'First end what holds vacuum up: a transaction left open or prepared, an unused slot. As a superuser, in the database that the facts name.', changes: 'how old rows are marked; no value is touched', provedBy: ['CRC-STO-042'],
  }],
  'postgres-network': (names) => [noWay(names, 'postgres')],
  'postgres-away-from-here': () => [awayFromHere('postgres')],
  'migrations-pending': (names) => [migrate(names, { advice: 'Take a backup first. A line `psql:<file>:<line>: ERROR` in its log names the statement that failed; what is applied is skipped.' })],
  'schema-differs': () => [advise('mend-schema', 'mend the schema', 'stores', 'Find out who changed it. A single object is made again with the statement of its migration. For the baseline of July there is no migration: apply by hand what 1.0 added, in one transaction and after a backup, or restore the data into a new database.', { changes: 'the schema', risk: 'high', provedBy: ['CRC-STO-005'] })],
  'tables-missing': (names) => [migrate(names, { advice: 'In an empty database the migrations make all of it. What is missing from one in use has to come from a backup, or from the statement of its migration.', risk: 'high', provedBy: ['CRC-STO-006'] })],
  'role-attributes': (names) => bySql(names, { id: 'mend-roles', title: 'mend the roles of services', changes: 'attributes of roles', advice: 'A missing role or password comes with the migrations.', provedBy: ['CRC-STO-007'] }, roleRepairs),
  'grants-missing': (names) => bySql(names, { id: 'grant', title: 'grant what is missing', changes: 'what roles of services may do', advice: 'After a restore without privileges, restore again with them.', provedBy: ['CRC-STO-008'] }, missingGrants),
  'row-level-security': (names) => bySql(names, {
    id: 'isolate-zones', title: 'turn row-level security on', changes: 'which rows services see',
    advice: 'A policy that is missing or another one is made by the statement of the baseline. Find out who changed it: meanwhile requests of one zone could read another.', provedBy: ['CRC-STO-009'],
  }, ({ isolation }) => isolation.filter(({ table, enabled }) => !enabled && tables[table]?.rowLevelSecurity).map(({ table }) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`)),
  'evidence-changeable': (names) => bySql(names, {
    id: 'close-evidence', title: 'close the evidence against changes', changes: 'what roles may do with evidence; no row is touched',
    advice: 'Then compare the chain: what was written before stays provable by its hashes.', provedBy: ['CRC-STO-010'], stillOpen: ['what was changed while it was open shows in Audit › Ledger hashes'],
  }, ({ mutable }) => mutable.map(({ table, role, may }) => `REVOKE ${may.join(', ')} ON ${identifier(table)} FROM ${role === 'PUBLIC' ? role : identifier(role)}`)),
  'immutability-off': (names) => bySql(names, {
    id: 'enable-triggers', title: 'turn the triggers on', changes: 'whether versions of policies can be rewritten',
    advice: 'A missing trigger is made by the statement of the baseline. Compare content_sha256 of each version with its content.', provedBy: ['CRC-STO-011'],
  }, ({ triggers }) => triggers.filter(({ enabled }) => enabled !== 'O' && enabled !== 'A').map(({ table, name }) => `ALTER TABLE ${identifier(table)} ENABLE TRIGGER ${identifier(name)}`)),
  'index-broken': (names) => {
    const broken = catalogueOf(names)?.invalidIndexes ?? [];
    return [{
      id: 'rebuild-index', title: 'rebuild the index', place: 'stores', risk: 'medium', commands: broken.map((index) => psql(names, `REINDEX INDEX CONCURRENTLY ${identifier(index)}`)),
      advice: 'If a unique one cannot be made, the error names the rows that are double.', changes: 'the index; no row is touched', provedBy: ['CRC-STO-012'],
    }];
  },
  'index-missing': (names) => [advise('make-index', 'make what is missing', 'stores', joined(`By the statement of its migration: ${[...(catalogueOf(names)?.missingIndexes ?? []), ...(catalogueOf(names)?.missingConstraints ?? [])].slice(0, 5).join(', ') || 'the check names it'}.`, 'A constraint: add it NOT VALID, repair rows, then VALIDATE.'), { changes: 'the schema', risk: 'medium', provedBy: ['CRC-STO-012'] })],
  'partition-missing': (names) => bySql(names, {
    id: 'make-partitions', title: 'make the months', changes: 'partitions of audit_events; no row is touched',
    advice: 'Look at audit › Leaders and its log for why Audit did not. A month that is detached is attached again; where rows of a month lie in the default partition, they are moved first.', provedBy: ['CRC-STO-013'], stillOpen: ['Audit makes the months to come only while a replica leads'],
  }, ({ now }) => partitionMonths(now).map((month) => `SELECT public.audit_partition_ensure('${month}')`)),
  'rows-in-default-partition': () => [advise('move-rows', 'move the rows into their month', 'stores', 'Correct the clock of the producer. Then in one transaction: detach the default partition, make the month, insert its rows into audit_events, and attach an empty default partition. Keep the old table until the chain was compared: its rows are evidence.', { changes: 'in which partition rows lie', risk: 'high', provedBy: ['CRC-STO-014', 'CRC-AUD-005'] })],
  'connections-full': (names) => [{
    id: 'free-connections', title: 'free connections', place: 'stores', risk: 'medium', commands: [psql(names, 'SELECT usename, application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC')],
    advice: 'Fewer replicas, a smaller DB_POOL_MAX (api, coordinator, web) or DB_MAX_CONNS (sts, gateway, audit), or a larger max_connections. End sessions of others at their source.',
    changes: 'nothing by itself', provedBy: ['CRC-STO-015'],
  }],
  'transaction-open': (names) => [endSession(names, activityOf(names)?.transactions.toSorted((one, other) => other.blocks - one.blocks)[0], { provedBy: ['CRC-STO-016'] })],
  'lock-held': (names) => [endSession(names, activityOf(names)?.waits.find(({ key }) => key !== migrationLock)?.blockers[0], { advice: 'As a superuser, and only if the holder may go: a migration is left to end. Those that wait go on at once.', provedBy: ['CRC-STO-017'] })],
  'migrator-running': (names) => [advise('wait', 'let the migrations end', 'stores', 'They take seconds, or minutes on large tables.', { commands: names.kind === 'compose' ? [names.compose('logs -f dbMigrate')] : names.kind === 'kubernetes' ? [names.kubectl(`logs -f ${word(`job/${names.release}-caracal-migrate`)}`)] : [], provedBy: ['CRC-STO-018'] })],
  'migrator-stuck': (names) => {
    const holder = activityOf(names)?.advisory.find(({ key }) => key === migrationLock);
    return [endSession(names, holder && { pid: holder.pid, role: holder.role ?? 'the holder' }, { advice: 'Only if no other migrator is at work. What the session had begun is rolled back as a whole, and the next run applies it anew.', provedBy: ['CRC-STO-018', 'CRC-STO-004'] })];
  },
  'postgres-read-only': (names) => bySql(names, { id: 'allow-writes', title: 'allow writes', changes: 'whether new sessions may write', advice: 'For a standby correct the address of the services, or promote it. A managed database goes read-only when its disk is full.', provedBy: ['CRC-STO-019'], stillOpen: ['sessions that are open keep what they began with: restart the services that still get 25006'] }, (known) => resets(known, ['default_transaction_read_only'])),
  'replication-slot-unused': (names) => {
    const slots = (activityOf(names)?.replication.slots ?? []).filter(({ active }) => !active);
    return [{
      id: 'remove-slot', title: 'remove the slot, or start its reader', place: 'stores', risk: 'medium', commands: slots.map(({ name }) => psql(names, `SELECT pg_drop_replication_slot('${name}')`)),
      dryRun: psql(names, 'SELECT slot_name, active, wal_status, restart_lsn FROM pg_replication_slots'),
      advice: 'Only if nobody will read it again; otherwise start the standby.', changes: 'the slot, and with it the log that the disk keeps for its reader', provedBy: ['CRC-STO-040'],
    }];
  },
  'postgres-unsafe-settings': (names) => {
    const known = catalogueOf(names);
    const wrong = (known?.settings ?? []).filter(({ name, value, ofServer }) => ofServer && unsafe[name] === value).map(({ name }) => `ALTER SYSTEM RESET ${name}`);
    const own = known ? resets(known, ['row_security', 'search_path', ...Object.keys(unsafe)]) : [];
    return [{
      id: 'reset-settings', title: 'take the settings back', place: 'stores', risk: 'medium',
      commands: [...wrong, ...own, ...(wrong.length > 0 ? ['SELECT pg_reload_conf()'] : [])].map((statement) => psql(names, statement)),
      dryRun: psql(names, `SELECT name, setting, boot_val, sourcefile FROM pg_settings WHERE name IN (${Object.keys(unsafe).map((name) => `'${name}'`).join(', ')})`),
      advice: 'After running with fsync off, stop the server in an orderly way before anything else. A damaged page: take a backup of the files at once, then look at the disk.',
      changes: 'settings of Postgres', provedBy: ['CRC-STO-041'],
    }];
  },
  'service-pool-busy': (names) => [advise('find-slow', 'find what makes statements slow', 'stores', 'See Postgres › Lock waits and Transactions, and the log of slow statements. A larger pool helps only if the server has connections left.', { commands: [psql(names, "SELECT pid, usename, state, wait_event_type, wait_event, now() - query_start AS runs FROM pg_stat_activity WHERE state <> 'idle' ORDER BY query_start LIMIT 20")], provedBy: ['CRC-STO-043'] })],
};

export const storeRemedies: Table = { ...redis, ...postgres };
