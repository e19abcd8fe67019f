/** What is observed of a project of Docker Compose, as plain JSON. Times are ISO 8601 by the clock of the machine that the engine runs on. */
import * as z from 'zod';

/** `com.docker.compose.service` of what a Caracal project is made of: Caracal infra/docker/runtime-compose.yml. */
export const composeServices = ['replayVolumeInit', 'postgres', 'redis', 'dbMigrate', 'sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const;

export type ComposeService = (typeof composeServices)[number];

/** Which engine is asked, and what made it the one. */
export const engineSchema = z.strictObject({
  /** Its address as in DOCKER_HOST: `unix:///var/run/docker.sock`. */
  host: z.string(),
  /** What won: `DOCKER_HOST`, `context colima`, `default`, `rootless`, `Docker Desktop`, `Podman`, `target`. */
  from: z.string(),
  /** Places that come before it in the order and gave none, each with why. */
  passedOver: z.array(z.string()),
  /** `Docker Engine 28.2.2`, `Podman Engine 4.3.1`. */
  version: z.string(),
  apiVersion: z.string(),
  os: z.string(),
  rootless: z.boolean(),
  /** The engine's clock. */
  at: z.string().nullable(),
});

const portSchema = z.strictObject({
  /** Port inside of the container. */
  container: z.number(),
  protocol: z.string(),
  hostIp: z.string(),
  host: z.number(),
});

export const imageSchema = z.strictObject({
  /** As the container was created with it: `ghcr.io/garudex-labs/caracal-go:v1.0.0`. */
  reference: z.string(),
  tag: z.string().nullable(),
  id: z.string(),
  /** `sha256:…` of the repository; null for an image that was never pulled or pushed. */
  digest: z.string().nullable(),
  /** Label `org.opencontainers.image.version`. */
  version: z.string().nullable(),
  /** Label `org.opencontainers.image.revision`. */
  revision: z.string().nullable(),
});

export const containerSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  project: z.string(),
  service: z.string(),
  number: z.number(),
  oneoff: z.boolean(),
  status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead', 'stopping']),
  exitCode: z.number(),
  oomKilled: z.boolean(),
  /** What the engine says of a start that failed, empty otherwise. */
  error: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  restarts: z.number(),
  restartPolicy: z.string(),
  health: z
    .strictObject({
      status: z.enum(['starting', 'healthy', 'unhealthy']),
      failingStreak: z.number(),
      /** Newest last, at most five. */
      log: z.array(z.strictObject({ at: z.string(), exitCode: z.number(), output: z.string() })),
    })
    .nullable(),
  image: imageSchema,
  /** What it asks for, bound or not. */
  wantedPorts: z.array(portSchema),
  /** What is bound now. */
  ports: z.array(portSchema),
  networks: z.array(z.strictObject({ name: z.string(), address: z.string() })),
  mounts: z.array(
    z.strictObject({ type: z.string(), name: z.string().nullable(), source: z.string(), destination: z.string(), writable: z.boolean() }),
  ),
  readOnlyRoot: z.boolean(),
  memoryLimitBytes: z.number().nullable(),
  /** `sts` waits for `redis` until it is `healthy`. */
  dependsOn: z.array(z.strictObject({ service: z.string(), condition: z.string() })),
  configHash: z.string().nullable(),
  /** CARACAL_MODE of its environment; no other variable is read. */
  mode: z.string().nullable(),
  /** The last lines that it logged, at most five; asked only of one that does not run as it should. Null when not asked or not readable. */
  lastLines: z.array(z.string()).nullable(),
});

/** A container of another project, or of none, that matters to this one. */
export const otherContainerSchema = z.strictObject({
  name: z.string(),
  project: z.string().nullable(),
  service: z.string().nullable(),
  status: z.string(),
  /** Host ports that it holds. */
  ports: z.array(z.number()),
  /** Whether it runs an image of Caracal. */
  caracal: z.boolean(),
});

export const projectSchema = z.strictObject({
  project: z.string(),
  /** Folder of the Compose file, of the label `com.docker.compose.project.working_dir`. */
  workingFolder: z.string().nullable(),
  configFiles: z.array(z.string()),
  composeVersion: z.string().nullable(),
  /** Names of services by how many containers each has, one-offs not counted. */
  services: z.record(z.string(), z.number()),
  others: z.array(otherContainerSchema),
  volumes: z.array(z.strictObject({ name: z.string(), createdAt: z.string().nullable() })),
});

/** One file that a container gets as `/run/secrets/<target>`. Never its content. */
export const secretFileSchema = z.strictObject({
  service: z.string(),
  /** Name inside of the container. */
  target: z.string(),
  /** Path on the machine of the engine. */
  source: z.string(),
  state: z.enum(['there', 'empty', 'missing', 'folder', 'not readable']),
  bytes: z.number().nullable(),
  changedAt: z.string().nullable(),
});

/** Files of the runtime home: Caracal packages/engine/src/runtime.ts:23. */
export const runtimeFilesSchema = z.strictObject({
  home: z.string(),
  /** `version` and `updatedAt` of runtime.json. */
  installed: z.strictObject({ version: z.string(), updatedAt: z.string().nullable() }).nullable(),
  /** Newest last, at most ten. */
  upgrades: z.array(z.strictObject({ at: z.string(), from: z.string().nullable(), to: z.string(), outcome: z.string() })),
  /** When each was last changed: `compose.yml`, `caracal.env`, `control/enabled`, `secrets/allowlist/operatorAllowlist.json`. */
  changed: z.array(z.strictObject({ file: z.string(), at: z.string() })),
  /** Process id in `.lock` of a running `caracal up`, `down` or `upgrade`, and whether that process lives. */
  lock: z.strictObject({ pid: z.number(), alive: z.boolean() }).nullable(),
});

export type EngineFacts = z.infer<typeof engineSchema>;
export type ContainerFacts = z.infer<typeof containerSchema>;
export type ProjectFacts = z.infer<typeof projectSchema>;
export type SecretFileFacts = z.infer<typeof secretFileSchema>;
export type RuntimeFilesFacts = z.infer<typeof runtimeFilesSchema>;
