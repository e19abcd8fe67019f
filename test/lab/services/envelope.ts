import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

// The sealed form of secrets in Postgres (contract, storage 5.3): magic, key id, then the data key
// sealed under the KEK and the content sealed under the data key.

const MAGIC = Buffer.from('CSS1');
const CIPHER = 'chacha20-poly1305';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const WRAPPED_AT = MAGIC.length + 8;
const CONTENT_AT = WRAPPED_AT + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/** @param purpose additional data, so that a secret of one kind cannot stand in for another */
export function seal(kek: Buffer, content: string, purpose: string): Buffer {
  const dataKey = randomBytes(KEY_BYTES);
  return Buffer.concat([MAGIC, keyId(kek), encrypt(kek, dataKey, purpose), encrypt(dataKey, Buffer.from(content), purpose)]);
}

/** @throws Error when the envelope is damaged or was sealed under another KEK */
export function open(kek: Buffer, envelope: Buffer, purpose: string): string {
  if (!envelope.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('secret envelope is malformed');
  if (!envelope.subarray(MAGIC.length, WRAPPED_AT).equals(keyId(kek))) {
    throw new Error('secret envelope was sealed under a different KEK');
  }
  const dataKey = decrypt(kek, envelope.subarray(WRAPPED_AT, CONTENT_AT), purpose);
  return decrypt(dataKey, envelope.subarray(CONTENT_AT), purpose).toString('utf8');
}

function keyId(kek: Buffer): Buffer {
  return createHash('sha256').update(kek).digest().subarray(0, 8);
}

function encrypt(key: Buffer, content: Buffer, purpose: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(purpose), { plaintextLength: content.length });
  return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Buffer, purpose: string): Buffer {
  const content = sealed.subarray(NONCE_BYTES, -TAG_BYTES);
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(purpose), { plaintextLength: content.length });
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(content), decipher.final()]);
}
