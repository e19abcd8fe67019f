import { grantGaps, partitionFunctionCaller, partitionFunctions, sequenceGrants, serviceRoles } from '../../caracal/roles.ts';
import type { ServiceRole } from '../../caracal/roles.ts';
import { appendOnlyTables, immutabilityFunction, immutabilityTriggers, tableNames, tables } from '../../caracal/tables.ts';
import type { Check, Fact, Judgement } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { count } from '../words.ts';
import { postgresAuthenticationId } from './postgres.checks.ts';
import { asksCatalogue, expected, foreign, settingOf, some, whenCatalogue } from './postgresCatalogue.ts';
import type { Catalogue, Known } from './postgresCatalogue.ts';
import { catalogueIsOpen, missingStatus, nothingHere } from './schema.checks.ts';

const base = { step: 'storage', component: 'Postgres', needs: [postgresAuthenticationId], asks: asksCatalogue, privilege: catalogueIsOpen } as const;

type Role = Catalogue['roles'][number];

const words: Readonly<Record<string, string>> = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', U: 'USAGE' };
const isolated = tableNames.filter((table) => tables[table]?.rowLevelSecurity);

/** Letters of `wanted` that `held` has not. */
function lacking(wanted: string, held: string): readonly string[] {
  return Array.from(wanted).filter((letter) => !held.includes(letter));
}

function judgeRoles({ roles }: Known): Judgement {
  const broken: Fact[] = [];
  const odd: Fact[] = [];
  const facts: Fact[] = [];
  for (const name of serviceRoles) {
    const role = roles.find((each) => each.name === name);
    if (!role) {
      broken.push({ name, value: 'does not exist' });
      continue;
    }
    for (const value of troubleOf(role)) broken.push({ name, value });
    if (role.createsRoles) odd.push({ name, value: 'may create roles' });
    facts.push({ name, value: describe(role) });
  }
  const [worst] = broken;
  if (worst) {
    return finding('fail', `${worst.name} ${worst.value}${broken.length > 1 ? ` and ${broken.length - 1} more` : ''}`, 'Each service logs in as a role of its own, which is no superuser and which row-level security binds. All get LOGIN after the last migration, so that a failed first migration leaves them without.', [...broken, ...facts]);
  }
  const [strange] = odd;
  if (strange) return finding('warn', `${strange.name} ${strange.value}`, 'The migrations give the roles of services no such attribute.', [...odd, ...facts]);
  return finding('pass', `${serviceRoles.length} of ${serviceRoles.length} may log in`, 'No role of a service is a superuser, bypasses row-level security or has the rights of the owner.', facts);
}

function troubleOf(role: Role): readonly string[] {
  return [
    ...(role.login ? [] : ['may not log in']),
    ...(role.superuser ? ['is a superuser'] : []),
    ...(role.bypassesRls ? ['bypasses row-level security'] : []),
    ...(role.owns && !role.superuser ? ['has the rights of the owner of the tables'] : []),
    ...(role.passwordEnded ? [`has a password that ended ${role.passwordUntil ?? ''}`] : []),
    ...(role.connects ? [] : ['may not connect to this database']),
  ];
}

function describe(role: Role): string {
  return [
    role.login ? 'login' : 'no login',
    ...(role.createsDatabases ? ['creates databases'] : []),
    ...(role.connectionLimit >= 0 ? [`at most ${count(role.connectionLimit, 'connection')}`] : []),
    ...(role.memberOf.length > 0 ? [`member of ${role.memberOf.join(', ')}`] : []),
    ...(role.passwordUntil === null || role.passwordUntil === 'infinity' ? [] : [`password until ${role.passwordUntil}`]),
  ].join(', ');
}

function judgeGrants(known: Known): Judgement {
  if (foreign(known)) return nothingHere(known);
  const there = new Set(known.roles.map(({ name }) => name));
  const missing: string[] = [];
  const facts: Fact[] = [];
  let shipped = 0;
  const look = (object: string, grants: Partial<Record<ServiceRole, string>>): void => {
    for (const [role, wanted] of Object.entries(grants)) {
      if (!there.has(role) || !expected(known, `${role} on ${object}`)) continue;
      shipped += 1;
      const lacks = lacking(wanted, known.grants[role]?.[object] ?? '');
      if (lacks.length > 0) missing.push(`${role} lacks ${lacks.map((letter) => words[letter]).join(', ')} on ${object}`);
    }
  };
  for (const table of known.tables) look(table, tables[table]?.grants ?? {});
  for (const [sequence, grants] of Object.entries(sequenceGrants)) if (known.tables.includes('audit_ingest_alerts')) look(sequence, grants);
  for (const name of partitionFunctions) {
    const found = known.functions.find((each) => each.name === name);
    if (found && there.has(partitionFunctionCaller) && !found.callers.includes(partitionFunctionCaller)) missing.push(`${partitionFunctionCaller} lacks EXECUTE on ${name}`);
  }
  for (const { name, usesSchema } of known.roles) if (!usesSchema && name !== 'caracalauth') missing.push(`${name} lacks USAGE on the schema public`);
  for (const { role, table, privilege, effect } of grantGaps) {
    const held = known.grants[role]?.[table]?.includes(privilege) === true;
    const what = `${words[privilege] ?? ''} on ${table} for ${role}`;
    if (known.tables.includes(table) && there.has(role)) facts.push({ name: what, value: held ? 'granted here; 1.0 does not' : `known gap of 1.0: ${effect}` });
  }
  facts.push(...extraGrants(known));
  if (missing.length > 0) {
    return finding(missingStatus(known), some(missing, 1), 'Statements of this service end with 42501 where it needs what it lacks.', [...missing.slice(0, 20).map((value) => ({ name: 'missing', value })), ...facts]);
  }
  return finding('pass', `${shipped} of ${shipped}, as shipped`, 'Each role of a service holds what the recorded migrations grant it. Privileges that code of 1.0 needs and 1.0 does not grant are known gaps, not faults of this installation.', facts);
}

/** What services hold beyond 1.0; on the tables of evidence that is a matter of its own. */
function extraGrants({ grants, roles }: Known): readonly Fact[] {
  const superusers = new Set(roles.filter(({ superuser }) => superuser).map(({ name }) => name));
  const closed: readonly string[] = appendOnlyTables;
  return Object.entries(grants)
    .filter(([role]) => !superusers.has(role))
    .flatMap(([role, held]) =>
      Object.entries(held).flatMap(([object, letters]) => {
        const gaps = grantGaps.filter((gap) => gap.role === role && gap.table === object).map(({ privilege }) => privilege);
        const shipped = (tables[object]?.grants ?? sequenceGrants[object] ?? {})[role as ServiceRole] ?? '';
        const extra = lacking(letters, shipped + gaps.join('') + (closed.includes(object) ? 'wd' : ''));
        return extra.length > 0 ? [{ name: `extra for ${role}`, value: `${extra.map((letter) => words[letter]).join(', ')} on ${object}` }] : [];
      }),
    )
    .slice(0, 20);
}

function judgeIsolation(known: Known): Judgement {
  if (foreign(known)) return nothingHere(known);
  const looked = isolated.filter((table) => known.tables.includes(table));
  const broken: string[] = [];
  const odd: string[] = [];
  const facts: Fact[] = [];
  for (const table of looked) {
    const entry = known.isolation.find((each) => each.table === table);
    const own = entry?.policies.find(({ name }) => name === 'zone_isolation');
    const others = entry?.policies.filter((policy) => policy !== own && policy.forServices) ?? [];
    if (entry?.enabled !== true) broken.push(`${table}: row-level security is off`);
    else if (!own) broken.push(`${table}: no policy zone_isolation, so services see no rows`);
    else if (own.other !== null || !own.permissive || own.command !== '*' || !own.forServices) broken.push(`${table}: zone_isolation is not the one of Caracal`);
    for (const policy of others) (policy.permissive ? broken : odd).push(`${table}: policy ${policy.name} ${policy.permissive ? 'shows rows of other zones' : 'hides rows'}`);
    if (own?.other) facts.push({ name: `zone_isolation on ${table}`, value: own.other });
    if (entry?.forced) facts.push({ name: table, value: 'forced, for the owner as well' });
  }
  const extra = known.newer ? [] : known.isolation.filter(({ table, enabled }) => enabled && !isolated.includes(table)).map(({ table }) => table);
  for (const table of extra) odd.push(`${table}: row-level security is on, which 1.0 does not know`);
  const listed = [...broken, ...odd].slice(0, 20).map((value) => ({ name: 'found', value }));
  if (broken.length > 0) {
    return finding('fail', some(broken, 1), `Row-level security keeps a session to its zone on ${isolated.length} tables, by a policy each that reads caracal.zone_id. Without it a mistake in one statement shows another tenant's rows; with it and no policy, services see nothing and get no error.`, [...listed, ...facts]);
  }
  if (odd.length > 0) return finding('warn', some(odd, 1), 'Services set caracal.zone_id and nothing else, so that other policies can hide rows from them without an error.', [...listed, ...facts]);
  const shut = looked.filter((table) => known.locked.includes(table));
  if (shut.length > 0) {
    return finding('unknown', `locked: ${some(shut)}`, 'Somebody holds it, or waits for it, with a lock that shuts out readers, so its policy was not read. All others are as Caracal wrote them.', facts);
  }
  return finding('pass', `${looked.length} of ${looked.length} tables`, 'Each has row-level security on and the policy zone_isolation as Caracal wrote it.', facts);
}

function judgeAppendOnly(known: Known): Judgement {
  const closed = appendOnlyTables.filter((table) => known.tables.includes(table));
  if (closed.length === 0) return nothingHere(known);
  const services: readonly string[] = serviceRoles;
  const facts = known.mutable.slice(0, 20).map(({ table, role, may }) => ({ name: `${role} on ${table}`, value: may.join(', ') }));
  const callers = known.functions
    .filter(({ name }) => name.startsWith('audit_partition_drop'))
    .flatMap(({ name, callers: who }) => who.filter((role) => role !== partitionFunctionCaller).map((role) => `${role} may call ${name}`));
  const byServices = known.mutable.filter(({ role }) => services.includes(role) || role === 'PUBLIC').map(({ table, role, may }) => `${role} may ${may.join(', ')} ${table}`);
  const open = [...byServices, ...callers];
  if (open.length > 0) {
    return finding('fail', some(open, 1), 'No trigger guards these rows: that services may only read and insert is all that keeps evidence as it was written. Only Audit may drop whole months, through a function.', [...facts, ...callers.map((value) => ({ name: 'function', value }))]);
  }
  if (known.mutable.length > 0) {
    const [first] = known.mutable;
    return finding('warn', `${first?.role ?? ''} may ${first?.may.join(', ') ?? ''} ${first?.table ?? ''}`, 'This role is none of Caracal and not the owner, and was granted to change evidence.', facts);
  }
  return finding('pass', `${closed.join(', ')}: read and insert`, 'No service may update, delete or truncate evidence, on the tables, their columns or their partitions. The owner can; only the chain of hashes would show it.', facts);
}

function judgeImmutability(known: Known): Judgement {
  const looked = Object.entries(immutabilityTriggers).filter(([table]) => known.tables.includes(table));
  if (looked.length === 0) return nothingHere(known);
  const broken = looked.flatMap(([table, name]) => {
    const trigger = known.triggers.find((each) => each.name === name && each.table === table);
    if (!trigger) return [`${name} is missing`];
    if (trigger.enabled === 'D') return [`${name} is disabled`];
    if (trigger.enabled === 'R') return [`${name} fires on replicas only`];
    if (!trigger.complete) return [`${name} does not cover update and delete of each row`];
    if (!trigger.raises || trigger.function !== immutabilityFunction) return [`${name} refuses nothing`];
    return [];
  });
  const replica = serviceRoles.find((role) => settingOf(known, 'session_replication_role', role)?.value === 'replica');
  if (replica !== undefined) broken.push(`session_replication_role is replica for ${replica}, so no trigger fires`);
  const facts = known.triggers.map(({ table, name, enabled }) => ({ name, value: `on ${table}, ${enabled === 'O' || enabled === 'A' ? 'on' : 'off'}` }));
  if (broken.length > 0) return finding('fail', some(broken, 1), 'A version of a policy or of a policy set can be rewritten in place: what decided a call can no longer be told from its id.', facts);
  return finding('pass', `${looked.length} of ${looked.length} triggers on`, 'Versions of policies and of policy sets can neither be updated nor deleted, by nobody but a superuser who turns the triggers off.', facts);
}

function judgeVisibility(known: Known): Judgement {
  if (foreign(known)) return nothingHere(known);
  const { user, bound, zone, rowSecurity, hidden, unreadable } = known.visibility;
  const facts: Fact[] = [
    { name: 'user', value: user },
    { name: 'caracal.zone_id', value: zone ?? 'not set' },
    { name: 'bound by row-level security', value: `${bound} of ${isolated.length} tables` },
    ...(unreadable.length > 0 ? [{ name: 'no SELECT', value: some(unreadable, 10) }] : []),
  ];
  const empty = 'Row-level security hides rows without an error, so that what is read looks empty: nothing may be called empty here.';
  if (bound === 0) return finding('pass', `all rows, as ${user}`, `Row-level security does not bind ${user}: it is a superuser, the owner, or bypasses it.`, facts);
  if (rowSecurity === 'off') return finding('unknown', `refused: row_security is off for ${user}`, 'With that setting a read that row-level security would filter is refused with 42501.', facts);
  if (zone !== '*') return finding('unknown', `rows hidden: caracal.zone_id is ${zone === null || zone === '' ? 'empty' : 'one zone'}`, `${empty} The setting was sent in the same transaction and is not in effect.`, facts);
  if (hidden.length > 0) return finding('unknown', `rows hidden from ${user}: ${some(hidden)}`, `${empty} No policy shows ${user} all rows of ${hidden.length === 1 ? 'this table' : 'these tables'}.`, facts);
  return finding('pass', `all zones, as ${user}`, 'caracal.zone_id was * in the very transaction that read it, which holds behind a pooler as well, and the policies show all rows by it.', facts);
}

/** Who may do what, to which rows. */
export const privilegeChecks: readonly Check[] = [
  { ...base, id: 'CRC-STO-007', title: 'Roles', source: 'infra/postgres/migrations/0001_baseline.up.sql:7', judge: (observed) => whenCatalogue(observed, judgeRoles) },
  { ...base, id: 'CRC-STO-008', title: 'Grants', source: 'infra/postgres/migrations/0001_baseline.up.sql:3128', judge: (observed) => whenCatalogue(observed, judgeGrants) },
  { ...base, id: 'CRC-STO-009', title: 'Row-level security', source: 'infra/postgres/migrations/0001_baseline.up.sql:2764', judge: (observed) => whenCatalogue(observed, judgeIsolation) },
  { ...base, id: 'CRC-STO-010', title: 'Append-only', source: 'infra/postgres/migrations/0001_baseline.up.sql:3178', judge: (observed) => whenCatalogue(observed, judgeAppendOnly) },
  { ...base, id: 'CRC-STO-011', title: 'Immutability', source: 'infra/postgres/migrations/0001_baseline.up.sql:2254', judge: (observed) => whenCatalogue(observed, judgeImmutability) },
];

export const visibilityChecks: readonly Check[] = [
  { ...base, id: 'CRC-STO-044', title: 'Row visibility', source: 'infra/postgres/migrations/0001_baseline.up.sql:2764', judge: (observed) => whenCatalogue(observed, judgeVisibility) },
];
