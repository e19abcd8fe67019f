import { open } from 'node:fs/promises';

/** A file that is not read, for a reason that is no errno. */
class Unread extends Error {}

/** The errno or code of a failed system call; undefined for an error of another kind. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Why a file could not be read, for a person. */
export function fileProblem(error: unknown): string {
  if (error instanceof Unread) return error.message;
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this account may not read it';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return errnoOf(error) ?? 'it cannot be read';
  }
}

/**
 * The text of a regular file. A device or a log that was named by mistake does no harm.
 *
 * @throws an error for `fileProblem`, also when the file is larger than `limitBytes`.
 */
export async function readSmallFile(path: string, limitBytes: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const status = await file.stat();
    if (status.isDirectory()) throw new Unread('it is a folder');
    if (!status.isFile()) throw new Unread('it is no regular file');
    if (status.size > limitBytes) throw new Unread(`it is larger than ${Math.floor(limitBytes / 1024)} KB`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
