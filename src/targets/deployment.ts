import type { ContainerFacts, EngineFacts, ProjectFacts, RuntimeFilesFacts, SecretFileFacts } from '../model/compose.ts';
import type {
  AutoscalerFacts,
  ClaimFacts,
  ClusterFacts,
  ComponentFacts,
  HelmFacts,
  JobFacts,
  MonitorsFacts,
  NetworkPolicyFacts,
  PermissionsFacts,
  SecretsFacts,
  ServiceObjectFacts,
} from '../model/kubernetes.ts';
import type { LogSource } from '../caracal/logSources.ts';
import type { ServiceName, Target, TokenName } from '../model/target.ts';

/** Options of one HTTP GET: what reads a deployment must not change it. */
export interface HttpQuestion {
  readonly path: string;
  /** The token to present. It is sent to the service's own address only; redirects are not followed. */
  readonly token?: TokenName;
  readonly signal: AbortSignal;
}

/** Header names are lower-case. `body` is text, cut at 1 MiB; `truncated` says so. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly truncated: boolean;
  /** How long the certificate that the service showed is valid, milliseconds since 1970; null over plain HTTP. */
  readonly certificate: { readonly startsMs: number; readonly endsMs: number } | null;
  readonly tookMs: number;
}

/** A simulation of the policy, `POST /v1/zones/<id>/policy-sets/<id>/simulate`. */
export interface SimulationQuestion {
  readonly path: string;
  /** Sent as JSON. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/** One service of the deployment, over HTTP. */
export interface HttpService {
  /** The full address of a path of this service, whose own address may have a path in front. */
  at(path: string): URL;
  /**
   * @throws Refused with the errno or TLS code when no HTTP answer came.
   * @throws Unavailable when the token that is asked for was not given.
   */
  get(question: HttpQuestion): Promise<HttpAnswer>;
  /**
   * Asks the API what the policy would decide, with the admin token. It is the one POST that there is: it changes no
   * configuration, but the API writes a row to its admin audit, so it is sent only when the user has agreed to this very call.
   *
   * @throws as `get`; Error for any other path, which is our own mistake
   */
  simulate(question: SimulationQuestion): Promise<HttpAnswer>;
}

/**
 * A row of a query; column names as in the statement. Values are plain JSON: integers and floats as
 * numbers where a number can hold them, else as text; `timestamptz` as ISO 8601 in UTC; `json` parsed;
 * arrays of the usual types; all else, `numeric` among it, as Postgres writes it.
 */
export type Row = Readonly<Record<string, unknown>>;

/** A Postgres of the deployment. Every statement runs in a read-only transaction with a statement timeout. */
export interface PostgresStore {
  readonly host: string;
  readonly port: number;
  /** Whether connections go through a tunnel: their times are those of the tunnel as well. */
  readonly forwarded: boolean;
  readonly user: string;
  /**
   * Asks the server for its TLS answer, which needs no credential.
   *
   * @throws Refused with the errno, or NOT_POSTGRES when something else answers.
   */
  hello(signal: AbortSignal): Promise<{ readonly tls: boolean }>;
  /**
   * Runs one statement. Row-level security is told to show all zones, as Caracal's own services do;
   * without that setting it silently gives zero rows (Caracal infra/postgres/migrations/0001_baseline.up.sql:2764).
   *
   * Statements wait for those before them and share a transaction with them for a moment: `now()` is the
   * time when that began, `statement_timestamp()` that of the statement. An abort ends the connection; the next statement opens another.
   *
   * @throws Refused with the SQLSTATE, an errno, NOT_POSTGRES, NO_TLS or a TLS code; Unavailable without a password.
   */
  query(statement: string, parameters: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]>;
}

/** A Redis of the deployment. Only commands that read are let through. */
export interface RedisStore {
  readonly host: string;
  readonly port: number;
  /** Whether connections go through a tunnel: their times are those of the tunnel as well. */
  readonly forwarded: boolean;
  /**
   * Sends PING without a credential: any answer, a refusal too, proves that a Redis listens. The answer
   * is its first line as it came, such as `-NOAUTH Authentication required.`
   *
   * @throws Refused with the errno or TLS code, or NOT_REDIS when something else answers.
   */
  hello(signal: AbortSignal): Promise<{ readonly answer: string }>;
  /**
   * Sends one command. Replies of CONFIG GET and XINFO are objects by name, all others as RESP2 has them.
   *
   * @throws Refused with the first word of the Redis error and the rest of it, an errno, a TLS code or NOT_REDIS;
   *   Unavailable when Redis wants a password and none is given.
   */
  call(command: readonly string[], signal: AbortSignal): Promise<unknown>;
}

/** Something that happened to a container or a pod. */
export interface WorkloadEvent {
  /** As the view calls it: `sts`, `Redis`. */
  readonly component: string;
  /** In the words of Docker or Kubernetes: `container die, exit code 137`, `pod caracal-sts-0 Killing`. */
  readonly what: string;
}

/**
 * A project of Docker Compose. Everything is asked by GET, and what several questions of a run share is
 * asked once.
 *
 * All methods throw Refused with an errno, the HTTP status of the engine or a TLS code; Unavailable where
 * the engine cannot be asked at all; the signal's reason when it is aborted.
 */
export interface ComposeProject {
  /** Where it is asked, for a person: `project caracal at unix:///var/run/docker.sock`. */
  readonly place: string;
  engine(signal: AbortSignal): Promise<EngineFacts>;
  project(signal: AbortSignal): Promise<ProjectFacts>;
  /** Containers of one service, one-offs among them, by number. */
  containers(service: string, signal: AbortSignal): Promise<readonly ContainerFacts[]>;
  /** @throws Unavailable as well when the engine is on another machine, whose files cannot be seen. */
  secretFiles(signal: AbortSignal): Promise<readonly SecretFileFacts[]>;
  /** @throws Unavailable as well when the project does not name a folder of this machine. */
  runtimeFiles(signal: AbortSignal): Promise<RuntimeFilesFacts>;
  /** What happens to the containers of the project from now on. Ends when the engine ends the stream. */
  events(signal: AbortSignal): AsyncIterable<WorkloadEvent>;
}

/**
 * A Helm release in a Kubernetes cluster. Everything is asked by get, list and access reviews, and what
 * several questions of a run share is asked once.
 *
 * All methods throw Refused with an errno, a TLS code, or the `reason` of the API server's Status;
 * Unavailable with `no permission: list pods` where the API server forbids it, or where the cluster
 * cannot be asked at all; the signal's reason when it is aborted.
 */
export interface KubernetesRelease {
  /** Where it is asked, for a person: `release caracal in namespace caracal, context prod`. */
  readonly place: string;
  cluster(signal: AbortSignal): Promise<ClusterFacts>;
  permissions(signal: AbortSignal): Promise<PermissionsFacts>;
  component(component: string, signal: AbortSignal): Promise<ComponentFacts>;
  services(signal: AbortSignal): Promise<readonly ServiceObjectFacts[]>;
  jobs(signal: AbortSignal): Promise<readonly JobFacts[]>;
  claims(signal: AbortSignal): Promise<readonly ClaimFacts[]>;
  secrets(signal: AbortSignal): Promise<SecretsFacts>;
  networkPolicies(signal: AbortSignal): Promise<readonly NetworkPolicyFacts[]>;
  monitors(signal: AbortSignal): Promise<MonitorsFacts>;
  autoscalers(signal: AbortSignal): Promise<readonly AutoscalerFacts[]>;
  helm(signal: AbortSignal): Promise<HelmFacts>;
  /** What happens to the pods of the release from now on. Ends when the API server ends the watch. */
  events(signal: AbortSignal): AsyncIterable<WorkloadEvent>;
}

/** The end of what one container, or one file, has logged. */
export interface LogTail {
  /** Of the container, or the path of the file. */
  readonly name: string;
  /** Whole lines of stdout and of stderr, each on its own, because they come in between each other. */
  readonly streams: readonly Buffer[];
}

/**
 * The live clients of an open target. Each may answer that it is not available, and why. Clients
 * connect when first used and belong to one run: `close` ends them at once, answers pending or not.
 */
export interface Deployment {
  readonly target: Target;
  /** Where it is, for a person: `127.0.0.1:3000`, `project caracal at unix:///var/run/docker.sock`. */
  readonly place: string;
  /** @throws Unavailable when the target gives no address for it. */
  http(service: ServiceName): HttpService;
  /** @throws Unavailable when the target gives no connection string. */
  postgres(): PostgresStore;
  /** @throws Unavailable when the target gives no connection string. */
  redis(): RedisStore;
  /** True when the target gives this token. Says nothing about whether it is live. */
  hasToken(token: TokenName): boolean;
  /**
   * Hex SHA-256 of a token, which is what Caracal stores of an admin token (Caracal apps/api/src/auth.ts:170).
   *
   * @throws Unavailable when the target does not give the token.
   */
  tokenSha256(token: TokenName): Promise<string>;
  /** True when the target gives this key. */
  hasKey(key: 'audit' | 'streams'): boolean;
  /**
   * Hex HMAC-SHA256 of UTF-8 text under a key of the target, for comparing with what Caracal stored.
   *
   * @throws Unavailable when the target does not give the key, or gives one that is not hex of at least 32 bytes.
   */
  hmacSha256(key: 'audit' | 'streams', text: string): string;
  /** @throws Unavailable when the target is of another kind. */
  compose(): ComposeProject;
  /** @throws Unavailable when the target is of another kind. */
  kubernetes(): KubernetesRelease;
  /**
   * The last 1,000 lines of each container of a source, or the last 256 KiB of its file.
   *
   * @throws Refused with an errno, the HTTP status of the engine or the `reason` of the API server; Unavailable
   *   where there is no such log or it may not be read; the signal's reason when it is aborted.
   */
  logTails(source: LogSource, signal: AbortSignal): Promise<readonly LogTail[]>;
  /** Ends what is open, port-forwards among it. */
  close(): void;
}
