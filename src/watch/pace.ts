/** When to look again at a deployment that is watched. Pure; all times are milliseconds of one clock. */

/** Readiness of a service is asked no more often than this from one address: Caracal apps/api/src/app.ts:597 limits it to 120 a minute for all. */
export const readinessEveryMs = 5_000;

/** Everything else says what it has to say in this time. */
const everythingEveryMs = 30_000;

/** Events come in bursts: a container that dies is detached, removed and started again. */
const settlingMs = 500;

/** A service that answered 429 is left alone for longer each time, up to this. */
const slowestMs = 60_000;

/** What is known of the looks so far. */
export interface Looks {
  /** When the last look of any kind ended; undefined before the first. */
  readonly readinessAt: number | undefined;
  /** When the last look at everything ended. */
  readonly everythingAt: number | undefined;
  /** When something last happened to what runs the deployment, since the last look at everything. */
  readonly eventAt: number | undefined;
  /** Looks in a row in which a service said that it is asked too often. */
  readonly throttled: number;
}

export const noLooks: Looks = { readinessAt: undefined, everythingAt: undefined, eventAt: undefined, throttled: 0 };

/** The next look: when, and at what. */
export function nextLook({ readinessAt, everythingAt, eventAt, throttled }: Looks): { readonly at: number; readonly of: 'readiness' | 'everything' } {
  if (readinessAt === undefined || everythingAt === undefined) return { at: 0, of: 'everything' };
  const earliest = readinessAt + Math.min(readinessEveryMs * 2 ** throttled, slowestMs);
  if (eventAt !== undefined) return { at: Math.max(earliest, eventAt + settlingMs), of: 'everything' };
  const everything = Math.max(earliest, everythingAt + everythingEveryMs);
  return everything <= earliest ? { at: everything, of: 'everything' } : { at: earliest, of: 'readiness' };
}

/** The looks after one more, which ended at `at`. */
export function afterLook(looks: Looks, of: 'readiness' | 'everything', at: number, throttled: boolean): Looks {
  return {
    readinessAt: at,
    everythingAt: of === 'everything' ? at : looks.everythingAt,
    eventAt: of === 'everything' ? undefined : looks.eventAt,
    throttled: throttled ? looks.throttled + 1 : 0,
  };
}
