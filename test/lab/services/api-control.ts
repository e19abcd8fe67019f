import { existsSync } from 'node:fs';
import type { Redis } from 'ioredis';
import * as z from 'zod';
import { auditData } from './audit-event.ts';
import { messageOf } from './deadline.ts';
import { type Claims, peek, type PublicJwk, verificationKey, verified } from './mandates.ts';
import { isOverLimit } from './minute-limits.ts';
import { type Answer, type Call, json, type NodeApp } from './node-app.ts';
import { flat, signAuditData, STREAMS } from './streams.ts';

// The control path (contract, request evidence 1.6; Caracal apps/api/src/control): every call leaves an event, also one that only reads.

const AUDIENCE = 'caracal-control';
const TOLERANCE_SECONDS = 60;
const JWKS_TIMEOUT_MS = 5000;
const REPLAY_SECONDS = 3600;
const CALLS_PER_MINUTE_OF_ADDRESS = 120;
const CALLS_PER_MINUTE_OF_SUBJECT = 60;

const jwksSchema = z.object({ keys: z.array(z.custom<PublicJwk>((value) => typeof value === 'object' && value !== null && 'kid' in value)) });
const bodySchema = z.object({ command: z.string().catch(''), subcommand: z.string().catch(''), flags: z.record(z.string(), z.unknown()).catch({}) });
type Command = z.infer<typeof bodySchema>;

export type ControlContext = {
  redis: Redis; auditKey: Buffer;
  /** The path is open while this file exists. */
  gateFile: string;
  issuer: string; stsUrl: string;
  /** This API itself, which commands call like any other client. */
  self: { url: string; adminToken: string };
};

class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, reason: string) {
    super(reason);
    this.status = status;
    this.code = code;
  }
}

/** Commands that read, and where they do. */
const COMMANDS: Readonly<Record<string, (zone: string, flags: Readonly<Record<string, unknown>>) => string>> = {
  'audit tail': (zone) => `${zone}/audit`,
  'audit admin': (zone) => `${zone}/admin-audit`,
  explain: (zone, flags) => `${zone}/audit/by-request/${encodeURIComponent(flag(flags, 'request-id'))}/explain`,
  'approval list': (zone) => `${zone}/approvals`,
  'authority-record list': (zone) => `${zone}/authority-records`,
  'policy-set list': (zone) => `${zone}/policy-sets`,
};

export function addControlRoute(app: NodeApp, context: ControlContext): void {
  app.route('POST', '/v1/control/invoke', (call) => invoke(context, call));
}

async function invoke(context: ControlContext, call: Call): Promise<Answer> {
  const told: Told = { zone_id: '', subject: 'anonymous', jti: '', client_id: '', command: '', subcommand: '', reason: '', idempotency_key: '' };
  try {
    if (!existsSync(context.gateFile)) throw new Refused(503, 'control_disabled', 'control disabled');
    if (await isOverLimit(context.redis, `api:control_invoke_ip:${call.ip}`, CALLS_PER_MINUTE_OF_ADDRESS)) throw new Refused(429, 'rate_limited', 'ip rate limited');
    const claims = await claimsOf(context, call.headers.authorization);
    Object.assign(told, { zone_id: claims.zone_id, subject: claims.sub, jti: claims.jti, client_id: claims.client_id });
    if (await context.redis.set(`caracal:control:jti:${claims.jti}`, '1', 'EX', REPLAY_SECONDS, 'NX') === null) throw new Refused(401, 'token_replay', 'replay');
    if (await isOverLimit(context.redis, `api:control_invoke_subject:${claims.sub}`, CALLS_PER_MINUTE_OF_SUBJECT)) throw new Refused(429, 'rate_limited', 'rate limited');
    const command = bodySchema.catch({ command: '', subcommand: '', flags: {} }).parse(call.body);
    const key = command.flags['idempotency-key'];
    Object.assign(told, { command: command.command, subcommand: command.subcommand, idempotency_key: typeof key === 'string' ? key : '' });
    const result = await dispatch(context, call, claims, command);
    await emit(context, call, 'allow', told);
    return json(200, { ok: true, result });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await emit(context, call, 'deny', { ...told, reason: error.message });
    return json(error.status, { ok: false, error: { code: error.code, reason: TOLD_REASONS[error.code] ?? error.message } });
  }
}

/** What the caller hears, where it is not what the event says. */
const TOLD_REASONS: Readonly<Record<string, string>> = {
  control_disabled: 'the control endpoint is disabled on this deployment', rate_limited: 'request rate exceeded; retry with backoff',
  unauthorized: 'the control token is missing, malformed, or failed verification', token_replay: 'this token was already used; mint a fresh token per invoke', upstream: 'upstream error',
};

/** The command's scope, then the API's own answer, asked for under the same request id. */
async function dispatch({ self }: ControlContext, call: Call, claims: Claims, { command, subcommand, flags }: Command): Promise<unknown> {
  const path = COMMANDS[[command, subcommand].filter(Boolean).join(' ')];
  if (path === undefined) throw new Refused(501, 'unsupported', `command "${command}" is not supported`);
  const scope = `control:${command}:read`;
  if (!(claims.scope ?? '').split(' ').includes(scope)) throw new Refused(403, 'denied', `missing scope ${scope}`);
  const response = await fetch(`${self.url}/v1/zones/${path(claims.zone_id, flags)}`, { headers: { authorization: `Bearer ${self.adminToken}`, 'x-request-id': call.id } })
    .catch((error: unknown) => {
      throw new Refused(502, 'upstream', messageOf(error));
    });
  const body = await response.json() as { error?: string };
  if (response.status === 404) throw new Refused(404, 'not_found', body.error ?? 'not found');
  if (!response.ok) throw new Refused(502, 'upstream', `${String(response.status)} ${body.error ?? ''}`);
  return body;
}

function flag(flags: Readonly<Record<string, unknown>>, name: string): string {
  const value = flags[name];
  if (typeof value !== 'string' || value === '') throw new Refused(400, 'invalid', `flag "${name}" is required`);
  return value;
}

async function claimsOf({ stsUrl, issuer }: ControlContext, authorization: string | undefined): Promise<Claims> {
  const refuse = (reason: string): never => {
    throw new Refused(401, 'unauthorized', `auth: ${reason}`);
  };
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]?.trim() ?? refuse('missing bearer token');
  const seen = peek(token) ?? refuse('malformed token');
  const zoneId = seen.payload['zone_id'];
  if (typeof zoneId !== 'string' || zoneId === '') return refuse('missing zone_id');
  const response = await fetch(`${stsUrl}/.well-known/jwks.json?zone_id=${encodeURIComponent(zoneId)}`, { signal: AbortSignal.timeout(JWKS_TIMEOUT_MS) })
    .catch((error: unknown) => refuse(messageOf(error)));
  if (!response.ok) return refuse(`jwks status ${String(response.status)}`);
  const key = jwksSchema.parse(await response.json()).keys.find(({ kid }) => kid === seen.kid) ?? refuse('invalid token: no applicable key found in the JSON Web Key Set');
  const claims = verified(token, verificationKey(key)) ?? refuse('invalid token: signature verification failed');
  if (claims.iss !== issuer) refuse('invalid token: unexpected "iss" claim value');
  if (!claims.aud.includes(AUDIENCE)) refuse('invalid token: unexpected "aud" claim value');
  if (claims.exp + TOLERANCE_SECONDS <= Date.now() / 1000) refuse('invalid token: "exp" claim timestamp check failed');
  return claims;
}

type Told = { zone_id: string; subject: string; jti: string; client_id: string; command: string; subcommand: string; reason: string; idempotency_key: string };

/** The event's id is the request's. Straight to the stream, not through the outbox. */
async function emit({ redis, auditKey }: ControlContext, call: Call, decision: 'allow' | 'deny', { zone_id, ...told }: Told): Promise<void> {
  const data = auditData({
    id: call.id, zone_id: zone_id === '' ? 'unknown' : zone_id, event_type: 'control.invoke', request_id: call.id, decision, evaluation_status: 'complete',
    determining_policies_json: [], diagnostics_json: [], metadata_json: { ...told, authorized_by: '' }, occurred_at: new Date().toISOString(),
  });
  await redis.xadd(STREAMS.audit, '*', ...flat({ id: call.id, data, sig: signAuditData(auditKey, data) }));
}
