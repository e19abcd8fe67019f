/** What one check of a verifier finds, each by itself: contract request-evidence 11.3. The order and what comes of it are in compare.ts. */
import { asgiVariables, clockToleranceSeconds, insecureUrlsVariable, mostKeySetBytes, settingDefaults, settingNames } from '../../caracal/verifiers.ts';
import type { VerifierError, VerifierCheckKey, VerifierLanguage, VerifierSetting, VerifierStep } from '../../caracal/verifiers.ts';
import type { Mandate } from '../mandate.ts';
import { isLoopback } from './issuer.ts';
import type { Setting, Settings, SourcePlace } from './setting.ts';
import { checkSignature, usableKeys } from './signature.ts';
import type { Jwk } from './signature.ts';

/** What the issuer that a verifier is set to answers to a request for the keys of a zone. */
export interface ZoneKeys {
  /** The status of HTTP. */
  readonly status: number;
  readonly bytes: number;
  readonly keys: readonly Jwk[];
}

/** The revocation store of a resource server: contract request-evidence 12.1. */
export type Revocations =
  | {
      readonly kind: 'read';
      /** Those of the ids in the mandate that the store has. */
      readonly revoked: ReadonlySet<string>;
      /** Of the zone, 0 where none is recorded; undefined where the store keeps none. */
      readonly epoch: number | undefined;
    }
  /** A store that cannot be asked counts as one that has everything. */
  | { readonly kind: 'unreachable' };

export interface Facts {
  readonly mandate: Mandate;
  readonly settings: Settings;
  readonly language: VerifierLanguage;
  /** Milliseconds since 1970, by the clock of the verifier. */
  readonly now: number;
  /** By zone id; a zone that is missing was not asked for. */
  readonly keys?: ReadonlyMap<string, ZoneKeys> | undefined;
  readonly revocations?: Revocations | undefined;
  /** Why keys or revocations were not read, as it goes on after "cannot tell:". */
  readonly notRead?: { readonly keys?: string | undefined; readonly revocations?: string | undefined } | undefined;
  /** Whether `CARACAL_ALLOW_INSECURE_CONFIG_URLS` is `true` where the verifier runs; undefined where that is not known. */
  readonly allowsInsecureUrls?: boolean | undefined;
}

export type Result =
  | { readonly kind: 'agrees' }
  | { readonly kind: 'mismatch'; readonly fix: string }
  | { readonly kind: 'cannot tell'; readonly why: string }
  | { readonly kind: 'not applicable'; readonly why: string };

/** The part in which two texts differ: both from `from`, and to where each begins to end alike. */
export interface Difference {
  readonly from: number;
  readonly tokenTo: number;
  readonly verifierTo: number;
}

export interface Finding {
  readonly result: Result;
  readonly token?: string | undefined;
  readonly verifier?: string | undefined;
  readonly place?: SourcePlace | undefined;
  readonly differs?: Difference | undefined;
  /** Where it is not that of the check. */
  readonly refusal?: VerifierError;
}

/** What a mandate can be revoked by: contract request-evidence 11.3, row 18. */
export const anchorClaims = ['sid', 'root_sid', 'agent_session_id', 'delegation_edge_id'] as const;

const agrees: Result = { kind: 'agrees' };
const mismatch = (fix: string): Result => ({ kind: 'mismatch', fix });
const cannotTell = (why: string): Result => ({ kind: 'cannot tell', why });
const notApplicable = (why: string): Result => ({ kind: 'not applicable', why });

export const findings: Readonly<Record<VerifierCheckKey, (facts: Facts, step: VerifierStep) => Finding | Promise<Finding>>> = {
  'zone': (facts) => {
    const zone = textSetting(facts, 'zone');
    if (zone.kind === 'unknown') return unknownSetting(zone);
    return { ...shown(zone), result: zone.value === undefined || zone.value === '' ? mismatch(`Set ${name(facts, 'zone')}${quoteIfText(facts.mandate.payload['zone_id'])}: without a zone every mandate is refused.`) : agrees };
  },
  'jwks': keysCanBeRead,
  'signature': signed,
  'iss': (facts) => {
    const issuer = textSetting(facts, 'issuer');
    const token = facts.mandate.payload['iss'];
    const beside = { ...shown(issuer), token: display(token) };
    if (issuer.kind === 'unknown') return { ...beside, result: cannotTell(issuer.why) };
    if (token === issuer.value && issuer.value !== '') return { ...beside, result: agrees };
    return { ...beside, differs: difference(token, issuer.value), result: mismatch(issuerFix(facts, token, issuer.value ?? '')) };
  },
  'aud': (facts) => {
    const audience = textSetting(facts, 'audience');
    const token = facts.mandate.payload['aud'];
    const named = (Array.isArray(token) ? token : [token]).filter((one) => typeof one === 'string');
    const beside = { ...shown(audience), token: display(token) };
    if (audience.kind === 'unknown') return { ...beside, result: cannotTell(audience.why) };
    if (audience.value === undefined && facts.language === 'typescript') return { ...beside, result: notApplicable('the TypeScript verifier compares no audience where none is set') };
    if (audience.value !== undefined && named.includes(audience.value)) return { ...beside, result: agrees };
    return { ...beside, differs: named.length === 1 ? difference(named[0], audience.value) : undefined, result: mismatch(audienceFix(facts, named)) };
  },
  'exp': (facts) => {
    const { exp } = facts.mandate.payload;
    const beside = { token: moment(exp), verifier: `${moment(facts.now / 1000)}, and ${clockToleranceSeconds} s of grace` };
    if (typeof exp !== 'number') return facts.language === 'go' ? { ...beside, result: mismatch('Get a mandate from the STS: this token has no exp.') } : { ...beside, result: notApplicable('there is no exp to compare; that is refused further down') };
    return { ...beside, result: exp > facts.now / 1000 - clockToleranceSeconds ? agrees : mismatch(`Get a new mandate: this one expired ${ago(facts.now / 1000 - exp)} ago.`) };
  },
  'iat': (facts) => {
    const { iat } = facts.mandate.payload;
    const beside = { token: moment(iat), verifier: `${moment(facts.now / 1000)}, and ${clockToleranceSeconds} s of grace` };
    if (facts.language === 'typescript') return { ...beside, result: notApplicable('the TypeScript verifier does not compare iat with its clock') };
    if (typeof iat !== 'number') return facts.language === 'go' ? { ...beside, result: mismatch('Get a mandate from the STS: this token has no iat.') } : { ...beside, result: notApplicable('there is no iat to compare; that is refused further down') };
    const ahead = iat - facts.now / 1000;
    return { ...beside, result: ahead <= clockToleranceSeconds ? agrees : mismatch(`Set the clock of the server: the mandate was issued ${ago(ahead)} in its future.`) };
  },
  'claims': ({ mandate: { payload } }, { claims = [] }) => {
    const missing = claims.filter((claim) => (claim === 'exp' || claim === 'iat' ? typeof payload[claim] !== 'number' : typeof payload[claim] !== 'string' || payload[claim] === ''));
    return { token: missing.length === 0 ? 'all' : `without ${missing.join(', ')}`, verifier: claims.join(', '), result: missing.length === 0 ? agrees : mismatch(`Get a mandate from the STS: this token has no ${missing.join(', ')}, or not as it should be.`) };
  },
  'use': ({ mandate: { payload } }) => ({ token: display(payload['use']), verifier: 'resource or session', result: isKnownUse(payload['use']) ? agrees : mismatch(useFix(payload['use'])) }),
  'sub_type': ({ mandate: { payload } }) => {
    const kind = payload['sub_type'];
    return { token: display(kind), verifier: 'user or application', result: kind === 'user' || kind === 'application' ? agrees : mismatch('Get a mandate from the STS: its sub_type is user or application.') };
  },
  'zone_id': (facts) => {
    const zone = textSetting(facts, 'zone');
    const token = facts.mandate.payload['zone_id'];
    const beside = { ...shown(zone), token: display(token) };
    if (zone.kind === 'unknown') return { ...beside, result: cannotTell(zone.why) };
    if (token === zone.value && zone.value !== '') return { ...beside, result: agrees };
    return { ...beside, differs: difference(token, zone.value), result: mismatch(zoneFix(facts, zone.value)) };
  },
  'required use': (facts) => {
    const { use } = facts.mandate.payload;
    const wanted = requiredUse(facts);
    const beside = { token: display(use), verifier: wanted.verifier, place: wanted.place };
    if (!isKnownUse(use)) return { ...beside, result: notApplicable('only session and resource are compared') };
    if (wanted.kind === 'unknown') return { ...beside, result: cannotTell(wanted.why) };
    if (wanted.value === undefined) return { ...beside, result: notApplicable(`${name(facts, 'use')} switches this off`) };
    return { ...beside, result: use === wanted.value ? agrees : mismatch(wanted.value === 'resource' ? useFix(use) : `Present a ${wanted.value} mandate, or set ${name(facts, 'use')} to "${use}".`) };
  },
  'scope': (facts) => {
    const { scope } = facts.mandate.payload;
    const granted = typeof scope === 'string' ? scope.split(/\s+/) : [];
    return eachOf(facts, 'scopes', display(scope), (one) => one !== '' && granted.includes(one), (one) => `Ask the STS for the scope ${one} too, or take it out of ${name(facts, 'scopes')}.`);
  },
  'target': (facts) => {
    const { target } = facts.mandate.payload;
    const granted: readonly unknown[] = Array.isArray(target) ? target : [];
    return eachOf(facts, 'targets', display(target), (one) => granted.includes(one), (one) => `Ask the STS for the resource ${one}, or take it out of ${name(facts, 'targets')}: it compares identifiers.`);
  },
  'session': (facts) => needed(facts, 'session', 'agent_session_id', 'Exchange the token within a Session'),
  'delegation': (facts) => needed(facts, 'delegation', 'delegation_edge_id', 'Exchange the token through a Delegation'),
  'hop_count': (facts) => {
    const { hop_count: hops } = facts.mandate.payload;
    const most = setting(facts, 'hops');
    const beside = { token: typeof hops === 'number' ? String(hops) : 'none, so 0', verifier: most === undefined ? `${settingDefaults.hops} (default)` : display(most.kind === 'computed' ? 'computed' : most.value), place: most?.place };
    if (most?.kind === 'computed') return { ...beside, result: cannotTell(computed(facts, 'hops', most)) };
    const limit = typeof most?.value === 'number' && most.value > 0 ? most.value : settingDefaults.hops;
    return { ...beside, result: typeof hops !== 'number' || hops <= limit ? agrees : mismatch(`Delegate over fewer hops, or set ${name(facts, 'hops')} to ${hops}.`) };
  },
  'delegation_chain': (facts) => {
    const chain = facts.mandate.payload['delegation_chain'];
    const applications = (Array.isArray(chain) ? chain : []).map((hop: unknown) => (isObject(hop) ? hop['application_id'] : undefined));
    const token = applications.length === 0 ? 'no chain' : display(applications);
    return eachOf(facts, 'chain', token, (one) => applications.includes(one), (one) => `Delegate through the Application ${one}, or take it out of ${name(facts, 'chain')}: client_id does not count.`);
  },
  'store': (facts) => {
    const store = setting(facts, 'revocations');
    if (store?.kind === 'computed') return { verifier: 'computed', place: store.place, result: cannotTell(computed(facts, 'revocations', store)) };
    const isSet = store !== undefined && store.value !== null;
    return { verifier: isSet ? display(store.value) : 'not set', place: store?.place, result: isSet ? agrees : mismatch(`Set ${name(facts, 'revocations')} to a revocation store: without one every mandate is refused.`) };
  },
  'exp again': ({ mandate: { payload }, now }) => {
    const { exp } = payload;
    const beside = { token: moment(exp), verifier: `${moment(now / 1000)}, without grace` };
    if (typeof exp !== 'number' || exp <= now / 1000 - clockToleranceSeconds) return { ...beside, result: notApplicable('the first look at exp refuses it') };
    return { ...beside, result: exp > now / 1000 ? agrees : mismatch(`Get a new mandate: this one expired ${ago(now / 1000 - exp)} ago, and the grace does not count here.`) };
  },
  'revoked': (facts) => {
    const { mandate: { payload }, revocations, settings } = facts;
    const anchors = anchorClaims.filter((claim) => typeof payload[claim] === 'string' && payload[claim] !== '');
    const beside = { token: anchors.join(', '), place: settings.named.revocations?.place };
    if (revocations === undefined) return { ...beside, verifier: 'not read', result: cannotTell(storeNotRead(facts)) };
    if (revocations.kind === 'unreachable') return { ...beside, verifier: 'unreachable', result: mismatch('Let the server reach its revocation store: one that cannot be asked counts as full.') };
    const revoked = anchors.filter((claim) => revocations.revoked.has(String(payload[claim])));
    return { ...beside, verifier: revoked.length === 0 ? 'none of them' : `has ${revoked.join(', ')}`, result: revoked.length === 0 ? agrees : mismatch(`Start a new Session and get a new mandate: ${revoked.join(', ')} ${revoked.length === 1 ? 'is' : 'are'} revoked.`) };
  },
  'delegation_graph_epoch': (facts) => {
    const { mandate: { payload }, revocations, settings } = facts;
    const epoch = payload['delegation_graph_epoch'];
    const beside = { token: display(epoch), place: settings.named.revocations?.place };
    if (typeof epoch !== 'number' || (epoch === 0 && facts.language === 'go')) return { ...beside, result: notApplicable('the mandate has no delegation_graph_epoch') };
    if (revocations === undefined) return { ...beside, verifier: 'not read', result: cannotTell(storeNotRead(facts)) };
    const current = revocations.kind === 'read' ? revocations.epoch : Infinity;
    if (current === undefined) return { ...beside, result: notApplicable('the revocation store keeps no epochs') };
    return { ...beside, verifier: revocations.kind === 'read' ? String(current) : 'unreachable', result: current <= epoch ? agrees : mismatch('Get a new mandate: a Delegation of the zone was made or revoked since.') };
  },
  'types before zone': typesAgree,
  'types before scopes': typesAgree,
  'types before session': typesAgree,
  'types before hops': typesAgree,
  'types before targets': typesAgree,
  'scope not empty': ({ mandate: { payload } }) => ({ token: display(payload['scope']), verifier: 'absent or not empty', result: payload['scope'] === '' ? mismatch('Get a mandate with a scope: the Python verifier refuses an empty one.') : agrees }),
  'types at the end': typesAgree,
};

function keysCanBeRead(facts: Facts): Finding {
  const issuer = textSetting(facts, 'issuer');
  const zone = textSetting(facts, 'zone');
  const beside = { ...shown(issuer), token: undefined, ...(facts.language === 'python' ? { refusal: 'exception' as const } : {}) };
  if (issuer.kind === 'unknown') return { ...beside, result: cannotTell(issuer.why) };
  const url = URL.parse(issuer.value ?? '');
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return { ...beside, result: mismatch(`Set ${name(facts, 'issuer')} to the URL of the STS, with https.`) };
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && facts.allowsInsecureUrls !== true) {
    if (facts.allowsInsecureUrls === undefined) return { ...beside, result: cannotTell(`http to another host is refused unless ${insecureUrlsVariable} is true where the verifier runs`) };
    return { ...beside, result: mismatch(`Use https in ${name(facts, 'issuer')}, or set ${insecureUrlsVariable}=true where the verifier runs.`) };
  }
  if (zone.kind === 'unknown') return { ...beside, result: cannotTell(zone.why) };
  const answer = facts.keys?.get(zone.value ?? '');
  if (answer === undefined) return { ...beside, result: cannotTell(keysNotRead(facts)) };
  if (answer.status !== 200) return { ...beside, result: mismatch(`Make the STS answer 200 with the keys of the zone: it answers ${answer.status}.`) };
  if (answer.bytes > mostKeySetBytes) return { ...beside, result: mismatch(`Retire keys of the zone: the set has ${Math.ceil(answer.bytes / 1024)} KB, a verifier reads ${mostKeySetBytes / 1024} KB.`) };
  if (facts.language === 'go' && usableKeys(answer.keys, 'go') === 0) return { ...beside, result: mismatch('Let the STS issue a mandate in this zone: before the first one there is no key, and Go refuses an empty set.') };
  return { ...beside, result: agrees };
}

/** Keys belong to a zone, so a mandate of another zone ends here and not at the zone: contract request-evidence 11.3, row 2. */
async function signed(facts: Facts): Promise<Finding> {
  const { mandate, keys, language } = facts;
  const { alg, kid } = mandate.header;
  const zone = textSetting(facts, 'zone');
  const beside = { ...shown(zone), token: `${clip(alg ?? 'no alg')}, ${kid === undefined || kid === '' ? 'no kid' : `kid ${clip(kid)}`}` };
  if (alg !== 'ES256') return { ...beside, verifier: 'ES256', place: undefined, result: mismatch('Get a mandate from the STS: it signs with ES256 alone.') };
  if (zone.kind === 'unknown') return { ...beside, result: cannotTell(`${zone.why}, and keys belong to a zone`) };
  const ofZone = keys?.get(zone.value ?? '');
  const otherZone = mandate.payload['zone_id'] !== zone.value;
  if (ofZone === undefined) return { ...beside, result: otherZone ? mismatch(zoneFix(facts, zone.value)) : cannotTell(keysNotRead(facts)) };
  switch (await checkSignature(mandate, ofZone.keys, language)) {
    case 'right': return { ...beside, result: agrees };
    case 'several keys': return { ...beside, result: mismatch('Get a mandate from the STS: this token does not name its key, and the zone has several.') };
    case 'unknown key': return { ...beside, result: mismatch(otherZone ? zoneFix(facts, zone.value) : `Get a new mandate from the STS of the zone: it has no key ${kid === undefined || kid === '' ? 'for a token without kid' : 'with this kid'}.`) };
    case 'wrong': return { ...beside, result: mismatch('Get a new mandate: the signature of this one does not fit what it says.') };
  }
}

function typesAgree({ mandate: { payload }, language }: Facts, { claims = [] }: VerifierStep): Finding {
  const wrong = claims.filter((claim) => !hasItsType(claim, payload[claim], Object.hasOwn(payload, claim), language));
  return { token: wrong.length === 0 ? undefined : `${wrong.join(', ')}: of another type`, verifier: claims.join(', '), result: wrong.length === 0 ? agrees : mismatch(`Get a mandate from the STS: ${wrong.join(', ')} ${wrong.length === 1 ? 'is' : 'are'} not as it writes ${wrong.length === 1 ? 'it' : 'them'}.`) };
}

/** As packages/identity reads them. Null is as good as absent, but for the scope in Python. */
function hasItsType(claim: string, value: unknown, present: boolean, language: VerifierLanguage): boolean {
  if (claim === 'scope') return !present || typeof value === 'string' || (value === null && language !== 'python');
  if (value === undefined || value === null) return true;
  if (claim === 'target' || claim === 'delegation_path') return Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
  if (claim === 'delegation_chain') return Array.isArray(value) && value.every(isHop);
  if (claim === 'exp' || claim === 'iat' || claim === 'hop_count' || claim === 'delegation_graph_epoch') return Number.isInteger(value) && Number(value) >= 0;
  return typeof value === 'string';
}

function isHop(hop: unknown): boolean {
  if (!isObject(hop)) return false;
  const { application_id: application, agent_session_id: session = null, delegation_edge_id: edge = null } = hop;
  return typeof application === 'string' && application !== '' && [session, edge].every((id) => id === null || typeof id === 'string');
}

/** A list of which the token must have every member; the first that it has not is the one that the error names. */
function eachOf(facts: Facts, of: VerifierSetting, token: string, has: (one: string) => boolean, fix: (one: string) => string): Finding {
  const wanted = setting(facts, of);
  if (wanted === undefined) return { token, verifier: 'not set', result: notApplicable(`${name(facts, of)} is not set`) };
  const list = wanted.kind === 'computed' ? wanted.known : wanted.value;
  const members: readonly string[] = Array.isArray(list) ? list : [];
  const beside = { token, place: wanted.place, verifier: wanted.kind === 'computed' ? 'computed' : display(members) };
  const missing = members.find((one) => !has(one));
  if (missing !== undefined) return { ...beside, result: mismatch(fix(missing)) };
  if (wanted.kind === 'computed') return { ...beside, result: cannotTell(computed(facts, of, wanted)) };
  if (wanted.value !== null && !Array.isArray(wanted.value)) return { ...beside, result: cannotTell(`${name(facts, of)} is no list here`) };
  return { ...beside, result: members.length === 0 ? notApplicable(`${name(facts, of)} is empty`) : agrees };
}

function needed(facts: Facts, of: VerifierSetting, claim: string, how: string): Finding {
  const wanted = setting(facts, of);
  const value = facts.mandate.payload[claim];
  const there = typeof value === 'string' && value !== '';
  const beside = { token: there ? display(value) : `no ${claim}`, place: wanted?.place };
  if (wanted?.kind === 'computed') return { ...beside, verifier: 'computed', result: there ? agrees : cannotTell(computed(facts, of, wanted)) };
  const isNeeded = wanted !== undefined && Boolean(wanted.value);
  if (!isNeeded) return { ...beside, verifier: 'not required', result: notApplicable(`${name(facts, of)} is not set`) };
  return { ...beside, verifier: 'required', result: there ? agrees : mismatch(`${how}, or do not set ${name(facts, of)}.`) };
}

type Read =
  | { readonly kind: 'known'; readonly value: string | undefined; readonly verifier: string; readonly place: SourcePlace | undefined }
  | { readonly kind: 'unknown'; readonly why: string; readonly verifier: 'computed'; readonly place: SourcePlace | undefined };

function setting({ settings }: Facts, of: VerifierSetting): Setting | undefined {
  return settings.named[of] ?? settings.others;
}

function textSetting(facts: Facts, of: VerifierSetting): Read {
  const found = setting(facts, of);
  if (found === undefined) return { kind: 'known', value: undefined, verifier: 'not set', place: undefined };
  if (found.kind === 'computed') return { kind: 'unknown', why: computed(facts, of, found), verifier: 'computed', place: found.place };
  if (found.value === null) return { kind: 'known', value: undefined, verifier: 'not set', place: found.place };
  if (typeof found.value !== 'string') return { kind: 'unknown', why: `${name(facts, of)} is no text here`, verifier: 'computed', place: found.place };
  return { kind: 'known', value: found.value, verifier: found.value === '' ? 'empty' : clip(found.value), place: found.place };
}

/** In Python nothing is required where it is None; an empty text is no use in Python, the default in Go, and nothing in TypeScript: packages/verify. */
function requiredUse(facts: Facts): Read {
  const found = textSetting(facts, 'use');
  if (found.kind === 'unknown') return found;
  const isDefault = found.value === undefined ? facts.language !== 'python' || setting(facts, 'use') === undefined : found.value === '' && facts.language === 'go';
  if (isDefault) return { ...found, value: settingDefaults.use, verifier: `${settingDefaults.use} (default)` };
  return found.value === '' && facts.language === 'typescript' ? { ...found, value: undefined } : found;
}

function shown({ verifier, place }: Read): { readonly verifier: string; readonly place: SourcePlace | undefined } {
  return { verifier, place };
}

function unknownSetting(read: Extract<Read, { kind: 'unknown' }>): Finding {
  return { ...shown(read), result: cannotTell(read.why) };
}

function computed(facts: Facts, of: VerifierSetting, { text, variable }: { readonly text: string; readonly variable: string | undefined }): string {
  return `${name(facts, of)} ${variable === undefined ? `is computed: ${text}` : `comes from the environment variable ${variable}`}`;
}

function keysNotRead({ notRead }: Facts): string {
  return notRead?.keys ?? 'the keys of the zone were not read';
}

function storeNotRead({ settings, notRead }: Facts): string {
  return isStoredIn(settings, /memory/i) ? 'the revocation store is in the memory of the server' : (notRead?.revocations ?? 'the revocation store was not read');
}

/** Whether the store is made by something with such a name, as in `new RedisRevocationStore`. */
export function isStoredIn({ named: { revocations: store } }: Settings, like: RegExp): boolean {
  return store?.kind === 'literal' && typeof store.value === 'string' && like.test(store.value);
}

function name({ language }: Pick<Facts, 'language'>, of: VerifierSetting): string {
  return settingNames[of][language];
}

function issuerFix(facts: Facts, token: unknown, verifier: string): string {
  const setting = name(facts, 'issuer');
  if (typeof token !== 'string' || token === '') return 'Get a mandate from the STS: this token has no issuer.';
  if (token === `${verifier}/` || `${token}/` === verifier) return `Set ${setting} to "${clip(token)}": a / at the end counts${token.endsWith('/') && facts.settings.named.issuer?.kind === 'computed' ? `, and ${String(asgiVariables.issuer)} loses it` : ''}.`;
  const [ofToken, ofVerifier] = [URL.parse(token), URL.parse(verifier)];
  const sameButHost = ofToken !== null && ofVerifier !== null && ofToken.protocol === ofVerifier.protocol && ofToken.port === ofVerifier.port && ofToken.pathname === ofVerifier.pathname;
  return `Set ${setting} to "${clip(token)}"${sameButHost ? ': the name of the host counts, even where both lead to the same STS' : ', as ISSUER_URL of the STS has it'}.`;
}

function audienceFix(facts: Facts, named: readonly string[]): string {
  const { use } = facts.mandate.payload;
  if (use === 'gateway' || use === 'session') return useFix(use);
  const [first] = named;
  if (first === undefined) return 'Get a mandate from the STS: this token has no audience.';
  return `Set ${name(facts, 'audience')} to "${clip(first)}", the identifier of the resource, or ask the STS for another resource.`;
}

function useFix(use: unknown): string {
  if (use === 'gateway') return 'Call the resource through the Gateway: a gateway mandate is for the Gateway alone.';
  if (use === 'session') return 'Present a resource mandate: a session mandate is for the Coordinator and the STS.';
  return 'Get a mandate from the STS: its use is session, gateway or resource.';
}

function zoneFix(facts: Facts, zone: string | undefined): string {
  const token = facts.mandate.payload['zone_id'];
  if (typeof token !== 'string' || token === '') return 'Get a mandate from the STS: this token has no zone_id.';
  return `Set ${name(facts, 'zone')} to "${clip(token)}", or get a mandate of ${zone === undefined || zone === '' ? 'a zone that is set' : 'the zone that is set'}: keys belong to a zone.`;
}

function isKnownUse(use: unknown): use is string {
  return use === 'session' || use === 'resource';
}

/** Undefined unless both are texts, and differ. */
function difference(token: unknown, verifier: string | undefined): Difference | undefined {
  if (typeof token !== 'string' || verifier === undefined) return undefined;
  const shorter = Math.min(token.length, verifier.length);
  let from = 0;
  while (from < shorter && token[from] === verifier[from]) from += 1;
  let alike = 0;
  while (alike < shorter - from && token.at(-1 - alike) === verifier.at(-1 - alike)) alike += 1;
  return { from, tokenTo: token.length - alike, verifierTo: verifier.length - alike };
}

const mostShown = 300;

function clip(text: string): string {
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}

/** A value of the token or of the source, as it is shown in the table. */
function display(value: unknown): string {
  if (value === undefined) return 'none';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.length === 0 ? 'none' : clip(value.join(', '));
  return clip(typeof value === 'string' ? value : JSON.stringify(value));
}

function quoteIfText(value: unknown): string {
  return typeof value === 'string' && value !== '' ? ` to "${clip(value)}"` : '';
}

/** A time of a claim, in ISO 8601. */
function moment(seconds: unknown): string {
  const time = typeof seconds === 'number' ? new Date(seconds * 1000) : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? display(seconds) : time.toISOString();
}

function ago(seconds: number): string {
  if (seconds < 120) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
