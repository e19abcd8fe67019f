import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { containerSchema, runtimeFilesSchema, secretFileSchema } from '../../src/model/compose.ts';
import type { ContainerFacts } from '../../src/model/compose.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { askedOnce } from '../../src/targets/askedOnce.ts';
import { containerOf, digestOf, isUnwell } from '../../src/targets/compose/containers.ts';
import type { InspectedContainer } from '../../src/targets/compose/engine.ts';
import { workloadEventOf } from '../../src/targets/compose/events.ts';
import { lastLines, loggedSince } from '../../src/targets/compose/lastLines.ts';
import { localPath } from '../../src/targets/compose/localPath.ts';
import { serviceUrl, storeAddress } from '../../src/targets/compose/reach.ts';
import type { Reach, Reachable } from '../../src/targets/compose/reach.ts';
import { runtimeFilesOf, runtimeHomeOf } from '../../src/targets/compose/runtimeFiles.ts';
import { secretFilesOf, secretFolders, secretsOf } from '../../src/targets/compose/secretFiles.ts';
import { Unavailable } from '../../src/targets/failures.ts';

const redactor = createRedactor();

/** As the engine tells of a container that Compose made, with what is read of it. */
const inspected: InspectedContainer = {
  Id: 'c0ffee'.padEnd(64, '0'),
  Name: '/caracal-sts-1',
  Created: '2026-08-20T10:00:00.123456789Z',
  Image: 'sha256:'.padEnd(71, 'a'),
  RestartCount: 3,
  State: {
    Status: 'running',
    ExitCode: 0,
    OOMKilled: false,
    Error: '',
    StartedAt: '2026-08-20T10:00:05.5Z',
    FinishedAt: '0001-01-01T00:00:00Z',
    Health: { Status: 'unhealthy', FailingStreak: 7, Log: [1, 2, 3, 4, 5, 6].map((number) => ({ Start: `2026-08-20T12:00:0${number}+02:00`, ExitCode: 1, Output: `try ${number}\n` })) },
  },
  Config: {
    Image: 'ghcr.io/garudex-labs/caracal-go:v1.0.0',
    Env: ['STS_ADMIN_TOKEN=sesame', 'CARACAL_MODE=rc'],
    Labels: {
      'com.docker.compose.project': 'caracal',
      'com.docker.compose.service': 'sts',
      'com.docker.compose.container-number': '2',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.depends_on': 'redis:service_healthy:false,dbMigrate:service_completed_successfully:true',
      'com.docker.compose.config-hash': 'abc',
      'org.opencontainers.image.version': 'v1.0.0',
      'org.opencontainers.image.revision': '1a2b3c4',
    },
  },
  HostConfig: {
    PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }], '9/tcp': [{ HostIp: '', HostPort: '' }] },
    ReadonlyRootfs: true,
    Memory: 1_073_741_824,
    RestartPolicy: { Name: 'unless-stopped' },
  },
  NetworkSettings: {
    Ports: { '8080/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }, { HostIp: '::', HostPort: '8080' }], '9090/tcp': null },
    Networks: { caracalData: { IPAddress: '172.20.0.5', Aliases: ['caracal-sts-1', 'sts', 'c0ffee000000'] } },
  },
  Mounts: [
    { Type: 'volume', Name: 'caracal_stsReplay', Source: '/var/lib/docker/volumes/caracal_stsReplay/_data', Destination: '/var/lib/caracal', RW: true },
    { Type: 'bind', Source: '/home/dev/secrets/stsDatabaseUrl', Destination: '/run/secrets/databaseUrl', RW: false },
  ],
};

describe('facts of a container', () => {
  it('are those that the engine tells', () => {
    const { facts, aliases } = containerOf(inspected, redactor);
    deepEqual(containerSchema.parse(facts), facts);
    deepEqual(
      { ...facts, health: null },
      {
        id: inspected.Id,
        name: 'caracal-sts-1',
        project: 'caracal',
        service: 'sts',
        number: 2,
        oneoff: false,
        status: 'running',
        exitCode: 0,
        oomKilled: false,
        error: '',
        createdAt: '2026-08-20T10:00:00.123Z',
        startedAt: '2026-08-20T10:00:05.500Z',
        finishedAt: null,
        restarts: 3,
        restartPolicy: 'unless-stopped',
        health: null,
        image: { reference: 'ghcr.io/garudex-labs/caracal-go:v1.0.0', tag: 'v1.0.0', id: inspected.Image, digest: null, version: 'v1.0.0', revision: '1a2b3c4' },
        wantedPorts: [{ container: 8080, protocol: 'tcp', hostIp: '127.0.0.1', host: 8080 }],
        ports: [
          { container: 8080, protocol: 'tcp', hostIp: '::', host: 8080 },
          { container: 8080, protocol: 'tcp', hostIp: '0.0.0.0', host: 8080 },
        ].toSorted((one, other) => one.hostIp.localeCompare(other.hostIp)),
        networks: [{ name: 'caracalData', address: '172.20.0.5' }],
        mounts: [
          { type: 'bind', name: null, source: '/home/dev/secrets/stsDatabaseUrl', destination: '/run/secrets/databaseUrl', writable: false },
          { type: 'volume', name: 'caracal_stsReplay', source: '/var/lib/docker/volumes/caracal_stsReplay/_data', destination: '/var/lib/caracal', writable: true },
        ],
        readOnlyRoot: true,
        memoryLimitBytes: 1_073_741_824,
        dependsOn: [
          { service: 'redis', condition: 'service_healthy' },
          { service: 'dbMigrate', condition: 'service_completed_successfully' },
        ],
        configHash: 'abc',
        mode: 'rc',
        lastLines: null,
      },
    );
    deepEqual(aliases, ['caracal-sts-1', 'sts', 'c0ffee000000']);
  });

  it('have the last five health checks, in UTC', () => {
    const { health } = containerOf(inspected, redactor).facts;
    deepEqual([health?.status, health?.failingStreak, health?.log.length], ['unhealthy', 7, 5]);
    deepEqual(health?.log[0], { at: '2026-08-20T10:00:02.000Z', exitCode: 1, output: 'try 2' });
  });

  it('have no variable of the environment but the mode', () => {
    ok(!JSON.stringify(containerOf(inspected, redactor)).includes('sesame'));
  });

  it('hide secrets in what a health check or the engine wrote', () => {
    const learned = createRedactor();
    learned.learn('hunter2-hunter2', 'redis url');
    const facts = containerOf(
      { ...inspected, State: { Error: 'no redis://:hunter2-hunter2@redis', Health: { Status: 'healthy', Log: [{ Output: 'AUTH hunter2-hunter2' }] } } },
      learned,
    ).facts;
    ok(!JSON.stringify(facts).includes('hunter2'));
    match(facts.error, /^no redis/);
  });

  it('are whole when the engine leaves out what it may', () => {
    const { facts } = containerOf({ Id: inspected.Id }, redactor);
    deepEqual(containerSchema.parse(facts), facts);
    const empty = { Id: inspected.Id, Name: null, State: null, Config: null, HostConfig: null, NetworkSettings: { Ports: null, Networks: null }, Mounts: null };
    deepEqual(containerOf(empty, redactor).facts, facts);
  });

  for (const [word, status] of Object.entries({ configured: 'created', initialized: 'created', stopped: 'exited', stopping: 'stopping', 'something new': 'exited' })) {
    it(`take the state ${word} for ${status}`, () => equal(containerOf({ ...inspected, State: { Status: word } }, redactor).facts.status, status));
  }

  it('show hostile names on one line, without what a terminal obeys, and cut', () => {
    const name = `/evil\u001b[31m\nname\u202e${'x'.repeat(9_000)}`;
    const { facts } = containerOf({ ...inspected, Name: name, Config: { Labels: { 'com.docker.compose.service': name } }, Mounts: [{ Source: name }] }, redactor);
    equal(facts.name.length, 500);
    match(facts.name, /^evil name x+…$/);
    equal(facts.mounts[0]?.source.length, 4_096);
    for (const text of [facts.name, facts.service, facts.mounts[0].source]) ok(!/[\p{Cc}\u202e]/u.test(text), text);
  });

  const references: Readonly<Record<string, string | null>> = {
    'ghcr.io/garudex-labs/caracal-go:v1.0.0': 'v1.0.0',
    'localhost:5000/caracal-go': null,
    'localhost:5000/caracal-go:1.0.0-dev.sha1a2b3c4': '1.0.0-dev.sha1a2b3c4',
    'busybox:1.37.0@sha256:9532': '1.37.0',
    'busybox@sha256:9532': null,
  };
  for (const [reference, tag] of Object.entries(references)) {
    it(`read the tag of ${reference}`, () => equal(containerOf({ ...inspected, Config: { Image: reference } }, redactor).facts.image.tag, tag));
  }

  it('have the digest of the repository that the image was taken from', () => {
    const digests = ['other.example.org/caracal-go@sha256:1', 'ghcr.io/garudex-labs/caracal-go@sha256:2'];
    equal(digestOf({ RepoDigests: digests }, 'ghcr.io/garudex-labs/caracal-go:v1.0.0'), 'sha256:2');
    equal(digestOf({ RepoDigests: digests }, 'sha256:abc'), 'sha256:1');
    equal(digestOf({ RepoDigests: null }, 'x'), null);
  });

  const wellbeing: Readonly<Record<string, readonly [change: Partial<ContainerFacts>, unwell: boolean]>> = {
    'running without a health check': [{ health: null }, false],
    starting: [{ health: { status: 'starting', failingStreak: 1, log: [] } }, false],
    unhealthy: [{ health: { status: 'unhealthy', failingStreak: 1, log: [] } }, true],
    'exited with 0': [{ status: 'exited' }, false],
    'exited with 1': [{ status: 'exited', exitCode: 1 }, true],
    restarting: [{ status: 'restarting' }, true],
    'waiting for another': [{ status: 'created' }, false],
    'created, not started because of an error': [{ status: 'created', error: 'port is already allocated' }, true],
  };
  for (const [what, [change, unwell]] of Object.entries(wellbeing)) {
    it(`ask for the last lines of one that is ${what}: ${unwell ? 'yes' : 'no'}`, () => equal(isUnwell({ ...containerOf(inspected, redactor).facts, health: null, ...change }), unwell));
  }
});

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

describe('last lines of a container', () => {
  it('are those of both streams, without the frames', () => {
    const logged = Buffer.concat([frame(1, 'one\n'), frame(2, 'panic: tw'), frame(2, 'o\n\ngoroutine\r\n'), frame(1, 'drei ✓ €')]);
    deepEqual(lastLines(logged, false, redactor), ['one', 'panic: two', 'goroutine', 'drei ✓ €']);
  });

  it('leave out the frames of a stack, and keep what it begins with', () => {
    const node = 'file:///app/api/dist/main.js:12\n  throw new Error(text);\n        ^\n\nError: Secret file empty: DATABASE_URL_FILE=/run/secrets/databaseUrl\n    at read (file:///app/api/dist/main.js:12:9)\n    at file:///app/api/dist/main.js:20:1\n\nNode.js v24.9.0\n';
    deepEqual(lastLines(frame(2, node), false, redactor), ['file:///app/api/dist/main.js:12', 'Error: Secret file empty: DATABASE_URL_FILE=/run/secrets/databaseUrl', 'Node.js v24.9.0']);
    const go = 'panic: invalid integer for PORT: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/services/sts/cmd/sts/main.go:45 +0x1d\nruntime.gopanic({0x1, 0x2})\n\t/usr/local/go/panic.go:9 +0x1\nexit status 2\n';
    deepEqual(lastLines(frame(2, go), false, redactor), ['panic: invalid integer for PORT: x', 'exit status 2']);
    deepEqual(lastLines(frame(2, '    at a (b)\n'), false, redactor), ['    at a (b)']);
  });

  it('are taken as they are from a terminal', () => deepEqual(lastLines(Buffer.from('one\r\ntwo\r\n'), true, redactor), ['one', 'two']));

  it('are none when it logged nothing', () => deepEqual(lastLines(Buffer.alloc(0), false, redactor), []));

  const runs: readonly [what: string, facts: Parameters<typeof loggedSince>[0], since: string][] = [
    ['runs', { status: 'running', createdAt: '', startedAt: '2026-08-20T10:00:05Z', finishedAt: null }, '10:00:05'],
    ['runs again', { status: 'running', createdAt: '', startedAt: '2026-08-20T10:00:05Z', finishedAt: '2026-08-20T10:00:04Z' }, '10:00:05'],
    ['ended after a while', { status: 'exited', createdAt: '', startedAt: '2026-08-20T10:00:05Z', finishedAt: '2026-08-20T10:00:07Z' }, '10:00:05'],
    ['ended at once', { status: 'exited', createdAt: '', startedAt: '2026-08-20T10:00:05Z', finishedAt: '2026-08-20T10:00:06Z' }, '10:00:03'],
    ['ended before its start was noted', { status: 'restarting', createdAt: '', startedAt: '2026-08-20T10:00:05Z', finishedAt: '2026-08-20T10:00:04.9Z' }, '10:00:03'],
    ['was never started', { status: 'created', createdAt: '2026-08-20T10:00:01Z', startedAt: null, finishedAt: null }, '10:00:01'],
  ];
  for (const [what, facts, since] of runs) {
    it(`are those of the last run: it ${what}`, () => equal(new Date(loggedSince(facts)).toISOString(), `2026-08-20T${since}.000Z`));
  }

  it('are at most five of at most 300 characters', () => {
    const logged = frame(1, Array.from({ length: 9 }, (_, index) => `${index} ${'x'.repeat(5_000)}\n`).join(''));
    const lines = lastLines(logged, false, redactor);
    deepEqual(lines.map((line) => [line.slice(0, 2), line.length]), [4, 5, 6, 7, 8].map((index) => [`${index} `, 300]));
  });

  it('hide secrets, also one that the cut would leave a part of', () => {
    const learned = createRedactor();
    learned.learn('correct-horse-battery-staple', 'postgres url');
    const logged = frame(1, `${'-'.repeat(290)}correct-horse-battery-staple\n${'-'.repeat(3_990)}correct-horse-battery-staple\npassword=hunter2-hunter2 \u001b[31mred\n`);
    const text = lastLines(logged, false, learned).join(' ');
    ok(!/correct|hunter2|\p{Cc}/u.test(text), text);
  });

  it('survive frames that are cut or lie about their length', () => {
    const lying = Buffer.from([1, 0, 0, 0, 255, 255, 255, 255, 97, 98]);
    deepEqual(lastLines(lying, false, redactor), ['ab']);
    deepEqual(lastLines(Buffer.from([1, 0, 0]), false, redactor), []);
  });
});

function container(service: string, change: Partial<Reachable> = {}): Reachable {
  return { ...containerOf(inspected, redactor).facts, id: `${service}-id-000000`, name: `caracal-${service}-1`, service, number: 1, ports: [], wantedPorts: [], networks: [], aliases: [], ...change };
}

const port = (inside: number, host: number, hostIp = '127.0.0.1', protocol = 'tcp'): ContainerFacts['ports'][number] => ({ container: inside, protocol, hostIp, host });

function reach(containers: readonly Reachable[], change: Partial<Reach> = {}): Reach {
  return { project: 'caracal', containers, holders: [], remote: undefined, ...change };
}

function unavailable(work: () => unknown): { readonly why: string; readonly wayOut: string } {
  try {
    work();
  } catch (error) {
    ok(error instanceof Unavailable, String(error));
    return { why: error.message, wayOut: error.wayOut };
  }
  throw new Error('it is available');
}

describe('how a service of a project is reached', () => {
  const bound: Readonly<Record<string, readonly [ports: Reachable['ports'], url: string]>> = {
    'on loopback': [[port(8080, 8080)], 'http://127.0.0.1:8080'],
    'on another port': [[port(8080, 13_000)], 'http://127.0.0.1:13000'],
    'on all addresses': [[port(8080, 8080, '0.0.0.0')], 'http://127.0.0.1:8080'],
    'on all addresses of IPv6': [[port(8080, 8080, '::')], 'http://127.0.0.1:8080'],
    'on an address of its own': [[port(8080, 8080, '192.0.2.7')], 'http://192.0.2.7:8080'],
    'on loopback of IPv6': [[port(8080, 8080, '::1')], 'http://[::1]:8080'],
    'beside other ports': [[port(53, 8080, '127.0.0.1', 'udp'), port(9, 9), port(8080, 18_080)], 'http://127.0.0.1:18080'],
  };
  for (const [what, [ports, url]] of Object.entries(bound)) {
    it(`published ${what}`, () => equal(serviceUrl('sts', reach([container('sts', { ports })])), url));
  }

  it('knows that web listens at another port inside', () => equal(serviceUrl('web', reach([container('web', { ports: [port(3002, 3001)] })])), 'http://127.0.0.1:3001'));

  it('is at the port that it asks for when it does not run', () => {
    equal(serviceUrl('sts', reach([container('sts', { status: 'exited', wantedPorts: [port(8080, 8080)] })])), 'http://127.0.0.1:8080');
  });

  it('is not at a port that another container got, which would get its tokens', () => {
    const stopped = container('sts', { status: 'created', wantedPorts: [port(8080, 8080)] });
    const told = unavailable(() => serviceUrl('sts', reach([stopped], { holders: [{ id: 'other', name: 'caracal-dev-sts-1', ports: [8080] }] })));
    deepEqual(told, { why: 'sts does not have its port: container caracal-dev-sts-1 holds it', wayOut: 'stop caracal-dev-sts-1, then start sts' });
  });

  for (const error of ['Bind for 127.0.0.1:8080 failed: port is already allocated', 'listen tcp4 127.0.0.1:8080: bind: address already in use', 'Ports are not available: exposing port TCP']) {
    it(`is not at a port that something else got: ${error}`, () => {
      match(unavailable(() => serviceUrl('sts', reach([container('sts', { status: 'created', error, wantedPorts: [port(8080, 8080)] })]))).why, /something else holds it$/);
    });
  }

  it('says when it publishes no port, or has no container', () => {
    deepEqual(unavailable(() => serviceUrl('sts', reach([container('sts')]))), { why: 'sts publishes no port', wayOut: 'publish port 8080 of sts on 127.0.0.1, or give services.sts in the target' });
    match(unavailable(() => serviceUrl('sts', reach([container('api'), container('sts', { oneoff: true })]))).why, /^sts has no container in project caracal$/);
  });

  it('has the ports of the host in its network', () => equal(serviceUrl('sts', reach([container('sts', { networks: [{ name: 'host', address: '' }] })])), 'http://127.0.0.1:8080'));

  it('is that of the container that runs, then of the first', () => {
    const replicas = [container('sts', { number: 3, ports: [port(8080, 3)] }), container('sts', { number: 2, ports: [port(8080, 2)] }), container('sts', { status: 'exited', wantedPorts: [port(8080, 1)] })];
    equal(serviceUrl('sts', reach(replicas)), 'http://127.0.0.1:2');
  });

  it('on another machine is reached there, unless it is published on loopback', () => {
    const remote = 'engine.example.org';
    equal(serviceUrl('sts', reach([container('sts', { ports: [port(8080, 8080, '0.0.0.0')] })], { remote })), 'http://engine.example.org:8080');
    equal(serviceUrl('sts', reach([container('sts', { ports: [port(8080, 8080, '192.0.2.7')] })], { remote })), 'http://192.0.2.7:8080');
    const told = unavailable(() => serviceUrl('sts', reach([container('sts', { ports: [port(8080, 8080)] })], { remote })));
    match(told.why, /loopback address of engine\.example\.org, another machine$/);
    match(told.wayOut, /forward the port/);
  });
});

describe('how a store of a connection string is reached', () => {
  const store = container('postgres', {
    id: 'feed00000000ffff',
    ports: [port(5432, 15_432)],
    aliases: ['db'],
    networks: [{ name: 'caracalData', address: '172.20.0.2' }],
  });
  for (const host of ['postgres', 'caracal-postgres-1', 'db', 'feed00000000', '172.20.0.2']) {
    it(`by ${host}`, () => deepEqual(storeAddress(host, 5432, reach([store])), { host: '127.0.0.1', port: 15_432 }));
  }

  it('by its own name when it is no container', () => {
    for (const host of ['db.example.org', 'localhost', '', 'redis']) equal(storeAddress(host, 5432, reach([store])), undefined);
  });

  it('not at all at a port that is not published', () => match(unavailable(() => storeAddress('db', 6432, reach([store]))).why, /^db publishes no port$/));
});

describe('a question that is asked once', () => {
  const never = (): Promise<never> => new Promise(() => undefined);

  it('has one answer for all', async () => {
    let asked = 0;
    const ask = askedOnce(() => Promise.resolve((asked += 1)));
    const { signal } = new AbortController();
    deepEqual(await Promise.all([ask(signal), ask(signal)]), [1, 1]);
    equal(await ask(signal), 1);
  });

  it('keeps a failure of the asked side', async () => {
    let asked = 0;
    const ask = askedOnce(() => Promise.reject(new Error(`no ${(asked += 1)}`)));
    const { signal } = new AbortController();
    await rejects(ask(signal), /no 1/);
    await rejects(ask(signal), /no 1/);
  });

  it('goes on for the others when one stops waiting', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    let ended = false;
    const ask = askedOnce((signal) => {
      signal.addEventListener('abort', () => (ended = true));
      return promise;
    });
    const [one, other] = [new AbortController(), new AbortController()];
    const [first, second] = [ask(one.signal), ask(other.signal)];
    one.abort(new Error('stopped'));
    await rejects(first, /stopped/);
    resolve(7);
    equal(await second, 7);
    equal(ended, false);
  });

  it('is ended when nobody waits, and asked anew by the next', async () => {
    let asked = 0;
    const reasons: unknown[] = [];
    const ask = askedOnce(async (signal) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      asked += 1;
      return asked === 1 ? never() : asked;
    });
    const stopping = new AbortController();
    const waiting = ask(stopping.signal);
    const reason = new Error('stopped');
    stopping.abort(reason);
    await rejects(waiting, reason);
    deepEqual(reasons, [reason]);
    equal(await ask(new AbortController().signal), 2);
    await rejects(ask(stopping.signal), reason);
    equal(asked, 2);
  });
});

describe('a path that a container was given', () => {
  const paths: readonly (readonly [source: string, platform: NodeJS.Platform, path: string | undefined])[] = [
    ['/home/dev/secrets/redisUrl', 'linux', '/home/dev/secrets/redisUrl'],
    ['/host_mnt/Users/ana/secrets/redisUrl', 'darwin', '/Users/ana/secrets/redisUrl'],
    ['/host_mntx/secrets', 'linux', '/host_mntx/secrets'],
    ['relative/path', 'linux', undefined],
    ['/run/desktop/mnt/host/c/Users/ana/redisUrl', 'win32', 'c:\\Users\\ana\\redisUrl'],
    ['C:\\Users\\ana\\redisUrl', 'win32', 'C:\\Users\\ana\\redisUrl'],
    ['\\\\evil.example.org\\share\\redisUrl', 'win32', undefined],
    ['//evil.example.org/share/redisUrl', 'win32', undefined],
    ['/var/lib/docker/x', 'win32', undefined],
  ];
  for (const [source, platform, path] of paths) it(`${source} on ${platform}`, () => equal(localPath(source, platform), path));
});

describe('files of a project', () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'compose-'));
  });

  afterEach(() => rm(home, { recursive: true, force: true }));

  async function put(path: string, content: string): Promise<string> {
    const file = join(home, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return file;
  }

  function mounting(mounts: Readonly<Record<string, string>>): ContainerFacts {
    const all = Object.entries(mounts).map(([target, source]) => ({ type: 'bind', name: null, source: join(home, source), destination: `/run/secrets/${target}`, writable: false }));
    return { ...containerOf(inspected, redactor).facts, mounts: [...all, { type: 'bind', name: null, source: '/etc/passwd', destination: '/etc/passwd', writable: false }] };
  }

  it('tells of each secret file whether it is there', async () => {
    await put('secrets/stsDatabaseUrl', 'postgres://x');
    await put('secrets/metricsBearer', '');
    await mkdir(join(home, 'secrets/redisUrl'));
    const facts = await secretFilesOf([mounting({ databaseUrl: 'secrets/stsDatabaseUrl', metricsBearer: 'secrets/metricsBearer', redisUrl: 'secrets/redisUrl', auditHmacKey: 'secrets/gone' })], 'linux');
    for (const one of facts) deepEqual(secretFileSchema.parse(one), one);
    deepEqual(facts.map(({ service, target, state, bytes }) => [service, target, state, bytes]), [
      ['sts', 'databaseUrl', 'there', 12],
      ['sts', 'metricsBearer', 'empty', 0],
      ['sts', 'redisUrl', 'folder', null],
      ['sts', 'auditHmacKey', 'missing', null],
    ]);
    ok(!JSON.stringify(facts).includes('postgres://'));
  });

  it('finds the secrets in the folder that most files come from', async () => {
    for (const name of ['databaseUrl', 'metricsBearer']) await put(`secrets/${name}`, name);
    await put('other/metricsBearer', 'other');
    await put('other/redisUrl', 'redis');
    const folders = secretFolders([mounting({ a: 'other/a', b: 'secrets/b', c: 'secrets/c' })], 'linux');
    deepEqual(folders, [join(home, 'secrets'), join(home, 'other')]);
    deepEqual(Object.fromEntries(await secretsOf(folders)), {
      databaseUrl: { file: join(home, 'secrets/databaseUrl') },
      metricsBearer: { file: join(home, 'secrets/metricsBearer') },
      redisUrl: { file: join(home, 'other/redisUrl') },
    });
  });

  it('takes the parent of the secrets for the runtime home, else the folder of the project', () => {
    equal(runtimeHomeOf('/repo/infra/docker', ['/home/ana/caracal/dev-secrets']), '/home/ana/caracal');
    equal(runtimeHomeOf('/home/ana/caracal', ['/etc/caracal']), '/home/ana/caracal');
    equal(runtimeHomeOf(undefined, []), undefined);
  });

  it('reads the runtime home', async () => {
    await put('runtime.json', '{"version":"1.0.0","updatedAt":"2026-08-20T10:00:00.000Z"}');
    const lines = Array.from({ length: 12 }, (_, index) => JSON.stringify({ at: `2026-08-${index + 10}T10:00:00.000Z`, from: '1.0.0', to: `1.0.${index}`, outcome: 'success' }));
    await put('upgrade.log', ['no JSON', '{"at":"2026-08-09T10:00:00Z","to":3}', ...lines, ''].join('\n'));
    await put('.lock', `${process.pid}\n`);
    await utimes(await put('compose.yml', ''), 0, Date.UTC(2026, 7, 20) / 1_000);
    const facts = await runtimeFilesOf(home);
    deepEqual(runtimeFilesSchema.parse(facts), facts);
    deepEqual(facts.installed, { version: '1.0.0', updatedAt: '2026-08-20T10:00:00.000Z' });
    deepEqual([facts.upgrades.length, facts.upgrades[0]?.to, facts.upgrades.at(-1)?.to], [10, '1.0.2', '1.0.11']);
    deepEqual(facts.changed, [{ file: 'compose.yml', at: '2026-08-20T00:00:00.000Z' }]);
    deepEqual(facts.lock, { pid: process.pid, alive: true });
  });

  it('reads the end of a long upgrade log, and no process in a strange lock', async () => {
    const line = JSON.stringify({ at: '2026-08-20T10:00:00.000Z', to: '1.0.0', outcome: 'success' });
    await put('upgrade.log', `${`${line}\n`.repeat(3_000)}${line.replace('1.0.0', '1.0.1')}\n`);
    await put('runtime.json', '[]');
    await put('.lock', '0');
    const { upgrades, installed, lock } = await runtimeFilesOf(home);
    deepEqual([upgrades.length, upgrades.at(-1)?.to, upgrades[0]?.from, installed, lock], [10, '1.0.1', null, null, null]);
  });

  it('knows a lock whose process is gone', async () => {
    await put('.lock', '999999999');
    deepEqual((await runtimeFilesOf(home)).lock, { pid: 999_999_999, alive: false });
  });
});

describe('an event of the engine', () => {
  const event = (Action: string, attributes: Record<string, string> = {}): unknown =>
    workloadEventOf({ Action, Actor: { Attributes: { 'com.docker.compose.service': 'sts', ...attributes } } });

  it('says what happened to which component', () => {
    deepEqual(event('die', { exitCode: '137' }), { component: 'sts', what: 'container die, exit code 137' });
    deepEqual(event('start', { 'com.docker.compose.service': 'postgres' }), { component: 'Postgres', what: 'container start' });
    deepEqual(event('health_status: unhealthy'), { component: 'sts', what: 'container health_status: unhealthy' });
  });

  it('is nothing when a health check runs, or somebody looks', () => {
    for (const action of ['exec_create: /healthcheck', 'exec_start: /healthcheck', 'exec_die', 'top', 'attach', 'resize', '']) equal(event(action), undefined);
  });
});
