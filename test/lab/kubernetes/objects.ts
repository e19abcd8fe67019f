// The objects of the Kubernetes API that the lab keeps, as JSON; fields that nothing here changes or renders are `unknown`.

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ManagedFields {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Record<string, unknown>;
}

export type Labels = Record<string, string>;

export interface Metadata {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  /** RFC 3339, whole seconds. */
  creationTimestamp: string;
  generateName?: string;
  generation?: number;
  labels?: Labels;
  annotations?: Labels;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  managedFields?: ManagedFields[];
}

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  lastTransitionTime: string;
  lastUpdateTime?: string;
  lastProbeTime?: string | null;
  reason?: string;
  message?: string;
}

export interface ContainerState {
  running?: { startedAt: string };
  waiting?: { reason: string; message?: string };
  terminated?: { exitCode: number; reason: string; message?: string; startedAt: string; finishedAt: string; containerID?: string };
}

export interface ContainerStatus {
  name: string;
  state: ContainerState;
  lastState: ContainerState;
  ready: boolean;
  started: boolean;
  restartCount: number;
  image: string;
  imageID: string;
  containerID?: string;
}

export interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  ports?: { name?: string; containerPort: number; protocol?: string }[];
  env?: { name: string; value?: string; valueFrom?: unknown }[];
  resources?: unknown;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  [field: string]: unknown;
}

export interface Probe {
  httpGet: { path: string; port: string | number; scheme?: string };
  initialDelaySeconds?: number;
  periodSeconds?: number;
  timeoutSeconds?: number;
  successThreshold?: number;
  failureThreshold?: number;
}

export interface Volume {
  name: string;
  secret?: { secretName: string; optional?: boolean; defaultMode?: number; items?: { key: string; path: string }[] };
  persistentVolumeClaim?: { claimName: string };
  [source: string]: unknown;
}

export interface PodSpec {
  containers: Container[];
  volumes?: Volume[];
  nodeName?: string;
  hostname?: string;
  subdomain?: string;
  restartPolicy?: string;
  serviceAccountName?: string;
  [field: string]: unknown;
}

export interface PodTemplate {
  metadata: { labels: Labels; annotations?: Labels };
  spec: PodSpec;
}

export interface Pod extends KubernetesObject {
  spec: PodSpec;
  status: {
    phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
    reason?: string;
    message?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    hostIP?: string;
    hostIPs?: { ip: string }[];
    podIP?: string;
    podIPs?: { ip: string }[];
    startTime?: string;
    qosClass?: string;
  };
}

export interface Selector {
  matchLabels?: Labels;
}

interface WorkloadStatus {
  observedGeneration?: number;
  replicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  updatedReplicas?: number;
  conditions?: Condition[];
}

export interface Deployment extends KubernetesObject {
  spec: { replicas: number; selector: Selector; template: PodTemplate; [field: string]: unknown };
  status: WorkloadStatus & { unavailableReplicas?: number };
}

export interface ReplicaSet extends KubernetesObject {
  spec: { replicas: number; selector: Selector; template: PodTemplate };
  status: WorkloadStatus & { replicas: number; fullyLabeledReplicas?: number };
}

export interface StatefulSet extends KubernetesObject {
  spec: {
    replicas: number;
    serviceName: string;
    selector: Selector;
    template: PodTemplate;
    volumeClaimTemplates?: { metadata: { name: string; labels?: Labels }; spec: VolumeClaimSpec; [field: string]: unknown }[];
    [field: string]: unknown;
  };
  status: WorkloadStatus & { replicas: number; currentReplicas?: number; currentRevision?: string; updateRevision?: string; collisionCount?: number };
}

export interface ControllerRevision extends KubernetesObject {
  revision: number;
  data: unknown;
}

export interface Job extends KubernetesObject {
  spec: { backoffLimit?: number; completions?: number; parallelism?: number; selector?: Selector; template: PodTemplate; [field: string]: unknown };
  status: {
    active?: number;
    ready?: number;
    succeeded?: number;
    failed?: number;
    startTime?: string;
    completionTime?: string;
    conditions?: Condition[];
    [field: string]: unknown;
  };
}

export interface Service extends KubernetesObject {
  spec: {
    type?: string;
    clusterIP?: string;
    clusterIPs?: string[];
    externalName?: string;
    ports: { name?: string; port: number; targetPort: string | number; protocol?: string }[];
    selector?: Labels;
    [field: string]: unknown;
  };
  status?: unknown;
}

interface TargetReference {
  kind: string;
  name: string;
  namespace: string;
  uid: string;
}

interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: TargetReference;
}

export interface Endpoints extends KubernetesObject {
  subsets?: { addresses?: EndpointAddress[]; notReadyAddresses?: EndpointAddress[]; ports: { name?: string; port: number; protocol: string }[] }[];
}

export interface EndpointSlice extends KubernetesObject {
  addressType: string;
  endpoints: {
    addresses: string[];
    conditions: { ready: boolean; serving: boolean; terminating: boolean };
    hostname?: string;
    nodeName?: string;
    zone?: string;
    targetRef?: TargetReference;
  }[];
  ports: { name?: string; port: number; protocol: string }[];
}

export interface Secret extends KubernetesObject {
  type: string;
  /** Values in base64. */
  data?: Record<string, string>;
}

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

export interface Event extends KubernetesObject {
  involvedObject: { kind: string; namespace?: string; name: string; uid?: string; apiVersion?: string; resourceVersion?: string; fieldPath?: string };
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  /** Absent, as the two times are null, in events of the scheduler: they have `eventTime`. */
  count?: number;
  firstTimestamp: string | null;
  lastTimestamp: string | null;
  eventTime: string | null;
  action?: string;
  source: { component?: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
}

export interface VolumeClaimSpec {
  accessModes: string[];
  resources: { requests: { storage: string } };
  storageClassName?: string;
  volumeMode?: string;
  volumeName?: string;
}

export interface PersistentVolumeClaim extends KubernetesObject {
  spec: VolumeClaimSpec;
  status: { phase: 'Pending' | 'Bound' | 'Lost'; accessModes?: string[]; capacity?: { storage: string } };
}

export interface Namespace extends KubernetesObject {
  spec?: unknown;
  status: { phase: 'Active' | 'Terminating' };
}

export interface ServiceAccount extends KubernetesObject {
  automountServiceAccountToken?: boolean;
}

export interface Node extends KubernetesObject {
  spec: { unschedulable?: boolean; taints?: { key: string; effect: string; timeAdded?: string }[]; [field: string]: unknown };
  status: { conditions: Condition[]; addresses: { type: string; address: string }[]; nodeInfo: Record<string, string>; [field: string]: unknown };
}

export interface NetworkPolicy extends KubernetesObject {
  spec: { podSelector: Selector; policyTypes: string[]; ingress?: unknown[]; egress?: { ports?: { port: number; protocol: string }[]; to?: unknown[] }[] };
}

export interface Ingress extends KubernetesObject {
  spec: {
    ingressClassName?: string;
    rules?: { host?: string; http?: unknown }[];
    tls?: { hosts: string[]; secretName: string }[];
  };
  status?: { loadBalancer: { ingress?: { ip?: string; hostname?: string }[] } };
}

export interface HorizontalPodAutoscaler extends KubernetesObject {
  spec: {
    scaleTargetRef: { kind: string; name: string; apiVersion: string };
    minReplicas: number;
    maxReplicas: number;
    metrics: { type: string; resource: { name: string; target: { type: string; averageUtilization: number } } }[];
    [field: string]: unknown;
  };
  status: {
    currentReplicas: number;
    desiredReplicas: number;
    /** A metric that could not be read has an empty type and nothing else. */
    currentMetrics: { type: string; resource?: { name: string; current: { averageUtilization: number; averageValue: string } } }[] | null;
    conditions?: Condition[];
    lastScaleTime?: string;
  };
}

export interface PodDisruptionBudget extends KubernetesObject {
  spec: { minAvailable?: string | number; maxUnavailable?: string | number; selector: Selector };
  status: { currentHealthy: number; desiredHealthy: number; expectedPods: number; disruptionsAllowed: number; observedGeneration?: number; conditions?: Condition[] };
}

/** An object of which nothing here looks inside. */
export interface OtherObject extends KubernetesObject {
  spec?: unknown;
}

/** The objects by the plural name of their resource. */
export interface Kinds {
  namespaces: Namespace;
  nodes: Node;
  pods: Pod;
  services: Service;
  endpoints: Endpoints;
  endpointslices: EndpointSlice;
  secrets: Secret;
  configmaps: ConfigMap;
  events: Event;
  persistentvolumeclaims: PersistentVolumeClaim;
  serviceaccounts: ServiceAccount;
  deployments: Deployment;
  statefulsets: StatefulSet;
  replicasets: ReplicaSet;
  controllerrevisions: ControllerRevision;
  jobs: Job;
  networkpolicies: NetworkPolicy;
  ingresses: Ingress;
  horizontalpodautoscalers: HorizontalPodAutoscaler;
  poddisruptionbudgets: PodDisruptionBudget;
  limitranges: OtherObject;
  persistentvolumes: OtherObject;
  replicationcontrollers: OtherObject;
  resourcequotas: OtherObject;
  daemonsets: OtherObject;
  cronjobs: OtherObject;
  storageclasses: OtherObject;
  servicemonitors: OtherObject;
  prometheusrules: OtherObject;
}

export type Plural = keyof Kinds;

/** What the server adds by itself may be missing. */
export type Draft<Type extends KubernetesObject> = Omit<Type, 'apiVersion' | 'kind' | 'metadata'> & { metadata: Partial<Metadata> & { name: string } };

/** RFC 3339 in whole seconds, as the API server writes times. */
export function timestamp(date: Date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** That long before now. */
export function ago(seconds: number): Date {
  return new Date(Date.now() - seconds * 1000);
}

/** Whether the labels are those that the selector asks for. An empty selector matches everything. */
export function matches(labels: Labels | undefined, selector: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels?.[key] === value);
}
