/** Where a governed call was decided, in the order in which it crosses them. */
export const layers = ['before policy', 'policy', 'approval', 'after mint', 'gateway', 'resource'] as const;
export type Layer = (typeof layers)[number];

/** A refusal as the STS or the Gateway answers it. */
export interface Refusal {
  readonly service: 'sts' | 'gateway';
  /** Its place in the service's own order of checks: the first one that holds is answered. */
  readonly row: number;
  readonly statuses: readonly number[];
  readonly errors: readonly string[];
  /** The answer's `error_description`; `{…}` stands for anything, also at the end. */
  readonly description: string;
  readonly layer: Layer;
  /** Why, for a person, as the end of a sentence. */
  readonly words: string;
  /** `evaluation_status` of the event that it leaves in the audit, `allow` where only the allow of the policy is there; undefined where there is none. */
  readonly audit: string | undefined;
}

type Row = Omit<Refusal, 'service' | 'row' | 'description' | 'words'> & {
  /** Words by description. */
  readonly words: Readonly<Record<string, string>>;
};

function rowsOf(service: Refusal['service'], table: Readonly<Record<number, Row | readonly Row[]>>): readonly Refusal[] {
  return Object.entries(table).flatMap(([row, given]) => [given].flat().flatMap(({ words, ...shared }) => Object.entries(words).map(([description, why]): Refusal => ({ service, row: Number(row), ...shared, description, words: why }))));
}

/** Contract request-evidence 4.4. Row 16 answers as row 30. */
const sts: Readonly<Record<number, Row | readonly Row[]>> = {
  1: {
    statuses: [400, 405, 413, 415], errors: ['invalid_token', 'payload_too_large'], layer: 'before policy', audit: undefined,
    words: {
      'POST is required': 'the STS exchanges tokens by POST only',
      'query parameters are not allowed': 'the exchange has parameters in its address; they belong into the form',
      'application/x-www-form-urlencoded content type is required': 'the exchange is not sent as a form',
      'malformed request body': 'the form of the exchange cannot be read',
      'duplicate form field: {…}': 'a field of the form is there twice; only resource may be',
      'request body too large': 'the form of the exchange is too large',
    },
  },
  2: {
    statuses: [400], errors: ['invalid_token'], layer: 'before policy', audit: undefined,
    words: {
      'actor_token {…}': 'the STS takes no actor_token; the Session and the Delegation are named by their ids',
      'client_assertion{…}': 'the STS takes no client assertion; an Application proves itself by its secret',
      'invalid ttl_seconds': 'ttl_seconds is not a whole number',
      'resource must not be empty': 'a resource of the form is empty',
      'unsupported grant_type': 'the form does not ask for a token exchange',
      'unsupported subject_token_type': 'the type of the subject token is neither a mandate nor an identity token',
      'subject_token_type is required with subject_token': 'the subject token has no type beside it',
      'subject_token is required with subject_token_type': 'a type of a subject token is given, and no token',
    },
  },
  3: {
    statuses: [401], errors: ['access_denied'], layer: 'before policy', audit: undefined,
    words: { 'invalid gateway exchange signature': 'the STS does not believe that the Gateway asked: their GATEWAY_STS_HMAC_KEY differs, or their clocks by more than 60 s' },
  },
  4: {
    statuses: [429], errors: ['provider_rate_limited'], layer: 'before policy', audit: undefined,
    words: {
      'authentication rate limit exceeded': 'this Application failed to prove itself more than 60 times in a minute',
      'authentication rate limit unavailable': 'the STS cannot count failed sign-ins, because Redis does not answer it',
    },
  },
  5: {
    statuses: [403], errors: ['zone_invalid'], layer: 'before policy', audit: undefined,
    words: { 'application is registered in zone {…}': 'the Application belongs to another zone than the one that was asked' },
  },
  6: {
    statuses: [401], errors: ['access_denied'], layer: 'before policy', audit: undefined,
    words: { 'invalid client credentials': 'the STS does not know this Application with this secret; it may be archived or expired' },
  },
  7: {
    statuses: [400], errors: ['invalid_token'], layer: 'before policy', audit: undefined,
    words: { 'at least one resource is required': 'the exchange names no resource' },
  },
  8: {
    statuses: [503], errors: ['sts_unavailable'], layer: 'before policy', audit: undefined,
    words: { 'trusted time unavailable': 'the STS cannot ask Postgres for the time' },
  },
  9: {
    statuses: [401], errors: ['invalid_token'], layer: 'before policy', audit: undefined,
    words: { 'invalid subject_token': 'the STS does not accept the presented mandate: signature, issuer, audience, life, zone or use' },
  },
  10: {
    statuses: [403], errors: ['invalid_token', 'access_denied'], layer: 'before policy', audit: undefined,
    words: {
      'missing token authority record': 'the presented mandate names no authority record',
      'authority record mismatch': 'the presented mandate belongs to another authority record than the one that was named',
      'authority record inactive or expired': 'the authority record is revoked or expired',
      'authority record subject mismatch': 'the authority record belongs to another subject than the mandate says',
      'authority record client mismatch': 'the mandate was made for another Application',
    },
  },
  11: {
    statuses: [403], errors: ['access_denied'], layer: 'before policy', audit: undefined,
    words: {
      'Session mismatch': 'the Session that was named is not the one of the presented mandate',
      'delegation edge mismatch': 'the Delegation that was named is not the one of the presented mandate',
    },
  },
  12: {
    statuses: [401], errors: ['access_denied'], layer: 'approval', audit: 'approval_invalid',
    words: { 'approval not found or bindings do not match': 'the approval is gone, or was given for another request: other scopes, resources, Session, Delegation or policy' },
  },
  13: {
    statuses: [409], errors: ['approval_consumed'], layer: 'approval', audit: 'approval_already_consumed',
    words: { 'approval already used; another request consumed it': 'the approval was used by another request' },
  },
  14: {
    statuses: [403], errors: ['access_denied'], layer: 'approval', audit: 'approval_rejected',
    words: { 'approval was rejected': 'the approval was rejected' },
  },
  15: {
    statuses: [401], errors: ['access_denied'], layer: 'approval', audit: 'approval_expired',
    words: { 'approval expired': 'nobody approved it in time' },
  },
  17: {
    statuses: [403], errors: ['access_denied'], layer: 'before policy', audit: undefined,
    words: {
      'authority record inactive or expired': 'the authority record is revoked or expired',
      'authority record not owned by caller': 'the authority record belongs to another Application',
      'session inactive or expired': 'the Session is not alive',
      'session not owned by caller': 'the Session belongs to another Application',
      'session authority record binding mismatch': 'the Session was started under another authority record',
      'delegation requires a target Session': 'a Delegation is named, and no Session that it is for',
      'delegation edge inactive or expired': 'the Delegation is revoked or expired',
      'delegation edge target mismatch': 'the Delegation was made for another Session',
      'delegation source inactive or expired': 'the Session that delegated is not alive',
      'delegation target inactive or unauthorized': 'the Session that the Delegation is for is not alive, or belongs to another Application',
      'delegation application mismatch': 'the Delegation was made for another Application',
      'delegation constraints invalid': 'the Delegation has a constraint that the STS does not know, such as a budget',
      'requested scopes exceed delegation scopes': 'it asked for more scopes than its Delegation carries',
      'requested ttl exceeds delegation ttl': 'it asked for a longer life than its Delegation allows',
      'delegation hop limit exceeds platform maximum': 'the Delegation allows more hops than the platform does',
      'delegation path invalid': 'the chain of Delegations is longer than it may be, or broken',
      'delegation graph epoch unavailable': 'the STS cannot read the epoch of the delegation graph from Postgres',
      'delegation path edge unavailable': 'a Delegation further up the chain cannot be read',
      'delegation path edge inactive or revoked': 'a Delegation further up the chain is revoked or expired',
      'delegation chain discontinuous': 'a hop of the chain was not made by the one before it',
      'delegation chain endpoints mismatch': 'the chain of Delegations does not end at this Session',
    },
  },
  21: {
    statuses: [403], errors: ['operation_not_permitted'], layer: 'before policy', audit: 'operation_not_permitted',
    words: {
      'operation {…} requires scope {…}': 'the mandate lacks the scope that the resource declares for this operation',
      'operation {…} is not declared on resource {…}': 'the resource does not declare this method and path; they are compared letter by letter',
    },
  },
  23: {
    statuses: [403], errors: ['access_denied'], layer: 'before policy', audit: 'control_resource_requires_control_key',
    words: { 'the control resource is mintable only by a control key{…}': 'mandates for the control resource are made for control keys only' },
  },
  25: {
    statuses: [403], errors: ['access_denied'], layer: 'before policy', audit: 'credential_not_provisioned',
    words: {
      'resource {…} uses a user-consent provider and this call carries no subject{…}': 'the resource needs the consent of a user, and this call is on behalf of none',
      'no provider connection for subject {…}': 'the user has not connected the provider of this resource',
    },
  },
  26: {
    statuses: [403, 401, 502, 503], errors: ['credential_expired_not_renewable', 'sts_unavailable', 'internal_error'], layer: 'before policy', audit: 'credential_refresh_failed',
    words: { 'provider connection for resource {…} is expired and could not be refreshed{…}': 'the connection to the provider of this resource is expired, and could not be renewed' },
  },
  27: {
    statuses: [503], errors: ['policy_eval_failed'], layer: 'policy', audit: 'policy_eval_failed',
    words: { 'policy evaluation unavailable': 'the STS could not evaluate the policy of the zone' },
  },
  28: {
    statuses: [403], errors: ['policy_eval_failed'], layer: 'policy', audit: 'incomplete',
    words: { 'policy evaluation incomplete': 'the policy of the zone gave no whole answer' },
  },
  29: {
    statuses: [403], errors: ['access_denied'], layer: 'approval', audit: 'allow',
    words: { 'approval requires separate operator and subject decisions': 'the scopes need approvals of an operator and of the user at once; ask for them one by one' },
  },
  30: {
    statuses: [401], errors: ['interaction_required'], layer: 'approval', audit: 'allow',
    words: { 'Human approval required for this request': 'it waits for an approval' },
  },
  31: {
    statuses: [403], errors: ['access_denied'], layer: 'policy', audit: 'exchange_denied',
    words: { 'policy denied{…}': 'no resource was granted' },
  },
  32: {
    statuses: [403], errors: ['access_denied'], layer: 'after mint', audit: 'allow',
    words: { 'resource exchanges must use the Gateway': 'a mandate for a resource is made for the Gateway only' },
  },
  33: {
    statuses: [400, 403], errors: ['invalid_token', 'access_denied'], layer: 'after mint', audit: 'allow',
    words: {
      'ttl_seconds must be positive': 'ttl_seconds is not above 0',
      'ttl_seconds exceeds token TTL cap': 'it asked for a longer life than a mandate may have',
      'delegation {…}': 'the Delegation ends before the mandate would',
    },
  },
  34: {
    statuses: [409], errors: ['approval_consumed'], layer: 'approval', audit: 'approval_already_consumed',
    words: { 'approval no longer valid; another request may have consumed it': 'the approval was used by another request at the same time' },
  },
  35: {
    statuses: [500], errors: ['internal_error'], layer: 'after mint', audit: 'allow',
    words: {
      'generate authority record id': 'the STS could not make an id for the authority record',
      'authority record creation failed': 'the STS could not store the authority record in Postgres',
      'token issuance failed': 'the STS could not sign the mandate, or could not remember it in Redis',
      'approval hold creation failed': 'the STS could not store the hold in Postgres',
      'audit event creation failed': 'the STS could not write its audit event',
    },
  },
  36: {
    statuses: [502], errors: ['http_request_failed'], layer: 'after mint', audit: 'provider_credential_unavailable',
    words: { 'upstream credential for resource {…} is unavailable: {…}': 'the STS got no credential from the provider of the resource' },
  },
};

const subjectless = { statuses: [401], errors: ['invalid_token'], layer: 'gateway', audit: undefined } as const;

/** Contract request-evidence 5. Row 13 is the answer of the STS. */
const gateway: Readonly<Record<number, Row | readonly Row[]>> = {
  1: {
    statuses: [503], errors: ['sts_unavailable'], layer: 'gateway', audit: undefined,
    words: { 'revocation state unavailable': 'it has not read from Postgres for more than 70 s what is revoked, and then lets nothing through' },
  },
  2: { ...subjectless, words: { 'missing bearer token': 'the call carries no mandate' } },
  3: { ...subjectless, words: { 'bearer token too large': 'the mandate is too large', 'malformed bearer token': 'what the call carries is no mandate' } },
  4: {
    ...subjectless, errors: ['credential_expired_not_renewable'],
    words: { 'credential expiring within pre-flight window': 'the mandate has less than 35 s left' },
  },
  5: { ...subjectless, statuses: [400], words: { 'client identity derives from the bearer token': 'the call has a header X-Caracal-Client-ID, which is forbidden' } },
  6: { ...subjectless, statuses: [400], words: { 'missing routing headers': 'the call has no header X-Caracal-Resource' } },
  7: { ...subjectless, words: { 'missing token zone': 'the mandate names no zone', 'missing token client': 'the mandate names no Application' } },
  8: { ...subjectless, statuses: [400], words: { 'path traversal not permitted': 'the path goes up by ..' } },
  9: { ...subjectless, words: { 'bearer signature invalid': 'the signature of the mandate is not one of its zone, or the keys of the zone could not be read' } },
  10: { ...subjectless, audit: 'anomaly', words: { 'token replay detected': 'the mandate was used before, or Redis did not answer whether it was' } },
  11: { ...subjectless, words: { 'session revoked': 'the authority record, the Session or the Delegation of the mandate is revoked' } },
  12: { statuses: [503], errors: ['sts_unavailable'], layer: 'gateway', audit: undefined, words: { 'sts unavailable': 'the STS failed three times in a row, so it is not asked for 10 s' } },
  14: {
    statuses: [499, 502, 504], errors: ['sts_unavailable'], layer: 'gateway', audit: undefined,
    words: {
      'sts timeout': 'the STS did not answer in time',
      'client cancelled': 'the caller went away before the STS had answered',
      'sts unavailable': 'the STS could not be reached',
      'sts response invalid': 'the answer of the STS could not be read',
    },
  },
  15: { statuses: [403], errors: ['access_denied'], layer: 'gateway', audit: 'allow', words: { 'resource upstream not configured': 'the resource has no upstream' } },
  16: {
    statuses: [502], errors: ['internal_error'], layer: 'gateway', audit: 'upstream_rejected',
    words: {
      'upstream not addressable': 'the address of the upstream may not be called, for its form, its name or its range',
      'provider credential not allowed for upstream host': 'the credential of the provider is not for this host',
    },
  },
  17: { statuses: [400], errors: ['internal_error'], layer: 'gateway', audit: 'build_failed', words: { 'upstream request build failed': 'no call to the upstream could be made of this one' } },
  18: {
    statuses: [413, 499, 502, 504], errors: ['internal_error', 'payload_too_large'], layer: 'resource', audit: 'upstream_error',
    words: {
      'upstream timeout': 'the upstream did not answer in time',
      'client cancelled': 'the caller went away before the upstream had answered',
      'request body too large': 'the body of the call is larger than the Gateway passes on',
      'upstream unreachable': 'the upstream could not be reached from the Gateway',
    },
  },
};

/** All refusals that a call can meet at the STS and at the Gateway, each service in its order. */
export const refusals: readonly Refusal[] = [...rowsOf('sts', sts), ...rowsOf('gateway', gateway)];
