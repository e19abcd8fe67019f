import type { ContainerFacts, SecretFileFacts } from '../../../model/compose.ts';
import type { Check, Fact, Judgement } from '../../../model/check.ts';
import { finding, signed, whenAnswered } from '../../judging.ts';
import { bytes, count, milliseconds } from '../../words.ts';
import { called, composeBase, containersOf, fileName, kept, lasting, listed, lives, secretFiles, whenListed } from './facts.ts';

/** Between the writing of a file and the start of the container that it is for, and what file systems round. */
const momentMs = 5_000;

const badStates = ['missing', 'folder', 'empty'] as const;

const stateWords: Readonly<Record<(typeof badStates)[number], string>> = { missing: 'missing', folder: 'a folder in place of the file', empty: 'empty' };

const base = { ...composeBase, privilege: 'stat of the secret files', source: 'packages/engine/src/secrets.ts:25-89' } as const;

/** One file on the machine of the engine, and the services that get it. */
interface Used {
  readonly name: string;
  readonly file: SecretFileFacts;
  readonly services: readonly string[];
}

function bySource(files: readonly SecretFileFacts[]): readonly Used[] {
  return [...Map.groupBy(files, ({ source }) => source).values()].flatMap((group) => {
    const [file] = group;
    return file ? [{ name: fileName(file), file, services: [...new Set(group.map(({ service }) => service))] }] : [];
  });
}

function stateFact({ name, file, services }: Used): Fact {
  const state = file.state === 'there' ? bytes(file.bytes ?? 0) : file.state === 'not readable' ? file.state : stateWords[file.state];
  return { name, value: `${state}, for ${services.join(', ')}` };
}

function judgePresence(files: readonly SecretFileFacts[]): Judgement {
  const used = bySource(files);
  const facts = used.map(stateFact);
  const bad = badStates.flatMap((state) => used.filter(({ file }) => file.state === state));
  const [first] = bad;
  if (first) {
    const state = first.file.state as (typeof badStates)[number];
    return signed(
      finding(
        'fail',
        `${stateWords[state]}: ${first.name} of ${listed(first.services)}${bad.length > 1 ? `, ${bad.length - 1} more` : ''}`,
        'A service reads its secrets once, when it starts. What runs goes on with what it has read; the next start fails.',
        facts,
      ),
      state,
    );
  }
  const closed = used.filter(({ file }) => file.state === 'not readable');
  if (closed.length > 0) return finding('unknown', `not readable from here: ${listed(closed.map(({ name }) => name))}`, 'They belong to another user, and their folder is open to its owner alone. Whether the containers can read them cannot be told.', facts);
  if (used.length === 0) return finding('not-applicable', 'no container mounts a secret file', 'Its secrets come another way, or there is no container.');
  return finding('pass', `${count(used.length, 'file')}, none empty`, 'Each file that a container mounts as /run/secrets is there and has something in it. What is in it was not read.', facts);
}

/** What follows when services hold different values (contract, deploy 5.4), by the name of the file. */
const disagreements: readonly (readonly [file: RegExp, follows: string])[] = [
  [/^metricsBearer$/, 'Metrics answer 401 to the new bearer, and nothing else follows.'],
  [/^gatewayStsHmacKey$/, 'When the Gateway and the STS hold different keys, every exchange is refused with access_denied.'],
  [/^streamsHmacKey$/, 'When services hold different keys, messages are dropped for an invalid origin signature.'],
  [/^auditHmacKey$/, 'When services hold different keys, events end as dead letters with hmac_verify_failed.'],
  [/^secretStoreKek$/, 'What was sealed under one key cannot be opened with the other: signing keys are skipped and JWKS answers 500.'],
  [/^caracalAdminToken$/, 'The api answers 401 invalid_admin_token to the new token, and others to the old one.'],
  [/DatabaseUrl$|^databaseUrl$/, 'Once dbMigrate has set the new password, new connections with the old one are refused.'],
];

/** The password of Postgres counts only when its volume is made, so that a restart changes nothing: see Volumes. */
const atFirstStartOnly = ({ service, target }: SecretFileFacts): boolean => service === 'postgres' && target === 'postgresPassword';

interface Stale {
  readonly used: Used;
  readonly container: ContainerFacts;
  readonly laterMs: number;
}

function judgeUse(files: readonly SecretFileFacts[], containers: readonly ContainerFacts[]): Judgement {
  const living = containers.filter((container) => lives(container) && container.startedAt !== null);
  const compared = bySource(files.filter((file) => !atFirstStartOnly(file)));
  const later = ({ file }: Used, { startedAt }: ContainerFacts): number => Date.parse(file.changedAt ?? '') - Date.parse(startedAt ?? '');
  const stale: readonly Stale[] = compared.flatMap((used) =>
    living
      .filter(({ service }) => used.services.includes(service))
      .map((container) => ({ used, container, laterMs: later(used, container) }))
      .filter(({ laterMs }) => laterMs > momentMs),
  );
  const facts = stale.map(({ used, container }) => ({ name: `${used.name} of ${called(container)}`, value: `changed ${used.file.changedAt ?? ''}, started ${container.startedAt ?? ''}` }));
  const [first] = stale;
  if (first) {
    const { used, container } = first;
    const fresh = living.filter((each) => used.services.includes(each.service) && later(used, each) <= momentMs).map(called);
    const more = stale.length > 1 ? `, ${stale.length - 1} more` : '';
    const follows = disagreements.find(([file]) => file.test(used.name))?.[1];
    return finding(
      'warn',
      `${used.name} changed ${milliseconds(Math.floor(first.laterMs / 1_000) * 1_000)} after ${called(container)} started${more}${fresh.length > 0 ? `; ${listed(fresh)} ${fresh.length === 1 ? 'has' : 'have'} the new one` : ''}`,
      `A service keeps what it read when it started; nothing takes up a changed secret before a restart.${follows === undefined ? '' : ` ${follows}`}`,
      facts,
    );
  }
  const untold = compared.filter(({ file }) => file.changedAt === null && file.state === 'not readable');
  if (untold.length > 0) return finding('unknown', `not readable from here: ${listed(untold.map(({ name }) => name))}`, 'When these files were changed cannot be seen by this user.');
  if (compared.length === 0 || living.length === 0) return finding('not-applicable', living.length === 0 ? 'no container runs' : 'no container mounts a secret file', 'There is nothing to compare.');
  return finding('pass', `${count(compared.length, 'file')}, none changed since`, 'No secret file was changed after a container that uses it had started. That the up command sets their mode anew does not count: only the time of their content does.');
}

export const secretFileChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-SVC-105',
    title: 'Secret files',
    asks: [secretFiles],
    judge: (observed) => whenAnswered(observed.get(secretFiles), judgePresence),
  },
  {
    ...base,
    id: 'CRC-SVC-106',
    title: 'Secrets in use',
    asks: [secretFiles, ...containersOf(lasting)],
    judge: (observed) => whenAnswered(observed.get(secretFiles), (files) => whenListed(observed, lasting, (containers) => judgeUse(files, kept(containers)))),
  },
];
