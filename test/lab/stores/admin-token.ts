import { argon2, createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** Argon2id as the API stores admin tokens with it: 64 MiB, 3 passes, 2 lanes, 32 bytes. */
const ARGON2 = { memory: 65_536, passes: 3, parallelism: 2, tagLength: 32 };

/** `admin_tokens.token_sha256`, by which the API finds a token: SHA-256 of its UTF-8 text, raw. */
export function adminTokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** `admin_tokens.token_hash`, which the API verifies a found token against: Argon2id, PHC string. */
export async function adminTokenHash(token: string): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await promisify(argon2)('argon2id', { message: token, nonce, ...ARGON2 });
  const parameters = `m=${String(ARGON2.memory)},t=${String(ARGON2.passes)},p=${String(ARGON2.parallelism)}`;
  return `$argon2id$v=19$${parameters}$${unpadded(nonce)}$${unpadded(tag)}`;
}

/** `applications.client_secret_hash` of a secret that nobody knows: random salt, random hash. */
export function unknownClientSecretHash(): string {
  return `argon2id$${unpadded(randomBytes(16))}$${unpadded(randomBytes(ARGON2.tagLength))}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
