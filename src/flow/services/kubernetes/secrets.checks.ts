import type { Check, Fact, Judgement, Observed } from '../../../model/check.ts';
import type { SecretsFacts } from '../../../model/kubernetes.ts';
import { finding, signed } from '../../judging.ts';
import { count } from '../../words.ts';
import { age } from '../timeline.ts';
import { cluster, components, kubernetesBase, lackOf, notTold, secrets, serverTime, told, whenTold } from './kubernetesFacts.ts';

type Secret = NonNullable<SecretsFacts['secrets'][number]['secret']>;
type Use = SecretsFacts['uses'][number];
type SecretChange = Secret['changes'][number];

/** Read anew for each request: contract, deploy 5.1. */
const readEachTime: readonly string[] = ['operatorAllowlist.json'];

/** Times of Kubernetes are whole seconds. */
const slackMs = 2_000;

/** The Secret that the chart can make is a hook, deleted and made anew by each upgrade: contract, deploy 2.2. */
const recreatedWithinMs = 5_000;

function by(uses: readonly Use[]): string {
  return [...new Set(uses.map(({ component }) => component))].join(', ');
}

function judgeKeys({ secrets: all, uses }: SecretsFacts, now: string): Judgement {
  if (uses.length === 0) return finding('not-applicable', 'no workload takes a Secret', 'No pod template of the release names a key of a Secret.');
  const facts: Fact[] = all.flatMap(({ name, secret }) => (secret ? [{ name, value: `${count(secret.keys.length, 'key')}, created ${age(secret.createdAt, now)}` }] : []));
  const absent = all.filter(({ name, secret }) => secret === null && uses.some((use) => use.secretName === name && !use.optional));
  const [gone] = absent;
  if (gone) {
    const takers = by(uses.filter((use) => absent.some(({ name }) => name === use.secretName)));
    return signed(finding(
      'fail',
      `no Secret ${absent.map(({ name }) => name).join(', ')}; ${takers} cannot start`,
      `Pods that name a Secret wait until it is there. The chart makes ${gone.name} only with secrets.create; otherwise the operator, External Secrets or another tool does.`,
      facts,
    ), 'no Secret');
  }
  const missing = uses.filter(({ secretName, key }) => all.find(({ name }) => name === secretName)?.secret?.keys.includes(key) === false);
  const names = (list: readonly Use[]): string[] => [...new Set(list.map(({ secretName, key }) => `${secretName}/${key}`))];
  const needed = missing.filter(({ optional }) => !optional);
  const shown: Fact[] = names(missing).map((name) => {
    const takers = missing.filter(({ secretName, key }) => `${secretName}/${key}` === name);
    const how = takers.some((use) => use.how === 'volume') ? 'as a file' : 'as a variable';
    return { name, value: takers.every(({ optional }) => optional) ? `missing, optional for ${by(takers)}` : `missing; ${by(takers)} take it ${how}` };
  });
  const [first = '', ...others] = names(needed);
  if (first === '') return finding('pass', `${count(names(uses).length - names(missing).length, 'key')}, all there`, 'Every key that a pod takes is in its Secret. Values are not read here.', [...shown, ...facts]);
  return signed(finding(
    'fail',
    `missing ${first}${others.length > 0 ? ` and ${others.length} more` : ''}; ${by(needed)} cannot start`,
    'A pod that takes a missing key as a file stays in ContainerCreating with FailedMount, one that takes it as a variable in CreateContainerConfigError. Pods that run already go on until they are started anew.',
    [...shown, ...facts],
  ), 'missing key');
}

/** The newest change of a Secret that the uses of one component could feel. */
function newestChange(secret: Secret, uses: readonly Use[]): { readonly change: SecretChange; readonly at: string; readonly keys: readonly string[] } | undefined {
  return secret.changes
    .flatMap((change) => {
      const keys = uses.map(({ key }) => key).filter((key) => change.keys.includes(key));
      const recreated = change.manager === 'helm' && change.at !== null && Math.abs(Date.parse(change.at) - Date.parse(secret.createdAt)) < recreatedWithinMs;
      return change.at === null || keys.length === 0 || recreated ? [] : [{ change, at: change.at, keys }];
    })
    .toSorted((left, right) => Date.parse(left.at) - Date.parse(right.at))
    .at(-1);
}

function judgeUse({ secrets: all, uses }: SecretsFacts, now: string, observed: Observed): Judgement {
  const read = uses.filter(({ key }) => !readEachTime.includes(key));
  const answers = components.map((question) => ({ name: question.of, answer: told(observed, question), observation: observed.get(question) }));
  const unseen: Fact[] = answers.filter(({ answer }) => !answer).map(({ name, observation }) => ({ name, value: `not seen; ${lackOf(observation)}` }));
  const [first] = answers;
  if (first && unseen.length === answers.length) return notTold(first.observation);
  const stale = answers.flatMap(({ name: component, answer }) => {
    const pods = answer?.pods.filter(({ container, deletedAt }) => container?.state === 'running' && deletedAt === null) ?? [];
    return all.flatMap(({ name, secret }) => {
      const newest = secret && newestChange(secret, read.filter((use) => use.secretName === name && use.component === component));
      if (!newest) return [];
      const older = pods.filter(({ container }) => Date.parse(container?.startedAt ?? now) < Date.parse(newest.at) - slackMs);
      return older.length === 0 ? [] : [{ component, secret: name, ...newest, pods: older }];
    });
  });
  const history: Fact[] = all.flatMap(({ name, secret }) =>
    (secret?.changes ?? []).flatMap(({ manager, operation, at, keys }) => (at === null ? [] : [{ name, value: `${operation} by ${manager} ${age(at, now)}, who has ${count(keys.length, 'key')}` }])),
  );
  const newest = stale.toSorted((left, right) => Date.parse(left.at) - Date.parse(right.at)).at(-1);
  const running = answers.reduce((sum, { answer }) => sum + (answer?.pods.length ?? 0), 0);
  if (!newest) {
    return running === 0
      ? finding('not-applicable', 'no pod runs', 'Nothing has taken a key.', [...unseen, ...history])
      : finding('pass', 'none changed since the pods started', 'Caracal reads its keys when it starts. What the operator changed last, by the managers of each Secret, is older than the pods that take it.', [...unseen, ...history]);
  }
  const keys = [...new Set(stale.filter(({ secret, at }) => secret === newest.secret && at === newest.at).flatMap((each) => each.keys))];
  const named = keys.length <= 2 ? keys.join(', ') : newest.secret;
  return finding(
    'warn',
    `${named} changed ${age(newest.at, now)} by ${newest.change.manager}; ${stale.map(({ component }) => component).filter((name, index, names) => names.indexOf(name) === index).join(', ')} started before`,
    'Caracal reads its keys when it starts and keeps them, so that these pods go on with what they read. The time is that of the last change of this manager: Kubernetes does not tell which of its keys it was, nor whether a value differs. With an external Secret nothing restarts pods.',
    [
      ...stale.flatMap(({ component, pods, secret, keys, at }) => pods.map((pod) => ({ name: component, value: `${pod.name} started ${age(pod.container?.startedAt ?? now, now)}, ${secret} (${keys.join(', ')}) changed ${age(at, now)}` }))),
      ...unseen,
      ...history,
    ],
  );
}

/** Whether pods get the keys that they take, and run with those of now. Names and times alone, never a value. */
export const secretChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: 'CRC-SVC-204',
    title: 'Secret keys',
    asks: [cluster, secrets],
    privilege: 'get secrets; of a Secret only names of keys and times are kept',
    source: 'infra/helm/caracal/templates/deployments.yaml:43, packages/engine/src/secrets.ts:25',
    judge(observed) {
      const observation = observed.get(secrets);
      return whenTold(observation, (answer) => judgeKeys(answer, serverTime(observed, observation)));
    },
  },
  {
    ...kubernetesBase,
    id: 'CRC-SVC-205',
    title: 'Secrets in use',
    asks: [cluster, secrets, ...components],
    privilege: 'get secrets, list pods',
    source: 'packages/engine/src/secrets.ts:25',
    judge(observed) {
      const observation = observed.get(secrets);
      return whenTold(observation, (answer) => judgeUse(answer, serverTime(observed, observation), observed));
    },
  },
];
