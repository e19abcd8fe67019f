import * as z from 'zod';
import { serviceNames } from './serviceNames.ts';

/** One of Caracal's six services. */
export type ServiceName = (typeof serviceNames)[number];

/**
 * A secret by value or by place. A plain string is the value; `env` and `file` are read each time
 * the target is opened, so that a rotated secret is picked up.
 */
export const credentialSchema = z.union([
  z.string().min(1).describe('The value itself. Prefer "env" or "file": a target file is easily shared.'),
  z.strictObject({ value: z.string().min(1) }),
  z.strictObject({ env: z.string().min(1).describe('Name of an environment variable.') }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file; relative paths start at the target file.') }),
]);

const serviceUrls = z
  .partialRecord(z.enum(serviceNames), z.url({ protocol: /^https?$/ }))
  .describe('Base URL of each service that can be reached from here.');

/** What a target of any kind may say. For a kind that finds this by itself, what is said here comes first. */
const common = {
  $schema: z.string().optional(),
  name: z.string().min(1).max(80).describe('What the view calls this deployment.'),
  mode: z
    .enum(['dev', 'rc', 'stable'])
    .optional()
    .describe('CARACAL_MODE of the deployment. Decides, for example, whether metrics are open without a bearer.'),
  zone: z.string().min(1).optional().describe('Id of the zone that per-zone checks look at.'),
  postgres: credentialSchema.optional().describe('Connection string, postgresql://user:password@host:5432/caracal?sslmode=require'),
  redis: credentialSchema.optional().describe('Connection string, redis://:password@host:6379 or rediss://…'),
  tokens: z
    .strictObject({
      admin: credentialSchema.optional().describe('Token of the Admin API. A zone-scoped read token is enough.'),
      coordinator: credentialSchema.optional().describe('CARACAL_COORDINATOR_TOKEN, for /stats of the Coordinator.'),
      metrics: credentialSchema.optional().describe('METRICS_BEARER, for the metrics of api, sts, gateway and audit.'),
      gateway: credentialSchema.optional().describe('CARACAL_ADMIN_TOKEN of the Gateway: lets it reload its revocations, which is a remedy. Nothing else is sent with it.'),
    })
    .optional(),
  keys: z
    .strictObject({
      audit: credentialSchema.optional().describe('AUDIT_HMAC_KEY in hex: recomputes the signatures of the audit chains. Sent nowhere.'),
      streams: credentialSchema.optional().describe('STREAMS_HMAC_KEY in hex: recomputes the signatures of stream messages. Sent nowhere.'),
    })
    .optional(),
  canary: z
    .strictObject({
      application: z.string().min(1).describe('Id of the Application that calls.'),
      clientSecret: credentialSchema.describe('Its client secret.'),
      session: z.string().min(1).describe('Id of a live Session of it.'),
      delegation: z.string().min(1).describe('Id of a Delegation to that Session, which carries the scope.'),
      resource: z.string().min(1).describe('Identifier of the resource that is called.'),
      scope: z.string().regex(/^\S+$/).describe('A scope that is allowed within the Session, and refused without one.'),
      path: z.string().regex(/^\/[^?#\s]*$/).optional().describe('Path of the resource to GET through the Gateway. Without it, /.'),
    })
    .optional()
    .describe('What the recovery canary calls with. Used by its command alone, after a confirmation.'),
};

/** A deployment that is reached by addresses. */
export const endpointsTargetSchema = z.strictObject({
  kind: z.literal('endpoints'),
  ...common,
  services: serviceUrls,
  logs: z.record(z.string().regex(/^[\w./-]{1,60}$/, 'The name of a component is letters, digits and . / _ -, at most 60.'), z.string().min(1)).optional().describe('Paths of log files, by the component that writes each, such as sts. Relative paths start at the target file.'),
});

/** A project of Docker Compose, found on a Docker Engine by its labels. */
export const composeTargetSchema = z.strictObject({
  kind: z.literal('compose'),
  ...common,
  services: serviceUrls.optional(),
  project: z.string().min(1).describe('Name of the Compose project, such as caracal.'),
  engine: z
    .strictObject({
      host: z.string().min(1).optional().describe('Address of the Docker Engine as in DOCKER_HOST, such as unix:///var/run/docker.sock.'),
      context: z.string().min(1).optional().describe('Name of a Docker context.'),
    })
    .optional()
    .describe('The Docker Engine. Without it, the one that the docker command would use.'),
});

/** A Helm release of the Caracal chart in a Kubernetes cluster. */
export const kubernetesTargetSchema = z.strictObject({
  kind: z.literal('kubernetes'),
  ...common,
  services: serviceUrls.optional(),
  kubeconfig: z.string().min(1).optional().describe('Path of a kubeconfig file. Without it, KUBECONFIG or ~/.kube/config.'),
  context: z.string().min(1).optional().describe('Name of a context of the kubeconfig. Without it, its current context when the target is opened.'),
  namespace: z.string().min(1).describe('Namespace of the release.'),
  release: z.string().min(1).describe('Name of the Helm release.'),
});

/** A target file holds one of these. */
export const targetSchema = z.discriminatedUnion('kind', [endpointsTargetSchema, composeTargetSchema, kubernetesTargetSchema]);

export type CredentialReference = z.infer<typeof credentialSchema>;
export type Target = Readonly<z.infer<typeof targetSchema>>;
export type TargetKind = Target['kind'];
export type EndpointsTarget = Readonly<z.infer<typeof endpointsTargetSchema>>;
export type ComposeTarget = Readonly<z.infer<typeof composeTargetSchema>>;
export type KubernetesTarget = Readonly<z.infer<typeof kubernetesTargetSchema>>;

/** What a target of any kind may say of how it is reached. */
export type Endpoints = Pick<Target, 'name' | 'mode' | 'zone' | 'services' | 'postgres' | 'redis' | 'tokens' | 'keys'>;

/** Tokens that a target may give. */
export type TokenName = keyof NonNullable<Target['tokens']>;

/** With what a recovery canary calls. */
export type CanaryTarget = NonNullable<Target['canary']>;
