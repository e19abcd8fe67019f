/** How one container stands, whether and why it is no good. Pure. */
import type { ComposeService, ContainerFacts } from '../../../model/compose.ts';
import type { Fact, Finding, Observed } from '../../../model/check.ts';
import { bytes, count, milliseconds } from '../../words.ts';
import { lastIn, reasonIn, startError } from './endings.ts';
import { composeContainers, fileName, kept, secretFiles, valueOf } from './facts.ts';
import type { Lasting } from './facts.ts';
import { chain, notMet } from './waiting.ts';

/** A restart that is older is of the past. */
const recentMs = 10 * 60_000;

/** One that came up so often and so lately is taken for a loop, though it runs at the moment. */
const loop = { restarts: 2, upMs: 60_000 };

/** Health checks that fail in a row and are more than a slow moment. */
const streak = 2;

/** Written in Go: their log writer is not flushed when they end (contract, deploy 0, fact 3). */
const silentAtEnd: readonly ComposeService[] = ['sts', 'gateway', 'audit'];

const ready = (service: string): string => `Its health check asks /ready and keeps no answer: the process runs and is not ready. Readiness › ${service} tells the reason.`;

/** What the health check of a service that fails says: Caracal infra/healthcheck/main.go and infra/docker/runtime-compose.yml. */
const unhealthy: Readonly<Record<Lasting, readonly [words: string, means: string]>> = {
  api: ['not ready', ready('api')],
  sts: ['not ready', ready('sts')],
  gateway: ['not ready', ready('gateway')],
  audit: ['not ready', ready('audit')],
  coordinator: ['not ready', ready('coordinator')],
  web: ['not alive', 'Its health check asks /health, which needs nothing else to be well: the process does not answer.'],
  postgres: ['takes no connection', 'pg_isready has no connection inside of the container: it may be starting, recovering or full.'],
  redis: ['streams not provisioned or PING refused', 'Its health check sends PING with the password and looks whether the streams were provisioned at its start. Storage › Redis tells whether it answers.'],
};

const healthy: Readonly<Record<Lasting, string>> = {
  api: 'Its health check, which asks /ready, passes.',
  sts: 'Its health check, which asks /ready, passes.',
  gateway: 'Its health check, which asks /ready, passes.',
  audit: 'Its health check, which asks /ready, passes.',
  coordinator: 'Its health check, which asks /ready, passes.',
  web: 'Its health check asks /health alone: the process lives. Whether sign-in works is for Readiness › web to tell.',
  postgres: 'It takes connections.',
  redis: 'It answers PING, and the streams were provisioned at its start.',
};

export type Said = Pick<Finding, 'status' | 'summary' | 'reasoning' | 'signs' | 'since'> & { readonly facts?: readonly Fact[] };

/** One container and what is known beside it. */
export interface Look {
  readonly service: Lasting;
  readonly container: ContainerFacts;
  readonly nowMs: number;
  readonly observed: Observed;
}

const seconds = (ms: number): string => (ms < 1_000 ? '0 s' : milliseconds(Math.floor(ms / 1_000) * 1_000));

function sinceMs(at: string | null, nowMs: number): number | undefined {
  return at === null ? undefined : nowMs - Date.parse(at);
}

export function ago(at: string | null, nowMs: number): string {
  const ms = sinceMs(at, nowMs);
  return ms === undefined ? '' : `, ${seconds(ms)} ago`;
}

function created({ container, observed }: Look): Said {
  const waits = chain(container, observed);
  if (waits !== undefined) {
    return {
      status: 'fail',
      summary: waits,
      reasoning: 'It was made and does not run: Compose starts it when what it waits for is well, and gives up when that fails.',
      facts: container.dependsOn.map((dependency) => ({ name: `waits for ${dependency.service}`, value: notMet(dependency, observed) ?? 'nothing seen in the way' })),
      signs: ['created'],
    };
  }
  return { status: 'fail', summary: 'created, not started', reasoning: 'It was made and never ran. What it waits for is not seen to be in its way: the up command may still be at work, or was ended before it came to this.', signs: ['created'] };
}

/** What other observations say of the things that a start needs. */
function needs({ service, observed }: Look): readonly (Fact & { readonly isWrong: boolean })[] {
  const files = valueOf(observed.find(secretFiles))?.filter((file) => file.service === service);
  const bad = files?.filter(({ state }) => state === 'missing' || state === 'empty' || state === 'folder') ?? [];
  const stores = (['postgres', 'redis'] as const).flatMap((store) => {
    const [container] = kept(valueOf(observed.find(composeContainers.of(store))) ?? []);
    if (!container) return [];
    const { status, health } = container;
    return [{ name: store, value: health && status === 'running' ? `${status}, ${health.status}` : status, isWrong: status !== 'running' || (health !== null && health.status !== 'healthy') }];
  });
  return [
    ...(files ? [{ name: 'secret files', value: bad.length === 0 ? `${files.length}, none missing or empty` : bad.map((file) => `${fileName(file)} ${file.state}`).join(', '), isWrong: bad.length > 0 }] : []),
    ...stores,
  ];
}

function notStarted(container: ContainerFacts, head: string): Said {
  return { status: 'fail', summary: `${head}: ${startError(container)}`, reasoning: 'That is what the engine says of the start that failed.', facts: [{ name: 'error', value: container.error }], signs: ['not started'] };
}

/** A container whose process ended. `head` says how, without a reason. */
function ended(look: Look, head: string): Said {
  const { finishedAt } = look.container;
  return { ...endedSo(look, head), ...(finishedAt === null ? {} : { since: finishedAt }) };
}

function endedSo(look: Look, head: string): Said {
  const { service, container } = look;
  const { exitCode, oomKilled, error, restartPolicy, status, memoryLimitBytes, lastLines } = container;
  if (error !== '') return notStarted(container, `did not start, ${head}`);
  if (oomKilled) {
    const limit = memoryLimitBytes === null ? '' : ` at ${bytes(memoryLimitBytes)}`;
    return service === 'sts'
      ? {
          status: 'fail',
          summary: `out of memory${limit}, ${head}; Argon2id takes 64 MB for each secret that is verified`,
          reasoning: 'The kernel ended it. Each verification of a client secret takes 64 MB, and STS_SECRET_VERIFY_CONCURRENCY of them, 2 by default, run at once. Raise CARACAL_STS_MEM_LIMIT.',
          signs: ['OOMKilled'],
        }
      : { status: 'fail', summary: `out of memory${limit}, ${head}`, reasoning: 'The kernel ended it, because it or the machine had no memory left. Its limit is set in the Compose file.', signs: ['OOMKilled'] };
  }
  if (exitCode === 0 || exitCode === 143) {
    return { status: 'fail', summary: `${head}; stopped in order`, reasoning: 'It ended when it was told to, with docker stop or the like. Nothing is seen to be wrong but that it does not run.', signs: ['stopped'] };
  }
  const byHand = status === 'exited' && (restartPolicy === 'unless-stopped' || restartPolicy === 'always') ? ' Its restart policy would have started it again: likely somebody stopped it after that.' : '';
  const reason = reasonIn(lastLines);
  const last = lastIn(lastLines);
  if (lastLines !== null && reason === undefined && exitCode === 1 && silentAtEnd.includes(service)) return lineLost(look, `${head}, ${last === undefined ? 'no log line' : 'no log line that tells why'}`, byHand);
  const signs = ['exited'];
  const killed = exitCode === 137 ? ' 137 is SIGKILL: somebody killed it, or it did not end in time when it was told to.' : '';
  if (reason !== undefined) return { status: 'fail', summary: `${head}: ${reason}`, reasoning: `That is the line of its log that most likely tells why.${killed}${byHand}`, signs };
  if (killed !== '') return { status: 'fail', summary: `${head}; killed`, reasoning: `It did not end by itself.${killed}${byHand}`, signs: ['killed'] };
  if (last !== undefined) return { status: 'fail', summary: `${head}, last line: ${last}`, reasoning: `No line of the last ones names a reason.${byHand}`, signs };
  const panic = exitCode === 2 && silentAtEnd.includes(service) ? ' With 2 a service in Go ends in a panic, as over a setting or secret file that it refuses; the line that begins with panic: tells which.' : '';
  return lastLines !== null && lastLines.length === 0
    ? { status: 'fail', summary: `${head}, no log line`, reasoning: `It ended without a word.${byHand}`, signs }
    : { status: 'fail', summary: head, reasoning: `${lastLines === null ? 'Its log could not be read here.' : 'The last lines of its log are of a stack; what tells why stands above them.'}${panic}${byHand}`, signs };
}

function wrongOf(needed: ReturnType<typeof needs>): string {
  const wrong = needed.filter(({ isWrong }) => isWrong).map(({ name, value }) => `${name}: ${value}`);
  return wrong.length > 0 ? ` Of what it needs is seen to be wrong: ${wrong.join('; ')}.` : '';
}

/** One in Go that ended while it started: what is seen of the things that a start needs takes the place of the line. */
function lineLost(look: Look, head: string, byHand: string): Said {
  const { service } = look;
  const needed = needs(look);
  return {
    status: 'fail',
    summary: `${head}; likely its start failed and the line is lost`,
    reasoning:
      'Its log writer is not flushed when a start fails, so that the line with the reason is likely lost. What a start needs are its secret files, there and of the right length, ' +
      `Postgres${service === 'gateway' ? ' with the tables of revocations' : ''} and Redis.${wrongOf(needed)}${byHand}`,
    facts: needed.map(({ name, value }) => ({ name, value })),
    signs: ['exited', 'without a word'],
  };
}

function judgeUnhealthy({ service, container }: Look, up: string): Said {
  const last = container.health?.log.at(-1);
  const [words, means] = unhealthy[service];
  const times = container.health?.failingStreak ?? 0;
  const head = `, ${up}, ${count(times, 'health check')} failed in a row`;
  if (last && (/exec failed/.test(last.output) || last.exitCode === 126 || last.exitCode === 127)) {
    return { status: 'fail', summary: `unhealthy: the health check does not run${head}`, reasoning: 'The engine could not start it inside of the container, as when the image is another one. It says nothing of the service.', signs: ['health check does not run'] };
  }
  const line = service === 'redis' ? reasonIn(container.lastLines) : undefined;
  if (line !== undefined && /XGROUP|XADD|provision/i.test(line)) return { status: 'fail', summary: `unhealthy: streams not provisioned${head}`, reasoning: `${means} Its log says: ${line}`, signs: ['not provisioned'] };
  const late = last && /exceeded timeout/i.test(last.output) ? ', no answer in time' : '';
  return { status: 'fail', summary: `unhealthy: ${words}${late}${head}`, reasoning: means, signs: ['unhealthy'] };
}

function runs(look: Look): Said {
  const { service, container, nowMs } = look;
  const { health, restarts, startedAt, oomKilled } = container;
  const upMs = sinceMs(startedAt, nowMs) ?? 0;
  const up = `up ${seconds(upMs)}`;
  if (health?.status === 'unhealthy') return judgeUnhealthy(look, up);
  if (health?.status !== 'healthy' && restarts >= loop.restarts && upMs < loop.upMs) {
    const needed = needs(look);
    return {
      status: 'fail',
      summary: `restart loop, ${restarts} restarts, ${up}`,
      reasoning: `It runs at the moment, has ended and started again and again, and is not healthy.${wrongOf(needed)}`,
      facts: needed.map(({ name, value }) => ({ name, value })),
      signs: ['exited', 'loop'],
    };
  }
  const again = restarts > 0 ? `, ${count(restarts, 'restart')}` : '';
  if (health?.status === 'starting') {
    return { status: 'warn', summary: `starting, ${up}${again}`, reasoning: 'Its health check has not passed yet. The engine calls it unhealthy when it has not after about 2 min.', signs: ['starting'] };
  }
  const state = health ? 'healthy' : 'no health check';
  if (health && health.failingStreak >= streak) {
    return { status: 'warn', summary: `${health.failingStreak} health checks failed in a row, ${up}; called unhealthy after 20`, reasoning: unhealthy[service][1], signs: ['unhealthy'] };
  }
  if (oomKilled) return { status: 'warn', summary: `out of memory since its start, ${up}, ${state}`, reasoning: 'The kernel ended a process of it for lack of memory, and the service went on.', signs: ['OOMKilled'] };
  if (restarts > 0 && upMs < recentMs) {
    return { status: 'warn', summary: `restarted ${seconds(upMs)} ago, ${state}${again}`, reasoning: 'The engine started it again after it had ended by itself. What it held in memory is gone, and its log before that tells why.', signs: ['restarted'], ...(startedAt === null ? {} : { since: startedAt }) };
  }
  return { status: 'pass', summary: `${up}, ${state}`, reasoning: health ? healthy[service] : 'It runs, and the engine asks it for no health.' };
}

export function standing(look: Look): Said {
  const { container, nowMs } = look;
  switch (container.status) {
    case 'created':
      return container.error === '' ? created(look) : notStarted(container, 'did not start');
    case 'running':
      return runs(look);
    case 'restarting':
      return ended(look, `restarting, exit ${container.exitCode}, ${count(container.restarts, 'restart')}`);
    case 'exited':
      return ended(look, `exited ${container.exitCode}${ago(container.finishedAt, nowMs)}`);
    case 'dead':
      return ended(look, `dead, exit ${container.exitCode}`);
    case 'paused':
      return { status: 'fail', summary: 'paused', reasoning: 'Its processes are frozen, with docker pause or by what backs up: connections are taken and nothing answers.', signs: ['paused'] };
    case 'removing':
      return { status: 'fail', summary: 'being removed', reasoning: 'The engine removes it.', signs: ['stopped'] };
    case 'stopping':
      return { status: 'fail', summary: 'being stopped', reasoning: 'It was told to end and has time to do so.', signs: ['stopped'] };
  }
}

