import { deepEqual, equal, ok } from 'node:assert/strict';
import { recoveryPlaces } from '../../src/model/remedy.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { CauseStory } from '../../src/ui/cause/causeMessages.ts';
import { causeAbout, causeStory } from '../../src/ui/cause/causeStory.ts';
import type { CauseStoryInput } from '../../src/ui/cause/causeStory.ts';
import { orderText } from '../../src/ui/cause/orderText.ts';
import { clock } from '../../src/ui/words.ts';
import { abstention, double, gone, leftBehind, outboxDead, policyGone, redisStopped, single } from './causeParts.ts';

const seen = clock(Date.parse('2026-08-20T14:06:24.118Z'));
const time = (iso: string): string => clock(Date.parse(iso));

describe('The story of a cause', () => {
  it('tells what was seen, what it does and what it explains', () => {
    const { title, mark, sentence, notice } = causeStory(single);
    deepEqual({ title, mark, notice }, { title: 'Redis is stopped', mark: 'sure', notice: '' });
    equal(sentence, 'The container caracal-redis-1 was stopped on request at 14:02:11. Without Redis nothing is minted, revoked, published or audited. It explains 7 of 8 failures. What it left behind: ② Coordinator events are dead.');
  });

  it('ranks everything that was considered, each with its standing and why', () => {
    deepEqual(causeStory(single).candidates.map(({ sign, title, standing, reason, cause }) => [sign, title, standing, reason, cause]), [
      ['①', 'Redis is stopped', 'confirmed', 'explains 7 failures, 2 warnings, 1 unknown', null],
      ['②', 'Coordinator events are dead', 'confirmed', 'left behind by ①: 3 dead, and stay dead', 'coordinator-outbox-dead'],
      ['', 'Redis refuses the password', 'ruled out', 'Redis › Reachable: refused before any password was sent', null],
      ['', 'Postgres is stopped', 'ruled out', 'Postgres › Reachable: answered in 2 ms', null],
      ['', 'audit › Health', 'not a cause', '/health follows Redis here', null],
      ['', 'log of gateway: denied: jti replay', 'not a cause', 'no replay, Redis failed', null],
    ]);
  });

  it('leads from each piece of evidence to its record', () => {
    const { speaksFor, speaksAgainst, path } = causeStory(single);
    const hint = '2026-08-20T14:06:24.118Z, by the clock of this machine';
    deepEqual(speaksFor[0], { words: 'Redis › Reachable: refused in 1 ms; container stopped', since: `since ${time('2026-08-20T14:02:11.004Z')}`, seen: 'seen', confirms: true, link: { check: 'CRC-STO-020', label: `Redis, ${seen}`, hint } });
    deepEqual(speaksFor.at(-1)?.link, { check: 'CRC-RDY-041', label: `audit, ${seen}`, hint }, 'a line of a log is in the record of the check that it was read for');
    equal(speaksAgainst.summary, '0 of 2 seen, 1 cannot be looked at');
    deepEqual(speaksAgainst.lines.map((line) => line.seen), ['not seen', 'not seen', 'cannot look']);
    deepEqual(path.map(({ title, words, link }) => [title, words, link?.check]), [
      ['Redis is stopped', '', 'CRC-STO-020'], ['Audit’s reader of the stream fails', '', 'CRC-RDY-042'], ['audit › Ready', '503 consumer_unhealthy', 'CRC-RDY-041'],
    ]);
  });

  it('says what it is that would confirm it, and the day of what began before today', () => {
    const { mark, notice, speaksFor, unexplained, sentence } = causeStory(double);
    equal(mark, 'unsure');
    equal(notice, 'Not confirmed: what would tell is Policy › Active set (no permission: read policy sets).');
    ok(/^since (19|20) Aug, \d\d:\d\d:\d\d$/.test(speaksFor[0]?.since ?? ''), speaksFor[0]?.since);
    equal(speaksFor[0]?.confirms, false);
    deepEqual(unexplained.map(({ name }) => name), ['Outboxes › Coordinator outbox', 'Alerts › Rules']);
    equal(sentence.endsWith('It explains 1 of 9 failures.'), true, sentence);
  });

  it('names nothing where it cannot tell, and says what would', () => {
    const { sentence, candidates, next, speaksAgainst } = causeStory(abstention);
    ok(sentence.endsWith('It would explain the only failure.'), sentence);
    deepEqual(candidates.map(({ standing, reason }) => [standing, reason]), [['possible', 'would explain 1 failure'], ['possible', 'would explain 1 failure'], ['not a cause', 'it counts refusals of STS as its own']]);
    deepEqual(next, { check: 'CRC-SVC-050', words: 'gateway › Connections, it tells apart: ① The Gateway has used up its connections; ② sts accepts and does not answer' });
    equal(speaksAgainst.summary, '1 of 1 seen');
  });

  it('says that a cause is no longer seen, and how it stood', () => {
    const { mark, notice, sentence, candidates, remedies } = causeStory(gone);
    equal(mark, 'gone');
    equal(notice, `This cause is no longer seen. What follows is how it stood at ${time('2026-08-20T14:06:30.000Z')}.`);
    equal(sentence, redisStopped.sentence);
    deepEqual(candidates.map(({ isShown }) => isShown), [false]);
    equal(remedies[0]?.button, null);
    equal(remedies[0].status?.mark, 'passed');
  });

  it('says of a mark that what brought it about is over', () => {
    const past = { ...outboxDead, standing: 'past' as const };
    const story = causeStory({ ...single, cause: past, diagnosis: { ...single.diagnosis, causes: [past] } });
    deepEqual([story.mark, story.notice], ['unsure', 'What brought it about is over, and its mark remains.']);
    equal(story.candidates[0]?.reason, 'left behind by what is over: 3 dead, and stay dead');
  });

  const cards: readonly (readonly [string, CauseStoryInput, { readonly button: string | null; readonly hindrance?: string; readonly first?: string }])[] = [
    ['it can be run', single, { button: 'Start Redis…' }],
    ['an earlier one is open', leftBehind, { button: null, first: 'first: ① start Redis' }],
    ['nothing can run it', double, { button: null, first: 'first: ① start Redis' }],
    ['the earlier one is over', { ...leftBehind, diagnosis: { ...single.diagnosis, causes: [{ ...redisStopped, standing: 'past' }, outboxDead] } }, { button: 'Requeue 3 events…' }],
    ['the earlier one is only possible', { ...leftBehind, diagnosis: { ...single.diagnosis, causes: [{ ...redisStopped, standing: 'possible' }, outboxDead] } }, { button: 'Requeue 3 events…' }],
    ['the earlier one only warns', { ...leftBehind, diagnosis: { ...single.diagnosis, causes: [{ ...redisStopped, own: ['CRC-STR-041'], explains: ['CRC-SVC-003'] }, outboxDead] } }, { button: 'Requeue 3 events…' }],
    ['nobody knows whether it is this one', abstention, { button: null, first: 'first: find out whether it is this one' }],
    ['the workspace is not trusted', { ...single, isTrusted: false }, { button: 'Start Redis…', hindrance: 'untrusted' }],
    ['another one is being run', { ...single, isBusy: true }, { button: 'Start Redis…', hindrance: 'busy' }],
  ];
  for (const [when, input, expected] of cards) {
    it(`has a remedy as it can be done where ${when}`, () => {
      const { button, hindrance, first } = causeStory(input).remedies[0] ?? {};
      deepEqual({ button, hindrance, first: first?.words }, { hindrance: '', first: undefined, ...expected });
    });
  }

  it('tells the place of a remedy in the order of recovery', () => {
    const { places, remedies } = causeStory(single);
    deepEqual(places.map((place) => place.toLowerCase()), recoveryPlaces);
    equal(remedies[0]?.place, 1);
    deepEqual([remedies[0].proofRuns, causeStory(double).remedies[0]?.proofRuns, causeStory(gone).remedies[0]?.proofRuns], ['by themselves', 'when asked', 'no']);
    deepEqual(remedies[0].provedBy, [{ check: 'CRC-STO-020', name: 'Redis › Reachable' }, { check: 'CRC-RDY-021', name: 'sts › Ready' }]);
  });

  it('is left as it is by the redactor, which masks what is secret in it', () => {
    const story = causeStory(single);
    const redactor = createRedactor();
    deepEqual(redactor.json(story), story);
    redactor.learn('hunter2-of-redis', 'password');
    const leaking = causeStory({ ...single, cause: { ...redisStopped, sentence: 'The password hunter2-of-redis was refused.' } });
    ok(!JSON.stringify(redactor.json(leaking)).includes('hunter2'));
  });
});

describe('A cause is found', () => {
  const { diagnosis } = single;
  for (const [by, from, id] of [
    ['being the first', undefined, 'redis-stopped'],
    ['its id', 'coordinator-outbox-dead', 'coordinator-outbox-dead'],
    ['its row in the tree', '/targets/lab.json/fix/coordinator-outbox-dead', 'coordinator-outbox-dead'],
    ['something below its row', '/targets/lab.json/fix/coordinator-outbox-dead/remedy', 'coordinator-outbox-dead'],
    ['the row of a check that it is', 'lab/streams/Outboxes/CRC-STR-040', 'coordinator-outbox-dead'],
    ['the row of a check, whatever the target is called', '/redis-stopped/lab.json/streams/Outboxes/CRC-STR-040', 'coordinator-outbox-dead'],
    ['the row of a check that it explains', 'lab/readiness/audit/CRC-RDY-041', 'redis-stopped'],
    ['nothing that has to do with it', 'lab/readiness/web/CRC-RDY-061', undefined],
  ] as const) it(`by ${by}`, () => equal(causeAbout(diagnosis, from)?.id, id));
});


it('Says of a cause that is not sure so in its title', () => {
  const titles = ({ title, tab }: CauseStory): readonly string[] => [title, tab];
  deepEqual(titles(causeStory(single)), ['Redis is stopped', 'Cause: Redis is stopped']);
  deepEqual(titles(causeStory({ ...single, cause: { ...single.cause, standing: 'likely' } })), ['Likely: Redis is stopped', 'Likely: Redis is stopped']);
  deepEqual(titles(causeStory({ ...single, cause: { ...single.cause, standing: 'past' } })), ['Redis is stopped', 'Cause: Redis is stopped']);
});

describe('Why causes stand in their order', () => {
  it('is told by the parts of their scores', () => {
    const text = orderText({ ...single.diagnosis, causes: [redisStopped, policyGone, outboxDead] }, single.numbers);
    equal(text.slice(text.indexOf('\n\n') + 2), `① Redis is stopped:
  id: redis-stopped
  standing: confirmed
  it is seen itself: +3
  what it explains: +7.5
  it began first: +0.25
  sum: +10.75

No policy set is active:
  id: policy-none-active
  standing: likely
  what it explains: +1.5
  sum: +1.5

② Coordinator events are dead:
  id: coordinator-outbox-dead
  standing: confirmed
  left behind by: redis-stopped
  it is seen itself: +3
  sum: +3

ruled out:
  - Redis refuses the password: "Redis › Reachable: refused before any password was sent"
  - Postgres is stopped: "Postgres › Reachable: answered in 2 ms"
`);
  });

  it('says so where there is none', () => ok(orderText({ ...single.diagnosis, causes: [], ruledOut: [] }, new Map()).endsWith('\n\n# No cause is seen.\n')));
});
