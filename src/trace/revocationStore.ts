/** The revocations that resource servers see, where they keep them in the Redis of the deployment: contract request-evidence 12.1. */
import type { Deployment } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import type { Known } from './liveness.ts';

/** The default prefix of the store; a resource server may be given another. */
const prefix = 'caracal:revoked:sessions:';
/** A record of an epoch lasts 24 h, so one that is missing says nothing of the zone. */
const epochKey = (zoneId: string): string => `${prefix}delegation-epoch:${zoneId}`;

export interface RevocationStore {
  /** Those of the anchors that the store has. */
  readonly revoked: ReadonlySet<string>;
  /** The newest of the zone; undefined where none is recorded, which a verifier takes for 0. */
  readonly epoch: number | undefined;
}

export interface AskedOfStore {
  /** Undefined where no zone is known: its epoch is not read then. */
  readonly zoneId: string | undefined;
  /** Ids of authority records, Sessions and Delegations. */
  readonly anchors: readonly string[];
}

/**
 * Asks Redis for each anchor by its name. An answer that nothing is revoked is also that of a deployment whose resource
 * servers keep their revocations elsewhere, or under another prefix.
 *
 * @throws the signal's reason when it is aborted
 */
export async function readRevocationStore(deployment: Deployment, { zoneId, anchors }: AskedOfStore, signal: AbortSignal): Promise<Known<RevocationStore>> {
  try {
    const redis = deployment.redis();
    const asked = [...new Set(anchors)].filter((anchor) => anchor !== '');
    const [epoch, ...found] = await Promise.all([
      zoneId === undefined ? null : redis.call(['GET', epochKey(zoneId)], signal),
      ...asked.map((anchor) => redis.call(['EXISTS', `${prefix}${anchor}`], signal)),
    ]);
    if (epoch !== null && !(typeof epoch === 'string' && /^\d{1,15}$/.test(epoch))) return { kind: 'cannot look', why: 'the epoch that Redis has of the zone is no number' };
    return { kind: 'row', row: { revoked: new Set(asked.filter((_, at) => found[at] === 1)), epoch: epoch === null ? undefined : Number(epoch) } };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refused || error instanceof Unavailable) return { kind: 'cannot look', why: error.message };
    throw error;
  }
}
