import * as z from 'zod';
import { fingerprints, migrations } from '../../caracal/migrations.ts';
import type { Migration } from '../../caracal/migrations.ts';
import type { Check, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { Outcome } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { count } from '../words.ts';
import { postgresAuthenticationId } from './postgres.checks.ts';

export const migrationHistory = subject(
  'postgres.migrations',
  z.object({
    /** False when the database has no `public.schema_migrations`. */
    present: z.boolean(),
    applied: z.array(z.object({ version: z.string(), appliedAt: z.string() })),
  }),
);

export const schemaFingerprints = subject(
  'postgres.fingerprints',
  z.object({
    /** Names of the fingerprints that the catalogue holds. */
    present: z.array(z.string()),
  }),
);

const base = { step: 'storage', component: 'Postgres', needs: [postgresAuthenticationId] } as const;
const history = migrationHistory.of('Postgres');
const catalogue = schemaFingerprints.of('Postgres');

/** Which migrations the history has, and whether the schema is what they make. */
export const migrationChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-004',
    title: 'Migrations',
    asks: [history],
    privilege: 'SELECT on schema_migrations',
    source: 'infra/postgres/scripts/migrate.sh:63',
    judge: (observed) =>
      whenAnswered(observed.get(history), ({ present, applied }) => {
        if (!present) {
          return finding(
            'fail',
            'no schema_migrations: not a Caracal database, or never migrated',
            'The database has no table public.schema_migrations, which the first run of the migrations makes.',
          );
        }
        const names = new Set(applied.map(({ version }) => version));
        const pending = migrations.filter((name) => !names.has(name));
        const newer = [...names].filter((name) => !migrations.some((known) => known === name));
        const facts = applied.map(({ version, appliedAt }) => ({ name: version, value: `applied ${appliedAt}` }));
        if (pending.length > 0) {
          return finding(
            'fail',
            `pending: ${pending.join(', ')}`,
            'These migrations of Caracal 1.0 are not in the history. A migration that failed left nothing behind and looks the same: the log of the migrator tells which.',
            facts,
          );
        }
        if (newer.length > 0) {
          return finding(
            'warn',
            `newer than Caracal 1.0: ${newer.join(', ')}`,
            'The history has migrations that this version of the debugger does not know. Shipped migrations only add, so an older service usually goes on.',
            facts,
          );
        }
        return finding('pass', `${applied.length} applied, none pending`, 'The history is the set of migrations of Caracal 1.0.', facts);
      }),
  },
  {
    ...base,
    id: 'CRC-STO-005',
    title: 'Schema',
    asks: [history, catalogue],
    privilege: 'none beyond LOGIN: the catalogue is readable by all',
    source: 'infra/postgres/scripts/verify.sh',
    judge: (observed) => whenAnswered(observed.get(catalogue), ({ present }) => judgeSchema(present, observed.get(history).outcome)),
  },
];

function judgeSchema(present: readonly string[], recordedIn: Outcome<z.infer<typeof migrationHistory.schema>>): Judgement {
  const there = new Set(present);
  const recorded = recordedIn.kind === 'answer' ? new Set(recordedIn.value.applied.map(({ version }) => version)) : undefined;
  // Without the history, which takes a privilege, a migration counts when it left anything at all.
  const made = (migration: Migration): boolean => recorded?.has(migration) ?? fingerprints.some(({ name, madeBy }) => madeBy === migration && there.has(name));
  const missing = fingerprints.filter(({ name, madeBy }) => madeBy && made(madeBy) && !there.has(name));
  const left = fingerprints.filter(({ name, madeBy }) => !madeBy && there.has(name));
  const facts = [
    ...missing.map(({ name, madeBy }) => ({ name, value: `missing, though ${madeBy ?? ''} ${recorded ? 'is recorded' : 'left other objects'}` })),
    ...left.map(({ name, meaning }) => ({ name, value: `there, ${meaning ?? ''}` })),
  ];
  const [first] = facts;
  if (first) {
    return finding(
      'fail',
      `drifted: ${first.name} ${missing.length > 0 ? 'is missing' : 'is left over'}${facts.length > 1 ? ` and ${facts.length - 1} more` : ''}`,
      'The history has no checksum, so the same name can stand for another schema, such as the baseline of July 2026. These objects tell them apart.',
      facts,
    );
  }
  if (!migrations.some(made)) return finding('unknown', 'nothing to compare: no migration is recorded', 'Without a migration in the history, no object is to be expected.');
  const looked = fingerprints.filter(({ madeBy }) => !madeBy || made(madeBy)).length;
  const by = recorded ? 'as the recorded migrations make them' : 'as the migrations of 1.0 make them; the history itself cannot be read here';
  return finding('pass', 'matches Caracal 1.0', `${count(looked, 'object')} that tell releases apart are ${by}.`);
}
