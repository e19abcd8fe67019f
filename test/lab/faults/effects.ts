import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';

/** What a service says at a path. */
export async function answers(lab: Lab, service: keyof Lab['services'], path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(new URL(path, lab.services[service].url), { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, body: await response.text() };
}

/** Audit tells that its reader failed, which takes until its blocking read ends. */
export async function auditReaderFailed(lab: Lab): Promise<void> {
  await eventually('audit says consumer_unhealthy', async () => (await answers(lab, 'audit', '/health')).status === 503);
}

export async function gatewayMissesSts(lab: Lab): Promise<void> {
  await eventually('gateway says sts_unreachable', async () => (await answers(lab, 'gateway', '/ready')).body.includes('sts_unreachable'));
}
