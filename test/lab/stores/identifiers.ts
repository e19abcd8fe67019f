import { randomBytes } from 'node:crypto';

/**
 * A UUIDv7, the form of nearly all of Caracal's ids: 48 bits of milliseconds since 1970, then
 * random bits, so that ids sort by the moment they name.
 *
 * @param at the moment; Caracal uses the creation of the row
 */
export function uuidv7(at: Date = new Date()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6); // version
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8); // variant
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
