/** Answers that say one thing and may be another: contract readiness 4.10. */
import { place, postgresChecks, redisChecks, stsChecks } from './places.ts';
import type { Place } from './places.ts';
import type { Surface } from './answers.ts';

/** Which answers a row is about. What an answer does not tell speaks neither for nor against it. */
export interface AnswerLike {
  readonly from: readonly Surface[];
  readonly statuses: readonly number[];
  /** Error codes. An answer that has neither these nor a description is known by who gives it and its status. */
  readonly codes?: readonly string[];
  /** Descriptions; `{…}` stands for anything. Absent for answers that have none. */
  readonly says?: readonly string[];
  /** Whether the answer took more than 5 s. */
  readonly isSlow?: boolean;
  /** The upstream has answered: the header X-Caracal-Token-Expires-In is there. */
  readonly isPassedOn?: true;
  /** It holds an empty list. */
  readonly isEmptyList?: true;
}

export interface Ambiguity extends AnswerLike {
  /** The answer, as the contract names its row. */
  readonly answer: string;
  /** Lines of logs that are written with such an answer, by the ids of their messages. */
  readonly logged?: readonly string[];
  /** The likeliest first. */
  readonly places: readonly Place[];
}

const apiPrograms = place('not-ready', 'An error in the program: no store is at fault', [], 'both stores answer, and its log has a stack at "unhandled route error"');
const redisHangs = place('not-ready', 'The API or the Coordinator could not ask Redis', [...redisChecks], 'the answer took 5 to 41 s, and STS or Gateway say redis_unreachable');
const postgresFails = place('not-ready', 'The API or the Coordinator could not ask Postgres', [...postgresChecks], 'the answer came at once, and its /ready says postgres_unreachable');

const failedClosed = place('gateway-refuses', 'The Gateway could not ask Redis and failed closed', [...redisChecks], 'the Gateway says redis_unreachable, and the audit has no event');

/** Lines of logs that come from one place alone, although an answer that goes with them does not. */
export const tellingMessages: Readonly<Record<string, Place>> = { 'gateway: jti tracker setnx failed': failedClosed };

/** In the order of the contract. */
export const ambiguities: readonly Ambiguity[] = [
  {
    answer: 'API 500 after > 5 s', from: ['api', 'coordinator'], statuses: [500], codes: ['internal_error'], isSlow: true,
    logged: ['api: unhandled route error', 'coordinator: unhandled route error'],
    places: [redisHangs, apiPrograms],
  },
  {
    answer: 'API 500 fast', from: ['api', 'coordinator'], statuses: [500], codes: ['internal_error'], isSlow: false,
    logged: ['api: unhandled route error', 'coordinator: unhandled route error'],
    places: [postgresFails, apiPrograms],
  },
  {
    answer: 'API 401 right after redeploy', from: ['api'], statuses: [401], codes: ['invalid_admin_token'],
    places: [
      place('api-refuses', 'The API does not know this admin token', ['AUD-001'], 'no row of admin_tokens has it'),
      place('api-refuses', 'The admin token was revoked, as a start of the API with another one does', ['AUD-001'], 'its row has a time in revoked_at'),
    ],
  },
  {
    answer: 'API 429', from: ['api', 'coordinator'], statuses: [429], codes: ['rate_limited'],
    places: [
      place('api-refuses', 'This address or this token asks too often', ['RDY-003', 'RDY-043'], 'it goes away within a minute'),
      place('api-refuses', 'Calls with bad tokens from this address used up the limit; containers share one', ['AUD-001'], 'the admin audit has many rows with 401'),
    ],
  },
  {
    answer: 'Control 429', from: ['control'], statuses: [429], codes: ['rate_limited'],
    places: [
      place('api-refuses', 'Control is called too often', [], 'Redis answers'),
      place('api-refuses', 'Control could not ask Redis and failed closed', [...redisChecks], 'Redis does not answer'),
    ],
  },
  {
    answer: 'Control 401', from: ['control'], statuses: [401], codes: ['unauthorized'],
    places: [
      place('api-refuses', 'The Control token is missing, expired or not of this deployment', ['RDY-091'], 'the STS is ready'),
      place('api-refuses', 'Control could not get the keys of the STS', [...stsChecks, 'RDY-013'], 'the STS is not ready'),
    ],
  },
  {
    answer: 'STS 401 client credentials', from: ['sts'], statuses: [401], codes: ['access_denied'], says: ['invalid client credentials'],
    places: [
      place('sts-exchange', 'The secret is wrong, or the Application is archived or expired', ['SVC-062'], 'the STS is ready and the zone has the Application'),
      place('sts-exchange', 'The zone or the Application does not exist here', ['SVC-062'], 'no zone has this Application'),
      place('sts-exchange', 'The STS could not ask Postgres and failed closed', [...postgresChecks, 'STO-015', 'STO-008'], 'the STS is not ready'),
    ],
  },
  {
    answer: 'STS 401 gateway signature', from: ['sts', 'gateway'], statuses: [401], codes: ['access_denied'], says: ['invalid gateway exchange signature'],
    logged: ['gateway: sts exchange failed'],
    places: [
      place('gateway-refuses', 'The Gateway and the STS have different keys: GATEWAY_STS_HMAC_KEY', ['SVC-021'], 'Redis answers and the clocks agree'),
      place('gateway-refuses', 'The STS could not ask Redis whether the call was signed before', [...redisChecks], 'Redis does not answer'),
      place('gateway-refuses', 'The clocks of the Gateway and the STS differ by more than 60 s', ['RDY-091'], 'the headers Date of both differ'),
    ],
  },
  {
    answer: 'STS 429 "unavailable"', from: ['sts'], statuses: [429], codes: ['provider_rate_limited'], says: ['authentication rate limit unavailable'],
    places: [place('sts-exchange', 'The STS could not ask Redis how often the sign-in failed', [...redisChecks], 'the description ends in unavailable')],
  },
  {
    answer: 'STS 403 plain `policy denied`', from: ['sts'], statuses: [403], codes: ['access_denied'], says: ['policy denied'],
    places: [
      place('sts-exchange', 'Policy denied it; only the audit says by which reason', ['SVC-012', 'SVC-011', 'SVC-013', 'SVC-014'], 'evaluation_status of its event is not rate_limited'),
      place('sts-exchange', 'The zone made as many mandates as it may', [], 'evaluation_status is rate_limited, and Redis answers'),
      place('sts-exchange', 'The STS could not ask Redis how many mandates were made', [...redisChecks], 'evaluation_status is rate_limited, and Redis does not answer'),
    ],
  },
  {
    answer: 'STS 403 session/delegation', from: ['sts'], statuses: [403], codes: ['access_denied'],
    says: ['authority record inactive or expired', 'session inactive or expired', 'delegation {…}', 'authority record not owned by caller', 'session not owned by caller', 'session authority record binding mismatch'],
    places: [
      place('sts-exchange', 'Its Session, authority record or Delegation has ended, or is of another Application', [], 'its row says so'),
      place('sts-exchange', 'The STS could not read the row from Postgres', [...postgresChecks, 'STO-008', 'STO-009'], 'the row is alive, and the log of the STS has an error of its database'),
    ],
  },
  {
    answer: 'STS JWKS 404', from: ['sts'], statuses: [404], codes: ['resource_not_found'], says: ['zone signing key not found'],
    places: [
      place('sts-exchange', 'The zone has no key yet: nothing was minted in it', ['SVC-015'], 'the zone exists and the STS is ready'),
      place('sts-exchange', 'There is no such zone', ['SVC-062'], 'no row of zones has this id'),
      place('sts-exchange', 'The STS could not ask Postgres', [...postgresChecks], 'the STS is not ready'),
    ],
  },
  {
    answer: 'Gateway 401 signature', from: ['gateway'], statuses: [401], codes: ['invalid_token'], says: ['bearer signature invalid'],
    logged: ['gateway: denied: bearer signature'],
    places: [
      place('gateway-refuses', 'The mandate is not signed by a key of its zone: another issuer, an old key, or forged', ['SVC-015', 'STR-040', 'STR-041'], 'the Gateway is ready'),
      place('gateway-refuses', 'The Gateway could not get the keys of the zone from the STS', [...stsChecks], 'the Gateway says sts_unreachable, or asked for an unknown key less than 30 s before'),
    ],
  },
  {
    answer: 'Gateway 401 replay', from: ['gateway'], statuses: [401], codes: ['invalid_token'], says: ['token replay detected'],
    logged: ['gateway: denied: jti replay', 'gateway: jti replay rejected'],
    places: [
      place('gateway-refuses', 'The Gateway saw this mandate before', [], 'the audit has an event replay_detected for it'),
      failedClosed,
    ],
  },
  {
    answer: 'Gateway 503 `sts_unavailable`', from: ['gateway'], statuses: [499, 502, 503, 504], codes: ['sts_unavailable'], says: ['sts unavailable', 'sts timeout', 'sts response invalid'],
    logged: ['gateway: sts circuit open'],
    places: [place('gateway-refuses', 'The Gateway gets no answer of the STS, or has stopped asking for 10 s', [...stsChecks, 'SVC-021', 'RDY-013'], 'the description names the STS')],
  },
  {
    answer: 'Gateway 503 `sts_unavailable`', from: ['gateway'], statuses: [503], codes: ['sts_unavailable'], says: ['revocation state unavailable'],
    logged: ['gateway: denied: revocation snapshot stale'],
    places: [place('gateway-refuses', 'The Gateway has not read the revocations from Postgres for 70 s and lets nothing through', ['SVC-022', ...postgresChecks], 'the description is "revocation state unavailable"')],
  },
  {
    answer: 'Gateway 404', from: ['gateway'], statuses: [404],
    places: [
      place('gateway-refuses', 'The upstream does not know this path', ['SVC-028'], 'the answer has the header X-Caracal-Token-Expires-In'),
      place('gateway-refuses', 'Something else than the STS answers at the address that the Gateway has for it', ['RDY-014', 'RDY-012', 'SVC-021'], 'the body says sts_unavailable'),
    ],
  },
  {
    answer: 'Gateway 401/403 with `X-Caracal-Token-Expires-In`', from: ['gateway'], statuses: [401, 403], isPassedOn: true,
    places: [place('gateway-refuses', 'The upstream refused this call; Caracal had allowed it', ['SVC-015', 'RDY-091'], 'the header X-Caracal-Token-Expires-In is there')],
  },
  {
    answer: 'Coordinator 401 `invalid_token`', from: ['coordinator'], statuses: [401], codes: ['invalid_token'],
    logged: ['coordinator: jwt_verify_failed'],
    places: [
      place('session-views', 'The mandate is expired, or of another issuer or audience', ['RDY-091', 'SVC-015'], 'errorClass in the log is token_expired or claim_invalid'),
      place('session-views', 'The operator token is not that of the Coordinator, or not for this path', ['SVC-040'], '/stats refuses it with operator_token_required'),
      place('session-views', 'The Coordinator could not get the keys of the STS', [...stsChecks], 'errorClass in the log is jwks_timeout'),
      place('session-views', 'The id of the zone in the address is no id', [], 'it is no UUID'),
    ],
  },
  {
    answer: 'Coordinator 200 empty list', from: ['coordinator'], statuses: [200], isEmptyList: true,
    places: [
      place('session-views', 'There are no Sessions in this zone', [], 'the API has none for the zone either'),
      place('session-views', 'There is no such zone: the Coordinator answers an empty list for it', ['SVC-062'], 'the API answers 404 for the zone'),
      place('session-views', 'Row-level security hides the rows', ['STO-044', 'STO-009'], 'the API lists Sessions that the Coordinator does not'),
    ],
  },
  {
    answer: 'API 404 `request_not_found`', from: ['api'], statuses: [404], codes: ['request_not_found'],
    places: [
      place('audit-missing', 'The call was refused where Caracal writes no event: most refusals before a decision', [], 'the log of the Gateway or of the STS has the refusal'),
      place('audit-missing', 'The event is on its way, or waits', [...redisChecks, 'STR-001', 'STR-002', 'STR-004', 'SVC-019', 'SVC-025', 'RDY-031'], 'the audit stream or a replay folder holds it'),
      place('audit-missing', 'The event was refused or given up', ['SVC-032', 'STR-012', 'STO-013'], 'it is among the dead letters'),
      place('audit-missing', 'The event is lost', ['SVC-018', 'SVC-024', 'STR-005'], 'STS or Gateway say audit_evidence_lost'),
      place('audit-missing', 'The call was made in another zone', [], 'another zone has the request'),
    ],
  },
];

/** Reasons of `/ready` that come from several places, by reason: contract readiness 2.3 and 2.5. */
export const ambiguousReasons: Readonly<Record<string, readonly Place[]>> = {
  internal_error: [redisHangs, postgresFails, apiPrograms],
  consumer_unhealthy: [
    place('audit-missing', 'Audit could not read its stream from Redis', [...redisChecks], 'STS and Gateway say redis_unreachable'),
    place('audit-missing', 'The consumer group audit-ingestor is gone: Audit does not make it again while it runs', ['STR-001', 'STR-002'], 'Redis answers, and the stream has no such group'),
    place('audit-missing', 'Redis was away and is back; no event came since to tell Audit so', ['RDY-033'], 'all other services are ready, and the stream is idle'),
  ],
};

/** Checks that are red where `/ready` gives one of the other reasons: contract readiness 2.3. */
export const reasonChecks: Readonly<Record<string, readonly string[]>> = {
  postgres_unreachable: [...postgresChecks, 'STO-015'],
  redis_unreachable: [...redisChecks],
  redis_unavailable: ['RDY-013'],
  outbox_unreachable: ['STO-004', 'STO-008', 'STO-017', 'STR-090'],
  outbox_dead_messages: ['STR-090'],
  outbox_dead: ['STR-091'],
  rate_limited: ['RDY-003', 'RDY-043'],
  audit_evidence_lost: ['SVC-018', 'SVC-024'],
  audit_replay_unavailable: ['RDY-013', 'RDY-023'],
  stream_consumers_not_ready: [...redisChecks, 'STR-021', 'STR-031', 'STR-041'],
  revocation_snapshot_stale: ['SVC-022', ...postgresChecks],
  sts_unavailable: ['RDY-023'],
  sts_unreachable: [...stsChecks],
  audit_dlq_threshold: ['STR-010', 'STR-012', 'SVC-033'],
  audit_lag_threshold: ['STR-001', 'STR-002', 'AUD-003'],
  audit_pel_oldest_threshold: ['STR-004'],
  unavailable: [...postgresChecks, 'RDY-053'],
  draining: [],
};
