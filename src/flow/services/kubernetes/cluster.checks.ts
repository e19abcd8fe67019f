import type { Check, Fact, Judgement } from '../../../model/check.ts';
import type { ClusterFacts } from '../../../model/kubernetes.ts';
import type { Observation } from '../../../model/observation.ts';
import { finding, lack, signed } from '../../judging.ts';
import { milliseconds } from '../../words.ts';
import { apiServerId, cluster, isForbidden, kubernetesBase, kubernetesPermissions, notTold, whenTold } from './kubernetesFacts.ts';

const permissions = kubernetesPermissions.of('Kubernetes');

/** The chart ends its pods with `preStop.sleep`, which Kubernetes has since 1.30: contract, deploy 2.1. */
const oldestMinor = 30;

/** A clock that differs by more is named: ages of containers and secrets are by the clock of the API server. */
const clockDiffersMs = 5_000;

/** Words for a refusal whose code alone does not tell what is wrong. */
const meanings: Readonly<Record<string, string>> = {
  Unauthorized: 'the credential of the context is not taken',
  ENOTFOUND: 'the name of the API server is not known here',
  EAI_AGAIN: 'the name of the API server cannot be looked up here',
  EHOSTUNREACH: 'no way from here to the API server',
  ENETUNREACH: 'no way from here to the API server',
  CERT_HAS_EXPIRED: 'the certificate of the API server has ended',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the kubeconfig does not trust the certificate of the API server',
  SELF_SIGNED_CERT_IN_CHAIN: 'the kubeconfig does not trust the certificate of the API server',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the kubeconfig does not trust the certificate of the API server',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is that of another name',
};

/** Refusals that say nothing lasting: it did not answer in time, or asks to be asked later. */
const mayPass: readonly string[] = ['ETIMEDOUT', 'TooManyRequests', 'HTTP 429'];

const hereAlone = 'This tells about the way from here to the cluster and nothing about what runs in it.';

/** A record lacks an answer for its own reasons; live, the kubeconfig is missing, or names nothing that can be asked. */
function isOfRecord(why: string): boolean {
  return why.startsWith('the record ');
}

function judgeRefusal(observation: Observation, code: string, message: string): Judgement {
  if (mayPass.includes(code)) return notTold(observation);
  const reasoning = `${observation.asked} was refused. ${hereAlone}`;
  const facts: Fact[] = message === '' ? [] : [{ name: 'answer', value: message }];
  if (code === 'ECONNREFUSED') return signed(finding('fail', `${lack(observation)}; no API server listens there`, reasoning, facts), code);
  const meaning = meanings[code];
  return signed(finding('fail', meaning === undefined ? lack(observation) : `${code === 'Unauthorized' ? '401 ' : ''}${code}; ${meaning}`, reasoning, facts), code);
}

function judgeAnswer(answer: ClusterFacts, observation: Observation): Judgement {
  const { context, server, from, namespace, release, version, at } = answer;
  const differsMs = at === null ? 0 : Date.parse(at) - (Date.parse(observation.at) + observation.tookMs);
  const facts: Fact[] = [
    { name: 'API server', value: server },
    { name: 'context', value: `${context}, by ${from}` },
    { name: 'namespace', value: namespace },
    { name: 'release', value: release },
    ...(Math.abs(differsMs) > clockDiffersMs
      ? [{ name: 'clock', value: `${milliseconds(Math.abs(differsMs))} ${differsMs > 0 ? 'ahead of' : 'behind'} this machine; ages are by the API server` }]
      : []),
  ];
  const words = `${version}, context ${context}`;
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === '1' && Number(minor) < oldestMinor) {
    return finding('warn', `${words}; the chart needs 1.${oldestMinor}`, `The chart of Caracal ends its pods with preStop.sleep, which Kubernetes has since 1.${oldestMinor}. An older API server refuses it or ends pods in the middle of requests.`, facts);
  }
  return finding('pass', words, `${observation.asked} was answered.`, facts);
}

/** Whether the cluster answers, and what may be asked of it. */
export const clusterChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: apiServerId,
    title: 'API server',
    needs: [],
    asks: [cluster],
    privilege: 'get /version',
    source: 'infra/helm/caracal/Chart.yaml',
    judge(observed) {
      const observation = observed.get(cluster);
      const { outcome } = observation;
      switch (outcome.kind) {
        case 'answer':
          return judgeAnswer(outcome.value, observation);
        case 'refused':
          return judgeRefusal(observation, outcome.code, outcome.message);
        case 'unavailable':
          return isForbidden(observation) || isOfRecord(outcome.why) ? notTold(observation) : finding('fail', outcome.why, `The cluster cannot be asked from here: ${outcome.wayOut}. ${hereAlone}`);
        default:
          return notTold(observation);
      }
    },
  },
  {
    ...kubernetesBase,
    id: 'CRC-SVC-201',
    title: 'Permissions',
    asks: [permissions],
    privilege: 'create selfsubjectaccessreviews, which every authenticated user has',
    source: 'none: the permissions are those of this tool',
    judge: (observed) =>
      whenTold(observed.get(permissions), ({ permissions: asked }) => {
        const words = ({ verb, resource }: (typeof asked)[number]): string => `${verb} ${resource}`;
        const missing = asked.filter(({ allowed }) => !allowed);
        const facts: Fact[] = [
          ...missing.map((permission) => ({ name: words(permission), value: `not allowed; without it: ${permission.serves}` })),
          ...asked.filter(({ allowed }) => allowed).map((permission) => ({ name: words(permission), value: 'allowed' })),
        ];
        const reasoning = 'A narrow role is good practice and no fault. What it does not allow is unknown here, with the permission that would tell it.';
        return missing.length === 0
          ? finding('pass', `all ${asked.length} allowed`, 'The API server allows all that this tool asks; it never asks to change anything.', facts)
          : finding('pass', `${asked.length - missing.length} of ${asked.length} allowed; not ${missing.map(words).join(', ')}`, reasoning, facts);
      }),
  },
];
