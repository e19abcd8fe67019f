import { advisoryLocks, migrationLock } from '../../caracal/advisoryLocks.ts';
import { poolMax, serviceRoles } from '../../caracal/roles.ts';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { finding, whenAnswered } from '../judging.ts';
import { bytes, count, milliseconds } from '../words.ts';
import { postgresAuthenticationId } from './postgres.checks.ts';
import { postgresActivity, postgresLockNames } from './postgresActivity.ts';
import type { Activity, Session, Wait } from './postgresActivity.ts';

const asked = postgresActivity.of('Postgres');
const lockNames = postgresLockNames.of('Postgres');
const base = { step: 'storage', component: 'Postgres', needs: [postgresAuthenticationId], asks: [asked] } as const;

const openToAll = 'none beyond LOGIN';
const monitor = 'pg_monitor, or a superuser, to see what sessions of others do';

/** Share of the connections, in percent: pg-healthcheck's and Caracal's own thresholds are alike. */
const connectionsWarn = 75;
const connectionsFail = 90;
const idleMs = 30_000;
const longMs = 5 * 60_000;
const waitWarnMs = 2_000;
const waitFailMs = 10_000;
/** A busy pool is news only when every connection has been busy this long. */
const busyMs = 1_000;
/** A slot that its reader left only now may be taken again at once. */
const slotMs = 10_000;
const lagMs = 60_000;
const lagBytes = 16 * 1_024 * 1_024;

/** Programs that read a whole database in one transaction, as a backup must. */
const backups: ReadonlySet<string> = new Set(['pg_dump', 'pg_dumpall', 'pg_basebackup']);

/** Audit reads all of its events in one statement when it exports an hour or sweeps for tampering. */
const readsAll = ({ role, state }: Session): boolean => role === 'caracalaudit' && state === 'active';

const isService = (role: string): boolean => serviceRoles.some((each) => each === role);

/** What a judgement says where the sessions of others are hidden. */
function hidden(what: string, facts: readonly Fact[] = []): Judgement {
  return finding('unknown', `no permission: pg_monitor shows ${what}`, 'Without it Postgres hides what the sessions of other users do. GRANT pg_monitor to the user of this target.', facts);
}

function judgeConnections(now: Activity): Judgement {
  const { maxConnections, reserved, sessions, byRole, databaseLimit, inDatabase } = now;
  const free = maxConnections - reserved;
  const percent = Math.round((sessions / free) * 100);
  const pools = serviceRoles.length * poolMax;
  const facts: Fact[] = [
    { name: 'max_connections', value: `${maxConnections}, ${reserved} of them reserved` },
    ...byRole.map(({ role, sessions: held, limit }) => ({ name: role, value: limit < 0 ? String(held) : `${held} of its limit ${limit}` })),
    ...(pools > free ? [{ name: 'pools', value: `six pools of ${poolMax} may ask for ${pools}, more than ${free}` }] : []),
  ];
  const full = byRole.find(({ role, sessions: held, limit }) => isService(role) && limit >= 0 && held >= limit);
  if (full) return finding('fail', `${full.role} at its limit of ${full.limit}`, 'A further connection of this role is refused with 53300.', facts);
  if (databaseLimit >= 0 && inDatabase >= databaseLimit) return finding('fail', `the database at its limit of ${databaseLimit}`, 'A further connection to this database is refused with 53300.', facts);
  const measured = `${sessions} of ${free}, ${percent} %`;
  if (percent >= connectionsFail) return finding('fail', measured, 'Services whose pools grow are refused with 53300; the reserved connections are for superusers.', facts);
  if (percent >= connectionsWarn) return finding('warn', measured, `Above ${connectionsWarn} % little is left for pools that grow under load.`, facts);
  return finding('pass', measured, 'Client connections of the whole server, against those that services can get.', facts);
}

function who({ role, pid, application, state, stateMs, transactionMs }: Session): string {
  const name = application === '' ? `${role}, pid ${pid}` : `${role}, pid ${pid}, ${application}`;
  return state === null ? name : `${name}, ${state} for ${milliseconds(stateMs ?? transactionMs ?? 0)}`;
}

function judgeTransactions(now: Activity): Judgement {
  const { seesAll, tracked, transactions, prepared } = now;
  if (!tracked) return finding('unknown', 'track_activities is off', 'The server does not record what sessions do, so open transactions cannot be told.');
  const backup = transactions.filter(({ application }) => backups.has(application));
  const open = transactions.filter((each) => !backup.includes(each));
  const idle = open.filter(({ state, stateMs }) => state?.startsWith('idle in transaction') === true && (stateMs ?? 0) > idleMs);
  const blocking = idle.filter(({ blocks }) => blocks > 0);
  const long = open.filter((each) => (each.transactionMs ?? 0) > longMs && !readsAll(each));
  const facts: Fact[] = [
    ...[...new Set([...blocking, ...idle, ...long])].slice(0, 10).map((each) => ({ name: `pid ${each.pid}`, value: `${who(each)}, in a transaction for ${milliseconds(each.transactionMs ?? 0)}${each.blocks > 0 ? `, blocks ${each.blocks}` : ''}` })),
    ...backup.map((each) => ({ name: 'backup', value: `${each.application} for ${milliseconds(each.transactionMs ?? 0)}` })),
  ];
  const [blocker] = blocking;
  if (blocker) return finding('fail', `${blocker.role} idle in a transaction for ${milliseconds(blocker.stateMs ?? 0)}, blocks ${blocker.blocks}`, 'The session does nothing, keeps its locks, and others wait for them. API and web end such a transaction after 30 s; no one else does.', facts);
  const [forgotten] = idle;
  if (forgotten) return finding('warn', `${forgotten.role} idle in a transaction for ${milliseconds(forgotten.stateMs ?? 0)}`, 'A transaction that is left open keeps its locks, and keeps vacuum from removing rows that died since.', facts);
  const [longest] = long;
  if (longest) return finding('warn', `${longest.role} in a transaction for ${milliseconds(longest.transactionMs ?? 0)}`, 'No service of Caracal but Audit, which reads all its events, needs a transaction this long. It keeps vacuum from removing rows that died since.', facts);
  if (prepared.count > 0 && (prepared.oldestMs ?? 0) > longMs) {
    return finding('warn', `${count(prepared.count, 'prepared transaction')}, oldest ${milliseconds(prepared.oldestMs ?? 0)}`, 'Caracal prepares none. A prepared transaction outlives its session and a restart, with its locks.', facts);
  }
  if (!seesAll) return hidden('how long transactions of others are open', facts);
  const oldest = open[0];
  return finding('pass', oldest ? `longest ${milliseconds(oldest.transactionMs ?? 0)}` : 'none open for longer than 1 s', 'Transactions of clients in this database; one left idle for 30 s or open for 5 min would stand out.', facts);
}

/** What a lock is, in words; `known` are the hashed ones that were looked up. */
function lockOf({ type, relation, key }: Wait, known: readonly { key: string; kind: string; of: string }[]): string {
  if (relation !== null) return type === 'relation' ? `table ${relation}` : `a row of ${relation}`;
  if (type !== 'advisory') return type === 'transactionid' || type === 'tuple' ? 'a row that another transaction changes' : `a lock on ${type}`;
  const fixed = key === null ? undefined : advisoryLocks[key];
  if (fixed) return fixed.name;
  const hashed = known.find((each) => each.key === key);
  return hashed ? `${hashed.kind} ${hashed.of}` : `advisory lock ${key ?? 'of two keys'}`;
}

function judgeWaits(now: Activity, observed: Observed): Judgement {
  const waits = now.waits.filter(({ key }) => key !== migrationLock);
  const [longest] = waits;
  if (!longest || longest.waitedMs < waitWarnMs) {
    return finding('pass', longest ? `longest ${milliseconds(longest.waitedMs)}` : 'none', 'No session in this database waits long for a lock. A wait for the migrations is told by Postgres › Migrator.');
  }
  const looked = observed.find(lockNames);
  const known = looked?.outcome.kind === 'answer' ? looked.outcome.value.names : [];
  const facts = waits.slice(0, 10).map((wait) => ({
    name: `pid ${wait.pid}`,
    value: `${wait.role} waits ${milliseconds(wait.waitedMs)} for ${lockOf(wait, known)} (${wait.mode}), held by ${wait.blockers.map(who).join('; ') || 'a session that is not seen'}`,
  }));
  const summary = `${longest.role} waits ${milliseconds(longest.waitedMs)} for ${lockOf(longest, known)}${waits.length > 1 ? ` and ${waits.length - 1} more` : ''}`;
  const blocker = longest.blockers[0];
  const result = finding(
    longest.waitedMs >= waitFailMs ? 'fail' : 'warn',
    summary,
    `It is held by ${blocker ? who(blocker) : 'a prepared transaction, or a session that ended meanwhile'}. While a lock on the audit chain of a zone is held, no event of that zone is stored.`,
    facts,
  );
  const unnamed = waits.some(({ type, key }) => type === 'advisory' && key !== null && advisoryLocks[key] === undefined);
  return unnamed && !looked ? { ...result, wants: [lockNames] } : result;
}

function judgeMigrator({ advisory, waits, seesAll }: Activity): Judgement {
  const waiting = waits.filter(({ key }) => key === migrationLock);
  const holder = advisory.find(({ key }) => key === migrationLock);
  const held = holder ? `held by ${holder.role ?? 'a hidden user'}, pid ${holder.pid}${holder.heldMs === null ? '' : `, for ${milliseconds(holder.heldMs)}`}` : '';
  const facts: Fact[] = [
    ...(holder ? [{ name: 'lock', value: held }] : []),
    ...waiting.map(({ pid, role, waitedMs }) => ({ name: `pid ${pid}`, value: `${role} waits ${milliseconds(waitedMs)}` })),
  ];
  const [longest] = waiting;
  if (longest && longest.waitedMs >= waitWarnMs) {
    return finding('fail', `waits ${milliseconds(longest.waitedMs)} for the lock, ${held}`, 'A migrator waits for this lock without limit. If no other migrator works, a session was left behind that holds it.', facts);
  }
  if (holder) {
    const hiddenAge = seesAll ? '' : ' How long cannot be seen without pg_monitor.';
    return finding('warn', `running: ${held}`, `The lock of the migrations is held, so a migration is under way, and services may see a schema that changes.${hiddenAge}`, facts);
  }
  return finding('pass', 'not running', 'Nobody holds the lock of the migrations, 4732518903281471, in this database.', facts);
}

function judgeReplication({ replication, seesAll }: Activity): Judgement {
  const { recovering, synchronous, commit, replicas, slots } = replication;
  if (recovering) return finding('not-applicable', 'a standby itself', 'Replication is judged at the primary.');
  const waits = synchronous !== '' && commit !== 'off' && commit !== 'local';
  if (!waits && replicas.length === 0 && slots.length === 0) return finding('not-applicable', 'no standby and no slot', 'Nothing follows this server.');
  const facts: Fact[] = [
    ...(synchronous === '' ? [] : [{ name: 'synchronous_standby_names', value: synchronous }]),
    ...replicas.map(({ name, state, sync, lagMs: ms, lagBytes: behind }) => ({ name: name === '' ? 'standby' : name, value: state === null ? 'hidden' : `${state}, ${sync ?? 'async'}, ${bytes(behind ?? 0)}${ms === null ? '' : `, ${milliseconds(ms)}`} behind` })),
    ...slots.map(({ name, active, status, retainedBytes, inactiveMs }) => ({ name: `slot ${name}`, value: `${active ? 'in use' : `unused${inactiveMs === null ? '' : ` for ${milliseconds(inactiveMs)}`}`}, ${status ?? 'reserved'}, keeps ${bytes(retainedBytes ?? 0)}` })),
  ];
  const unseen = replicas.some(({ state }) => state === null);
  if (waits && !unseen && !replicas.some(({ state, sync }) => state === 'streaming' && (sync === 'sync' || sync === 'quorum'))) {
    return finding('fail', 'commits wait for a standby, none follows', `synchronous_standby_names is ${synchronous}, and no standby that counts is streaming: every commit of a service waits without limit.`, facts);
  }
  const lost = slots.find(({ status }) => status === 'lost' || status === 'unreserved');
  if (lost) return finding('warn', `slot ${lost.name} ${lost.status === 'lost' ? 'lost what it needs' : 'is about to lose what it needs'}`, 'Its reader can no longer catch up and must be set up anew.', facts);
  const unused = slots.find(({ active, inactiveMs }) => !active && (inactiveMs ?? Infinity) >= slotMs);
  if (unused) return finding('warn', `slot ${unused.name} unused, keeps ${bytes(unused.retainedBytes ?? 0)}`, 'What a slot has not been read up to stays on the disk, until the disk is full and the server stops. Dead rows stay as well.', facts);
  const behind = replicas.find(({ lagMs: ms, lagBytes: size }) => (ms ?? 0) >= lagMs && (size ?? 0) >= lagBytes);
  if (behind) return finding('warn', `${behind.name} ${milliseconds(behind.lagMs ?? 0)} behind`, 'A switch to this standby now would lose what it has not replayed.', facts);
  if (unseen && !seesAll) return hidden('how far standbys follow', facts);
  return finding('pass', `${count(replicas.length, 'standby', 'standbys')}, ${count(slots.length, 'slot')}`, 'Standbys follow, and each slot is in use.', facts);
}

function judgePools({ pools, seesAll, tracked }: Activity): Judgement {
  const sessions = pools.reduce((sum, pool) => sum + pool.sessions, 0);
  const busy = pools.reduce((sum, pool) => sum + pool.busy, 0);
  const facts = serviceRoles.flatMap((role) => {
    const own = pools.filter((pool) => pool.role === role);
    const held = own.reduce((sum, pool) => sum + pool.sessions, 0);
    return held === 0 ? [] : [{ name: role, value: seesAll ? `${held}, ${own.reduce((sum, pool) => sum + pool.busy, 0)} busy` : String(held) }];
  });
  if (sessions === 0) return finding('not-applicable', 'no session of a service role', 'Services are not connected, or connect as the owner, as old development set-ups do.');
  if (!tracked) return finding('unknown', 'track_activities is off', 'The server does not record what sessions do, so busy pools cannot be told.', facts);
  const full = pools.find((pool) => pool.sessions >= poolMax && pool.busy === pool.sessions && (pool.leastBusyMs ?? 0) >= busyMs);
  if (full) {
    return finding('warn', `${full.role}: all ${full.sessions} connections of a client busy`, `Each has been busy for ${milliseconds(full.leastBusyMs ?? 0)} or longer, and a pool holds ${poolMax} unless DB_POOL_MAX or DB_MAX_CONNS say otherwise: further requests of this service wait.`, facts);
  }
  if (!seesAll) return hidden('which connections of services are busy', facts);
  return finding('pass', `${count(sessions, 'connection')}, ${busy} busy`, `No client of a service has ${poolMax} connections that are all busy.`, facts);
}

/** What the sessions of the server do now. */
export const sessionChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-015',
    title: 'Connections',
    privilege: openToAll,
    source: 'infra/docker/docker-compose.yml:207',
    judge: (observed) => whenAnswered(observed.get(asked), judgeConnections),
  },
  {
    ...base,
    id: 'CRC-STO-016',
    title: 'Transactions',
    privilege: monitor,
    source: 'apps/api/src/db.ts:53',
    judge: (observed) => whenAnswered(observed.get(asked), judgeTransactions),
  },
  {
    ...base,
    id: 'CRC-STO-017',
    title: 'Lock waits',
    privilege: openToAll,
    source: 'services/audit/internal/pg.go:97',
    judge: (observed) => whenAnswered(observed.get(asked), (now) => judgeWaits(now, observed)),
  },
  {
    ...base,
    id: 'CRC-STO-018',
    title: 'Migrator',
    privilege: openToAll,
    source: 'infra/postgres/scripts/migrate.sh:91',
    judge: (observed) => whenAnswered(observed.get(asked), judgeMigrator),
  },
];

export const replicationChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-040',
    title: 'Replication',
    privilege: monitor,
    source: 'infra/docker/docker-compose.yml:217',
    judge: (observed) => whenAnswered(observed.get(asked), judgeReplication),
  },
];

export const poolChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-043',
    title: 'Service pools',
    privilege: monitor,
    source: 'apps/api/src/config.ts:277',
    judge: (observed) => whenAnswered(observed.get(asked), judgePools),
  },
];
