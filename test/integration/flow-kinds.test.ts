/** The flow on a Compose project and on a Helm release: found by itself, with few permissions, and while what runs it goes away. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asTheyCome, createRedactor, lookEverywhere, readTargetFile, runFlow } from '../../src/flow/engine.ts';
import type { Report } from '../../src/model/report.ts';
import type { Found } from '../../src/targets/find.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import { EngineSlot } from '../../src/ui/engineSlot.ts';
import { FlowSession } from '../../src/ui/flowSession.ts';
import type { ContainerLab } from '../lab/docker/lab.ts';
import { startContainerLab } from '../lab/docker/lab.ts';
import { eventually } from '../lab/eventually.ts';
import type { ClusterLab, ClusterLabOptions } from '../lab/kubernetes/lab.ts';
import { startClusterLab } from '../lab/kubernetes/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { startLab } from '../lab/lab.ts';
import { explained, notPassed, runFlowOn } from '../lab/runFlow.ts';

const signal = new AbortController().signal;

let home: string;
let lab: Lab;
let cluster: ClusterLab;
let containers: ContainerLab;

before(async function () {
  this.timeout(180_000);
  home = await mkdtemp(join(tmpdir(), 'flow-kinds-'));
  [lab, containers] = await Promise.all([startLab(), startContainerLab()]);
  cluster = await startClusterLab({ lab });
});

after(async function () {
  this.timeout(60_000);
  await cluster.close();
  await Promise.all([containers.close(), lab.close()]);
  await rm(home, { recursive: true });
});

async function found(among: NodeJS.ProcessEnv = process.env): Promise<readonly Found[]> {
  const all: Found[] = [];
  for await (const one of asTheyCome(lookEverywhere(among, signal), signal)) all.push(one);
  return all;
}

function targets(all: readonly Found[]): readonly LocatedTarget[] {
  return all.flatMap((one) => (one.kind === 'target' ? [one.located] : []));
}

function run(target: LocatedTarget, zone: string, stop = signal): Promise<Report> {
  return runFlow({ target, zone, redactor: createRedactor(), signal: stop });
}

describe('deployments of which nothing is configured', function () {
  this.timeout(60_000);

  // What a user has who configured nothing: an engine, a kubeconfig, and a home of their own.
  const before = { ...process.env };
  beforeEach(() => void Object.assign(process.env, { HOME: home, CARACAL_HOME: join(home, 'none'), DOCKER_HOST: containers.engine.host, KUBECONFIG: cluster.kubeconfig }));
  afterEach(() => {
    process.env = { ...before };
  });

  it('are found in the engine and in the cluster', async () => {
    const ids = targets(await found()).map(({ id }) => id).toSorted();
    assert.deepEqual(ids, [`compose:caracal@${containers.engine.host}`, 'kubernetes:lab/caracal/caracal']);
  });

  it('pass the whole flow, each check that applies to their kind', async () => {
    const zones = { compose: containers.zoneId, kubernetes: lab.zoneId, endpoints: lab.zoneId };
    for (const target of targets(await found())) {
      const { kind } = target.target;
      const { verdicts } = await run(target, zones[kind]);
      assert.deepEqual(notPassed(verdicts), {}, explained(verdicts));
      const own = verdicts.filter(({ check }) => /^CRC-SVC-[12]\d\d$/.test(check)).map(({ check }) => check[8]);
      assert.deepEqual([...new Set(own)], [kind === 'compose' ? '1' : '2'], 'checks of the other kind are not part of this flow');
    }
  });

  it('say where none is, and why', async () => {
    const all = await found({ HOME: home, CARACAL_HOME: join(home, 'none'), DOCKER_HOST: `unix://${home}/none.sock`, KUBECONFIG: join(home, 'none') });
    assert.deepEqual(targets(all).filter(({ target }) => target.kind !== 'endpoints'), []);
    const places = all.flatMap((one) => (one.kind === 'nothing' ? [one.place] : []));
    assert.ok(places.includes('Docker Engine') && places.some((place) => place.startsWith('Kubernetes')), places.join(', '));
  });
});

describe('what other tools show', function () {
  this.timeout(60_000);

  /** Summary and facts of the checks of a component, as a person reads them under its rows. */
  function shown({ verdicts }: Report, ...ids: readonly string[]): string {
    return verdicts.filter(({ check }) => ids.includes(check)).flatMap(({ component, summary, facts }) => [component, summary, ...facts.flatMap(({ name, value }) => [name, value])]).join('\n');
  }

  it('of containers stands under them: docker compose ps', async () => {
    const report = await runFlowOn(containers.targetFile);
    const checks = { api: 110, sts: 111, gateway: 112, audit: 113, coordinator: 114, web: 115, postgres: 116, redis: 117 } as const;
    for (const [service, number] of Object.entries(checks)) {
      const { Name, Config, State, NetworkSettings } = await containers.container(service as keyof typeof checks).inspect();
      const text = shown(report, `CRC-SVC-${number}`);
      const ports = Object.values(NetworkSettings.Ports).flatMap((bindings: { HostPort: string }[] | null) => (bindings ?? []).map(({ HostPort }) => HostPort));
      assert.ok(ports.length > 0);
      for (const value of [Name.slice(1), Config.Image, State.Health?.Status ?? '', ...ports]) assert.ok(text.includes(value), `${service}: ${value} is not in\n${text}`);
    }
  });

  it('of pods, Services and claims stands under them: kubectl get -o wide, describe pod', async () => {
    const report = await runFlowOn(cluster.targetFile);
    const components = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const;
    for (const [index, component] of components.entries()) {
      const text = shown(report, `CRC-SVC-${220 + index}`, `CRC-SVC-${230 + index}`);
      for (const { metadata, spec, status } of cluster.pods(component)) {
        const [container] = status.containerStatuses ?? [];
        const values = [metadata.name, spec.nodeName, status.podIP, container?.image, container?.imageID.split('@')[1], metadata.ownerReferences?.[0]?.name.replace(/-[a-z0-9]+$/, '')];
        for (const value of values) assert.ok(value !== undefined && text.includes(value), `${component}: ${String(value)} is not in\n${text}`);
      }
      const service = cluster.store.get('services', cluster.namespace, cluster.workload(component).name);
      const services = shown(report, 'CRC-SVC-208');
      for (const value of [service.metadata.name, service.spec.type, service.spec.clusterIP, String(service.spec.ports[0]?.port)]) {
        assert.ok(value !== undefined && services.includes(value), `${String(value)} is not in\n${services}`);
      }
    }
  });
});

describe('a release that a reader may look at, but neither into Secrets nor by port-forward', function () {
  this.timeout(60_000);

  async function flowAs(options: Omit<ClusterLabOptions, 'lab'>): Promise<Report> {
    const one = await startClusterLab({ lab, ...options });
    try {
      return await runFlowOn(one.targetFile);
    } finally {
      await one.close();
    }
  }

  it('tells everything else, and names what it may not', async () => {
    const { verdicts } = await flowAs({ user: 'viewer' });
    const states = Map.groupBy(verdicts, ({ status }) => status);
    assert.deepEqual([states.get('fail'), states.get('warn'), states.get('crashed')], [undefined, undefined, undefined], explained(verdicts));
    const cluster = verdicts.filter(({ check }) => /^CRC-SVC-2/.test(check));
    assert.deepEqual(
      cluster.filter(({ status }) => status === 'unknown').map(({ check }) => check),
      ['CRC-SVC-202', 'CRC-SVC-204', 'CRC-SVC-205', 'CRC-SVC-209'],
    );
    for (const { check, summary } of verdicts.filter(({ status }) => status === 'unknown')) {
      assert.match(summary, /^(no permission: (get|list|create) |no credential: |no figures: |no clock |no readiness |no addresses? )/, `${check}: ${summary}`);
    }
  });

  it('is reached all the same with addresses and connection strings in the target', async () => {
    const { default: endpoints } = (await import(lab.targetFile, { with: { type: 'json' } })) as { default: Record<string, unknown> };
    const one = await startClusterLab({ lab, user: 'viewer' });
    try {
      const located = await readTargetFile(one.targetFile);
      const { services, postgres, redis, tokens, keys, zone } = endpoints;
      const target = { ...located.target, services, postgres, redis, tokens, keys, zone } as LocatedTarget['target'];
      const { verdicts } = await run({ ...located, target }, lab.zoneId);
      assert.deepEqual(Object.keys(notPassed(verdicts)), ['CRC-SVC-202', 'CRC-SVC-204', 'CRC-SVC-205', 'CRC-SVC-209'], explained(verdicts));
    } finally {
      await one.close();
    }
  });
});

describe('a flow while what runs the deployment goes away', function () {
  this.timeout(120_000);

  /** Runs, and does something as soon as the first verdict is there. */
  async function meanwhile(target: LocatedTarget, zone: string, happens: () => unknown): Promise<Report> {
    let first: (() => unknown) | undefined = happens;
    return runFlow({
      target, zone, redactor: createRedactor(), signal,
      onVerdict: () => {
        void first?.();
        first = undefined;
      },
    });
  }

  it('holds an API server that breaks off against nobody', async () => {
    const target = await readTargetFile(cluster.targetFile);
    const { verdicts, tookMs } = await meanwhile(target, lab.zoneId, () => cluster.api.disconnect());
    const bad = verdicts.filter(({ status }) => status === 'fail' || status === 'crashed');
    assert.deepEqual(bad.map(({ check, summary }) => `${check} ${summary}`), []);
    assert.ok(tookMs < 25_000);
    const after = await run(target, lab.zoneId);
    assert.deepEqual(notPassed(after.verdicts), {}, explained(after.verdicts));
  });

  it('ends when the engine is restarted under it, and passes again after it', async () => {
    const target = await readTargetFile(containers.targetFile);
    let restarted: Promise<void> = Promise.resolve();
    const { verdicts, tookMs } = await meanwhile(target, containers.zoneId, () => {
      restarted = containers.engine.stop().then(() => containers.engine.start());
    });
    await restarted;
    assert.deepEqual(verdicts.filter(({ status }) => status === 'crashed'), []);
    assert.ok(tookMs <= 26_000, String(tookMs));
    await containers.compose.untilHealthy(['postgres', 'redis', 'sts', 'api', 'gateway', 'audit', 'coordinator', 'web']);
    // An engine starts all at once, so that a service may end once before its stores are there: that is said, and true.
    const restart = /^restarted .+, healthy, \d restarts?$/;
    const wrong = async (): Promise<Report['verdicts']> => (await run(target, containers.zoneId)).verdicts
      .filter(({ status, summary }) => status !== 'pass' && status !== 'not-applicable' && !(status === 'warn' && restart.test(summary)));
    let after = await wrong();
    for (const deadline = performance.now() + 60_000; after.length > 0 && performance.now() < deadline;) after = await wrong();
    assert.deepEqual(after, [], explained(after));
  });
});

describe('a session that goes from target to target', function () {
  this.timeout(120_000);

  it('leaves no forward, connection or run behind after 200 switches, and no answer of an old target', async () => {
    const files = [containers.targetFile, cluster.targetFile, lab.targetFile];
    const located = await Promise.all(files.map(readTargetFile));
    const session = new FlowSession(new EngineSlot(() => import('../../src/flow/engine.ts')), { info: () => undefined, error: () => undefined });
    const runs: Promise<void>[] = [];
    for (let switches = 0; switches < 200; switches += 1) {
      session.use(located[switches % located.length]);
      runs.push(session.run({}));
      // A turn of the loop for each, so that runs are cut off at all their stages.
      for (let turn = 0; turn < switches % 25; turn += 1) await new Promise(setImmediate);
    }
    session.use(undefined);
    await Promise.all(runs);
    await eventually('nothing is open', () => {
      const { connections, forwards, watches, follows } = cluster.api.counters;
      const open = process.getActiveResourcesInfo().filter((resource) => resource === 'TLSSocketWrap');
      return Promise.resolve(connections + forwards + watches + follows === 0 && open.length === 0);
    }, 10_000);
    assert.equal(session.state.answers.size, 0);
    session.use(located[1], lab.zoneId);
    await session.run({});
    assert.ok([...session.state.answers.values()].every(({ verdict }) => verdict.status === 'pass' || verdict.status === 'not-applicable'));
    session.dispose();
  });
});
