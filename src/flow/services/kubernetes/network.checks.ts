import type { Check, Fact, Judgement, Observed } from '../../../model/check.ts';
import { chartComponents } from '../../../model/kubernetes.ts';
import type { NetworkPolicyFacts } from '../../../model/kubernetes.ts';
import { finding, signed } from '../../judging.ts';
import { components, helm, kubernetesBase, kubernetesNetworkPolicies, newestRevision, secrets, told, whenTold } from './kubernetesFacts.ts';

const policies = kubernetesNetworkPolicies.of('Kubernetes');

type Rule = NetworkPolicyFacts['egress'][number];

/** A destination that pods of the release need. */
interface Need {
  readonly name: string;
  readonly port: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly from: string;
  /** Components that need it. */
  readonly components: readonly string[];
}

/** Every address of the chart is a name, those of its own Services among them. */
const dns: Need = { name: 'DNS', port: '53', protocol: 'UDP', from: 'every address is a name', components: chartComponents };

/** Ports of the stores in the values of the chart. */
const valuesPrefix = 'secrets.';

/** Which component takes which connection string: contract, deploy 2.4. */
function takers(key: string): readonly string[] {
  if (key === 'redisUrl') return chartComponents.filter((component) => component !== 'web');
  if (key === 'authDatabaseUrl') return ['web'];
  return chartComponents.filter((component) => key === `${component}DatabaseUrl`);
}

/** Ports of the stores: by the connection strings where they may be read, else by the values of the release. */
function stores(observed: Observed): readonly Need[] {
  const addresses = told(observed, secrets)?.addresses ?? [];
  const release = told(observed, helm);
  const settings = release && newestRevision(release)?.settings;
  const places = Map.groupBy(addresses.filter(({ key }) => takers(key).length > 0), ({ key, port }) => `${key === 'redisUrl' ? 'Redis' : 'Postgres'} ${port}`);
  const exact = [...places].map(([place, group]): Need => {
    const [name = '', port = ''] = place.split(' ');
    const from = group.map(({ key }) => key);
    return { name, port, protocol: 'TCP', from: from.length === 1 ? from.join('') : `${from.length} connection strings`, components: from.flatMap(takers) };
  });
  const bySettings = (name: 'Postgres' | 'Redis', port: string | null, from: string): readonly Need[] =>
    port === null || exact.some((need) => need.name === name)
      ? []
      : [{ name, port, protocol: 'TCP', from, components: chartComponents.filter((component) => name === 'Postgres' || component !== 'web') }];
  return [
    ...exact,
    ...bySettings('Postgres', settings?.databasePort ?? null, `${valuesPrefix}database.port`),
    ...bySettings('Redis', settings?.redisPort ?? null, `${valuesPrefix}redis.port`),
  ];
}

/** A port with a name may be any: what cannot be told counts as allowed. */
function opens({ ports }: Rule, { port, protocol }: Pick<Need, 'port' | 'protocol'>): boolean {
  return (
    ports.length === 0 ||
    ports.some((each) => {
      if (each.protocol !== protocol) return false;
      if (each.port === null || !/^\d+$/.test(each.port)) return true;
      return Number(port) >= Number(each.port) && Number(port) <= (each.endPort ?? Number(each.port));
    })
  );
}

/** Leads beyond the pods of the release. A peer that is no pod of it may be the store: its address is not compared. */
function leadsOut({ peers, release }: Rule): boolean {
  return !release || peers.length !== 1;
}

/** Policies that select a component and restrict this direction of its traffic; without one everything is allowed. */
function restricting(all: readonly NetworkPolicyFacts[], component: string, direction: 'Egress' | 'Ingress'): readonly NetworkPolicyFacts[] {
  return all.filter(({ types, selects }) => types.includes(direction) && selects.includes(component));
}

interface Gap {
  readonly name: string;
  readonly words: string;
  readonly components: readonly string[];
  readonly why: string;
}

function gapsOf(all: readonly NetworkPolicyFacts[], needs: readonly Need[]): readonly Gap[] {
  const closed = (need: Need): readonly string[] =>
    need.components.filter((component) => {
      const restrict = restricting(all, component, 'Egress');
      return restrict.length > 0 && !restrict.some(({ egress }) => egress.some((rule) => opens(rule, need) && leadsOut(rule)));
    });
  const outwards = needs.flatMap((need): readonly Gap[] => {
    const shut = closed(need);
    if (shut.length === 0) return [];
    const words = need.name === 'DNS' ? 'DNS closed, port 53' : `${need.name} closed, port ${need.port} of ${need.from}`;
    const why =
      need.name === 'DNS'
        ? 'No rule lets pods ask for names, and all that they call is a name: stores, the STS, the other services. The chart opens it with networkPolicy.allowOpenDns or dnsEgress, and refuses to render without in mode stable alone.'
        : need.from.startsWith(valuesPrefix)
          ? `No rule lets pods reach port ${need.port}, which the values name.`
          : `The policy opens the port that the values name, and the services take theirs from ${need.from}.`;
    return [{ name: need.name, words, components: shut, why }];
  });
  const among = (direction: 'Egress' | 'Ingress'): readonly string[] =>
    chartComponents.filter((component) => {
      const restrict = restricting(all, component, direction);
      return restrict.length > 0 && !restrict.some(({ egress, ingress }) => (direction === 'Egress' ? egress : ingress).some(({ release }) => release));
    });
  const inwards = (direction: 'Egress' | 'Ingress'): readonly Gap[] => {
    const shut = among(direction);
    return shut.length === 0
      ? []
      : [{ name: direction, words: `own pods closed, ${direction === 'Egress' ? 'outwards' : 'inwards'}`, components: shut, why: `No ${direction} rule lets pods of the release speak to each other, as the Gateway does with the STS.` }];
  };
  return [...outwards, ...inwards('Egress'), ...inwards('Ingress')];
}

function policyFacts(all: readonly NetworkPolicyFacts[], needs: readonly Need[]): Fact[] {
  const outside = all.filter(({ types }) => types.includes('Ingress'));
  const https: Need = { name: 'HTTPS', port: '443', protocol: 'TCP', from: '', components: ['sts', 'gateway', 'web'] };
  const httpsShut = gapsOf(all, [https]).some(({ name }) => name === 'HTTPS');
  return [
    ...all.map(({ name, own, selects, types }) => ({ name, value: `${own ? 'of the release' : 'of others'}, ${types.join(' and ')} of ${selects.join(', ') || 'no pod of the release'}` })),
    ...needs.map(({ name, port, from }) => ({ name, value: `port ${port} (${from})` })),
    ...(outside.length > 0 && outside.every(({ ingress }) => ingress.every(({ release, peers }) => release && peers.length === 1))
      ? [{ name: 'from outside', value: 'nobody: an ingress controller or Prometheus of another namespace takes networkPolicy.extraIngress' }]
      : []),
    ...(httpsShut ? [{ name: 'HTTPS', value: 'port 443 closed: providers, sign-in, S3 and secret backends out there take networkPolicy.extraEgress' }] : []),
  ];
}

function judgePolicies(all: readonly NetworkPolicyFacts[], observed: Observed): Judgement {
  const selecting = all.filter(({ selects }) => selects.length > 0);
  if (selecting.length === 0) return finding('not-applicable', 'none selects pods of the release', 'Without a NetworkPolicy all traffic is allowed.');
  const needs = [dns, ...stores(observed)];
  const facts = policyFacts(selecting, needs);
  const unsure = ['Postgres', 'Redis'].filter((name) => !needs.some((need) => need.name === name));
  const gaps = gapsOf(selecting, needs);
  const [first, ...others] = gaps;
  if (!first) {
    const open = ['DNS', 'Postgres', 'Redis'].filter((name) => !unsure.includes(name));
    const left = unsure.length === 0 ? '' : `; port of ${unsure.join(' and ')} not known`;
    return finding('pass', `${open.join(', ')} and own pods open${left}`, 'The policies let pods of the release reach what they need. Whether a peer that a rule names is the store is not compared.', facts);
  }
  const affected = [...new Set(gaps.flatMap((gap) => gap.components))];
  const wants = components.filter(({ of }) => affected.includes(of));
  const pods = wants.flatMap((question) => told(observed, question)?.pods ?? []);
  const shown: Fact[] = gaps.map(({ name, components: shut }) => ({ name: `closed: ${name}`, value: shut.join(', ') }));
  const words = `${first.words}${others.length > 0 ? `, and ${others.map(({ words: more }) => more).join(', ')}` : ''}`;
  const why = gaps.map((gap) => gap.why).join(' ');
  const ready = pods.length > 0 && pods.every((pod) => pod.ready);
  const result = ready
    ? finding('warn', `${words}; pods are ready all the same`, `${why} Pods that are ready may live on connections of before the change, or the network of this cluster does not enforce policies: it is seen at the next start.`, [...shown, ...facts])
    : finding('fail', words, why, [...shown, ...facts]);
  return { ...signed(result, ...gaps.map(({ name }) => name)), wants };
}

/** Whether NetworkPolicies leave open what the release needs. */
export const networkChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: 'CRC-SVC-206',
    title: 'Network policy',
    asks: [policies, helm, secrets],
    privilege: 'list networkpolicies.networking.k8s.io; list secrets for the ports of the stores',
    source: 'infra/helm/caracal/values.yaml:97, infra/helm/caracal/templates/_helpers.tpl:138',
    judge: (observed) => whenTold(observed.get(policies), (answer) => judgePolicies(answer, observed)),
  },
];
