/** Names in commands that a person copies: whoever chose a name must not choose what runs. Pure. */

/** A word of a POSIX shell; in quotes only where it needs them. */
export function word(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : quoted(text);
}

/** A text in the single quotes of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A text in the double quotes of a POSIX shell, which expands nothing in it. */
export function doubleQuoted(text: string): string {
  return `"${text.replaceAll(/[\\"$`]/g, String.raw`\$&`)}"`;
}

/** A name in SQL; in quotes only where it needs them. */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
