import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { ServiceName } from '../services/service-process.ts';
import type {
  ConfigMap, Deployment, Draft, HorizontalPodAutoscaler, Ingress, Job, KubernetesObject, Labels, NetworkPolicy, Plural, PodDisruptionBudget,
  PodTemplate, Service, ServiceAccount, StatefulSet, Volume, Container, OtherObject,
} from './objects.ts';
import { groupVersion, resourceOf } from './resources.ts';
import type { ChartValues, ServiceValues } from './values.ts';

/** The chart and what it is installed as. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly values: ChartValues;
  /** Chart and application version. */
  readonly version: string;
}

/** An object as the chart renders it, before the API server adds defaults. */
export interface Manifest<Name extends Plural = Plural> {
  readonly plural: Name;
  /** Template that it comes from. */
  readonly template: string;
  readonly object: Draft<KubernetesObject> & Readonly<Record<string, unknown>>;
}

export const components = ['sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const satisfies readonly ServiceName[];
const goComponents: readonly ServiceName[] = ['sts', 'gateway', 'audit'];
const databaseRoles = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'auth'] as const;

/** `<release>-caracal`, at most 63 characters (contract, deploy 2.1). */
export function fullname({ name }: Pick<Release, 'name'>): string {
  return `${name}-caracal`.slice(0, 63).replace(/-$/, '');
}

/** Labels of pods and selectors. */
export function selectorLabels(release: Pick<Release, 'name'>, component?: string): Labels {
  return {
    'app.kubernetes.io/name': 'caracal', 'app.kubernetes.io/instance': release.name, ...(component === undefined ? {} : { 'app.kubernetes.io/component': component }),
  };
}

function labels(release: Release, component?: string): Labels {
  return {
    'app.kubernetes.io/name': 'caracal', 'app.kubernetes.io/instance': release.name, 'app.kubernetes.io/version': release.version,
    'app.kubernetes.io/managed-by': 'Helm', 'app.kubernetes.io/part-of': 'caracal', ...(component === undefined ? {} : { 'app.kubernetes.io/component': component }),
  };
}

/** All objects that are no hooks, in the order in which Helm installs kinds (contract, deploy 2.2). */
export function renderChart(release: Release): readonly Manifest[] {
  const { values } = release;
  const enabled = components.filter((component) => values.services[component].enabled);
  return [
    ...(values.networkPolicy.enabled ? [manifest('networkpolicies', 'networkpolicy', networkPolicy(release))] : []),
    ...enabled.filter((component) => values.services[component].pdb.enabled).map((component) => manifest('poddisruptionbudgets', 'pdb', disruptionBudget(release, component))),
    ...(values.serviceAccount.create ? [manifest('serviceaccounts', 'serviceaccount', serviceAccount(release))] : []),
    ...(values.control.enabled ? [manifest('configmaps', 'controlgate', controlGate(release))] : []),
    ...enabled.map((component) => manifest('services', 'services', clusterService(release, component))),
    ...enabled.filter((component) => !isStateful(release, component))
      .map((component) => manifest('deployments', component === 'web' ? 'web-deployment' : 'deployments', deployment(release, component))),
    ...enabled.filter((component) => values.services[component].hpa.enabled).map((component) => manifest('horizontalpodautoscalers', 'hpa', autoscaler(release, component))),
    ...enabled.filter((component) => isStateful(release, component)).map((component) => manifest('statefulsets', 'deployments', statefulSet(release, component))),
    ...(['sts', 'gateway', 'api', 'web'] as const).filter((component) => values.ingress[component].enabled && values.services[component].enabled)
      .map((component) => manifest('ingresses', 'ingress', ingressOf(release, component))),
    ...(values.serviceMonitor.enabled ? enabled.map((component) => manifest('servicemonitors', 'servicemonitor', serviceMonitor(release, component))) : []),
  ];
}

/** The hooks that run before an installation or upgrade, in the order of their weights. */
export function renderHooks(release: Release): readonly Manifest[] {
  const { migrations, services, secrets } = release.values;
  const secret = secrets.create ? [manifest('secrets', 'secret', runtimeSecretHook(release))] : [];
  if (!migrations.enabled) return secret;
  return [
    ...secret,
    manifest('serviceaccounts', 'serviceaccount', migrationAccount(release)),
    manifest('jobs', 'migration-job', migrationJob(release)),
    ...(services.web.enabled ? [manifest('jobs', 'auth-migration-job', authMigrationJob(release))] : []),
  ];
}

/** Manifests as Helm keeps them: YAML documents with the template's name. */
export function manifestText(manifests: readonly Manifest[]): string {
  return manifests.map(({ template, object }) => `---\n# Source: caracal/templates/${template}.yaml\n${stringify(object)}`).join('');
}

function manifest<Name extends Plural>(plural: Name, template: string, object: Draft<KubernetesObject>): Manifest<Name> {
  const { kind, group, version } = resourceOf(plural);
  return { plural, template, object: { apiVersion: groupVersion({ group, version }), kind, ...object } };
}

/** sts and gateway keep their replay files on a volume of each pod (contract, deploy 0.14). */
export function isStateful({ values }: Pick<Release, 'values'>, component: ServiceName): boolean {
  return values.replayPersistence.enabled && (component === 'sts' || component === 'gateway');
}

function image({ values: { global }, version }: Release, name: string): string {
  return `${global.registry}/${name}:v${global.tag === '' ? version : global.tag}`;
}

function serviceUrl(release: Release, component: ServiceName): string {
  const { internalUrl, port } = release.values.services[component];
  return internalUrl === '' ? `http://${fullname(release)}-${component}:${port}` : internalUrl;
}

function metadata(release: Release, component: string): { name: string; labels: Labels } {
  return { name: `${fullname(release)}-${component}`, labels: labels(release, component) };
}

function statefulSet(release: Release, component: ServiceName): Draft<Omit<StatefulSet, 'status'> & KubernetesObject> {
  const { replayPersistence: { accessModes, storageClassName, size }, services } = release.values;
  return {
    metadata: metadata(release, component),
    spec: {
      serviceName: `${fullname(release)}-${component}`, replicas: services[component].replicas, selector: { matchLabels: selectorLabels(release, component) },
      template: podTemplate(release, component),
      volumeClaimTemplates: [{
        metadata: { name: 'replay', labels: labels(release, component) },
        spec: { accessModes, ...(storageClassName === '' ? {} : { storageClassName }), resources: { requests: { storage: size } } },
      }],
    },
  };
}

function deployment(release: Release, component: ServiceName): Draft<Omit<Deployment, 'status'> & KubernetesObject> {
  return {
    metadata: metadata(release, component),
    spec: {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }, replicas: release.values.services[component].replicas,
      selector: { matchLabels: selectorLabels(release, component) }, template: podTemplate(release, component),
    },
  };
}

function podTemplate(release: Release, component: ServiceName): PodTemplate {
  const { values } = release;
  const annotations = {
    ...(values.secrets.create ? { 'checksum/secret': createHash('sha256').update(stringify(values.secrets)).digest('hex') } : {}), ...values.global.podAnnotations,
  };
  const filled = <Part>(part: Part): Part => JSON.parse(JSON.stringify(part).replaceAll('{{ .name }}', component)) as Part;
  return {
    metadata: {
      labels: { ...selectorLabels(release, component), ...values.global.podLabels },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: {
      terminationGracePeriodSeconds: values.scheduling.terminationGracePeriodSeconds,
      serviceAccountName: values.serviceAccount.name === '' ? fullname(release) : values.serviceAccount.name,
      automountServiceAccountToken: values.serviceAccount.automountToken,
      securityContext: { ...podSecurity(65_532), fsGroup: 65_532 },
      affinity: filled(values.scheduling.affinity), topologySpreadConstraints: filled(values.scheduling.topologySpreadConstraints),
      containers: [container(release, component)],
      volumes: component === 'web' ? [allowlistVolume(release)] : volumes(release, component),
    },
  };
}

function podSecurity(account: number): Record<string, unknown> {
  return { runAsNonRoot: true, runAsUser: account, runAsGroup: account, seccompProfile: { type: 'RuntimeDefault' } };
}

const containerSecurity = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };

function container(release: Release, component: ServiceName): Container {
  const { global, scheduling, services } = release.values;
  const { image: name, port, extraEnv, resources }: ServiceValues = services[component];
  const program = component === 'web' ? '/app/auth/dist/server.js' : `/app/${component}/dist/main.js`;
  return {
    name: component, image: image(release, name), imagePullPolicy: global.imagePullPolicy,
    ...(goComponents.includes(component) ? { command: [`/usr/local/bin/${component}`] } : { args: [program] }),
    ports: [{ name: 'http', containerPort: port }],
    env: [...(component === 'web' ? webEnvironment(release) : environment(release, component)), ...extraEnv],
    volumeMounts: component === 'web' ? [{ name: 'allowlist', mountPath: '/run/caracalBootstrap', readOnly: true }] : mounts(release, component),
    startupProbe: { httpGet: { path: '/health', port: 'http' }, failureThreshold: 30, periodSeconds: 5 },
    livenessProbe: { httpGet: { path: '/health', port: 'http' }, initialDelaySeconds: 10, periodSeconds: 10 },
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, initialDelaySeconds: 10, periodSeconds: 10 },
    ...(scheduling.preStopSleepSeconds > 0 ? { lifecycle: { preStop: { sleep: { seconds: scheduling.preStopSleepSeconds } } } } : {}),
    resources, securityContext: containerSecurity,
  };
}

type Variables = NonNullable<Container['env']>;

const variables = (values: Readonly<Record<string, string | number>>): Variables => Object.entries(values).map(([name, value]) => ({ name, value: String(value) }));

/** The variables of all services but web, in the chart's order (contract, deploy 2.4). */
function environment(release: Release, component: ServiceName): Variables {
  const { global, secrets, services, control } = release.values;
  const secretFile = (key: string): string => `/run/secrets/${key}`;
  const issuer = services.sts.issuerUrl === '' ? serviceUrl(release, 'sts') : services.sts.issuerUrl;
  const { idempotency } = secrets;
  return variables({
    CARACAL_MODE: global.mode, PORT: services[component].port, HOST: '0.0.0.0', LOG_LEVEL: global.logLevel,
    DATABASE_URL_FILE: secretFile(`${component}DatabaseUrl`), REDIS_URL_FILE: secretFile('redisUrl'), SECRET_STORE_KEK_FILE: secretFile('secretStoreKek'),
    ...(secrets.kekRotation ? { SECRET_STORE_KEK_PREVIOUS_FILE: secretFile('secretStoreKekPrevious') } : {}),
    AUDIT_HMAC_KEY_FILE: secretFile('auditHmacKey'), STREAMS_HMAC_KEY_FILE: secretFile('streamsHmacKey'), GATEWAY_STS_HMAC_KEY_FILE: secretFile('gatewayStsHmacKey'),
    CARACAL_ADMIN_TOKEN_FILE: secretFile('caracalAdminToken'),
    ...(component === 'sts' && separateSecret(release, 'stsAdminToken') !== '' ? { STS_ADMIN_TOKEN_FILE: secretFile('sts-admin-token/token') } : {}),
    ...(component === 'audit' && separateSecret(release, 'auditAdminToken') !== '' ? { AUDIT_ADMIN_TOKEN_FILE: secretFile('audit-admin-token/token') } : {}),
    METRICS_BEARER_FILE: secretFile(separateSecret(release, 'metricsBearer') === '' ? 'metricsBearer' : 'metrics-bearer/bearer'),
    STS_URL: serviceUrl(release, 'sts'), ISSUER_URL: issuer,
    ...(component === 'api' ? { CARACAL_GATEWAY_URL: serviceUrl(release, 'gateway'), CARACAL_COORDINATOR_URL: serviceUrl(release, 'coordinator') } : {}),
    ...(component === 'audit' ? { AUDIT_EXPORT_TMP_DIR: '/var/lib/caracal/audit-export' } : {}),
    OTEL_EXPORTER_OTLP_ENDPOINT: global.otelExporterOtlpEndpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf', OTEL_SERVICE_NAME: `caracal-${component}`,
    OTEL_RESOURCE_ATTRIBUTES: `service.namespace=caracal,deployment.environment=${global.mode}`,
    ...(component === 'api' && control.enabled ? {
      CARACAL_CONTROL_ENABLED: 'true', CONTROL_GATE_FILE: '/run/caracal-control/enabled', STS_ISSUER_URL: issuer, STS_JWKS_URL: `${issuer}/.well-known/jwks.json`,
      CONTROL_AUDIENCE: control.audience, CONTROL_API_TOKEN_FILE: secretFile('caracalAdminToken'),
    } : {}),
    ...(component === 'coordinator' ? {
      CARACAL_COORDINATOR_TOKEN_FILE: secretFile('caracalCoordinatorToken'), IDEMPOTENCY_HMAC_KEY_FILE: secretFile('idempotencyHmacKey'),
      IDEMPOTENCY_RETENTION_SECONDS: idempotency.retentionSeconds, GENERATED_IDEMPOTENCY_RETENTION_SECONDS: idempotency.generatedRetentionSeconds,
      SESSION_RETENTION_DAYS: services.coordinator.sessionRetentionDays, IDEMPOTENCY_MAX_RECEIPTS_PER_SCOPE: idempotency.maxReceiptsPerScope,
      COORDINATOR_BODY_LIMIT_BYTES: idempotency.bodyLimitBytes, AGENT_COORDINATOR_SCOPE: services.coordinator.requiredScope,
    } : {}),
  });
}

const fromSecret = (secretName: string, name: string, key: string): Variables[number] => ({ name, valueFrom: { secretKeyRef: { name: secretName, key } } });

function webEnvironment(release: Release): Variables {
  const { global, secrets: { runtimeSecretName }, services: { web } } = release.values;
  return [
    ...variables({
      NODE_ENV: 'production', PORT: web.port, HOST: '0.0.0.0', LOG_LEVEL: global.logLevel, CARACAL_AUTH_URL: web.publicUrl, CARACAL_WEB_ORIGIN: web.publicUrl,
      CARACAL_AUTH_SECURE_COOKIES: 'true', CARACAL_API_URL: serviceUrl(release, 'api'), CARACAL_COORDINATOR_URL: serviceUrl(release, 'coordinator'),
      CARACAL_AUTH_DATABASE_SSL: web.databaseSsl, CARACAL_AUTH_AUTO_MIGRATE: web.autoMigrate,
    }),
    fromSecret(runtimeSecretName, 'CARACAL_AUTH_DATABASE_URL', 'authDatabaseUrl'), fromSecret(runtimeSecretName, 'CARACAL_AUTH_SECRET', 'caracalAuthSecret'),
    fromSecret(runtimeSecretName, 'CARACAL_ADMIN_TOKEN', 'caracalAdminToken'), fromSecret(runtimeSecretName, 'CARACAL_COORDINATOR_TOKEN', 'caracalCoordinatorToken'),
    ...variables({ CARACAL_OPERATOR_ALLOWLIST_FILE: '/run/caracalBootstrap/operatorAllowlist.json', CARACAL_REQUIRE_SIGN_IN_METHOD: '1' }),
  ];
}

/** Secret that a credential with a mount of its own comes from; empty without one. */
function separateSecret({ values: { secrets } }: Pick<Release, 'values'>, credential: 'stsAdminToken' | 'auditAdminToken' | 'metricsBearer'): string {
  if (secrets[credential].secretName !== '') return secrets[credential].secretName;
  return secrets.create && secrets.plaintext[credential] !== '' ? secrets.runtimeSecretName : '';
}

/** The mounts of such credentials, in the chart's order. */
function separateMounts(release: Release, component: ServiceName): { name: string; secretName: string; key: string; path: string }[] {
  const mount = (name: string, credential: Parameters<typeof separateSecret>[1], path: string) => (
    { name, secretName: separateSecret(release, credential), key: release.values.secrets[credential].key, path });
  return [
    ...(component === 'sts' ? [mount('sts-admin-token', 'stsAdminToken', 'token')] : []),
    ...(component === 'audit' ? [mount('audit-admin-token', 'auditAdminToken', 'token')] : []),
    mount('metrics-bearer', 'metricsBearer', 'bearer'),
  ].filter(({ secretName }) => secretName !== '');
}

/** Keys of the runtime Secret that the service's pods mount (contract, deploy 2.4). */
export function projectedKeys(release: Pick<Release, 'values'>, component: ServiceName): readonly string[] {
  const { secrets } = release.values;
  const only = (key: string, ...services: readonly ServiceName[]): string[] => (services.includes(component) ? [key] : []);
  return [
    `${component}DatabaseUrl`, 'redisUrl', ...only('secretStoreKek', 'api', 'sts'), ...(secrets.kekRotation ? only('secretStoreKekPrevious', 'api', 'sts') : []),
    'auditHmacKey', ...only('streamsHmacKey', 'sts', 'api', 'gateway', 'coordinator'), ...only('idempotencyHmacKey', 'coordinator'),
    ...only('gatewayStsHmacKey', 'api', 'sts', 'gateway'), ...only('caracalAdminToken', 'api', 'gateway'), ...only('caracalCoordinatorToken', 'coordinator'),
    ...(separateSecret(release, 'metricsBearer') === '' ? ['metricsBearer'] : []),
  ];
}

function volumes(release: Release, component: ServiceName): Volume[] {
  const { secrets: { runtimeSecretName }, services, control } = release.values;
  const keepsReplay = component === 'sts' || component === 'gateway';
  return [
    { name: 'runtime-secrets', secret: { secretName: runtimeSecretName, items: projectedKeys(release, component).map((key) => ({ key, path: key })) } },
    ...separateMounts(release, component).map(({ name, secretName, key, path }) => ({ name, secret: { secretName, items: [{ key, path }] } })),
    ...(keepsReplay && !isStateful(release, component) ? [{ name: 'replay', emptyDir: {} }] : []),
    ...(component === 'audit' ? [{ name: 'audit-export', emptyDir: { sizeLimit: services.audit.exportScratchSizeLimit } }] : []),
    ...(component === 'api' && control.enabled ? [{ name: 'control-gate', configMap: { name: `${fullname(release)}-control-gate` } }] : []),
  ];
}

function mounts(release: Release, component: ServiceName): NonNullable<Container['volumeMounts']> {
  return [
    { name: 'runtime-secrets', mountPath: '/run/secrets', readOnly: true },
    ...separateMounts(release, component).map(({ name }) => ({ name, mountPath: `/run/secrets/${name}`, readOnly: true })),
    ...(component === 'sts' || component === 'gateway' ? [{ name: 'replay', mountPath: '/var/lib/caracal' }] : []),
    ...(component === 'audit' ? [{ name: 'audit-export', mountPath: '/var/lib/caracal/audit-export' }] : []),
    ...(component === 'api' && release.values.control.enabled ? [{ name: 'control-gate', mountPath: '/run/caracal-control', readOnly: true }] : []),
  ];
}

function allowlistVolume({ values: { secrets: { runtimeSecretName } } }: Release): Volume {
  return { name: 'allowlist', secret: { secretName: runtimeSecretName, optional: true, items: [{ key: 'operatorAllowlist.json', path: 'operatorAllowlist.json' }] } };
}

function clusterService(release: Release, component: ServiceName): Draft<Service> {
  return {
    metadata: metadata(release, component),
    spec: {
      type: 'ClusterIP', ports: [{ name: 'http', port: release.values.services[component].port, targetPort: 'http' }], selector: selectorLabels(release, component),
    },
  };
}

function autoscaler(release: Release, component: ServiceName): Draft<Omit<HorizontalPodAutoscaler, 'status'> & KubernetesObject> {
  const { hpa } = release.values.services[component];
  const metric = (name: string, averageUtilization: number) => ({ type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization } } });
  return {
    metadata: metadata(release, component),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: isStateful(release, component) ? 'StatefulSet' : 'Deployment', name: `${fullname(release)}-${component}` },
      minReplicas: hpa.minReplicas, maxReplicas: hpa.maxReplicas,
      metrics: [metric('cpu', hpa.targetCPUUtilizationPercentage), metric('memory', hpa.targetMemoryUtilizationPercentage)],
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
    },
  };
}

function disruptionBudget(release: Release, component: ServiceName): Draft<Omit<PodDisruptionBudget, 'status'> & KubernetesObject> {
  return {
    metadata: metadata(release, component),
    spec: { minAvailable: release.values.services[component].pdb.minAvailable, selector: { matchLabels: selectorLabels(release, component) } },
  };
}

function ingressOf(release: Release, component: 'sts' | 'gateway' | 'api' | 'web'): Draft<Ingress> {
  const { host, className, tlsSecretName, annotations } = release.values.ingress[component];
  const backend = { service: { name: `${fullname(release)}-${component}`, port: { name: 'http' } } };
  return {
    metadata: { ...metadata(release, component), ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: {
      ...(className === '' ? {} : { ingressClassName: className }), ...(tlsSecretName === '' ? {} : { tls: [{ hosts: [host], secretName: tlsSecretName }] }),
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  };
}

function serviceMonitor(release: Release, component: ServiceName): Draft<OtherObject> {
  return {
    metadata: metadata(release, component),
    spec: {
      selector: { matchLabels: selectorLabels(release, component) },
      endpoints: [{ port: 'http', path: '/metrics', interval: release.values.serviceMonitor.interval }],
    },
  };
}

function serviceAccount(release: Release): Draft<ServiceAccount> {
  const { name, automountToken } = release.values.serviceAccount;
  return { metadata: { name: name === '' ? fullname(release) : name, labels: labels(release) }, automountServiceAccountToken: automountToken };
}

function controlGate(release: Release): Draft<ConfigMap> {
  return { metadata: { name: `${fullname(release)}-control-gate`, labels: labels(release, 'api') }, data: { enabled: '' } };
}

/** Applies to all pods of the release (contract, deploy 2.7). */
function networkPolicy(release: Release): Draft<NetworkPolicy> {
  const { networkPolicy: policy, secrets } = release.values;
  const ports = (protocol: string, ...numbers: readonly number[]) => numbers.map((port) => ({ protocol, port }));
  const same = [{ podSelector: { matchLabels: selectorLabels(release) } }];
  return {
    metadata: { name: fullname(release), labels: labels(release) },
    spec: {
      podSelector: { matchLabels: selectorLabels(release) }, policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: same }, ...policy.extraIngress],
      egress: [
        ...(policy.allowOpenDns ? [{ ports: [...ports('UDP', 53), ...ports('TCP', 53)] }] : []), ...policy.dnsEgress as [],
        { to: same }, { ports: ports('TCP', secrets.database.port, secrets.redis.port, 4317, 4318) },
        ...(policy.allowOpenHttps ? [{ ports: ports('TCP', 443) }] : []), ...policy.extraEgress as [],
      ],
    },
  };
}

const hook = (weight: number, deletePolicy: string): Labels => ({
  'helm.sh/hook': 'pre-install,pre-upgrade', 'helm.sh/hook-weight': String(weight), 'helm.sh/hook-delete-policy': deletePolicy,
});

/** The Secret of an evaluation install, with all its values in plain text (contract, deploy 2.8). */
function runtimeSecretHook(release: Release): Draft<KubernetesObject & { type: string; stringData: Labels }> {
  const { plaintext, database, authDatabase, redis, runtimeSecretName } = release.values.secrets;
  const { postgresPassword, redisPassword } = plaintext;
  const databaseUrl = (user: string, password: string, name: string): string => (
    `postgres://${user}:${encodeURIComponent(password)}@${database.host}:${database.port}/${name}?sslmode=${database.sslMode}`);
  const ofRoles = databaseRoles.flatMap((role) => {
    const password = createHash('sha256').update(`${postgresPassword}:caracal${role}`).digest('hex');
    return [
      [`${role}DbPassword`, password], [`${role}DatabaseUrl`, databaseUrl(`caracal${role}`, password, role === 'auth' ? authDatabase.name : database.name)],
    ] as const;
  });
  return {
    metadata: { name: runtimeSecretName, labels: labels(release), annotations: hook(-10, 'before-hook-creation') },
    type: 'Opaque',
    stringData: {
      ...Object.fromEntries(Object.entries(plaintext).filter(([, value]) => value !== '')), databaseUrl: databaseUrl(database.user, postgresPassword, database.name),
      ...Object.fromEntries(ofRoles), redisUrl: `redis://:${encodeURIComponent(redisPassword)}@${redis.host}:${redis.port}/${redis.database}`,
    },
  };
}

function migrationAccount(release: Release): Draft<ServiceAccount> {
  return {
    metadata: { name: `${fullname(release)}-migrate`, labels: labels(release, 'migrate'), annotations: hook(-10, 'before-hook-creation') }, automountServiceAccountToken: false,
  };
}

type JobDraft = Draft<Omit<Job, 'status'> & KubernetesObject>;

function hookJob(release: Release, options: { component: string; weight: number; account: number; container: Container; volumes?: Volume[] }): JobDraft {
  const { component, weight, account, container: own, volumes: mounted } = options;
  const { migrations: { backoffLimit, activeDeadlineSeconds, resources }, global: { imagePullPolicy } } = release.values;
  return {
    metadata: { ...metadata(release, component), annotations: hook(weight, 'before-hook-creation,hook-succeeded') },
    spec: {
      backoffLimit, activeDeadlineSeconds,
      template: {
        metadata: { labels: selectorLabels(release, component) },
        spec: {
          restartPolicy: 'OnFailure', serviceAccountName: `${fullname(release)}-migrate`, automountServiceAccountToken: false, securityContext: podSecurity(account),
          containers: [{ ...own, imagePullPolicy, resources, securityContext: containerSecurity }],
          ...(mounted === undefined ? {} : { volumes: mounted }),
        },
      },
    },
  };
}

function migrationJob(release: Release): JobDraft {
  const { database, runtimeSecretName } = release.values.secrets;
  const keys = [database.passwordKey, ...databaseRoles.map((role) => `${role}DbPassword`)];
  return hookJob(release, {
    component: 'migrate', weight: 0, account: 70,
    container: {
      name: 'migrate', image: image(release, 'caracal-postgres'), command: ['/bin/sh', '/usr/local/bin/caracal-migrate'],
      env: variables({
        PGHOST: database.host, PGPORT: database.port, PGUSER: database.user, PGDATABASE: database.name, PGPASSWORD_FILE: `/run/secrets/${database.passwordKey}`,
        PGSSLMODE: database.sslMode,
        ...Object.fromEntries(databaseRoles.map((role) => [`CARACAL_${role.toUpperCase()}_DB_PASSWORD_FILE`, `/run/secrets/${role}DbPassword`])),
      }),
      volumeMounts: [{ name: 'runtime-secrets', mountPath: '/run/secrets', readOnly: true }, { name: 'tmp', mountPath: '/tmp' }],
    },
    volumes: [
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      { name: 'runtime-secrets', secret: { secretName: runtimeSecretName, items: keys.map((key) => ({ key, path: key })) } },
    ],
  });
}

function authMigrationJob(release: Release): JobDraft {
  const { global: { logLevel }, secrets: { runtimeSecretName }, services: { web } } = release.values;
  return hookJob(release, {
    component: 'auth-migrate', weight: 5, account: 65_532,
    container: {
      name: 'auth-migrate', image: image(release, web.image), args: ['/app/auth/dist/migrate.js'],
      env: [
        ...variables({ NODE_ENV: 'production', LOG_LEVEL: logLevel, CARACAL_AUTH_DATABASE_SSL: web.databaseSsl }),
        fromSecret(runtimeSecretName, 'CARACAL_AUTH_DATABASE_URL', 'authDatabaseUrl'), fromSecret(runtimeSecretName, 'CARACAL_AUTH_SECRET', 'caracalAuthSecret'),
      ],
    },
  });
}
