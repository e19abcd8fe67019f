import * as z from 'zod';
import { messageOf } from './deadline.ts';
import type { GoRedis } from './go-redis.ts';

const ATTEMPTS = 2;
const TIMEOUT_MS = 5000;
const FAILURE_LIMIT = 5;
const FAILURE_SECONDS = 300;
const CIRCUIT_SECONDS = 30;
/** A cached token is not given out for the last minute of its life. */
const SKEW_MS = 60_000;

const configSchema = z.object({ token_endpoint: z.url(), client_id: z.string().min(1) });
const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().default(300) });

/**
 * Service tokens of providers of kind `oauth2_client_credentials`, cached in memory; five failures of a
 * token endpoint within five minutes open its circuit for 30 s (contract, storage 8; Caracal
 * services/sts/internal/refresh.go:884).
 */
export class ProviderTokens {
  readonly #redis: GoRedis;
  readonly #cache = new Map<string, { token: string; until: number }>();
  readonly counters = { circuitOpen: 0 };

  constructor(redis: GoRedis) {
    this.#redis = redis;
  }

  /** @throws Error with Caracal's text when there is none to be had */
  async token(provider: { id: string; config: unknown }): Promise<string> {
    const { id } = provider;
    const cached = this.#cache.get(id);
    if (cached !== undefined && cached.until > Date.now() + SKEW_MS) return cached.token;
    const config = configSchema.safeParse(provider.config);
    if (!config.success) throw new Error('provider oauth2 config invalid');
    const circuit = `provider-refresh-circuit:${id}`;
    if (await this.#redis.run((client) => client.exists(circuit)).catch(() => 0) > 0) {
      this.counters.circuitOpen += 1;
      throw new Error('provider token circuit open');
    }
    const failures = `provider-refresh-failures:${id}`;
    try {
      const granted = tokenSchema.parse(await ask(config.data));
      await this.#redis.run((client) => client.del(failures, circuit)).catch(() => 0);
      this.#cache.set(id, { token: granted.access_token, until: Date.now() + granted.expires_in * 1000 });
      return granted.access_token;
    } catch (error) {
      await this.#redis.run(async (client) => {
        const failed = await client.incr(failures);
        await client.expire(failures, FAILURE_SECONDS);
        if (failed >= FAILURE_LIMIT) await client.set(circuit, 'open', 'EX', CIRCUIT_SECONDS);
      }).catch(() => undefined);
      throw error;
    }
  }
}

/** Twice, like the real one; anything but 200 is a failure. */
async function ask({ token_endpoint, client_id }: z.infer<typeof configSchema>): Promise<unknown> {
  let last: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      const response = await fetch(token_endpoint, {
        method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id }), redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.status === 200) return await response.json();
      await response.body?.cancel();
      last = new Error(`provider token endpoint returned ${String(response.status)}`);
    } catch (error) {
      last = error;
    }
  }
  throw last instanceof Error ? last : new Error(messageOf(last));
}
