import type { Pool } from 'pg';
import { uuidv7 } from '../stores/identifiers.ts';
import { goTime } from './audit-event.ts';
import type { AuditProducer } from './audit-producer.ts';
import type { GoRedis } from './go-redis.ts';
import type { Log } from './logging.ts';
import type { BundleInfo, PolicyEngine } from './policy-engine.ts';
import type { ProviderTokens } from './provider-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What every exchange of the STS works with. */
export type StsContext = {
  pool: Pool; redis: GoRedis; policy: PolicyEngine; keys: SigningKeys; providers: ProviderTokens; audit: AuditProducer; issuer: string;
  kek: Buffer; mintLimitPerMinute: number; log: Log; counters: { traversals: number; traversalErrors: number };
};

/** A request of a known caller: where its events go, and what each of them says about the caller. */
export type Asking = { context: StsContext; zoneId: string; requestId: string; base: Record<string, unknown> };

/** An answer other than the one that was asked for. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, description: string) {
    super(description);
    this.status = status;
    this.code = code;
  }
}

export type StsEvent = {
  decision: string; status: string; type?: string; metadata: Record<string, unknown>;
  /** Without them the event was written before or outside policy, and both are null. */
  policies?: unknown; diagnostics?: unknown;
  bundle?: BundleInfo;
};

export function record({ context, zoneId, requestId, base }: Asking, event: StsEvent): void {
  context.audit.emit({
    id: uuidv7(), zone_id: zoneId, event_type: event.type ?? 'token_exchange', request_id: requestId, decision: event.decision,
    policy_set_version_id: event.bundle?.policySetVersionId ?? '', manifest_sha: event.bundle?.manifestSha ?? '', evaluation_status: event.status,
    determining_policies_json: event.policies ?? null, diagnostics_json: event.diagnostics ?? null, metadata_json: { ...base, ...event.metadata },
    occurred_at: goTime(),
  });
}

/** Writes a denial that no policy made. */
export function deny(asking: Asking, status: string, metadata: Record<string, unknown> = {}): void {
  record(asking, { decision: 'deny', status, metadata });
}

/** Counts against a limit of a minute; without Redis nothing is within it (contract, storage 8). */
export async function withinLimit({ redis, mintLimitPerMinute }: StsContext, key: string): Promise<boolean> {
  try {
    return await redis.run(async (client) => {
      const count = await client.incr(key);
      if (count === 1) await client.expire(key, 60);
      return count <= mintLimitPerMinute;
    });
  } catch {
    return false;
  }
}
