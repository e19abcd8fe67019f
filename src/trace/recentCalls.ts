import type { Redactor } from '../redaction/redactor.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';
import { endsOfHolds, failedCalls } from './failedCalls.ts';
import type { FailedCall } from './failedCalls.ts';
import { auditOf } from './read.ts';
import type { ReadOptions } from './read.ts';

export interface RecentCallsOptions extends ReadOptions {
  readonly target: LocatedTarget;
  /** Instead of the target's own. */
  readonly zone: string | undefined;
  /** Those around this time instead of the last hour, milliseconds since 1970. */
  readonly around?: number | undefined;
  readonly redactor: Redactor;
}

export interface RecentCalls {
  /** Newest first, masked. */
  readonly calls: readonly FailedCall[];
  /** False where there are more than these. */
  readonly isWhole: boolean;
}

const lookBackMs = 60 * 60_000;
/** Nobody remembers a time better than this. */
const aroundMs = 5 * 60_000;
/** Clocks of services that are ahead of this one may not hide what is newest. */
const aheadMs = 60 * 60_000;
/** More than this nobody reads through: a trace is found by its id. */
const mostCalls = 50;

/**
 * Reads which calls of a zone were denied, refused, held or failed in the last hour, or around a time.
 *
 * @throws Unavailable when there is no way to the audit, or nobody can tell the zone; Refused when the audit cannot be read; the signal's reason when it is aborted
 */
export async function recentCalls({ target, zone, around, redactor, ...options }: RecentCallsOptions): Promise<RecentCalls> {
  const { signal } = options;
  const deployment = await openTarget(target, { redactor, zone, signal });
  try {
    const { store } = await auditOf(deployment, undefined, options);
    const now = Date.now();
    const stretch = around === undefined ? { from: now - lookBackMs, until: now + aheadMs } : { from: around - aroundMs, until: around + aroundMs };
    const { events, isWhole } = await store.ofFailures(stretch, signal);
    const isHeld = events.some(({ decision }) => decision === 'pending');
    const ends = isHeld ? (await store.ofTypes(endsOfHolds, stretch, signal)).events : [];
    const calls = failedCalls(events, ends, now);
    return redactor.json({ calls: calls.slice(0, mostCalls), isWhole: isWhole && calls.length <= mostCalls });
  } finally {
    deployment.close();
  }
}
