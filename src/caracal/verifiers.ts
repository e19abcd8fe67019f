/** How resource servers verify mandates, per language of the library: contract request-evidence 11. */

export const verifierLanguages = ['typescript', 'python', 'go'] as const;
export type VerifierLanguage = (typeof verifierLanguages)[number];
export const languageNames: Readonly<Record<VerifierLanguage, string>> = { typescript: 'TypeScript', python: 'Python', go: 'Go' };

/** What each setting is called: contract request-evidence 11.1. */
export const settingNames = {
  issuer: { typescript: 'issuer', python: 'issuer', go: 'Issuer' },
  audience: { typescript: 'audience', python: 'audience', go: 'Audience' },
  zone: { typescript: 'zoneId', python: 'expected_zone_id', go: 'ZoneID' },
  scopes: { typescript: 'requiredScopes', python: 'required_scopes', go: 'RequiredScopes' },
  targets: { typescript: 'requiredTargets', python: 'required_targets', go: 'RequiredTargets' },
  use: { typescript: 'requiredUse', python: 'required_use', go: 'RequiredUse' },
  session: { typescript: 'requireSession', python: 'require_session', go: 'RequireSession' },
  delegation: { typescript: 'requireDelegation', python: 'require_delegation', go: 'RequireDelegation' },
  chain: { typescript: 'requireChainContains', python: 'require_chain_contains', go: 'RequireChainContains' },
  hops: { typescript: 'maxHopCount', python: 'max_hop_count', go: 'MaxHopCount' },
  revocations: { typescript: 'revocations', python: 'revocations', go: 'Revocations' },
} as const satisfies Record<string, Record<VerifierLanguage, string>>;
export type VerifierSetting = keyof typeof settingNames;

/** Of settings that are not set; issuer, audience, zone and revocation store have none: contract request-evidence 11.1. */
export const settingDefaults = { use: 'resource', hops: 10 } as const;

/** Fixed in all three languages; the last look at `exp` has none: contract request-evidence 11.1 and 11.3, rows 5 and 17. */
export const clockToleranceSeconds = 60;
/** Contract request-evidence 11.3, row 1. */
export const mostKeySetBytes = 256 * 1024;
/** Fixed; the issuer of a development build is `http://sts:8080`: contract request-evidence 1.1. */
export const stsPort = '8080';
export const insecureUrlsVariable = 'CARACAL_ALLOW_INSECURE_CONFIG_URLS';

/** Where `CaracalASGIAuth` takes a setting from that its source does not set: contract request-evidence 11.1. */
export const asgiVariables: Readonly<Partial<Record<VerifierSetting, string>>> = { issuer: 'CARACAL_STS_URL', zone: 'CARACAL_ZONE_ID' };

/** A function, class or method of the library that is given settings. Arguments are counted from 0. */
export interface EntryPoint {
  readonly name: string;
  /** The package that has it, in Go the end of its import path; undefined for a method of a verifier. */
  readonly from?: string;
  /** Its name is used by others too, so it counts only where it is imported from the package. */
  readonly common?: true;
  /** The argument that is the settings. In Python they are keywords unless they are an `AuthOptions`. */
  readonly settings?: number;
  /** That argument can be or hold a verifier instead. */
  readonly takesVerifier?: true;
  /** The argument that overrides settings; in Python keywords do. */
  readonly overrides?: number;
}

/** Contract request-evidence 11.1; the arguments of `authenticate` and of Go's methods from packages/verify/{ts/src/authenticate.ts,python/caracalai_verify/authenticate.py,go/authenticate.go}. */
export const entryPoints: Readonly<Record<VerifierLanguage, readonly EntryPoint[]>> = {
  typescript: [
    { name: 'createMandateVerifier', from: '@caracalai/verify', settings: 0 },
    { name: 'caracalAuth', from: '@caracalai/express', settings: 0, takesVerifier: true, overrides: 1 },
    { name: 'verifyFastMcpToken', from: '@caracalai/fastmcp', settings: 1, takesVerifier: true, overrides: 2 },
    { name: 'authenticateRequest', from: '@caracalai/verify', common: true, settings: 1 },
    { name: 'authenticate', from: '@caracalai/verify', common: true, settings: 1 },
    { name: 'require', overrides: 0 },
    { name: 'authenticate', overrides: 1 },
    { name: 'authorization', overrides: 1 },
  ],
  python: [
    { name: 'create_mandate_verifier', from: 'caracalai_verify', settings: 0 },
    { name: 'MandateVerifier', from: 'caracalai_verify', settings: 0 },
    { name: 'CaracalASGIAuth', from: 'caracalai_asgi' },
    { name: 'CaracalAuth', from: 'caracalai_fastmcp' },
    { name: 'authenticate', from: 'caracalai_verify', common: true },
    { name: 'require', overrides: 0 },
    { name: 'authenticate', overrides: 1 },
    { name: 'authorization', overrides: 1 },
  ],
  go: [
    { name: 'NewVerifier', from: 'packages/verify/go', settings: 0 },
    { name: 'Authenticate', from: 'packages/verify/go', settings: 1 },
    { name: 'AuthenticateContext', from: 'packages/verify/go', settings: 2 },
    { name: 'Middleware', from: 'packages/adapters/nethttp/go', settings: 0 },
    { name: 'VerifierMiddleware', from: 'packages/adapters/nethttp/go', settings: 0, takesVerifier: true },
    { name: 'Require', overrides: 0 },
    { name: 'Authenticate', overrides: 1 },
    { name: 'AuthenticateContext', overrides: 2 },
    { name: 'Authorization', overrides: 1 },
    { name: 'AuthorizationContext', overrides: 2 },
  ],
};

/** The names that Go packages have where an import gives them no other. */
export const goPackages: Readonly<Record<string, string>> = { 'packages/verify/go': 'verify', 'packages/adapters/nethttp/go': 'nethttp' };

/** The settings of Python's functions and classes that may be given by position; undefined is an argument that is none. */
export const pythonPositions: Readonly<Record<string, readonly (VerifierSetting | undefined)[]>> = {
  AuthOptions: ['issuer', 'audience', 'revocations', 'zone', 'scopes', 'session', 'delegation', 'chain', 'hops', 'targets', 'use'],
  CaracalAuth: ['issuer', 'audience', 'revocations', 'scopes', 'targets', 'use', 'zone', 'session', 'delegation', 'chain', 'hops'],
  authenticate: [undefined, 'issuer', 'audience', 'scopes', 'zone', 'revocations', 'session', 'delegation', 'chain', 'hops', 'targets', 'use'],
};

/**
 * What an override does: it replaces, and Python ignores names that it does not know; the types of TypeScript forbid some names,
 * its code does not. In Go only what is not the zero value counts, so that flags can be switched on but not off, and the zone
 * stays. Contract request-evidence 11.1.
 */
export const overrideRules: Readonly<Record<VerifierLanguage, 'replaces' | 'replaces unless zero'>> = { typescript: 'replaces', python: 'replaces', go: 'replaces unless zero' };

/** Contract request-evidence 11.2, without `missing_token`, for which there is no token to compare. */
export const verifierErrors = {
  invalid_token: 401, invalid_zone: 401, session_revoked: 401, delegation_stale: 401,
  insufficient_scope: 403, session_required: 403, delegation_required: 403, chain_mismatch: 403, hop_count_exceeded: 403,
  /** No code of Caracal: the server itself answers what it answers to an exception. */
  exception: 500,
} as const;
export type VerifierError = keyof typeof verifierErrors;

/** Why a verifier refuses, as the end of a sentence: contract request-evidence 11.2. `invalid_token` does not tell which check it was. */
export const verifierWords: Readonly<Record<Exclude<VerifierError, 'exception'> | 'missing_token', string>> = {
  missing_token: 'it got no bearer token',
  invalid_token: 'its verifier does not take the token, and does not tell which check failed',
  invalid_zone: 'the token is of another zone than its verifier is set to',
  insufficient_scope: 'the token lacks a scope that it requires',
  session_revoked: 'its verifier counts the authority of the token as revoked, or cannot reach its revocation store',
  delegation_stale: 'its verifier knows a newer epoch of Delegations, or cannot reach its revocation store',
  session_required: 'the token carries no Session, which it requires',
  delegation_required: 'the token carries no Delegation, which it requires',
  chain_mismatch: 'an Application that it requires is not in the chain of the token',
  hop_count_exceeded: 'the token came over more hops than it allows',
};

/** Of errors with several descriptions, the one that tells the check: contract request-evidence 11.2. */
export const tellingDescriptions: Readonly<Record<string, VerifierCheckKey>> = { 'Revocation store required': 'store', 'Token expired during execution': 'exp again' };

export interface VerifierCheck {
  /** Its row in the table of contract request-evidence 11.3; undefined for checks of types, which the text below the table tells. */
  readonly row: number | undefined;
  readonly check: string;
  /** As in "once the issuer is right". */
  readonly right: string;
  readonly refusal: VerifierError;
  readonly setting?: VerifierSetting;
}

const types = { row: undefined, check: 'types of claims', right: 'the types of the claims are right', refusal: 'invalid_token' } as const;

/** Everything that a verifier checks: contract request-evidence 11.3. */
export const verifierChecks = {
  'zone': { row: 0, check: 'zone is set', right: 'the zone is set', refusal: 'invalid_zone', setting: 'zone' },
  'jwks': { row: 1, check: 'keys can be read', right: 'the keys can be read', refusal: 'invalid_token', setting: 'issuer' },
  'signature': { row: 2, check: 'signed by a key of the zone', right: 'the key is right', refusal: 'invalid_token', setting: 'zone' },
  'iss': { row: 3, check: 'issuer', right: 'the issuer is right', refusal: 'invalid_token', setting: 'issuer' },
  'aud': { row: 4, check: 'audience', right: 'the audience is right', refusal: 'invalid_token', setting: 'audience' },
  'exp': { row: 5, check: 'not expired', right: 'the mandate is fresh', refusal: 'invalid_token' },
  'iat': { row: 6, check: 'issued in the past', right: 'the clocks agree', refusal: 'invalid_token' },
  'claims': { row: 7, check: 'claims are there', right: 'the claims are there', refusal: 'invalid_token' },
  'use': { row: 8, check: 'made for a resource or a session', right: 'the kind of mandate is right', refusal: 'invalid_token' },
  'sub_type': { row: 9, check: 'kind of subject', right: 'the kind of subject is right', refusal: 'invalid_token' },
  'zone_id': { row: 10, check: 'zone', right: 'the zone is right', refusal: 'invalid_zone', setting: 'zone' },
  'required use': { row: 11, check: 'use', right: 'the use is right', refusal: 'invalid_token', setting: 'use' },
  'scope': { row: 12, check: 'scopes', right: 'the scopes are right', refusal: 'insufficient_scope', setting: 'scopes' },
  'target': { row: 13, check: 'targets', right: 'the targets are right', refusal: 'invalid_token', setting: 'targets' },
  'session': { row: 14, check: 'Session', right: 'there is a Session', refusal: 'session_required', setting: 'session' },
  'delegation': { row: 14, check: 'Delegation', right: 'there is a Delegation', refusal: 'delegation_required', setting: 'delegation' },
  'hop_count': { row: 15, check: 'hops', right: 'the hops are few enough', refusal: 'hop_count_exceeded', setting: 'hops' },
  'delegation_chain': { row: 16, check: 'Applications of the chain', right: 'the chain is right', refusal: 'chain_mismatch', setting: 'chain' },
  'store': { row: 17, check: 'revocation store is set', right: 'a revocation store is set', refusal: 'invalid_token', setting: 'revocations' },
  'exp again': { row: 17, check: 'not expired meanwhile', right: 'the mandate is fresh', refusal: 'invalid_token' },
  'revoked': { row: 18, check: 'not revoked', right: 'nothing is revoked', refusal: 'session_revoked', setting: 'revocations' },
  'delegation_graph_epoch': { row: 19, check: 'delegation epoch', right: 'the epoch is right', refusal: 'delegation_stale', setting: 'revocations' },
  'types before zone': types,
  'types before scopes': types,
  'types before session': types,
  'types before hops': types,
  'types before targets': types,
  'scope not empty': { row: undefined, check: 'scope is not empty', right: 'the scope is not empty', refusal: 'invalid_token' },
  'types at the end': types,
} as const satisfies Record<string, VerifierCheck>;
export type VerifierCheckKey = keyof typeof verifierChecks;

export interface VerifierStep {
  readonly key: VerifierCheckKey;
  /** The claims whose presence or type this step checks. */
  readonly claims?: readonly string[];
}

const steps = (...keys: readonly VerifierCheckKey[]): readonly VerifierStep[] => keys.map((key) => ({ key }));
const start = steps('zone', 'jwks', 'signature', 'iss', 'aud', 'exp', 'iat');
const end = steps('store', 'exp again', 'revoked', 'delegation_graph_epoch');
const required = ['exp', 'iat', 'jti', 'sub', 'client_id', 'sid', 'root_sid', 'use', 'sub_type'];
const ids = ['agent_session_id', 'delegation_edge_id', 'source_session_id', 'target_session_id'];

/**
 * The order of the checks, which is the order of their errors: contract request-evidence 11.3, with its "Order differences".
 * Where types are checked: packages/identity/{ts/src/verify.ts,python/caracalai_identity/verify.py,go/verify.go}.
 */
export const verifierOrders: Readonly<Record<VerifierLanguage, readonly VerifierStep[]>> = {
  typescript: [
    ...start, { key: 'claims', claims: required }, ...steps('use', 'sub_type'), { key: 'types before zone', claims: ['exp', 'iat', 'scope', 'target'] },
    ...steps('zone_id', 'required use', 'scope', 'target'), { key: 'types before session', claims: [...ids, 'delegation_path', 'delegation_chain', 'delegation_graph_epoch', 'hop_count'] },
    ...steps('session', 'delegation', 'hop_count', 'delegation_chain'), ...end,
  ],
  python: [
    ...start, { key: 'claims', claims: required }, ...steps('use', 'required use', 'sub_type'), { key: 'types before zone', claims: ['scope'] },
    ...steps('zone_id', 'scope'), { key: 'types before session', claims: ['agent_session_id', 'delegation_edge_id', 'delegation_chain'] },
    ...steps('session', 'delegation', 'delegation_chain'), { key: 'types before hops', claims: ['hop_count'] }, ...steps('hop_count'),
    { key: 'types before targets', claims: ['delegation_path', 'delegation_graph_epoch', 'target'] }, ...steps('scope not empty', 'target'),
    { key: 'types at the end', claims: ['exp', 'iat', 'source_session_id', 'target_session_id'] }, ...end,
  ],
  go: [
    ...start, { key: 'types before zone', claims: ['scope'] }, ...steps('zone_id'), { key: 'claims', claims: ['jti', 'sub', 'sid', 'root_sid', 'client_id'] },
    ...steps('use', 'required use', 'sub_type'), { key: 'types before scopes', claims: ['exp', 'iat'] }, ...steps('scope', 'target'),
    { key: 'types before session', claims: [...ids, 'delegation_chain', 'delegation_graph_epoch', 'hop_count'] },
    ...steps('session', 'delegation', 'hop_count', 'delegation_chain'), ...end,
  ],
};
