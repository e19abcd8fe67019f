/** `caracal-debugger`: the debugging flow without an editor, for CI and scripts. */
import manifest from '../../package.json' with { type: 'json' };
import { BadUsage, commandOf, usage } from './args.ts';
import { flow } from './flow.ts';
import type { Host } from './host.ts';
import { targets } from './targets.ts';
import { oneLine } from './words.ts';

const crashed = 1;
const badUsage = 2;
const stopped = 5;

async function main(words: readonly string[]): Promise<number> {
  try {
    const command = commandOf(words);
    switch (command.name) {
      case 'help':
        await out(usage);
        return 0;
      case 'version':
        await out(`${manifest.version}\n`);
        return 0;
      case 'flow':
        return await flow(command, await import('../flow/engine.ts'), host());
      case 'targets':
        return await targets(command, await import('../flow/engine.ts'), host());
    }
  } catch (error) {
    if (error instanceof BadUsage) {
      complain(`${error.message.replace(/\.$/, '')}.`);
      return badUsage;
    }
    complain(`The debugger itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return crashed;
  }
}

function host(): Host {
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
  return { environment: process.env, signal: stopSignal(), out, progress, colour };
}

/** The first SIGINT or SIGTERM stops the run, so that what has answered is printed; the next ends the process. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(stopped);
      stop.abort();
    });
  }
  return stop.signal;
}

async function out(text: string): Promise<void> {
  // The count of the progress line makes room.
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  process.stdout.write(text, (error) => {
    if (error) reject(error);
    else resolve(undefined);
  });
  await promise;
}

/** One line that changes in a terminal; elsewhere only what is not a count, so that a log stays short. */
function progress(line: string): void {
  const counting = line.startsWith('Running: ');
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${oneLine(line)}${counting ? '' : '\n'}`);
  else if (!counting) process.stderr.write(`${oneLine(line)}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

// A reader that closes its end, such as `head`, has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : crashed));

void main(process.argv.slice(2)).then((code) => process.exit(code));
