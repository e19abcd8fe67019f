import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { Unavailable } from '../failures.ts';
import { errnoOf, fileProblem, readSmallFile } from '../smallFile.ts';

/** Certificates of many clusters make a kubeconfig large; what is larger is another file. */
const largestFileBytes = 4 * 1024 * 1024;

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A program that gets a credential: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly interactiveMode: string | undefined;
  readonly provideClusterInfo: boolean;
  readonly installHint: string | undefined;
}

/** A cluster of a kubeconfig. Paths are absolute. */
export interface ClusterEntry {
  readonly server: string;
  readonly caFile?: string | undefined;
  readonly caData?: string | undefined;
  readonly skipTLSVerify: boolean;
  readonly tlsServerName?: string | undefined;
  readonly proxyUrl?: string | undefined;
}

/** A user of a kubeconfig. Paths are absolute. */
export interface UserEntry {
  readonly certFile?: string | undefined;
  readonly certData?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly keyData?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly impersonate: Readonly<Record<string, string | string[]>>;
  readonly authProvider?: { readonly name: string; readonly config: Readonly<Record<string, string>> } | undefined;
  readonly exec?: ExecPlugin | undefined;
}

/** What the files of a kubeconfig say, merged. */
export interface Kubeconfig {
  /** `target`, `KUBECONFIG`, `~/.kube/config` or `in-cluster`. */
  readonly from: string;
  readonly current: string | null;
  readonly contexts: ReadonlyMap<string, { readonly cluster: string; readonly user: string | undefined; readonly namespace: string | undefined }>;
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
}

const text = z.string().nullish().transform((value) => value ?? undefined);
const flag = z.boolean().nullish().transform((value) => value === true);
const texts = z.array(z.string()).nullish().transform((value) => value ?? []);

const execSchema = z.object({
  apiVersion: z.string(),
  command: z.string().min(1),
  args: texts,
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish().transform((value) => value ?? []),
  interactiveMode: text,
  provideClusterInfo: flag,
  installHint: text,
});

const userSchema = z.object({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  as: text,
  'as-uid': text,
  'as-groups': texts,
  'as-user-extra': z.record(z.string(), z.array(z.string())).nullish().transform((value) => value ?? {}),
  'auth-provider': z.object({ name: z.string(), config: z.record(z.string(), z.string()).nullish().transform((value) => value ?? {}) }).nullish(),
  exec: execSchema.nullish(),
});

const clusterSchema = z.object({
  server: z.string().min(1),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': flag,
  'tls-server-name': text,
  'proxy-url': text,
});

const list = <Entry extends z.ZodType>(entry: Entry) => z.array(entry).nullish().transform((entries) => entries ?? []);

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
const fileSchema = z.object({
  'current-context': text,
  clusters: list(z.object({ name: z.string(), cluster: clusterSchema })),
  contexts: list(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: text, namespace: text }) })),
  users: list(z.object({ name: z.string(), user: userSchema.nullish().transform((user) => user ?? userSchema.parse({})) })),
});

export interface KubeconfigPlace {
  /** Path that the target gives. */
  readonly path: string | undefined;
  /** Folder that a relative path starts at. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Reads the kubeconfig that kubectl would use: the target's file, else the files that KUBECONFIG
 * lists, else `~/.kube/config`, else the account of the pod that this runs in. Of several files the
 * first that says something counts, and files of the list that do not exist are passed over
 * (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
 *
 * @throws Unavailable when there is none, or none that can be read.
 */
export async function readKubeconfig({ path, folder, environment }: KubeconfigPlace): Promise<Kubeconfig> {
  if (path !== undefined) return merged('target', [await readOne(resolve(folder, path))]);
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) {
    const files = await Promise.all(listed.map((file) => readOne(resolve(file)).catch(unlessMissing)));
    const found = files.filter((file) => file !== undefined);
    if (found.length === 0) throw new Unavailable(`KUBECONFIG names no file that exists: ${listed.join(', ')}`, 'correct KUBECONFIG and start again from there');
    return merged('KUBECONFIG', found);
  }
  const usual = join(environment['HOME'] || environment['USERPROFILE'] || homedir(), '.kube', 'config');
  const file = await readOne(usual).catch(unlessMissing);
  if (file) return merged('~/.kube/config', [file]);
  const inside = await inCluster(environment);
  if (inside) return inside;
  throw new Unavailable('there is no kubeconfig: KUBECONFIG is not set and ~/.kube/config does not exist', 'give kubeconfig in the target, or set KUBECONFIG');
}

class MissingFile extends Unavailable {}

function unlessMissing(error: unknown): undefined {
  if (error instanceof MissingFile) return undefined;
  throw error;
}

interface KubeconfigFile {
  readonly path: string;
  readonly content: z.output<typeof fileSchema>;
}

async function readOne(path: string): Promise<KubeconfigFile> {
  let source: string;
  try {
    source = await readSmallFile(path, largestFileBytes);
  } catch (error) {
    const unread = new Unavailable(`cannot read the kubeconfig ${path}: ${fileProblem(error)}`, 'give the path of a kubeconfig that this account may read');
    throw errnoOf(error) === 'ENOENT' ? new MissingFile(unread.message, unread.wayOut) : unread;
  }
  const unusable = (why: string): Unavailable => new Unavailable(`the kubeconfig ${path} ${why}`, 'correct it; kubectl config view shows what kubectl makes of it');
  let content: unknown;
  try {
    content = parse(source, { logLevel: 'error' });
  } catch {
    throw unusable('is no YAML');
  }
  // An empty file is a kubeconfig that says nothing.
  const { data, error } = fileSchema.safeParse(content ?? {});
  if (error) throw unusable(`has no usable ${error.issues[0]?.path.join('.') || 'content'}`);
  return { path, content: data };
}

function merged(from: string, files: readonly KubeconfigFile[]): Kubeconfig {
  const contexts = new Map<string, { cluster: string; user: string | undefined; namespace: string | undefined }>();
  const clusters = new Map<string, ClusterEntry>();
  const users = new Map<string, UserEntry>();
  for (const { path, content } of files) {
    const folder = dirname(path);
    for (const { name, context } of content.contexts) if (!contexts.has(name)) contexts.set(name, context);
    for (const { name, cluster } of content.clusters) if (!clusters.has(name)) clusters.set(name, clusterOf(cluster, folder));
    for (const { name, user } of content.users) if (!users.has(name)) users.set(name, userOf(user, folder));
  }
  const current = files.map(({ content }) => content['current-context']).find((name) => name !== undefined && name !== '') ?? null;
  return { from, current, contexts, clusters, users };
}

function clusterOf(cluster: z.output<typeof clusterSchema>, folder: string): ClusterEntry {
  return {
    server: cluster.server.replace(/\/+$/, ''),
    caFile: below(folder, cluster['certificate-authority']),
    caData: cluster['certificate-authority-data'],
    skipTLSVerify: cluster['insecure-skip-tls-verify'],
    tlsServerName: cluster['tls-server-name'],
    proxyUrl: cluster['proxy-url'],
  };
}

function userOf(user: z.output<typeof userSchema>, folder: string): UserEntry {
  const { exec } = user;
  return {
    certFile: below(folder, user['client-certificate']),
    certData: user['client-certificate-data'],
    keyFile: below(folder, user['client-key']),
    keyData: user['client-key-data'],
    token: user.token,
    tokenFile: below(folder, user.tokenFile),
    username: user.username,
    password: user.password,
    impersonate: {
      ...(user.as === undefined ? {} : { 'Impersonate-User': user.as }),
      ...(user['as-uid'] === undefined ? {} : { 'Impersonate-Uid': user['as-uid'] }),
      ...(user['as-groups'].length === 0 ? {} : { 'Impersonate-Group': user['as-groups'] }),
      ...Object.fromEntries(Object.entries(user['as-user-extra']).map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values])),
    },
    authProvider: user['auth-provider'] ?? undefined,
    // A command with a separator starts at the file: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuration
    exec: exec ? { ...exec, command: exec.command === basename(exec.command) ? exec.command : resolve(folder, exec.command) } : undefined,
  };
}

function below(folder: string, path: string | undefined): string | undefined {
  return path === undefined || path === '' ? undefined : resolve(folder, path);
}

/** The service account of the pod that this process runs in: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
async function inCluster(environment: NodeJS.ProcessEnv): Promise<Kubeconfig | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) return undefined;
  let namespace: string;
  try {
    namespace = (await readFile(join(serviceAccount, 'namespace'), 'utf8')).trim();
  } catch {
    return undefined;
  }
  return {
    from: 'in-cluster',
    current: 'in-cluster',
    contexts: new Map([['in-cluster', { cluster: 'in-cluster', user: 'in-cluster', namespace }]]),
    clusters: new Map([['in-cluster', { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, caFile: join(serviceAccount, 'ca.crt'), skipTLSVerify: false }]]),
    users: new Map([['in-cluster', { tokenFile: join(serviceAccount, 'token'), impersonate: {} }]]),
  };
}
