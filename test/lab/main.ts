import { type Fault, faults } from './faults/index.ts';
import { type LabOptions, startLab } from './lab.ts';

// `lab up [--fault ID]... [--ports standard] [--home DIR]` and `lab faults [--json]`.

const USAGE = 'usage: lab up [--fault ID]... [--ports free|standard] [--home DIR] | lab faults [--json]';

class BadUsage extends Error {}

type Command = { name: 'up'; faults: readonly Fault[]; options: LabOptions } | { name: 'faults'; json: boolean };

/** @throws BadUsage */
function commandOf(words: readonly string[]): Command {
  const [name, ...rest] = words;
  if (name === 'faults') {
    if (rest.some((word) => word !== '--json')) throw new BadUsage(USAGE);
    return { name, json: rest.length > 0 };
  }
  if (name !== 'up') throw new BadUsage(USAGE);
  const options: LabOptions = {};
  const chosen: Fault[] = [];
  for (let index = 0; index < rest.length; index += 2) {
    const [option, value] = [rest[index], rest[index + 1]];
    if (value === undefined) throw new BadUsage(USAGE);
    if (option === '--home') options.home = value;
    else if (option === '--ports' && (value === 'free' || value === 'standard')) options.ports = value;
    else if (option === '--fault') chosen.push(faultOf(value));
    else throw new BadUsage(USAGE);
  }
  return { name, faults: chosen, options };
}

function faultOf(id: string): Fault {
  const fault = faults.find((candidate) => candidate.id === id);
  if (fault === undefined) throw new BadUsage(`no fault ${id}; there are: ${faults.map((known) => known.id).join(', ')}`);
  return fault;
}

function listFaults(json: boolean): void {
  const rows = faults.map(({ id, title, contract, verdicts }) => ({ id, title, contract, verdicts }));
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : rows.map(({ id, title }) => `${id.padEnd(26)}${title}\n`).join(''));
}

/** Runs in the foreground until SIGINT or SIGTERM. */
async function up({ faults: chosen, options }: Extract<Command, { name: 'up' }>): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      end(undefined);
    });
  }
  const progress = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const starting = startLab({ ...options, log: progress });
  const prepared = starting.then(async (lab) => {
    for (const fault of chosen) {
      progress(`injecting ${fault.id}: ${fault.title}`);
      await fault.inject(lab);
    }
    process.stdout.write(`${lab.targetFile}\n`);
  });
  try {
    await Promise.race([ended, prepared.then(() => ended)]);
  } finally {
    // A lab that is still starting ends as well, as soon as it can be ended.
    const lab = await starting.catch(() => undefined);
    await lab?.close();
  }
}

try {
  const command = commandOf(process.argv.slice(2));
  if (command.name === 'faults') listFaults(command.json);
  else await up(command);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof BadUsage ? 2 : 1);
}
