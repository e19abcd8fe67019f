import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import type { Lab } from './lab.ts';

/** A statement or command that a flow sent, as the server itself recorded it. */
export interface Sent {
  /** The text of a statement, or the words of a command. */
  readonly text: string;
  /** Milliseconds that the server spent on it. */
  readonly tookMs: number;
}

/** What the debugger's own connections sent. */
export interface Recording {
  /** Statements of Postgres in their order, those that begin and end transactions included. */
  readonly statements: readonly Sent[];
  /** Commands of Redis in their order, as MONITOR shows them; AUTH is never shown by it. */
  readonly commands: readonly Sent[];
}

/** Redis tells clients apart by their address, so those of the debugger come from one of their own. */
const debuggerAddress = '127.0.0.2';
const marker = 'recording-ends-here';

/**
 * Runs `work` on a target file of the lab and returns what arrived at the two stores meanwhile: from
 * the statement log of Postgres, and from MONITOR and SLOWLOG of Redis.
 */
export async function record(lab: Lab, work: (targetFile: string) => Promise<unknown>): Promise<Recording> {
  const forwarder = await forward(lab.redis.port);
  const monitored = new Redis(lab.redis.url);
  try {
    await lab.sql("ALTER SYSTEM SET log_line_prefix = '%m [%p] %a '");
    await lab.sql('ALTER SYSTEM SET log_min_duration_statement = 0');
    await lab.sql('SELECT pg_reload_conf()');
    await eventually('statements are logged', async () => {
      const { length } = await logOf(lab);
      await lab.sql('SELECT 1');
      return (await logOf(lab)).length > length;
    });
    await lab.redisClient.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '100000');
    const lines: string[] = [];
    const monitor = await monitored.monitor();
    monitor.on('monitor', (_time: string, words: string[], source: string) => {
      if (source.startsWith(`${debuggerAddress}:`) || words.includes(marker)) lines.push(words.join(' '));
    });
    const begun = (await logOf(lab)).length;
    await work(await targetThrough(lab, forwarder.port));
    await lab.redisClient.echo(marker);
    await eventually('the monitor has shown everything', () => Promise.resolve(lines.some((line) => line.includes(marker))));
    monitor.disconnect();
    await lab.sql(`SELECT '${marker}'`);
    const log = await eventually('the log has everything', async () => {
      const text = (await logOf(lab)).slice(begun);
      return text.includes(marker) && text;
    });
    return { statements: statementsOf(log), commands: await withCosts(lab, lines.filter((line) => !line.includes(marker))) };
  } finally {
    monitored.disconnect();
    await forwarder.close();
  }
}

function logOf(lab: Lab): Promise<string> {
  return readFile(lab.postgres.logFile, 'utf8');
}

/** Records of the log that the debugger's sessions caused; parse and bind belong to their execute. */
function statementsOf(log: string): Sent[] {
  const sent: Sent[] = [];
  let preparedMs = 0;
  for (const entry of log.split(/^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC )/m)) {
    const [, duration, kind, text] = /\] caracal-debugger LOG: {2}duration: ([\d.]+) ms {2}(statement|parse|bind|execute)[^:]*: ([\s\S]*)/.exec(entry) ?? [];
    if (duration === undefined || kind === undefined || text === undefined) continue;
    preparedMs += Number(duration);
    if (kind === 'parse' || kind === 'bind') continue;
    sent.push({ text: text.replaceAll(/\s+/g, ' ').trim(), tookMs: preparedMs });
    preparedMs = 0;
  }
  return sent;
}

/** SLOWLOG has the time of each command, newest first, and its arguments cut at 128 characters. */
async function withCosts(lab: Lab, lines: readonly string[]): Promise<Sent[]> {
  const slow = (await lab.redisClient.slowlog('GET', 100_000)) as [number, number, number, string[], string][];
  const costs = slow.filter(([, , , , source]) => source.startsWith(`${debuggerAddress}:`)).reverse();
  return lines.map((text) => {
    const [name = ''] = text.split(' ');
    const index = costs.findIndex(([, , , words]) => words[0]?.toLowerCase() === name.toLowerCase() && text.toLowerCase().startsWith(words.slice(0, 3).join(' ').toLowerCase()));
    const [cost] = index < 0 ? [] : costs.splice(index, 1);
    return { text, tookMs: (cost?.[2] ?? NaN) / 1_000 };
  });
}

/** A copy of the lab's target that reaches Redis through the forwarder. */
async function targetThrough(lab: Lab, port: number): Promise<string> {
  const target = JSON.parse(await readFile(lab.targetFile, 'utf8')) as object;
  const url = new URL(lab.redis.url);
  url.port = String(port);
  const file = join(lab.directory, 'recorded-target.json');
  await writeFile(file, JSON.stringify({ ...target, redis: { value: url.href } }), { mode: 0o600 });
  return file;
}

async function forward(port: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect({ host: '127.0.0.1', port, localAddress: debuggerAddress });
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => {
        sockets.delete(socket);
        inner.destroy();
        outer.destroy();
      });
    }
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the forwarder has no port');
  return {
    port: address.port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}
