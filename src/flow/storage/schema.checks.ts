import { listed, neverValidated, tableNames, tables } from '../../caracal/tables.ts';
import type { Check, Judgement } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { postgresAuthenticationId } from './postgres.checks.ts';
import { asksCatalogue, expected, foreign, some, whenCatalogue } from './postgresCatalogue.ts';
import type { Known } from './postgresCatalogue.ts';

const base = { step: 'storage', component: 'Postgres', needs: [postgresAuthenticationId], asks: asksCatalogue } as const;
export const catalogueIsOpen = 'none beyond LOGIN: the catalogue is readable by all';

const uniqueIndexes = new Set(Object.values(tables).flatMap(({ unique }) => listed(unique)));
const shippedIndexes = new Set([...uniqueIndexes, ...Object.values(tables).flatMap(({ indexes }) => listed(indexes))]);
const constraintCount = Object.values(tables).flatMap(({ constraints }) => listed(constraints)).length;
const columnCount = Object.values(tables).flatMap(({ columns }) => listed(columns)).length;

/** What the judgement says about a schema that a later release may have changed on purpose. */
const byNewer = ' The history has migrations that this debugger does not know; one of them may have done this.';

/** For what is missing from the schema: worse than a warning, unless a later release may have removed it. */
export function missingStatus({ newer }: Known): 'fail' | 'warn' {
  return newer ? 'warn' : 'fail';
}

/** The judgement where a database holds nothing of Caracal. */
export function nothingHere({ database }: Known): Judgement {
  return finding('unknown', 'nothing to look at: no table of Caracal here', `The database ${database} has none of Caracal's tables, which Postgres › Tables tells.`);
}

function judgeTables(known: Known): Judgement {
  const missing = tableNames.filter((table) => !known.tables.includes(table));
  const columns = known.missingColumns.filter((column) => expected(known, column));
  const facts = [
    { name: 'owner', value: known.owners.join(', ') || 'none' },
    ...missing.slice(0, 10).map((table) => ({ name: table, value: 'missing' })),
    ...columns.slice(0, 10).map((column) => ({ name: column, value: 'missing' })),
  ];
  if (foreign(known)) {
    return finding('fail', `none of ${tableNames.length}: not a database of Caracal, or never migrated`, `The database ${known.database} has none of the tables that the migrations of Caracal 1.0 make.`, facts);
  }
  const absent = [...missing, ...columns];
  if (absent.length > 0) {
    return finding(
      missingStatus(known),
      `missing: ${some(absent)}`,
      `Statements of the services that name ${absent.length === 1 ? 'it' : 'them'} end with 42P01 or 42703.${known.newer ? byNewer : ''}`,
      facts,
    );
  }
  const there = columnCount - known.missingColumns.length;
  return finding('pass', `${tableNames.length} of ${tableNames.length}, with ${there} columns`, 'Every table and column that the recorded migrations make is there.', facts);
}

function judgeIndexes(known: Known): Judgement {
  if (foreign(known)) return nothingHere(known);
  const missing = known.missingIndexes.filter((index) => expected(known, index));
  const invalid = known.invalidIndexes.filter((index) => shippedIndexes.has(index));
  const constraints = known.missingConstraints.filter((name) => expected(known, name.slice(name.indexOf('.') + 1)));
  const unchecked = known.notValidated.filter((name) => !neverValidated.includes(name));
  const broken = [
    ...missing.filter((index) => uniqueIndexes.has(index)).map((index) => `unique index ${index} is missing`),
    ...invalid.filter((index) => uniqueIndexes.has(index)).map((index) => `unique index ${index} is invalid`),
    ...known.notUnique.map((index) => `index ${index} is not unique`),
    ...constraints.map((name) => `constraint ${name} is missing`),
  ];
  const slow = [
    ...missing.filter((index) => !uniqueIndexes.has(index)).map((index) => `index ${index} is missing`),
    ...invalid.filter((index) => !uniqueIndexes.has(index)).map((index) => `index ${index} is invalid`),
    ...unchecked.map((name) => `constraint ${name} is not validated`),
  ];
  const facts = [
    ...[...broken, ...slow].slice(0, 10).map((what) => ({ name: 'found', value: what })),
    ...known.invalidIndexes.filter((index) => !shippedIndexes.has(index)).map((index) => ({ name: index, value: "invalid, and not one of Caracal's" })),
  ];
  if (broken.length > 0) {
    return finding(
      missingStatus(known),
      some(broken, 1),
      `Nothing keeps rows out any more that Caracal takes to be impossible.${known.newer ? byNewer : ''}`,
      facts,
    );
  }
  if (slow.length > 0) return finding('warn', some(slow, 1), 'Statements that rely on it read whole tables; an invalid index is written and never read.', facts);
  return finding(
    'pass',
    `${shippedIndexes.size - known.missingIndexes.length} indexes, ${constraintCount - known.missingConstraints.length} constraints`,
    'Every index of the recorded migrations is there and valid, every check and foreign key is there and validated, save the three that 0003 leaves NOT VALID on purpose.',
    facts,
  );
}

/** Whether what the migrations made is all there. */
export const schemaChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-006',
    title: 'Tables',
    privilege: catalogueIsOpen,
    source: 'infra/postgres/scripts/verify.sh:17',
    judge: (observed) => whenCatalogue(observed, judgeTables),
  },
];

export const indexChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-012',
    title: 'Indexes and constraints',
    privilege: catalogueIsOpen,
    source: 'infra/postgres/migrations/0001_baseline.up.sql:1512',
    judge: (observed) => whenCatalogue(observed, judgeIndexes),
  },
];
