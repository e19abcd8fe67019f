import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password that the user's password file has for a connection, by libpq's rules
 * (https://www.postgresql.org/docs/18/libpq-pgpass.html): `PGPASSFILE`, else `~/.pgpass`
 * (`%APPDATA%\postgresql\pgpass.conf` on Windows); a file that others may read is ignored. The
 * driver's own reading of it is deprecated and hides the password from the redactor.
 */
export async function passwordFromFile(wanted: Wanted, environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const windows = process.platform === 'win32';
  const usual = windows ? join(environment['APPDATA'] ?? '', 'postgresql', 'pgpass.conf') : join(homedir(), '.pgpass');
  const path = environment['PGPASSFILE'] || usual;
  try {
    const { mode } = await stat(path);
    if (!windows && (mode & 0o077) !== 0) return undefined;
    return passwordIn(await readFile(path, 'utf8'), wanted);
  } catch {
    return undefined;
  }
}

/** The password of the first line that matches; `*` matches anything, `\` takes the next character as it is. */
export function passwordIn(file: string, { host, port, database, user }: Wanted): string | undefined {
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of file.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = (line.match(/(?:\\.|[^\\:])*(?::|$)/g) ?? []).map((field) => field.replace(/:$/, '').replaceAll(/\\(.)/g, '$1'));
    const password = fields[wanted.length];
    if (password && wanted.every((value, index) => fields[index] === '*' || fields[index] === value)) return password;
  }
  return undefined;
}
