import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadUsage, commandOf } from '../../src/cli/args.ts';
import { flow } from '../../src/cli/flow.ts';
import { junit } from '../../src/cli/junit.ts';
import { table } from '../../src/cli/table.ts';
import { targetOf, targets } from '../../src/cli/targets.ts';
import { answer, exitCode } from '../../src/cli/words.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Report } from '../../src/model/report.ts';
import type { Status } from '../../src/model/status.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { asTheyCome } from '../../src/targets/find.ts';
import type { Found } from '../../src/targets/find.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function verdict(status: Status, rest: Partial<Verdict> = {}): Verdict {
  return { check: 'CRC-STO-001', step: 'storage', component: 'Postgres', title: 'Reachable', status, summary: '2 ms', reasoning: 'It answered.', facts: [], observations: [], ...rest };
}

function report(verdicts: Verdict[], rest: Partial<Report> = {}): Report {
  return {
    format: 'caracal-report/1',
    tool: { name: 'caracal-debugger', version: '0.0.0' },
    target: { name: 'one', kind: 'endpoints', address: '127.0.0.1:3000' },
    zone: 'z1',
    startedAt: '2026-08-20T10:00:00.000Z',
    tookMs: 1_234,
    cancelled: false,
    verdicts,
    observations: [],
    ...rest,
  };
}

describe('command line', () => {
  it('is understood', () => {
    deepEqual(commandOf(['flow']), { name: 'flow', json: false });
    deepEqual(commandOf(['targets', '--json']), { name: 'targets', json: true });
    deepEqual(commandOf(['flow', '--target', 'x.json', '--json', '--junit', 'j.xml', '--step', 'Storage', '--zone', 'z']), {
      name: 'flow', target: 'x.json', json: true, junit: 'j.xml', step: 'storage', zone: 'z',
    });
    deepEqual(commandOf(['flow', '--from', 'r.json']), { name: 'flow', json: false, from: 'r.json' });
    deepEqual(commandOf(['flow', '--help']), { name: 'help' });
    deepEqual(commandOf(['--version']), { name: 'version' });
  });

  it('that is not understood says what to give', () => {
    const bad: Readonly<Record<string, RegExp>> = {
      '': /^No command is given\. Give "flow"/,
      fix: /^There is no command "fix"\. Give "flow" or "targets"$/,
      'targets --zone z': /^--zone is for "flow"\. /,
      'flow more': /^"more" is not understood\. /,
      'flow --bogus': /^Unknown option '--bogus'\. See --help$/,
      'flow --step trace': /^There is no step "trace" with checks\. Give readiness, storage, /,
      'flow --from a --target b': /^Both --from and --target are given\. /,
      'flow --from a --zone z': /^A saved report has its own zone\. /,
      'flow --target=': /^--target is empty\. /,
      'flow --target': /--target/,
      'flow --json=yes': /--json/,
    };
    for (const [words, says] of Object.entries(bad)) {
      throws(() => commandOf(words.split(' ').filter((word) => word !== '')), (error) => error instanceof BadUsage && says.test(error.message), words);
    }
  });
});

describe('exit code and answer', () => {
  const cases: readonly (readonly [Status[], number, string])[] = [
    [['pass', 'not-applicable'], 0, 'All 1 checks that apply pass.'],
    [['pass', 'crashed', 'fail'], 1, '1 failure, no cause confirmed.'],
    [['crashed'], 1, '1 check crashed, which is our fault.'],
    [['fail', 'fail', 'warn', 'blocked'], 3, '2 failures, no cause confirmed.'],
    [['warn', 'unknown'], 4, 'No failure, 1 warning, 1 cannot be told.'],
    [['warn'], 4, 'No failure, 1 warning.'],
    [['unknown', 'pass'], 5, 'No failure seen, 1 of 2 cannot be told.'],
    [['blocked'], 5, 'No failure seen, 1 of 1 cannot be told.'],
    [['cancelled', 'pass'], 5, 'No failure seen, 1 of 2 cannot be told.'],
  ];
  for (const [statuses, code, sentence] of cases) {
    it(`of ${statuses.join(', ')} are ${code} and "${sentence}"`, () => {
      const verdicts = statuses.map((status) => verdict(status));
      equal(exitCode(verdicts), code);
      equal(answer(report(verdicts)), sentence);
    });
  }

  it('of a stopped run say how far it came', () => {
    equal(answer(report([verdict('pass'), verdict('cancelled')], { cancelled: true })), 'Stopped by you. 1 of 2 checks have an answer.');
  });
});

describe('table', () => {
  const some = report([
    verdict('fail', { summary: 'refused\nin 1 ms \u001b[31m' }),
    verdict('blocked', { step: 'streams', component: 'audit.events', title: 'Stream', summary: 'blocked by Redis › Reachable' }),
    verdict('not-applicable', { step: 'streams', component: 'web', title: 'Metrics', summary: 'has no metrics' }),
  ]);

  it('begins with the answer and lists the checks by step, one line each', () => {
    equal(table(some, { colour: false }), [
      '1 failure, no cause confirmed.',
      'one · 127.0.0.1:3000 · zone z1',
      '',
      'Storage',
      '  failed          Postgres › Reachable   refused in 1 ms  [31m',
      '',
      'Streams',
      '  blocked         audit.events › Stream  blocked by Redis › Reachable',
      '  not applicable  web › Metrics          has no metrics',
      '',
    ].join('\n'));
  });

  it('colours the state only where that is wanted', () => {
    ok(table(some, { colour: true }).includes('\u001b[31mfailed'));
    ok(!table(some, { colour: false }).includes('\u001b'));
  });

  it('says that a record is not live', () => {
    match(table({ ...some, judgedAgainAt: '2026-08-21T10:00:00.000Z' }, { colour: false }), /\nRecord of 2026-08-20T10:00:00\.000Z, judged again\. Nothing here is live\.\n/);
  });
});

describe('JUnit', () => {
  it('has a suite for each step and a case for each check, in well-formed XML', () => {
    const xml = junit(report([
      verdict('pass', { observations: ['a'] }),
      verdict('fail', { summary: '<"&>\u0001', reasoning: 'one\ntwo', facts: [{ name: 'code', value: '28P01' }] }),
      verdict('crashed'),
      verdict('unknown', { step: 'audit' }),
      verdict('warn', { step: 'audit' }),
    ], { observations: [{ id: 'a', question: { subject: 's', of: 'a' }, asked: 'a', at: '2026-08-20T10:00:00.000Z', tookMs: 250, outcome: { kind: 'cancelled' } }] }));
    match(xml, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="one" tests="5" failures="1" errors="1" skipped="1" time="1\.234">/);
    match(xml, /<testsuite name="Storage" timestamp="2026-08-20T10:00:00\.000Z" tests="3" failures="1" errors="1" skipped="0" time="0\.250">/);
    match(xml, /<testcase classname="storage\.Postgres" name="CRC-STO-001 Reachable" time="0\.250"><system-out>passed: 2 ms<\/system-out><\/testcase>/);
    ok(xml.includes('<failure type="CRC-STO-001" message="failed: &lt;&quot;&amp;&gt;\uFFFD">one&#10;two&#10;code: 28P01</failure>'), xml);
    match(xml, /<error type="CRC-STO-001" message="crashed: 2 ms">/);
    match(xml, /<skipped message="unknown: 2 ms"\/>/);
    match(xml, /<system-out>warning: 2 ms<\/system-out>/);
  });
});

describe('flow command', () => {
  const located = { id: 'local', folder: '/', origin: 'local runtime', target: { kind: 'endpoints' as const, name: 'one', services: {} } };

  function parts(ends: Report): Parameters<typeof flow>[1] {
    return {
      checksOf: () => [],
      asTheyCome,
      lookEverywhere: () => [Promise.resolve([{ kind: 'target', located } as const])],
      createRedactor,
      findLocalRuntime: () => Promise.resolve({ found: located, looked: [] }),
      judgeAgain: (recorded, selection) => Promise.resolve({ ...recorded, judgedAgainAt: recorded.startedAt, verdicts: selection?.step ? [] : recorded.verdicts }),
      readReport: () => Promise.resolve(ends),
      readTargetFile: () => Promise.reject(new Error('Cannot read the target x: why. What to do.')),
      runFlow: ({ onVerdict }) => {
        for (const each of ends.verdicts) onVerdict?.(each, []);
        return Promise.resolve(ends);
      },
    };
  }

  function host() {
    const written: string[] = [];
    const lines: string[] = [];
    const stop = new AbortController();
    const out = (text: string): Promise<void> => {
      written.push(text);
      return Promise.resolve();
    };
    return { written, lines, stop, environment: {}, signal: stop.signal, out, progress: (line: string) => void lines.push(line), colour: false };
  }

  it('prints the report alone with --json, and the progress elsewhere', async () => {
    const to = host();
    const ends = report([verdict('fail')]);
    equal(await flow({ name: 'flow', target: 'local', json: true }, parts(ends), to), 3);
    deepEqual(JSON.parse(to.written.join('')), ends);
    match(to.lines.join('\n'), /^Running the flow on one, local runtime\.\nRunning: 1 of 0\.\n1 failure, no cause confirmed\.$/);
  });

  it('prints what is there when it is stopped, and ends as that is', async () => {
    const to = host();
    to.stop.abort();
    const ends = report([verdict('pass'), verdict('cancelled')], { cancelled: true });
    equal(await flow({ name: 'flow', target: 'local', json: false }, parts(ends), to), 5);
    equal(await flow({ name: 'flow', target: 'local', json: true }, parts(report([verdict('fail'), verdict('cancelled')], { cancelled: true })), host()), 3);
    match(to.written.join(''), /^Stopped by you\. 1 of 2 checks have an answer\./);
  });

  it('judges a saved report again and masks it', async () => {
    const to = host();
    equal(await flow({ name: 'flow', target: 'local', from: 'r.json', json: true }, parts(report([verdict('pass', { summary: 'postgres://a:hunter2@b' })])), to), 0);
    ok(!to.written.join('').includes('hunter2'));
  });

  it('calls what the user can change bad usage', async () => {
    const ends = report([]);
    await rejects(flow({ name: 'flow', target: 'x', json: false }, parts(ends), host()), (error) => error instanceof BadUsage && error.message === 'Cannot read the target x: why. What to do.');
    await rejects(
      flow({ name: 'flow', target: 'local', json: false }, { ...parts(ends), findLocalRuntime: () => Promise.resolve({ looked: ['here (absent)'] }) }, host()),
      (error) => error instanceof BadUsage && error.message === 'Cannot find a Caracal on this machine: looked at here (absent). Give --target FILE',
    );
    await rejects(flow({ name: 'flow', target: 'local', json: false, junit: '/none/j.xml' }, parts(ends), host()), (error) => error instanceof BadUsage && /^Cannot write the JUnit file/.test(error.message));
  });
});

describe('program', function () {
  this.timeout(30_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cli-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  async function program(words: readonly string[], meanwhile?: (kill: (signal: NodeJS.Signals) => void) => Promise<void>): Promise<Ended> {
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], HOME: folder } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.once('close', resolve);
    await meanwhile?.((signal) => child.kill(signal));
    return { code: await promise, stdout, stderr };
  }

  it('says one line and ends with 2 on bad usage', async () => {
    for (const words of [['flow', '--bogus'], ['flow', '--target', join(folder, 'none.json')], ['flow', '--from', join(folder, 'none.json')]]) {
      const { code, stdout, stderr } = await program(words);
      equal(code, 2, stderr);
      equal(stdout, '');
      match(stderr, /^[^\n]+\.\n$/);
    }
  });

  it('stops at SIGINT, prints what is there and ends with 5', async () => {
    // Accepts connections and never answers, as a frozen service does.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const target = join(folder, 'silent.json');
    await writeFile(target, JSON.stringify({ kind: 'endpoints', name: 'silent', services: { api: `http://127.0.0.1:${port}` }, postgres: `postgresql://a:b@127.0.0.1:${port}/x`, redis: `redis://:b@127.0.0.1:${port}` }));
    const junitFile = join(folder, 'stopped.xml');
    const { code, stdout } = await program(['flow', '--target', target, '--json', '--junit', junitFile], async (kill) => {
      await new Promise<void>((resolve) => silent.once('connection', () => resolve()));
      kill('SIGINT');
    });
    silent.close();
    equal(code, 5);
    const printed = JSON.parse(stdout) as Report;
    equal(printed.cancelled, true);
    ok(printed.verdicts.some(({ status }) => status === 'cancelled'));
    ok((await readFile(junitFile, 'utf8')).includes('cancelled: stopped by you'));
  });
});

describe('targets on the command line', () => {
  const stop = new AbortController();
  const project: LocatedTarget = { id: 'compose:caracal', folder: '/', origin: 'Docker Engine', target: { kind: 'compose', name: 'caracal', project: 'caracal' } };
  const release: LocatedTarget = { id: 'kubernetes:prod/caracal/caracal', folder: '/', origin: 'context prod', target: { kind: 'kubernetes', name: 'caracal', namespace: 'caracal', release: 'caracal' } };
  const away: Found = { kind: 'nothing', place: 'Docker Engine', why: 'not running', detail: 'start it' };

  function given(...located: readonly LocatedTarget[]) {
    const found: readonly Found[] = located.length === 0 ? [away] : located.map((one) => ({ kind: 'target', located: one }));
    return {
      asTheyCome,
      lookEverywhere: () => [Promise.resolve(found)],
      findLocalRuntime: () => Promise.resolve({ looked: ['here (absent)'] }),
      readTargetFile: (path: string) => Promise.resolve({ ...project, id: path }),
    };
  }

  function host() {
    const written: string[] = [];
    const lines: string[] = [];
    const out = (text: string): Promise<void> => Promise.resolve(void written.push(text));
    return { written, lines, environment: {}, signal: stop.signal, out, progress: (line: string) => void lines.push(line), colour: false };
  }

  it('are listed with what the places without one say', async () => {
    const to = host();
    equal(await targets({ name: 'targets', json: false }, given(project, release), to), 0);
    equal(to.written.join(''), 'compose:caracal  compose, Docker Engine\nkubernetes:prod/caracal/caracal  kubernetes, context prod\n');
    const none = host();
    equal(await targets({ name: 'targets', json: false }, given(), none), 5);
    deepEqual(none.lines, ['Docker Engine: not running.']);
    const machine = host();
    equal(await targets({ name: 'targets', json: true }, given(project), machine), 0);
    deepEqual(JSON.parse(machine.written.join('')), { targets: [{ id: 'compose:caracal', name: 'caracal', kind: 'compose', origin: 'Docker Engine' }], nothing: [] });
  });

  it('are the only one, the one that is named, or a file', async () => {
    equal((await targetOf(undefined, given(project), host())).id, 'compose:caracal');
    equal((await targetOf('kubernetes:prod/caracal/caracal', given(project, release), host())).id, 'kubernetes:prod/caracal/caracal');
    equal((await targetOf('./caracal.json', given(), host())).id, './caracal.json');
  });

  it('that cannot be told apart or found are bad usage', async () => {
    const refused = (name: string | undefined, located: readonly LocatedTarget[], says: string): Promise<void> =>
      rejects(targetOf(name, given(...located), host()), (error) => error instanceof BadUsage && error.message === says);
    await refused(undefined, [project, release], 'Several deployments were found: compose:caracal, kubernetes:prod/caracal/caracal. Give one of them as --target');
    await refused(undefined, [], 'Cannot find a Caracal: Docker Engine (not running; start it). Give --target FILE');
    await refused('compose:other', [project], 'There is no target compose:other. Found: compose:caracal');
    await refused('compose:other', [], 'There is no target compose:other. Docker Engine (not running; start it)');
  });
});
