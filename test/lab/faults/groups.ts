import { ids, range } from './fault.ts';

// Which checks fall silent when one part is away. Written down here and not taken from the catalogue,
// so that a check which waits for the wrong thing is found.

/** What only a session of Postgres can tell, beyond that there is one. */
export const behindPostgresSession: readonly string[] = [
  ...ids('STO', ...range(3, 19), ...range(40, 44)),
  ...ids('STR', ...range(90, 93)),
  ...ids('SVC', 4, 12, 13, 15, 34, 41, 42, 44, 45, 60, 61, 62),
  ...ids('AUD', ...range(1, 12)),
];

/** What cannot be asked of a Postgres that does not answer, or through services that ask it. */
export const behindPostgres: readonly string[] = [...ids('STO', 2), ...behindPostgresSession, ...ids('SVC', 1, 2, 3, 40, 43)];

/** Every check that reads a stream. */
export const streams: readonly string[] = ids(
  'STR',
  ...[1, 2, 3, 4, 5], ...[10, 11, 12], ...[20, 21, 22, 23, 24, 25], ...range(30, 38), ...[40, 41, 42, 43, 44],
  ...[50, 51, 52, 53, 55], ...[60, 61], ...[70, 71, 74], 80,
);

/** What waits for the API to be ready before it asks below `/v1`. */
export const behindApi: readonly string[] = [...ids('SVC', 13), ...ids('AUD', 2)];

/** What cannot be asked of a Redis that does not answer, or of services that hang without it. */
export const behindRedis: readonly string[] = [
  ...ids('STO', ...range(21, 31)),
  ...streams,
  ...ids('SVC', 19, 25, 40, 43, 61),
  ...behindApi,
];

/** The figures of a service, by their checks. */
export const figures = {
  api: ids('SVC', 1, 2, 3),
  sts: ids('SVC', 10, 11, 14, 16, 17, 18, 19),
  gateway: ids('SVC', ...range(20, 28)),
  audit: ids('SVC', ...range(30, 35)),
  coordinator: ids('SVC', 40, 43),
} as const;

/** What waits for any answer of a service. */
export const behindService = {
  api: [...ids('RDY', 2, 3, 4), ...figures.api, ...behindApi],
  sts: [...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)],
  gateway: [...ids('RDY', 22, 23, 24), ...figures.gateway],
  audit: [...ids('RDY', 32, 33, 34), ...figures.audit],
  coordinator: [...ids('RDY', 42, 43, 44), ...figures.coordinator],
  web: [...ids('RDY', 52, 53, 54), ...ids('SVC', 51)],
} as const;

/** What recomputes signatures, which is left out where there is no key. */
const withKeys: readonly string[] = ids('STR', 25, 38, 55);

/** What takes a credential of the deployment. */
export const withCredentials: readonly string[] = [
  ...ids('STO', 1, 2, 20), ...behindPostgresSession, ...ids('STO', ...range(21, 31)), ...streams.filter((check) => !withKeys.includes(check)),
  ...Object.values(figures).flat(), ...ids('SVC', 13, 61, 90),
];
