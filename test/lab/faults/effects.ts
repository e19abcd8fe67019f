import type { Redis } from 'ioredis';
import { eventually } from '../eventually.ts';
import type { ServiceName } from '../services/service-process.ts';

/** A lab of any kind, by the addresses of its services. */
interface Serving {
  readonly services: Readonly<Record<ServiceName, { readonly url: string }>>;
}

/** What a service says at a path. */
export async function answers(lab: Serving, service: ServiceName, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(new URL(path, lab.services[service].url), { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, body: await response.text() };
}

/** Audit tells that its reader failed, which takes until its blocking read ends. */
export async function auditReaderFailed(lab: Serving): Promise<void> {
  await eventually('audit says consumer_unhealthy', async () => (await answers(lab, 'audit', '/health')).status === 503);
}

export async function gatewayMissesSts(lab: Serving): Promise<void> {
  await eventually('gateway says sts_unreachable', async () => (await answers(lab, 'gateway', '/ready')).body.includes('sts_unreachable'));
}

/** Each stream whose entries are signed has one, so that whether the key is right can be seen in all of them. */
export async function signedStreamsHaveEntries({ redisClient }: { readonly redisClient: Redis }): Promise<void> {
  await eventually('an entry in each signed stream', async () => {
    const lengths = await Promise.all(['policy.invalidate', 'sessions.revoke', 'agents.lifecycle'].map((stream) => redisClient.xlen(`caracal.${stream}`)));
    return lengths.every((length) => length > 0);
  }, 30_000);
}
