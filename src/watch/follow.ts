import { setTimeout as wait } from 'node:timers/promises';
import type { Redactor } from '../redaction/redactor.ts';
import type { Deployment, WorkloadEvent } from '../targets/deployment.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';

/** Between a lost way and the next try, at first and at most. */
const firstPauseMs = 500;
const longestPauseMs = 15_000;

export interface FollowOptions {
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  /** Something happened to what runs the deployment. */
  readonly onEvent: (event: WorkloadEvent) => void;
}

/**
 * Tells what happens to the containers or pods of a target, for as long as the signal is not aborted. A
 * way that is lost is opened again; what happened meanwhile is told as one event. Of a target that is
 * reached by addresses nothing can be told, and it ends at once. Never rejects.
 */
export async function follow(located: LocatedTarget, { redactor, signal, onEvent }: FollowOptions): Promise<void> {
  if (located.target.kind === 'endpoints') return;
  for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    let deployment: Deployment | undefined;
    try {
      deployment = await openTarget(located, { redactor, zone: undefined, signal });
      const way = located.target.kind === 'compose' ? deployment.compose() : deployment.kubernetes();
      for await (const event of way.events(signal)) {
        pauseMs = firstPauseMs;
        onEvent(event);
      }
    } catch {
      // Why the way is lost is told by the check of the engine or the cluster, which is asked next.
    } finally {
      deployment?.close();
    }
    try {
      await wait(pauseMs, undefined, { signal });
      onEvent({ component: located.target.kind === 'compose' ? 'Compose' : 'Kubernetes', what: 'the way to its events was lost' });
    } catch {
      return;
    }
  }
}
