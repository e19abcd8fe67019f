import { isOnlyMasks } from './mask.ts';

/** Words that make a name a secret's wherever they stand in it, and the ones that a name must end with. */
const anywhere = ['password', 'passwd', 'pwd', 'passphrase', 'secret', 'apikey', 'requirepass', 'masterauth', 'passfile'];
const atTheEnd = new Set([
  'token', 'bearer', 'credential', 'credentials', 'hmac', 'cookie', 'dsn', 'assertion', 'otp', 'totp', 'salt', 'sig', 'signature', 'kek', 'jwt', 'authorization',
]);

/** Before `key`: `privateKey`, `API_KEY`. Not `publicKey`, `idempotency_key`, `partition key`. */
const keyKinds = new Set([
  'api', 'private', 'secret', 'signing', 'access', 'encryption', 'hmac', 'master', 'account', 'client', 'shared', 'ssl', 'session', 'wrapping', 'admin', 'service',
]);
const pairs = new Set(['code verifier', 'device code', 'totp seed', 'otp seed', 'connection string', 'session id cookie']);

/** Words that may follow without changing what the name means. */
const decoration = /^(?:value|data|raw|string|str|b64|base64|base64url|hex|plain|plaintext|text|current|previous|prev|old|new|primary|secondary|header|prod|dev|test|staging|local|default|ct|\d+)$/;

/** Last words of names that tell about a secret and do not hold one: `tokenType`, `SECRET_FILE`, `password_min_length`. */
const aboutIt = new Set(
  (
    'file files path dir name names ref refs id ids type types kind length len size at ts time date age ttl seconds sec ms minutes hours days ' +
    'count counts total totals number num bytes errors error failures failed reads writes operations shared leased waited pending used uses limit max min ' +
    'expires expiry expiration expired lifetime scope scopes status state version algorithm alg url uri endpoint issuer audience backend provider store ' +
    'enabled disabled required present set valid live policy mode method hint label prefix suffix source format reason code message description ' +
    'title check class rotation rotated created updated revoked verified stdin env variable var kid column table role user username host port ' +
    'fingerprint thumbprint digest sha256 sha1 encryption manager service rules rule strength'
  ).split(' '),
);

/** What a name says about the value that stands beside it. */
export type KeyMeaning = 'password' | 'secret' | undefined;

/**
 * Whether a name is that of a secret, decided on its words: `CARACAL_ADMIN_TOKEN`, `adminToken` and
 * `admin-token` are the same three. A `password` may be any word, the other secrets are never just one.
 */
export function meaningOf(key: string): KeyMeaning {
  if (key === 'PWD' || key === 'OLDPWD') return undefined;
  if (!/pass|pwd|secret|token|bearer|key|credential|hmac|cookie|dsn|assertion|otp|salt|sig|kek|jwt|auth|verifier|code|connection/i.test(key)) return undefined;
  const words = key
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '');
  while (words.length > 1 && decoration.test(words.at(-1) ?? '')) words.pop();
  const last = words.at(-1) ?? '';
  const isPassword = words.some((word) => anywhere.some((secret) => word.endsWith(secret)));
  if (last === 'hash' || last === 'hashes') return isPassword ? 'password' : undefined;
  if (aboutIt.has(last)) return undefined;
  if (isPassword) return 'password';
  const before = words.at(-2) ?? '';
  if (last === 'key' && keyKinds.has(before)) return 'secret';
  if (pairs.has(`${before} ${last}`)) return 'secret';
  return atTheEnd.has(last) || (last.length > 5 && last.endsWith('token')) ? 'secret' : undefined;
}

const placeholder = /^(?:true|false|null|nil|none|undefined|yes|no|on|off|\*+|x{3,}|\.{3}|…|\[?(?:redacted|masked|hidden|filtered)\]?|<[^<>]*>|\$\{[^{}]*\}|\$\w+|%s|\{\{[^{}]*\}\}|\{\w*\})$/i;

/** Stands in the place of a secret and is none: a placeholder, a mask. */
export function isPlaceholder(value: string): boolean {
  return value === '' || isOnlyMasks(value) || placeholder.test(value);
}

/**
 * Whether what stands beside a secret's name is harmless all the same: a placeholder, a small number,
 * and, unless a password is meant, a word such as `expired` or `invalid_token`, an address, or prose.
 */
export function isHarmless(value: string, meaning: KeyMeaning): boolean {
  if (isPlaceholder(value)) return true;
  // Where a secret is mounted, which services write when they cannot read it: `AUDIT_HMAC_KEY=/run/secrets/auditHmacKey: …`.
  if (/^\/run\/secrets\/[\w.-]{1,80}:?$/.test(value)) return true;
  if (/^-?\d{1,5}(?:\.\d{1,3})?$/.test(value)) return true;
  if (meaning === 'password') return false;
  return /^[a-z]{1,10}$/i.test(value) || /^[a-z]+(?:_[a-z]+){1,4}$/i.test(value) || /^[a-z][a-z\d+.-]{1,20}:\/\//i.test(value) || /\s/.test(value);
}
