/** Compares a mandate with verifiers, and reads from the deployment what that needs: keys from its STS, revocations from its Redis. */
import type { Deployment } from '../../targets/deployment.ts';
import { Unavailable } from '../../targets/failures.ts';
import type { Known } from '../liveness.ts';
import type { Mandate } from '../mandate.ts';
import { readRevocationStore } from '../revocationStore.ts';
import type { RevocationStore } from '../revocationStore.ts';
import { compareWithVerifier } from './compare.ts';
import { anchorClaims, isStoredIn } from './findings.ts';
import type { Facts, ZoneKeys } from './findings.ts';
import { isSameIssuer, leadsTo } from './issuer.ts';
import { readZoneKeys } from './keys.ts';
import type { ComparedVerifier, VerifierFacts } from './section.ts';
import type { Settings, VerifierSettings } from './setting.ts';
import { checkSignature } from './signature.ts';

export interface ToCompare {
  /** Undefined where no target is picked: then nothing is asked. */
  readonly deployment: Deployment | undefined;
  readonly mandate: Mandate | undefined;
  readonly verifiers: readonly VerifierSettings[];
  /** When the resource looked at the mandate, milliseconds since 1970; undefined where nobody knows, and now counts. */
  readonly calledAt: number | undefined;
}

/**
 * Compares. An issuer that is not known to be the STS of the deployment is not contacted, and no credential is sent to any.
 *
 * @throws the signal's reason when it is aborted
 */
export async function compareVerifiers({ deployment, mandate, verifiers, calledAt }: ToCompare, signal: AbortSignal): Promise<VerifierFacts> {
  const now = calledAt ?? Date.now();
  if (mandate === undefined || verifiers.length === 0) return { mandate, compared: [], now, isOfCall: calledAt !== undefined };
  const keys = new VerifierKeys(deployment, mandate, signal);
  const revocations = await revocationsOf(deployment, mandate, signal);
  const compared: ComparedVerifier[] = [];
  for (const alike of Map.groupBy(verifiers, ({ language, settings }) => JSON.stringify([language, settings])).values()) {
    const [first] = alike;
    if (first === undefined) continue;
    const { language, settings } = first;
    const [ofKeys, ofStore] = [await keys.of(settings), storeOf(settings, mandate, revocations)];
    const facts: Facts = { mandate, settings, language, now, keys: ofKeys.keys, revocations: ofStore.revocations, notRead: { keys: ofKeys.notRead, revocations: ofStore.notRead } };
    compared.push({ verifiers: alike, comparison: await compareWithVerifier(facts), readsRedis: ofStore.revocations !== undefined });
  }
  return { mandate, compared, now, isOfCall: calledAt !== undefined };
}

interface KeysOfVerifier {
  readonly keys?: Facts['keys'];
  readonly notRead?: string;
}

/** The keys that verifiers get, each zone read once. */
class VerifierKeys {
  readonly #deployment: Deployment | undefined;
  readonly #mandate: Mandate;
  readonly #signal: AbortSignal;
  readonly #read = new Map<string, Promise<Known<ZoneKeys>>>();

  constructor(deployment: Deployment | undefined, mandate: Mandate, signal: AbortSignal) {
    this.#deployment = deployment;
    this.#mandate = mandate;
    this.#signal = signal;
  }

  async of(settings: Settings): Promise<KeysOfVerifier> {
    const [issuer, zone] = [textOf(settings, 'issuer'), textOf(settings, 'zone')];
    // Of a setting that is not known the comparison says so itself.
    if (issuer === undefined || zone === undefined || zone === '') return {};
    if (this.#deployment === undefined) return { notRead: 'no target is picked whose STS could be asked for keys' };
    try {
      if (!(await this.#isSts(this.#deployment, issuer))) return { notRead: `${URL.parse(issuer)?.host ?? 'this issuer'} is not known to be the STS of this target, so it was not asked for keys` };
      const keys = await this.#ofZone(this.#deployment, zone);
      return keys.kind === 'row' ? { keys: new Map([[zone, keys.row]]) } : { notRead: keys.kind === 'absent' ? 'there are no keys' : keys.why };
    } catch (error) {
      if (error instanceof Unavailable) return { notRead: `the keys of the zone were not read: ${error.message}` };
      throw error;
    }
  }

  /** By its address, or because the STS has signed that this is its name. */
  async #isSts(deployment: Deployment, issuer: string): Promise<boolean> {
    if (leadsTo(issuer, deployment.http('sts').at('/'))) return true;
    const { iss, zone_id: zone } = this.#mandate.claims;
    if (iss === undefined || zone === undefined || !isSameIssuer(issuer, iss)) return false;
    const keys = await this.#ofZone(deployment, zone);
    return keys.kind === 'row' && (await checkSignature(this.#mandate, keys.row.keys, 'typescript')) === 'right';
  }

  #ofZone(deployment: Deployment, zone: string): Promise<Known<ZoneKeys>> {
    const reading = this.#read.get(zone) ?? readZoneKeys(deployment, zone, this.#signal);
    this.#read.set(zone, reading);
    return reading;
  }
}

function textOf({ named, others }: Settings, name: 'issuer' | 'zone'): string | undefined {
  const setting = named[name] ?? others;
  return setting?.kind === 'literal' && typeof setting.value === 'string' ? setting.value : undefined;
}

async function revocationsOf(deployment: Deployment | undefined, { payload, claims }: Mandate, signal: AbortSignal): Promise<Known<RevocationStore>> {
  if (deployment === undefined) return { kind: 'cannot look', why: 'no target is picked' };
  const anchors = anchorClaims.map((claim) => payload[claim]).filter((id) => typeof id === 'string');
  return readRevocationStore(deployment, { zoneId: claims.zone_id, anchors }, signal);
}

/** Redis is taken for the store of a verifier only where its source says that it keeps revocations in one. */
function storeOf(settings: Settings, { payload }: Mandate, read: Known<RevocationStore>): { readonly revocations?: Facts['revocations']; readonly notRead?: string } {
  if (read.kind !== 'row') return { notRead: `the revocation store was not read${read.kind === 'absent' ? '' : `: ${read.why}`}` };
  const { revoked, epoch } = read.row;
  if (isStoredIn(settings, /redis/i)) return { revocations: { kind: 'read', revoked, epoch: epoch ?? 0 } };
  const has = anchorClaims.filter((claim) => revoked.has(String(payload[claim])));
  return { notRead: `the server may keep its revocations elsewhere than in the Redis of this target, which has ${has.length === 0 ? 'no id of the mandate' : has.join(', ')} and ${epoch === undefined ? 'no epoch' : `epoch ${epoch}`}` };
}
