import type { ServiceName } from '../services/service-process.ts';

/** Values of one service of the chart; some services have more. */
export interface ServiceValues {
  enabled: boolean;
  replicas: number;
  image: string;
  port: number;
  internalUrl: string;
  extraEnv: { name: string; value?: string; valueFrom?: unknown }[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  pdb: { enabled: boolean; minAvailable: string };
  hpa: { enabled: boolean; minReplicas: number; maxReplicas: number; targetCPUUtilizationPercentage: number; targetMemoryUtilizationPercentage: number };
}

type Resources = ServiceValues['resources'];

const resources = (requestCpu: string, requestMemory: string, limitCpu: string, limitMemory: string): Resources => ({
  requests: { cpu: requestCpu, memory: requestMemory }, limits: { cpu: limitCpu, memory: limitMemory },
});

const service = (image: string, port: number, sized: Resources, maxReplicas: number, targetCPUUtilizationPercentage = 70): ServiceValues => ({
  enabled: true, replicas: 2, image, port, internalUrl: '', extraEnv: [], resources: sized, pdb: { enabled: true, minAvailable: '50%' },
  hpa: { enabled: true, minReplicas: 2, maxReplicas, targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage: 80 },
});

/** The extras that the chart lists for every service but web. */
const extras = { extraEnvFrom: [], extraVolumes: [], extraVolumeMounts: [] };

const spreadLabels = { matchLabels: { 'app.kubernetes.io/name': 'caracal', 'app.kubernetes.io/component': '{{ .name }}' } };

const ingress = (host: string, enabled = false) => ({ enabled, className: '', host: `${host}caracal.example.com`, tlsSecretName: '', annotations: {} });

/** Default values of the chart 1.0.0 (Caracal infra/helm/caracal/values.yaml). */
export const chartValues = {
  global: {
    registry: 'ghcr.io/garudex-labs', tag: '', imagePullPolicy: 'IfNotPresent', imagePullSecrets: [], mode: 'rc', evaluation: false,
    otelExporterOtlpEndpoint: '', logLevel: 'info', podLabels: {} as Record<string, string>, podAnnotations: {} as Record<string, string>,
  },
  serviceAccount: { create: true, name: '', automountToken: false, annotations: {} },
  secrets: {
    create: false, runtimeSecretName: 'caracal-runtime', kekRotation: false,
    plaintext: {
      postgresPassword: '', redisPassword: '', caracalAdminToken: '', stsAdminToken: '', auditAdminToken: '', metricsBearer: '', caracalCoordinatorToken: '',
      caracalAuthSecret: '', secretStoreKek: '', secretStoreKekPrevious: '', auditHmacKey: '', streamsHmacKey: '', idempotencyHmacKey: '', gatewayStsHmacKey: '',
    },
    database: {
      user: 'caracal', passwordKey: 'postgresPassword', host: 'postgres.default.svc.cluster.local', port: 5432, name: 'caracal', sslMode: 'require',
    },
    authDatabase: { name: 'caracal_auth' },
    redis: { passwordKey: 'redisPassword', host: 'redis.default.svc.cluster.local', port: 6379, database: 0 },
    stsAdminToken: { secretName: '', key: 'stsAdminToken' },
    auditAdminToken: { secretName: '', key: 'auditAdminToken' },
    metricsBearer: { secretName: '', key: 'metricsBearer' },
    idempotency: { retentionSeconds: 604_800, generatedRetentionSeconds: 86_400, maxReceiptsPerScope: 10_000, bodyLimitBytes: 262_144 },
  },
  migrations: { enabled: true, backoffLimit: 3, activeDeadlineSeconds: 900, resources: resources('50m', '64Mi', '500m', '256Mi') },
  networkPolicy: {
    enabled: true, extraIngress: [] as unknown[], allowOpenHttps: false, allowOpenDns: false, dnsEgress: [] as unknown[], extraEgress: [] as unknown[],
  },
  replayPersistence: { enabled: true, storageClassName: '', accessModes: ['ReadWriteOnce'], size: '1Gi' },
  serviceMonitor: { enabled: false, interval: '30s' },
  alertRules: {
    enabled: false, labels: {}, stsMaxPolicyAgeSeconds: 300, auditDlqSize: 0, auditDlqGrowth: 0, auditConsumerLag: 1000, auditReplayOldestAgeSeconds: 300,
    apiOutboxDead: 0, apiOutboxPendingAgeSeconds: 300, gatewayStsExchangeErrors: 0, gatewayStsCircuitOpen: 0, gatewayRevocationSnapshotFresh: 0,
    gatewayRevocationPropagationSeconds: 30, gatewayRevocationReloadErrors: 0, stsProviderRefreshErrors: 0, stsProviderCircuitOpen: 0,
    dbPoolInUseRatio: 0.9, readinessFlapsPer10m: 4,
  },
  scheduling: {
    priorityClassName: '', terminationGracePeriodSeconds: 30, preStopSleepSeconds: 5,
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: spreadLabels } },
        ],
      },
    },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: spreadLabels }],
  },
  services: {
    sts: { ...service('caracal-go', 8080, resources('500m', '512Mi', '2', '1Gi'), 8), issuerUrl: '', ...extras },
    api: { ...service('caracal-node', 3000, resources('250m', '256Mi', '1', '768Mi'), 8), ...extras },
    gateway: { ...service('caracal-go', 8081, resources('500m', '256Mi', '2', '1Gi'), 16, 65), ...extras },
    audit: { ...service('caracal-go', 9090, resources('250m', '256Mi', '1', '1Gi'), 8), exportScratchSizeLimit: '2Gi', ...extras },
    coordinator: {
      ...service('caracal-node', 4000, resources('250m', '256Mi', '1', '768Mi'), 8), requiredScope: 'agent:lifecycle', sessionRetentionDays: 90, ...extras,
    },
    web: { ...service('caracal-web', 3002, resources('100m', '128Mi', '1', '384Mi'), 6), publicUrl: 'https://caracal.example.com', databaseSsl: 'require', autoMigrate: 'false' },
  } satisfies Record<ServiceName, ServiceValues & Readonly<Record<string, unknown>>>,
  control: { enabled: false, audience: 'caracal-control' },
  ingress: { sts: ingress('sts.'), gateway: ingress('gateway.'), api: ingress('api.'), web: ingress('', true) },
};

export type ChartValues = typeof chartValues;

/** What a user gives to Helm: a part of the values, at any depth. */
export type UserValues<Type = ChartValues> = Type extends readonly unknown[]
  ? Type
  : Type extends object ? { [Key in keyof Type]?: UserValues<Type[Key]> } : Type;

/** Helm's rule (contract, deploy 2.8): maps merge, everything else replaces. */
export function merged<Type>(base: Type, over: UserValues<Type> | undefined): Type {
  if (over === undefined) return base;
  if (!isMap(base) || !isMap(over)) return over as Type;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) result[key] = merged(result[key], value as never);
  return result as Type;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
