import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Service, run } from '../lib/processes.ts';
import type { CodeServer } from './provision.ts';

const START_DEADLINE_MS = 60_000;

/** The folders of one instance of VS Code. A server keeps its user data in one of its own. */
export interface DataFolders {
  readonly userData: string;
  readonly extensions: string;
}

/** A server that answers. */
export interface ServedCode {
  readonly service: Service;
  readonly port: number;
  readonly url: string;
}

/** Settings by id, as in a settings.json. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * Writes the settings of an instance. A remote instance reads machine-scoped settings (those that name
 * a host, a path or a command) from another file than the person's own.
 */
export async function writeSettings(userData: string, user: Settings, machine: Settings = {}): Promise<void> {
  for (const [name, settings] of [['User', user], ['Machine', machine]] as const) {
    await mkdir(join(userData, name), { recursive: true });
    await writeFile(join(userData, name, 'settings.json'), `${JSON.stringify(settings, null, 2)}\n`);
  }
}

/**
 * Serves VS Code for a test suite that runs inside the extension host. Without the flag for smoke
 * tests a built VS Code ignores the path of the suite, and says nothing.
 */
export async function serveForTests(code: CodeServer, data: DataFolders): Promise<ServedCode> {
  const service = new Service('The VS Code server', process.execPath, [
    code.innerServer,
    '--host=127.0.0.1',
    '--port=0',
    '--without-connection-token',
    '--accept-server-license-terms',
    `--server-data-dir=${data.userData}`,
    `--user-data-dir=${data.userData}`,
    `--extensions-dir=${data.extensions}`,
    '--telemetry-level=off',
    '--disable-workspace-trust',
    '--enable-smoke-test-driver',
  ]);
  return whenListening(service, /Extension host agent listening on (\d+)/);
}

function codeServerArguments(code: CodeServer, data: DataFolders): string[] {
  return [
    code.entry,
    // Its default is a file in the home folder of the person.
    `--config=${join(data.userData, 'config.yaml')}`,
    `--user-data-dir=${data.userData}`,
    `--extensions-dir=${data.extensions}`,
  ];
}

/** Installs a packaged extension into the folders of an instance. */
export async function installExtension(code: CodeServer, data: DataFolders, vsix: string): Promise<void> {
  await mkdir(data.extensions, { recursive: true });
  await run(process.execPath, [...codeServerArguments(code, data), '--install-extension', vsix]);
}

/** Serves VS Code as a person uses it: installed extensions, workspace trust on. */
export async function serveForPeople(code: CodeServer, data: DataFolders, port = 0): Promise<ServedCode> {
  const service = new Service('code-server', process.execPath, [
    ...codeServerArguments(code, data),
    '--auth=none',
    `--bind-addr=127.0.0.1:${port}`,
    '--disable-telemetry',
    '--disable-update-check',
  ]);
  return whenListening(service, /HTTP server listening on http:\/\/127\.0\.0\.1:(\d+)/);
}

async function whenListening(service: Service, announcement: RegExp): Promise<ServedCode> {
  try {
    const match = await service.waitForLine(announcement, START_DEADLINE_MS);
    const port = Number(match[1]);
    return { service, port, url: `http://127.0.0.1:${port}/` };
  } catch (error) {
    await service.end();
    throw error;
  }
}
