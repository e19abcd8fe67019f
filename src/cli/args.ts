import { parseArgs } from 'node:util';
import { stepTitles, steps } from '../model/step.ts';
import type { Step } from '../model/step.ts';

export const usage = `Usage: caracal-debugger flow [options]
       caracal-debugger targets [--json]

flow runs the debugging flow on a Caracal deployment, read-only, and says what is true at each step.
targets lists the deployments that it finds by itself: in the Docker Engine, in the current context of
Kubernetes, and on this machine's own ports.

  --target TARGET       the deployment: a target file, an id that "targets" lists, or local for
                        this machine's own ports; by default the only one that is found
  --since REPORT        an earlier report of the same deployment: tells what grew or moved since
  --from REPORT         judge the observations of a saved report again, asking nobody
  --step NAME           one step and what it needs: ${steps.join(', ')}
  --zone ID             zone of the checks that are per zone, instead of the target's own
  --json                the report alone on stdout, progress on stderr
  --junit FILE          also write the checks as JUnit XML
  --help, --version

Exit code of flow, the first that applies: 2 bad usage, 1 a check crashed, 3 failed, 4 warning,
5 unknown, blocked or cancelled, 0 all that applies passed. Of targets: 0 something was found, 5 nothing.
`;

/** The command line is not one that this program understands. */
export class BadUsage extends Error {}

export interface FlowCommand {
  readonly name: 'flow';
  /** Path of a target file, id of a target that is found by itself, or `local`. Absent: the only one that is found. */
  readonly target?: string;
  /** Path of a saved report, instead of a target. */
  readonly from?: string;
  /** Path of an earlier report of the target. */
  readonly since?: string;
  readonly step?: Step;
  readonly zone?: string;
  readonly json: boolean;
  readonly junit?: string;
}

export interface TargetsCommand {
  readonly name: 'targets';
  readonly json: boolean;
}

export type Command = { readonly name: 'help' } | { readonly name: 'version' } | FlowCommand | TargetsCommand;

/** @throws BadUsage with one sentence that says what to give instead. */
export function commandOf(words: readonly string[]): Command {
  const { values, positionals } = parsed(words);
  if (values.help) return { name: 'help' };
  if (values.version) return { name: 'version' };
  const [command, ...more] = positionals;
  if (command === undefined) throw new BadUsage('No command is given. Give "flow", or --help');
  if (command !== 'flow' && command !== 'targets') throw new BadUsage(`There is no command "${command}". Give "flow" or "targets"`);
  if (more[0] !== undefined) throw new BadUsage(`"${more[0]}" is not understood. See --help`);
  const { target, from, since, step: stepName, zone, json = false, junit } = values;
  if (command === 'targets') {
    const [other] = Object.keys(values).filter((name) => name !== 'json');
    if (other !== undefined) throw new BadUsage(`--${other} is for "flow". Leave it out`);
    return { name: 'targets', json };
  }
  for (const [name, value] of Object.entries({ target, from, since, step: stepName, zone, junit })) {
    if (value === '') throw new BadUsage(`--${name} is empty. Give a value`);
  }
  if (from !== undefined && target !== undefined) throw new BadUsage('Both --from and --target are given. Give one of them');
  if (from !== undefined && since !== undefined) throw new BadUsage('A saved report has its own earlier answers. Leave --since out');
  if (from !== undefined && zone !== undefined) throw new BadUsage('A saved report has its own zone. Leave --zone out');
  return {
    name: 'flow',
    json,
    ...(target === undefined ? {} : { target }),
    ...(from === undefined ? {} : { from }),
    ...(since === undefined ? {} : { since }),
    ...(stepName === undefined ? {} : { step: stepNamed(stepName) }),
    ...(zone === undefined ? {} : { zone }),
    ...(junit === undefined ? {} : { junit }),
  };
}

function stepNamed(name: string): Step {
  const step = steps.find((each) => each === name.toLowerCase());
  if (!step) throw new BadUsage(`There is no step "${name}" with checks. Give ${steps.map((each) => stepTitles[each].toLowerCase()).join(', ')}`);
  return step;
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        target: { type: 'string' },
        from: { type: 'string' },
        since: { type: 'string' },
        step: { type: 'string' },
        zone: { type: 'string' },
        json: { type: 'boolean' },
        junit: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split(/[.\n]/);
    throw new BadUsage(`${sentence}. See --help`);
  }
}
