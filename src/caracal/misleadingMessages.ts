/** What a line says beside its message: a field by its name, or the class of its error as `error.type`. */
export type Said = (field: string) => unknown;

/** A known message that leads to a wrong conclusion, and what is true instead. */
export interface MisleadingMessage {
  /** Its id among the known messages. */
  readonly message: string;
  /** It misleads only where this message of the same request came before it. */
  readonly after?: string;
  /** It misleads only where the line says so. */
  readonly where?: (said: Said) => boolean;
  readonly note: string;
}

const redisFailed = (said: Said): boolean => said('error.type') === 'MaxRetriesPerRequestError';
const nodeNote = 'not a cause: a note of Node for the developers of Caracal';
const shippedSetting = 'not a cause: the Compose file of Caracal sets it';
const sameServices = ['api', 'coordinator'] as const;

/** Contract deploy-logs-metrics 0 (3, 12), 3.5 and 3.8. */
export const misleadingMessages: readonly MisleadingMessage[] = [
  { message: 'gateway: denied: jti replay', after: 'gateway: jti tracker setnx failed', note: 'not a cause: no replay, Redis failed' },
  {
    message: 'gateway: sts exchange failed', where: (said) => said('status') === 401 && said('error_code') === 'access_denied',
    note: 'not the caller: GATEWAY_STS_HMAC_KEY or the clocks of Gateway and STS differ',
  },
  { message: 'gateway: proxied', where: (said) => Number(said('status')) >= 400, note: 'not the Gateway: the resource server answered so' },
  { message: 'audit: tamper: chain HMAC mismatch', note: 'no proof of a change: after a change of AUDIT_HMAC_KEY every older row says this' },
  { message: 'migrator: migrate: database did not become reachable', note: 'may be the password: the log of Postgres tells' },
  { message: 'api: caracal: CARACAL_ALLOW_INSECURE_CONFIG_URLS is active in production; …', note: shippedSetting },
  ...sameServices.flatMap((service): MisleadingMessage[] => [
    { message: `${service}: unhandled route error`, where: redisFailed, note: 'not a bug: Redis did not answer' },
    { message: `${service}: (node:{…}Warning…`, note: nodeNote },
    { message: `${service}: (node:{…}Deprecation…`, note: nodeNote },
  ]),
];
