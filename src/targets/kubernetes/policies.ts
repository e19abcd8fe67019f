import type { NetworkPolicyFacts } from '../../model/kubernetes.ts';
import type { NetworkPolicy, Peer, Selector } from './objects.ts';
import { selects } from './objects.ts';

/** Labels of the pods of one component, hook jobs among them. */
export interface ComponentLabels {
  readonly component: string;
  readonly labels: Readonly<Record<string, string>>;
}

type Rule = NetworkPolicyFacts['egress'][number];

export function networkPolicyFacts({ metadata, spec }: NetworkPolicy, release: string, pods: readonly ComponentLabels[]): NetworkPolicyFacts {
  const { podSelector } = spec;
  const rule = (peers: readonly Peer[], ports: NetworkPolicy['spec']['egress'][number]['ports']): Rule => ({
    peers: peers.map(peerWords),
    release: peers.length === 0 || peers.some((peer) => isOfRelease(peer, pods)),
    ports: ports.map(({ protocol, port, endPort }) => ({ protocol, port: port === undefined || port === null ? null : String(port), endPort: endPort ?? null })),
  });
  return {
    name: metadata.name,
    own: metadata.labels['app.kubernetes.io/instance'] === release && metadata.labels['app.kubernetes.io/part-of'] === 'caracal',
    podSelector: podSelector?.matchLabels ?? {},
    selects: pods.filter(({ labels }) => !podSelector || selects(podSelector, labels)).map(({ component }) => component),
    // Without types, Ingress always and Egress when there are rules for it: NetworkPolicySpec.policyTypes.
    types: spec.policyTypes.length > 0 ? spec.policyTypes : ['Ingress', ...(spec.egress.length > 0 ? ['Egress'] : [])],
    ingress: spec.ingress.map(({ from, ports }) => rule(from, ports)),
    egress: spec.egress.map(({ to, ports }) => rule(to, ports)),
  };
}

/** A namespace is told by its labels, which are not read: a peer with a namespaceSelector counts as another's unless it takes all. */
function isOfRelease({ podSelector, namespaceSelector, ipBlock }: Peer, pods: readonly ComponentLabels[]): boolean {
  if (ipBlock || (namespaceSelector && !isEmpty(namespaceSelector))) return false;
  return !podSelector || pods.some(({ labels }) => selects(podSelector, labels));
}

function isEmpty({ matchLabels, matchExpressions }: Selector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

function peerWords({ podSelector, namespaceSelector, ipBlock }: Peer): string {
  if (ipBlock) return `${ipBlock.cidr}${ipBlock.except.length > 0 ? ` but ${ipBlock.except.join(', ')}` : ''}`;
  const pods = podSelector ? `pods ${selectorWords(podSelector)}` : 'all pods';
  return namespaceSelector ? `${pods} of namespaces ${selectorWords(namespaceSelector)}` : pods;
}

function selectorWords({ matchLabels, matchExpressions }: Selector): string {
  const parts = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) => `${key} ${operator}${values.length > 0 ? ` (${values.join(', ')})` : ''}`),
  ];
  return parts.length === 0 ? '(all)' : parts.join(', ');
}
