import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import type { Verdict } from '../../src/model/check.ts';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import type { RemedyRun } from '../../src/model/remedy.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import type { RemedyStatus } from '../../src/ui/cause/causeMessages.ts';
import type { Confirmation } from '../../src/ui/cause/remedyEffect.ts';
import { RemedyRuns } from '../../src/ui/cause/remedyRuns.ts';
import type { RemedyRunsParts } from '../../src/ui/cause/remedyRuns.ts';
import { emptyState } from '../../src/ui/flowState.ts';
import { redisStopped, single, startRedis } from './causeParts.ts';

const caracal: LocatedTarget = { id: 'lab', folder: '/', origin: 'target file', target: { kind: 'compose', name: 'caracal', project: 'caracal' } };
const done: RemedyRun = {
  remedy: 'start-container', cause: 'redis-stopped', asked: 'Docker Engine', calls: ['POST /containers/caracal-redis-1/start'], at: '2026-08-20T14:09:31.000Z', tookMs: 400, outcome: { kind: 'done', answer: '204' },
};
const well = (check: string): readonly [string, Verdict] | undefined => {
  const verdict = single.verdicts.get(check);
  return verdict && [check, { ...verdict, status: 'pass', summary: 'ready' }];
};

/** A deployment in an outage of Redis, and a person in front of it. */
class Scene {
  target: LocatedTarget | undefined = caracal;
  diagnosis: Diagnosis = single.diagnosis;
  verdicts = single.verdicts;
  agrees = true;
  trusted = true;
  run: () => Promise<RemedyRun> = () => Promise.resolve(done);
  /** What each look at the checks finds, one after the other; the last one stays. */
  looks: readonly (() => void)[] = [];
  readonly asked: Confirmation[] = [];
  readonly recorded: (readonly [string, RemedyRun])[] = [];
  readonly looked: (readonly string[])[] = [];
  readonly told: (RemedyStatus | undefined)[] = [];
  readonly log: string[] = [];
  runs = 0;
  readonly remedies: RemedyRuns;

  constructor() {
    const scene = this as Scene;
    const session: RemedyRunsParts['session'] = {
      get target() {
        return scene.target;
      },
      get state() {
        const answers = new Map([...scene.verdicts].map(([check, verdict]) => [check, { verdict, at: 0, apart: false }]));
        return { ...emptyState, diagnosis: scene.diagnosis, answers, checks: single.checks.map((head) => ({ ...head, step: 'storage' as const, needs: [] })) };
      },
      addRemedy: (target, run) => void this.recorded.push([target, run]),
    };
    this.remedies = new RemedyRuns({
      session, engine: { redactor: createRedactor() }, log: { info: (line) => this.log.push(line), error: (line) => this.log.push(line) },
      remedies: {
        remediesOf: () => [startRedis],
        callsOf: () => ({ asked: 'Docker Engine (local)', calls: ['POST /containers/caracal-redis-1/start'] }),
        runRemedy: () => {
          this.runs += 1;
          return this.run();
        },
      },
      confirm: (confirmation) => {
        this.asked.push(confirmation);
        return Promise.resolve(this.agrees);
      },
      isTrusted: () => this.trusted,
      runChecks: (checks) => {
        this.looks[Math.min(this.looked.length, this.looks.length - 1)]?.();
        this.looked.push(checks);
        return Promise.resolve();
      },
      pause: () => Promise.resolve(),
    });
    this.remedies.onDidChange(() => this.told.push(this.remedies.status('lab', 'redis-stopped', 'start-container')));
  }

  start(): Promise<string | undefined> {
    return this.remedies.run(redisStopped, startRedis);
  }

  /** The texts that the card had, one after the other, without their time. */
  get texts(): readonly (string | undefined)[] {
    return this.told.map((status) => status?.text.replace(/^Started at \d\d:\d\d:\d\d\. /, '')).filter((text, index, all) => text !== all[index - 1]);
  }
}

describe('A remedy', () => {
  let scene: Scene;
  beforeEach(() => (scene = new Scene()));
  afterEach(() => scene.remedies.dispose());

  it('does nothing and leaves no trace where the user does not agree', async () => {
    scene.agrees = false;
    equal(await scene.start(), undefined);
    equal(scene.asked[0]?.message, 'Start Redis on caracal?');
    deepEqual([scene.runs, scene.recorded, scene.looked, scene.log, scene.told], [0, [], [], [], [undefined]]);
    equal(scene.remedies.isBusy, false);
  });

  it('is run, recorded, and looked after until all is well', async () => {
    scene.looks = [
      () => (scene.verdicts = new Map([...scene.verdicts, ...[well('CRC-STO-020')].filter((each) => each !== undefined)])),
      () => (scene.verdicts = new Map([...scene.verdicts.keys()].flatMap((check) => [well(check)].filter((each) => each !== undefined)))),
    ];
    equal(await scene.start(), 'It worked: all 7 failures are gone.');
    deepEqual(scene.texts, ['Waiting for the answer…', 'Checking…', 'It worked: all 7 failures are gone.']);
    deepEqual(scene.recorded, [['lab', done]]);
    deepEqual(scene.looked.map((checks) => checks.slice(0, 3)), [['CRC-STO-020', 'CRC-RDY-021', 'CRC-RDY-011'], ['CRC-STO-020', 'CRC-RDY-021', 'CRC-RDY-011']]);
    match(scene.told.at(-1)?.text ?? '', /^Started at \d\d:\d\d:\d\d\. It worked/);
    equal(scene.told.at(-1)?.mark, 'passed');
    deepEqual(scene.log, ['Remedy start-container of redis-stopped: POST /containers/caracal-redis-1/start: done']);
  });

  for (const [code, message, text] of [
    ['404', 'No such container: caracal-redis-1', 'Docker Engine refused it: 404 No such container: caracal-redis-1'],
    ['unavailable', 'no token of the Coordinator; give the target one', 'It was not carried out: no token of the Coordinator; give the target one'],
  ] as const) {
    it(`that is not carried out (${code}) is told in the words of whoever says so, and recorded`, async () => {
      const refused: RemedyRun = { ...done, outcome: { kind: 'refused', code, message } };
      scene.run = () => Promise.resolve(refused);
      equal(await scene.start(), text);
      deepEqual([scene.recorded, scene.looked, scene.told.at(-1)?.mark], [[['lab', refused]], [], 'failed']);
    });
  }

  it('that is not answered in time is looked after all the same', async () => {
    scene.run = () => Promise.resolve({ ...done, outcome: { kind: 'refused', code: 'ETIMEDOUT', message: 'no answer in 45 s; it may have taken effect' } });
    scene.looks = [() => (scene.verdicts = new Map([...scene.verdicts.keys()].flatMap((check) => [well(check)].filter((each) => each !== undefined))))];
    equal(await scene.start(), 'It worked: all 7 failures are gone.');
    equal(scene.texts.at(-2), 'Docker Engine: no answer in 45 s; it may have taken effect. Checking…');
  });

  it('that could not be sent is told as that, and is no remedy that was run', async () => {
    scene.run = () => Promise.reject(new Error('Cannot reach the Docker Engine: no such socket'));
    equal(await scene.start(), 'Cannot reach the Docker Engine: no such socket');
    deepEqual([scene.recorded, scene.told.at(-1)?.mark], [[], 'failed']);
  });

  it('is not looked after on another target', async () => {
    scene.looks = [() => (scene.target = { ...caracal, id: 'other' })];
    equal(await scene.start(), 'What it did is not known: another target was picked.');
    deepEqual(scene.recorded, [['lab', done]]);
  });

  it('ends when its checks are stopped', async () => {
    scene.looks = [() => (scene.verdicts = new Map([...scene.verdicts].map(([check, verdict]) => [check, { ...verdict, status: 'cancelled', summary: 'stopped by you' }])))];
    equal(await scene.start(), 'Cannot tell whether it worked: Redis › Reachable stopped by you.');
    equal(scene.looked.length, 1);
  });

  it('is refused in a workspace that is not trusted, before anybody is asked', async () => {
    scene.trusted = false;
    await rejects(scene.start(), /not trusted/);
    deepEqual([scene.asked, scene.runs], [[], 0]);
  });

  for (const [what, change] of [
    ['the target', () => (scene.target = { ...caracal, id: 'other' })],
    ['the diagnosis', () => (scene.diagnosis = { ...single.diagnosis, causes: [] })],
  ] as const) {
    it(`is not run where ${what} changed while the question was open`, async () => {
      Object.defineProperty(scene, 'agrees', { get: () => (change(), true) });
      await rejects(scene.start(), /Nothing was changed: Redis is stopped is no longer what is seen/);
      deepEqual([scene.runs, scene.remedies.isBusy], [0, false]);
    });
  }

  it('is not run twice at once', async () => {
    const answer = Promise.withResolvers<RemedyRun>();
    scene.run = () => answer.promise;
    scene.looks = [() => (scene.verdicts = new Map())];
    const first = scene.start();
    await Promise.resolve();
    equal(await scene.start(), undefined);
    scene.target = undefined;
    answer.resolve(done);
    await first;
    equal(scene.runs, 1);
  });
});
