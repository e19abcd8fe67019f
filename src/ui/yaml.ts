/**
 * Writes plain JSON as YAML for reading. It is never read back, so it may be shorter than what a
 * library writes: a string is quoted only where its look would mislead.
 */

const misleading = /^$|^[\s\-?:,[\]{}#&*!|>'"%@`]|\p{Cc}|: |:$| #|\s$|^(?:true|false|null|~|yes|no)$|^[\d.+-][\d.eE+_-]*$/iu;

/** One string on one line. */
export function yamlScalar(text: string): string {
  return misleading.test(text) ? JSON.stringify(text) : text;
}

/** `name: value`, on as many lines as the value needs. */
export function yamlLines(name: string, value: unknown, indent: string): readonly string[] {
  const key = `${indent}${yamlScalar(name)}:`;
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${key} []`];
    return [key, ...value.flatMap((item: unknown) => listItem(item, `${indent}  `))];
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return [`${key} {}`];
    return [key, ...entries.flatMap(([inner, each]) => yamlLines(inner, each, `${indent}  `))];
  }
  return [`${key} ${plain(value)}`];
}

function listItem(item: unknown, indent: string): readonly string[] {
  if (typeof item !== 'object' || item === null) return [`${indent}- ${plain(item)}`];
  const inner = Array.isArray(item) ? yamlLines('items', item, `${indent}  `) : Object.entries(item).flatMap(([name, value]) => yamlLines(name, value, `${indent}  `));
  const [first, ...rest] = inner;
  return first === undefined ? [`${indent}- {}`] : [`${indent}- ${first.trimStart()}`, ...rest];
}

function plain(value: unknown): string {
  return typeof value === 'string' ? yamlScalar(value) : JSON.stringify(value);
}
