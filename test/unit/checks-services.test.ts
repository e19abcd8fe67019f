import assert from 'node:assert/strict';
import { alertRules } from '../../src/caracal/alertRules.ts';
import { counters } from '../../src/caracal/counters.ts';
import { modelsIn } from '../../src/flow/services/operatorModel.checks.ts';
import { jsonValues, prometheusValues } from '../../src/flow/services/metrics.observe.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { gatewayMetricsText } from '../lab/services/gateway-metrics.ts';
import { answer, judge, nowMs, refused, timeout } from './judge.ts';

type Service = 'api' | 'sts' | 'gateway' | 'audit' | 'coordinator';
type Changes = Readonly<Record<string, number | string>>;

/** Complete sets of figures with invented values: deploy-logs-metrics.md 4.7. */
const stsBody = {
  audit_dropped: 0,
  opa: { eval_total: 120, eval_errors: 0, eval_duration_ns: 48_000_000, compile_total: 3, compile_errors: 0, compile_duration_ns: 91_000_000, max_policy_age_seconds: 5400.2, poll_interval_seconds: 60, decision_contract_version: 'v-demo', decision_contract_sha256: 'ab12' },
  sts: { graph_traversals: 10, graph_traversal_errors: 0, audit_dropped: 0, audit_replay_pending: 0, audit_replay_files: 0, audit_replay_bytes: 0, audit_replay_oldest_age_seconds: 0, audit_replay_replayed: 0, audit_sink_errors: 0, jwks_invalid_keys: 0, provider_refresh_shared: 0, provider_refresh_leased: 0, provider_refresh_waited: 0, provider_refresh_errors: 0, provider_circuit_open: 0, secret_backend_reads: 4, secret_backend_errors: 0 },
};
const auditBody = { inserts_total: 300, export_events_total: 0, export_errors_total: 0, export_duration_ms: 0, export_backlog_hours: 0, consumer_lag: 0, consumer_pel_oldest_secs: 0, dlq_size: 0, dlq_oldest_age_secs: 0, parse_errors_total: 0, dlq_total: 0, retries_total: 0, hmac_failures_total: 0, tamper_replay_total: 0, tamper_checked_total: 300, tamper_mismatch_total: 0, tamper_chain_breaks: 0, tamper_hmac_failures: 0, tamper_last_sweep_unix: nowMs / 1_000 - 600, tamper_last_full_unix: nowMs / 1_000 - 4_200, retention_created_total: 4, retention_dropped_total: 0, is_export_leader: true, is_retention_leader: true, export_lease_changes_total: 1, retention_lease_changes_total: 1 };
const gatewayText = gatewayMetricsText(
  { requests_total: 50, requests_allowed: 44, requests_denied: 6, denials_missing_auth: 1, denials_bad_bearer: 0, denials_expiring: 0, denials_bad_routing: 0, denials_path_traversal: 0, denials_signature: 0, denials_jti_replay: 1, denials_revoked: 0, denials_revocation_stale: 0, sts_exchange_errors: 4, sts_exchange_latency_ms: 7, sts_circuit_open: 0, sts_circuit_opened: 0, sts_circuit_fast_fail: 0, upstream_errors: 0, audit_replay_files: 0, audit_replay_bytes: 0, audit_replay_oldest_age_seconds: 0, audit_dropped: 0, audit_sink_errors: 0, audit_queue_depth: 0, audit_queue_cap: 10_000, audit_persisted: 0, audit_drained: 0, revocations_active: 2, revocation_snapshot_age_seconds: 12, revocation_snapshot_fresh: 1, revocation_messages: 5, revocation_pending_replayed: 0, revocation_dead_letters: 0, revocation_invalid_signatures: 0, revocation_reloads: 40, revocation_reload_errors: 0, revocation_propagation_seconds: 0 },
  { max: 20, acquired: 1 },
);
const statsBody = { invocations: { running: 2 }, outbox: { pending: 3, published: 40, dead: 0 }, idempotency: { rows: 4, oldestSeconds: 12.5, outcomes: { created: 0, replayed: 0, conflicts: 0, invalid: 0, expired: 0 } }, ttl_sweeper: { runs: 9, failures: 0, terminated: 1 }, service_lease_sweeper: { runs: 18, failures: 0, suspended: 0 }, retention_cleaner: { runs: 1, failures: 0, expired_edges: 0, deleted_edges: 0, deleted_sessions: 0, deleted_outbox: 0, deleted_idempotency_receipts: 0 }, log: { emitted: 1, dropped: 0, sampled: 0 } };

const wellFigures: Readonly<Record<Service, Readonly<Record<string, number | string | boolean>>>> = {
  api: {
    caracal_log_emitted_total: 1, caracal_log_dropped_total: 0, caracal_log_sampled_total: 0, caracal_api_outbox_pending_total: 0,
    caracal_api_outbox_dead_total: 0, caracal_api_outbox_oldest_pending_age_seconds: 0, caracal_api_outbox_oldest_dead_age_seconds: 0,
    caracal_secret_backend_operations_total: 4, caracal_secret_backend_errors_total: 0,
  },
  sts: jsonValues(stsBody).values,
  gateway: prometheusValues(gatewayText) ?? {},
  audit: jsonValues(auditBody).values,
  coordinator: jsonValues(statsBody).values,
};

const opened = { status: 200, contentType: 'application/json', authenticated: true, error: null, groups: ['invocations', 'outbox', 'retention_cleaner'] };
const figures = (service: Service, changes: Changes = {}): Outcome => answer({ ...opened, values: { ...wellFigures[service], ...changes } });
/** Changes under the names that the Gateway gives its figures. */
const gateway = (changes: Changes): Changes => Object.fromEntries(Object.entries(changes).map(([name, value]) => [`caracal_gateway_${name}`, value]));

interface Seen {
  readonly now?: Changes;
  /** The second look of the same run; 2 s after the first. */
  readonly then?: Changes | Outcome;
  /** The run before, and how many seconds ago it was. */
  readonly before?: readonly [secondsAgo: number, changes: Changes];
  readonly more?: Readonly<Record<string, Outcome>>;
}

async function seen(check: string, service: Service, { now = {}, then, before, more = {} }: Seen): Promise<Verdict> {
  const question = `service.metrics/${service}`;
  return judge(
    check,
    {
      [question]: figures(service, now),
      ...(then === undefined ? {} : { [`${question}#2`]: 'kind' in then ? (then as Outcome) : figures(service, then) }),
      ...(before ? { [`${question}@earlier`]: figures(service, before[1]) } : {}),
      ...more,
    },
    { [question]: then === undefined ? 0 : 2, ...(before ? { [`${question}@earlier`]: before[0] } : {}) },
  );
}

type Row = readonly [name: string, seen: Seen, status: Status, summary: RegExp];

function table(check: string, service: Service, rows: readonly Row[]): void {
  for (const [name, what, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await seen(check, service, what);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

function answers(check: string, question: string, rows: readonly (readonly [string, Outcome, Status, RegExp])[]): void {
  for (const [name, outcome, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { ...visible, [question]: outcome });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

/** A session that sees all rows, and one from which row-level security hides those of some tables. */
const seesAll = { visibility: { user: 'observer', bound: 28, zone: '*', rowSecurity: 'on', hidden: [], unreadable: [] } };
const visible = { 'postgres.catalogue/Postgres': answer(seesAll) };
const hidden = (...tables: readonly string[]): Readonly<Record<string, Outcome>> => ({ 'postgres.catalogue/Postgres': answer({ visibility: { ...seesAll.visibility, hidden: tables } }) });

const fact = (verdict: Verdict, name: string): string | undefined => verdict.facts.find((each) => each.name === name)?.value;

describe('services: Metrics', () => {
  const metrics = { ...opened, values: { inserts_total: 1, consumer_lag: 0, dlq_size: 0 } };
  answers('CRC-SVC-030', 'service.metrics/audit', [
    ['opened', answer(metrics), 'pass', /^3 figures$/],
    ['wrong bearer is no outage', answer({ ...metrics, status: 401, error: 'unauthorized', values: null }), 'unknown', /^401 unauthorized: the metrics token given is not METRICS_BEARER/],
    ['no bearer', answer({ ...metrics, status: 401, authenticated: false, values: null }), 'unknown', /^no credential: give METRICS_BEARER as tokens.metrics$/],
    ['another application', answer({ ...metrics, contentType: 'text/html', values: null }), 'fail', /^another application: 200 text\/html$/],
    ['figures of another application', answer({ ...metrics, contentType: 'text/plain; version=0.0.4', values: { nginx_connections_active: 1 } }), 'fail', /^another application: 200 text\/plain$/],
    ['a figure missing', answer({ ...metrics, values: { inserts_total: 1, consumer_lag: 0 } }), 'warn', /^without dlq_size$/],
    ['its own trouble says nothing about the figures', answer({ ...metrics, status: 500, error: 'internal_error', values: null }), 'unknown', /^500 internal_error$/],
    ['no answer says nothing', timeout(8_000), 'unknown', /^no answer in 8 s/],
  ]);
  answers('CRC-SVC-040', 'service.metrics/coordinator', [
    ['groups may be empty', answer({ ...metrics, values: { 'retention_cleaner.runs': 1 } }), 'pass', /^1 figure$/],
    ['the metrics bearer is not the token of /stats', answer({ ...metrics, status: 403, error: 'operator_token_required', values: null }), 'unknown', /CARACAL_COORDINATOR_TOKEN/],
  ]);
  answers('CRC-SVC-001', 'service.metrics/api', [['whole', figures('api'), 'pass', /^9 figures$/]]);
  answers('CRC-SVC-010', 'service.metrics/sts', [['whole', figures('sts'), 'pass', /^28 figures$/]]);
  answers('CRC-SVC-020', 'service.metrics/gateway', [['whole, with its pool', figures('gateway'), 'pass', /^40 figures$/]]);
  it('CRC-SVC-050: the web service has none, and nothing is asked', async () => {
    assert.equal((await judge('CRC-SVC-050', {})).status, 'not-applicable');
  });

  it('shows every figure, and what came of it since the run before', async () => {
    const verdict = await seen('CRC-SVC-020', 'gateway', { before: [120, gateway({ requests_total: 38 })] });
    assert.equal(fact(verdict, 'caracal_gateway_requests_total'), '50, 12 of them in 2 min');
    assert.equal(fact(verdict, 'caracal_gateway_revocation_snapshot_age_seconds'), '12');
  });

  it('takes the names `_total` of the api for the states that they are', () => {
    assert.ok(!counters.api.some((name) => name.includes('outbox')));
  });

  it('knows counters by the names that the services give them', () => {
    for (const service of ['api', 'sts', 'gateway', 'audit', 'coordinator'] as const) {
      for (const name of counters[service]) assert.equal(typeof wellFigures[service][name], 'number', `${service} ${name}`);
    }
  });

  it('reads labels with braces and quotes in them', () => {
    assert.deepEqual(prometheusValues('a{b="x}\\"y"} 1\n'), { 'a{b="x}\\"y"}': 1 });
    assert.equal(prometheusValues('<html>\n'), undefined);
  });
});

describe('services: figures that are missing', () => {
  const answered = { ...opened, values: null };
  for (const check of ['CRC-SVC-011', 'CRC-SVC-014', 'CRC-SVC-016', 'CRC-SVC-017', 'CRC-SVC-018', 'CRC-SVC-019']) {
    it(`${check} says what the metrics lack`, async () => {
      const verdict = await judge(check, { 'service.metrics/sts': answer({ ...answered, status: 401, authenticated: false }) });
      assert.deepEqual([verdict.status, verdict.summary], ['unknown', 'no credential: give METRICS_BEARER as tokens.metrics']);
    });
    it(`${check} does not judge what another version does not tell`, async () => {
      const verdict = await judge(check, { 'service.metrics/sts': answer({ ...opened, values: { audit_dropped: 0 } }) });
      assert.equal(verdict.status, 'unknown');
      assert.match(verdict.summary, /^sts does not tell /);
    });
  }
  it('CRC-SVC-021: no answer', async () => {
    assert.equal((await judge('CRC-SVC-021', { 'service.metrics/gateway': timeout(8_000) })).status, 'unknown');
  });
});

describe('services: counters are judged by what they do, not by what they add up to', () => {
  const [errors, reads] = ['sts.secret_backend_errors', 'sts.secret_backend_reads'];
  table('CRC-SVC-016', 'sts', [
    ['never', {}, 'pass', /^4 reads, none failed$/],
    ['not used', { now: { [reads]: 0 } }, 'pass', /^not used since it started$/],
    ['of the past, by a second look', { now: { [errors]: 3 }, then: { [errors]: 3 } }, 'pass', /^no new failed read in 2 s$/],
    ['of the past, by the run before', { now: { [errors]: 3 }, before: [240, { [errors]: 3 }] }, 'pass', /^no new failed read in 4 min$/],
    ['some fail, by a second look', { now: { [errors]: 3 }, then: { [errors]: 4, [reads]: 8 } }, 'warn', /^1 of 4 reads failed in 2 s$/],
    ['all fail, by the run before', { now: { [errors]: 3 }, before: [240, { [errors]: 1, [reads]: 2 }] }, 'fail', /^2 of 2 reads failed in 4 min$/],
    ['started anew since: what it counts is new', { now: { [errors]: 3 }, before: [240, { [errors]: 90, [reads]: 1_000 }] }, 'warn', /^3 of 4 reads failed in 4 min$/],
    ['started anew since, and fewer than before', { now: { [errors]: 1, 'opa.eval_total': 2 }, before: [240, { [errors]: 0 }] }, 'warn', /^1 of 4 reads failed in 4 min$/],
    ['a run of yesterday does not say that it goes on', { now: { [errors]: 3 }, before: [86_400, { [errors]: 1 }], then: { [errors]: 3 } }, 'pass', /^no new failed read in 2 s$/],
    ['a run whose figures had other names', { now: { [errors]: 3 }, before: [240, { [errors]: 'none' }], then: { [errors]: 3 } }, 'pass', /^no new failed read in 2 s$/],
    ['no second look', { now: { [errors]: 3 }, then: timeout(10_000) }, 'unknown', /^3 failed reads since it started: run again$/],
  ]);
  table('CRC-SVC-002', 'api', [
    ['never', {}, 'pass', /^4 operations, none failed$/],
    ['all fail', { now: { caracal_secret_backend_errors_total: 2 }, before: [60, { caracal_secret_backend_errors_total: 0, caracal_secret_backend_operations_total: 2 }] }, 'fail', /^2 of 2 operations failed in 1 min$/],
  ]);
  table('CRC-SVC-014', 'sts', [
    ['well', {}, 'pass', /^120 evaluations, none failed, 0.4 ms each$/],
    ['nobody asked yet', { now: { 'opa.eval_total': 0 } }, 'pass', /^none since it started$/],
    ['some fail', { now: { 'opa.eval_errors': 5 }, then: { 'opa.eval_errors': 6, 'opa.eval_total': 130 } }, 'warn', /^1 of 10 evaluations failed in 2 s$/],
    ['all fail', { now: { 'opa.eval_errors': 5 }, then: { 'opa.eval_errors': 7, 'opa.eval_total': 122 } }, 'fail', /^2 of 2 evaluations failed/],
  ]);
  table('CRC-SVC-017', 'sts', [
    ['none yet', {}, 'pass', /^none yet/],
    ['well', { now: { 'sts.provider_refresh_leased': 7 } }, 'pass', /^7 refreshes, none failed$/],
    ['refused by a circuit', { now: { 'sts.provider_circuit_open': 2 }, then: { 'sts.provider_circuit_open': 5 } }, 'warn', /^3 refreshes refused by an open circuit in 2 s$/],
    ['Redis cannot be asked', { now: { 'sts.provider_refresh_errors': 2 }, then: { 'sts.provider_refresh_errors': 3 } }, 'warn', /^1 error of Redis in 2 s$/],
    ['of the past', { now: { 'sts.provider_circuit_open': 2 }, then: { 'sts.provider_circuit_open': 2 } }, 'pass', /^no new trouble/],
  ]);
});

describe('services: evidence', () => {
  table('CRC-SVC-018', 'sts', [
    ['well', {}, 'pass', /^none lost$/],
    ['lost, which stays so until the process is replaced', { now: { 'sts.audit_dropped': 3 }, before: [240, { 'sts.audit_dropped': 3 }] }, 'fail', /^3 audit events lost$/],
  ]);
  table('CRC-SVC-024', 'gateway', [
    ['well', {}, 'pass', /^none lost$/],
    ['lost', { now: gateway({ audit_dropped_total: 1 }) }, 'fail', /^1 audit event lost$/],
  ]);
  table('CRC-SVC-019', 'sts', [
    ['well', {}, 'pass', /^no file waits$/],
    ['files', { now: { 'sts.audit_replay_files': 2, 'sts.audit_replay_bytes': 14_336, 'sts.audit_replay_oldest_age_seconds': 240 } }, 'warn', /^2 files, 14 KB, oldest 4 min: only a restart drains them$/],
    ['what was spilled and drained is of the past', { now: { 'sts.audit_replay_pending': 9, 'sts.audit_sink_errors': 9 } }, 'pass', /^no file waits$/],
  ]);
  table('CRC-SVC-025', 'gateway', [
    ['well', {}, 'pass', /^no file waits$/],
    ['older than the limit of the alert', { now: gateway({ audit_replay_files: 1, audit_replay_bytes: 100, audit_replay_oldest_age_seconds: 301 }) }, 'warn', /^1 file, 100 B, oldest 5 min/],
  ]);
});

describe('services: Gateway', () => {
  const open = gateway({ sts_circuit_open: 1, sts_circuit_opened_total: 1, sts_circuit_fast_fail_total: 4 });
  const health = (outcome: Outcome): Readonly<Record<string, Outcome>> => ({ 'service.health/sts': outcome });
  const there = health(answer({ status: 200 }));
  table('CRC-SVC-021', 'gateway', [
    ['closed', {}, 'pass', /^closed$/],
    ['closed, and opened once', { now: { ...open, ...gateway({ sts_circuit_open: 0 }) } }, 'pass', /^closed$/],
    ['open, and requests are refused', { now: open, then: { ...open, ...gateway({ sts_circuit_fast_fail_total: 9 }) }, more: there }, 'fail', /^open, 5 requests refused in 2 s$/],
    ['open, and the STS is away', { now: open, then: open, more: health(refused('ECONNREFUSED')) }, 'fail', /^open, and the STS gives refused in 1 ms$/],
    ['the gauge stays 1 until the next request', { now: open, then: open, more: there }, 'pass', /^closed as far as can be told: the gauge stays 1/],
    ['what was refused before the last minutes is no proof of now', { now: open, then: open, before: [600, {}], more: there }, 'pass', /^closed as far as can be told/],
    ['closed at the second look', { now: open, then: { ...open, ...gateway({ sts_circuit_open: 0 }) }, more: there }, 'pass', /^closed$/],
  ]);
  table('CRC-SVC-022', 'gateway', [
    ['fresh', {}, 'pass', /^12 s old$/],
    ['late', { now: gateway({ revocation_snapshot_age_seconds: 52 }) }, 'warn', /^52 s old; loaded each 30 s$/],
    ['stale', { now: gateway({ revocation_snapshot_fresh: 0, revocation_snapshot_age_seconds: 90 }) }, 'fail', /^stale, 2 min old$/],
    ['never loaded: both are 0', { now: gateway({ revocation_snapshot_fresh: 0, revocation_snapshot_age_seconds: 0 }) }, 'fail', /^never loaded$/],
    ['old failures of loading', { now: gateway({ revocation_reload_errors_total: 7 }) }, 'pass', /^12 s old$/],
  ]);
  table('CRC-SVC-023', 'gateway', [
    ['well', {}, 'pass', /^5 messages applied$/],
    ['none yet', { now: gateway({ revocation_messages_total: 0 }) }, 'pass', /^none yet$/],
    ['propagation sticks at the age of the last message', { now: gateway({ revocation_propagation_seconds: 400 }) }, 'pass', /^5 messages applied$/],
    ['all refused', { now: gateway({ revocation_messages_total: 0, revocation_invalid_signatures_total: 2 }) }, 'fail', /^2 messages, all with a wrong signature$/],
    ['refused now', { now: gateway({ revocation_invalid_signatures_total: 2 }), before: [60, gateway({ revocation_invalid_signatures_total: 1 })] }, 'fail', /^1 wrong signature in 1 min$/],
    ['refused once', { now: gateway({ revocation_invalid_signatures_total: 2 }), then: gateway({ revocation_invalid_signatures_total: 2 }) }, 'pass', /^no new refused message in 2 s$/],
    ['dead letters now', { now: gateway({ revocation_dead_letters_total: 1 }), before: [60, {}] }, 'warn', /^1 dead letter in 1 min$/],
  ]);
  table('CRC-SVC-026', 'gateway', [
    ['well', {}, 'pass', /^0 of 10,000$/],
    ['full for a moment', { now: gateway({ audit_queue_depth: 9_000 }), then: gateway({ audit_queue_depth: 0 }) }, 'pass', /^0 of 10,000$/],
    ['full at two looks', { now: gateway({ audit_queue_depth: 9_000 }), then: gateway({ audit_queue_depth: 9_900 }) }, 'warn', /^9,900 of 10,000 waiting in memory$/],
  ]);
  const pool = (acquired: number): Changes => ({ caracal_db_pool_in_use_ratio: acquired / 20, caracal_db_pool_acquired_conns: acquired });
  table('CRC-SVC-027', 'gateway', [
    ['well', {}, 'pass', /^1 of 20 in use$/],
    ['used up for a moment', { now: pool(20), then: pool(1) }, 'pass', /^1 of 20 in use$/],
    ['nearly used up', { now: pool(19), then: pool(19) }, 'warn', /^19 of 20 in use$/],
    ['used up', { now: pool(20), then: pool(20) }, 'fail', /^20 of 20 in use$/],
    ['no second look', { now: pool(20), then: timeout(10_000) }, 'pass', /^20 of 20 in use$/],
    ['not told', { now: { caracal_db_pool_in_use_ratio: 'none' } }, 'not-applicable', /^not told$/],
  ]);
  table('CRC-SVC-028', 'gateway', [
    ['well', {}, 'pass', /^44 calls, none failed$/],
    ['of the past', { now: gateway({ upstream_errors_total: 3 }), then: gateway({ upstream_errors_total: 3 }) }, 'pass', /^no new failed call/],
    ['one in many', { now: gateway({ upstream_errors_total: 3, requests_allowed_total: 144 }), before: [120, gateway({ upstream_errors_total: 2 })] }, 'pass', /^1 of 101 calls failed in 2 min$/],
    ['many', { now: gateway({ upstream_errors_total: 13 }), before: [120, gateway({ requests_allowed_total: 40, upstream_errors_total: 3 })] }, 'warn', /^10 of 14 calls failed in 2 min$/],
    ['all', { now: gateway({ upstream_errors_total: 3 }), then: gateway({ upstream_errors_total: 5 }) }, 'fail', /^2 of 2 calls failed in 2 s$/],
  ]);
});

describe('services: Audit', () => {
  table('CRC-SVC-031', 'audit', [
    ['well', {}, 'pass', /^300 events checked, none changed$/],
    ['changed', { now: { tamper_mismatch_total: 1 } }, 'fail', /^1 changed event$/],
    ['deleted', { now: { tamper_chain_breaks: 2 } }, 'fail', /^2 broken links$/],
    ['the sum stays, and so does the verdict', { now: { tamper_mismatch_total: 1, tamper_hmac_failures: 1 }, before: [240, { tamper_mismatch_total: 1 }] }, 'fail', /^1 changed event$/],
    ['another key', { now: { tamper_hmac_failures: 300 } }, 'warn', /^300 signatures of another key$/],
    ['no sweep yet', { now: { tamper_last_sweep_unix: 0, tamper_last_full_unix: 0, tamper_checked_total: 0 } }, 'not-applicable', /^no sweep has ended yet$/],
    ['sweeps fail', { now: { tamper_last_sweep_unix: nowMs / 1_000 - 3 * 3_600 } }, 'warn', /^last sweep 3 h ago$/],
  ]);
  table('CRC-SVC-032', 'audit', [
    ['well', {}, 'pass', /^300 events taken, none refused$/],
    ['of the past', { now: { hmac_failures_total: 5 }, then: { hmac_failures_total: 5 } }, 'pass', /^no new refused signature in 2 s$/],
    ['refused now', { now: { hmac_failures_total: 5 }, then: { hmac_failures_total: 9, inserts_total: 303 } }, 'fail', /^4 events refused in 2 s$/],
  ]);
  table('CRC-SVC-033', 'audit', [
    ['well', {}, 'pass', /^none since it started$/],
    ['of the past', { now: { dlq_total: 5, dlq_size: 5 }, then: { dlq_total: 5, dlq_size: 5 } }, 'pass', /^no new dead letter in 2 s$/],
    ['put aside now', { now: { dlq_total: 5 }, then: { dlq_total: 6, parse_errors_total: 1 } }, 'warn', /^1 dead letter in 2 s$/],
  ]);
  table('CRC-SVC-035', 'audit', [
    ['off', {}, 'not-applicable', /^nothing exported since it started$/],
    ['well: one hour always waited when a round began', { now: { export_events_total: 900, export_backlog_hours: 1 } }, 'pass', /^900 events exported$/],
    ['caught up after a pause', { now: { export_events_total: 900, export_backlog_hours: 9 } }, 'pass', /^900 events exported$/],
    ['fails and falls behind', { now: { export_errors_total: 4, export_backlog_hours: 4 } }, 'warn', /^4 hours waiting, 4 failures$/],
    ['failed once', { now: { export_errors_total: 1, export_events_total: 900, export_backlog_hours: 1 } }, 'pass', /^900 events exported$/],
    ['fails now', { now: { export_errors_total: 1, export_backlog_hours: 1 }, before: [600, {}] }, 'warn', /^1 hour failed in 10 min$/],
  ]);
  const led = { holders: ['caracalaudit'] };
  const leaders = { retention: led, export: led, sessions: 4, oldestMs: 600_000 };
  const nobody = { holders: [] };
  answers('CRC-SVC-034', 'postgres.auditLeaders/Postgres', [
    ['led', answer(leaders), 'pass', /^retention and export led$/],
    ['led by the owner, as in old development setups', answer({ ...leaders, retention: { holders: ['caracal'] }, export: { holders: ['caracal'] }, sessions: 0, oldestMs: null }), 'pass', /^retention and export led$/],
    ['somebody else holds it', answer({ ...leaders, retention: { holders: ['postgres'] } }), 'warn', /^retention is held by postgres, not by Audit$/],
    ['nobody', answer({ ...leaders, retention: nobody, export: nobody }), 'warn', /^nobody leads retention and export$/],
    ['nobody yet', answer({ ...leaders, retention: nobody, oldestMs: 20_000 }), 'pass', /^nobody leads retention yet$/],
    ['nobody, and since when cannot be seen', answer({ ...leaders, export: nobody, oldestMs: null }), 'pass', /^nobody leads export yet$/],
    ['not permitted', refused('42501', 'permission denied'), 'unknown', /^no permission/],
  ]);
});

describe('services: policy and keys', () => {
  const zone = answer({ zone: 'z1', exists: true, zones: 1 });
  const active = { set: 's1', name: 'main', versionId: 'v2', version: 2, manifestSha256: 'aa', since: '2026-08-20T09:00:00.000Z', sinceMs: 3_600_000 };
  const policy = { sets: 1, active, manifestComputed: 'aa', policies: [{ id: 'p1', exists: true, intact: true }], keys: [{ id: 'k2', version: 2, ageMs: 3_600_000 }, { id: 'k1', version: 1, ageMs: 9e8 }] };
  const stored = (changes: object = {}): Readonly<Record<string, Outcome>> => ({ ...visible, 'postgres.zone/Postgres': zone, 'postgres.zonePolicy/z1': answer({ ...policy, ...changes }) });
  const rows: readonly (readonly [string, Readonly<Record<string, Outcome>>, Status, RegExp])[] = [
    ['active', stored(), 'pass', /^main version 2, 1 policy$/],
    ['none active', stored({ active: null, manifestComputed: null, policies: [] }), 'fail', /^none active of 1 policy set$/],
    ['no set at all', stored({ sets: 0, active: null, manifestComputed: null, policies: [] }), 'fail', /^none active of 0 policy sets$/],
    ['the version has no row', stored({ active: { ...active, version: null, manifestSha256: null } }), 'fail', /^active version is missing$/],
    ['another manifest than its hash', stored({ manifestComputed: 'bb' }), 'fail', /^hash of the manifest differs: main version 2$/],
    ['a policy is missing', stored({ policies: [...policy.policies, { id: 'p2', exists: false, intact: null }] }), 'fail', /^1 policy of 2 missing$/],
    ['a policy was changed', stored({ policies: [{ id: 'p1', exists: true, intact: false }] }), 'fail', /^1 policy of 1 changed$/],
    ['content may not be read', stored({ policies: [{ id: 'p1', exists: true, intact: null }] }), 'pass', /^main version 2, 1 policy$/],
    ['none visible is not none active', { ...stored({ sets: 0, active: null, manifestComputed: null, policies: [] }), ...hidden('policy_set_bindings') }, 'unknown', /^rows hidden from observer: see CRC-STO-044$/],
    ['no zone picked', { ...visible, 'postgres.zone/Postgres': answer({ zone: null, exists: false, zones: 2 }) }, 'unknown', /^2 zones: pick one$/],
    ['not permitted', { ...visible, 'postgres.zone/Postgres': zone, 'postgres.zonePolicy/z1': refused('42501', 'permission denied for table secrets') }, 'unknown', /^no permission: /],
  ];
  for (const [name, outcomes, status, summary] of rows) {
    it(`CRC-SVC-012: ${name}`, async () => {
      const verdict = await judge('CRC-SVC-012', outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }

  const token = answer({ row: { name: 'bootstrap', scope: 'global', zone: null, capability: 'write', revoked: false, usable: true } });
  const sts = { state: 'loaded', versionId: 'v2', manifestSha256: 'aa', ageSeconds: 12.5, detail: null };
  const activation = { status: 200, error: null, propagation: 'loaded', activeVersionId: 'v2', manifestSha256: 'aa', outbox: 'dispatched', sts };
  const told = (changes: object = {}, kept: object = {}): Readonly<Record<string, Outcome>> => ({
    ...stored(kept), 'postgres.adminToken/api': token, 'service.metrics/sts': figures('sts'), 'api.policyActivation/z1/s1': answer({ ...activation, ...changes }),
  });
  const older = { sts: { ...sts, versionId: 'v1', manifestSha256: 'old' }, propagation: 'waiting_for_sts' };
  const loaded: readonly (readonly [string, Readonly<Record<string, Outcome>>, Status, RegExp])[] = [
    ['loaded', told(), 'pass', /^loaded, 12.5 s ago$/],
    ['loaded long ago', told({ sts: { ...sts, ageSeconds: 9e5 } }), 'pass', /^loaded, 10 d ago$/],
    ['loaded, and the event was cleaned up', told({ outbox: 'missing', propagation: 'waiting_for_outbox' }), 'pass', /^loaded, /],
    ['loaded, and a dead event shows as pending', told({ outbox: 'pending', propagation: 'waiting_for_outbox' }), 'pass', /^loaded, /],
    ['the same content under an older number', told({ sts: { ...sts, versionId: 'v1' }, propagation: 'waiting_for_sts' }), 'pass', /^loaded, 12.5 s ago, under an older number$/],
    ['an older one, just activated', told(older, { active: { ...active, sinceMs: 30_000 } }), 'warn', /^not yet: activated 30 s ago, the STS has an older version$/],
    ['an older one, after the poll came round', told(older), 'fail', /^not loaded: the STS has an older version, 1 h after the activation$/],
    ['deny-all in its place', told({ sts: { ...sts, versionId: null, manifestSha256: 'no_active_policy_set' } }), 'fail', /^not loaded: the STS has no policy, 1 h/],
    ['nothing loaded', told({ sts: { ...sts, state: 'not_loaded', versionId: null, manifestSha256: null, ageSeconds: null } }), 'fail', /^not loaded: the STS has nothing/],
    ['a poll of 5 min, or one that is not told', { ...told(older, { active: { ...active, sinceMs: 200_000 } }), 'service.metrics/sts': timeout(8_000) }, 'warn', /^not yet: activated 3 min ago/],
    ['the STS refuses the API', told({ sts: { ...sts, state: 'failed', detail: 'access_denied' }, propagation: 'failed' }), 'fail', /^the STS refuses the API: access_denied$/],
    ['the API cannot reach the STS', told({ sts: { ...sts, state: 'unreachable', detail: 'fetch failed' } }), 'fail', /^the API cannot reach the STS: fetch failed$/],
    ['development without the key', told({ sts: { ...sts, state: 'not_configured' } }), 'not-applicable', /^not told: give the API GATEWAY_STS_HMAC_KEY$/],
    ['no active version is told by another check', told({}, { active: null }), 'not-applicable', /^no active version$/],
    ['the API does not tell', told({ status: 404, error: 'policy_set_binding_not_found', sts: null }), 'unknown', /^404 policy_set_binding_not_found$/],
    ['never asked with a token that is not live', { ...told(), 'postgres.adminToken/api': answer({ row: null }), 'user.consent/api': answer({ given: false, zone: null, token: true }) }, 'unknown', /^not asked: /],
  ];
  for (const [name, outcomes, status, summary] of loaded) {
    it(`CRC-SVC-013: ${name}`, async () => {
      const verdict = await judge('CRC-SVC-013', outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }

  const ready = {
    'service.ready/api': answer({ status: 200, body: '{"ok":true}' }),
    'service.health/api': answer({ status: 200, body: '{"ok":true}', contentType: 'application/json', headers: ['content-type', 'x-request-id'] }),
  };
  const byCoordinator = {
    'service.health/api': answer({ status: 200, body: '{"ok":true}', contentType: 'application/json', headers: ['content-type'] }),
    'service.identity/api': answer({ status: 401, body: '{"error":"missing_token"}', contentType: 'application/json', headers: ['content-type'] }),
  };
  const errors = { 'opa.compile_errors': 4 };
  table('CRC-SVC-011', 'sts', [
    ['none', {}, 'pass', /^3 compilations, none failed$/],
    ['new ones since the run before', { now: errors, before: [120, { 'opa.compile_errors': 2 }] }, 'fail', /^2 compile errors in 2 min$/],
    ['none while the poll came round', { now: errors, before: [120, errors] }, 'pass', /^no new compile error in 2 min$/],
    ['of the past: the policy is loaded', { now: errors, more: { ...told(), 'service.metrics/sts': figures('sts', errors), ...ready } }, 'pass', /^4 errors in the past; policy of the zone loaded$/],
    ['a run before that is younger than the poll proves nothing', { now: errors, before: [10, errors], more: { ...told(older), 'service.metrics/sts': figures('sts', errors), ...ready } }, 'fail', /^4 compile errors, and the policy is not loaded$/],
    ['of before an activation of this moment', { now: errors, more: { ...told(older, { active: { ...active, sinceMs: 2_000 } }), 'service.metrics/sts': figures('sts', errors), ...ready } }, 'warn', /^4 compile errors, and/],
    ['the Coordinator answers in its place, so that it is not asked', { now: errors, more: { ...told(), 'service.metrics/sts': figures('sts', errors), ...ready, ...byCoordinator } }, 'unknown', /^4 compile errors since it started/],
    ['the API is not ready, so that it is not asked', { now: errors, more: { ...told(), 'service.metrics/sts': figures('sts', errors), ...ready, 'service.ready/api': answer({ status: 503, body: '{"error":"outbox_dead_messages"}' }) } }, 'unknown', /^4 compile errors since it started: run again in 1 min$/],
    ['no token', { now: errors, more: { ...told(), 'service.metrics/sts': figures('sts', errors), ...ready, 'postgres.adminToken/api': { kind: 'unavailable', why: 'no admin token', wayOut: 'give tokens.admin' }, 'user.consent/api': answer({ given: false, zone: null, token: false }) } }, 'unknown', /^4 compile errors since it started/],
  ]);

  const published = (changes: object): Readonly<Record<string, Outcome>> => ({ 'sts.zoneKeys/z1': answer({ status: 200, error: null, kids: ['k2'], ...changes }) });
  const rotated = { keys: [{ id: 'k2', version: 2, ageMs: 3_600_000 }, { id: 'k1', version: 1, ageMs: 9e8 }] };
  table('CRC-SVC-015', 'sts', [
    ['published', { more: { ...stored({ keys: [policy.keys[1]] }), ...published({ kids: ['k1'] }) } }, 'pass', /^1 key$/],
    ['both for a day after a rotation', { more: { ...stored(rotated), ...published({ kids: ['k2', 'k1'] }) } }, 'pass', /^2 keys$/],
    ['the previous one is missing', { more: { ...stored(rotated), ...published({}) } }, 'warn', /^the previous key is not published$/],
    ['the previous one is no longer given', { more: { ...stored({ keys: [{ id: 'k2', version: 2, ageMs: 9e7 }, { id: 'k1', version: 1, ageMs: 9e8 }] }), ...published({}) } }, 'pass', /^1 key$/],
    ['the key in use is missing', { more: { ...stored(rotated), ...published({ kids: ['k1'] }) } }, 'fail', /^the key in use is not published$/],
    ['no key yet', { more: { ...stored({ keys: [] }), ...published({ status: 404, error: 'zone signing key not found', kids: null }) } }, 'not-applicable', /^no key yet$/],
    ['404 although Postgres has one', { more: { ...stored(), ...published({ status: 404, error: 'zone signing key not found', kids: null }) } }, 'fail', /^404 zone signing key not found$/],
    ['another KEK', { more: { ...stored(), ...published({ status: 500, error: 'signing key decryption failed', kids: null }) } }, 'fail', /^500 signing key decryption failed$/],
    ['keys of another zone, now', { now: { 'sts.jwks_invalid_keys': 3 }, before: [60, {}], more: { ...stored({ keys: [policy.keys[0]] }), ...published({}) } }, 'warn', /^3 keys of other zones cannot be opened$/],
    ['keys of another zone, once', { now: { 'sts.jwks_invalid_keys': 3 }, then: { 'sts.jwks_invalid_keys': 3 }, more: { ...stored({ keys: [policy.keys[0]] }), ...published({}) } }, 'pass', /^1 key$/],
  ]);
});

describe('services: background jobs', () => {
  const none = { rows: 0, oldestMs: null };
  const done = { tasks: none, leases: none, invocations: none, delegations: none, records: none, mayExpireDelegations: false };
  const minutes = (rows: number, oldest: number): { rows: number; oldestMs: number } => ({ rows, oldestMs: oldest * 60_000 });
  const jobs = [
    ['CRC-SVC-004', 'records', 14, 16, 'warn', /^2 records past their end, the first 16 min ago$/],
    ['CRC-SVC-041', 'tasks', 2, 4, 'fail', /^2 sessions past their end, the first 4 min ago$/],
    ['CRC-SVC-042', 'leases', 1, 3, 'fail', /^2 service sessions past their end, the first 3 min ago$/],
    ['CRC-SVC-044', 'invocations', 0.5, 2, 'fail', /^2 invocations past their end, the first 2 min ago$/],
  ] as const;
  for (const [check, part, soon, late, status, summary] of jobs) {
    answers(check, 'postgres.unfinished/Postgres', [
      ['nothing to do', answer(done), 'pass', /^none overdue$/],
      ['the next round comes', answer({ ...done, [part]: minutes(1, soon) }), 'pass', / to end, .* late at most$/],
      ['left', answer({ ...done, [part]: minutes(2, late) }), status, summary],
      ['many', answer({ ...done, [part]: minutes(1_001, late) }), status, /^over 1,000 /],
      ['not permitted', refused('42501', 'permission denied'), 'unknown', /^no permission/],
    ]);
  }
  answers('CRC-SVC-045', 'postgres.unfinished/Postgres', [
    ['none', answer(done), 'pass', /^none overdue$/],
    ['the next round comes', answer({ ...done, delegations: minutes(3, 10), mayExpireDelegations: true }), 'pass', /^3 delegations past their end$/],
    ['left, as the shipped grants make it', answer({ ...done, delegations: minutes(3, 9_000) }), 'pass', /^3 delegations past their end, as this release leaves them$/],
    ['left, although it may', answer({ ...done, delegations: minutes(3, 45), mayExpireDelegations: true }), 'warn', /^3 delegations past their end, the first 45 min ago$/],
  ]);
  const cleaner = (runs: number, failures: number): Changes => ({ 'retention_cleaner.runs': runs, 'retention_cleaner.failures': failures });
  table('CRC-SVC-043', 'coordinator', [
    ['not yet', { now: cleaner(0, 0) }, 'pass', /^no run yet$/],
    ['well', { now: cleaner(9, 0) }, 'pass', /^9 runs, none failed$/],
    ['always fails by the shipped grants', { now: cleaner(9, 9) }, 'pass', /^9 of 9 runs failed, as in this release$/],
    ['failed once', { now: cleaner(9, 1) }, 'pass', /^1 of 9 runs failed in the past$/],
    ['fails now and then', { now: cleaner(9, 2), before: [600, cleaner(8, 1)] }, 'warn', /^1 run failed in 10 min$/],
  ]);
});

describe('services: providers', () => {
  const provider = { id: 'p1', name: 'GitHub', zone: 'z1', kind: 'oauth2_authorization_code', failedMs: null, used: true, connected: true, shared: 'active' };
  const found = (...changes: readonly object[]): Outcome => answer({ providers: changes.map((change) => ({ ...provider, ...change })) });
  answers('CRC-SVC-060', 'postgres.providers/Postgres', [
    ['none', found(), 'pass', /^none can fail$/],
    ['well', found({}), 'pass', /^1 provider, none failed$/],
    ['its last test failed', found({ failedMs: 240_000 }), 'warn', /^GitHub: last test failed 4 min ago$/],
    ['the shared connection ended', found({ connected: false, shared: 'expired' }), 'fail', /^GitHub: shared connection expired$/],
    ['it ended, and others have their own', found({ shared: 'revoked' }), 'pass', /^1 provider, none failed$/],
    ['it ended, and nobody uses it', found({ connected: false, shared: 'revoked', used: false }), 'pass', /^1 provider, none failed$/],
    ['nobody ever connected', found({ connected: false, shared: null }), 'pass', /^1 provider, none failed$/],
    ['not permitted', refused('42501', 'permission denied'), 'unknown', /^no permission/],
  ]);
  const two = found({}, { id: 'p2', name: 'Vault', kind: 'oauth2_client_credentials' });
  const rows: readonly (readonly [string, Outcome, Outcome | undefined, Status, RegExp])[] = [
    ['no provider refreshes', found({ kind: 'api_key', failedMs: 1 }), undefined, 'not-applicable', /^no provider refreshes$/],
    ['all closed', two, answer({ open: [] }), 'pass', /^0 of 2 open$/],
    ['open', two, answer({ open: ['p2'] }), 'fail', /^open: Vault$/],
    ['keys that the Redis user need not see', two, refused('NOPERM', 'No permissions to access a key'), 'not-applicable', /^not checked: give the Redis user %R~provider-refresh-\*$/],
    ['Redis does not answer', two, timeout(5_000), 'unknown', /^no answer in 5 s$/],
  ];
  for (const [name, listed, circuits, status, summary] of rows) {
    it(`CRC-SVC-061: ${name}`, async () => {
      const verdict = await judge('CRC-SVC-061', { ...visible, 'postgres.providers/Postgres': listed, ...(circuits ? { 'redis.providerCircuits/p1,p2': circuits } : {}) });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});

describe('services: rows that row-level security hides', () => {
  const none = { rows: 0, oldestMs: null };
  const unfinished = answer({ tasks: none, leases: none, invocations: none, delegations: none, records: none, mayExpireDelegations: false });
  const tables = { 'CRC-SVC-004': 'authority_records', 'CRC-SVC-041': 'sessions', 'CRC-SVC-042': 'sessions', 'CRC-SVC-044': 'agent_invocations', 'CRC-SVC-045': 'delegation_edges' };
  for (const [check, table] of Object.entries(tables)) {
    it(`${check}: nothing may be called done`, async () => {
      const of = async (rest: Readonly<Record<string, Outcome>>): Promise<Status> => (await judge(check, { 'postgres.unfinished/Postgres': unfinished, ...rest })).status;
      assert.equal(await of(hidden(table)), 'unknown');
      assert.equal(await of(hidden('operator_turns')), 'pass');
      assert.equal(await of({ 'postgres.catalogue/Postgres': answer({ visibility: { ...seesAll.visibility, zone: '' } }) }), 'unknown');
      assert.equal(await of({ 'postgres.catalogue/Postgres': answer({ visibility: { ...seesAll.visibility, bound: 0, zone: null } }) }), 'pass');
      assert.equal(await of({ 'postgres.catalogue/Postgres': timeout(6_000) }), 'unknown');
    });
  }
  for (const check of ['CRC-SVC-060', 'CRC-SVC-061']) {
    it(`${check}: no provider is not none`, async () => {
      assert.equal((await judge(check, { 'postgres.providers/Postgres': answer({ providers: [] }), ...hidden('providers') })).status, 'unknown');
    });
  }
});

describe('services: Operator model', () => {
  const ago = (seconds: number): number => nowMs / 1_000 - seconds;
  const model = (provider: string, succeeded: number, failed: number, errorClass = 'none'): Changes => ({
    [`caracal_operator_ai_provider_last_success_timestamp_seconds{provider="${provider}"}`]: succeeded,
    [`caracal_operator_ai_provider_last_failure_timestamp_seconds{provider="${provider}",error_class="${errorClass}"}`]: failed,
  });
  table('CRC-SVC-003', 'api', [
    ['none set', {}, 'not-applicable', /^no model set$/],
    ['not called', { now: model('a', 0, 0) }, 'pass', /^1 model, not called yet$/],
    ['answers', { now: model('a', ago(60), 0) }, 'pass', /^1 model answered at the last call$/],
    ['failed before it answered', { now: model('a', ago(60), ago(120), 'timeout') }, 'pass', /^1 model answered/],
    ['failed last', { now: { ...model('a', ago(60), 0), ...model('b', ago(600), ago(240), 'auth_error') } }, 'warn', /^b failed 4 min ago: auth_error$/],
    ['failed always', { now: model('a', 0, ago(240), 'timeout') }, 'warn', /^a failed 4 min ago: timeout$/],
  ]);
  it('reads names with quotes in them', () => {
    assert.deepEqual(modelsIn(model('a\\"b', 1, 2, 'timeout') as Record<string, number>), [{ provider: 'a\\"b', succeeded: 1, failed: 2, errorClass: 'timeout' }]);
  });
});

describe('services: Version', () => {
  answers('CRC-SVC-051', 'web.version/web', [
    ['this release', answer({ status: 200, version: 'v1.0.3' }), 'pass', /^v1.0.3$/],
    ['without the letter', answer({ status: 200, version: '1.0.0' }), 'pass', /^1.0.0$/],
    ['a build of its own', answer({ status: 200, version: 'dev' }), 'pass', /^dev$/],
    ['another release', answer({ status: 200, version: 'v1.1.0' }), 'warn', /^v1.1.0; these checks are for 1.0$/],
    ['a page instead', answer({ status: 200, version: null }), 'unknown', /^200, no version$/],
  ]);
});

describe('services: Alert rules', () => {
  const outcomes = (changes: Partial<Record<Service, Changes>> = {}): Readonly<Record<string, Outcome>> =>
    Object.fromEntries((['api', 'sts', 'gateway', 'audit'] as const).map((service) => [`service.metrics/${service}`, figures(service, changes[service])]));
  const alerts = (changes?: Partial<Record<Service, Changes>>, more: Readonly<Record<string, Outcome>> = {}): Promise<Verdict> => judge('CRC-SVC-090', { ...outcomes(changes), ...more }, { 'service.metrics/sts@earlier': 60, 'service.metrics/gateway@earlier': 60 });

  it('are those that the chart ships, each by figures that its service gives', () => {
    assert.equal(alertRules.length, 21);
    for (const { name, service, condition } of alertRules) {
      if (!service || !condition) continue;
      for (const figure of [condition.in].flat()) assert.equal(typeof wellFigures[service as Service][figure], 'number', `${name} ${figure}`);
    }
  });

  it('are quiet where all is well, and the one that always fires is marked and does not count', async () => {
    const verdict = await alerts();
    assert.equal(verdict.status, 'pass');
    assert.match(verdict.summary, /^0 of 19 would fire, 1 for nothing$/);
    assert.match(fact(verdict, 'CaracalSTSPolicyBundleStale') ?? '', /^false alarm: 5400.20, above 300; always fires/);
    assert.equal(fact(verdict, 'CaracalReadinessFlapping'), 'not applicable: Kubernetes only');
    assert.equal(fact(verdict, 'CaracalGatewaySTSExchangeErrors'), 'cannot be told by one look: 4 since it started');
  });

  it('ask for no second look because of ordinary refusals', async () => {
    // A second look would fail this test, which has no outcome for one.
    assert.equal((await alerts({ gateway: gateway({ sts_exchange_errors_total: 400 }) })).status, 'pass');
  });

  it('mark refusals, a sticky circuit, a sticky propagation and kept dead letters as false alarms', async () => {
    const now = gateway({ sts_exchange_errors_total: 9, sts_circuit_open: 1, revocation_propagation_seconds: 90 });
    const verdict = await alerts({ gateway: now, audit: { dlq_size: 1 } }, { 'service.metrics/gateway@earlier': figures('gateway') });
    assert.equal(verdict.status, 'pass');
    for (const name of ['CaracalGatewaySTSExchangeErrors', 'CaracalGatewaySTSCircuitOpen', 'CaracalGatewayRevocationPropagationLag', 'CaracalAuditDLQNonEmpty']) assert.match(fact(verdict, name) ?? '', /^false alarm: /);
  });

  const firing: readonly (readonly [string, Service, Changes])[] = [
    ['CaracalAuditConsumerLagHigh', 'audit', { consumer_lag: 1_001 }],
    ['CaracalGatewayAuditReplayBacklogOld', 'gateway', gateway({ audit_replay_oldest_age_seconds: 301 })],
    ['CaracalSTSAuditReplayBacklogOld', 'sts', { 'sts.audit_replay_oldest_age_seconds': 301 }],
    ['CaracalGatewayAuditEvidenceLost', 'gateway', gateway({ audit_dropped_total: 1 })],
    ['CaracalSTSAuditEvidenceLost', 'sts', { 'sts.audit_dropped': 1 }],
    ['CaracalAPIOutboxDeadMessages', 'api', { caracal_api_outbox_dead_total: 1 }],
    ['CaracalAPIOutboxPendingOldest', 'api', { caracal_api_outbox_oldest_pending_age_seconds: 301 }],
    ['CaracalGatewayRevocationSnapshotStale', 'gateway', gateway({ revocation_snapshot_fresh: 0 })],
  ];
  for (const [name, service, changes] of firing) {
    it(`${name} would fire`, async () => {
      const verdict = await alerts({ [service]: changes });
      assert.deepEqual([verdict.status, verdict.summary], ['warn', `1 rule would fire: ${name}`]);
      assert.match(fact(verdict, name) ?? '', /^would fire: .* \((warning|critical), after \dm\)$/);
    });
  }

  const rising: readonly (readonly [string, Service, Changes])[] = [
    ['CaracalSTSOPACompileErrors', 'sts', { 'opa.compile_errors': 2 }],
    ['CaracalSTSProviderRefreshErrors', 'sts', { 'sts.provider_refresh_errors': 2 }],
    ['CaracalSTSProviderCircuitOpen', 'sts', { 'sts.provider_circuit_open': 2 }],
    ['CaracalAuditDLQGrowth', 'audit', { dlq_total: 2 }],
    ['CaracalAuditTamperDetected', 'audit', { tamper_chain_breaks: 2 }],
    ['CaracalGatewayRevocationReloadErrors', 'gateway', gateway({ revocation_reload_errors_total: 2 })],
  ];
  for (const [name, service, changes] of rising) {
    it(`${name} would fire while its counter rises, and not for what it adds up to`, async () => {
      const [figure = '', total = 0] = Object.entries(changes)[0] ?? [];
      const again = `service.metrics/${service}#2`;
      const risen = await alerts({ [service]: changes }, { [again]: figures(service, { [figure]: Number(total) + 1 }) });
      assert.deepEqual([risen.status, risen.summary], ['warn', `1 rule would fire: ${name}`]);
      assert.equal((await alerts({ [service]: changes }, { [again]: figures(service, changes) })).status, 'pass');
    });
  }

  it('CaracalPostgresPoolSaturation needs two looks', async () => {
    const full = { caracal_db_pool_in_use_ratio: 1 };
    assert.equal((await alerts({ gateway: full }, { 'service.metrics/gateway#2': figures('gateway', full) })).summary, '1 rule would fire: CaracalPostgresPoolSaturation');
    assert.equal((await alerts({ gateway: full }, { 'service.metrics/gateway#2': figures('gateway') })).status, 'pass');
  });

  it('say what cannot be told, and nothing when nothing can', async () => {
    const gone = refused('ECONNREFUSED');
    const verdict = await alerts({}, { 'service.metrics/audit': gone });
    assert.deepEqual([verdict.status, verdict.summary], ['pass', '0 of 15 would fire, 1 for nothing']);
    assert.equal(fact(verdict, 'CaracalAuditDLQNonEmpty'), 'cannot be told: no figures of audit');
    const none = await judge('CRC-SVC-090', Object.fromEntries(['api', 'sts', 'gateway', 'audit'].map((service) => [`service.metrics/${service}`, gone])));
    assert.equal(none.status, 'unknown');
  });
});

describe('services: what is registered in the zone', () => {
  const zone = answer({ zone: 'z1', exists: true, zones: 1 });
  const content = { name: 'Payments', resources: 2, applications: 3, expired: [], providers: 1 };
  const rows: readonly [string, Readonly<Record<string, Outcome>>, Status, RegExp][] = [
    ['well', {}, 'pass', /^2 resources, 3 applications$/],
    ['nothing yet', { 'postgres.zoneContent/z1': answer({ ...content, resources: 0, applications: 0 }) }, 'pass', /^0 resources, 0 applications$/],
    ['an application has come to its end', { 'postgres.zoneContent/z1': answer({ ...content, expired: ['ledger', 'orders'] }) }, 'warn', /^2 applications expired: ledger and more$/],
    ['an unknown zone', { 'postgres.zone/Postgres': answer({ zone: 'z1', exists: false, zones: 1 }) }, 'unknown', /^no zone z1/],
    ['rows that are hidden are not none', hidden('applications'), 'unknown', /^rows hidden from observer/],
    ['not permitted', { 'postgres.zoneContent/z1': refused('42501', 'permission denied for table applications') }, 'unknown', /^no permission/],
  ];
  for (const [name, changes, status, summary] of rows) {
    it(`CRC-SVC-062: ${name}`, async () => {
      const verdict = await judge('CRC-SVC-062', { 'postgres.zone/Postgres': zone, 'postgres.zoneContent/z1': answer(content), ...visible, ...changes });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});
