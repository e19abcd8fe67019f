import type { ComposeTarget } from '../../model/target.ts';
import { Refused } from '../failures.ts';
import type { LocatedTarget } from '../located.ts';
import type { ContainerLogs, LoggingContainer, LogQuestion, StampedLine } from '../logs.ts';
import { framedLines, plainLines } from '../stampedLines.ts';
import { Engine } from './engine.ts';
import type { InspectedContainer, ListedContainer } from './engine.ts';
import { resolveEngine } from './engineEndpoint.ts';
import { labels } from './labels.ts';
import { readable } from './readable.ts';

/**
 * Opens the logs of the containers of a project.
 *
 * @throws Unavailable when there is no engine to ask
 */
export async function openComposeLogs({ target }: LocatedTarget<ComposeTarget>): Promise<ContainerLogs> {
  const closing = new AbortController();
  const engine = new Engine(await resolveEngine(target.engine, process.env, process.platform), closing.signal);
  return projectLogs(engine, target.project, () => closing.abort(new Error('the logs were closed')));
}

/** Logs of the containers of a project. The engine keeps one log for all runs of a container. */
export function projectLogs(engine: Engine, project: string, close: () => void): ContainerLogs {
  /** Ids of containers that have a terminal. */
  const terminals = new Set<string>();
  return {
    logPerRun: false,
    async containers(signal) {
      const own = (await engine.list(signal)).filter(({ Labels: label }) => label?.[labels.project] === project);
      const inspected = await Promise.all(own.map((one) => unlessGone(engine.inspect(one.Id, signal))));
      return own.flatMap((listed, index) => {
        const container = inspected[index];
        if (container === undefined) return [];
        if (container.Config?.Tty) terminals.add(container.Id);
        return [loggingContainer(listed, container)];
      });
    },
    async *lines({ id }: LoggingContainer, { since, tail, follow }: LogQuestion, signal): AsyncGenerator<readonly StampedLine[]> {
      const decode = terminals.has(id) ? plainLines() : framedLines();
      for await (const piece of engine.log(id, { since: since === undefined ? undefined : secondsOf(since), tail, follow }, signal)) yield decode(piece);
    },
    changes: (signal) => engine.events(project, signal),
    close,
  };
}

function loggingContainer({ Labels: label }: ListedContainer, { Id: id, Name: name, State: state }: InspectedContainer): LoggingContainer {
  const isRunning = state?.Status === 'running' || state?.Status === 'paused';
  return {
    id,
    component: readable(label?.[labels.service] ?? ''),
    name: readable((name ?? id).replace(/^\//, '')),
    run: state?.StartedAt ?? '',
    isRunning,
    endedAt: state?.FinishedAt ?? '',
    end: isRunning || state?.Status === 'created' ? undefined : `exit code ${state?.ExitCode ?? 'unknown'}`,
  };
}

async function unlessGone<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refused && error.code === '404') return undefined;
    throw error;
  }
}

/** A stamp as the engine takes it: seconds since 1970, a point, nine digits. */
function secondsOf(stamp: string): string {
  const [, fraction = ''] = /\.(\d+)/.exec(stamp) ?? [];
  return `${Math.floor(Date.parse(stamp) / 1_000)}.${fraction.padEnd(9, '0')}`;
}
