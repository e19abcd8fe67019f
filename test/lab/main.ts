import { parseArgs } from 'node:util';
import { type CommonOptions, type LabKind, labKinds } from './kinds.ts';

// `lab up [--kind endpoints|compose|kubernetes] [--fault ID]... [--ports standard] [--home DIR]` and `lab faults [--kind KIND] [--json]`.

const USAGE = 'usage: lab up [--kind endpoints|compose|kubernetes] [--fault ID]... [--ports free|standard] [--home DIR] | lab faults [--kind KIND] [--json]';

class BadUsage extends Error {}

type Command = { name: 'up'; kind: LabKind; faults: readonly string[]; options: CommonOptions } | { name: 'faults'; kind: LabKind; json: boolean };

/** @throws BadUsage */
function commandOf(words: readonly string[]): Command {
  const { values, positionals } = parsed(words);
  const [name, ...more] = positionals;
  const { kind: kindName = 'endpoints', ports, home, fault: faults = [], json = false } = values;
  if ((name !== 'up' && name !== 'faults') || more.length > 0 || !isKind(kindName)) throw new BadUsage(USAGE);
  const kind = labKinds[kindName];
  if (name === 'faults') return { name, kind, json };
  if (ports !== undefined && ports !== 'free' && ports !== 'standard') throw new BadUsage(USAGE);
  const known = [...kind.faults, ...kind.decoys].map(({ id }) => id);
  const unknown = faults.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new BadUsage(`no fault or decoy ${unknown}; there are: ${known.join(', ')}`);
  return { name, kind, faults, options: { ...(ports === undefined ? {} : { ports }), ...(home === undefined ? {} : { home }) } };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { kind: { type: 'string' }, ports: { type: 'string' }, home: { type: 'string' }, fault: { type: 'string', multiple: true }, json: { type: 'boolean' } },
    });
  } catch (error) {
    throw new BadUsage(USAGE, { cause: error });
  }
}

function isKind(name: string): name is keyof typeof labKinds {
  return Object.hasOwn(labKinds, name);
}

function listFaults({ faults }: LabKind, json: boolean): void {
  const rows = faults.map(({ id, title, contract, verdicts }) => ({ id, title, contract, verdicts }));
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : rows.map(({ id, title }) => `${id.padEnd(30)}${title}\n`).join(''));
}

/** Runs in the foreground until SIGINT or SIGTERM; prints the path of the target file once the lab is as it was asked for. */
async function up({ kind, faults, options }: Extract<Command, { name: 'up' }>): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      end(undefined);
    });
  }
  const starting = kind.start(faults, { ...options, log: (line) => void process.stderr.write(`${line}\n`) });
  const ready = starting.then(({ targetFile }) => void process.stdout.write(`${targetFile}\n`));
  try {
    await Promise.race([ended, ready.then(() => ended)]);
  } finally {
    // A lab that is still starting ends as well, as soon as it can be ended.
    const lab = await starting.catch(() => undefined);
    await lab?.close();
  }
}

try {
  const command = commandOf(process.argv.slice(2));
  if (command.name === 'faults') listFaults(command.kind, command.json);
  else await up(command);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof BadUsage ? 2 : 1);
}
