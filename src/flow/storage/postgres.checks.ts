import * as z from 'zod';
import type { Check } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { composeContainers, containerWords } from '../containers.ts';
import { finding, lack, signed, signOf, whenAnswered } from '../judging.ts';
import { milliseconds } from '../words.ts';

export const postgresHello = subject('postgres.hello', z.object({ tls: z.boolean(), tookMs: z.number(), forwarded: z.boolean().default(false) }));

export const postgresSession = subject(
  'postgres.session',
  z.object({
    user: z.string(),
    database: z.string(),
    superuser: z.boolean(),
    /** `server_version_num`: 180001 is 18.1. */
    version: z.number().int(),
    /** Server clock, ISO 8601. */
    now: z.string(),
  }),
);

export const postgresReachableId = 'CRC-STO-001';
export const postgresAuthenticationId = 'CRC-STO-002';

/** The schema uses `transaction_timeout`, which Postgres has since 17. */
const oldestVersion = 17;

/** A connection and one byte, from a machine that is near, take milliseconds. */
const slowMs = 500;

const base = { step: 'storage', component: 'Postgres' } as const;
const hello = postgresHello.of('Postgres');
const secondHello = postgresHello.of('Postgres', 2);
const session = postgresSession.of('Postgres');

/** Whether Postgres answers, lets us in, and is new enough. */
export const postgresChecks: readonly Check[] = [
  {
    ...base,
    id: postgresReachableId,
    title: 'Reachable',
    needs: [],
    asks: [hello],
    privilege: 'none',
    source: 'infra/docker/runtime-compose.yml, postgres',
    judge(observed) {
      const observation = observed.get(hello);
      const { outcome, asked } = observation;
      if (outcome.kind === 'answer') {
        const { tookMs, tls, forwarded } = outcome.value;
        const offer = `${forwarded ? 'forwarded, ' : ''}${tls ? 'offers TLS' : 'offers no TLS'}`;
        const passed = finding('pass', `${milliseconds(tookMs)}, ${offer}`, `${asked} was answered by a Postgres server.`);
        // The way of a forward is not the way that services take.
        if (tookMs < slowMs || forwarded) return passed;
        // This machine may have been busy: a slow way is slow twice.
        const again = observed.find(secondHello)?.outcome;
        if (!again) return { ...passed, wants: [secondHello] };
        if (again.kind !== 'answer' || again.value.tookMs < slowMs) return passed;
        const best = milliseconds(Math.min(tookMs, again.value.tookMs));
        return finding('warn', `slow: ${best}, ${offer}`, `${asked} took ${best} or longer twice. Services ask Postgres several times for one request.`);
      }
      if (outcome.kind === 'unavailable') return finding('unknown', lack(observation), 'The target gives no connection string.');
      return {
        ...signed(finding('fail', `${lack(observation)}${containerWords('postgres', observed)}`, `${asked} had no answer of a Postgres server from here. Nothing was sent that needs a credential.`), signOf(observation)),
        wants: [composeContainers.of('postgres')],
      };
    },
  },
  {
    ...base,
    id: postgresAuthenticationId,
    title: 'Authentication',
    needs: [postgresReachableId],
    asks: [session],
    privilege: 'LOGIN',
    source: 'infra/postgres/migrations/0001_baseline.up.sql:7',
    judge(observed) {
      const observation = observed.get(session);
      const { outcome, asked } = observation;
      switch (outcome.kind) {
        case 'answer': {
          const { user, database, superuser } = outcome.value;
          const kind = superuser ? ', a superuser' : '';
          return finding('pass', `as ${user}${kind}`, `${asked} opened a session in the database ${database}.`, [
            { name: 'user', value: user },
            { name: 'database', value: database },
          ]);
        }
        case 'refused':
          return signed(finding('fail', lack(observation), `${refusal(outcome.code)} The server refused ${asked}.`), signOf(observation));
        case 'unavailable':
          return finding('unknown', lack(observation), 'The target gives no usable connection string.');
        default:
          return signed(finding('fail', lack(observation), `${asked} got as far as the server and then had no answer.`), signOf(observation));
      }
    },
  },
  {
    ...base,
    id: 'CRC-STO-003',
    title: 'Version',
    needs: [postgresAuthenticationId],
    asks: [session],
    privilege: 'LOGIN',
    source: 'infra/postgres/migrations/0001_baseline.up.sql, transaction_timeout',
    judge: (observed) =>
      whenAnswered(observed.get(session), ({ version }) => {
        const major = Math.floor(version / 10_000);
        const shown = `${major}.${version % 10_000}`;
        return major >= oldestVersion
          ? finding('pass', shown, `Caracal's schema needs Postgres ${oldestVersion} or later.`)
          : finding('fail', `${shown}, too old`, `Caracal's schema needs Postgres ${oldestVersion} or later, for transaction_timeout.`);
      }),
  },
];

function refusal(code: string): string {
  switch (code) {
    case '28P01':
      return 'The password is not the one that the server has.';
    case '28000':
      return 'This role may not log in. Roles get their login only after all migrations ran.';
    case '3D000':
      return 'The database of the connection string does not exist.';
    case '53300':
      return 'All connections of the server are taken.';
    case '57P03':
      return 'The server is still starting, or shutting down.';
    default:
      return '';
  }
}
