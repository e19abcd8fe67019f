import * as z from 'zod';

/** The six services of Caracal, in the order in which Caracal and this tool list them. */
export const serviceNames = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const;

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

const serviceUrl = z.url({ protocol: /^https?$/ });

/** A deployment that is reached by addresses, as written in a target file. */
export const targetSchema = z.strictObject({
  $schema: z.string().optional(),
  kind: z.literal('endpoints'),
  name: z.string().min(1).max(80).describe('What the view calls this deployment.'),
  mode: z
    .enum(['dev', 'rc', 'stable'])
    .optional()
    .describe('CARACAL_MODE of the deployment. Decides, for example, whether metrics are open without a bearer.'),
  zone: z.string().min(1).optional().describe('Id of the zone that per-zone checks look at.'),
  services: z
    .partialRecord(z.enum(serviceNames), serviceUrl)
    .describe('Base URL of each service that can be reached from here.'),
  postgres: credentialSchema.optional().describe('Connection string, postgresql://user:password@host:5432/caracal?sslmode=require'),
  redis: credentialSchema.optional().describe('Connection string, redis://:password@host:6379 or rediss://…'),
  tokens: z
    .strictObject({
      admin: credentialSchema.optional().describe('Token of the Admin API. A zone-scoped read token is enough.'),
      coordinator: credentialSchema.optional().describe('CARACAL_COORDINATOR_TOKEN, for /stats of the Coordinator.'),
      metrics: credentialSchema.optional().describe('METRICS_BEARER, for the metrics of api, sts, gateway and audit.'),
    })
    .optional(),
  keys: z
    .strictObject({
      audit: credentialSchema.optional().describe('AUDIT_HMAC_KEY in hex: recomputes the signatures of the audit chains. Sent nowhere.'),
      streams: credentialSchema.optional().describe('STREAMS_HMAC_KEY in hex: recomputes the signatures of stream messages. Sent nowhere.'),
    })
    .optional(),
});

export type CredentialReference = z.infer<typeof credentialSchema>;
export type Target = Readonly<z.infer<typeof targetSchema>>;
