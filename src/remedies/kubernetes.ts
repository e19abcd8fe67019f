/** Remedies of a Helm release: contract, deploy 2. Pure. */
import { kubernetesClaims, kubernetesJobs, kubernetesMonitors, kubernetesSecrets, kubernetesServices, secrets } from '../flow/services/kubernetes/kubernetesFacts.ts';
import { serviceNames } from '../model/serviceNames.ts';
import type { ServiceName } from '../model/target.ts';
import type { Names, Part } from './names.ts';
import { advise, checkOf, joined, listed, restart, upgradeWith, written } from './parts.ts';
import type { Build, Draft, Table } from './parts.ts';
import { word } from './quoting.ts';

/** What tells why a pod does not run. */
const look = (names: Names, part: Part): readonly string[] => {
  const pod = names.pods(part)[0] ?? '';
  return [names.kubectl(`describe pod ${pod}`), names.kubectl(`logs ${pod} --previous --tail=50`)];
};

/** A look, and what a person decides by it. */
function afterALook(names: Names, part: Part, title: string, advice: string, rest: Partial<Draft> = {}): Draft {
  return advise(`see-pod-${part}`, title, 'services', advice, { commands: look(names, part), changes: `the configuration of ${part}`, provedBy: [checkOf.pods(part), checkOf.ready(part)], ...rest });
}

/** Sets values of the release. */
function setValues(names: Names, id: string, title: string, sets: readonly string[], rest: Pick<Draft, 'changes' | 'provedBy'> & Partial<Draft>): Draft {
  return { id, title, place: 'services', risk: 'medium', ...upgradeWith(names, sets), ...rest };
}

/** Back to the revision before. */
function rollback(names: Names, provedBy: readonly string[], advice: string): Draft {
  const words = `rollback ${word(names.release)} ${names.revisionBefore}`;
  return {
    id: 'roll-back', title: `roll back to revision ${names.revisionBefore}`, place: 'services', risk: 'medium', commands: [names.helm(words)], dryRun: names.helm(`${words} --dry-run`),
    advice: joined(advice, 'Migrations are not taken back: they only go forwards.'), changes: 'the workloads of the release, to what that revision had', provedBy,
  };
}

/** Services whose pods started before a key that they take was changed. */
function withOldSecrets(names: Names): readonly ServiceName[] {
  const told = names.verdict('CRC-SVC-205')?.facts.map(({ name }) => name) ?? [];
  return serviceNames.filter((service) => told.includes(service));
}

/** Lets pods reach a store at the port that their connection string has. */
function openPort(names: Names, value: 'redis' | 'database', store: string, isOf: (key: string) => boolean): Draft {
  const port = names.answer(kubernetesSecrets, secrets.of)?.addresses.find(({ key }) => isOf(key))?.port ?? '<port>';
  return setValues(names, `allow-${value}`, `let pods reach ${store}`, [`secrets.${value}.port=${port}`], { changes: 'the NetworkPolicy of the release', provedBy: ['CRC-SVC-206', checkOf.ready('sts')] });
}

const again = (title: string, advice: string, changes: string, provedBy: readonly string[]): Build => (names) => [setValues(names, 'upgrade', title, [], { advice, changes, provedBy })];

/** Services, by what follows the name in the id of the cause. */
export const kubernetesSuffixes: Table = {
  'crash-loop': (names, _cause, part) => [afterALook(names, part, `correct the configuration of ${part}`, 'The log before the last start has the reason. A Go service often leaves none: see its keys, its connection strings, Postgres and Redis. web ends without a sign-in method (services.web.extraEnv).')],
  'out-of-memory': (names, _cause, part) => [setValues(names, `more-memory-${part}`, `give ${part} more memory`, [`services.${part}.resources.limits.memory=2Gi`], { changes: `the memory limit of ${part}, whose pods are replaced`, provedBy: [checkOf.pods(part)], advice: part === 'sts' ? 'Each verification of a client secret takes 64 MB; STS_SECRET_VERIFY_CONCURRENCY lowers how many there are at once.' : '' })],
  restarted: (names, _cause, part) => [afterALook(names, part, `see why ${part} started anew`, 'The log before its start has the reason. If it was asked for, nothing is to be done.')],
  'liveness-probe': (names, _cause, part) => [afterALook(names, part, `see why ${part} does not answer /health`, joined('Its process lives and is ended for it.', part === 'audit' ? '/health of audit follows Redis: mend Redis, and leave audit alone.' : 'See its log, its memory and its CPU limit.'))],
  'container-not-made': (names, _cause, part) => [afterALook(names, part, `give the pod of ${part} what it waits for`, 'The events of the pod say what: a key of a Secret, a volume, or a setting of the pod.', { commands: [names.kubectl(`describe pod ${names.pods(part)[0] ?? ''}`)] })],
  unschedulable: (names, _cause, part) => [afterALook(names, part, `make room for ${part}`, 'The events of the pod say what no node has: free or add it, or lower services.<name>.resources.', { commands: [names.kubectl(`describe pod ${names.pods(part)[0] ?? ''}`), 'kubectl describe nodes'], changes: 'the nodes, or what the pod asks for' })],
  'image-pull': (names, _cause, part) => [
    rollback(names, [checkOf.pods(part), checkOf.rollout(part)], 'Where the new image was not meant.'),
    afterALook(names, part, 'correct the image', 'The tag has to exist: global.tag. Or the registry wants a credential.', { commands: [names.kubectl(`describe pod ${names.pods(part)[0] ?? ''}`)] }),
  ],
  'startup-probe': (names, _cause, part) => [afterALook(names, part, `see why ${part} takes so long to start`, 'It has 150 s until it answers /health. See its log and the stores that it waits for.', { commands: [names.kubectl(`logs ${names.pods(part)[0] ?? ''} --tail=50`)] })],
  'not-ready-pod': (names, _cause, part) => [
    afterALook(names, part, `mend the pod that holds up ${part}`, 'The next pod is made only when this one is ready. See Ready for its reason.', { commands: [names.kubectl(`logs ${names.pods(part)[0] ?? ''} --tail=50`)], provedBy: [checkOf.rollout(part), checkOf.ready(part)] }),
    {
      id: `replace-pod-${part}`, title: `replace the pod ${names.pods(part)[0] ?? ''}`, place: 'services', risk: 'medium', commands: [names.kubectl(`delete pod ${names.pods(part)[0] ?? ''}`)], dryRun: names.kubectl(`delete pod ${names.pods(part)[0] ?? ''} --dry-run=server`),
      advice: joined('Where an update broke it and the update is corrected: a StatefulSet does not replace it by itself. Keep its log; its claim stays.', names.hasLostEvidence(part) ? `First save the evidence of ${part}.` : ''), changes: 'one pod, which is made anew', provedBy: [checkOf.rollout(part), checkOf.pods(part)],
    },
  ],
  evicted: (names, _cause, part) => [afterALook(names, part, 'free the node', 'Its node ran out of what the event says. Its controller has made another pod; what is left is a record, and may be deleted once it was read.', { commands: [names.kubectl(`describe pod ${names.pods(part)[0] ?? ''}`), 'kubectl describe nodes'], changes: 'the nodes', provedBy: [checkOf.pods(part)] })],
  'rollout-stuck': (names, _cause, part) => [rollback(names, [checkOf.rollout(part), checkOf.pods(part)], 'See first why the new pods are not ready: pods of the revision before go on serving.')],
  'scaled-to-zero': (names, _cause, part) => {
    const workload = names.workload(part);
    const replicas = names.leastReplicas(workload);
    const words = `scale ${written(workload)} --replicas=${replicas}`;
    return [{
      id: `scale-${part}`, title: `scale ${part} to ${replicas} ${replicas === 1 ? 'pod' : 'pods'}`, place: 'services', commands: [names.kubectl(words)], dryRun: names.kubectl(`${words} --dry-run=server`),
      changes: `the replicas of the ${workload.kind} ${workload.name}`, provedBy: [checkOf.process(part), checkOf.ready(part), checkOf.rollout(part)], stillOpen: ['its autoscaler, where there is one, takes over from there'],
      call: { kind: 'scale', workload: workload.kind, name: workload.name, replicas },
    }];
  },
};

export const kubernetesRemedies: Table = {
  'volume-claim-pending': (names) => {
    const pending = names.answer(kubernetesClaims, 'Kubernetes')?.find(({ phase }) => phase !== 'Bound')?.name ?? '<claim>';
    return [advise('bind-claim', 'give the claim a volume', 'services', 'See its event, the storage classes and the zone of the nodes. A lost volume: find out who deleted it before the claim is made anew, because events that waited in it are evidence. The claim itself stays.', { commands: [names.kubectl(`describe persistentvolumeclaim ${pending}`), 'kubectl get storageclass'], changes: 'the storage of the cluster', provedBy: ['CRC-SVC-207'] })];
  },
  'secret-key-missing': (names) => {
    const facts = names.answer(kubernetesSecrets, secrets.of);
    const missing = facts?.uses.find(({ secretName, key, optional }) => !optional && facts.secrets.find(({ name }) => name === secretName)?.secret?.keys.includes(key) === false);
    const words = `patch secret ${missing?.secretName ?? 'caracal-runtime'} -p "{\\"stringData\\":{\\"${missing?.key ?? '<key>'}\\":\\"$(cat ${missing?.key ?? '<key>'})\\"}}"`;
    return [{
      id: 'add-key', title: `add ${missing?.key ?? 'the key'} to the Secret`, place: 'services', risk: 'medium', commands: [names.kubectl(words)], dryRun: names.kubectl(`${words} --dry-run=server -o name`),
      advice: 'From a file with the value that the others have. Where another tool makes the Secret, add it there. Pods that wait for it go on by themselves.', changes: 'one key of the Secret', provedBy: ['CRC-SVC-204'],
    }];
  },
  'secret-absent': (names) => [advise('make-secret', 'make the Secret again', 'services', 'With the values of before: new keys open nothing that the old ones sealed. The chart makes it only with secrets.create; otherwise the operator, External Secrets or another tool does. Pods that run go on with what they have read.', { commands: [names.kubectl('get externalsecrets,secrets')], changes: 'the runtime Secret', risk: 'high', provedBy: ['CRC-SVC-204'] })],
  'node-lost': (names) => [advise('see-node', 'see to the node', 'services', 'Bring it back, or, once it is off for certain, tell the cluster that it is out of service: until then a StatefulSet starts no second pod of that name.', { commands: ['kubectl get nodes', names.kubectl('get pods -o wide')], changes: 'the nodes' })],
  'mixed-images': again('bring all pods to one image', 'Set global.tag instead of images by hand. A tag that was moved: give each build a tag of its own.', 'the images of the workloads, to what the values say', ['CRC-SVC-211']),
  'secret-changed': (names) => {
    const old = withOldSecrets(names);
    return (old.length > 0 ? old : (['sts', 'gateway'] as const)).map((service) => restart(names, service, { advice: 'When the change was meant: producers and consumers of one key together. When it was not, ask the manager that the check names.', provedBy: ['CRC-SVC-205', checkOf.ready(service)] }));
  },
  'quota-exceeded': (names) => [advise('raise-quota', 'raise the quota, or ask for less', 'services', 'Of the namespace, or the limits in the values.', { commands: [names.kubectl('describe resourcequota')], changes: 'the quota of the namespace' })],
  'autoscaler-without-metrics': (names) => [advise('mend-metrics', 'install or repair metrics-server', 'services', 'Autoscalers get figures of pods from it and from nowhere else.', { commands: [names.kubectl('top pods'), 'kubectl -n kube-system get deployment metrics-server'], changes: 'the cluster, beside the release', provedBy: ['CRC-SVC-210'] })],
  'migration-job-failed': (names) => [{
    ...setValues(names, 'run-migrations', 'run the migrations again', [], { changes: 'the schema, forwards only, then the workloads of the release', provedBy: ['CRC-SVC-203', 'CRC-SVC-202'], place: 'stores', advice: 'Repair first what the log says; the NetworkPolicy holds for this pod as well, and the log of Postgres has what the migrator keeps to itself. The upgrade deletes the failed Job.' }),
    commands: [names.kubectl(`logs job/${failedJob(names)}`), ...(upgradeWith(names, []).commands ?? [])],
  }],
  'migration-job-retrying': (names) => [advise('see-job', 'see why the migrations are tried again', 'stores', 'Postgres has to be reached and to take the password. It goes on by itself until it has had its tries.', { commands: [names.kubectl(`logs job/${failedJob(names)}`)], provedBy: ['CRC-SVC-203'] })],
  'helm-failed': (names) => [
    setValues(names, 'upgrade', 'upgrade again', [], { advice: 'Once the reason is mended: the migrations, or the rollout of the component that the description names.', changes: 'the workloads of the release', provedBy: ['CRC-SVC-202'] }),
    rollback(names, ['CRC-SVC-202'], 'Or back.'),
  ],
  'helm-pending': (names) => [rollback(names, ['CRC-SVC-202'], 'Make sure first that nobody is at it.')],
  'helm-at-work': (names) => [advise('wait', 'wait until the upgrade has ended', 'services', 'Pods change while you look.', { commands: [names.helm(`status ${word(names.release)}`)], provedBy: ['CRC-SVC-202'] })],
  'release-removed': (names) => [rollback(names, ['CRC-SVC-202'], 'Only if it was not meant: Helm kept its history. Claims of volumes are still there.')],
  'policy-without-postgres': (names) => [openPort(names, 'database', 'Postgres', (key) => key.endsWith('atabaseUrl'))],
  'policy-between-pods': (names) => [setValues(names, 'upgrade', 'bring the NetworkPolicy back', [], { advice: 'The one of the chart lets pods of the release speak to each other. Another one in the namespace may close what it opens: see which.', changes: 'the NetworkPolicy of the release, to what the chart says', provedBy: ['CRC-SVC-206'] })],
  'policy-without-dns': (names) => [setValues(names, 'allow-dns', 'let pods ask DNS', ['networkPolicy.allowOpenDns=true'], { changes: 'the NetworkPolicy of the release', provedBy: ['CRC-SVC-206'], advice: 'Or name the DNS of the cluster in networkPolicy.dnsEgress, with full rules (`- to: […]`).' })],
  'policy-without-redis': (names) => [openPort(names, 'redis', 'Redis', (key) => key === 'redisUrl')],
  'service-selects-nothing': again('bring the Services back', 'Somebody edited or deleted what the chart made; compare with `kubectl describe service`.', 'the Services of the release, to what the chart says', ['CRC-SVC-208']),
  'service-wrong-port': (names) => {
    const wrong = (names.answer(kubernetesServices, 'Kubernetes') ?? []).filter(({ endpointPorts, ports }) => ports.some(({ targetPort }) => /^\d+$/.test(targetPort) && !endpointPorts.includes(Number(targetPort)))).map(({ name }) => name);
    return [setValues(names, 'upgrade', 'bring the Services back', [], { advice: joined('Somebody edited what the chart made.', wrong.length > 0 ? `See ${listed(wrong)}.` : ''), changes: 'the Services of the release, to what the chart says', provedBy: ['CRC-SVC-208'] })];
  },
  'scrape-without-bearer': (names) => {
    const open = (names.answer(kubernetesMonitors, 'Kubernetes')?.monitors ?? []).filter(({ endpoints }) => endpoints.some(({ authorization }) => !authorization)).map(({ name }) => name);
    const patch = '[{"op":"add","path":"/spec/endpoints/0/authorization","value":{"credentials":{"name":"caracal-runtime","key":"metricsBearer"}}}]';
    const words = (name: string): string => `patch servicemonitor ${name} --type=json -p '${patch}'`;
    return [{
      id: 'add-bearer', title: 'give the scrapes their bearer', place: 'services', commands: (open.length > 0 ? open : ['<servicemonitor>']).map((name) => names.kubectl(words(name))), dryRun: names.kubectl(`${words(open[0] ?? '<servicemonitor>')} --dry-run=server -o name`),
      advice: 'The chart has no value for it, so that each upgrade takes it back: keep it as a patch of your own. Let Prometheus in with networkPolicy.extraIngress.', changes: 'the ServiceMonitors of the release', provedBy: ['CRC-SVC-209'],
    }];
  },
  'kube-token-expired': () => [signIn('sign in to the cluster again', 'Until `kubectl get pods` works in a terminal; then run again.')],
  'api-server-down': () => [signIn('reach the API server', 'See the VPN, the address of the context, and the control plane. Pods go on without it.')],
  'api-server-silent': () => [signIn('see to the API server', 'It takes connections and does not answer: see its load and etcd. Pods go on without it.')],
  'api-server-throttles': () => [signIn('ask less of the API server', 'It has too many requests and asks to wait: see who else asks, and its flow schemas.')],
};

function signIn(title: string, advice: string): Draft {
  return advise('see-api-server', title, 'services', advice, { commands: ['kubectl cluster-info', 'kubectl config get-contexts'], provedBy: ['CRC-SVC-200'] });
}

function failedJob(names: Names): string {
  const jobs = names.answer(kubernetesJobs, 'Kubernetes') ?? [];
  return (jobs.find(({ failed }) => failed > 0) ?? jobs[0])?.name ?? `${names.release}-caracal-migrate`;
}
