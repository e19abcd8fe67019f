import type { LocatedTarget } from './located.ts';
import { findLocalRuntime } from './localRuntime.ts';

/** What looking at one place gave. */
export type Found =
  | { readonly kind: 'target'; readonly located: LocatedTarget }
  /** The place holds no target, and why: shown as an entry, never as an error box. */
  | { readonly kind: 'nothing'; readonly place: string; readonly why: string; readonly detail?: string };

/** A cluster far away may be slow; a list that goes on for longer than this tells nobody anything. */
const placeDeadlineMs = 6_000;

/** Projects of Caracal's own tools. What they publish on this machine is also found as its local runtime. */
const ownProjects: ReadonlySet<string> = new Set(['caracal', 'caracal-dev']);

/**
 * Looks at every place at once: the Docker Engine, the current context of Kubernetes, and this
 * machine's runtime home and ports. Nobody else is asked. One answer for each place; none rejects.
 */
export function lookEverywhere(environment: NodeJS.ProcessEnv, signal: AbortSignal): readonly Promise<readonly Found[]>[] {
  const compose = within('Docker Engine', signal, (limit) => composeProjects(environment, limit));
  return [
    compose,
    within('Kubernetes', signal, (limit) => helmReleases(environment, limit)),
    Promise.all([localRuntime(environment), compose]).then(([local, projects]) => apart(local, projects)),
  ];
}

/** Yields answers in the order in which they come, and nothing more once the signal is aborted. */
export async function* asTheyCome(answers: readonly Promise<readonly Found[]>[], signal: AbortSignal): AsyncGenerator<Found> {
  const open = new Map(answers.map((answer, index) => [index, answer]));
  while (open.size > 0) {
    const { index, found } = await Promise.race([...open].map(async ([index, answer]) => ({ index, found: await answer })));
    open.delete(index);
    for (const one of found) {
      if (signal.aborted) return;
      yield one;
    }
  }
}

async function within(place: string, signal: AbortSignal, look: (limit: AbortSignal) => Promise<readonly Found[]>): Promise<readonly Found[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(placeDeadlineMs)]);
  const { promise: silence, resolve } = Promise.withResolvers<readonly Found[]>();
  limit.addEventListener('abort', () => resolve([{ kind: 'nothing', place, why: `no answer in ${placeDeadlineMs / 1_000} s` }]));
  const answer = look(limit).catch((error: unknown): readonly Found[] => [
    { kind: 'nothing', place, why: 'cannot be asked', detail: error instanceof Error ? error.message : String(error) },
  ]);
  return Promise.race([silence, answer]);
}

async function composeProjects(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<readonly Found[]> {
  const { findComposeProjects } = await import('./compose/compose.ts');
  const { engine, found } = await findComposeProjects(environment, signal);
  if (!engine.ok) return [{ kind: 'nothing', place: 'Docker Engine', why: engine.why, detail: engine.wayOut }];
  if (found.length === 0) return [{ kind: 'nothing', place: 'Docker Engine', why: 'no project of Caracal', detail: engine.words }];
  return found.map((located) => ({ kind: 'target', located }));
}

async function helmReleases(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<readonly Found[]> {
  const { findReleases } = await import('./kubernetes/kubernetes.ts');
  const { cluster, found } = await findReleases(environment, signal);
  if (!cluster.ok) {
    const place = cluster.context === null ? 'Kubernetes' : `Kubernetes context ${cluster.context}`;
    return [{ kind: 'nothing', place, why: cluster.why, detail: cluster.wayOut }];
  }
  if (found.length === 0) return [{ kind: 'nothing', place: `Kubernetes context ${cluster.context}`, why: 'no release of Caracal', detail: cluster.words }];
  return found.map((located) => ({ kind: 'target', located }));
}

async function localRuntime(environment: NodeJS.ProcessEnv): Promise<Found> {
  const { found, looked } = await findLocalRuntime(environment);
  return found
    ? { kind: 'target', located: found }
    : { kind: 'nothing', place: 'Local runtime', why: 'not found', detail: looked.join(', ') };
}

/** The local runtime, unless it is a Compose project that is found as such and says more. */
function apart(local: Found, projects: readonly Found[]): readonly Found[] {
  const mayBeOne = local.kind === 'target' && local.located.origin === 'local runtime';
  const isOwn = (found: Found): boolean => found.kind === 'target' && found.located.target.kind === 'compose' && ownProjects.has(found.located.target.project);
  return mayBeOne && projects.some(isOwn) ? [] : [local];
}
