import type { ContainerFacts } from '../../../model/compose.ts';
import type { Check, Judgement } from '../../../model/check.ts';
import { finding, signed } from '../../judging.ts';
import { count } from '../../words.ts';
import { called, composeBase, containersOf, kept, lasting, listed, whenListed } from './facts.ts';
import type { Lasting } from './facts.ts';

/** Services that a service calls by name: Caracal infra/docker/runtime-compose.yml. */
const calls: Readonly<Record<Lasting, readonly Lasting[]>> = {
  postgres: [],
  redis: [],
  sts: ['postgres', 'redis'],
  api: ['postgres', 'redis', 'sts'],
  gateway: ['postgres', 'redis', 'sts'],
  audit: ['postgres', 'redis'],
  coordinator: ['postgres', 'redis', 'sts'],
  web: ['postgres', 'api', 'coordinator'],
};

const networksOf = ({ networks }: ContainerFacts): readonly string[] => networks.map(({ name }) => name);

function meet(left: ContainerFacts, right: ContainerFacts): boolean {
  return networksOf(left).some((name) => networksOf(right).includes(name));
}

/** Services of those that a container calls which have containers, but none in a network of its own. */
function cutOff(container: ContainerFacts, containers: readonly ContainerFacts[]): readonly string[] {
  return calls[container.service as Lasting].filter((service) => {
    const called = containers.filter((each) => each.service === service);
    return called.length > 0 && !called.some((each) => meet(container, each));
  });
}

/** Those whose networks are told, and that are not in that of the host, from where everything is reached in other ways. */
function comparable(container: ContainerFacts): boolean {
  const names = networksOf(container);
  return !(container.status === 'created' && names.length === 0) && !names.includes('host');
}

function judgeNetworks(all: readonly ContainerFacts[]): Judgement {
  const facts = all.map((container) => ({ name: called(container), value: networksOf(container).join(', ') || 'no network' }));
  const containers = all.filter(comparable);
  if (containers.length === 0) return finding('not-applicable', 'no container in a network of its own', 'Without containers there is nothing to connect.', facts);
  const cut = containers.map((container) => ({ container, from: cutOff(container, containers) })).filter(({ from }) => from.length > 0);
  const [first] = cut;
  if (first) {
    const lone = containers.filter((container) => containers.every((each) => each === container || !meet(each, container)));
    // A store in a network of its own cuts off everybody else; then it is the store that is named.
    const summary =
      lone.length === 1 && lone[0]
        ? `${called(lone[0])} shares no network with any other service`
        : `${called(first.container)} shares no network with ${listed(first.from)}${cut.length > 1 ? `, ${cut.length - 1} more` : ''}`;
    return signed(finding('fail', summary, 'Names such as postgres are known, and reached, only inside of a network that both are in.', facts), lone.length === 1 && lone[0] ? lone[0].service : first.container.service);
  }
  const names = [...new Set(containers.flatMap(networksOf))];
  return finding('pass', `${listed(names)}, ${count(containers.length, 'container')}`, 'Every service shares a network with the stores and services that it calls.', facts);
}

export const networkChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-104',
    title: 'Networks',
    asks: containersOf(lasting),
    source: 'infra/docker/runtime-compose.yml',
    judge: (observed) => whenListed(observed, lasting, (containers) => judgeNetworks(kept(containers))),
  },
];
