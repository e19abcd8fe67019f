import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { Symptom } from '../../src/caracal/symptoms.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Status } from '../../src/model/status.ts';
import type { Step } from '../../src/model/step.ts';
import type { FlowNode } from '../../src/ui/flowNode.ts';
import { emptyState } from '../../src/ui/flowState.ts';
import type { Answer, CheckHead, FlowState } from '../../src/ui/flowState.ts';
import { changedNodes, checkNodeId, pathsToWrong, present } from '../../src/ui/present.ts';
import type { Presentation } from '../../src/ui/present.ts';
import { cause, diagnosed } from './diagnoses.ts';

const now = Date.UTC(2026, 7, 20, 14, 6, 34);
const tenSecondsAgo = now - 10_000;

function check(id: string, step: Step, component: string, title: string, needs: readonly string[] = []): CheckHead {
  return { id, step, component, title, needs };
}

/** What a check answered: a status with its summary, and by which check it is blocked. */
interface Said {
  readonly status: Status;
  readonly summary?: string;
  readonly blockedBy?: string;
  readonly facts?: Verdict['facts'];
  readonly observations?: Verdict['observations'];
  readonly apart?: boolean;
  readonly at?: number;
}

function answer(head: CheckHead, said: Said): Answer {
  const { status, summary = '', blockedBy, facts = [], observations = [], apart = false, at = tenSecondsAgo } = said;
  const { id, step, component, title } = head;
  const verdict: Verdict = {
    check: id, step, component, title, status, summary, reasoning: '', facts, observations,
    ...(blockedBy === undefined ? {} : { blockedBy }),
  };
  return { verdict, at, apart };
}

function flow(checks: readonly CheckHead[], said: Readonly<Record<string, Said>>, more: Partial<FlowState> = {}): FlowState {
  const answers = new Map(checks.flatMap((head) => (said[head.id] ? [[head.id, answer(head, said[head.id] ?? { status: 'pass' })] as const] : [])));
  return { ...emptyState, target: { id: 't', name: 'lab', kind: 'endpoints', logs: [] }, checks, answers, ended: 'complete', ...more };
}

function node(presentation: Presentation, id: string): FlowNode {
  const found = presentation.nodes.get(id);
  ok(found, `${id} is not among ${[...presentation.nodes.keys()].join(', ')}`);
  return found;
}

/** Rows as a picture shows them: `icon label  description`, indented by level. */
function picture(presentation: Presentation, ids: readonly string[] = presentation.roots, indent = ''): string[] {
  return ids.flatMap((id) => {
    const { icon, label, description, children } = node(presentation, id);
    return [`${indent}${[icon?.id, label, description].filter(Boolean).join('  ')}`, ...picture(presentation, children, `${indent}  `)];
  });
}

const reachable = check('CRC-STO-020', 'storage', 'Redis', 'Reachable');
const blockedSaid: Said = { status: 'blocked', summary: 'blocked by Redis › Reachable', blockedBy: reachable.id };
const redis = [
  reachable,
  check('CRC-STO-021', 'storage', 'Redis', 'Authentication', [reachable.id]),
  check('CRC-STO-022', 'storage', 'Redis', 'Memory', [reachable.id]),
  check('CRC-STO-023', 'storage', 'Redis', 'Persistence', [reachable.id]),
];
const api = [check('CRC-RDY-001', 'readiness', 'api', 'Process'), check('CRC-RDY-002', 'readiness', 'api', 'Ready', ['CRC-RDY-001'])];
const streams = [
  check('CRC-STR-001', 'streams', 'audit.events', 'Exists', [reachable.id]),
  check('CRC-STR-002', 'streams', 'audit.events', 'Backlog', [reachable.id]),
  check('CRC-STR-010', 'streams', 'policy.changed', 'Exists', [reachable.id]),
  check('CRC-STR-020', 'streams', 'Outboxes', 'API outbox'),
];
const all = [...api, ...redis, ...streams];
const outage: Record<string, Said> = {
  'CRC-RDY-001': { status: 'pass', summary: 'running for 2 h' },
  'CRC-RDY-002': { status: 'fail', summary: '500 internal_error after 18.4 s' },
  'CRC-STO-020': { status: 'fail', summary: 'refused in 1 ms; container stopped', facts: [{ name: '127.0.0.1:6379', value: 'ECONNREFUSED' }] },
  'CRC-STO-021': blockedSaid,
  'CRC-STO-022': blockedSaid,
  'CRC-STO-023': blockedSaid,
  'CRC-STR-001': blockedSaid,
  'CRC-STR-002': blockedSaid,
  'CRC-STR-010': blockedSaid,
  'CRC-STR-020': { status: 'warn', summary: '41 waiting, oldest 4 min' },
};

describe('The flow as a tree', () => {
  it('has seven roots at once, before anything is loaded', () => {
    deepStrictEqual(picture(present({ ...flow([], {}), ended: undefined }, now)), [
      'comment  Symptom  none picked',
      'circle-outline  Readiness',
      'circle-outline  Storage',
      'circle-outline  Streams',
      'circle-outline  Services',
      'circle-outline  Audit',
      'lightbulb  Fix',
    ]);
  });

  it('is empty without a target', () => {
    deepStrictEqual(present(emptyState, now).roots, []);
  });

  it('shows an outage as the picture does', () => {
    deepStrictEqual(picture(present(flow(all, outage), now)), [
      'comment  Symptom  none picked',
      'error  Readiness  1 failed · 10 s',
      '  error  api  500 internal_error after 18.4 s',
      '    pass  Process  running for 2 h',
      '    error  Ready  500 internal_error after 18.4 s',
      'error  Storage  1 failed, 3 blocked · 10 s',
      '  error  Redis  1 failed, 3 blocked',
      '    error  Reachable  refused in 1 ms; container stopped',
      '      127.0.0.1:6379  ECONNREFUSED',
      '    circle-slash  3 checks  blocked by Redis › Reachable',
      '      circle-slash  Authentication  blocked by Redis › Reachable',
      '      circle-slash  Memory  blocked by Redis › Reachable',
      '      circle-slash  Persistence  blocked by Redis › Reachable',
      'warning  Streams  1 warning, 3 blocked · 10 s',
      '  circle-slash  3 checks  blocked by Redis › Reachable',
      '    circle-slash  audit.events  blocked by Redis › Reachable',
      '      circle-slash  Exists  blocked by Redis › Reachable',
      '      circle-slash  Backlog  blocked by Redis › Reachable',
      '    circle-slash  policy.changed  blocked by Redis › Reachable',
      '      circle-slash  Exists  blocked by Redis › Reachable',
      '  warning  Outboxes  1 warning',
      '    warning  API outbox  41 waiting, oldest 4 min',
      'circle-outline  Services',
      'circle-outline  Audit',
      'lightbulb  Fix  no cause confirmed',
    ]);
  });

  it('is quiet when all is well', () => {
    const well = Object.fromEntries(all.map(({ id }) => [id, { status: 'pass', summary: '2 ms' } as const]));
    const shown = present(flow(all, { ...well, 'CRC-RDY-001': { status: 'not-applicable', summary: 'Kubernetes only' } }), now);
    strictEqual(node(shown, 't/readiness').description, '1 passed, 1 not applicable · 10 s');
    strictEqual(node(shown, 't/storage/Redis').description, '4 passed');
    strictEqual(node(shown, 't/fix').description, 'nothing to fix');
  });

  it('shows the failure of a component that tells more', () => {
    const both = { 'CRC-RDY-001': { status: 'fail', summary: 'not a cause: /health follows Redis here' }, 'CRC-RDY-002': { status: 'fail', summary: '503 consumer_unhealthy' } } as const;
    strictEqual(node(present(flow(api, both), now), 't/readiness/api').description, '503 consumer_unhealthy');
  });

  it('does not look passed where something was not run', () => {
    const shown = present(flow(api, { 'CRC-RDY-001': { status: 'pass', summary: '2 ms', apart: true } }), now);
    strictEqual(node(shown, 't/readiness').icon?.id, 'circle-outline');
    strictEqual(node(shown, 't/readiness').description, '1 passed, 1 not run');
  });

  it('does not turn a parent red for a crash of its own', () => {
    const shown = present(flow(api, { 'CRC-RDY-001': { status: 'crashed', summary: 'our fault: TypeError' }, 'CRC-RDY-002': { status: 'pass' } }), now);
    strictEqual(node(shown, 't/readiness').icon?.id, 'pass');
    strictEqual(node(shown, 't/readiness').description, '1 crashed · 10 s');
  });

  it('has ids without text that changes', () => {
    strictEqual(checkNodeId('t', reachable), 't/storage/Redis/CRC-STO-020');
    const before = present(flow(all, outage), now);
    const after = present(flow(all, { ...outage, 'CRC-STO-020': { status: 'fail', summary: 'timeout' } }), now);
    deepStrictEqual([...before.nodes.keys()].filter((id) => !after.nodes.has(id)), ['t/storage/Redis/CRC-STO-020/fact/0']);
  });
});

describe('The Fix step', () => {
  const redisIsStopped = cause('redis-stopped', {
    title: 'Redis is stopped', own: ['CRC-STO-020'], explains: ['CRC-RDY-002', 'CRC-STO-021', 'CRC-STO-022', 'CRC-STO-023', 'CRC-STR-001', 'CRC-STR-002', 'CRC-STR-010', 'CRC-STR-020'],
    for: [
      { words: 'Redis › Reachable: refused in 1 ms; container stopped', check: 'CRC-STO-020', observations: ['redis.reach/Redis'], at: null },
      { words: 'log of api: ready_redis_unreachable, 3 times', check: null, observations: ['logs.findings/api'], at: null },
    ],
    against: [
      { words: 'Redis › Authentication: blocked by Redis › Reachable', check: 'CRC-STO-021', observations: [], at: null, seen: null },
      { words: 'Redis › Memory: 31 MB of 512 MB', check: 'CRC-STO-022', observations: [], at: null, seen: false },
      { words: 'Redis › Persistence: aof on', check: 'CRC-STO-023', observations: [], at: null, seen: true },
    ],
  });
  const failures = { all: 2, explained: 2 };
  const rows = (state: FlowState, ids: readonly string[] = ['t/fix']): readonly string[] => picture(present(state, now), ids);

  it('names a cause with what speaks for it, and puts its number beside all that it explains', () => {
    const state = flow(all, outage, diagnosed([redisIsStopped], { failures }));
    deepStrictEqual(rows(state), [
      'lightbulb  Fix  1 cause explains 2 of 2 failures',
      '  zap  Redis is stopped  confirmed · 2 failures',
      '    Explains  2 failures, 1 warning',
      '      error  api › Ready  500 internal_error after 18.4 s',
      '      error  Redis › Reachable  refused in 1 ms; container stopped',
      '      warning  Outboxes › API outbox  41 waiting, oldest 4 min',
      '      circle-slash  6 checks  blocked',
      '    Speaks for it  2',
      '      Redis › Reachable  refused in 1 ms; container stopped',
      '      log of api: ready_redis_unreachable, 3 times',
      '    Would speak against it  1 of 3 seen',
      '      Redis › Authentication  cannot look: blocked by Redis › Reachable',
      '      Redis › Memory  not seen: 31 MB of 512 MB',
      '      Redis › Persistence  seen: aof on',
      '    lightbulb  Remedy',
    ]);
    const marks = [...present(state, now).nodes.values()].flatMap(({ id, decoration, contextValue }) => (decoration ? [[id, decoration.badge, decoration.color, contextValue.includes('explained')]] : []));
    deepStrictEqual(new Set(marks), new Set([
      ['t/readiness/api/CRC-RDY-002', '①', 'caracal.mutedForeground', true],
      ['t/readiness/api', '①', 'caracal.mutedForeground', false],
      ['t/storage/Redis/CRC-STO-020', '①', 'list.errorForeground', true],
      ['t/storage/Redis/blocked by CRC-STO-020', undefined, 'caracal.mutedForeground', false],
      ['t/storage/Redis/CRC-STO-021', undefined, 'caracal.mutedForeground', true],
      ['t/storage/Redis/CRC-STO-022', undefined, 'caracal.mutedForeground', true],
      ['t/storage/Redis/CRC-STO-023', undefined, 'caracal.mutedForeground', true],
      ['t/streams/audit.events/CRC-STR-001', undefined, 'caracal.mutedForeground', true],
      ['t/streams/audit.events/CRC-STR-002', undefined, 'caracal.mutedForeground', true],
      ['t/streams/audit.events', undefined, 'caracal.mutedForeground', false],
      ['t/streams/policy.changed/CRC-STR-010', undefined, 'caracal.mutedForeground', true],
      ['t/streams/policy.changed', undefined, 'caracal.mutedForeground', false],
      ['t/streams/blocked by CRC-STO-020', undefined, 'caracal.mutedForeground', false],
      ['t/streams/Outboxes/CRC-STR-020', '①', 'caracal.mutedForeground', true],
      ['t/streams/Outboxes', '①', 'caracal.mutedForeground', false],
      ['t/fix/redis-stopped', '①', 'list.errorForeground', false],
    ]));
  });

  it('keeps icons, and says numbers as words', () => {
    const shown = present(flow(all, outage, diagnosed([redisIsStopped], { failures })), now);
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-002').icon?.color, 'problemsErrorIcon.foreground');
    strictEqual(node(shown, 't/readiness/api').accessibilityLabel, 'api, failed, 500 internal_error after 18.4 seconds, explained by cause 1');
    strictEqual(node(shown, 't/storage/Redis/CRC-STO-020').accessibilityLabel, 'Reachable, failed, refused in 1 ms; container stopped, this is cause 1');
    strictEqual(node(shown, 't/storage/Redis/CRC-STO-021').accessibilityLabel, 'Authentication, blocked by Redis Reachable');
    strictEqual(node(shown, 't/fix/redis-stopped').accessibilityLabel, 'Redis is stopped, cause 1, confirmed, explains 2 failures');
    strictEqual(node(shown, 't/fix').accessibilityLabel, 'Fix, 1 cause explains 2 of 2 failures');
  });

  it('has the numbers in its texts where the editor shows no badges', () => {
    const shown = present(flow(all, outage, diagnosed([redisIsStopped], { failures })), now, false);
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-002').description, 'cause ①, 500 internal_error after 18.4 s');
    strictEqual(node(shown, 't/storage/Redis/CRC-STO-021').description, 'blocked by Redis › Reachable');
    strictEqual(node(shown, 't/fix/redis-stopped').description, 'cause ①, confirmed · 2 failures');
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-002').accessibilityLabel, 'Ready, failed, 500 internal_error after 18.4 seconds, explained by cause 1');
  });

  const standings: readonly (readonly [name: string, more: Parameters<typeof cause>[1], color: string, description: string, label: string])[] = [
    ['that is likely', { standing: 'likely' }, 'charts.orange', 'likely · 1 failure', 'Dead, cause 2, likely, explains 1 failure'],
    ['that is past', { standing: 'past' }, 'problemsErrorIcon.foreground', 'past · state remains', 'Dead, cause 2, past, state remains'],
    ['that another one left behind', { leftBehindBy: 'redis-stopped' }, 'problemsErrorIcon.foreground', 'left behind by ①', 'Dead, cause 2, left behind by cause 1'],
    ['of a warning', { own: ['CRC-STR-020'] }, 'problemsErrorIcon.foreground', 'confirmed · 1 warning', 'Dead, cause 2, confirmed, explains 1 warning'],
  ];
  for (const [name, more, color, description, label] of standings) {
    it(`tells of a cause ${name}`, () => {
      const dead = cause('dead', { title: 'Dead', own: ['CRC-RDY-002'], ...more });
      const shown = node(present(flow(all, outage, diagnosed([redisIsStopped, dead], { failures })), now), 't/fix/dead');
      deepStrictEqual([shown.icon, shown.description, shown.accessibilityLabel], [{ id: 'zap', color }, description, label]);
    });
  }

  it('marks a check by the cause that is seen there, though another one explains it', () => {
    const dead = cause('dead', { title: 'Dead', own: ['CRC-STR-020'], leftBehindBy: 'redis-stopped' });
    const shown = present(flow(all, outage, diagnosed([redisIsStopped, dead], { failures })), now);
    strictEqual(node(shown, 't/streams/Outboxes/CRC-STR-020').decoration?.tooltip, 'This is cause 2: Dead');
    strictEqual(node(shown, 't/streams/Outboxes').decoration, undefined);
    strictEqual(node(shown, 't/fix').description, '1 cause explains 2 of 2 failures', 'the other one explains a warning');
  });

  const full = cause('full', { title: 'Redis is full', standing: 'possible', explains: ['CRC-RDY-002'], unconfirmed: { check: 'CRC-STO-022', why: 'no answer in 20 s' } });
  const slow = cause('slow', { title: 'Redis is slow', standing: 'possible', explains: ['CRC-RDY-002'] });
  const open = diagnosed([full, slow], {
    failures: { all: 2, explained: 0 }, unexplained: ['CRC-STR-020', 'CRC-RDY-002', 'CRC-STO-020'],
    next: { check: 'CRC-STO-022', words: '', between: ['full', 'slow'] },
    notCauses: [{ words: 'audit › Health', why: '/health follows Redis here', check: 'CRC-RDY-001' }, { words: 'log of gateway: denied: jti replay', why: 'no replay, Redis failed', check: null }],
    ruledOut: [{ id: 'password', title: 'The password of Redis is wrong', why: { words: 'Redis › Authentication: passed', check: 'CRC-STO-021', observations: [], at: null } }],
  });
  const abstaining = { ...outage, 'CRC-STO-022': { status: 'unknown', summary: 'no answer in 20 s' } } as const;

  it('abstains with the next check first, then what is possible, then what is left', () => {
    deepStrictEqual(rows(flow(all, abstaining, open)), [
      'lightbulb  Fix  no cause confirmed',
      '  arrow-right  Next: Redis › Memory  tells ① from ②',
      '  zap  Redis is full  possible · 1 failure',
      '    Explains  1 failure',
      '      error  api › Ready  500 internal_error after 18.4 s',
      '    Would confirm it: Redis › Memory  no answer in 20 s',
      '    lightbulb  Remedy',
      '  zap  Redis is slow  possible · 1 failure',
      '    Explains  1 failure',
      '      error  api › Ready  500 internal_error after 18.4 s',
      '    lightbulb  Remedy',
      '  info  Not causes  2 look wrong and are not',
      '    audit › Health  /health follows Redis here',
      '    log of gateway: denied: jti replay  no replay, Redis failed',
      '  close  Ruled out  1',
      '    The password of Redis is wrong  Redis › Authentication: passed',
      '  question  Unexplained  2 failures, 1 warning',
      '    error  api › Ready  500 internal_error after 18.4 s',
      '    error  Redis › Reachable  refused in 1 ms; container stopped',
      '    warning  Outboxes › API outbox  41 waiting, oldest 4 min',
    ]);
  });

  it('marks nothing by what is only possible', () => {
    const shown = present(flow(all, abstaining, open), now);
    deepStrictEqual([...shown.nodes.values()].flatMap(({ id, decoration }) => (decoration ? [[id, decoration.badge, decoration.color]] : [])), [
      ['t/fix/full', '①', undefined], ['t/fix/slow', '②', undefined],
    ]);
    strictEqual(node(shown, 't/fix/full').icon?.color, 'charts.orange');
  });

  it('runs the next check, or opens what is known of it', () => {
    const next = (state: FlowState): unknown => {
      const { opens, contextValue, scope, accessibilityLabel } = node(present(state, now), 't/fix/next');
      return [opens, contextValue, scope, accessibilityLabel];
    };
    const scope = { check: 'CRC-STO-022' };
    deepStrictEqual(next(flow(all, abstaining, open)), ['observations', 'next', scope, 'Next: Redis Memory, tells cause 1 from cause 2']);
    deepStrictEqual(next(flow(api, abstaining, open)), ['run', 'next', scope, 'Next: CRC-STO-022, tells cause 1 from cause 2']);
    deepStrictEqual(next(flow(all, abstaining, { ...open, running: new Set(['CRC-STO-022']) })), ['observations', 'next running', scope, 'Next: Redis Memory, running, tells cause 1 from cause 2']);
  });

  it('names a cause while others are waited for, and says what is left only at the end', () => {
    const state = flow(all, { 'CRC-STO-020': outage['CRC-STO-020'] ?? { status: 'fail' }, 'CRC-STR-020': { status: 'warn' } }, {
      ...diagnosed([cause('redis-stopped', { title: 'Redis is stopped', own: ['CRC-STO-020'] })], { failures: { all: 1, explained: 1 }, unexplained: ['CRC-STR-020'] }),
      ended: undefined, running: new Set(['CRC-RDY-002']),
    });
    deepStrictEqual(rows(state).filter((row) => !row.startsWith('   ')), ['lightbulb  Fix  1 cause explains the only failure', '  zap  Redis is stopped  confirmed · 1 failure']);
  });

  it('opens its first cause on a click, and a remedy at itself', () => {
    const shown = present(flow(all, outage, diagnosed([redisIsStopped], { failures })), now);
    deepStrictEqual(['t/fix', 't/fix/redis-stopped', 't/fix/redis-stopped/remedy'].map((id) => [node(shown, id).opens, node(shown, id).cause]), [['cause', 'redis-stopped'], ['cause', 'redis-stopped'], ['remedy', 'redis-stopped']]);
    const checkOf = (id: string): unknown => [node(shown, id).opens, node(shown, id).check];
    deepStrictEqual(checkOf('t/fix/redis-stopped/for/0'), ['observations', 'CRC-STO-020']);
    deepStrictEqual(checkOf('t/fix/redis-stopped/for/1'), ['nothing', undefined]);
    strictEqual(node(present(flow(all, outage), now), 't/fix').opens, 'nothing');
  });

  it('opens the record of whoever read a log that speaks for a cause', () => {
    const read: Record<string, Said> = { ...outage, 'CRC-RDY-002': { status: 'fail', observations: ['ready/api', 'logs.findings/api'] } };
    const shown = node(present(flow(all, read, diagnosed([redisIsStopped], { failures })), now), 't/fix/redis-stopped/for/1');
    deepStrictEqual([shown.opens, shown.check], ['observations', 'CRC-RDY-002']);
  });

  it('says nothing of what was not run', () => {
    const fix = (said: Readonly<Record<string, Said>>): string => node(present(flow(api, said), now), 't/fix').description;
    const pass: Said = { status: 'pass' };
    deepStrictEqual([fix({ 'CRC-RDY-001': pass, 'CRC-RDY-002': pass }), fix({ 'CRC-RDY-001': pass }), fix({ 'CRC-RDY-001': { status: 'warn' } })], ['nothing to fix', '', 'no cause confirmed']);
  });

  it('is opened with the way to each cause, to what none explains, and to the check that would tell', () => {
    const paths = (state: FlowState): readonly string[] => pathsToWrong(present(state, now), state);
    deepStrictEqual(paths(flow(all, outage, diagnosed([redisIsStopped], { failures }))), ['t/readiness', 't/storage', 't/storage/Redis', 't/fix']);
    // The row of the API tells its failure itself; that of Redis tells counts.
    const unexplained = ['CRC-RDY-002', 'CRC-STO-020', 'CRC-STR-020'];
    deepStrictEqual(paths(flow(all, outage, diagnosed([], { failures: { all: 2, explained: 0 }, unexplained }))), ['t/readiness', 't/storage', 't/storage/Redis']);
    const next = { check: 'CRC-STO-022', words: 'it tells', between: [] };
    deepStrictEqual(paths(flow(all, outage, diagnosed([], { failures: { all: 2, explained: 0 }, next }))).at(-1), 't/fix');
    deepStrictEqual(paths(flow(all, outage)), []);
  });
});

describe('The symptom', () => {
  const symptom: Symptom = { id: 'slow', title: 'It is slow', words: '', asks: [], checks: ['CRC-RDY-002'], source: '' };
  const shown = (more: Partial<FlowState>): FlowNode => node(present(flow(api, {}, more), now), 't/symptom');
  const cases: readonly (readonly [name: string, more: Partial<FlowState>, expected: readonly (string | undefined)[]])[] = [
    ['when none is picked', {}, ['comment', 'none picked', 'symptom', 'Symptom, none picked']],
    ['that was picked', { symptom }, ['comment', 'It is slow', 'symptom runnable', 'Symptom, It is slow']],
    [
      'that is looked into',
      { symptom, triage: { done: 6, of: 11 } },
      ['loading~spin', 'It is slow · 6 of 11', 'symptom running', 'Symptom, It is slow, running, 6 of 11'],
    ],
  ];
  for (const [name, more, expected] of cases) {
    it(name, () => {
      const { icon, description, contextValue, accessibilityLabel, opens } = shown(more);
      deepStrictEqual([icon?.id, description, contextValue, accessibilityLabel], expected);
      strictEqual(opens, 'triage');
    });
  }

  it('runs and stops what tells its reasons apart', () => {
    deepStrictEqual(shown({ symptom }).scope, { checks: symptom.checks });
    strictEqual(shown({}).scope, undefined);
  });

  it('runs everything where it names no checks', () => {
    deepStrictEqual(shown({ symptom: { ...symptom, checks: [] } }).scope, {});
  });
});

describe('A row', () => {
  const states: readonly (readonly [said: Said, icon: string, color: string | undefined, description: string, label: string])[] = [
    [{ status: 'pass', summary: '14 of 100' }, 'pass', 'charts.green', '14 of 100', 'Ready, passed, 14 of 100'],
    [{ status: 'warn', summary: '41 waiting' }, 'warning', 'problemsWarningIcon.foreground', '41 waiting', 'Ready, warning, 41 waiting'],
    [{ status: 'fail', summary: 'refused in 1 ms' }, 'error', 'problemsErrorIcon.foreground', 'refused in 1 ms', 'Ready, failed, refused in 1 ms'],
    [blockedSaid, 'circle-slash', 'caracal.mutedForeground', 'blocked by Redis › Reachable', 'Ready, blocked by Redis Reachable'],
    [{ status: 'unknown', summary: 'no credential: how to give one' }, 'question', 'descriptionForeground', 'no credential: how to give one', 'Ready, unknown, no credential: how to give one'],
    [{ status: 'not-applicable', summary: 'Kubernetes only' }, 'dash', 'disabledForeground', 'Kubernetes only', 'Ready, not applicable, Kubernetes only'],
    [{ status: 'cancelled', summary: 'stopped by you' }, 'stop-circle', 'caracal.mutedForeground', 'stopped by you', 'Ready, cancelled, stopped by you'],
    [{ status: 'crashed', summary: 'our fault: TypeError' }, 'bug', 'charts.purple', 'our fault: TypeError', 'Ready, crashed, our fault: TypeError'],
  ];
  for (const [said, icon, color, description, label] of states) {
    it(`of a check that is ${said.status}`, () => {
      const shown = node(present(flow(api, { 'CRC-RDY-002': said }), now), 't/readiness/api/CRC-RDY-002');
      deepStrictEqual([shown.icon, shown.description, shown.accessibilityLabel], [{ id: icon, color }, description, label]);
      strictEqual(shown.contextValue, 'check runnable answered');
    });
  }

  it('of what has a log that can be read', () => {
    const target = { id: 't', name: 'lab', kind: 'endpoints', logs: ['api'] };
    const shown = present(flow(api, {}, { target }), now);
    strictEqual(node(shown, 't/readiness/api').contextValue, 'component runnable logged');
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-002').contextValue, 'check runnable unanswered logged');
    const other = present(flow(api, {}, { target: { ...target, logs: ['sts'] } }), now);
    strictEqual(node(other, 't/readiness/api').contextValue, 'component runnable');
  });

  it('of a check that was not run', () => {
    const shown = node(present(flow(api, {}), now), 't/readiness/api/CRC-RDY-002');
    deepStrictEqual([shown.icon?.id, shown.description, shown.accessibilityLabel], ['circle-outline', '', 'Ready, not run']);
    strictEqual(shown.contextValue, 'check runnable unanswered');
  });

  it('keeps its old text while it runs again', () => {
    const shown = present(flow(api, { 'CRC-RDY-002': { status: 'pass', summary: '2 ms' } }, { running: new Set(['CRC-RDY-001', 'CRC-RDY-002']) }), now);
    const again = node(shown, 't/readiness/api/CRC-RDY-002');
    deepStrictEqual([again.icon?.id, again.description, again.contextValue], ['loading~spin', '2 ms', 'check running answered']);
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-001').description, 'running');
  });

  it('of a step says how far it is once its old counts are gone', () => {
    const checks = [...api, check('CRC-RDY-003', 'readiness', 'sts', 'Process')];
    const first = (done: Record<string, Said>, running: readonly string[]): string =>
      node(present(flow(checks, done, { running: new Set(running) }), now), 't/readiness').description;
    const ids = checks.map(({ id }) => id);
    strictEqual(first({}, ids), 'running');
    strictEqual(first({ 'CRC-RDY-001': { status: 'pass' } }, ids.slice(1)), 'running, 1 of 3');
    const old = Object.fromEntries(ids.map((id) => [id, { status: 'pass' } as const]));
    strictEqual(first(old, ids), '3 passed · 10 s');
  });

  it('of a check that was run apart from its step has an age of its own', () => {
    const shown = present(flow(api, { 'CRC-RDY-002': { status: 'pass', summary: '2 ms', apart: true, at: now - 65_000 } }), now);
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-002').description, '2 ms · 1 min');
    strictEqual(node(shown, 't/readiness/api/CRC-RDY-002').accessibilityLabel, 'Ready, passed, 2 ms, 1 minute ago');
  });

  it('is said as a person would say it', () => {
    const shown = present(flow(all, outage), now);
    strictEqual(node(shown, 't/streams').accessibilityLabel, 'Streams, 1 warning, 3 blocked, 10 seconds ago');
    strictEqual(node(shown, 't/readiness/api').accessibilityLabel, 'api, failed, 500 internal_error after 18.4 seconds');
    strictEqual(node(shown, 't/storage/Redis/blocked by CRC-STO-020').accessibilityLabel, '3 checks, blocked by Redis Reachable');
  });

  it('runs on a click when it is old, and opens its observations when it is a check', () => {
    const fresh = present(flow(api, outage), now);
    const old = present(flow(api, outage), now + 20_000);
    deepStrictEqual(
      [fresh, old].map((shown) => [node(shown, 't/readiness').opens, node(shown, 't/readiness/api').opens, node(shown, 't/readiness/api/CRC-RDY-001').opens]),
      [['nothing', 'nothing', 'observations'], ['run', 'run', 'observations']],
    );
  });
});

describe('What must be drawn again', () => {
  it('is one check, and its parents only when they look different', () => {
    const before = flow(all, outage);
    const same = flow(all, { ...outage, 'CRC-RDY-001': { status: 'pass', summary: 'running for 3 h' } });
    deepStrictEqual(changedNodes(present(before, now), present(same, now)), ['t/readiness/api/CRC-RDY-001']);
    const worse = flow(all, { ...outage, 'CRC-RDY-001': { status: 'unknown', summary: 'no answer in 20 s' } });
    deepStrictEqual(
      new Set(changedNodes(present(before, now), present(worse, now))),
      new Set(['t/readiness', 't/readiness/api', 't/readiness/api/CRC-RDY-001']),
    );
  });

  it('is only roots when time passes', () => {
    const state = flow(all, outage);
    deepStrictEqual(new Set(changedNodes(present(state, now), present(state, now + 19_000))), new Set());
    strictEqual(present(state, now).ageChangesIn, 20_000);
  });

  it('is the parent when a fold comes or goes', () => {
    const before = flow(redis, { ...outage, 'CRC-STO-023': { status: 'pass', summary: 'aof on' } });
    const after = flow(redis, outage);
    const changed = changedNodes(present(before, now), present(after, now));
    ok(changed.includes('t/storage/Redis'), changed.join(', '));
  });
});
