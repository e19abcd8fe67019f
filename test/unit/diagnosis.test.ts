import assert from 'node:assert/strict';
import { logMessages } from '../../src/caracal/logMessages.ts';
import { conditions } from '../../src/diagnosis/conditions.ts';
import { families, isCause } from '../../src/diagnosis/definition.ts';
import type { Pattern } from '../../src/diagnosis/definition.ts';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Situation } from '../../src/diagnosis/situation.ts';
import { checks } from '../../src/flow/catalogue.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import type { Status } from '../../src/model/status.ts';

/** Check and state, then signs: `'STO-020 fail ECONNREFUSED'`; a blocked one names what blocks it. */
type Short = string;

function verdictOf(short: Short): Verdict {
  const [id = '', status = '', ...rest] = short.split(' ');
  const check = checks.find((each) => each.id === `CRC-${id}`);
  assert(check, `there is no check ${id}`);
  return {
    check: check.id, step: check.step, component: check.component, title: check.title, status: status as Status, summary: rest.join(' '), reasoning: '', facts: [],
    ...(status === 'blocked' ? { blockedBy: `CRC-${rest[0] ?? ''}`, observations: [] } : { signs: rest, observations: [`of ${id}`] }),
  };
}

/** Of a target of addresses; a check that is not named was not run, or with `wellOtherwise` passed, or is blocked by one that failed. */
function situation(shorts: readonly Short[], more: Partial<Situation> & { readonly wellOtherwise?: boolean } = {}): Situation {
  const { wellOtherwise = false, ...others } = more;
  const own = checks.filter(({ kinds }) => kinds === undefined);
  const verdicts = shorts.map(verdictOf);
  const named = new Set(verdicts.map(({ check }) => check));
  const failed = (id: string): string | undefined => {
    if (verdicts.some(({ check, status }) => check === id && status === 'fail')) return id;
    return checks.find((check) => check.id === id)?.needs.map(failed).find((need) => need !== undefined);
  };
  const rest = ({ id, needs }: (typeof own)[number]): Verdict => {
    const blocker = needs.map(failed).find((need) => need !== undefined);
    return verdictOf(blocker === undefined ? `${id.slice(4)} pass` : `${id.slice(4)} blocked ${blocker.slice(4)}`);
  };
  const well = wellOtherwise ? own.filter(({ id }) => !named.has(id)).map(rest) : [];
  return { checks: own, verdicts: [...verdicts, ...well], logged: [], changes: [], ...others };
}

function found(of: Situation): Diagnosis {
  return diagnose(of).result;
}

const standings = ({ causes }: Diagnosis): readonly string[] => causes.map(({ id, standing }) => `${id} ${standing}`);

const redisAway = ['RDY-013 fail redis_unreachable', 'RDY-023 fail redis_unreachable', 'RDY-033 fail consumer_unhealthy', 'RDY-032 fail consumer_unhealthy', 'RDY-003 fail internal_error', 'RDY-043 fail internal_error', 'RDY-090 fail Redis'];

describe('what may be true of a deployment', () => {
  const ids = new Set(conditions.map(({ id }) => id));
  const known = new Set(checks.map(({ id }) => id));
  const messages = new Set(Object.entries(logMessages).flatMap(([source, of]) => Object.keys(of).map((text) => `${source}: ${text}`)));
  const patternsOf = (condition: (typeof conditions)[number]): readonly Pattern[] => [
    ...condition.seenAt, ...(condition.given ?? []), ...(condition.unless ?? []), ...(condition.brings ?? []), ...(isCause(condition) ? [...(condition.against ?? []), ...(condition.says ?? [])] : []),
  ];

  it('has each id once', () => assert.equal(ids.size, conditions.length));

  it('speaks of checks, messages and conditions that exist', () => {
    for (const condition of conditions) {
      for (const pattern of patternsOf(condition)) {
        if ('check' in pattern) assert(known.has(pattern.check), `${condition.id}: ${pattern.check}`);
        else assert(messages.has(pattern.logged), `${condition.id}: ${pattern.logged}`);
      }
      for (const id of [...(condition.leadsTo ?? []), ...(isCause(condition) ? (condition.leftBy ?? []) : [])]) assert(ids.has(id), `${condition.id}: ${id}`);
    }
  });

  it('says of each cause where it is seen, what it does, and where Caracal says so', () => {
    for (const condition of conditions.filter(isCause)) {
      assert(condition.seenAt.length > 0, condition.id);
      assert(families.includes(condition.family), condition.id);
      assert.match(condition.title, /^[A-Zw].*[^.]$/, condition.id);
      assert.match(condition.means, /^[A-Zw].*\.$/, condition.id);
      assert.notEqual(condition.source, '', condition.id);
    }
  });

  it('names nothing of the lab', () => {
    for (const condition of conditions) assert.doesNotMatch(JSON.stringify(condition), /\b(?:lab|Payments)\b/i, condition.id);
  });

  it('has a cause for each check that can fail', () => {
    const seen = new Set(conditions.flatMap(({ seenAt, brings = [] }) => [...seenAt, ...brings]).flatMap((pattern) => ('check' in pattern ? [pattern.check] : [])));
    // They cannot fail: they tell, or say that something does not apply.
    const never = ['CRC-SVC-050', 'CRC-SVC-109', 'CRC-SVC-201', 'CRC-SVC-212', 'CRC-STO-044'];
    const observers = ['CRC-STR-003', 'CRC-STR-011', 'CRC-STR-061', 'CRC-STR-071'];
    assert.deepEqual(checks.map(({ id }) => id).filter((id) => !seen.has(id) && !never.includes(id) && !observers.includes(id)), []);
  });
});

describe('the causes of what is red', () => {
  it('are none where nothing is', () => {
    const diagnosis = found(situation([], { wellOtherwise: true }));
    assert.deepEqual(diagnosis, { causes: [], ruledOut: [], notCauses: [], unexplained: [], failures: { all: 0, explained: 0 }, next: null });
  });

  it('are not what services report, but what is seen itself', () => {
    const diagnosis = found(situation([...redisAway, 'STO-020 fail ECONNREFUSED', 'STO-021 blocked STO-020'], { wellOtherwise: true }));
    // Gateway and STS would speak against it if they were ready.
    assert.deepEqual(standings(diagnosis), ['redis-stopped confirmed']);
    const [cause] = diagnosis.causes;
    assert(cause);
    assert.deepEqual(cause.own, ['CRC-STO-020']);
    const ofReadiness = cause.explains.filter((check) => check.startsWith('CRC-RDY'));
    assert.deepEqual(ofReadiness, ['CRC-RDY-003', 'CRC-RDY-013', 'CRC-RDY-023', 'CRC-RDY-032', 'CRC-RDY-033', 'CRC-RDY-034', 'CRC-RDY-043', 'CRC-RDY-090']);
    // What Redis blocks is explained by it as well.
    assert(cause.explains.includes('CRC-STR-002') && cause.explains.includes('CRC-STO-021'));
    assert.deepEqual(diagnosis.failures, { all: 8, explained: 8 });
    assert.deepEqual(cause.against.map(({ check, seen }) => [check, seen]), [['CRC-STO-021', null], ['CRC-RDY-013', false], ['CRC-RDY-023', false]]);
    assert.deepEqual(cause.path.map(({ words, check }) => [words, check]), [
      ['Redis is stopped', 'CRC-STO-020'],
      ['services do not get through to Redis', 'CRC-RDY-003'],
      ['Audit cannot read its stream', 'CRC-RDY-033'],
      ['audit › Health: consumer_unhealthy', 'CRC-RDY-032'],
    ]);
    assert(cause.path.every(({ observations }) => observations.length > 0));
  });

  it('are on our side where the services reach what we do not', () => {
    const diagnosis = found(situation(['STO-020 fail ECONNREFUSED', 'STO-021 blocked STO-020'], { wellOtherwise: true }));
    assert.deepEqual(standings(diagnosis), ['redis-away-from-here confirmed']);
    assert.deepEqual(diagnosis.ruledOut.map(({ id, why }) => [id, why.check]), [['redis-stopped', 'CRC-RDY-013'], ['nothing-started', 'CRC-RDY-090']]);
  });

  it('are between services and a store that answers here', () => {
    assert.deepEqual(standings(found(situation(redisAway, { wellOtherwise: true }))), ['redis-network confirmed']);
  });

  it('are not named where nothing tells them apart; then the check that would is', () => {
    const { result, wants } = diagnose(situation([...redisAway, 'STO-020 unknown', 'STO-021 unknown', 'STO-027 unknown', 'STO-031 unknown', 'STO-026 unknown', 'STO-024 unknown'], { wellOtherwise: true }));
    assert.equal(result.causes.length, 3);
    assert(result.causes.every(({ standing }) => standing === 'possible'));
    assert.equal(result.next?.check, 'CRC-STO-020');
    assert.deepEqual(result.next.between, result.causes.map(({ id }) => id));
    assert.equal(result.failures.explained, 0);
    assert.equal(result.unexplained.length, redisAway.length);
    assert.deepEqual(wants, []);
  });

  it('are looked for in checks that were not run', () => {
    const { wants } = diagnose(situation(['RDY-013 fail redis_unreachable', 'RDY-023 fail redis_unreachable']));
    for (const check of ['CRC-STO-020', 'CRC-STO-021', 'CRC-STO-027', 'CRC-STO-031']) assert(wants.includes(check), check);
    assert.deepEqual(diagnose(situation(['RDY-013 pass'])).wants, []);
  });

  it('are several where one does not explain all', () => {
    const diagnosis = found(situation([...redisAway, 'STO-020 fail ECONNREFUSED', 'STO-004 fail', 'STO-006 fail'], { wellOtherwise: true }));
    assert.deepEqual(standings(diagnosis), ['redis-stopped confirmed', 'migrations-pending confirmed']);
    assert.deepEqual(diagnosis.failures, { all: 10, explained: 10 });
  });

  it('tell a Gateway without a group from one that is gone and from one that reads slowly', () => {
    const first = (...shorts: readonly Short[]): unknown => standings(found(situation(shorts, { wellOtherwise: true })))[0];
    assert.equal(first('STR-032 fail unread', 'STR-035 warn unread'), 'gateway-revocation-left-behind confirmed');
    assert.equal(first('STR-032 fail stalled'), 'gateway-revocation-behind confirmed');
    assert.equal(first('STR-032 fail unread', 'STR-035 warn unread', 'RDY-021 fail ECONNREFUSED'), 'gateway-down confirmed');
    assert.deepEqual(found(situation(['STR-032 fail unread', 'STR-035 warn unread'], { wellOtherwise: true })).unexplained, []);
  });

  it('are said to be left behind where what left them is there, and past where it is over', () => {
    const dead = ['STR-091 fail dead', 'RDY-043 fail outbox_dead'];
    const withRedis = found(situation([...redisAway.filter((short) => !short.startsWith('RDY-043')), ...dead, 'STO-020 fail ECONNREFUSED'], { wellOtherwise: true }));
    assert.deepEqual(withRedis.causes.map(({ id, leftBehindBy }) => [id, leftBehindBy]), [['redis-stopped', null], ['coordinator-outbox-dead', 'redis-stopped']]);
    const of = situation([...redisAway, ...dead.slice(0, 1), 'STO-020 fail ECONNREFUSED'], { wellOtherwise: true });
    const begun = (redis: string, outbox: string): unknown => {
      const since: Readonly<Record<string, string>> = { 'CRC-STO-020': redis, 'CRC-STR-091': outbox };
      return found({ ...of, verdicts: of.verdicts.map((verdict) => ({ ...verdict, ...(since[verdict.check] === undefined ? {} : { since: since[verdict.check] }) })) }).causes.map(({ id, leftBehindBy }) => [id, leftBehindBy]);
    };
    assert.deepEqual(begun('2026-08-20T14:02:00Z', '2026-08-20T14:01:00Z'), [['redis-stopped', null], ['coordinator-outbox-dead', 'redis-stopped']]);
    assert.deepEqual(begun('2026-08-20T14:02:00Z', '2026-08-19T09:00:00Z'), [['redis-stopped', null], ['coordinator-outbox-dead', null]], 'dead since yesterday');
    assert.deepEqual(found(situation(dead, { wellOtherwise: true })).causes.map(({ id, leftBehindBy }) => [id, leftBehindBy]), [['coordinator-outbox-dead', null]]);
    assert.deepEqual(standings(found(situation(['SVC-018 fail', 'RDY-013 fail audit_evidence_lost', 'SVC-090 warn'], { wellOtherwise: true }))), ['sts-evidence-lost past']);
  });

  it('stand first where they explain a failure', () => {
    assert.deepEqual(standings(found(situation(['SVC-019 warn', 'RDY-003 fail internal_error', 'RDY-043 fail internal_error', 'RDY-090 fail Redis']))).slice(-1), ['replay-backlog confirmed']);
  });

  it('do not hide what nothing explains', () => {
    const diagnosis = found(situation(['STO-004 fail', 'SVC-041 unknown', 'STR-003 fail'], { wellOtherwise: true }));
    assert.deepEqual(standings(diagnosis), ['migrations-pending confirmed']);
    assert.deepEqual(diagnosis.unexplained, ['CRC-STR-003']);
    assert.deepEqual(diagnosis.failures, { all: 2, explained: 1 });
  });

  it('are weighed in the open', () => {
    const changes = [{ at: '2026-08-20T14:02:05Z', what: 'postgres started, redis started, files of (web, redis) changed, 4 min ago', observations: ['compose.project/Compose'] }, { at: '2026-08-20T13:00:00Z', what: 'redis created', observations: [] }];
    const logged = [{ id: 'api: [ioredis] Unhandled error event: {…}ECONNREFUSED…', count: 12, firstAt: '2026-08-20T14:02:11Z', lastAt: null, observation: 'logs.findings/api' }];
    const of = situation([...redisAway, 'STO-020 fail ECONNREFUSED'], { wellOtherwise: true, changes, logged });
    const since = (check: string, at: string): readonly Verdict[] => of.verdicts.map((verdict) => (verdict.check === check ? { ...verdict, since: at } : verdict));
    const { causes: [cause] } = found({ ...of, verdicts: since('CRC-STO-020', '2026-08-20T14:02:11Z') });
    assert(cause);
    assert.deepEqual(cause.score.map(({ name }) => name), ['it is seen itself', 'what it explains', 'logs say so', 'changed shortly before']);
    assert(cause.for.some(({ words, at }) => words === 'redis started, files of (web, redis) changed' && at === '2026-08-20T14:02:05Z'));
    assert(cause.for.some(({ words, observations }) => words.startsWith('log of api: [ioredis]') && observations.includes('logs.findings/api')));
  });
});

describe('what is not a cause', () => {
  it('says so of itself', () => {
    const health = { ...verdictOf('RDY-032 fail consumer_unhealthy'), summary: 'not a cause: /health follows Redis here' };
    const alerts = { ...verdictOf('SVC-090 pass'), facts: [{ name: 'CaracalSTSPolicyBundleStale', value: 'false alarm: 3,600, above 300; always fires where the policy stays the same for 5 min' }] };
    const of = situation([], { wellOtherwise: true });
    const diagnosis = found({ ...of, verdicts: [...of.verdicts.filter(({ check }) => check !== health.check && check !== alerts.check), health, alerts] });
    assert.deepEqual(diagnosis.notCauses, [
      { words: 'audit › Health', why: '/health follows Redis here', check: 'CRC-RDY-032' },
      { words: 'alert CaracalSTSPolicyBundleStale', why: 'always fires where the policy stays the same for 5 min', check: 'CRC-SVC-090' },
    ]);
  });

  it('is a message that misleads after another one', () => {
    const logged = (id: string): Situation['logged'][number] => ({ id, count: 1, firstAt: null, lastAt: null, observation: 'logs.findings/gateway' });
    const of = (...ids: readonly string[]): Diagnosis => found(situation(['STO-004 fail'], { logged: ids.map(logged) }));
    assert.deepEqual(of('gateway: denied: jti replay').notCauses, []);
    assert.deepEqual(of('gateway: denied: jti replay', 'gateway: jti tracker setnx failed').notCauses.map(({ why }) => why), ['no replay, Redis failed']);
  });
});
