/**
 * What is observed of a Helm release of Caracal in a Kubernetes cluster, as plain JSON. Names are
 * Kubernetes' own; times are ISO 8601 by the clock of the API server. Of Secrets only names and keys.
 */
import * as z from 'zod';

/** Components of the chart that run all the time: Caracal infra/helm/caracal/templates/deployments.yaml. */
export const chartComponents = ['sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const;

/** Hook jobs of the chart. */
export const chartJobs = ['migrate', 'auth-migrate'] as const;

export const clusterSchema = z.strictObject({
  context: z.string(),
  /** Address of the API server, without credentials. */
  server: z.string(),
  /** What gave the kubeconfig: `KUBECONFIG`, `~/.kube/config`, `target`, `in-cluster`. */
  from: z.string(),
  namespace: z.string(),
  release: z.string(),
  version: z.string(),
  /** `Date` of the answer: the API server's clock. */
  at: z.string().nullable(),
});

/** One permission that this tool uses, and the answer of a SelfSubjectAccessReview. */
export const permissionsSchema = z.strictObject({
  permissions: z.array(
    z.strictObject({
      verb: z.string(),
      /** Plural, with group and subresource: `pods`, `pods/portforward`, `statefulsets.apps`. */
      resource: z.string(),
      allowed: z.boolean(),
      /** What cannot be told without it. */
      serves: z.string(),
    }),
  ),
});

const endSchema = z.strictObject({ exitCode: z.number(), reason: z.string(), startedAt: z.string().nullable(), finishedAt: z.string().nullable(), message: z.string() });

export const podSchema = z.strictObject({
  name: z.string(),
  uid: z.string(),
  node: z.string().nullable(),
  ip: z.string().nullable(),
  phase: z.string(),
  /** `status.reason`, such as Evicted, and `status.message`. */
  reason: z.string().nullable(),
  message: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  deletedAt: z.string().nullable(),
  owner: z.string().nullable(),
  /** Annotation `kubectl.kubernetes.io/restartedAt`. */
  restartedAt: z.string().nullable(),
  /** `controller-revision-hash` or `pod-template-hash`. */
  revision: z.string().nullable(),
  ready: z.boolean(),
  /** Conditions that are not True, with why: `PodScheduled: 0/3 nodes are available: 3 Insufficient cpu.` */
  conditions: z.array(z.strictObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string(), since: z.string().nullable() })),
  container: z
    .strictObject({
      name: z.string(),
      /** `spec.containers[].image`. */
      image: z.string(),
      tag: z.string().nullable(),
      digest: z.string().nullable(),
      state: z.enum(['waiting', 'running', 'terminated', 'none']),
      /** Of a waiting or terminated one: CrashLoopBackOff, ImagePullBackOff, CreateContainerConfigError, OOMKilled. */
      reason: z.string().nullable(),
      message: z.string(),
      startedAt: z.string().nullable(),
      ready: z.boolean(),
      restarts: z.number(),
      /** How it ended when it does not run. */
      end: endSchema.nullable(),
      /** How the one before it ended. */
      lastEnd: endSchema.nullable(),
      probes: z.strictObject({ startup: z.string().nullable(), liveness: z.string().nullable(), readiness: z.string().nullable() }),
      memoryLimit: z.string().nullable(),
    })
    .nullable(),
});

/** A Deployment or a StatefulSet. */
export const workloadSchema = z.strictObject({
  kind: z.enum(['Deployment', 'StatefulSet']),
  name: z.string(),
  /** `app.kubernetes.io/version`. */
  version: z.string().nullable(),
  image: z.string().nullable(),
  /** CARACAL_MODE of its pod template; no other variable is read. */
  mode: z.string().nullable(),
  createdAt: z.string(),
  wanted: z.number(),
  replicas: z.number(),
  ready: z.number(),
  available: z.number(),
  updated: z.number(),
  generation: z.number(),
  observedGeneration: z.number(),
  /** Of a Deployment: Progressing, Available, ReplicaFailure. */
  conditions: z.array(z.strictObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string(), since: z.string().nullable() })),
  /** ReplicaSets or ControllerRevisions, newest last, at most ten. */
  revisions: z.array(z.strictObject({ name: z.string(), revision: z.number(), at: z.string(), image: z.string().nullable(), replicas: z.number().nullable(), ready: z.number().nullable() })),
  currentRevision: z.string().nullable(),
  updateRevision: z.string().nullable(),
  podManagementPolicy: z.string().nullable(),
});

export const eventSchema = z.strictObject({
  type: z.string(),
  reason: z.string(),
  message: z.string(),
  /** Kind and name: `Pod/caracal-caracal-sts-0`. */
  object: z.string(),
  count: z.number(),
  firstAt: z.string().nullable(),
  lastAt: z.string().nullable(),
});

/** One component of the release: its workload, its pods and what was said of them. */
export const componentSchema = z.strictObject({
  component: z.string(),
  /** Null when the release has no such workload. */
  workload: workloadSchema.nullable(),
  pods: z.array(podSchema),
  /** Warnings about the workload, its ReplicaSets, claims and pods, newest last, at most twenty. Null when events may not be listed. */
  warnings: z.array(eventSchema).nullable(),
  /** The last lines of the container before this one, at most five, of the first pod that restarted or does not run. Null when not asked or forbidden. */
  previousLines: z.strictObject({ pod: z.string(), lines: z.array(z.string()) }).nullable(),
});

export const serviceObjectSchema = z.strictObject({
  name: z.string(),
  component: z.string().nullable(),
  /** ClusterIP, NodePort, LoadBalancer or ExternalName. */
  type: z.string(),
  clusterIP: z.string().nullable(),
  selector: z.record(z.string(), z.string()),
  ports: z.array(z.strictObject({ name: z.string().nullable(), port: z.number(), targetPort: z.string() })),
  ready: z.array(z.string()),
  notReady: z.array(z.string()),
  /** Ports of the EndpointSlices. */
  endpointPorts: z.array(z.number()),
});

export const jobSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  active: z.number(),
  succeeded: z.number(),
  failed: z.number(),
  backoffLimit: z.number(),
  conditions: z.array(z.strictObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string(), since: z.string().nullable() })),
  lastLines: z.array(z.string()).nullable(),
});

export const claimSchema = z.strictObject({
  name: z.string(),
  component: z.string().nullable(),
  phase: z.string(),
  storageClass: z.string().nullable(),
  capacity: z.string().nullable(),
  /** Newest warning about it. */
  warning: z.string().nullable(),
});

/** Names of keys and who changed them; never a value. */
export const secretSchema = z.strictObject({
  name: z.string(),
  keys: z.array(z.string()),
  createdAt: z.string(),
  /** `metadata.managedFields`, newest last: who changed which keys when. */
  changes: z.array(z.strictObject({ manager: z.string(), operation: z.string(), at: z.string().nullable(), keys: z.array(z.string()) })),
});

export const secretsSchema = z.strictObject({
  /** The runtime Secret and other Secrets that pods of the release name; null where it does not exist. */
  secrets: z.array(z.strictObject({ name: z.string(), secret: secretSchema.nullable() })),
  /** What each component takes out of which Secret; a field called `secret` would be masked in a report. */
  uses: z.array(z.strictObject({ component: z.string(), secretName: z.string(), key: z.string(), optional: z.boolean(), how: z.enum(['volume', 'env']) })),
  /** Where the connection strings of the runtime Secret lead, by key; empty where their values may not be read. */
  addresses: z.array(z.strictObject({ key: z.string(), host: z.string(), port: z.string() })),
});

const ruleSchema = z.strictObject({
  /** Empty: every peer. */
  peers: z.array(z.string()),
  /** Whether pods of the release are among the peers, as they are where there is no peer. */
  release: z.boolean(),
  /** Empty: every port. */
  ports: z.array(z.strictObject({ protocol: z.string(), port: z.string().nullable(), endPort: z.number().nullable() })),
});

export const networkPolicySchema = z.strictObject({
  name: z.string(),
  /** Whether it is the release's own. */
  own: z.boolean(),
  podSelector: z.record(z.string(), z.string()),
  /** Components of the release whose pods it selects, hook jobs among them. */
  selects: z.array(z.string()),
  types: z.array(z.string()),
  ingress: z.array(ruleSchema),
  egress: z.array(ruleSchema),
});

export const monitorsSchema = z.strictObject({
  /** Null when the cluster has no ServiceMonitor kind. */
  monitors: z.array(z.strictObject({ name: z.string(), endpoints: z.array(z.strictObject({ path: z.string(), authorization: z.boolean() })) })).nullable(),
});

export const autoscalerSchema = z.strictObject({
  name: z.string(),
  target: z.string(),
  min: z.number(),
  max: z.number(),
  current: z.number(),
  desired: z.number(),
  conditions: z.array(z.strictObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string(), since: z.string().nullable() })),
});

/** A revision of the release as Helm stored it, masked. */
export const helmRevisionSchema = z.strictObject({
  revision: z.number(),
  status: z.string(),
  chart: z.string(),
  chartVersion: z.string(),
  appVersion: z.string().nullable(),
  firstDeployed: z.string().nullable(),
  lastDeployed: z.string().nullable(),
  description: z.string(),
  hooks: z.array(z.strictObject({ name: z.string(), phase: z.string().nullable(), startedAt: z.string().nullable(), completedAt: z.string().nullable() })),
  /** Values of the chart with those of the user merged into them, only what the checks need. */
  settings: z.strictObject({
    mode: z.string().nullable(),
    /** Components whose `services.<name>.enabled` is false. */
    disabled: z.array(z.string()),
    databasePort: z.string().nullable(),
    redisPort: z.string().nullable(),
    runtimeSecretName: z.string().nullable(),
    networkPolicy: z.boolean().nullable(),
    serviceMonitor: z.boolean().nullable(),
  }),
});

export const helmSchema = z.strictObject({
  /** Oldest first. */
  revisions: z.array(helmRevisionSchema),
  /** What could not be decoded, by the name of its Secret. */
  unreadable: z.array(z.strictObject({ name: z.string(), why: z.string() })),
});

export type ClusterFacts = z.infer<typeof clusterSchema>;
export type PermissionsFacts = z.infer<typeof permissionsSchema>;
export type PodFacts = z.infer<typeof podSchema>;
export type WorkloadFacts = z.infer<typeof workloadSchema>;
export type EventFacts = z.infer<typeof eventSchema>;
export type ComponentFacts = z.infer<typeof componentSchema>;
export type ServiceObjectFacts = z.infer<typeof serviceObjectSchema>;
export type JobFacts = z.infer<typeof jobSchema>;
export type ClaimFacts = z.infer<typeof claimSchema>;
export type SecretsFacts = z.infer<typeof secretsSchema>;
export type NetworkPolicyFacts = z.infer<typeof networkPolicySchema>;
export type MonitorsFacts = z.infer<typeof monitorsSchema>;
export type AutoscalerFacts = z.infer<typeof autoscalerSchema>;
export type HelmFacts = z.infer<typeof helmSchema>;
