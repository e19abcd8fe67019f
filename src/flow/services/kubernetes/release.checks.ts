import type { Check, Fact, Judgement } from '../../../model/check.ts';
import type { HelmFacts, JobFacts } from '../../../model/kubernetes.ts';
import { finding, signed } from '../../judging.ts';
import { count, milliseconds } from '../../words.ts';
import { age } from '../timeline.ts';
import { brief, cluster, helm, jobs, kubernetesBase, newestRevision, serverTime, since, told, whenTold } from './kubernetesFacts.ts';

/** An operation of Helm waits for its hooks for at most this long by default of the chart: activeDeadlineSeconds 900. */
const operationMs = 15 * 60_000;

/** The migrations of a new version take seconds; a Job of theirs that runs longer waits for something. */
const migrationMs = 5 * 60_000;

type Revision = HelmFacts['revisions'][number];

function revisionFact({ revision, status, chartVersion, appVersion, lastDeployed, description }: Revision, now: string): Fact {
  const when = lastDeployed === null ? '' : ` ${age(lastDeployed, now)}`;
  const app = appVersion === null || appVersion === chartVersion ? '' : `, app ${appVersion}`;
  return { name: `revision ${revision}`, value: `${status}${when}, chart ${chartVersion}${app}: ${brief(description)}` };
}

/** The states that Helm gives a revision: contract, deploy 2.8. */
function judgeRelease(answer: HelmFacts, now: string): Judgement {
  const newest = newestRevision(answer);
  const unreadable: Fact[] = answer.unreadable.map(({ name, why }) => ({ name, value: `cannot be decoded: ${why}` }));
  if (!newest) {
    return unreadable.length > 0
      ? finding('unknown', `cannot decode ${count(unreadable.length, 'revision')} of Helm`, 'Secrets of Helm are there, but none could be read as a release.', unreadable)
      : finding('not-applicable', 'no Helm history here', 'No Secret of Helm names this release: it was rendered by another tool, such as Argo CD, or Helm keeps its history elsewhere.');
  }
  const { revision, status, chartVersion, description, hooks, lastDeployed } = newest;
  const forMs = lastDeployed === null ? 0 : since(lastDeployed, now);
  const ago = lastDeployed === null ? '' : ` ${age(lastDeployed, now)}`;
  const current = answer.revisions.findLast((each) => each.status === 'deployed');
  const broken = hooks.filter(({ phase }) => phase === 'Failed').map(({ name }) => name);
  const words = brief(description).replace(/\d+ errors? occurred: \* /, '');
  const facts: Fact[] = [
    ...(broken.length > 0 ? [{ name: 'failed hook', value: broken.join(', ') }] : []),
    ...(current && current !== newest ? [{ name: 'still in force', value: `revision ${current.revision}, as far as the newer one did not change it` }] : []),
    ...answer.revisions.toSorted((left, right) => right.revision - left.revision).map((each) => revisionFact(each, now)),
    ...unreadable,
  ];
  const hook = broken.length === 0 ? '' : ` The hook ${broken.join(', ')} failed; CRC-SVC-203 shows its Job.`;
  if (status === 'deployed') return finding('pass', `deployed, revision ${revision}, chart ${chartVersion},${ago}`, `Helm ended its last operation well: ${brief(description)}.`, facts);
  if (status === 'failed') {
    return signed(finding('fail', `failed, revision ${revision},${ago}; ${words}`, `The last operation of Helm failed: ${brief(description, 400)}.${hook} What it applied before stays, so that objects of two revisions may stand side by side.`, facts), 'failed');
  }
  if (status.startsWith('pending-')) {
    return forMs > operationMs
      ? signed(finding('fail', `${status} for ${milliseconds(forMs)}; interrupted`, `An operation of Helm began${ago} and never ended, longer than its hooks may take. Helm refuses the next upgrade until the revision is rolled back or its Secret is gone.`, facts), 'interrupted')
      : finding('warn', `${status} for ${milliseconds(forMs)}`, 'An operation of Helm is under way: pods change while you look.', facts);
  }
  if (status === 'uninstalling' || status === 'uninstalled') {
    return finding('fail', `${status}${ago}, revision ${revision}`, 'Helm removed the release and kept its history. The runtime Secret and the claims of the replay files outlive it.', facts);
  }
  return finding('warn', `${status}, revision ${revision}`, 'The newest revision that is there is not the one in force: the Secret of a newer one was deleted, or Helm lost track.', facts);
}

const nothingListens = 'migrate: database did not become reachable';

/** What the migrators say last when they fail: contract, deploy 2.9 and 3.8. */
const failureLine = /database did not become reachable|auth migration failed|is required$|rejecting unexpected filename|ERROR:/;

function lineOfFailure({ lastLines }: JobFacts): string | undefined {
  return lastLines?.findLast((line) => failureLine.test(line));
}

type Standing = 'failed' | 'runs long' | 'tries again' | 'runs' | 'waits' | 'done';

function standingOf(job: JobFacts, now: string): Standing {
  const is = (type: string): boolean => job.conditions.some((condition) => condition.type === type && condition.status === 'True');
  if (is('Failed')) return 'failed';
  if (is('Complete') || job.succeeded > 0) return 'done';
  if (job.active === 0) return job.failed > 0 ? 'failed' : 'waits';
  if (job.failed > 0 || lineOfFailure(job) !== undefined) return 'tries again';
  return since(job.startedAt ?? job.createdAt, now) > migrationMs ? 'runs long' : 'runs';
}

function jobFacts(job: JobFacts, now: string): Fact[] {
  const { component, name, startedAt, createdAt, active, failed, succeeded, backoffLimit, conditions, lastLines } = job;
  return [
    { name: component, value: `${name}, started ${age(startedAt ?? createdAt, now)}, ${active} active, ${succeeded} succeeded, ${failed} failed, backoff limit ${backoffLimit}` },
    ...conditions.filter(({ message }) => message !== '').map(({ type, reason, message }) => ({ name: `${component} ${type}`, value: `${reason}: ${message}` })),
    ...(lastLines ?? []).map((line) => ({ name: 'last line', value: line })),
  ];
}

function hidden({ lastLines }: JobFacts): string {
  return lastLines?.some((line) => line.includes(nothingListens))
    ? ' The migrator keeps every error of its connections to itself and says this alone: wrong host, port, password, TLS mode and a NetworkPolicy look alike. The log of Postgres tells which.'
    : '';
}

function judgeFailedJob(job: JobFacts, release: HelmFacts | undefined, facts: readonly Fact[]): Judgement {
  const { component, conditions, lastLines, finishedAt, createdAt } = job;
  const failed = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  const last = lastLines?.at(-1);
  const words = `${component} failed${failed ? `, ${failed.reason}` : ''}`;
  const told = last === undefined ? '' : `; ${brief(last, 100)}`;
  const newest = release && newestRevision(release);
  const endedAt = finishedAt ?? createdAt;
  if (newest?.status === 'deployed' && newest.lastDeployed !== null && Date.parse(newest.lastDeployed) > Date.parse(endedAt)) {
    return finding('warn', `${words}; revision ${newest.revision} was deployed since`, 'Helm removes a hook Job that succeeded. This one failed, and a later operation ended well without running it again, as a rollback does.', facts);
  }
  return signed(finding('fail', `${words}${told}`, `Helm removes a hook Job that succeeded, so that only a failed one is left. The install or upgrade ended here, before any pod was changed.${hidden(job)}`, facts), 'failed', component);
}

function judgeJobs(all: readonly JobFacts[], release: HelmFacts | undefined, now: string): Judgement {
  if (all.length === 0) return finding('pass', 'none left', 'Helm removes the Jobs of its migrations as soon as they succeed, so that none is what a good upgrade leaves behind.');
  const facts = all.flatMap((job) => jobFacts(job, now));
  const by = (standing: Standing): JobFacts | undefined => all.find((job) => standingOf(job, now) === standing);
  const failed = by('failed');
  if (failed) return judgeFailedJob(failed, release, facts);
  const running = (job: JobFacts): string => milliseconds(since(job.startedAt ?? job.createdAt, now));
  const long = by('runs long');
  if (long) return finding('warn', `${long.component} runs for ${running(long)}`, 'A migration takes seconds. One that runs longer waits for its database, or for a lock there. It is ended after 15 min by default.', facts);
  const again = by('tries again');
  if (again) {
    const line = lineOfFailure(again);
    return signed(finding('warn', `${again.component} tries again for ${running(again)}${line === undefined ? '' : `; ${brief(line, 100)}`}`, `It failed, and Kubernetes starts it anew until it has had its tries (backoff limit ${again.backoffLimit}).${hidden(again)}`, facts), 'tries again', again.component);
  }
  const waits = by('waits');
  if (waits) {
    return since(waits.createdAt, now) > 60_000
      ? finding('warn', `${waits.component} has no pod for ${milliseconds(since(waits.createdAt, now))}`, 'The Job was made and nothing was started for it: a quota, a missing ServiceAccount, or it is suspended.', facts)
      : finding('pass', `${waits.component} is about to start`, 'The Job was just made.', facts);
  }
  const runs = by('runs');
  return runs
    ? finding('pass', `${runs.component} runs for ${running(runs)}`, 'An install or upgrade is under way.', facts)
    : finding('pass', 'done', 'The Jobs succeeded, and what deployed them does not remove them as Helm does.', facts);
}

/** What Helm did last, and what its migrations left behind. */
export const releaseChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: 'CRC-SVC-202',
    title: 'Release',
    asks: [cluster, helm],
    privilege: 'list secrets',
    source: 'infra/helm/caracal/Chart.yaml; Helm keeps its history in Secrets of type helm.sh/release.v1',
    judge(observed) {
      const observation = observed.get(helm);
      return whenTold(observation, (answer) => judgeRelease(answer, serverTime(observed, observation)));
    },
  },
  {
    ...kubernetesBase,
    id: 'CRC-SVC-203',
    title: 'Migrations',
    asks: [cluster, jobs, helm],
    privilege: 'list jobs.batch, list pods, get pods/log',
    source: 'infra/helm/caracal/values.yaml (migrations), infra/postgres/scripts/migrate.sh:59',
    judge(observed) {
      const observation = observed.get(jobs);
      return whenTold(observation, (answer) => judgeJobs(answer, told(observed, helm), serverTime(observed, observation)));
    },
  },
];
