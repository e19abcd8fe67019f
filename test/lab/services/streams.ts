import { createHmac, timingSafeEqual } from 'node:crypto';

export type StreamFields = Record<string, string>;
export type StreamEntry = { id: string; fields: StreamFields };
/** Raw replies of XREADGROUP and XRANGE. */
export type RawEntry = [id: string, flat: string[] | null];
export type RawRead = [stream: string, entries: RawEntry[]][] | null;

export const STREAMS = {
  audit: 'caracal.audit.events',
  auditDeadLetters: 'caracal.audit.events.dlq',
  policy: 'caracal.policy.invalidate',
  revocations: 'caracal.sessions.revoke',
  keys: 'caracal.keys.invalidate',
  lifecycle: 'caracal.agents.lifecycle',
} as const;

/** Field that carries the origin signature. */
const SIGNATURE = '_sig';

/**
 * Origin signature of a stream entry (contract, storage 7.4): stream name, then every field but the
 * signature itself, sorted by the bytes of its name.
 */
export function signStream(key: Buffer, stream: string, fields: StreamFields): string {
  const names = Object.keys(fields).filter((name) => name !== SIGNATURE)
    .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  const mac = createHmac('sha256', key).update(`${stream}\n`);
  names.forEach((name) => mac.update(`${name}=${fields[name] ?? ''}\n`));
  return mac.digest('hex');
}

/** The fields with their signature. */
export function signed(key: Buffer, stream: string, fields: StreamFields): StreamFields {
  return { ...fields, [SIGNATURE]: signStream(key, stream, fields) };
}

/** Whether the entry carries the signature of somebody who has the key. */
export function isAuthentic(key: Buffer, stream: string, fields: StreamFields): boolean {
  return sameHex(fields[SIGNATURE], signStream(key, stream, fields));
}

/** Signature of an audit event: HMAC of exactly the bytes of `data` (contract, storage 7.3). */
export function signAuditData(key: Buffer, data: string): string {
  return createHmac('sha256', key).update(data).digest('hex');
}

/** Comparison in constant time; anything but the same hexadecimal text is different. */
export function sameHex(actual: string | undefined, expected: string): boolean {
  return actual !== undefined && sameText(actual, expected);
}

/** Comparison in constant time. */
export function sameText(actual: string, expected: string): boolean {
  const [left, right] = [Buffer.from(actual), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Name, value, name, value …: the form of XADD. */
export function flat(fields: StreamFields): string[] {
  return Object.entries(fields).flat();
}

/** Entries of the only stream of an XREADGROUP reply. */
export function entriesOfRead(reply: unknown): StreamEntry[] {
  return ((reply as RawRead) ?? []).flatMap(([, entries]) => entriesOf(entries));
}

/** Entries of an XRANGE or XAUTOCLAIM reply; those that trimming removed have no fields. */
export function entriesOf(raw: readonly RawEntry[]): StreamEntry[] {
  return raw.flatMap(([id, values]) => values === null ? [] : [{ id, fields: record(values) }]);
}

/** Creates the group at the end of the stream unless it exists, as every consumer does when it starts. */
export async function ensureGroup(
  create: (stream: string, group: string) => Promise<unknown>, stream: string, group: string,
): Promise<void> {
  try {
    await create(stream, group);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
  }
}

/** The moment of an entry in milliseconds since 1970. */
export function momentOf(id: string): number {
  return Number(id.split('-')[0]);
}

function record(values: readonly string[]): StreamFields {
  const fields: StreamFields = {};
  for (let index = 0; index + 1 < values.length; index += 2) fields[values[index] ?? ''] = values[index + 1] ?? '';
  return fields;
}
