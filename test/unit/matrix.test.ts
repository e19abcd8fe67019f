import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/paths.ts';
import { conditions } from '../../src/diagnosis/conditions.ts';
import { isCause } from '../../src/diagnosis/definition.ts';
import { subjects } from '../../src/flow/catalogue.ts';
import type { Cause } from '../../src/model/diagnosis.ts';
import type { Report } from '../../src/model/report.ts';
import { labKinds } from '../lab/kinds.ts';
import { differences } from '../lab/proof.ts';
import { explained } from '../lab/runFlow.ts';
import { conclusions } from '../matrix/baselines.ts';
import { cases } from '../matrix/cases.ts';
import type { Case } from '../matrix/cases.ts';
import { closedFigures, closings } from '../matrix/closed.ts';
import { codeHashes } from '../matrix/code.ts';
import { bars, falseCausesPer100, figuresOf } from '../matrix/metrics.ts';
import type { Figures } from '../matrix/metrics.ts';
import { packed, readRecordings, unpacked } from '../matrix/recordings.ts';
import type { Recording } from '../matrix/recordings.ts';
import { outdated, replay } from '../matrix/replay.ts';
import type { Replayed } from '../matrix/replay.ts';
import { namedTimes, standing } from '../matrix/standing.ts';
import { truths } from '../matrix/truths.ts';

const replayMs = 120_000;

const recordings = await readRecordings();

describe('the fault matrix', function () {
  this.timeout(replayMs);
  const replayed = new Map<string, Replayed>();
  let figures: Figures;

  before(async () => {
    for (const one of cases) {
      const recording = recordings.get(one.id);
      if (recording) replayed.set(one.id, await replay(one, recording));
    }
    const all = [...replayed.values()];
    figures = figuresOf(all, namedTimes(all));
  });

  it('has cases enough of each kind', () => {
    const { singles, doubles, decoys, healthy } = figures;
    assert(singles >= 70 && doubles >= 20 && decoys >= 25 && healthy >= 100, JSON.stringify({ singles, doubles, decoys, healthy }));
  });

  it('is recorded by the code of today, with all that the checks of today ask', () => {
    assert.equal(outdated(cases, recordings, codeHashes()), undefined);
    assert.deepEqual([...replayed.values()].filter(({ lacks }) => lacks.length > 0).map(({ one, lacks }) => `${one.id}: ${lacks.join(', ')}`), []);
  });

  describe('shows by its recordings exactly what the lab lists', () => {
    const verdictsOf = ({ kind, faults }: Case) => labKinds[kind].faults.find(({ id }) => id === faults[0])?.verdicts ?? {};
    for (const one of cases.filter(({ group }) => group !== 'doubles')) {
      it(one.id, () => {
        const { verdicts = [] } = replayed.get(one.id) ?? {};
        assert.notEqual(verdicts.length, 0, 'not recorded');
        assert.deepEqual(differences(verdictsOf(one), verdicts), [], explained(verdicts));
      });
    }
  });

  describe('keeps what is promised', () => {
    const atLeast = ['ac1', 'ac1Decoys', 'ac1LeftOut', 'exactSetDouble', 'groundedAc1'] as const;
    for (const name of atLeast) it(`${name} is at least ${bars[name]}`, () => assert(figures[name] >= bars[name], String(figures[name])));

    it('no cause is named in a healthy run', () => assert(figures.falseCausesPer100 <= bars.falseCausesPer100, String(figures.falseCausesPer100)));

    it('no cause is named where only a decoy is', () => {
      const alone = [...replayed.values()].filter(({ one }) => one.group === 'decoys');
      assert(falseCausesPer100(alone) <= bars.falseCausesPer100);
    });

    it(`the cause is named within ${bars.verdictP95Ms / 1_000} s in 95 of 100`, () => assert(figures.verdictP95Ms <= bars.verdictP95Ms, String(figures.verdictP95Ms)));

    it('every other way of looking is worse', () => {
      for (const [name, { ac1 }] of Object.entries(figures.baselines)) assert(ac1 < figures.ac1, name);
    });
  });

  describe('names nothing that is not so where a part of the deployment is closed', () => {
    for (const [name, closing] of Object.entries(closings)) {
      it(name, async () => {
        assert(subjects.some((subject) => closing.subjects.test(subject.name)), 'nothing is closed');
        const { wrong, right, nearer, abstained } = await closedFigures([...replayed.values()], closing);
        assert.deepEqual(wrong, []);
        assert.equal(right + nearer + abstained, cases.filter(({ kind }) => closing.kind === undefined || closing.kind === kind).length);
      });
    }
  });
});

describe('what is wrong in a case', () => {
  const causes = new Set(conditions.filter(isCause).map(({ id }) => id));
  const kinds = Object.entries(labKinds) as [Case['kind'], (typeof labKinds)[Case['kind']]][];

  it('is written down for each fault and nothing else', () => {
    for (const [kind, { faults }] of kinds) assert.deepEqual(Object.keys(truths[kind]).sort(), faults.map(({ id }) => id).sort());
  });

  it('is a cause, as is all that others would conclude', () => {
    const ids = [...Object.values(truths).flatMap((ofKind) => Object.values(ofKind).flat()), ...conclusions];
    assert.deepEqual([...new Set(ids)].filter((id) => !causes.has(id)), []);
  });
});

describe('how a case came out', () => {
  const cause = (id: string, how: Cause['standing'] = 'confirmed'): Cause => ({
    id, component: '', title: '', sentence: '', standing: how, own: [], explains: [], for: [], against: [], unconfirmed: null, path: [], leftBehindBy: null, score: [],
  });
  const single: Case = { id: '', group: 'singles', kind: 'endpoints', faults: ['redis-stopped'], decoys: [] };
  const double: Case = { ...single, group: 'doubles', faults: ['redis-stopped', 'sts-down'] };
  const healthy: Case = { ...single, group: 'healthy', faults: [] };
  const rows: readonly (readonly [name: string, one: Case, causes: readonly Cause[], expected: string])[] = [
    ['right, when the first is named and is it', single, [cause('redis-stopped'), cause('sts-down')], 'right'],
    ['wrong, when another comes first', single, [cause('sts-down'), cause('redis-stopped')], 'WRONG'],
    ['wrong, when another is named and it is only possible', single, [cause('redis-stopped', 'possible'), cause('sts-down')], 'WRONG'],
    ['nothing, when it is only possible', single, [cause('redis-stopped', 'possible')], 'abstained'],
    ['nothing, when there is nothing', single, [], 'abstained'],
    ['right, when both of two are named', double, [cause('sts-down', 'likely'), cause('redis-stopped'), cause('sts-silent', 'possible')], 'right'],
    ['wrong, when one of two is named', double, [cause('sts-down')], 'WRONG'],
    ['wrong, when a third is named with two', double, [cause('sts-down'), cause('redis-stopped'), cause('clock-differs')], 'WRONG'],
    ['right, when nothing is wrong and nothing is named', healthy, [cause('sts-down', 'possible')], 'right'],
    ['wrong, when nothing is wrong and something is named', healthy, [cause('sts-evidence-lost', 'past')], 'WRONG'],
  ];
  for (const [name, one, causes, expected] of rows) it(`is ${name}`, () => assert.equal(standing(one, { causes: [...causes] }), expected));
});

describe('the code of a recording', () => {
  const today = codeHashes();
  const everywhere = ['endpoints', 'compose', 'kubernetes'] as const;
  type Part = `${Case['kind']} ${'observers' | 'lab'}`;
  const parts = (part: 'observers' | 'lab', kinds: readonly Case['kind'][] = everywhere): readonly Part[] => kinds.map((kind): Part => `${kind} ${part}`);

  /** What is another one when a file has other text. */
  function changed(file: string, from: string | RegExp, to: string): readonly Part[] {
    const other = codeHashes((read) => {
      const text = readFileSync(join(root, read), 'utf8');
      if (read !== file) return text;
      assert.notEqual(text.replace(from, to), text, `${file} does not hold ${String(from)}`);
      return text.replace(from, to);
    });
    return everywhere.flatMap((kind) => (['observers', 'lab'] as const).flatMap((part): readonly Part[] => (other[kind][part] === today[kind][part] ? [] : [`${kind} ${part}`])));
  }

  const rows: readonly (readonly [what: string, file: string, from: string | RegExp, to: string, expected: readonly Part[]])[] = [
    ['nothing by a comment and the layout', 'src/flow/readiness/service.observe.ts', 'const readyDeadlineMs = 20_000;', '// Long enough.\n\nconst readyDeadlineMs\n  = 20_000;', []],
    ['nothing by a type', 'src/flow/readiness/service.observe.ts', 'subject: Subject<ServiceAnswer>', 'subject: Subject<Readonly<ServiceAnswer>>', []],
    ['nothing by how it is judged', 'src/flow/readiness/service.checks.ts', 'status >= 300', 'status >= 301', []],
    ['nothing by what a fault is called, or is to show', 'test/lab/faults/redis.ts', /title: 'Redis is stopped'/, "title: 'Redis was stopped'", []],
    ['by a time limit of an observer', 'src/flow/readiness/service.observe.ts', '20_000', '21_000', parts('observers')],
    ['by what an observer takes from the file of its judge', 'src/flow/streams/pending.checks.ts', /pendingRead = \d+/, 'pendingRead = 7', parts('observers')],
    ['by how a cluster is reached', 'src/targets/kubernetes/permissions.ts', /await /, 'await await ', parts('observers', ['kubernetes'])],
    ['by what is masked', 'src/redaction/mask.ts', 'slice(0, 16)', 'slice(0, 12)', parts('observers')],
    ['by what a fault does', 'test/lab/faults/redis.ts', /await lab\.redis\.stop\(\)/, 'await lab.redis.kill()', parts('lab', ['endpoints'])],
    ['by how a lab is looked at', 'test/lab/proof.ts', 'await lab.settled?.();', '', parts('lab')],
    ['by a service of the lab', 'test/lab/services/sts.ts', "get('zone_id')", "get('zone')", parts('lab')],
    ['by an image of the lab', 'test/lab/docker/image/healthcheck.sh', /$/, '\ntrue\n', parts('lab', ['compose'])],
  ];
  for (const [what, file, from, to, expected] of rows) it(`changes ${what}`, () => assert.deepEqual(changed(file, from, to), expected));
});

describe('packed recordings', () => {
  const observation = (of: string, value: string, at: string): Report['observations'][number] => ({
    id: `service.ready/${of}`, question: { subject: 'service.ready', of }, asked: `GET ${of}`, at, tookMs: 1.5, outcome: { kind: 'answer', value },
  });
  const recording = (id: string, startedAt: string, ...observations: Report['observations']): Recording => ({
    case: id, code: { observers: 'a', lab: 'b' }, zone: null, startedAt, verdictMs: { 'CRC-RDY-001': 12, 'CRC-RDY-003': 4 }, observations,
  });
  const some = [
    recording('one', '2026-08-20T10:00:00.000Z', observation('sts', 'ready', '2026-08-20T10:00:00.250Z'), observation('api', 'ready', '2026-08-20T10:00:00.100Z')),
    recording('two', '2026-08-20T11:00:00.000Z', observation('sts', 'ready', '2026-08-20T11:00:01.000Z')),
  ];

  it('are what was packed', () => assert.deepEqual(unpacked(packed(some)), some));
  it('hold what several runs were answered once', () => assert.equal(packed(some).answers.length, 2));
});
