import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import type { Symptom } from '../../src/caracal/symptoms.ts';
import type { Check, Verdict } from '../../src/model/check.ts';
import type { Observation } from '../../src/model/observation.ts';
import type { Report } from '../../src/model/report.ts';
import type { Status } from '../../src/model/status.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import type { Engine, EngineModule } from '../../src/ui/engineSlot.ts';
import { FlowSession } from '../../src/ui/flowSession.ts';

type FlowOptions = Parameters<EngineModule['runFlow']>[0];

function check(id: string, step: Check['step'], component: string, needs: readonly string[] = []): Check {
  return {
    id, step, component, title: 'Reachable', needs, asks: [], privilege: 'none', source: 'none',
    judge: () => ({ result: { status: 'pass', summary: '', reasoning: '' } }),
  };
}

const checks = [
  check('CRC-RDY-001', 'readiness', 'api'),
  check('CRC-STO-001', 'storage', 'Postgres'),
  check('CRC-STO-020', 'storage', 'Redis'),
  check('CRC-STR-001', 'streams', 'audit.events', ['CRC-STO-020']),
];

/** An engine that answers when the test says so. */
class FakeEngine implements Engine {
  readonly runs: FakeRun[] = [];
  readonly redactor = { text: (text: string) => text, json: <Value>(value: Value) => value } as Engine['redactor'];
  load = (): Promise<EngineModule> => Promise.resolve(this.#module as unknown as EngineModule);

  readonly #module: Pick<EngineModule, 'runFlow' | 'checksOf' | 'causesOf'> = {
    checksOf: () => checks,
    causesOf: (_kind, verdicts) => ({ wants: [], result: { causes: [], ruledOut: [], notCauses: [], unexplained: verdicts.filter(({ status }) => status === 'fail').map(({ check: id }) => id), failures: { all: 0, explained: 0 }, next: null } }),
    runFlow: (options) => {
      const run = new FakeRun(options);
      this.runs.push(run);
      return run.report.promise;
    },
  };

  run(index: number): FakeRun {
    const run = this.runs[index];
    ok(run, `there is no run ${index}`);
    return run;
  }
}

class FakeRun {
  readonly options: FlowOptions;
  readonly report = Promise.withResolvers<Report>();
  readonly #verdicts: Verdict[] = [];

  constructor(options: FlowOptions) {
    this.options = options;
  }

  say(id: string, status: Status): void {
    const head = checks.find((one) => one.id === id);
    ok(head);
    const { step, component, title } = head;
    const verdict: Verdict = { check: id, step, component, title, status, summary: status, reasoning: '', facts: [], observations: [`fact/${id}`] };
    this.#verdicts.push(verdict);
    this.options.onVerdict?.(verdict, [observed(id)]);
  }

  end(): void {
    this.report.resolve({
      format: 'caracal-report/1', tool: { name: 'caracal-debugger', version: '0' }, target: { name: 'lab', kind: 'endpoints', address: '' },
      zone: null, startedAt: '2026-08-20T14:06:24.118Z', tookMs: 20, cancelled: false, verdicts: this.#verdicts, observations: [],
    });
  }
}

function observed(id: string): Observation {
  return {
    id: `fact/${id}`, question: { subject: 'fact', of: id }, asked: 'fact', at: '2026-08-20T14:06:24.118Z', tookMs: 1, outcome: { kind: 'answer', value: 1 },
  };
}

function located(id: string): LocatedTarget {
  return { id, folder: '/', origin: 'target file', target: { kind: 'endpoints', name: id, services: {} } };
}

/** The number in the badge, if there is one. */
function failures(session: FlowSession): number | undefined {
  return session.standing.badge?.value;
}

function states(session: FlowSession): Record<string, string> {
  return Object.fromEntries(
    session.state.checks.map(({ id }) => [
      id,
      session.state.running.has(id) ? 'running' : (session.state.answers.get(id)?.verdict.status ?? 'not-run'),
    ]),
  );
}

/** Lets everything that is ready happen. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('A flow session', () => {
  let engine: FakeEngine;
  let session: FlowSession;
  let log: string[];

  beforeEach(async () => {
    engine = new FakeEngine();
    log = [];
    session = new FlowSession(engine, { info: (line) => log.push(line), error: (line) => log.push(line) });
    session.use(located('lab'));
    await session.loadChecks();
  });

  afterEach(() => session.dispose());

  it('runs everything and shows each answer as it comes', async () => {
    const run = session.run({});
    await settled();
    strictEqual(session.state.running.size, 4);
    strictEqual(session.standing.message, 'Running: 0 of 4.');
    engine.run(0).say('CRC-STO-020', 'fail');
    deepStrictEqual(states(session), { 'CRC-RDY-001': 'running', 'CRC-STO-001': 'running', 'CRC-STO-020': 'fail', 'CRC-STR-001': 'running' });
    strictEqual(session.standing.message, 'Running: 1 of 4.');
    strictEqual(failures(session), undefined, 'no badge before the first run has ended');
    engine.run(0).say('CRC-RDY-001', 'pass');
    engine.run(0).say('CRC-STO-001', 'pass');
    engine.run(0).say('CRC-STR-001', 'blocked');
    engine.run(0).end();
    await run;
    strictEqual(session.standing.message, '1 failure, no cause confirmed.');
    strictEqual(failures(session), 1);
    strictEqual(session.report?.verdicts.length, 4);
    deepStrictEqual(session.evidence('CRC-STO-020').map(({ id }) => id), ['fact/CRC-STO-020']);
    ok(log.some((line) => line.includes('CRC-STO-020 Redis › Reachable: fail')), log.join('\n'));
  });

  it('waits for what a scope needs as well', async () => {
    void session.run({ step: 'streams' });
    await settled();
    deepStrictEqual([...session.state.running], ['CRC-STR-001', 'CRC-STO-020']);
  });

  it('stops at once and drops what comes later', async () => {
    const run = session.run({});
    await settled();
    engine.run(0).say('CRC-RDY-001', 'pass');
    session.stop();
    const stopped = { 'CRC-RDY-001': 'pass', 'CRC-STO-001': 'cancelled', 'CRC-STO-020': 'cancelled', 'CRC-STR-001': 'cancelled' };
    strictEqual(engine.run(0).options.signal.aborted, true);
    deepStrictEqual(states(session), stopped);
    strictEqual(session.standing.message, 'Stopped by you. 1 of 4 checks have an answer.');
    engine.run(0).say('CRC-STO-020', 'fail');
    engine.run(0).end();
    await run;
    deepStrictEqual(states(session), stopped);
    strictEqual(session.standing.message, 'Stopped by you. 1 of 4 checks have an answer.');
    strictEqual(session.evidence('CRC-RDY-001').length, 1);
    deepStrictEqual(session.evidence('CRC-STO-020'), []);
  });

  it('stops one step and lets the others go on', async () => {
    void session.run({ step: 'readiness' });
    void session.run({ step: 'storage' });
    await settled();
    session.stop({ step: 'readiness' });
    deepStrictEqual(states(session), { 'CRC-RDY-001': 'cancelled', 'CRC-STO-001': 'running', 'CRC-STO-020': 'running', 'CRC-STR-001': 'not-run' });
    deepStrictEqual(engine.runs.map(({ options }) => options.signal.aborted), [true, false]);
  });

  it('looks again quietly: only what changed shows, and since when', async () => {
    const run = session.run({});
    await settled();
    for (const { id } of checks) engine.run(0).say(id, 'pass');
    engine.run(0).end();
    await run;
    session.setWatched(true);
    const look = session.lookAgain({});
    await settled();
    strictEqual(session.state.running.size, 0);
    strictEqual(session.standing.message, 'All 4 checks that apply pass.');
    const before = Date.now();
    engine.run(1).say('CRC-STO-020', 'fail');
    strictEqual(session.standing.message, 'All 4 checks that apply pass.', 'what stood stands until the look has ended');
    engine.run(1).say('CRC-RDY-001', 'pass');
    engine.run(1).end();
    await look;
    const changedAt = session.state.answers.get('CRC-STO-020')?.changedAt;
    ok(changedAt !== undefined && changedAt >= before);
    strictEqual(session.state.answers.get('CRC-RDY-001')?.changedAt, undefined);
    match(session.standing.message, /^Redis failed at \d\d:\d\d\. All passed before\.$/);
    strictEqual(failures(session), 1);
  });

  it('keeps the report of the last whole run when a part is looked at quietly', async () => {
    const run = session.run({});
    await settled();
    for (const { id } of checks) engine.run(0).say(id, 'pass');
    engine.run(0).end();
    await run;
    const look = session.lookAgain({ step: 'readiness' });
    await settled();
    engine.run(1).say('CRC-RDY-001', 'pass');
    engine.run(1).end();
    await look;
    strictEqual(session.report?.verdicts.length, 4);
  });

  it('ends a quiet look when the target is watched no more', async () => {
    session.setWatched(true);
    void session.lookAgain({});
    await settled();
    session.setWatched(false);
    strictEqual(engine.run(0).options.signal.aborted, true);
    deepStrictEqual(states(session), { 'CRC-RDY-001': 'not-run', 'CRC-STO-001': 'not-run', 'CRC-STO-020': 'not-run', 'CRC-STR-001': 'not-run' });
  });

  it('lets a newer run take over, and ends one that decides nothing any more', async () => {
    const first = session.run({ step: 'storage' });
    await settled();
    void session.run({ check: 'CRC-STO-020' });
    await settled();
    engine.run(0).say('CRC-STO-020', 'fail');
    strictEqual(states(session)['CRC-STO-020'], 'running');
    strictEqual(engine.run(0).options.signal.aborted, false);
    void session.run({});
    await settled();
    deepStrictEqual(engine.runs.map(({ options }) => options.signal.aborted), [true, true, false]);
    engine.run(0).end();
    await first;
    strictEqual(session.state.running.size, 4);
  });

  it('empties the view at once when the target changes, and drops answers of the old one', async () => {
    const run = session.run({});
    await settled();
    engine.run(0).say('CRC-STO-020', 'fail');
    session.use(located('other'));
    const empty = { 'CRC-RDY-001': 'not-run', 'CRC-STO-001': 'not-run', 'CRC-STO-020': 'not-run', 'CRC-STR-001': 'not-run' };
    deepStrictEqual(states(session), empty);
    strictEqual(engine.run(0).options.signal.aborted, true);
    engine.run(0).say('CRC-RDY-001', 'fail');
    engine.run(0).end();
    await run;
    deepStrictEqual(states(session), empty);
    strictEqual(session.report, undefined);
    deepStrictEqual(session.evidence('CRC-STO-020'), []);
  });

  it('does not run on a target that was picked away while the engine loaded', async () => {
    const run = session.run({});
    session.use(located('other'));
    await run;
    strictEqual(engine.runs.length, 0);
  });

  it('keeps the badge and the status of before while it runs again', async () => {
    const first = session.run({});
    await settled();
    for (const { id } of checks) engine.run(0).say(id, 'fail');
    engine.run(0).end();
    await first;
    void session.run({});
    await settled();
    engine.run(1).say('CRC-STO-020', 'pass');
    strictEqual(failures(session), 4);
    strictEqual(session.standing.statusBar?.text, '$(loading~spin) lab: 4 failures');
  });

  it('throws what the engine throws, and waits for nothing any more', async () => {
    const run = session.run({});
    await settled();
    engine.run(0).report.reject(new Error('Cannot read the target.'));
    await rejects(run, /Cannot read the target/);
    strictEqual(session.state.running.size, 0);
    strictEqual(session.standing.message, 'Nothing was run yet.');
  });

  it('does not throw what a stopped run throws', async () => {
    const run = session.run({});
    await settled();
    session.stop();
    engine.run(0).report.reject(new Error('aborted'));
    await run;
  });

  const slow: Symptom = { id: 'slow', title: 'It is slow', words: '', asks: [], checks: ['CRC-STR-001', 'CRC-RDY-001'], source: '' };

  it('runs the checks of a symptom with what they need, and nothing else', async () => {
    const triage = session.triage(slow);
    await settled();
    deepStrictEqual(engine.run(0).options.selection, { checks: slow.checks });
    deepStrictEqual([...session.state.running].sort(), ['CRC-RDY-001', 'CRC-STO-020', 'CRC-STR-001']);
    deepStrictEqual(session.state.triage, { done: 0, of: 3 });
    engine.run(0).say('CRC-RDY-001', 'pass');
    deepStrictEqual(session.state.triage, { done: 1, of: 3 });
    engine.run(0).say('CRC-STO-020', 'fail');
    engine.run(0).say('CRC-STR-001', 'warn');
    engine.run(0).end();
    strictEqual(await triage, true);
    strictEqual(session.state.triage, undefined);
    strictEqual(session.state.symptom, slow);
    strictEqual(session.state.answers.get('CRC-RDY-001')?.apart, true, 'the step as a whole was not run');
    strictEqual(session.standing.message, 'One warning: audit.events › Reachable.');
    ok(log.some((line) => line.startsWith('Ran "It is slow" in')), log.join('\n'));
  });

  it('runs further checks for a symptom as long as they would tell causes apart, and shows how far it is', async () => {
    const triage = session.triage({ ...slow, checks: ['CRC-RDY-001'] });
    await settled();
    strictEqual(engine.run(0).options.untilExplained, true);
    engine.run(0).say('CRC-RDY-001', 'fail');
    engine.run(0).options.onFurther?.(['CRC-STO-020', 'CRC-RDY-001']);
    deepStrictEqual([...session.state.running], ['CRC-STO-020']);
    deepStrictEqual(session.state.triage, { done: 1, of: 2 });
    engine.run(0).say('CRC-STO-020', 'pass');
    strictEqual(session.state.answers.get('CRC-STO-020')?.verdict.status, 'pass');
    engine.run(0).end();
    strictEqual(await triage, true);
    strictEqual(states(session)['CRC-STO-020'], 'pass');
  });

  it('leaves further checks to a run that is waiting for them, and takes none of a run that is over', async () => {
    const triage = session.triage({ ...slow, checks: ['CRC-RDY-001'] });
    await settled();
    const check = session.run({ check: 'CRC-STO-020' });
    await settled();
    engine.run(0).options.onFurther?.(['CRC-STO-020']);
    engine.run(0).say('CRC-STO-020', 'fail');
    strictEqual(session.state.answers.has('CRC-STO-020'), false);
    engine.run(1).say('CRC-STO-020', 'pass');
    engine.run(1).end();
    await check;
    session.stop();
    engine.run(0).options.onFurther?.(['CRC-STO-001']);
    engine.run(0).say('CRC-STO-001', 'fail');
    strictEqual(session.state.answers.has('CRC-STO-001'), false);
    engine.run(0).end();
    strictEqual(await triage, false);
  });

  it('runs everything for a symptom that says nothing in particular', async () => {
    const triage = session.triage({ ...slow, checks: [] });
    await settled();
    deepStrictEqual(engine.run(0).options.selection, {});
    strictEqual(session.state.triage?.of, 4);
    engine.run(0).end();
    await triage;
    strictEqual(session.state.ended, 'complete');
  });

  it('tells what was found beside the checks, until something else is asked', async () => {
    const triage = session.triage(slow);
    await settled();
    engine.run(0).say('CRC-RDY-001', 'pass');
    engine.run(0).end();
    await triage;
    session.tell('Policy denied this call.');
    strictEqual(session.standing.message, 'Policy denied this call.');
    const run = session.run({ check: 'CRC-RDY-001' });
    await settled();
    strictEqual(session.state.found, undefined);
    engine.run(1).end();
    await run;
    session.tell('Policy denied this call.');
    session.setSymptom(undefined);
    strictEqual(session.state.found, undefined);
  });

  it('has a diagnosis of what is known, of one target', async () => {
    const unexplained = (): readonly string[] | undefined => session.state.diagnosis?.unexplained;
    const run = session.run({});
    await settled();
    engine.run(0).say('CRC-STO-020', 'fail');
    strictEqual(unexplained(), undefined, 'answers that come together are looked at together');
    engine.run(0).say('CRC-STO-001', 'fail');
    engine.run(0).end();
    await run;
    deepStrictEqual(unexplained()?.toSorted(), ['CRC-STO-001', 'CRC-STO-020']);
    session.use(located('other'));
    strictEqual(unexplained(), undefined);
  });

  it('says that nothing of a symptom is red, until something else was run', async () => {
    const triage = session.triage(slow);
    await settled();
    for (const id of ['CRC-STO-020', 'CRC-STR-001', 'CRC-RDY-001']) engine.run(0).say(id, 'pass');
    engine.run(0).end();
    await triage;
    strictEqual(session.standing.message, 'Nothing of this symptom is red: 2 pass.');
    const run = session.run({ check: 'CRC-RDY-001' });
    await settled();
    engine.run(1).say('CRC-RDY-001', 'pass');
    engine.run(1).end();
    await run;
    strictEqual(session.standing.message, '3 of 4 checks were run, and all pass.');
  });

  it('ends a triage that is stopped or taken over, and says so to who waits for it', async () => {
    const stopped = session.triage(slow);
    await settled();
    session.stop();
    engine.run(0).end();
    strictEqual(await stopped, false);
    strictEqual(session.state.triage, undefined);
    const overtaken = session.triage(slow);
    await settled();
    void session.run({});
    await settled();
    engine.run(1).end();
    strictEqual(await overtaken, false);
    strictEqual(session.state.triage, undefined);
  });

  it('remembers a symptom for its target alone, until none is picked', async () => {
    void session.triage(slow);
    await settled();
    session.use(located('other'));
    strictEqual(session.state.symptom, undefined);
    session.use(located('lab'));
    strictEqual(session.state.symptom, slow);
    strictEqual(session.state.triage, undefined);
    session.setSymptom(undefined);
    strictEqual(session.state.symptom, undefined);
  });
});
