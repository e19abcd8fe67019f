import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { emit } from './events.ts';
import { crashLoop } from './faultParts.ts';
import type { ClusterLab } from './lab.ts';
import { startClusterLab } from './lab.ts';

// `node test/lab/kubernetes/proof.ts` runs the kubectl of the machine against the lab's API server and checks what it prints.

const run = promisify(execFile);
const limitMs = 20_000;

interface Step {
  readonly command: readonly string[];
  readonly shows: readonly RegExp[];
  /** While the command follows: what happens. It is ended once it shows all. */
  readonly meanwhile?: (cluster: ClusterLab) => void;
  /** The command fails, as it should. */
  readonly fails?: boolean;
}

const steps: readonly Step[] = [
  { command: ['version'], shows: [/Server Version: v1\.32/] },
  {
    command: ['get', 'pods,svc,jobs', '-o', 'wide'],
    shows: [/^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES$/m, /^pod\/caracal-caracal-sts-0 +1\/1 +Running +0 +\d+d/m, /^service\/caracal-caracal-api +ClusterIP +\S+ +<none> +3000\/TCP/m],
  },
  { command: ['get', 'statefulsets,deployments,pvc,hpa,pdb,netpol,ingress'], shows: [/caracal-caracal-sts +2\/2/, /caracal-caracal-web +2\/2 +2 +2/, /Bound +pvc-/, /cpu: 7%\/70%, memory: 38%\/80%/] },
  { command: ['get', 'pods', '-A', '-l', 'app.kubernetes.io/component in (sts,api),app.kubernetes.io/instance', '-o', 'name'], shows: [/pod\/caracal-caracal-sts-1/] },
  { command: ['get', 'secrets', '-A', '--field-selector', 'type=helm.sh/release.v1'], shows: [/sh\.helm\.release\.v1\.caracal\.v3 +helm\.sh\/release\.v1 +1/] },
  { command: ['describe', 'pod', 'caracal-caracal-sts-0'], shows: [/Controlled By: +StatefulSet\/caracal-caracal-sts/, /Liveness: +http-get http:\/\/:http\/health delay=10s/, /Unhealthy +\S+ \(x3 over \S+\) +kubelet +Readiness probe failed/] },
  { command: ['describe', 'deployment', 'caracal-caracal-api'], shows: [/2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable/, /OldReplicaSets:/, /NewReplicaSet: +caracal-caracal-api-/] },
  { command: ['describe', 'statefulset', 'caracal-caracal-sts'], shows: [/Pods Status: +2 Running/] },
  { command: ['describe', 'svc', 'caracal-caracal-api'], shows: [/Endpoints: +\S+:3000,\S+:3000/] },
  { command: ['rollout', 'history', 'deployment/caracal-caracal-api'], shows: [/^3 /m] },
  { command: ['rollout', 'history', 'sts/caracal-caracal-sts'], shows: [/^2 /m] },
  { command: ['rollout', 'status', 'deployment/caracal-caracal-api'], shows: [/successfully rolled out/] },
  { command: ['logs', 'deployment/caracal-caracal-api', '--tail=1'], shows: [/"service":"api/] },
  { command: ['logs', 'caracal-caracal-coordinator-0', '--previous'], shows: [/pods "caracal-caracal-coordinator-0" not found/], fails: true },
  { command: ['logs', 'caracal-caracal-sts-0', '--previous'], shows: [/previous terminated container "sts" in pod "caracal-caracal-sts-0" not found/], fails: true },
  {
    command: ['logs', '-f', 'caracal-caracal-gateway-0', '--timestamps', '--tail=1'], shows: [/^\d{4}-\S+Z the line that came later$/m],
    meanwhile: ({ api, pod }) => api.logs.current(pod('gateway'), 'gateway').append('the line that came later'),
  },
  { command: ['auth', 'can-i', '--list'], shows: [/\*\.\* +\[\] +\[\] +\[\*\]/] },
  { command: ['auth', 'can-i', '--list', '--context', 'lab-viewer'], shows: [/pods\/log +\[\] +\[\] +\[get list watch\]/] },
  { command: ['auth', 'can-i', 'get', 'secrets'], shows: [/^yes$/m] },
  { command: ['auth', 'can-i', 'get', 'secrets', '--context', 'lab-viewer'], shows: [/^no$/m], fails: true },
  { command: ['auth', 'can-i', 'get', 'pods', '--subresource=portforward', '--context', 'lab-viewer'], shows: [/^no$/m], fails: true },
  { command: ['get', 'secrets', '--context', 'lab-viewer'], shows: [/Error from server \(Forbidden\): secrets is forbidden: User "viewer" cannot list resource "secrets" in API group "" in the namespace "caracal"/], fails: true },
  {
    command: ['get', 'events', '-w'], shows: [/Warning +BackOff +pod\/caracal-caracal-coordinator-\S+ +Back-off restarting failed container/],
    meanwhile: (cluster) => crashLoop(cluster, cluster.pod('coordinator'), { ended: { exitCode: 1, reason: 'Error' }, restarts: 3, log: ['said before the end'] }),
  },
  {
    command: ['get', 'pods', '-w'], shows: [/caracal-caracal-sts-1 +1\/1 +Terminating/, /caracal-caracal-sts-1 +1\/1 +Running +0 +\ds$/m],
    meanwhile: ({ controller, pod }) => controller.replacePod(pod('sts', 1)),
  },
  { command: ['get', 'pods'], shows: [/caracal-caracal-coordinator-\S+ +0\/1 +CrashLoopBackOff +3 \(\S+ ago\)/] },
  { command: ['api-resources'], shows: [/^statefulsets +sts +apps\/v1 +true +StatefulSet$/m, /^selfsubjectaccessreviews +authorization\.k8s\.io\/v1 +false/m] },
  { command: ['get', 'servicemonitors'], shows: [/the server doesn't have a resource type "servicemonitors"/], fails: true },
  { command: ['delete', 'pod', 'caracal-caracal-sts-0'], shows: [/MethodNotAllowed/], fails: true },
];

async function output({ kubeconfig }: ClusterLab, command: readonly string[]): Promise<{ text: string; failed: boolean }> {
  const environment = { ...process.env, KUBECONFIG: kubeconfig };
  try {
    const { stdout, stderr } = await run('kubectl', [...command], { env: environment, timeout: limitMs });
    return { text: stdout + stderr, failed: false };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { text: stdout + stderr, failed: true };
  }
}

/** Runs a command that does not end by itself until it has shown all. */
async function followed(cluster: ClusterLab, { command, shows, meanwhile }: Step): Promise<string> {
  const child = spawn('kubectl', [...command], { env: { ...process.env, KUBECONFIG: cluster.kubeconfig }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let text = '';
  let begun = false;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const limit = setTimeout(resolve, limitMs, undefined);
  const begin = setInterval(() => {
    const { watches, follows } = cluster.api.counters;
    if (begun || watches + follows === 0) return;
    begun = true;
    meanwhile?.(cluster);
  }, 50);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (shows.every((pattern) => pattern.test(text))) resolve(undefined);
    });
  }
  await promise;
  clearTimeout(limit);
  clearInterval(begin);
  child.kill();
  await ended;
  return text;
}

const cluster = await startClusterLab();
let wrong = 0;
try {
  emit(cluster.store, cluster.pod('sts'), { type: 'Warning', reason: 'Unhealthy', message: 'Readiness probe failed: HTTP probe failed with statuscode: 503', component: 'kubelet', container: 'sts', count: 3, first: 60, last: 5 });
  for (const step of steps) {
    const { text, failed } = step.meanwhile === undefined ? await output(cluster, step.command) : { text: await followed(cluster, step), failed: false };
    const missing = step.shows.filter((pattern) => !pattern.test(text));
    const right = missing.length === 0 && failed === (step.fails ?? false);
    if (!right) wrong += 1;
    process.stdout.write(`${right ? 'ok   ' : 'WRONG'} kubectl ${step.command.join(' ')}\n${right ? '' : `${missing.map(String).join('\n')}\n${text}\n`}`);
  }
  process.stdout.write(`open at the end: ${JSON.stringify(cluster.api.counters)}\n`);
} finally {
  await cluster.close();
}
process.exit(wrong === 0 ? 0 : 1);
