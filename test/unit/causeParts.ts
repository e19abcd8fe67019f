/** Diagnoses as a deployment would give them, for the panel of causes. */
import type { Verdict } from '../../src/model/check.ts';
import type { Cause, Diagnosis, Evidence } from '../../src/model/diagnosis.ts';
import type { Remedy } from '../../src/model/remedy.ts';
import type { Status } from '../../src/model/status.ts';
import type { Step } from '../../src/model/step.ts';
import type { CauseStoryInput, Recorded } from '../../src/ui/cause/causeStory.ts';

type Row = readonly [check: string, step: Step, component: string, title: string, status: Status, summary: string];

/** A flow during an outage of Redis: seven failures of it, and one that it left behind. */
const outage: readonly Row[] = [
  ['CRC-RDY-011', 'readiness', 'api', 'Ready', 'fail', '500 internal_error after 18.4 s'],
  ['CRC-RDY-021', 'readiness', 'sts', 'Ready', 'fail', '503 redis_unreachable'],
  ['CRC-RDY-031', 'readiness', 'gateway', 'Ready', 'fail', '503 redis_unreachable'],
  ['CRC-RDY-041', 'readiness', 'audit', 'Ready', 'fail', '503 consumer_unhealthy'],
  ['CRC-RDY-042', 'readiness', 'audit', 'Health', 'fail', 'not a cause: /health follows Redis here'],
  ['CRC-RDY-051', 'readiness', 'coordinator', 'Ready', 'fail', '500 internal_error after 18.9 s'],
  ['CRC-RDY-061', 'readiness', 'web', 'Ready', 'pass', 'ready'],
  ['CRC-STO-001', 'storage', 'Postgres', 'Reachable', 'pass', 'answered in 2 ms'],
  ['CRC-STO-020', 'storage', 'Redis', 'Reachable', 'fail', 'refused in 1 ms; container stopped'],
  ['CRC-STO-021', 'storage', 'Redis', 'Signs in', 'blocked', 'blocked by Redis › Reachable'],
  ['CRC-STR-001', 'streams', 'audit.events', 'Consumed', 'blocked', 'blocked by Redis › Reachable'],
  ['CRC-STR-040', 'streams', 'Outboxes', 'Coordinator outbox', 'fail', '3 dead, and stay dead'],
  ['CRC-STR-041', 'streams', 'Outboxes', 'API outbox', 'warn', '41 waiting, oldest 4 min'],
  ['CRC-SVC-003', 'services', 'Compose', 'Containers', 'warn', 'redis stopped at 14:02:11, exit 0'],
  ['CRC-AUD-010', 'audit', 'Ledger', 'Newest event', 'unknown', 'no answer in 20 s'],
];

const at = '2026-08-20T14:06:24.118Z';

function verdictOf([check, step, component, title, status, summary]: Row): Verdict {
  return { check, step, component, title, status, summary, reasoning: '', facts: [], observations: [`of ${check}`], ...(status === 'blocked' ? { blockedBy: 'CRC-STO-020' } : {}) };
}

/** What is known of the rows of a flow. */
export function known(rows: readonly Row[]): Pick<CauseStoryInput, 'checks' | 'verdicts' | 'recorded'> {
  return {
    checks: rows.map(([id, , component, title]) => ({ id, component, title })),
    verdicts: new Map(rows.map((row) => [row[0], verdictOf(row)])),
    recorded: new Map(rows.map(([check, , component]): [string, Recorded] => [`of ${check}`, { check, of: component, at }])),
  };
}

const evidence = (words: string, check: string | null, since: string | null = null): Evidence => ({ words, check, observations: check === null ? [] : [`of ${check}`], at: since });

export const redisStopped: Cause = {
  id: 'redis-stopped', component: 'Redis', title: 'Redis is stopped',
  sentence: 'The container caracal-redis-1 was stopped on request at 14:02:11. Without Redis nothing is minted, revoked, published or audited.',
  standing: 'confirmed',
  own: ['CRC-STO-020'],
  explains: ['CRC-RDY-011', 'CRC-RDY-021', 'CRC-RDY-031', 'CRC-RDY-041', 'CRC-RDY-042', 'CRC-RDY-051', 'CRC-STO-021', 'CRC-STR-001', 'CRC-STR-041', 'CRC-SVC-003', 'CRC-AUD-010'],
  for: [
    evidence('Redis › Reachable: refused in 1 ms; container stopped', 'CRC-STO-020', '2026-08-20T14:02:11.004Z'),
    evidence('Compose › Containers: redis stopped at 14:02:11, exit 0', 'CRC-SVC-003', '2026-08-20T14:02:11.340Z'),
    evidence('sts and gateway answer redis_unreachable', 'CRC-RDY-021'),
    evidence('api and coordinator hang 18 s, then answer 500', 'CRC-RDY-011'),
    { ...evidence('log of audit: cannot read a stream, 741 times', null, '2026-08-20T14:02:11.402Z'), observations: ['of CRC-RDY-041'] },
  ],
  against: [
    { ...evidence('Postgres › Reachable fails as well', 'CRC-STO-001'), seen: false },
    { ...evidence('web › Ready fails as well', 'CRC-RDY-061'), seen: false },
    { ...evidence('Redis › Signs in passes', 'CRC-STO-021'), seen: null },
  ],
  unconfirmed: null,
  path: [
    evidence('Redis is stopped', 'CRC-STO-020', '2026-08-20T14:02:11.004Z'),
    evidence('Audit’s reader of the stream fails', 'CRC-RDY-042', '2026-08-20T14:02:11.402Z'),
    evidence('audit › Ready: 503 consumer_unhealthy', 'CRC-RDY-041'),
  ],
  leftBehindBy: null,
  score: [{ name: 'it is seen itself', value: 3 }, { name: 'what it explains', value: 7.5 }, { name: 'it began first', value: 0.25 }],
};

export const outboxDead: Cause = {
  id: 'coordinator-outbox-dead', component: 'Outboxes', title: 'Coordinator events are dead', sentence: 'Three events gave up after ten tries. They are not tried again by themselves.', standing: 'confirmed',
  own: ['CRC-STR-040'], explains: [], for: [evidence('Outboxes › Coordinator outbox: 3 dead, and stay dead', 'CRC-STR-040')], against: [],
  unconfirmed: null, path: [evidence('Coordinator events are dead', 'CRC-STR-040'), evidence('Outboxes › Coordinator outbox: 3 dead, and stay dead', 'CRC-STR-040')],
  leftBehindBy: 'redis-stopped', score: [{ name: 'it is seen itself', value: 3 }],
};

const ruledOut: Diagnosis['ruledOut'] = [
  { id: 'redis-password', title: 'Redis refuses the password', why: evidence('Redis › Reachable: refused before any password was sent', 'CRC-STO-020') },
  { id: 'postgres-stopped', title: 'Postgres is stopped', why: evidence('Postgres › Reachable: answered in 2 ms', 'CRC-STO-001') },
];

const notCauses: Diagnosis['notCauses'] = [
  { words: 'audit › Health', why: '/health follows Redis here', check: 'CRC-RDY-042' },
  { words: 'log of gateway: denied: jti replay', why: 'no replay, Redis failed', check: null },
];

export const startRedis: Remedy = {
  id: 'start-container', cause: 'redis-stopped', title: 'start Redis', place: 'stores', commands: ['docker compose -p caracal start redis'], advice: '', dryRun: null,
  changes: 'the state of one container; the volume caracal_redisData stays as it is', risk: 'low', provedBy: ['CRC-STO-020', 'CRC-RDY-021'],
  stillOpen: ['audit answers consumer_unhealthy until the next audit event', 'coordinator answers outbox_dead until 3 events are requeued', '2 sts replay files drain when sts restarts'],
  call: { kind: 'container', action: 'start', container: 'caracal-redis-1' },
};

export const requeueEvents: Remedy = {
  id: 'requeue-rows', cause: 'coordinator-outbox-dead', title: 'requeue 3 events', place: 'backlogs', advice: 'Read what each event says first: it is delivered once more to everybody who listens.', dryRun: null,
  commands: ['a', 'b', 'c'].map((id) => `curl -fsS -X POST -H "Authorization: Bearer $CARACAL_COORDINATOR_TOKEN" http://127.0.0.1:4000/zones/7f1c/outbox/${id}/requeue`),
  changes: 'three rows of the outbox, which are tried again', risk: 'medium', provedBy: ['CRC-STR-040'], stillOpen: [],
  call: { kind: 'requeue', rows: ['a', 'b', 'c'].map((id) => ({ zone: '7f1c', id })) },
};

const common = { seenAt: Date.parse('2026-08-20T14:06:30.000Z'), statuses: new Map(), isBusy: false, isTrusted: true, timeZone: 'UTC' } as const;

/** One cause, and what it left behind. */
export const single: CauseStoryInput = {
  ...common, ...known(outage), cause: redisStopped,
  diagnosis: { causes: [redisStopped, outboxDead], ruledOut, notCauses, unexplained: [], failures: { all: 8, explained: 8 }, next: null },
  numbers: new Map([['redis-stopped', 1], ['coordinator-outbox-dead', 2]]),
  remedies: new Map([['redis-stopped', [startRedis]], ['coordinator-outbox-dead', [requeueEvents]]]),
};

/** The second cause of the same outage: its remedy comes later. */
export const leftBehind: CauseStoryInput = { ...single, cause: outboxDead };

export const policyGone: Cause = {
  id: 'policy-none-active', component: 'Policy', title: 'No policy set is active', sentence: 'Policy › Active set: none in the zone acme. Every exchange of this zone is denied.', standing: 'likely',
  own: [], explains: ['CRC-SVC-020', 'CRC-RDY-061'], for: [evidence('sts denied 41 exchanges with no_active_policy_set', 'CRC-SVC-020', '2026-08-19T22:10:00.000Z')],
  against: [{ ...evidence('Policy › Active set passes', 'CRC-SVC-021'), seen: null }], unconfirmed: { check: 'CRC-SVC-021', why: 'no permission: read policy sets' },
  path: [evidence('No policy set is active', null), evidence('Policy › Denials: 41 in an hour', 'CRC-SVC-020')], leftBehindBy: null, score: [{ name: 'what it explains', value: 1.5 }],
};

const activate: Remedy = {
  id: 'activate', cause: 'policy-none-active', title: 'activate a policy set', place: 'freshness', commands: [], advice: 'Pick the policy set that was active last, on the page Policies of the zone, and activate it.', dryRun: null,
  changes: 'what every exchange of the zone is decided by', risk: 'high', provedBy: ['CRC-SVC-021'], stillOpen: ['mandates that were denied are not retried'], call: null,
};

const twoRows: readonly Row[] = [
  ...outage,
  ['CRC-SVC-020', 'services', 'Policy', 'Denials', 'fail', '41 in an hour'],
  ['CRC-SVC-021', 'services', 'Policy', 'Active set', 'unknown', 'no permission: read policy sets'],
  ['CRC-SVC-030', 'services', 'Alerts', 'Rules', 'warn', '1 fires'],
];

/** Two causes that have nothing to do with each other; the second one is shown. */
export const double: CauseStoryInput = {
  ...common, ...known(twoRows), cause: policyGone,
  diagnosis: { causes: [redisStopped, policyGone], ruledOut: ruledOut.slice(0, 1), notCauses: [], unexplained: ['CRC-STR-040', 'CRC-SVC-030'], failures: { all: 9, explained: 8 }, next: null },
  numbers: new Map([['redis-stopped', 1], ['policy-none-active', 2]]),
  remedies: new Map([['redis-stopped', [startRedis]], ['policy-none-active', [activate]]]),
};

const possible = (id: string, title: string, check: string): Cause => ({
  id, component: 'Gateway', title, sentence: 'It was not seen itself; gateway › Ready fits. The Gateway lets nothing pass.', standing: 'possible', own: [], explains: ['CRC-RDY-031'],
  for: [evidence('gateway › Ready: 503 sts_unreachable', 'CRC-RDY-031')], against: [{ ...evidence('sts › Ready passes', 'CRC-RDY-021'), seen: true }],
  unconfirmed: { check, why: 'not run' }, path: [evidence(title, null), evidence('gateway › Ready: 503 sts_unreachable', 'CRC-RDY-031')], leftBehindBy: null, score: [{ name: 'what it explains', value: 0.5 }, { name: 'what speaks against it', value: -2 }],
});

const restartGateway: Remedy = {
  id: 'restart', cause: 'gateway-pool-used-up', title: 'restart gateway', place: 'services', commands: ['docker compose -p caracal restart gateway'], advice: '', dryRun: 'docker compose -p caracal --dry-run restart gateway',
  changes: 'one container; calls that it is passing on are cut off', risk: 'medium', provedBy: ['CRC-RDY-031'], stillOpen: [], call: { kind: 'container', action: 'restart', container: 'caracal-gateway-1' },
};

const unsure = [possible('gateway-pool-used-up', 'The Gateway has used up its connections', 'CRC-SVC-050'), possible('sts-silent', 'sts accepts and does not answer', 'CRC-SVC-050')] as const;

/** Nothing can be named, and one check would tell. */
export const abstention: CauseStoryInput = {
  ...common,
  ...known([
    ['CRC-RDY-021', 'readiness', 'sts', 'Ready', 'pass', 'ready'],
    ['CRC-RDY-031', 'readiness', 'gateway', 'Ready', 'fail', '503 sts_unreachable'],
    ['CRC-SVC-050', 'services', 'gateway', 'Connections', 'unknown', 'not run'],
  ]),
  cause: unsure[0],
  diagnosis: {
    causes: [...unsure], ruledOut: [], notCauses: [{ words: 'alert GatewayErrors', why: 'it counts refusals of STS as its own', check: 'CRC-RDY-031' }], unexplained: ['CRC-RDY-031'], failures: { all: 1, explained: 0 },
    next: { check: 'CRC-SVC-050', words: `gateway › Connections, it tells apart: ${unsure[0].title}; ${unsure[1].title}`, between: unsure.map(({ id }) => id) },
  },
  numbers: new Map([['gateway-pool-used-up', 1], ['sts-silent', 2]]),
  remedies: new Map([['gateway-pool-used-up', [restartGateway]]]),
};

/** The cause is over: its remedy worked. */
export const gone: CauseStoryInput = {
  ...single, diagnosis: { ...single.diagnosis, causes: [{ ...outboxDead, leftBehindBy: null }], ruledOut: [], notCauses: [] },
  statuses: new Map([['start-container', {
    mark: 'passed', text: 'Started at 14:09:31. It worked: 6 of 7 failures are gone.',
    changes: outage.slice(0, 12).filter(([, , , , status]) => status === 'fail' || status === 'blocked').map(([check, , component, title, status, summary]) => ({
      check, name: `${component} › ${title}`, before: { mark: status === 'fail' ? 'failed' as const : 'none' as const, text: summary }, after: { mark: 'passed' as const, text: 'ready' },
    })),
  }]]),
};

const nasty = '<script>window.hurt = 1</script><img src=x onerror="window.hurt = 2">\u202Egnp.exe ① ' + 'W'.repeat(120);

/** Texts as somebody would write them who wants to be believed. */
export const hostile: CauseStoryInput = {
  ...single,
  ...known([['CRC-STO-020', 'storage', nasty, nasty, 'fail', nasty]]),
  cause: { ...redisStopped, title: nasty, sentence: nasty, for: [evidence(nasty, 'CRC-STO-020', at)], against: [{ ...evidence(nasty, 'CRC-STO-020'), seen: true }], path: [evidence(nasty, 'CRC-STO-020', at), evidence(`${nasty} › ${nasty}: ${nasty}`, 'CRC-STO-020')] },
  diagnosis: { ...single.diagnosis, causes: [{ ...redisStopped, title: nasty }], ruledOut: [{ id: nasty, title: nasty, why: evidence(nasty, 'CRC-STO-020') }], notCauses: [{ words: nasty, why: nasty, check: null }], unexplained: ['CRC-STO-020', nasty], next: { check: nasty, words: nasty, between: [] } },
  remedies: new Map([['redis-stopped', [{ ...startRedis, title: nasty, advice: nasty, commands: [nasty], dryRun: nasty, changes: nasty, provedBy: [nasty], stillOpen: [nasty, nasty] }]]]),
  statuses: new Map([['start-container', { mark: 'failed', text: nasty, changes: [{ check: nasty, name: nasty, before: { mark: 'failed', text: nasty }, after: { mark: 'passed', text: nasty } }] }]]),
};
