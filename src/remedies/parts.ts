/** What remedies are put together from. Pure. */
import { serviceNames } from '../model/serviceNames.ts';
import type { Cause } from '../model/diagnosis.ts';
import type { RecoveryPlace, Remedy, RemedyCall } from '../model/remedy.ts';
import type { ServiceName } from '../model/target.ts';
import type { Names, Part, Workload } from './names.ts';
import { doubleQuoted, quoted, word } from './quoting.ts';

/** A remedy as its table says it; what is left out is empty, and the risk low. */
export interface Draft extends Pick<Remedy, 'id' | 'title' | 'place' | 'changes'> {
  readonly commands?: readonly string[];
  readonly advice?: string;
  readonly dryRun?: string;
  readonly risk?: Remedy['risk'];
  /** Checks beside those at which the cause is seen itself. */
  readonly provedBy?: readonly string[];
  readonly stillOpen?: readonly string[];
  readonly call?: RemedyCall | null;
}

/** The remedies of a cause; `part` is the service that its id begins with. */
export type Build = (names: Names, cause: Cause, part: Part) => readonly Draft[];

export type Table = Readonly<Record<string, Build>>;

const order: readonly string[] = serviceNames;

/** `CRC-RDY-013` is Ready of sts. */
function readiness(service: string, check: number): string {
  return `CRC-RDY-0${order.indexOf(service)}${check}`;
}

/** Checks of one service or store, by what they are about. */
export const checkOf = {
  process: (part: Part): string => (part === 'postgres' ? 'CRC-STO-001' : part === 'redis' ? 'CRC-STO-020' : readiness(part, 1)),
  ready: (part: Part): string => (part === 'postgres' ? 'CRC-STO-002' : part === 'redis' ? 'CRC-STO-021' : readiness(part, 3)),
  identity: (part: Part): string => readiness(part, 4),
  container: (part: Part): string => `CRC-SVC-${part === 'postgres' ? 116 : part === 'redis' ? 117 : 110 + order.indexOf(part)}`,
  rollout: (part: Part): string => `CRC-SVC-${220 + order.indexOf(part)}`,
  pods: (part: Part): string => `CRC-SVC-${230 + order.indexOf(part)}`,
} as const;

export function isStore(part: Part): part is 'postgres' | 'redis' {
  return part === 'postgres' || part === 'redis';
}

/** As people say it: `Postgres`, `sts`. */
export function said(part: Part): string {
  return part === 'postgres' ? 'Postgres' : part === 'redis' ? 'Redis' : part;
}

export function placeOf(part: Part): RecoveryPlace {
  return isStore(part) ? 'stores' : 'services';
}

/** What takes a decision and no command. */
export function advise(id: string, title: string, place: RecoveryPlace, advice: string, rest: Partial<Draft> = {}): Draft {
  return { id, title, place, advice, changes: 'nothing by itself', ...rest };
}

/** What is open once Redis takes commands again: contract, storage 12, traps 6, 7, 9; readiness 2.5. */
export function afterRedis(names: Names): readonly string[] {
  const waiting = (['sts', 'gateway'] as const).filter((service) => names.isRed(service === 'sts' ? 'CRC-SVC-019' : 'CRC-SVC-025'));
  return [
    'audit answers consumer_unhealthy until the next audit event',
    names.isRed('CRC-STR-091') ? 'coordinator answers outbox_dead until its dead events are requeued' : 'one or two minutes without Redis make Coordinator events dead, which stay so until they are requeued',
    ...(names.isRed('CRC-STR-090') ? ['api answers outbox_dead_messages until its dead rows are reconciled'] : []),
    ...(waiting.length > 0 ? waiting.map((service) => `replay files of ${service} drain only when it restarts`) : ['replay files, where events were spilled, drain only when sts and gateway restart']),
  ];
}

/** What is open once Postgres takes connections again: contract, readiness 2.4, storage 9.2. */
export const afterPostgres: readonly string[] = [
  'gateway answers revocation_snapshot_stale until its next load, within 30 s',
  'audit events that failed eight times are dead letters, which Audit can replay',
];

/** A word for where the state of a store lies. */
const volumes: Readonly<Record<'postgres' | 'redis', string>> = { postgres: 'postgresData', redis: 'redisData' };

/** Starts, restarts or goes on with the container of a service or store, where it is one. */
export function container(names: Names, part: Part, action: 'start' | 'restart' | 'unpause', rest: Partial<Draft> = {}): Draft {
  const name = names.container(part);
  const kept = isStore(part) ? `; the volume ${names.project}_${volumes[part]} stays as it is` : '';
  return guarded(names, part, action, {
    id: `${action}-${part}`,
    title: `${action} ${said(part)}`,
    place: placeOf(part),
    commands: [names.compose(`${action} ${part}`)],
    dryRun: names.compose(`${action} ${part}`, ' --dry-run'),
    changes: action === 'restart' ? `the container ${name}, which is away for some seconds${kept}` : `the state of the container ${name}${kept}`,
    risk: isStore(part) && action === 'restart' ? 'medium' : 'low',
    provedBy: [checkOf.process(part), checkOf.ready(part), checkOf.container(part)],
    stillOpen: part === 'redis' ? afterRedis(names) : part === 'postgres' ? afterPostgres : [],
    call: { kind: 'container', action, container: name },
    ...rest,
  });
}

/** As kubectl writes a workload. */
export function written({ kind, name }: Workload): string {
  return `${kind.toLowerCase()}/${name}`;
}

/** Restarts a service, whatever runs it. */
export function restart(names: Names, service: ServiceName, rest: Partial<Draft> = {}): Draft {
  switch (names.kind) {
    case 'compose':
      return container(names, service, 'restart', rest);
    case 'kubernetes':
      return rolloutRestart(names, service, rest);
    default:
      return guarded(names, service, 'restart', {
        id: `restart-${service}`, title: `restart ${service}`, place: 'services', provedBy: [checkOf.process(service), checkOf.ready(service)],
        changes: `the process of ${service}, which is away for some seconds`,
        ...rest,
        advice: joined(`The target gives addresses only: restart ${service} where it runs.`, rest.advice),
      });
  }
}

function rolloutRestart(names: Names, service: ServiceName, rest: Partial<Draft>): Draft {
  const workload = names.workload(service);
  const patch = '{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}';
  return guarded(names, service, 'restart', {
    id: `restart-${service}`, title: `restart ${service}`, place: 'services',
    commands: [names.kubectl(`rollout restart ${written(workload)}`)],
    dryRun: names.kubectl(`patch ${written(workload)} --dry-run=server -p '${patch}'`),
    changes: `the pods of the ${workload.kind} ${workload.name}, which are replaced one after the other`,
    provedBy: [checkOf.ready(service), checkOf.rollout(service), checkOf.pods(service)],
    call: { kind: 'rollout-restart', workload: workload.kind, name: workload.name },
    ...rest,
  });
}

/** Nothing here replaces a process that has the mark of lost evidence: that is a step of an incident (contract, readiness 2.3). */
function guarded(names: Names, part: Part, action: string, draft: Draft): Draft {
  if (action !== 'restart' || !names.hasLostEvidence(part)) return draft;
  return { ...draft, call: null, risk: 'high', advice: joined(`First save the evidence of ${part}: this clears the mark that some was lost.`, draft.advice) };
}

export function joined(...sentences: readonly (string | undefined)[]): string {
  return sentences.filter((sentence) => sentence !== undefined && sentence !== '').join(' ');
}

/** Several services that have to start anew together, such as all that share a key; a command of its own for each kind of target. */
export function restartTogether(names: Names, services: readonly ServiceName[], rest: Partial<Draft>): Draft {
  const lost = services.filter((service) => names.hasLostEvidence(service));
  const commands = names.kind === 'compose'
    ? [names.compose(`restart ${services.join(' ')}`)]
    : names.kind === 'kubernetes' ? [names.kubectl(`rollout restart ${services.map((service) => written(names.workload(service))).join(' ')}`)] : [];
  return {
    id: 'restart-together', title: `restart ${listed(services)}`, place: 'services', commands,
    ...(names.kind === 'compose' ? { dryRun: names.compose(`restart ${services.join(' ')}`, ' --dry-run') } : {}),
    changes: `the processes of ${listed(services)}, which are away for some seconds`,
    risk: lost.length > 0 ? 'high' : 'medium',
    provedBy: services.map((service) => checkOf.ready(service)),
    ...rest,
    advice: joined(...lost.map((service) => `First save the evidence of ${service}.`), rest.advice, commands.length === 0 ? 'The target gives addresses only: restart them where they run.' : ''),
  };
}

export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}

/** A statement for psql as the owner of the database. Only ever told: this tool runs none. */
export function psql(names: Names, ...statements: readonly string[]): string {
  const words = statements.map((statement) => ` -c ${doubleQuoted(statement)}`).join('');
  return names.kind === 'compose' ? names.compose(`exec postgres psql -U caracal -d caracal${words}`) : `psql "$DATABASE_URL"${words}`;
}

/** What a change would do, rolled back at the end. */
export function rehearsed(names: Names, ...statements: readonly string[]): string {
  return psql(names, `BEGIN; ${statements.map((statement) => `${statement};`).join(' ')} ROLLBACK;`);
}

/** SQL that an operator runs: the statements, and the same rolled back. */
export function sql(names: Names, draft: Omit<Draft, 'commands' | 'dryRun'>, statements: readonly string[]): Draft {
  const outside = names.kind === 'compose' ? '' : 'DATABASE_URL is that of the owner of the database.';
  return { ...draft, commands: statements.map((statement) => psql(names, statement)), dryRun: rehearsed(names, ...statements), advice: joined(draft.advice, outside) };
}

/** A command for redis-cli with the password of the server. */
export function redisCli(names: Names, words: string): string {
  return names.kind === 'compose'
    ? names.compose(`exec redis sh -c 'REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")" redis-cli ${words}'`)
    : `redis-cli -u "$REDIS_URL" ${words}`;
}

/** A call of a service from a terminal, with a token of a variable; in a cluster, after a way to it is open. */
export function curl(names: Names, service: ServiceName, { method = 'GET', path, token, body }: { method?: string; path: string; token: string; body?: string }): readonly string[] {
  const send = `curl -fsS${method === 'GET' ? '' : ` -X ${method}`} -H "Authorization: Bearer $${token}"${body === undefined ? '' : ` -H 'Content-Type: application/json' -d ${quoted(body)}`} ${quoted(names.url(service) + path)}`;
  if (names.kind !== 'kubernetes') return [send];
  const { port } = new URL(names.url(service));
  return [names.kubectl(`port-forward service/${names.workload(service).name} ${port}:${port}`), send];
}

/** Lines that a service logged. */
export function logsOf(names: Names, part: Part, lines = 50): string {
  return names.kind === 'kubernetes' ? names.kubectl(`logs ${written(names.workload(part))} --tail=${lines}`) : names.compose(`logs --tail ${lines} ${part}`);
}

/** Runs the migrations again, which skip what is applied and set the logins and passwords of the roles. */
export function migrate(names: Names, rest: Partial<Draft> = {}): Draft {
  const base = {
    id: 'run-migrations', title: 'run the migrations', place: 'stores', risk: 'medium',
    changes: 'the schema, forwards only, and the logins and passwords of the roles of services',
    provedBy: ['CRC-STO-004', 'CRC-STO-007'],
  } as const;
  switch (names.kind) {
    case 'compose':
      return { ...base, commands: [names.up], ...rest };
    case 'kubernetes':
      return { ...base, ...upgradeWith(names, []), ...rest };
    default:
      return { ...base, ...rest, advice: joined('Run caracal-migrate of the image of the release against this database, with the password files of the roles.', rest.advice) };
  }
}

/** An upgrade of the release to its own chart and values, with some values set. */
export function upgradeWith(names: Names, sets: readonly string[]): Pick<Draft, 'commands' | 'dryRun'> {
  const words = `upgrade ${word(names.release)} ${names.chart} --reuse-values${sets.map((set) => ` --set ${set}`).join('')}`;
  return { commands: [names.helm(words)], dryRun: names.helm(`${words} --dry-run=server`) };
}

/** Lets the Gateway read from Postgres what is revoked. */
export function reloadRevocations(names: Names, rest: Partial<Draft> = {}): Draft {
  return {
    id: 'reload-revocations', title: 'reload revocations', place: 'freshness',
    commands: curl(names, 'gateway', { method: 'POST', path: '/internal/revocations/reload', token: 'CARACAL_ADMIN_TOKEN' }),
    changes: 'what the Gateway that answers holds to be revoked, read anew from Postgres',
    provedBy: ['CRC-SVC-022', 'CRC-RDY-023'],
    stillOpen: ['other replicas of the Gateway reload by themselves, each 30 s'],
    call: { kind: 'reload-revocations' },
    ...rest,
  };
}

/** What shows that everything works again. */
export function runCanary(advice: string): Draft {
  return advise('run-canary', 'run the recovery canary', 'canary', advice, { changes: 'the audit, by the events of three calls' });
}
