import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';
import type { Authenticator } from '@kubernetes/client-node/dist/auth.js';
import type { User } from '@kubernetes/client-node/dist/config_types.js';
import * as z from 'zod';
import type { Redactor } from '../../redaction/redactor.ts';
import { Unavailable } from '../failures.ts';
import { errnoOf } from '../smallFile.ts';
import type { ClusterEntry, ExecPlugin } from './kubeconfig.ts';

/** A credential is small. */
const largestOutput = 256 * 1024;

/** Before it ends a credential is not used any more. */
const leewayMs = 10_000;

const credentialSchema = z.object({
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});

type Credential = z.infer<typeof credentialSchema>['status'];

export interface ExecAuthenticatorOptions {
  readonly plugin: ExecPlugin;
  readonly cluster: ClusterEntry;
  readonly redactor: Redactor;
  readonly deadlineMs: number;
  /** Ends a program that still runs. */
  readonly closed: AbortSignal;
}

/** The name under which the client library finds this authenticator. */
export const execProviderName = 'exec-plugin';

/**
 * Runs an exec plug-in. The client library's own one sets no KUBERNETES_EXEC_INFO, leaves the program
 * an input to wait for, and waits for it without end; this one has no terminal to give and a deadline.
 */
export class ExecAuthenticator implements Authenticator {
  readonly #options: ExecAuthenticatorOptions;
  #credential: Credential | undefined;

  constructor(options: ExecAuthenticatorOptions) {
    this.#options = options;
  }

  isAuthProvider(user: User): boolean {
    return (user.authProvider as { readonly name?: unknown } | undefined)?.name === execProviderName;
  }

  /** @throws Unavailable when the program is missing, fails, or does not end in time. */
  async applyAuthentication(_user: User, options: RequestOptions): Promise<void> {
    if (!this.#credential || hasEnded(this.#credential)) this.#credential = await run(this.#options);
    const { token, clientCertificateData, clientKeyData } = this.#credential;
    if (clientCertificateData !== undefined) options.cert = clientCertificateData;
    if (clientKeyData !== undefined) options.key = clientKeyData;
    if (token !== undefined) options.headers = { ...(options.headers as Readonly<Record<string, string>>), Authorization: `Bearer ${token}` };
  }

  /** The API server refused the credential: the next request gets another. */
  forget(): void {
    this.#credential = undefined;
  }
}

function hasEnded({ expirationTimestamp }: Credential): boolean {
  return expirationTimestamp !== undefined && Date.parse(expirationTimestamp) - leewayMs < Date.now();
}

async function run({ plugin, cluster, redactor, deadlineMs, closed }: ExecAuthenticatorOptions): Promise<Credential> {
  const failed = (why: string, wayOut = 'sign in again in a terminal, for example by kubectl get pods, and look again'): Unavailable =>
    new Unavailable(`the sign-in program ${plugin.command} of the kubeconfig ${why}`, wayOut);
  if (plugin.interactiveMode === 'Always') throw failed('wants a terminal', 'use a context whose user signs in without one');
  const limit = AbortSignal.any([closed, AbortSignal.timeout(deadlineMs)]);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(plugin.command, [...plugin.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...Object.fromEntries(plugin.env.map(({ name, value }) => [name, value])), KUBERNETES_EXEC_INFO: JSON.stringify(infoOf(plugin, cluster)) },
    // A group of its own, so that what a script started ends with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const end = (): void => {
    reject(closed.aborted ? (closed.reason as Error) : failed(`did not end within ${deadlineMs / 1_000} s; it may wait for a person`));
    kill(child);
  };
  if (limit.aborted) end();
  else limit.addEventListener('abort', end, { once: true });
  let output = '';
  let words = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (output.length > largestOutput) kill(child);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words = (words + chunk).slice(-4_096);
  });
  child.once('error', (error) => {
    if (errnoOf(error) === 'ENOENT') reject(failed('is not installed', plugin.installHint === undefined ? undefined : redactor.text(firstLines(plugin.installHint))));
    else reject(failed(`cannot be started: ${errnoOf(error) ?? 'unknown reason'}`));
  });
  child.once('close', (code) => {
    if (code === 0) resolve(output);
    else reject(failed(`ended with ${code ?? 'a signal'}${words.trim() === '' ? '' : `: ${redactor.text(lastLine(words))}`}`));
  });
  let printed: string;
  try {
    printed = await promise;
  } finally {
    limit.removeEventListener('abort', end);
  }
  let credential: Credential;
  try {
    credential = credentialSchema.parse(JSON.parse(printed)).status;
  } catch {
    throw failed('printed no ExecCredential');
  }
  if (credential.token !== undefined) redactor.learn(credential.token, 'kubeconfig token');
  if (credential.clientKeyData !== undefined) redactor.learn(credential.clientKeyData, 'kubeconfig key');
  return credential;
}

function kill(child: ChildProcessByStdio<null, Readable, Readable>): void {
  // Without a pid it was never started.
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill();
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
  child.stdout.destroy();
  child.stderr.destroy();
}

/** What client-go tells a plug-in: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats */
function infoOf({ apiVersion, provideClusterInfo }: ExecPlugin, cluster: ClusterEntry): object {
  const told = {
    server: cluster.server,
    ...(cluster.caData === undefined ? {} : { 'certificate-authority-data': cluster.caData }),
    ...(cluster.skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(cluster.tlsServerName === undefined ? {} : { 'tls-server-name': cluster.tlsServerName }),
    ...(cluster.proxyUrl === undefined ? {} : { 'proxy-url': cluster.proxyUrl }),
  };
  return { apiVersion, kind: 'ExecCredential', spec: { interactive: false, ...(provideClusterInfo ? { cluster: told } : {}) } };
}

function lastLine(words: string): string {
  return words.trimEnd().split('\n').at(-1)?.trim().slice(0, 300) ?? '';
}

function firstLines(words: string): string {
  return words.trim().replaceAll(/\s+/g, ' ').slice(0, 300);
}
