import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { logSourceOf } from '../caracal/logSources.ts';
import type { LogSource } from '../caracal/logSources.ts';
import type { Target } from '../model/target.ts';
import { askedOnce } from './askedOnce.ts';
import type { LogTail } from './deployment.ts';
import { Refused, Unavailable } from './failures.ts';
import type { ContainerLogs, LoggingContainer, StampedLine } from './logs.ts';

/** What was said lately, and no more than can be looked through at once without holding up others. */
const tailLines = 1_000;
const tailBytes = 1 << 18;
/** Replicas of one component that are asked. */
const mostContainers = 4;

const newline = Buffer.from('\n');

/** Reads the ends of the logs of containers. Which containers there are is asked once. */
export function containerTails(logs: ContainerLogs): (source: LogSource, signal: AbortSignal) => Promise<readonly LogTail[]> {
  const listed = askedOnce((signal) => logs.containers(signal));
  return async (source, signal) => {
    const own = (await listed(signal)).filter(({ component, run }) => logSourceOf(component) === source && run !== '');
    // Those that run say what is now.
    const asked = own.toSorted((one, other) => Number(other.isRunning) - Number(one.isRunning)).slice(0, mostContainers);
    return Promise.all(asked.map((container) => containerTail(logs, container, signal)));
  };
}

async function containerTail(logs: ContainerLogs, container: LoggingContainer, signal: AbortSignal): Promise<LogTail> {
  const lines: StampedLine[] = [];
  for await (const piece of logs.lines(container, { tail: tailLines, follow: false }, signal)) lines.push(...piece);
  const streams = Map.groupBy(lines, ({ stream }) => stream);
  return { name: container.name, streams: [...streams.values()].map((own) => Buffer.concat(own.flatMap(({ bytes }) => [bytes, newline]))) };
}

/** Reads the ends of the log files that a target names. */
export function fileTails({ target, folder }: { readonly target: Target; readonly folder: string }): (source: LogSource) => Promise<readonly LogTail[]> {
  const files = target.kind === 'endpoints' ? (target.logs ?? {}) : {};
  return async (source) => {
    const named = Object.entries(files).filter(([name]) => logSourceOf(name) === source);
    if (named.length === 0) throw new Unavailable(`no log of ${source}`, 'pick the Compose project or the Helm release itself, or give logs in the target');
    return Promise.all(named.map(async ([, path]) => ({ name: path, streams: [await endOf(isAbsolute(path) ? path : join(folder, path))] })));
  };
}

async function endOf(path: string): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, tailBytes));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
    const end = bytes.subarray(0, bytesRead);
    // The first line is a part of one, unless the file begins there.
    return size > tailBytes ? end.subarray(end.indexOf(newline) + 1) : end;
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new Refused(String(error.code), error.message);
    throw error;
  } finally {
    await file?.close();
  }
}
