import { serviceRoles } from '../../caracal/roles.ts';
import { tables } from '../../caracal/tables.ts';
import type { Check, Fact, Judgement } from '../../model/check.ts';
import { finding, whenAnswered } from '../judging.ts';
import { count, milliseconds } from '../words.ts';
import { postgresAuthenticationId } from './postgres.checks.ts';
import { postgresActivity } from './postgresActivity.ts';
import type { Activity } from './postgresActivity.ts';
import { asksCatalogue, settingOf, some, whenCatalogue } from './postgresCatalogue.ts';
import type { Known } from './postgresCatalogue.ts';
import { catalogueIsOpen } from './schema.checks.ts';

const base = { step: 'storage', component: 'Postgres', needs: [postgresAuthenticationId], privilege: catalogueIsOpen } as const;
const activity = postgresActivity.of('Postgres');

/** Roles that write here or in a database of their own; the Gateway only reads. */
const writers = serviceRoles.filter((role) => role === 'caracalauth' || Object.values(tables).some(({ grants }) => /[awd]/.test(grants[role] ?? '')));

/** Postgres stops giving out ids 3 million before the last of 2^31, and warns 40 million before it. */
const idsFail = 2_000_000_000;
const idsWarn = 1_000_000_000;

/** A damaged page that was read this long ago is news. */
const damageMs = 24 * 3_600_000;

function judgeWritable(known: Known, { byRole }: Activity): Judgement {
  const connected = byRole.filter(({ role }) => serviceRoles.some((service) => service === role));
  if (known.recovering) {
    return connected.length > 0
      ? finding('fail', `a standby, to which ${connected[0]?.role ?? ''} is connected`, 'A standby refuses every write with 25006, and services are connected to it.')
      : finding('unknown', 'a standby: give the address of the primary', 'This server only replays what its primary writes, and no service is connected to it. Whether the one that they use takes writes cannot be seen from here.');
  }
  const closed = writers
    .map((role) => ({ role, setting: settingOf(known, 'default_transaction_read_only', role) }))
    .filter(({ setting }) => setting?.value === 'on' || setting?.value === 'true' || setting?.value === '1');
  const facts: Fact[] = closed.map(({ role, setting }) => ({ name: role, value: `default_transaction_read_only on, by ${setting?.from ?? ''}` }));
  const [first] = closed;
  if (first) {
    const who = closed.length === writers.length ? 'every service' : some(closed.map(({ role }) => role), 2);
    return finding('fail', `read-only for ${who}, by ${first.setting?.from ?? ''}`, 'Every new session of it begins its transactions read-only, and a write ends with 25006. Sessions that were open before are as they were.', facts);
  }
  const seen = settingOf(known, 'default_transaction_read_only', 'caracalapi') !== null;
  return finding(
    'pass',
    'takes writes',
    seen
      ? 'The server is no standby, and nothing makes transactions of services read-only.'
      : 'The server is no standby, and no role or database of services is read-only. The value of the server itself is hidden here, because this user has one of its own.',
  );
}

function judgeSettings(known: Known): Judgement {
  const broken: string[] = [];
  const odd: string[] = [];
  const server = (name: string): string | undefined => known.settings.find((each) => each.name === name && each.ofServer)?.value;
  if (server('fsync') === 'off') broken.push('fsync is off');
  const { count: failures, last } = known.checksumFailures;
  if (last !== null && Date.parse(known.now) - Date.parse(last) < damageMs) broken.push(`damaged page read ${milliseconds(Date.parse(known.now) - Date.parse(last))} ago`);
  for (const name of ['zero_damaged_pages', 'ignore_checksum_failure']) if (server(name) === 'on') broken.push(`${name} is on`);
  if (server('full_page_writes') === 'off') odd.push('full_page_writes is off');
  for (const name of ['autovacuum', 'track_counts']) if (server(name) === 'off') odd.push(`${name} is off`);
  for (const [name, wrong, list] of bySession) {
    const found = serviceRoles.map((role) => ({ role, setting: settingOf(known, name, role) })).filter(({ setting }) => setting && wrong(setting.value));
    const [first] = found;
    if (!first) continue;
    const who = found.length === serviceRoles.length ? 'every service' : some(found.map(({ role }) => role), 2);
    (list === 'broken' ? broken : odd).push(`${name} is ${first.setting?.value ?? ''} for ${who}, by ${first.setting?.from ?? ''}`);
  }
  const facts: Fact[] = [
    ...[...broken, ...odd].map((value) => ({ name: 'found', value })),
    ...shown.flatMap((name) => {
      const found = known.settings.find((each) => each.name === name);
      return found ? [{ name, value: found.value === '' ? 'empty' : `${found.value}${found.ofServer ? '' : ', of this user'}` }] : [];
    }),
    ...(failures === null || failures === 0 ? [] : [{ name: 'checksum failures', value: `${failures} since the statistics began, last ${last ?? 'unknown'}` }]),
  ];
  if (broken.length > 0) return finding('fail', some(broken, 1), 'With this a crash or a damaged disk loses or falsifies what was committed, audit evidence among it, or services cannot read what is theirs.', facts);
  if (odd.length > 0) return finding('warn', some(odd, 1), 'It works, and after a crash or in the long run costs rows: with synchronous_commit off the last evidence before a crash is lost although it was committed.', facts);
  return finding('pass', `commits are flushed, checksums ${server('data_checksums') ?? 'not told'}`, 'Nothing in the settings of the server, its roles or this database endangers what was committed.', facts);
}

/** Settings that a role or the database may have of its own, and when they are wrong. */
const bySession: readonly (readonly [name: string, wrong: (value: string) => boolean, list: 'broken' | 'odd'])[] = [
  ['row_security', (value) => /^(off|false|no|0)$/i.test(value), 'broken'],
  ['search_path', (value) => !value.split(',').some((schema) => schema.trim().replaceAll('"', '') === 'public'), 'broken'],
  ['synchronous_commit', (value) => /^(off|false|no|0)$/i.test(value), 'odd'],
];

const shown = [
  'server_version', 'data_checksums', 'fsync', 'full_page_writes', 'synchronous_commit', 'wal_level', 'autovacuum', 'password_encryption', 'ssl', 'TimeZone',
  'max_connections', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
];

function judgeIds(known: Known): Judgement {
  const limit = (name: string): number => Number(known.settings.find((each) => each.name === name)?.value ?? 0);
  const [oldest] = known.frozen;
  if (!oldest) return finding('unknown', 'no database is listed', 'pg_database gave no row.');
  const facts = known.frozen.map(({ database, transactions, multixacts }) => ({ name: database, value: `${transactions.toLocaleString('en-US')} transactions, ${multixacts.toLocaleString('en-US')} multixacts` }));
  const age = Math.max(...known.frozen.flatMap(({ transactions, multixacts }) => [transactions, multixacts]));
  const used = `${count(age, 'id')} since the oldest row was frozen`;
  const freeze = Math.max(limit('autovacuum_freeze_max_age'), limit('autovacuum_multixact_freeze_max_age'));
  if (age >= idsFail) return finding('fail', `${used}, near the end`, 'Shortly before 2,147,483,647 Postgres gives out no more ids and refuses every write, until a vacuum has frozen old rows.', facts);
  if (age >= Math.max(idsWarn, freeze * 1.2)) {
    return finding('warn', used, 'Autovacuum should have frozen these rows long ago. An open transaction, a prepared one or a replication slot may hold it up.', facts);
  }
  return finding('pass', `${used}, of 2,147,483,647`, 'Autovacuum freezes old rows in time.', facts);
}

/** What the server itself allows and how it keeps what was committed. */
export const writableChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-019',
    title: 'Writable',
    asks: [...asksCatalogue, activity],
    source: 'infra/postgres/migrations/0001_baseline.up.sql:3128',
    judge: (observed) => whenCatalogue(observed, (known) => whenAnswered(observed.get(activity), (now) => judgeWritable(known, now))),
  },
];

export const serverChecks: readonly Check[] = [
  { ...base, id: 'CRC-STO-041', title: 'Settings', asks: asksCatalogue, source: 'infra/docker/docker-compose.yml:197', judge: (observed) => whenCatalogue(observed, judgeSettings) },
  { ...base, id: 'CRC-STO-042', title: 'Transaction ids', asks: asksCatalogue, source: 'infra/postgres/Dockerfile', judge: (observed) => whenCatalogue(observed, judgeIds) },
];
