import type { ComposeTarget } from '../../model/target.ts';
import type { LocatedTarget } from '../located.ts';
import { Engine } from './engine.ts';
import type { ListedContainer } from './engine.ts';
import { isDefaultHost, resolveEngine } from './engineEndpoint.ts';
import type { EngineEndpoint } from './engineEndpoint.ts';
import { isOneoff } from './containers.ts';
import { labels } from './labels.ts';
import { problemOf } from './problem.ts';
import type { EngineProblem } from './problem.ts';
import { isCaracal, serviceOf, standardProjects } from './project.ts';

export interface ComposeSearch {
  readonly engine: { readonly ok: true; readonly words: string } | ({ readonly ok: false } & EngineProblem);
  readonly found: readonly LocatedTarget<ComposeTarget>[];
}

/** Services by which a project of another name is known: contract, deploy 1.8. */
const telling: ReadonlySet<string> = new Set(['sts', 'api', 'gateway', 'audit', 'coordinator']);

/**
 * The projects of Caracal on the engine that the docker command would use, found by the labels and images
 * of their containers. One question is asked.
 *
 * A target that is found names its engine, so that it stays the same when another context becomes the
 * current one. Its id is `compose:<project>`, on another engine than Docker's default one `compose:<project>@<host>`.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function findComposeProjects(environment: NodeJS.ProcessEnv, signal: AbortSignal, platform: NodeJS.Platform = process.platform): Promise<ComposeSearch> {
  let host: string | undefined;
  try {
    const endpoint = await resolveEngine(undefined, environment, platform);
    host = endpoint.host;
    const listed = await new Engine(endpoint, signal).list(signal);
    const found = projectsIn(listed).map((project) => located(project, listed, endpoint));
    return { engine: { ok: true, words: `${endpoint.host} (${endpoint.from})` }, found };
  } catch (error) {
    signal.throwIfAborted();
    return { engine: { ok: false, ...problemOf(error, host) }, found: [] };
  }
}

/** The two standard names first. A name that Compose would not accept is no project of it. */
function projectsIn(listed: readonly ListedContainer[]): readonly string[] {
  const names = new Set<string>();
  for (const one of listed) {
    const name = one.Labels?.[labels.project] ?? '';
    if (/^[a-z0-9][a-z0-9_-]{0,79}$/.test(name) && (standardProjects.includes(name) || (isCaracal(one) && telling.has(serviceOf(one))))) names.add(name);
  }
  const rank = (name: string): number => (standardProjects.includes(name) ? standardProjects.indexOf(name) : standardProjects.length);
  return [...names].toSorted((one, other) => rank(one) - rank(other) || one.localeCompare(other));
}

function located(project: string, listed: readonly ListedContainer[], { host, from }: EngineEndpoint): LocatedTarget<ComposeTarget> {
  const count = listed.filter(({ Labels: label }) => label?.[labels.project] === project && !isOneoff(label)).length;
  const context = /^context (.+)$/.exec(from)?.[1];
  const engine = isDefaultHost(host) ? 'Docker Engine' : `Docker Engine at ${host}`;
  return {
    id: isDefaultHost(host) ? `compose:${project}` : `compose:${project}@${host}`,
    target: { kind: 'compose', name: project, project, engine: context === undefined ? { host } : { context } },
    folder: process.cwd(),
    origin: `${count} ${count === 1 ? 'container' : 'containers'}, ${engine}`,
  };
}
