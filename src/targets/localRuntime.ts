import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { services } from '../caracal/services.ts';
import type { ServiceName, Target } from '../model/target.ts';
import type { LocatedTarget } from './located.ts';
import { isLoopback, keysOf, secretsIn } from './secretsFolder.ts';
import type { FoundSecrets, SecretFile } from './secretsFolder.ts';

/** How long a port of this machine may take to accept a connection. */
const portDeadlineMs = 300;

/** Where Caracal's Compose files publish ports: on this address only, and `localhost` may mean another. */
const published = '127.0.0.1';

type Environment = NodeJS.ProcessEnv;

export interface LocalSearch {
  /** Absent when there is neither a secrets folder nor anything that answers. */
  readonly found?: LocatedTarget;
  /** Places in the order in which they were looked at, each with what was there. */
  readonly looked: string[];
}

/**
 * Looks for a Caracal that runs on this machine, with the places and the order of Caracal's own tools
 * (Caracal packages/engine/src/runtime.ts:23-42, packages/serverCore/ts/src/envfile.ts): home, mode,
 * secrets folders, URLs and tokens. Found is what has a secrets folder or answers on a port.
 *
 * The generated connection strings name the containers `postgres` and `redis`; their ports are
 * published on 127.0.0.1, so exactly these two names are reached there. Credentials that were made for
 * this machine are used with addresses of this machine only.
 */
export async function findLocalRuntime(environment: Environment, platform: NodeJS.Platform = process.platform): Promise<LocalSearch> {
  const looked: string[] = [];
  const home = runtimeHome(environment, platform);
  looked.push(`runtime home ${home} (${(await isFolder(home)) ? 'there' : 'absent'})`);
  const urls = serviceUrls(environment, looked);
  const isLocal = Object.values(urls).every((url) => isLoopback(new URL(url).hostname));
  const secrets = new Secrets(environment, home, looked);
  const references: FoundSecrets = isLocal ? await secrets.find() : new Map();
  const answering = isLocal ? await answeringPorts() : [];
  if (isLocal) looked.push(`ports on ${published} (${answering.length === 0 ? 'none answers' : `${answering.join(', ')} answer`})`);
  if (references.size === 0 && answering.length === 0 && Object.keys(urls).length === 0) return { looked };
  const tokens = await findTokens(environment, references, looked);
  const mode = modeOf(environment, secrets.developmentFirst);
  const zone = environment['CARACAL_ZONE_ID'];
  const target: Target = {
    kind: 'endpoints',
    name: isLocal ? 'local' : 'environment',
    ...(mode ? { mode } : {}),
    ...(zone ? { zone } : {}),
    services: isLocal ? { ...localServices(), ...urls } : urls,
    // Without a secret the address alone still shows whether a store listens.
    ...(isLocal
      ? {
          postgres: references.get('databaseUrl') ?? `postgresql://${published}:5432/caracal`,
          redis: references.get('redisUrl') ?? `redis://${published}:6379`,
        }
      : {}),
    tokens,
    keys: keysOf(references),
  };
  return {
    found: {
      id: 'local',
      target,
      folder: home,
      origin: isLocal ? 'local runtime' : 'environment variables',
      publishedHosts: { postgres: published, redis: published },
    },
    looked,
  };
}

function runtimeHome(environment: Environment, platform: NodeJS.Platform): string {
  const user = environment['HOME'] || environment['USERPROFILE'] || homedir();
  const usual = (): string => {
    switch (platform) {
      case 'darwin':
        return join(user, 'Library', 'Application Support', 'caracal');
      case 'win32':
        return join(environment['LOCALAPPDATA'] || join(user, 'AppData', 'Local'), 'caracal');
      default:
        return join(user, '.local', 'share', 'caracal');
    }
  };
  const { CARACAL_HOME, XDG_DATA_HOME } = environment;
  if (CARACAL_HOME) return resolve(CARACAL_HOME);
  return XDG_DATA_HOME ? join(XDG_DATA_HOME, 'caracal') : usual();
}

/** Variables of Caracal's clients that name a service, the first that is set counts: request-evidence 1.1. */
const urlVariables: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  api: ['CARACAL_API_URL'],
  sts: ['CARACAL_STS_URL', 'CARACAL_ZONE_URL'],
  gateway: ['CARACAL_GATEWAY_URL'],
  audit: ['CARACAL_AUDIT_URL'],
  coordinator: ['CARACAL_COORDINATOR_URL'],
};

function serviceUrls(environment: Environment, looked: string[]): Partial<Record<ServiceName, string>> {
  const urls: Partial<Record<ServiceName, string>> = {};
  for (const { name } of services) {
    const variable = urlVariables[name]?.find((candidate) => environment[candidate]);
    const value = variable === undefined ? undefined : environment[variable];
    if (variable === undefined || value === undefined) continue;
    const usable = /^https?:\/\//i.test(value) && URL.canParse(value);
    looked.push(`${variable} (${usable ? 'set' : 'set, but no http:// or https:// URL'})`);
    if (usable) urls[name] = value;
  }
  return urls;
}

function localServices(): Partial<Record<ServiceName, string>> {
  return Object.fromEntries(services.map(({ name, port }) => [name, `http://${published}:${port}`]));
}

/**
 * `CARACAL_MODE`, else `dev` for a source checkout. Which kind of release runs cannot be seen from
 * outside; secrets in the folder of installations mean one of them, and `stable` stands for both.
 */
function modeOf(environment: Environment, development: boolean | undefined): Target['mode'] {
  const { CARACAL_MODE, CARACAL_REPO_ROOT } = environment;
  if (CARACAL_MODE === 'dev' || CARACAL_MODE === 'rc' || CARACAL_MODE === 'stable') return CARACAL_MODE;
  if (CARACAL_REPO_ROOT || development === true) return 'dev';
  return development === false ? 'stable' : undefined;
}

/** The generated secret files, in the folders where Caracal's own tools look for them. */
class Secrets {
  readonly #environment: Environment;
  readonly #home: string;
  readonly #looked: string[];
  /** Whether the first secret that was found lies in the folder of development; undefined when none was found there or in the other. */
  developmentFirst: boolean | undefined;

  constructor(environment: Environment, home: string, looked: string[]) {
    this.#environment = environment;
    this.#home = home;
    this.#looked = looked;
  }

  async find(): Promise<FoundSecrets> {
    const all = new Map<SecretFile, { readonly file: string }>();
    for (const { folder, development } of this.#folders()) {
      const { found, problem } = await secretsIn(folder);
      for (const [name, reference] of found) {
        if (!all.has(name)) all.set(name, reference);
      }
      if (found.size > 0) this.developmentFirst ??= development;
      const state = problem === undefined ? 'absent or empty' : `not readable: ${problem}`;
      this.#looked.push(`secrets folder ${folder} (${found.size > 0 ? [...found.keys()].join(', ') : state})`);
    }
    return all;
  }

  /**
   * Development first when the mode says so, or when a checkout is used and no home is named. A
   * checkout's own folder counts only when the user allowed it, because a workspace can be anybody's.
   */
  #folders(): readonly { folder: string; development?: boolean }[] {
    const { CARACAL_SECRETS_DIR, CARACAL_DEV_SECRETS_DIR, CARACAL_MODE, CARACAL_HOME, CARACAL_REPO_ROOT, CARACAL_ALLOW_WORKSPACE_SECRETS } = this.#environment;
    const installed = { folder: join(this.#home, 'secrets'), development: false };
    const development = { folder: CARACAL_DEV_SECRETS_DIR || join(this.#home, 'dev-secrets'), development: true };
    const developmentFirst = CARACAL_MODE === 'dev' || (!CARACAL_HOME && Boolean(CARACAL_REPO_ROOT));
    return [
      ...(CARACAL_SECRETS_DIR ? [{ folder: CARACAL_SECRETS_DIR }] : []),
      ...(developmentFirst ? [development, installed] : [installed, development]),
      ...(CARACAL_REPO_ROOT && CARACAL_ALLOW_WORKSPACE_SECRETS === 'true'
        ? [{ folder: join(CARACAL_REPO_ROOT, 'infra', 'secrets', 'files'), development: true }]
        : []),
    ];
  }
}

const tokenSources = {
  admin: { file: 'caracalAdminToken', variable: 'CARACAL_ADMIN_TOKEN' },
  coordinator: { file: 'caracalCoordinatorToken', variable: 'CARACAL_COORDINATOR_TOKEN' },
  metrics: { file: 'metricsBearer', variable: 'METRICS_BEARER' },
} as const;

/**
 * The order of Caracal's own tools: the generated file, so that a stale exported token does not win
 * over it; then the variable, the file it names, and the dotenv file of the operator.
 */
async function findTokens(
  environment: Environment,
  references: FoundSecrets,
  looked: string[],
): Promise<NonNullable<Target['tokens']>> {
  const operator = await operatorFile(environment['CARACAL_ENV_FILE'], looked);
  const tokens: NonNullable<Target['tokens']> = {};
  for (const name of ['admin', 'coordinator', 'metrics'] as const) {
    const { file, variable } = tokenSources[name];
    const named = environment[`${variable}_FILE`];
    const value = operator[variable];
    const reference =
      references.get(file) ??
      (environment[variable] ? { env: variable } : undefined) ??
      (named ? { file: resolve(named) } : undefined) ??
      (value ? { value } : undefined);
    if (reference) tokens[name] = reference;
    else looked.push(`${variable} (not set)`);
  }
  // The Gateway takes the token of the Admin API as its own; a variable may be meant for another machine's API.
  const generated = references.get('caracalAdminToken');
  return generated ? { ...tokens, gateway: generated } : tokens;
}

async function operatorFile(path: string | undefined, looked: string[]): Promise<NodeJS.Dict<string>> {
  if (!path) return {};
  try {
    const values = parseEnv(await readFile(path, 'utf8'));
    looked.push(`CARACAL_ENV_FILE ${path} (read)`);
    return values;
  } catch {
    looked.push(`CARACAL_ENV_FILE ${path} (not readable)`);
    return {};
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function answeringPorts(): Promise<readonly number[]> {
  const ports = [...services.map(({ port }) => port), 5432, 6379];
  const answered = await Promise.all(ports.map(answers));
  return ports.filter((_, index) => answered[index]);
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve: settle } = Promise.withResolvers<boolean>();
  const socket = connect({ host: published, port });
  socket.setTimeout(portDeadlineMs, () => socket.destroy());
  socket.once('connect', () => {
    settle(true);
    socket.destroy();
  });
  socket.on('error', () => settle(false));
  socket.once('close', () => settle(false));
  return promise;
}
