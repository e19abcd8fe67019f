import type { ContainerFacts, ProjectFacts } from '../../../model/compose.ts';
import type { Check, Fact, Judgement } from '../../../model/check.ts';
import { finding, signed, whenAnswered } from '../../judging.ts';
import { count } from '../../words.ts';
import { called, composeBase, containersOf, kept, lasting, listed, lives, portWords, project, whenListed } from './facts.ts';

type Port = ContainerFacts['ports'][number];
type Other = ProjectFacts['others'][number];

/** Words of the engine for a port that it could not bind. */
const portError = /port is already allocated|address already in use|ports are not available|failed to bind|bind for /i;

const running = (status: string): boolean => status === 'running' || status === 'paused' || status === 'restarting';

interface Missing {
  readonly port: number;
  readonly container: ContainerFacts;
  readonly holders: readonly string[];
}

/** Host port 0 takes any that is free. */
function isBound(wanted: Port, bound: readonly Port[]): boolean {
  return bound.some((port) => port.container === wanted.container && port.protocol === wanted.protocol && (wanted.host === 0 || port.host === wanted.host));
}

/**
 * Ports that a container wants and has not. One that does not run has none, which alone is no fault of
 * the ports: there it counts when somebody else holds the port, or the engine says so.
 */
function missingPorts(containers: readonly ContainerFacts[], others: readonly Other[]): readonly Missing[] {
  return containers.flatMap((container) =>
    container.wantedPorts
      .filter((wanted) => !isBound(wanted, container.ports))
      .map(({ host }) => ({
        port: host,
        container,
        holders: [
          ...others.filter(({ status, ports }) => running(status) && ports.includes(host)).map(({ name }) => name),
          ...containers.filter((each) => each !== container && each.ports.some((port) => port.host === host)).map(({ name }) => name),
        ],
      }))
      .filter(({ port, holders }) => lives(container) || holders.length > 0 || (portError.test(container.error) && container.error.includes(String(port)))),
  );
}

function reasonOf({ container, holders }: Missing): readonly [why: string, reasoning: string] {
  if (holders.length > 0) return [`; ${listed(holders)} holds it`, 'A port of the host can be held once. All projects of Caracal publish the same ports, so that only one of them runs at a time.'];
  if (lives(container) && container.networks.length === 0) return ['; it is on no network', 'The engine binds ports of a container that is on a network, and this one is on none.'];
  if (portError.test(container.error)) return ['; in use outside of this engine', 'The engine said so when it started the container, and none of its containers holds the port: another program of the host has it, or had it then.'];
  return ['', 'No container of this engine holds it. A program outside of it may, or the engine has lost the binding.'];
}

function judgePorts(containers: readonly ContainerFacts[], { project: own, others }: ProjectFacts): Judgement {
  const bound = containers.flatMap(({ ports }) => ports);
  const missing = missingPorts(containers, others);
  const rivals = [...new Set(others.filter(({ caracal, status, project: name }) => caracal && running(status) && name !== own).map(({ name, project: theirs }) => theirs ?? name))];
  const facts: Fact[] = [
    ...missing.map(({ port, container, holders }) => ({ name: `${port} of ${called(container)}`, value: [holders.length === 0 ? 'not bound' : `held by ${holders.join(', ')}`, ...(container.error === '' ? [] : [container.error])].join(': ') })),
    ...containers.filter(({ ports }) => ports.length > 0).map((container) => ({ name: called(container), value: [...new Set(container.ports.map(portWords))].join(', ') })),
    ...(rivals.length === 0 ? [] : [{ name: 'runs as well', value: rivals.join(', ') }]),
  ];
  const [first] = missing;
  if (first) {
    const more = missing.length > 1 ? `, ${missing.length - 1} more` : '';
    const [why, reasoning] = reasonOf(first);
    return signed(finding('fail', `${first.port} of ${called(first.container)} is not bound${more}${why}`, reasoning, facts), rivals.length > 0 ? 'other project' : 'in use');
  }
  if (rivals.length > 0) {
    return signed(finding('warn', `${listed(rivals)} ${rivals.length === 1 ? 'runs' : 'run'} as well`, 'Another project with images of Caracal runs on this engine. Both publish the same ports by default: make sure that what answers there is the one you mean.', facts), 'other project');
  }
  if (bound.length === 0) return finding('pass', 'none bound, none wanted that somebody else holds', 'No container that runs wants a port of the host.', facts);
  const hosts = new Set(bound.map(({ host, protocol }) => `${host}/${protocol}`));
  return finding('pass', `${count(hosts.size, 'port')} bound`, 'Each container that runs has the ports that it wants.', facts);
}

export const portChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-103',
    title: 'Ports',
    asks: [project, ...containersOf(lasting)],
    source: 'infra/docker/runtime-compose.yml:6, infra/docker/docker-compose.yml:6',
    judge: (observed) => whenAnswered(observed.get(project), (seen) => whenListed(observed, lasting, (containers) => judgePorts(kept(containers), seen))),
  },
];
