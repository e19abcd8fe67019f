import type { ContainerFacts } from '../../../model/compose.ts';
import type { Check, Fact, Finding, Judgement, Observed } from '../../../model/check.ts';
import { composeServices } from '../../../model/compose.ts';
import { finding, signed } from '../../judging.ts';
import { composeBase, containersOf, oneShots, whenListed } from './facts.ts';
import { ending, lastIn, reasonIn, startError } from './endings.ts';
import { chain } from './waiting.ts';

type Said = Pick<Finding, 'status' | 'summary' | 'reasoning' | 'signs'>;

const unreachable = 'migrate: database did not become reachable';

/** Why a one-shot that ended badly did, as far as it says. */
function meaning(service: string, line: string | undefined): string {
  const waiting = `${service} has to be done before the services that wait for it are started.`;
  if (line !== unreachable) return waiting;
  return `${waiting} It says the same of a Postgres that is away and of a password that is refused: the log of postgres tells which, and Volumes whether the password is newer than the database.`;
}

function judgeOne(container: ContainerFacts, observed: Observed): Said {
  return { ...saidOf(container, observed), signs: [container.service, container.oneoff ? 'one-off' : container.status] };
}

function saidOf(container: ContainerFacts, observed: Observed): Said {
  const { service, status, error, exitCode } = container;
  const line = reasonIn(container.lastLines) ?? lastIn(container.lastLines);
  const why = meaning(service, line);
  const words = line === undefined ? '' : `: ${line}`;
  if (error !== '') return { status: 'fail', summary: `${service} did not start: ${startError(container)}`, reasoning: why };
  switch (status) {
    case 'exited':
      return exitCode === 0
        ? { status: 'pass', summary: `${service} exited 0, not removed yet`, reasoning: 'Its work is done; the up command removes it when all services are ready.' }
        : { status: 'fail', summary: `${service} ${ending(container)}${words}`, reasoning: why };
    case 'created':
      return { status: 'warn', summary: `${service} ${chain(container, observed) ?? 'waits to be started'}`, reasoning: `It was made and has not run. ${why}` };
    case 'running':
      return { status: 'pass', summary: `${service} runs`, reasoning: why };
    case 'removing':
      return { status: 'pass', summary: `${service} is being removed`, reasoning: 'That is how a good up ends.' };
    case 'stopping':
      return { status: 'warn', summary: `${service} is being stopped`, reasoning: why };
    case 'paused':
    case 'dead':
      return { status: 'fail', summary: `${service} is ${status}`, reasoning: why };
    case 'restarting':
      return { status: 'fail', summary: `${service} is restarted again and again, ${ending(container)}${words}`, reasoning: why };
  }
}

const order = ['pass', 'warn', 'fail'];

/** The newest container of each one-shot says how it stands: `caracal upgrade` runs dbMigrate once more as a one-off. */
function judgeOneShots(containers: readonly ContainerFacts[], observed: Observed): Judgement {
  const newest = oneShots.flatMap(
    (service) => containers.filter((each) => each.service === service).toSorted((left, right) => Date.parse(right.createdAt) - Date.parse(left.createdAt))[0] ?? [],
  );
  const others = containers.filter((each) => each.oneoff && !newest.includes(each));
  const facts: Fact[] = [...newest, ...others].map((each) => ({ name: each.name, value: `${each.oneoff ? 'one-off, ' : ''}${each.status === 'exited' ? ending(each) : each.status}` }));
  const said = newest.map((each) => judgeOne(each, observed)).toSorted((left, right) => order.indexOf(right.status) - order.indexOf(left.status));
  const [worst] = said;
  if (!worst) {
    return finding('pass', 'none left, as after a good up', 'The up command removes dbMigrate and replayVolumeInit when all services are ready. That they are absent is how it should be.', facts);
  }
  const summary = worst.status === 'pass' ? said.map((each) => each.summary).join(', ') : worst.summary;
  return signed(finding(worst.status, summary, worst.reasoning, facts), ...(worst.signs ?? []));
}

export const oneShotChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-102',
    title: 'One-shots',
    asks: containersOf(composeServices),
    source: 'packages/engine/src/stack.ts:65-75, infra/postgres/scripts/migrate.sh:59-67',
    judge: (observed) => whenListed(observed, composeServices, (containers) => judgeOneShots(containers.filter(({ service, oneoff }) => oneoff || oneShots.some((each) => each === service)), observed)),
  },
];
