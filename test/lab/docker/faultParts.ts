import { randomBytes } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { eventually } from '../eventually.ts';
import { all, type Decoy, type Expected, type Fault, ids, range } from '../faults/fault.ts';
import { behindService } from '../faults/groups.ts';
import { messageOf } from '../services/deadline.ts';
import { logOf } from './compose.ts';
import type { ContainerLab, ContainerLabOptions } from './lab.ts';
import { type ComposeService, secretsFolder } from './project.ts';

export type ContainerFault = Fault<ContainerLab, ContainerLabOptions>;
export type ContainerDecoy = Decoy<ContainerLab, ContainerLabOptions>;

type State = Docker.ContainerInspectInfo['State'];

/** Health that is decided within seconds: every second from the start, with the 20 tries of the original. */
export const quickly = { startPeriodSeconds: 0, intervalSeconds: 1 };
export const MEBIBYTE = 1024 * 1024;

/** Resolves once the engine says this of the service's container. */
export function until(lab: ContainerLab, service: ComposeService, what: string, holds: (state: State, container: Docker.ContainerInspectInfo) => boolean): Promise<boolean> {
  return eventually(`${service} ${what}`, async () => {
    const found = await lab.container(service).inspect();
    return holds(found.State, found);
  });
}

/** Starts it although the engine cannot start it. @throws Error when it can, or cannot for another reason */
export async function startInVain(container: Docker.Container, reason: RegExp): Promise<void> {
  const answer = await container.start().then(() => 'it was started', (error: unknown) => messageOf(error));
  if (!reason.test(answer)) throw new Error(`a start was to be refused: ${answer}`);
}

/** Resolves once the container has ended a few times and its log ends like this. */
export async function loops(lab: ContainerLab, service: ComposeService, exitCode: number, log: RegExp): Promise<void> {
  await until(lab, service, 'starts again and again', (state, { RestartCount: restarts }) => restarts >= 2 && state.ExitCode === exitCode);
  const text = await logOf(lab.container(service));
  if (!log.test(text)) throw new Error(`${service} logged something else: ${text}`);
}

export async function ready(lab: ContainerLab, service: keyof ContainerLab['services'], text: string): Promise<void> {
  await eventually(`${service} says ${text}`, async () => {
    const response = await fetch(`${lab.services[service].url}/ready`, { signal: AbortSignal.timeout(5000) });
    return (await response.text()).includes(text);
  });
}

export function secretFile(lab: ContainerLab, name: string): string {
  return join(secretsFolder(lab), name);
}

/** The file with another value in it, as an editor or a script leaves it. */
export async function changeSecret(lab: ContainerLab, name: string, service: ComposeService): Promise<void> {
  const file = secretFile(lab, name);
  await writeFile(file, randomBytes(32).toString('hex'));
  const { mtimeMs: changedAt } = await stat(file);
  await until(lab, service, 'is older than the file', (state) => changedAt > Date.parse(state.StartedAt));
}

/** `docker compose up` up to a migration that fails: what waits for it stays created. */
export async function failMigration(lab: ContainerLab, exitCode: number): Promise<void> {
  for (const service of ['sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const) await lab.compose.replace(service);
  const { environment } = lab.compose.definitions.dbMigrate;
  await lab.compose.recreate('dbMigrate', { environment: { ...environment, MIGRATION_CONNECT_RETRIES: '2' } });
  await until(lab, 'dbMigrate', 'failed', (state) => state.Status === 'exited' && state.ExitCode === exitCode);
}

export function withHealth(lab: ContainerLab, service: ComposeService): void {
  const { healthcheck } = lab.compose.definitions[service];
  if (healthcheck === undefined) throw new Error(`${service} has no health check`);
  lab.compose.change(service, { healthcheck: { ...healthcheck, ...quickly } });
}

export const unhealthy = (lab: ContainerLab, service: ComposeService): Promise<boolean> =>
  until(lab, service, 'is unhealthy', (state) => state.Health?.Status === 'unhealthy');

export const addition = (lab: ContainerLab, service: ComposeService, variables: Readonly<Record<string, string>>): { environment: Record<string, string> } => ({
  environment: { ...lab.compose.definitions[service].environment, ...variables },
});

/** No service was started, because the migration that all wait for did not end well. */
export const nothingStarted: Expected = {
  ...all('fail', ...ids('RDY', 1, 11, 21, 31, 41, 51, 90), ...ids('SVC', ...range(110, 115))),
  ...all('blocked', ...Object.values(behindService).flat()),
  'CRC-SVC-090': 'unknown',
};
