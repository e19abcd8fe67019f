// `kubectl auth can-i` sends its question in protobuf (kubernetes staging/src/k8s.io/api/authorization/v1/generated.proto).

const magic = Buffer.from('k8s\0');

/** Field names by number; a nested message has fields of its own. */
interface Message {
  readonly [number: number]: string | readonly [name: string, message: Message];
}

const resourceAttributes: Message = { 1: 'namespace', 2: 'verb', 3: 'group', 4: 'version', 5: 'resource', 6: 'subresource', 7: 'name' };

const specs: Readonly<Record<string, Message>> = {
  selfsubjectaccessreviews: { 1: ['resourceAttributes', resourceAttributes], 2: ['nonResourceAttributes', { 1: 'path', 2: 'verb' }] },
  selfsubjectrulesreviews: { 1: 'namespace' },
};

/** The review in an envelope of the API's protobuf encoding; undefined when it is none. */
export function decodeReview(plural: string, body: Buffer): Readonly<Record<string, unknown>> | undefined {
  const spec = specs[plural];
  if (spec === undefined || !body.subarray(0, magic.length).equals(magic)) return undefined;
  const raw = fieldsOf(body.subarray(magic.length)).get(2); // runtime.Unknown.raw
  return raw === undefined ? undefined : decode(raw, { 2: ['spec', spec] });
}

function decode(bytes: Buffer, message: Message): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [number, value] of fieldsOf(bytes)) {
    const field = message[number];
    if (typeof field === 'string') result[field] = value.toString();
    else if (field !== undefined) result[field[0]] = decode(value, field[1]);
  }
  return result;
}

/** Length-delimited fields by number; all fields of these messages are. */
function fieldsOf(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const length = varint();
    if ((tag & 7) !== 2) continue;
    fields.set(tag >> 3, bytes.subarray(at, at + length));
    at += length;
  }
  return fields;
}
