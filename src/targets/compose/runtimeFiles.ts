import { open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { RuntimeFilesFacts } from '../../model/compose.ts';
import { errnoOf, readSmallFile } from '../smallFile.ts';
import { timeOf } from './containers.ts';
import { readable } from './readable.ts';

const largestFileBytes = 64 * 1024;
const upgradeCount = 10;

const watched = ['compose.yml', 'caracal.env', 'control/enabled', 'secrets/allowlist/operatorAllowlist.json'] as const;

/**
 * The runtime home of a project: the parent of its secrets where they lie in one, as those of development do
 * (Caracal packages/engine/src/stackPaths.ts:31), else the folder of its Compose file.
 */
export function runtimeHomeOf(workingFolder: string | undefined, secretFolders: readonly string[]): string | undefined {
  const secrets = secretFolders.find((folder) => ['secrets', 'dev-secrets'].includes(basename(folder)));
  return secrets === undefined ? workingFolder : dirname(secrets);
}

/** What the files of a runtime home say: contract, deploy 1.6. Files that are absent or malformed say nothing. */
export async function runtimeFilesOf(home: string): Promise<RuntimeFilesFacts> {
  const [installed, upgrades, lock, changed] = await Promise.all([installedOf(home), upgradesOf(home), lockOf(home), changedOf(home)]);
  return { home, installed, upgrades, changed, lock };
}

async function installedOf(home: string): Promise<RuntimeFilesFacts['installed']> {
  const { version, updatedAt } = recordIn(await textOf(join(home, 'runtime.json')));
  return typeof version === 'string' ? { version: readable(version), updatedAt: timeOf(textIn(updatedAt)) } : null;
}

async function upgradesOf(home: string): Promise<RuntimeFilesFacts['upgrades']> {
  const lines = (await endOf(join(home, 'upgrade.log'))).split('\n');
  const upgrades = lines.flatMap((line) => {
    const { at, from, to, outcome } = recordIn(line);
    const time = timeOf(textIn(at));
    if (time === null || typeof to !== 'string' || typeof outcome !== 'string') return [];
    return [{ at: time, from: typeof from === 'string' ? readable(from) : null, to: readable(to), outcome: readable(outcome) }];
  });
  return upgrades.slice(-upgradeCount);
}

async function lockOf(home: string): Promise<RuntimeFilesFacts['lock']> {
  const text = await textOf(join(home, '.lock'));
  const pid = /^\d{1,9}$/.test(text.trim()) ? Number(text) : 0;
  return pid === 0 ? null : { pid, alive: lives(pid) };
}

/** Signal 0 is none: it only tells whether there is such a process. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

async function changedOf(home: string): Promise<RuntimeFilesFacts['changed']> {
  const times = await Promise.all(
    watched.map(async (file) => {
      try {
        return [{ file, at: (await stat(join(home, file))).mtime.toISOString() }];
      } catch {
        return [];
      }
    }),
  );
  return times.flat();
}

async function textOf(path: string): Promise<string> {
  try {
    return await readSmallFile(path, largestFileBytes);
  } catch {
    return '';
  }
}

/** The last lines of a file that grows; the first of them may be cut. */
async function endOf(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(largestFileBytes), position: Math.max(0, size - largestFileBytes) });
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}

function recordIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
