import { argon2, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const ARGON2 = { memory: 65_536, passes: 3, parallelism: 2, tagLength: 32 };
/** Verified secrets, by the digest of hash and secret: Argon2 takes 64 MiB and a tenth of a second each time. */
const known = new Set<string>();

/** `applications.client_secret_hash`: `argon2id$<salt>$<tag>`, unpadded base64. */
export async function clientSecretHash(secret: string): Promise<string> {
  const nonce = randomBytes(16);
  return `argon2id$${unpadded(nonce)}$${unpadded(await derive(secret, nonce))}`;
}

/** Whether the secret is the one that was hashed. */
export async function isClientSecret(secret: string, hash: string): Promise<boolean> {
  const digest = createHash('sha256').update(`${hash}|${secret}`).digest('hex');
  if (known.has(digest)) return true;
  const [algorithm, salt = '', tag = ''] = hash.split('$');
  const expected = Buffer.from(tag, 'base64');
  if (algorithm !== 'argon2id' || expected.length !== ARGON2.tagLength) return false;
  const right = timingSafeEqual(await derive(secret, Buffer.from(salt, 'base64')), expected);
  if (right) known.add(digest);
  return right;
}

function derive(message: string, nonce: Buffer): Promise<Buffer> {
  return promisify(argon2)('argon2id', { message, nonce, ...ARGON2 });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
