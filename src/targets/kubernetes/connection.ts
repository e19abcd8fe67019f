import { readFile } from 'node:fs/promises';
import { Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Redactor } from '../../redaction/redactor.ts';
import { Refused, Unavailable } from '../failures.ts';
import { fileProblem } from '../smallFile.ts';
import { ExecAuthenticator, execProviderName } from './execPlugin.ts';
import type { ClusterEntry, Kubeconfig, UserEntry } from './kubeconfig.ts';

/** How long a way to sign in may take: an exec plug-in, an OpenID provider. */
const signInDeadlineMs = 8_000;

/** A sign-in serves all requests of this time. */
const signInServesMs = 30_000;

/** More at once would only wait: the API server has a queue for each user. */
const connections = 8;

/** Providers that kubectl dropped in 1.26; the client library would run their programs without a deadline. */
const droppedProviders: ReadonlySet<string> = new Set(['gcp', 'azure']);

/** The API server of one context, and how this user signs in to it. */
export interface Connection {
  readonly context: string;
  /** Address without credentials. */
  readonly server: string;
  /** What gave the kubeconfig. */
  readonly from: string;
  /** Namespace of the context. */
  readonly namespace: string;
  /** Connections that requests share; undefined behind a proxy, whose agent is among the options. */
  readonly pool: PlainAgent | undefined;
  /**
   * Options for `https.request`, and for a WebSocket, with the credential in them.
   *
   * @throws Unavailable when the user cannot sign in; the reason of `closed`.
   */
  options(): Promise<RequestOptions>;
  /** The API server refused the credential. */
  forget(): void;
  close(): void;
}

/**
 * Chooses a context. Connects nowhere yet.
 *
 * @param name The context; without it, the kubeconfig's current one.
 * @throws Unavailable when the kubeconfig has no such context, or the context no cluster.
 */
export function connectionOf(kubeconfig: Kubeconfig, name: string | undefined, redactor: Redactor, closed: AbortSignal): Connection {
  const { cluster, user, context, namespace } = entriesOf(kubeconfig, name);
  const { exec } = user;
  const authenticator = exec && new ExecAuthenticator({ plugin: exec, cluster, redactor, deadlineMs: signInDeadlineMs, closed });
  const config = configOf(cluster, user, authenticator);
  learnSecrets(user, redactor);
  const isProxied = cluster.proxyUrl !== undefined;
  const Agent = cluster.server.startsWith('http:') ? PlainAgent : TlsAgent;
  const pool = isProxied ? undefined : new Agent({ keepAlive: true, maxSockets: connections });
  const signIn = async (): Promise<RequestOptions> => {
    const options: RequestOptions = {};
    await within(applied(config, options, redactor), closed);
    const headers: Record<string, string | string[]> = { ...(options.headers as Readonly<Record<string, string>>), ...user.impersonate };
    const { tokenFile } = user;
    // Of both the file counts: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#AuthInfo
    const bearer = tokenFile === undefined ? undefined : await tokenOf(tokenFile);
    if (bearer !== undefined) headers['Authorization'] = `Bearer ${bearer}`;
    const { Authorization: header } = headers;
    if (typeof header === 'string') redactor.learn(header.replace(/^Bearer /, ''), 'kubeconfig token');
    const { agent, ...others } = options;
    return { ...others, headers, ...(isProxied && agent !== undefined ? { agent } : {}) };
  };
  let signedIn: { readonly options: Promise<RequestOptions>; readonly untilMs: number } | undefined;
  return {
    context,
    server: withoutUser(cluster.server),
    from: kubeconfig.from,
    namespace,
    pool,
    options() {
      if (signedIn === undefined || signedIn.untilMs < performance.now()) {
        signedIn = { options: signIn(), untilMs: performance.now() + signInServesMs };
      }
      return signedIn.options;
    },
    forget() {
      signedIn = undefined;
      authenticator?.forget();
    },
    close() {
      pool?.destroy();
      void signedIn?.options.then(({ agent: proxied }) => (typeof proxied === 'object' ? proxied.destroy() : undefined), () => undefined);
    },
  };
}

function entriesOf({ contexts, clusters, users, current, from }: Kubeconfig, name: string | undefined): { cluster: ClusterEntry; user: UserEntry; context: string; namespace: string } {
  const chosen = name ?? current;
  const known = [...contexts.keys()];
  const choices = known.length === 0 ? 'there is none' : `there are ${known.slice(0, 8).join(', ')}${known.length > 8 ? ' and more' : ''}`;
  if (chosen === null) throw new Unavailable(`the kubeconfig (${from}) has no current context`, `give context in the target: ${choices}`);
  const context = contexts.get(chosen);
  if (!context) throw new Unavailable(`the kubeconfig (${from}) has no context ${chosen}`, `give another context in the target: ${choices}`);
  const cluster = clusters.get(context.cluster);
  if (!cluster) throw new Unavailable(`context ${chosen} names cluster ${context.cluster}, which the kubeconfig (${from}) does not have`, 'correct the kubeconfig');
  if (!/^https?:\/\//.test(cluster.server) || !URL.canParse(cluster.server)) throw new Unavailable(`cluster ${context.cluster} of the kubeconfig (${from}) has no usable server`, 'correct the kubeconfig');
  const user = context.user === undefined ? undefined : users.get(context.user);
  if (context.user !== undefined && !user) throw new Unavailable(`context ${chosen} names user ${context.user}, which the kubeconfig (${from}) does not have`, 'correct the kubeconfig');
  if (user?.authProvider && droppedProviders.has(user.authProvider.name)) {
    throw new Unavailable(`user ${context.user} signs in by auth-provider ${user.authProvider.name}, which Kubernetes dropped in 1.26`, 'let the tool of the cluster write the kubeconfig again: it will name an exec plug-in');
  }
  return { cluster, user: user ?? { impersonate: {} }, context: chosen, namespace: context.namespace || 'default' };
}

/** The client library's configuration of this one cluster and user: it does TLS, proxies and OpenID. */
function configOf(cluster: ClusterEntry, user: UserEntry, authenticator: ExecAuthenticator | undefined): KubeConfig {
  const config = new KubeConfig();
  if (authenticator) config.addAuthenticator(authenticator);
  const { authProvider } = user;
  config.loadFromOptions({
    // The library refuses plain HTTP unless told that no certificate is wanted; kubectl proxy has none.
    clusters: [{ name: 'cluster', ...cluster, skipTLSVerify: cluster.skipTLSVerify || cluster.server.startsWith('http:') }],
    users: [{
      name: 'user',
      certFile: user.certFile,
      certData: user.certData,
      keyFile: user.keyFile,
      keyData: user.keyData,
      token: user.token,
      username: user.username,
      password: user.password,
      ...(authProvider ? { authProvider: { ...authProvider, config: { ...authProvider.config } } } : {}),
      ...(authenticator ? { authProvider: { name: execProviderName } } : {}),
    }],
    contexts: [{ name: 'context', cluster: 'cluster', user: 'user' }],
    currentContext: 'context',
  });
  return config;
}

async function applied(config: KubeConfig, options: RequestOptions, redactor: Redactor): Promise<void> {
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    if (error instanceof Unavailable || error instanceof Refused) throw error;
    const why = redactor.text(error instanceof Error ? error.message : String(error)).slice(0, 300);
    throw new Unavailable(`the user of the kubeconfig cannot sign in: ${why}`, 'sign in again in a terminal, for example by kubectl get pods, and look again');
  }
}

async function within(signingIn: Promise<void>, closed: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([closed, AbortSignal.timeout(signInDeadlineMs + 500)]);
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (): void =>
    reject(closed.aborted ? (closed.reason as Error) : new Unavailable('signing in to the cluster takes too long', 'sign in again in a terminal, for example by kubectl get pods, and look again'));
  if (limit.aborted) end();
  else limit.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([signingIn, ended]);
  } finally {
    limit.removeEventListener('abort', end);
  }
}

async function tokenOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new Unavailable(`cannot read the token file ${path} of the kubeconfig: ${fileProblem(error)}`, 'correct the kubeconfig');
  }
}

function learnSecrets({ token, password, keyData, authProvider }: UserEntry, redactor: Redactor): void {
  if (token !== undefined) redactor.learn(token, 'kubeconfig token');
  if (password !== undefined) redactor.learn(password, 'kubeconfig password');
  if (keyData !== undefined) redactor.learn(keyData, 'kubeconfig key');
  for (const [name, value] of Object.entries(authProvider?.config ?? {})) {
    if (/token|secret/.test(name)) redactor.learn(value, `kubeconfig ${name}`);
  }
}

function withoutUser(server: string): string {
  const url = new URL(server);
  if (url.username === '' && url.password === '') return server;
  url.username = '';
  url.password = '';
  return url.href.replace(/\/$/, '');
}
