import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { conditions } from '../../src/diagnosis/conditions.ts';
import { isCause } from '../../src/diagnosis/definition.ts';
import { checksOf, subjects } from '../../src/flow/catalogue.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { ContainerFacts } from '../../src/model/compose.ts';
import type { Cause } from '../../src/model/diagnosis.ts';
import type { ComponentFacts, WorkloadFacts } from '../../src/model/kubernetes.ts';
import type { Observation } from '../../src/model/observation.ts';
import { remedySchema } from '../../src/model/remedy.ts';
import type { Remedy } from '../../src/model/remedy.ts';
import type { ComposeTarget, KubernetesTarget, Target } from '../../src/model/target.ts';
import * as answers from '../../src/remedies/answers.ts';
import { callsOf } from '../../src/remedies/calls.ts';
import { canaryCalls, conclusion, exchangeForm, missingSteps } from '../../src/remedies/canary.ts';
import type { CanaryAnswer, CanaryEvent, CanaryStep } from '../../src/remedies/canary.ts';
import { remediesOf } from '../../src/remedies/catalogue.ts';
import type { Known } from '../../src/remedies/catalogue.ts';
import { composeRemedies, composeSuffixes } from '../../src/remedies/compose.ts';
import { kubernetesRemedies, kubernetesSuffixes } from '../../src/remedies/kubernetes.ts';
import { doubleQuoted, identifier, word } from '../../src/remedies/quoting.ts';
import { serviceRemedies, serviceSuffixes } from '../../src/remedies/services.ts';
import { storeRemedies } from '../../src/remedies/stores.ts';
import { streamRemedies } from '../../src/remedies/streams.ts';

const at = '2026-08-20T10:00:00.000Z';

const cause = (id: string, own: readonly string[] = [], explains: readonly string[] = []): Cause => ({
  id, component: 'Redis', title: id, sentence: '', standing: 'confirmed', own: [...own], explains: [...explains], for: [], against: [], unconfirmed: null, path: [], leftBehindBy: null, score: [],
});

const answered = (subject: string, of: string, value: unknown): Observation => ({ id: `${subject}/${of}`, question: { subject, of }, asked: '', at, tookMs: 1, outcome: { kind: 'answer', value } });

const verdict = (check: string, status: Verdict['status'], rest: Partial<Verdict> = {}): Verdict => ({ check, step: 'streams', component: '', title: '', status, summary: '', reasoning: '', facts: [], observations: [], ...rest });

const compose: ComposeTarget = { kind: 'compose', name: 'caracal', project: 'caracal', engine: { host: 'unix:///var/run/docker.sock' } };
const kubernetes: KubernetesTarget = { kind: 'kubernetes', name: 'caracal-prod', context: 'prod', namespace: 'tools', release: 'ours' };
const endpoints: Target = { kind: 'endpoints', name: 'staging', services: { coordinator: 'https://coordinator.example.org/c/', gateway: 'https://gateway.example.org' } };

const known = (target: Target, observations: readonly Observation[] = [], verdicts: readonly Verdict[] = []): Known => ({ target, verdicts, observations, zone: 'zone-1' });

const container = (service: string, changes: Partial<ContainerFacts> = {}): ContainerFacts => ({
  id: service, name: `caracal-${service}-1`, project: 'caracal', service, number: 1, oneoff: false, status: 'running', exitCode: 0, oomKilled: false, error: '', createdAt: at, startedAt: at, finishedAt: null,
  restarts: 0, restartPolicy: 'unless-stopped', health: null, image: { reference: 'caracal', tag: null, id: '', digest: null, version: null, revision: null },
  wantedPorts: [], ports: [], networks: [{ name: 'caracalData', address: '172.20.0.9' }], mounts: [], readOnlyRoot: true, memoryLimitBytes: null, dependsOn: [], configHash: null, mode: 'stable', lastLines: null, ...changes,
});
const containers = (service: string, changes: Partial<ContainerFacts> = {}): Observation => answered('compose.containers', service, [container(service, changes)]);
const project = (changes: object = {}): Observation => answered('compose.project', 'Compose', { project: 'caracal', workingFolder: null, configFiles: ['/srv/compose.yml'], composeVersion: null, services: {}, others: [], volumes: [], ...changes });

const component = (name: string, changes: Partial<WorkloadFacts> = {}): Observation => answered('kubernetes.component', name, {
  component: name, warnings: null, previousLines: null, pods: [],
  workload: {
    kind: 'Deployment', name: `x-${name}`, version: null, image: null, mode: null, createdAt: at, wanted: 0, replicas: 0, ready: 0, available: 0, updated: 0, generation: 1, observedGeneration: 1, conditions: [],
    revisions: [], currentRevision: null, updateRevision: null, podManagementPolicy: null, ...changes,
  },
} satisfies ComponentFacts);
const autoscaler = answered('kubernetes.autoscalers', 'Kubernetes', [{ name: 'x', target: 'Deployment/x-coordinator', min: 3, max: 8, current: 0, desired: 0, conditions: [] }]);
const deadRows = answered('postgres.deadCoordinatorRows', 'Postgres', [{ id: 'r1', zone: 'z1' }, { id: 'r2', zone: 'z 2' }]);
const activity = (rest: object): Observation => answered('postgres.activity', 'Postgres', {
  seesAll: true, tracked: true, maxConnections: 100, reserved: 3, databaseLimit: -1, sessions: 1, inDatabase: 1, byRole: [], pools: [], transactions: [], waits: [], advisory: [], prepared: { count: 0, oldestMs: null },
  replication: { recovering: false, synchronous: '', commit: 'on', replicas: [], slots: [] }, ...rest,
});
const session = { pid: 4711, role: 'ana', application: 'psql', state: 'idle in transaction', transactionMs: 60_000, stateMs: 60_000 };

/** Every cause that the tables know, with a kind of target that it is looked for in. */
const parts = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'];
const everywhere = [...Object.keys({ ...storeRemedies, ...streamRemedies, ...serviceRemedies }), ...parts.flatMap((part) => Object.keys(serviceSuffixes).map((suffix) => `${part}-${suffix}`))];
const causes: readonly (readonly [Target, readonly string[]])[] = [
  [endpoints, everywhere],
  [compose, [...everywhere, ...Object.keys(composeRemedies), ...[...parts, 'postgres', 'redis'].flatMap((part) => Object.keys(composeSuffixes).map((suffix) => `${part}-${suffix}`))]],
  [kubernetes, [...everywhere, ...Object.keys(kubernetesRemedies), ...parts.flatMap((part) => Object.keys(kubernetesSuffixes).map((suffix) => `${part}-${suffix}`))]],
];

/** Where nothing was observed, and where a lot was. */
const situations = (target: Target): readonly Known[] => [
  known(target),
  known(
    target,
    [
      ...[...parts, 'postgres', 'redis'].map((part) => containers(part, { status: 'exited', networks: [] })), project({ others: [{ name: 'other-sts-1', project: 'other', service: 'sts', status: 'running', ports: [8080], caracal: true }] }),
      ...parts.map((part) => component(part)), autoscaler, deadRows, answered('postgres.coordinatorOutbox', 'Postgres', { dead: 120 }), answered('redis.info', 'Redis', { maxmemory: '1048576', maxclients: '100' }),
      activity({ transactions: [{ ...session, blocks: 1 }], advisory: ['-139300322', '7163920485318481', '4732518903281471', '4846245113962180657'].map((key) => ({ key, pid: 7, role: 'ana', heldMs: 1 })) }),
    ],
    [verdict('CRC-SVC-018', 'fail'), verdict('CRC-SVC-024', 'fail'), verdict('CRC-SVC-019', 'warn'), verdict('CRC-STR-020', 'fail', { component: 'policy.invalidate' })],
  ),
];

const all = causes.flatMap(([target, ids]) => [...new Set(ids)].flatMap((id) => situations(target).map((now) => ({ id, target, now, remedies: remediesOf(cause(id, ['CRC-STR-020']), now) }))));

/** What is never offered, in no command: design, Remedy. */
const never: readonly RegExp[] = [
  /\bdown\b.*(?:-v\b|--volumes)/, /\bvolume\s+(?:rm|prune|remove)/, /\bsystem\s+prune/, /\bpurge\b/, /delete\s+(?:pvc|persistentvolumeclaims?|namespace|statefulset|secret)/, /\brm\s/,
  /\bXGROUP\b/i, /\bXTRIM\b/i, /\bXDEL\b/i, /\bDEL\s/, /\bUNLINK\b/i, /\bFLUSH(?:ALL|DB)\b/i, /redis-cli[^|]*(?<!CONFIG )\bSET\s/,
  /DISABLE\s+ROW\s+LEVEL/i, /DISABLE\s+TRIGGER/i, /\bTRUNCATE\s+(?:TABLE\s+)?\w+$/i, /\bDROP\s+(?:TABLE|SCHEMA|DATABASE|POLICY|TRIGGER)/i,
  /\b(?:UPDATE|DELETE\s+FROM|INSERT\s+INTO)\s+(?:public\.)?(?:audit_|admin_audit)/i, /DELETE\s+FROM/i, /session_replication_role/i,
];

describe('remedies', () => {
  it('are there for every cause that is looked for, in each kind of target where it can be seen', () => {
    for (const target of [endpoints, compose, kubernetes]) {
      const checks = new Set(checksOf(target.kind).map(({ id }) => id));
      const visible = conditions.filter(isCause).filter(({ seenAt }) => seenAt.some((pattern) => 'check' in pattern && checks.has(pattern.check)));
      const without = visible.filter(({ id }) => remediesOf(cause(id), known(target)).length === 0).map(({ id }) => id);
      deepEqual(without, [], `${target.kind}: causes without a remedy`);
    }
  });

  it('are of nothing that is not looked for', () => {
    const ids = conditions.filter(isCause).map(({ id }) => id);
    const whole = Object.keys({ ...storeRemedies, ...streamRemedies, ...serviceRemedies, ...composeRemedies, ...kubernetesRemedies });
    deepEqual(whole.filter((id) => !ids.includes(id)), []);
    const suffixes = Object.keys({ ...serviceSuffixes, ...composeSuffixes, ...kubernetesSuffixes });
    deepEqual(suffixes.filter((suffix) => !ids.some((id) => id.endsWith(`-${suffix}`))), []);
  });

  it('say what to do, and what shows that it was done', () => {
    for (const { id, target, remedies } of all) {
      const where = `${target.kind} ${id}`;
      ok(remedies.length > 0, `${where} has none`);
      equal(new Set(remedies.map((remedy) => remedy.id)).size, remedies.length, `${where}: ids are its own`);
      const checks = new Set(checksOf(target.kind).map((check) => check.id));
      for (const remedy of remedies) {
        const of = `${where} ${remedy.id}`;
        remedySchema.parse(remedy);
        equal(remedy.cause, id);
        ok(remedy.commands.length > 0 || remedy.advice !== '', `${of}: commands or advice`);
        match(remedy.title, /^[a-z]/, `${of}: its first letter as a capital makes the button`);
        match(remedy.changes, /^[\p{Ll}\d]|^(?:AUDIT|ServiceMonitors)/u, `${of}: changes end a sentence`);
        if (remedy.advice !== '') match(remedy.advice, /[.`]$/, `${of}: advice is sentences`);
        deepEqual(remedy.provedBy.filter((check) => !checks.has(check)), [], `${of}: checks that ${target.kind} has`);
        ok(remedy.provedBy.length > 0 || remedy.place === 'freeze', `${of}: a proof, or it only saves`);
        ok(!/undefined|\[object|NaN/.test(JSON.stringify(remedy)), of);
      }
    }
  });

  it('offer nothing that loses data or evidence, in no command', () => {
    for (const { id, target, remedies } of all) {
      for (const command of remedies.flatMap(({ commands, dryRun }) => [...commands, ...(dryRun === null ? [] : [dryRun])])) {
        for (const pattern of never) ok(!pattern.test(command), `${target.kind} ${id}: ${command}`);
      }
    }
  });

  it('rehearse SQL that changes something, and never send it', () => {
    for (const remedy of all.flatMap(({ remedies }) => remedies)) {
      if (!remedy.commands.some((command) => /psql.*(?:UPDATE|GRANT|REVOKE|ALTER TABLE|ALTER ROLE)/.test(command))) continue;
      equal(remedy.call, null, remedy.id);
      if (!/PASSWORD|SYSTEM|RESET/.test(remedy.commands.join())) match(remedy.dryRun ?? '', /BEGIN; .*; ROLLBACK;/, remedy.id);
    }
  });

  it('save lost evidence first, and leave the restart to a person', () => {
    for (const target of [compose, kubernetes, endpoints]) {
      const [save, replace, ...rest] = remediesOf(cause('sts-evidence-lost', ['CRC-SVC-018']), known(target));
      deepEqual([save?.id, save?.place, replace?.id, replace?.call, rest], ['save-evidence', 'freeze', 'replace-process', null, []]);
      const lost = known(target, [], [verdict('CRC-SVC-018', 'fail'), verdict('CRC-RDY-023', 'fail', { signs: ['audit_evidence_lost'] })]);
      for (const { id, remedies } of all.filter((each) => each.target === target).map((each) => ({ id: each.id, remedies: remediesOf(cause(each.id), lost) }))) {
        for (const { call } of remedies) {
          if (call?.kind === 'container' && call.action === 'restart') ok(!/-(?:sts|gateway)-/.test(call.container), `${id} restarts ${call.container}`);
          if (call?.kind === 'rollout-restart') ok(!/-(?:sts|gateway)$/.test(call.name), `${id} restarts ${call.name}`);
        }
      }
      const [restart] = remediesOf(cause('opa-engine-missing'), lost);
      deepEqual([restart?.call, restart?.risk], [null, 'high']);
      match(restart?.advice ?? '', /^First save the evidence of sts: /);
    }
  });

  it('know nothing of causes of another version', () => {
    deepEqual(remediesOf(cause('something-new'), known(compose)), []);
  });

  it('read answers of questions that are asked', () => {
    const names = new Set(subjects.map(({ name }) => name));
    for (const { name } of Object.values(answers)) ok(names.has(name), name);
  });
});

/** Commands, dry run and call of one remedy. */
type Exact = readonly [commands: readonly string[], dryRun: string | null, call: Remedy['call']];

describe('commands of remedies', () => {
  const stopped = { kind: 'container', action: 'start', container: 'caracal-redis-1' } as const;
  const curl = (url: string, token = 'CARACAL_COORDINATOR_TOKEN'): string => `curl -fsS -X POST -H "Authorization: Bearer $${token}" '${url}'`;
  const rows = [{ id: 'r1', zone: 'z1' }, { id: 'r2', zone: 'z 2' }];
  const table: readonly (readonly [title: string, id: string, now: Known, exact: Exact])[] = [
    ['start what is stopped', 'redis-stopped', known(compose), [['docker compose -p caracal start redis'], 'docker compose -p caracal --dry-run start redis', stopped]],
    ['take the name of the container that was seen', 'sts-stopped', known({ ...compose, project: 'mine' }, [containers('sts', { name: 'old-sts-7', status: 'exited' })]), [['docker compose -p mine start sts'], 'docker compose -p mine --dry-run start sts', { kind: 'container', action: 'start', container: 'old-sts-7' }]],
    ['go on with what is paused', 'redis-silent', known(compose, [containers('redis', { status: 'paused' })]), [['docker compose -p caracal unpause redis'], 'docker compose -p caracal --dry-run unpause redis', { ...stopped, action: 'unpause' }]],
    ['restart what hangs', 'redis-silent', known(compose, [containers('redis')]), [['docker compose -p caracal restart redis'], 'docker compose -p caracal --dry-run restart redis', { ...stopped, action: 'restart' }]],
    ['leave a store outside of Compose to people', 'redis-stopped', known(kubernetes), [[], null, null]],
    ['connect to the network of the others', 'api-off-network', known(compose, [containers('sts'), containers('api', { networks: [] })]), [['docker network connect caracalData caracal-api-1'], null, null]],
    ['stop what holds a port', 'host-port-taken', known(compose, [containers('gateway', { wantedPorts: [{ container: 8081, protocol: 'tcp', hostIp: '', host: 8081 }] }), project({ others: [{ name: 'web-demo', project: null, service: null, status: 'running', ports: [8081], caracal: false }] })]), [['docker stop web-demo', 'docker compose -p caracal start gateway'], null, null]],
    ['use the tool of the installation', 'web-removed', known(compose, [project()]), [['caracal up'], null, null]],
    ['use the files of a project of another name', 'web-removed', known({ ...compose, project: 'mine' }, [project({ project: 'mine', configFiles: ['/srv/a.yml', '/srv/b.yml'] })]), [['docker compose -p mine -f /srv/a.yml -f /srv/b.yml up -d'], null, null]],
    ['roll a workload by its own name', 'opa-engine-missing', known(kubernetes, [component('sts', { kind: 'StatefulSet', name: 'ours-caracal-sts' })]), [
      ['kubectl --context prod -n tools rollout restart statefulset/ours-caracal-sts'],
      `kubectl --context prod -n tools patch statefulset/ours-caracal-sts --dry-run=server -p '{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}'`,
      { kind: 'rollout-restart', workload: 'StatefulSet', name: 'ours-caracal-sts' },
    ]],
    ['scale to what the autoscaler keeps', 'coordinator-scaled-to-zero', known(kubernetes, [component('coordinator'), autoscaler]), [
      ['kubectl --context prod -n tools scale deployment/x-coordinator --replicas=3'], 'kubectl --context prod -n tools scale deployment/x-coordinator --replicas=3 --dry-run=server',
      { kind: 'scale', workload: 'Deployment', name: 'x-coordinator', replicas: 3 },
    ]],
    ['scale to what the chart has without one', 'coordinator-scaled-to-zero', known(kubernetes), [
      ['kubectl --context prod -n tools scale deployment/ours-caracal-coordinator --replicas=2'], 'kubectl --context prod -n tools scale deployment/ours-caracal-coordinator --replicas=2 --dry-run=server',
      { kind: 'scale', workload: 'Deployment', name: 'ours-caracal-coordinator', replicas: 2 },
    ]],
    ['set a value of the release', 'policy-without-dns', known(kubernetes), [
      ['helm --kube-context prod -n tools upgrade ours oci://ghcr.io/garudex-labs/charts/caracal --reuse-values --set networkPolicy.allowOpenDns=true'],
      'helm --kube-context prod -n tools upgrade ours oci://ghcr.io/garudex-labs/charts/caracal --reuse-values --set networkPolicy.allowOpenDns=true --dry-run=server', null,
    ]],
    ['requeue by the ids and zones that were seen', 'coordinator-outbox-dead', known(endpoints, [deadRows]), [
      [curl('https://coordinator.example.org/c/zones/z1/outbox/r1/requeue'), curl('https://coordinator.example.org/c/zones/z%202/outbox/r2/requeue')], null, { kind: 'requeue', rows },
    ]],
    ['open a way first in a cluster', 'coordinator-outbox-dead', known(kubernetes, [deadRows]), [
      ['kubectl --context prod -n tools port-forward service/ours-caracal-coordinator 4000:4000', curl('http://127.0.0.1:4000/zones/z1/outbox/r1/requeue'), curl('http://127.0.0.1:4000/zones/z%202/outbox/r2/requeue')], null, { kind: 'requeue', rows },
    ]],
    ['tell how to find what was not seen', 'coordinator-outbox-dead', known(endpoints), [[curl('https://coordinator.example.org/c/zones/%3Czone%3E/outbox/%3Cid%3E/requeue')], null, null]],
    ['end a session by its process', 'transaction-open', known(endpoints, [activity({ transactions: [{ ...session, pid: 12, blocks: 0 }, { ...session, blocks: 2 }] })]), [
      ['psql "$DATABASE_URL" -c "SELECT pg_terminate_backend(4711)"'], 'psql "$DATABASE_URL" -c "SELECT pid, usename, application_name, state, xact_start FROM pg_stat_activity WHERE pid = 4711"', null,
    ]],
    ['ask psql and redis-cli inside of their containers', 'retention-cleaner-failing', known(compose), [
      ['docker compose -p caracal exec postgres psql -U caracal -d caracal -c "GRANT DELETE ON delegation_edges, caracal_outbox TO caracalcoordinator"'],
      'docker compose -p caracal exec postgres psql -U caracal -d caracal -c "BEGIN; GRANT DELETE ON delegation_edges, caracal_outbox TO caracalcoordinator; ROLLBACK;"', null,
    ]],
    ['double the memory that was seen', 'redis-memory-full', known(compose, [answered('redis.info', 'Redis', { maxmemory: '268435456' })]), [
      [`docker compose -p caracal exec redis sh -c 'REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")" redis-cli CONFIG SET maxmemory 512mb'`], `docker compose -p caracal exec redis sh -c 'REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")" redis-cli CONFIG GET maxmemory'`, null,
    ]],
    ['move a key of another type aside', 'stream-of-another-type', known(endpoints, [], [verdict('CRC-STR-020', 'fail', { component: 'policy.invalidate' })]), [
      ['redis-cli -u "$REDIS_URL" RENAMENX caracal.policy.invalidate caracal.policy.invalidate.found'], 'redis-cli -u "$REDIS_URL" TYPE caracal.policy.invalidate', null,
    ]],
    ['quote a project that a shell would take apart', 'redis-stopped', known({ ...compose, project: "it's $(mine)" }), [
      [`docker compose -p 'it'\\''s $(mine)' start redis`], `docker compose -p 'it'\\''s $(mine)' --dry-run start redis`, { ...stopped, container: "it's $(mine)-redis-1" },
    ]],
    ['quote what a row says', 'coordinator-outbox-dead', known(endpoints, [answered('postgres.deadCoordinatorRows', 'Postgres', [{ id: "r'; reboot; '", zone: 'z' }])]), [
      [`curl -fsS -X POST -H "Authorization: Bearer $CARACAL_COORDINATOR_TOKEN" 'https://coordinator.example.org/c/zones/z/outbox/r'\\''%3B%20reboot%3B%20'\\''/requeue'`], null, { kind: 'requeue', rows: [{ zone: 'z', id: "r'; reboot; '" }] },
    ]],
    ['quote a context and a release', 'helm-at-work', known({ ...kubernetes, context: 'arn:aws:eks:eu-west-1:1:cluster/a b', release: 'x;y' }), [["helm --kube-context 'arn:aws:eks:eu-west-1:1:cluster/a b' -n tools status 'x;y'"], null, null]],
    ['let the Gateway read again what is revoked', 'messages-trimmed', known(endpoints), [[], null, null]],
  ];
  for (const [title, id, now, [commands, dryRun, call]] of table) {
    it(title, () => {
      const [remedy] = remediesOf(cause(id, ['CRC-STR-020']), now);
      deepEqual([remedy?.commands, remedy?.dryRun, remedy?.call], [commands, dryRun, call]);
    });
  }

  it('restart each service that a Redis without data leaves without groups', () => {
    const remedies = remediesOf(cause('redis-emptied'), known(compose));
    deepEqual(remedies.map(({ call }) => call?.kind === 'container' && `${call.action} ${call.container}`), ['sts', 'gateway', 'audit', 'coordinator'].map((service) => `restart caracal-${service}-1`));
  });

  it('tell what is open after Redis, as far as it was seen', () => {
    const [start] = remediesOf(cause('redis-stopped', ['CRC-STO-020', 'CRC-SVC-117'], ['CRC-RDY-003', 'CRC-RDY-013', 'CRC-STR-001']), known(compose, [], [verdict('CRC-STR-091', 'fail'), verdict('CRC-SVC-019', 'warn')]));
    deepEqual(start?.provedBy, ['CRC-STO-020', 'CRC-STO-021', 'CRC-SVC-117', 'CRC-RDY-003', 'CRC-RDY-013']);
    deepEqual(start.stillOpen, ['audit answers consumer_unhealthy until the next audit event', 'coordinator answers outbox_dead until its dead events are requeued', 'replay files of sts drain only when it restarts']);
    equal(start.changes, 'the state of the container caracal-redis-1; the volume caracal_redisData stays as it is');
  });

  it('count the dead events that the next run names', () => {
    const [requeue] = remediesOf(cause('coordinator-outbox-dead'), known(endpoints, [deadRows, answered('postgres.coordinatorOutbox', 'Postgres', { dead: 102 })]));
    deepEqual([requeue?.title, requeue?.stillOpen], ['requeue 2 dead events', ['100 more dead events, which the next run names']]);
  });
});

describe('names in commands', () => {
  const table: readonly (readonly [text: string, shellWord: string, inDoubleQuotes: string, sqlName: string])[] = [
    ['audit_events', 'audit_events', '"audit_events"', 'audit_events'],
    ['ghcr.io/caracal@1.0', 'ghcr.io/caracal@1.0', '"ghcr.io/caracal@1.0"', '"ghcr.io/caracal@1.0"'],
    ['', "''", '""', '""'],
    [`a'b`, `'a'\\''b'`, `"a'b"`, `"a'b"`],
    ['Aa "$(b)` \\', `'Aa "$(b)\` \\'`, '"Aa \\"\\$(b)\\` \\\\"', '"Aa ""$(b)` \\"'],
  ];
  for (const [text, shellWord, inDoubleQuotes, sqlName] of table) {
    it(`stay names: ${text}`, () => deepEqual([word(text), doubleQuoted(text), identifier(text)], [shellWord, inDoubleQuotes, sqlName]));
  }
});

describe('calls of remedies', () => {
  const of = (call: Remedy['call'], target: Target) => callsOf({ id: 'it', call }, target);
  const table: readonly (readonly [title: string, call: NonNullable<Remedy['call']>, target: Target, asked: string, calls: readonly string[]])[] = [
    ['of an engine by its address', { kind: 'container', action: 'start', container: 'caracal-redis-1' }, compose, 'Docker Engine at unix:///var/run/docker.sock', ['POST /containers/caracal-redis-1/start']],
    ['of an engine by its context', { kind: 'container', action: 'restart', container: 'a b' }, { ...compose, engine: { context: 'colima' } }, 'Docker Engine of the context colima', ['POST /containers/a%20b/restart']],
    ['of a cluster', { kind: 'rollout-restart', workload: 'StatefulSet', name: 'ours-caracal-sts' }, kubernetes, 'API server of the context prod', ['PATCH /apis/apps/v1/namespaces/tools/statefulsets/ours-caracal-sts: sets the annotation kubectl.kubernetes.io/restartedAt of its pods to now']],
    ['of a scale', { kind: 'scale', workload: 'Deployment', name: 'ours-caracal-api', replicas: 2 }, kubernetes, 'API server of the context prod', ['PATCH /apis/apps/v1/namespaces/tools/deployments/ours-caracal-api/scale: sets replicas to 2']],
    ['of the Coordinator, one for each row', { kind: 'requeue', rows: [{ zone: 'z 1', id: 'r1' }, { zone: 'z2', id: 'r2' }] }, endpoints, 'coordinator at https://coordinator.example.org/c/', ['POST /zones/z%201/outbox/r1/requeue', 'POST /zones/z2/outbox/r2/requeue']],
    ['of the Gateway of a release', { kind: 'reload-revocations' }, kubernetes, 'gateway of release ours in namespace tools', ['POST /internal/revocations/reload']],
    ['of the Gateway of a project', { kind: 'reload-revocations' }, compose, 'gateway of project caracal', ['POST /internal/revocations/reload']],
  ];
  for (const [title, call, target, asked, calls] of table) {
    it(`are told exactly, ${title}`, () => deepEqual(of(call, target), { asked, calls }));
  }

  it('are none where this tool cannot run the remedy', () => {
    throws(() => of(null, compose), /told, and not run/);
    throws(() => of({ kind: 'container', action: 'start', container: 'x' }, kubernetes), /no containers/);
    throws(() => of({ kind: 'scale', workload: 'Deployment', name: 'x', replicas: 1 }, compose), /no workloads/);
  });
});

describe('canary', () => {
  const canary = { application: 'app-1', clientSecret: 'never-told', session: 's-1', delegation: 'd-1', resource: 'resource://billing', scope: 'invoice:read', path: '/invoices' };
  const target: Target = { ...endpoints, services: { sts: 'https://sts.example.org', gateway: 'https://gateway.example.org' }, canary };

  it('tells its calls, and no secret', () => {
    deepEqual(canaryCalls(target, 'zone-1'), {
      asked: 'sts at https://sts.example.org, gateway at https://gateway.example.org',
      calls: [
        'POST /oauth/2/token: invoice:read at resource://billing for app-1, within Session s-1 and Delegation d-1',
        'GET /invoices through the Gateway, with the mandate that was issued',
        'POST /oauth/2/token: the same scope without a Session, which has to be refused',
      ],
    });
    equal(canaryCalls(endpoints, 'zone-1'), null);
    equal(canaryCalls(target, null), null);
  });

  it('asks the same within a Session and without one', () => {
    const same = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', zone_id: 'zone-1', application_id: 'app-1', resource: 'resource://billing', scope: 'invoice:read' };
    deepEqual(exchangeForm(canary, 'zone-1', 'refusal'), same);
    deepEqual(exchangeForm(canary, 'zone-1', 'mint'), { ...same, agent_session_id: 's-1', delegation_edge_id: 'd-1' });
  });

  const answer = (step: CanaryStep, asExpected = true): CanaryAnswer => ({ step, asked: '', requestId: step, status: 200, said: 'so', asExpected, tookMs: 1 });
  const event = (requestId: string, type: string, decision = 'allow'): CanaryEvent => ({ requestId, type, decision, evaluation: 'complete' });
  const good = [answer('mint'), answer('call'), answer('refusal')];
  const events = [event('mint', 'token_exchange'), event('call', 'token_exchange'), event('call', 'gateway_resource_request'), event('refusal', 'token_exchange', 'deny')];

  it('misses the events that are not there, of calls that were answered', () => {
    deepEqual(missingSteps(good, events), []);
    deepEqual(missingSteps(good, events.slice(0, 2)), ['call', 'refusal']);
    deepEqual(missingSteps([answer('mint', false), answer('refusal')], []), ['refusal']);
    deepEqual(missingSteps([answer('refusal')], [event('refusal', 'token_exchange', 'allow')]), ['refusal']);
  });

  const seen = { where: 'Postgres', events, missing: [] as CanaryStep[], why: '', tookMs: 1 };
  const table: readonly (readonly [title: string, answers: readonly CanaryAnswer[], evidence: Parameters<typeof conclusion>[1], isWell: boolean, sentence: RegExp])[] = [
    ['all is well', good, seen, true, /^An allowed and a refused call were answered and audited\.$/],
    ['a call was answered otherwise', [answer('mint', false)], seen, false, /^The mint was answered otherwise: so\.$/],
    ['an event is missing', good, { ...seen, missing: ['call'] }, false, /Postgres has no audit event of the call\.$/],
    ['nobody can look', good, { ...seen, where: null, why: 'no connection string' }, false, /cannot be looked for: no connection string\.$/],
    ['the look was refused', good, { ...seen, why: '42501: no' }, false, /could not be read in Postgres: 42501: no\.$/],
  ];
  for (const [title, answers, evidence, isWell, sentence] of table) {
    it(`concludes when ${title}`, () => {
      const said = conclusion(answers, evidence);
      equal(said.isWell, isWell);
      match(said.sentence, sentence);
    });
  }
});
