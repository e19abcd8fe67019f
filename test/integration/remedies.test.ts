import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRedactor, readTargetFile } from '../../src/flow/engine.ts';
import type { Report } from '../../src/model/report.ts';
import type { Remedy, RemedyRun } from '../../src/model/remedy.ts';
import { callsOf } from '../../src/remedies/calls.ts';
import { canaryCalls } from '../../src/remedies/canary.ts';
import type { CanaryRun } from '../../src/remedies/canary.ts';
import { remediesOf } from '../../src/remedies/catalogue.ts';
import { runCanary, runRemedy } from '../../src/remedies/run.ts';
import type { ContainerLab } from '../lab/docker/lab.ts';
import { startContainerLab } from '../lab/docker/lab.ts';
import { eventually } from '../lab/eventually.ts';
import { clusterFaults } from '../lab/kubernetes/faults.ts';
import type { ClusterLab } from '../lab/kubernetes/lab.ts';
import { startClusterLab } from '../lab/kubernetes/lab.ts';
import { explained, runFlowOn } from '../lab/runFlow.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';

const quiet = new AbortController().signal;

/** The first remedy of a cause that can be run, with what a run found. */
async function remedyOf(targetFile: string, { target, verdicts, observations, zone }: Report, cause: string, own: readonly string[]): Promise<Remedy> {
  const located = await readTargetFile(targetFile);
  equal(target.kind, located.target.kind);
  const remedy = remediesOf(
    { id: cause, component: '', title: '', sentence: '', standing: 'confirmed', own: [...own], explains: [], for: [], against: [], unconfirmed: null, path: [], leftBehindBy: null, score: [] },
    { target: located.target, verdicts, observations, zone },
  ).find(({ call }) => call !== null);
  ok(remedy, `a remedy of ${cause}`);
  return remedy;
}

const checked = (targetFile: string, checks: readonly string[]): Promise<Report> => runFlowOn(targetFile, { selection: { checks: [...checks] } });

async function run(targetFile: string, remedy: Remedy, signal = quiet): Promise<RemedyRun> {
  const target = await readTargetFile(targetFile);
  const done = await runRemedy({ target, remedy, redactor: createRedactor(), signal });
  const { asked, calls, cause } = done;
  deepEqual({ asked, calls, cause, remedy: done.remedy }, { ...callsOf(remedy, target.target), cause: remedy.cause, remedy: remedy.id }, 'what was sent is what was told');
  return done;
}

/** Waits until all checks that prove a remedy pass. */
async function proven(targetFile: string, { provedBy }: Remedy): Promise<void> {
  let last = '';
  await eventually('all checks that prove it pass', async () => {
    const { verdicts } = await checked(targetFile, provedBy);
    const of = verdicts.filter(({ check }) => provedBy.includes(check));
    deepEqual([...new Set(of.map(({ check }) => check))].sort(), [...provedBy].sort());
    last = explained(of);
    return last === '';
  }, 30_000).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${last}`);
  });
}

/** Sees that checks fail, runs the first remedy of the cause, and sees that they pass. */
async function remedied(targetFile: string, cause: string, own: readonly string[]): Promise<{ readonly remedy: Remedy; readonly run: RemedyRun }> {
  const report = await checked(targetFile, own);
  deepEqual(report.verdicts.filter(({ check, status }) => own.includes(check) && status === 'pass').map(({ check }) => check), [], 'it is broken');
  const remedy = await remedyOf(targetFile, report, cause, own);
  const done = await run(targetFile, remedy);
  deepEqual(done.outcome.kind, 'done', JSON.stringify(done.outcome));
  await proven(targetFile, remedy);
  return { remedy, run: done };
}

const refusedWith = ({ outcome }: RemedyRun): string => (outcome.kind === 'refused' ? outcome.code : outcome.kind);

/** The target with something else in it. */
async function changed(folder: string, targetFile: string, change: object): Promise<string> {
  const file = join(folder, `${randomUUID()}.json`);
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(targetFile, 'utf8')) as object, ...change }), { mode: 0o600 });
  return file;
}

describe('remedies in containers', function () {
  this.timeout(60_000);
  let lab: ContainerLab;
  before(async function () {
    this.timeout(120_000);
    lab = await startContainerLab();
  });
  after(async function () {
    this.timeout(60_000);
    await lab.close();
  });

  it('start a Redis that was stopped', async () => {
    await lab.redis.stop();
    const { remedy, run: done } = await remedied(lab.targetFile, 'redis-stopped', ['CRC-STO-020', 'CRC-SVC-117']);
    deepEqual(remedy.call, { kind: 'container', action: 'start', container: `${lab.project}-redis-1` });
    deepEqual(done.calls, [`POST /containers/${lab.project}-redis-1/start`]);
    deepEqual(refusedWith(await run(lab.targetFile, remedy)), 'done', 'it was so already');
  });

  it('go on with an API that was paused', async () => {
    await lab.services.api.freeze();
    const { remedy } = await remedied(lab.targetFile, 'api-silent', ['CRC-RDY-001']);
    deepEqual(remedy.call, { kind: 'container', action: 'unpause', container: `${lab.project}-api-1` });
  });

  it('restart an STS whose group is gone', async () => {
    await lab.redisClient.xgroup('DESTROY', 'caracal.policy.invalidate', 'opa-engine');
    const { remedy } = await remedied(lab.targetFile, 'opa-engine-missing', ['CRC-STR-021']);
    deepEqual(remedy.call, { kind: 'container', action: 'restart', container: `${lab.project}-sts-1` });
  });

  it('say what the engine refused', async () => {
    const report = await checked(lab.targetFile, ['CRC-SVC-101']);
    const remedy = await remedyOf(lab.targetFile, report, 'redis-stopped', []);
    const absent = await run(lab.targetFile, { ...remedy, call: { kind: 'container', action: 'start', container: 'caracal-gone-1' } });
    deepEqual(absent.outcome, { kind: 'refused', code: '404', message: 'No such container: caracal-gone-1' });
    const stopped = new AbortController();
    stopped.abort();
    equal(refusedWith(await run(lab.targetFile, remedy, stopped.signal)), 'stopped');
  });
});

describe('remedies in a cluster', function () {
  this.timeout(60_000);
  let cluster: ClusterLab;
  let folder: string;
  before(async function () {
    this.timeout(120_000);
    cluster = await startClusterLab();
    folder = await createScratchFolder('remedies-');
  });
  after(async function () {
    this.timeout(60_000);
    await cluster.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('send a canary and find its audit events', async () => {
    for (const [targetFile, where] of [
      [cluster.lab.targetFile, 'Postgres'],
      [await changed(folder, cluster.lab.targetFile, { postgres: undefined }), 'the API'],
      [cluster.targetFile, 'Postgres'],
    ] as const) {
      const seen = await canary(targetFile);
      equal(seen.sentence, 'An allowed and a refused call were answered and audited.');
      deepEqual(seen.answers.map(({ step, status, said }) => [step, status, said]), [
        ['mint', 200, 'a mandate was issued'], ['call', 200, 'passed on; the resource answered 200'], ['refusal', 403, seen.answers[2]?.said],
      ]);
      match(seen.answers[2]?.said ?? '', /^access_denied/);
      deepEqual([seen.isWell, seen.evidence.where, seen.evidence.missing], [true, where, []]);
    }
  });

  it('tell a canary that is not well', async () => {
    const { canary: given } = (await readTargetFile(cluster.lab.targetFile)).target;
    process.env['CANARY_SECRET'] = 'not-the-secret-0123456789';
    const seen = await canary(await changed(folder, cluster.lab.targetFile, { canary: { ...given, clientSecret: { env: 'CANARY_SECRET' } } }));
    delete process.env['CANARY_SECRET'];
    equal(seen.isWell, false);
    deepEqual(seen.answers.map(({ step, asExpected }) => [step, asExpected]), [['mint', false], ['refusal', false]]);
    match(seen.sentence, /^The mint was answered otherwise: access_denied: invalid client credentials/);
  });

  it('requeue events that are dead', async () => {
    const { lab } = cluster;
    for (const key of ['one', 'two']) {
      await lab.sql(
        `INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json, status, attempts)
         VALUES (gen_random_uuid()::text, 'coordinator', 'caracal.agents.lifecycle', $1, $2, 'dead', 10)`, [`spawn:${key}`, JSON.stringify({ event: 'spawn', zone_id: lab.zoneId })],
      );
    }
    const report = await checked(cluster.targetFile, ['CRC-STR-091']);
    const remedy = await remedyOf(cluster.targetFile, report, 'coordinator-outbox-dead', ['CRC-STR-091']);
    const wrong = await run(await changed(folder, lab.targetFile, { tokens: { coordinator: { env: 'PATH' } } }), remedy);
    deepEqual(wrong.outcome.kind === 'refused' && wrong.outcome.code, '401', JSON.stringify(wrong.outcome));
    const { run: done } = await remedied(cluster.targetFile, 'coordinator-outbox-dead', ['CRC-STR-091', 'CRC-RDY-043']);
    deepEqual(done.outcome, { kind: 'done', answer: '2 of 2 done' });
    deepEqual(await lab.sql(`SELECT count(*)::int AS dead FROM caracal_outbox WHERE status = 'dead'`), [{ dead: 0 }]);
    const again = await run(lab.targetFile, { ...remedy, call: { kind: 'requeue', rows: [{ zone: lab.zoneId, id: randomUUID() }] } });
    deepEqual(again.outcome, { kind: 'refused', code: '404', message: 'dead_outbox_not_found' });
  });

  it('let the Gateway read again what is revoked', async () => {
    const { lab } = cluster;
    const reload = await remedyOf(lab.targetFile, await checked(lab.targetFile, ['CRC-RDY-021']), 'revocation-dead-letters', []);
    deepEqual(reload.call, { kind: 'reload-revocations' });
    for (const targetFile of [lab.targetFile, cluster.targetFile]) {
      const { outcome } = await run(targetFile, reload);
      match(outcome.kind === 'done' ? outcome.answer : outcome.message, /^\{"ok":true,"revocations":\d+\}$/);
    }
    const wrong = await run(await changed(folder, lab.targetFile, { tokens: { gateway: { env: 'PATH' } } }), reload);
    deepEqual(wrong.outcome, { kind: 'refused', code: '404', message: '404 page not found' });
    const without = await run(await changed(folder, lab.targetFile, { tokens: {} }), reload);
    equal(refusedWith(without), 'unavailable');
  });

  it('roll a workload whose group is gone', async () => {
    const before = cluster.pods('sts').map(({ metadata }) => metadata.uid);
    await cluster.lab.redisClient.xgroup('DESTROY', 'caracal.policy.invalidate', 'opa-engine');
    const { remedy } = await remedied(cluster.targetFile, 'opa-engine-missing', ['CRC-STR-021']);
    const { name } = cluster.workload('sts');
    deepEqual(remedy.call, { kind: 'rollout-restart', workload: 'StatefulSet', name });
    deepEqual(cluster.pods('sts').filter(({ metadata }) => before.includes(metadata.uid)), []);
  });

  it('scale a workload that has no pods', async () => {
    const fault = clusterFaults.find(({ id }) => id === 'coordinator-scaled-to-zero');
    await fault?.inject(cluster);
    const own = ['CRC-SVC-208', 'CRC-RDY-041'];
    const remedy = await remedyOf(cluster.targetFile, await checked(cluster.targetFile, own), 'coordinator-scaled-to-zero', own);
    const viewer = await changed(folder, cluster.targetFile, { context: 'lab-viewer' });
    const refused = await run(viewer, remedy);
    equal(refusedWith(refused), 'Forbidden');
    match(refused.outcome.kind === 'refused' ? refused.outcome.message : '', /cannot patch resource "deployments\/scale"/);
    const { run: done } = await remedied(cluster.targetFile, 'coordinator-scaled-to-zero', own);
    deepEqual(done.calls, [`PATCH /apis/apps/v1/namespaces/caracal/deployments/${cluster.workload('coordinator').name}/scale: sets replicas to 2`]);
    equal(refusedWith(await run(cluster.targetFile, { ...remedy, call: { kind: 'scale', workload: 'Deployment', name: 'gone', replicas: 1 } })), 'NotFound');
  });
});

/** What a canary of the target says; what it told to send is what it sent. */
async function canary(targetFile: string): Promise<CanaryRun> {
  const target = await readTargetFile(targetFile);
  const zone = typeof target.target.zone === 'string' ? target.target.zone : (await runFlowOn(targetFile, { selection: { checks: ['CRC-STO-001'] } })).zone ?? '';
  ok(canaryCalls(target.target, zone));
  return runCanary({ target, zone, redactor: createRedactor(), signal: quiet, deadlineMs: 15_000 });
}
