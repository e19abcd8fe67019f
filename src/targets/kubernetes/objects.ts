/**
 * Objects of Kubernetes as the API server sends them, as far as they are read here. Names are its own
 * (https://kubernetes.io/docs/reference/kubernetes-api/). What is missing or null has the value of its kind that says nothing.
 */
import * as z from 'zod';

const text = z.string().nullish().transform((value) => value ?? null);
const words = z.string().nullish().transform((value) => value ?? '');
const number = z.number().nullish().transform((value) => value ?? 0);
const flag = z.boolean().nullish().transform((value) => value === true);
const labels = z.record(z.string(), z.string()).nullish().transform((value) => value ?? {});
const portName = z.union([z.string(), z.number()]);

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).nullish().transform((items) => items ?? []);

const metadata = z.object({
  name: z.string(),
  namespace: words,
  uid: words,
  labels,
  annotations: labels,
  creationTimestamp: words,
  deletionTimestamp: text,
  generation: number,
  resourceVersion: words,
  ownerReferences: listOf(z.object({ kind: z.string(), name: z.string(), uid: words, controller: flag })),
});

/** Metadata alone, of an object of any kind. */
export const metadataSchema = z.object({ metadata });

const condition = z.object({ type: z.string(), status: z.string(), reason: words, message: words, lastTransitionTime: text });

const terminated = z.object({ exitCode: number, reason: words, message: words, startedAt: text, finishedAt: text });

const state = z
  .object({
    waiting: z.object({ reason: words, message: words }).nullish(),
    running: z.object({ startedAt: text }).nullish(),
    terminated: terminated.nullish(),
  })
  .nullish();

const probe = z
  .object({
    httpGet: z.object({ path: words, port: portName, scheme: words }).nullish(),
    tcpSocket: z.object({ port: portName }).nullish(),
    exec: z.object({ command: listOf(z.string()) }).nullish(),
    grpc: z.object({ port: portName }).nullish(),
    initialDelaySeconds: number,
    periodSeconds: z.number().nullish().transform((value) => value ?? 10),
    timeoutSeconds: z.number().nullish().transform((value) => value ?? 1),
    failureThreshold: z.number().nullish().transform((value) => value ?? 3),
  })
  .nullish();

const keyReference = z.object({ name: words, key: z.string(), optional: flag });
const secretItems = { items: listOf(z.object({ key: z.string(), path: words })), optional: flag };

const container = z.object({
  name: z.string(),
  image: words,
  ports: listOf(z.object({ name: text, containerPort: z.number() })),
  env: listOf(z.object({ name: z.string(), value: text, valueFrom: z.object({ secretKeyRef: keyReference.nullish() }).nullish() })),
  envFrom: listOf(z.object({ secretRef: z.object({ name: words, optional: flag }).nullish() })),
  resources: z.object({ limits: z.record(z.string(), portName).nullish() }).nullish(),
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
});

const podSpec = z.object({
  nodeName: text,
  containers: listOf(container),
  initContainers: listOf(container),
  volumes: listOf(
    z.object({
      name: z.string(),
      secret: z.object({ secretName: words, ...secretItems }).nullish(),
      projected: z.object({ sources: listOf(z.object({ secret: z.object({ name: words, ...secretItems }).nullish() })) }).nullish(),
      persistentVolumeClaim: z.object({ claimName: z.string() }).nullish(),
    }),
  ),
});

export const podSchema = z.object({
  metadata,
  spec: podSpec,
  status: z.object({
    phase: words,
    reason: text,
    message: words,
    startTime: text,
    podIP: text,
    conditions: listOf(condition),
    containerStatuses: listOf(z.object({ name: z.string(), image: words, imageID: words, ready: flag, restartCount: number, state, lastState: state })),
  }),
});

const template = z.object({ metadata: z.object({ labels, annotations: labels }).nullish(), spec: podSpec });

const selector = z.object({
  matchLabels: labels,
  matchExpressions: listOf(z.object({ key: z.string(), operator: z.string(), values: listOf(z.string()) })),
});

/** A Deployment or a StatefulSet; each has fields that the other lacks. */
export const workloadSchema = z.object({
  metadata,
  spec: z.object({ replicas: z.number().nullish().transform((value) => value ?? 1), selector, template, podManagementPolicy: text, serviceName: text }),
  status: z.object({
    replicas: number,
    readyReplicas: number,
    availableReplicas: number,
    updatedReplicas: number,
    observedGeneration: number,
    currentRevision: text,
    updateRevision: text,
    conditions: listOf(condition),
  }),
});

export const replicaSetSchema = z.object({
  metadata,
  spec: z.object({ template }),
  status: z.object({ replicas: number, readyReplicas: number }),
});

export const controllerRevisionSchema = z.object({
  metadata,
  revision: number,
  data: z.object({ spec: z.object({ template: z.object({ spec: z.object({ containers: listOf(z.object({ image: words })) }).nullish() }).nullish() }).nullish() }).nullish(),
});

export const eventSchema = z.object({
  metadata,
  type: words,
  reason: words,
  message: words,
  count: z.number().nullish(),
  series: z.object({ count: number, lastObservedTime: text }).nullish(),
  firstTimestamp: text,
  lastTimestamp: text,
  eventTime: text,
  involvedObject: z.object({ kind: words, name: words }),
});

export const serviceSchema = z.object({
  metadata,
  spec: z.object({
    type: words,
    clusterIP: text,
    externalName: text,
    selector: labels,
    ports: listOf(z.object({ name: text, port: z.number(), targetPort: portName.nullish() })),
  }),
});

export const endpointSliceSchema = z.object({
  metadata,
  endpoints: listOf(
    z.object({
      addresses: listOf(z.string()),
      conditions: z.object({ ready: z.boolean().nullish() }).nullish(),
      targetRef: z.object({ kind: words, name: words, namespace: words }).nullish(),
    }),
  ),
  ports: listOf(z.object({ name: text, port: z.number().nullish() })),
});

export const jobSchema = z.object({
  metadata,
  spec: z.object({ backoffLimit: z.number().nullish().transform((value) => value ?? 6), selector: selector.nullish(), template }),
  status: z.object({ active: number, succeeded: number, failed: number, startTime: text, completionTime: text, conditions: listOf(condition) }),
});

export const claimSchema = z.object({
  metadata,
  spec: z.object({ storageClassName: text }),
  status: z.object({ phase: words, capacity: z.record(z.string(), portName).nullish() }),
});

/** Values are Base64 and leave the file that reads them only for the redactor. */
export const secretSchema = z.object({
  metadata: metadata.extend({
    managedFields: listOf(z.object({ manager: words, operation: words, time: text, fieldsV1: z.record(z.string(), z.unknown()).nullish() })),
  }),
  data: labels,
});

const peer = z.object({
  podSelector: selector.nullish(),
  namespaceSelector: selector.nullish(),
  ipBlock: z.object({ cidr: z.string(), except: listOf(z.string()) }).nullish(),
});
const policyPorts = listOf(z.object({ protocol: z.string().nullish().transform((value) => value ?? 'TCP'), port: portName.nullish(), endPort: z.number().nullish() }));

export const networkPolicySchema = z.object({
  metadata,
  spec: z.object({
    podSelector: selector.nullish(),
    policyTypes: listOf(z.string()),
    ingress: listOf(z.object({ from: listOf(peer), ports: policyPorts })),
    egress: listOf(z.object({ to: listOf(peer), ports: policyPorts })),
  }),
});

export const serviceMonitorSchema = z.object({
  metadata,
  spec: z.object({
    endpoints: listOf(
      z.object({
        path: text,
        authorization: z.unknown().optional(),
        basicAuth: z.unknown().optional(),
        oauth2: z.unknown().optional(),
        bearerTokenFile: z.unknown().optional(),
        bearerTokenSecret: z.object({ key: words }).nullish(),
      }),
    ),
  }),
});

export const autoscalerSchema = z.object({
  metadata,
  spec: z.object({ minReplicas: z.number().nullish().transform((value) => value ?? 1), maxReplicas: number, scaleTargetRef: z.object({ kind: words, name: words }) }),
  status: z.object({ currentReplicas: number, desiredReplicas: number, conditions: listOf(condition) }).nullish(),
});

/** One line of a watch. */
export const watchSchema = z.object({ type: z.string(), object: z.unknown().optional() });

export type Pod = z.output<typeof podSchema>;
export type Workload = z.output<typeof workloadSchema>;
export type ReplicaSet = z.output<typeof replicaSetSchema>;
export type ControllerRevision = z.output<typeof controllerRevisionSchema>;
export type Event = z.output<typeof eventSchema>;
export type Service = z.output<typeof serviceSchema>;
export type EndpointSlice = z.output<typeof endpointSliceSchema>;
export type Job = z.output<typeof jobSchema>;
export type Claim = z.output<typeof claimSchema>;
export type Secret = z.output<typeof secretSchema>;
export type NetworkPolicy = z.output<typeof networkPolicySchema>;
export type Selector = z.output<typeof selector>;
export type PodSpec = z.output<typeof podSpec>;
export type Condition = z.output<typeof condition>;
export type Probe = NonNullable<z.output<typeof probe>>;
export type Terminated = z.output<typeof terminated>;
export type Peer = z.output<typeof peer>;

/** The label that tells the component of an object: contract, deploy 2.3. */
export const componentLabel = 'app.kubernetes.io/component';

/** Whether labels fulfil a selector; one without requirements selects everything. */
export function selects({ matchLabels, matchExpressions }: Selector, of: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => of[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = of[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          return false;
      }
    })
  );
}
