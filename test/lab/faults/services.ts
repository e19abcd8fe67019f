import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { untilReady } from '../services/deployment.ts';
import { uuidv7 } from '../stores/identifiers.ts';
import { sendSignal } from '../stores/processes.ts';
import { answers, gatewayMissesSts } from './effects.ts';
import { rowsOfZone } from './auditRows.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { figures } from './groups.ts';
import {
  activate, bind, figure, holdLock, nextVersion, openCircuit, otherGrants, reaches, restartWith, revokeSomething, withoutAuditStream,
} from './serviceParts.ts';

const otherKey = (): string => randomBytes(32).toString('hex');

/** A port on which nothing listens and nothing ever will: `discard` of old. */
const nowhere = 'http://127.0.0.1:9';

/** A provider of the seeded zone by its name. */
const providerNamed = 'SELECT id FROM providers WHERE zone_id = $1 AND name = $2';

/** Loses evidence of one producer: its replay folder is a file while the stream refuses. The other one's events go to files. */
async function loseEvidence(lab: Lab, producer: 'sts' | 'gateway'): Promise<void> {
  const folder = join(lab.directory, 'replay', producer);
  const [dropped, other, files] = producer === 'sts'
    ? ['sts.audit_dropped', 'gateway', 'audit_replay_files'] as const
    : ['audit_dropped', 'sts', 'sts.audit_replay_files'] as const;
  await reaches(lab, 'gateway', 'requests_allowed', 1);
  await rename(folder, `${folder}.aside`);
  await writeFile(folder, '');
  await withoutAuditStream(lab, async () => {
    await reaches(lab, producer, dropped, 1);
    await reaches(lab, other, files, 1);
  });
  await rm(folder);
  await mkdir(folder, { mode: 0o700 });
}

export const servicesFaults: readonly Fault[] = [
  {
    id: 'policy-none-active',
    title: 'No policy set of the zone is active',
    contract: 'storage-and-streams.md 4.2, policy; readiness.md 5.2, step 6',
    verdicts: { 'CRC-SVC-012': 'fail' },
    inject: async (lab) => {
      await lab.sql('UPDATE policy_set_bindings SET active_version_id = NULL, updated_at = now() WHERE zone_id = $1', [lab.zoneId]);
    },
  },
  {
    id: 'policy-hash-mismatch',
    title: 'The active policy set version does not have its hash, so that the STS keeps the one before',
    contract: 'storage-and-streams.md 5.2, manifest_sha256',
    verdicts: all('fail', ...ids('SVC', 12, 13)),
    inject: async (lab) => {
      await bind(lab, await nextVersion(lab, { grants: await otherGrants(lab), hash: '0'.repeat(64) }), '10 minutes');
    },
  },
  {
    id: 'policy-not-compiling',
    title: 'The active policy set version does not compile, so that the STS keeps the one before',
    contract: 'deploy-logs-metrics.md 4.2, opa_compile_errors_total; storage-and-streams.md 10.5',
    verdicts: { ...all('fail', ...ids('SVC', 11, 13)), 'CRC-SVC-090': 'warn' },
    inject: async (lab) => {
      await restartWith(lab, 'sts', { OPA_POLL_SECONDS: '1' });
      await eventually('the STS has loaded the zone', async () => (await figure(lab, 'sts', 'opa.compile_total')) > 0);
      await bind(lab, await nextVersion(lab, { grants: 'package caracal.authz\n\ngrants := 5\n' }), '10 minutes');
      await reaches(lab, 'sts', 'opa.compile_errors', 2);
    },
  },
  {
    id: 'policy-not-loaded',
    title: 'An activation reaches no STS: its group is gone, and the poll takes minutes',
    contract: 'readiness.md 5.2, activation-status; storage-and-streams.md 12, traps 5 and 6',
    verdicts: all('fail', 'CRC-SVC-013', 'CRC-STR-021'),
    inject: async (lab) => {
      await restartWith(lab, 'sts', { OPA_POLL_SECONDS: '300' });
      await eventually('the STS has loaded the zone', async () => (await figure(lab, 'sts', 'opa.compile_total')) > 0);
      await lab.redisClient.xgroup('DESTROY', 'caracal.policy.invalidate', 'opa-engine');
      await activate(lab, await nextVersion(lab, { grants: await otherGrants(lab) }));
      await lab.sql("UPDATE policy_set_bindings SET updated_at = now() - interval '10 minutes' WHERE zone_id = $1", [lab.zoneId]);
    },
  },
  {
    id: 'api-sts-key-differs',
    title: 'The API signs its calls to the STS with another key',
    contract: 'deploy-logs-metrics.md 5.4, GATEWAY_STS_HMAC_KEY',
    verdicts: { 'CRC-SVC-013': 'fail' },
    inject: (lab) => restartWith(lab, 'api', { GATEWAY_STS_HMAC_KEY: otherKey() }),
  },
  {
    id: 'kek-differs',
    title: 'The STS has another key encryption key than its signing keys were sealed with',
    contract: 'deploy-logs-metrics.md 5.4, SECRET_STORE_KEK; 4.2, jwks_invalid_keys_total',
    verdicts: { 'CRC-SVC-015': 'fail' },
    inject: async (lab) => {
      await eventually('the zone has a signing key', async () => (await lab.sql("SELECT FROM secrets WHERE zone_id = $1 AND name = 'zone_signing_key'", [lab.zoneId])).length > 0);
      await restartWith(lab, 'sts', { SECRET_STORE_KEK: otherKey() });
    },
  },
  {
    id: 'metrics-of-another-application',
    title: 'Something in front of the Gateway answers /metrics with figures of its own',
    contract: 'deploy-logs-metrics.md 4.1, endpoints; 4.3',
    verdicts: { 'CRC-SVC-020': 'fail', ...all('blocked', ...figures.gateway.filter((id) => id !== 'CRC-SVC-020')) },
    inject: async (lab) => {
      // Everything but the metrics is as the Gateway has it.
      await lab.replace('gateway', (request, response) => {
        response.sendDate = true;
        response.setHeader('x-request-id', uuidv7());
        if (request.url === '/metrics') response.setHeader('content-type', 'text/plain; version=0.0.4').end('# TYPE nginx_connections_active gauge\nnginx_connections_active 3\n');
        else if (request.url === '/ready') response.setHeader('content-type', 'application/json').end('{"ok":true,"ready":true}\n');
        else if (request.url === '/health') response.end();
        else response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"invalid_token","requestId":"r"}\n');
      });
    },
  },
  {
    id: 'sts-evidence-lost',
    title: 'The STS lost audit events; those of the Gateway wait in files',
    contract: 'storage-and-streams.md 9.1, both paths fail; 9.5, lost',
    verdicts: { ...all('fail', 'CRC-RDY-013', 'CRC-SVC-018'), 'CRC-SVC-013': 'blocked', ...all('warn', ...ids('SVC', 25, 90)) },
    inject: (lab) => loseEvidence(lab, 'sts'),
  },
  {
    id: 'gateway-evidence-lost',
    title: 'The Gateway lost audit events; those of the STS wait in files',
    contract: 'storage-and-streams.md 9.1, both paths fail; 9.5, lost',
    verdicts: { ...all('fail', 'CRC-RDY-023', 'CRC-SVC-024'), ...all('warn', ...ids('SVC', 19, 90)) },
    inject: (lab) => loseEvidence(lab, 'gateway'),
  },
  {
    id: 'replay-backlog',
    title: 'Audit events wait in files since an outage of Redis that is over',
    contract: 'storage-and-streams.md 9.1, drain; 12, trap 7',
    verdicts: all('warn', ...ids('SVC', 19, 25)),
    inject: async (lab) => {
      await reaches(lab, 'gateway', 'requests_allowed', 1);
      await withoutAuditStream(lab, async () => {
        await reaches(lab, 'sts', 'sts.audit_replay_files', 1);
        await reaches(lab, 'gateway', 'audit_replay_files', 1);
      });
    },
  },
  {
    id: 'gateway-snapshot-stale',
    title: 'The Gateway cannot load revocations: the password of its role was changed',
    contract: 'storage-and-streams.md 7.6, stale; deploy-logs-metrics.md 5.4, DB role password',
    verdicts: { ...all('fail', 'CRC-RDY-023', 'CRC-SVC-022'), 'CRC-SVC-090': 'warn' },
    inject: async (lab) => {
      await lab.sql(`ALTER ROLE caracalgateway PASSWORD '${otherKey()}'`);
      await lab.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'caracalgateway'");
      await eventually('the snapshot is stale', async () => (await answers(lab, 'gateway', '/ready')).body.includes('revocation_snapshot_stale'), 90_000);
    },
  },
  {
    id: 'gateway-streams-key-differs',
    title: 'The Gateway refuses revocations, because it has another STREAMS_HMAC_KEY',
    contract: 'deploy-logs-metrics.md 5.4, STREAMS_HMAC_KEY',
    verdicts: { 'CRC-SVC-023': 'fail' },
    inject: async (lab) => {
      await restartWith(lab, 'gateway', { STREAMS_HMAC_KEY: otherKey() });
      await revokeSomething(lab);
      await reaches(lab, 'gateway', 'revocation_invalid_signatures', 1);
    },
  },
  {
    id: 'gateway-circuit-open',
    title: 'The STS is gone and the Gateway no longer asks it',
    contract: 'deploy-logs-metrics.md 0, fact 7; readiness.md 2.7, CaracalGatewaySTSCircuitOpen',
    verdicts: {
      ...all('fail', ...ids('RDY', 11, 23, 90), 'CRC-SVC-021'),
      ...all('blocked', ...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)),
    },
    inject: async (lab) => {
      await openCircuit(lab);
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'producer-audit-key-differs',
    title: 'The STS signs audit events with another key than Audit has',
    contract: 'deploy-logs-metrics.md 5.4, AUDIT_HMAC_KEY; storage-and-streams.md 9.2, hmac_verify_failed',
    verdicts: { 'CRC-SVC-032': 'fail', ...all('warn', 'CRC-SVC-033', 'CRC-SVC-090', 'CRC-STR-012') },
    inject: async (lab) => {
      await restartWith(lab, 'sts', { AUDIT_HMAC_KEY: otherKey() });
      await reaches(lab, 'audit', 'dlq_size', 1);
    },
  },
  {
    id: 'tamper-found',
    title: 'Audit finds a changed row when it sweeps its ledger',
    contract: 'storage-and-streams.md 9.6, sweep; deploy-logs-metrics.md 4.4, tamper_mismatch_total',
    verdicts: all('fail', 'CRC-SVC-031', 'CRC-AUD-006'),
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 4);
      await lab.sql("UPDATE audit_events SET decision = decision || 'ed' WHERE zone_id = $1 AND chain_seq = 2", [lab.zoneId]);
      await restartWith(lab, 'audit', {});
      await reaches(lab, 'audit', 'tamper_mismatch_total', 1);
    },
  },
  {
    id: 'audit-not-leading',
    title: 'A session of somebody else holds the lock by which Audit leads its retention',
    contract: 'storage-and-streams.md 2.7, audit retention leader',
    verdicts: { 'CRC-SVC-034': 'warn' },
    inject: async (lab) => {
      await lab.services.audit.stop();
      await holdLock(lab, '4846245113962180658');
      await restartWith(lab, 'audit', {});
    },
  },
  {
    id: 'session-sweeper-stuck',
    title: 'Sessions stay active after their end: somebody holds the lock of the sweeper',
    contract: 'storage-and-streams.md 4.2, session sweepers; 2.7, Coordinator jobs',
    verdicts: { 'CRC-SVC-041': 'fail' },
    inject: async (lab) => {
      await holdLock(lab, 'coordinator:ttl_sweep');
      await lab.sql("UPDATE sessions SET started_at = now() - interval '10 minutes', ttl_seconds = 60 WHERE id = $1", [lab.seeded.sandbox.sessions['exploring']?.id]);
    },
  },
  {
    id: 'lease-sweeper-stuck',
    title: 'A service session stays active without a heartbeat: somebody holds the lock of the sweeper',
    contract: 'storage-and-streams.md 4.2, lease sweeper; 2.7, Coordinator jobs',
    verdicts: { 'CRC-SVC-042': 'fail' },
    inject: async (lab) => {
      await holdLock(lab, 'coordinator:service_lease_sweep');
      await lab.sql("UPDATE sessions SET heartbeat_deadline_at = now() - interval '2 hours' WHERE id = $1", [lab.seeded.sandbox.sessions['mirroring']?.id]);
    },
  },
  {
    id: 'invocations-overdue',
    title: 'An invocation runs on after its deadline: somebody holds the lock of the enforcer',
    contract: 'storage-and-streams.md 5.4, agent_invocations.deadline_at; 2.7, Coordinator jobs',
    verdicts: { 'CRC-SVC-044': 'fail' },
    inject: async (lab) => {
      await holdLock(lab, 'coordinator:invocation_deadline');
      const service = uuidv7();
      await lab.sql(
        "INSERT INTO agent_services (id, zone_id, application_id, endpoint_url, health) VALUES ($1, $2, $3, 'https://ledger.example.com/agent', 'healthy')",
        [service, lab.zoneId, lab.seeded.payments.applications['ledger']?.id],
      );
      await lab.sql(
        `INSERT INTO agent_invocations (id, zone_id, service_id, method, status, attempts, started_at, deadline_at)
         VALUES ($1, $2, $3, 'post', 'running', 1, now() - interval '6 minutes', now() - interval '5 minutes')`, [uuidv7(), lab.zoneId, service],
      );
    },
  },
  {
    id: 'authority-reaper-stuck',
    title: 'Authority records stay active after their end: somebody holds the lock of the reaper',
    contract: 'storage-and-streams.md 4.2, record reaper; 2.7, API jobs',
    verdicts: { 'CRC-SVC-004': 'warn' },
    inject: async (lab) => {
      await holdLock(lab, '7163920485318481');
      await lab.sql(
        `INSERT INTO authority_records (id, zone_id, session_type, subject_id, expires_at, authenticated_at, claims_json)
         VALUES ($1, $2, 'user', 'somebody@example.com', now() - interval '20 minutes', now() - interval '1 hour', '{}')`, [uuidv7(), lab.zoneId],
      );
    },
  },
  {
    id: 'provider-down',
    title: 'The token endpoint of a provider does not answer, and its circuit is open',
    contract: 'storage-and-streams.md 8, provider-refresh-circuit; readiness.md 2.7, CaracalSTSProviderCircuitOpen',
    verdicts: { 'CRC-SVC-061': 'fail', ...all('warn', ...ids('SVC', 17, 90)) },
    before: true,
    inject: async (lab) => {
      await lab.sql(
        `UPDATE providers SET provider_kind = 'oauth2_client_credentials', config_json = $3::jsonb WHERE id = (${providerNamed})`,
        [lab.zoneId, 'Caracal Mandate', JSON.stringify({ token_endpoint: `${nowhere}/token`, client_id: 'caracal' })],
      );
      await reaches(lab, 'sts', 'sts.provider_circuit_open', 1);
    },
  },
  {
    id: 'provider-test-failed',
    title: 'The last connectivity test of a provider failed',
    contract: 'storage-and-streams.md 5.4, providers.connectivity_failed_at; request-evidence.md 14, what no check covers',
    verdicts: { 'CRC-SVC-060': 'warn' },
    inject: async (lab) => {
      await lab.sql(
        `UPDATE providers SET provider_kind = 'oauth2_client_credentials', connectivity_failed_at = now() - interval '1 hour' WHERE id = (${providerNamed})`,
        [lab.zoneId, 'Reports API Key'],
      );
    },
  },
  {
    id: 'provider-connection-expired',
    title: 'The connection that all subjects share has expired',
    contract: 'storage-and-streams.md 5.4, provider_connections.status; request-evidence.md 4.4, rows 25 and 26',
    verdicts: { 'CRC-SVC-060': 'fail' },
    inject: async (lab) => {
      const [provider] = await lab.sql<{ id: string }>(
        `UPDATE providers SET provider_kind = 'oauth2_authorization_code' WHERE id = (${providerNamed}) RETURNING id`, [lab.zoneId, 'Reports API Key'],
      );
      await lab.sql(
        "INSERT INTO provider_connections (id, zone_id, subject_id, provider_id, status, expires_at) VALUES ($1, $2, 'caracal:shared', $3, 'expired', now() - interval '1 hour')",
        [uuidv7(), lab.zoneId, provider?.id],
      );
    },
  },
  {
    id: 'gateway-pool-used-up',
    title: 'The only connection of the Gateway to Postgres hangs',
    contract: 'deploy-logs-metrics.md 4.3, caracal_db_pool_in_use_ratio; 5.2, DB_MAX_CONNS',
    verdicts: { 'CRC-SVC-027': 'fail', 'CRC-SVC-090': 'warn' },
    inject: async (lab) => {
      await restartWith(lab, 'gateway', { DB_MAX_CONNS: '1' });
      const [backend] = await lab.sql<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE usename = 'caracalgateway'");
      if (backend === undefined) throw new Error('the Gateway has no connection');
      sendSignal(backend.pid, 'SIGSTOP');
      void fetch(`${lab.services.gateway.url}/internal/revocations/reload`, {
        method: 'POST', headers: { authorization: `Bearer ${lab.secrets.caracalAdminToken}` },
      }).catch(() => undefined); // ends with the Gateway
      await eventually('the pool is used up', async () => {
        const response = await fetch(`${lab.services.gateway.url}/metrics`, { headers: { authorization: `Bearer ${lab.secrets.metricsBearer}` } });
        return (await response.text()).includes('caracal_db_pool_in_use_ratio 1\n');
      });
    },
  },
];

export const servicesDecoys: readonly Decoy[] = [
  {
    id: 'circuit-gauge-sticks',
    title: 'The gauge of the circuit says open, long after the STS is back and with nobody asking',
    contract: 'deploy-logs-metrics.md 0, fact 7',
    inject: async (lab) => {
      await reaches(lab, 'gateway', 'requests_allowed', 1);
      await lab.endTraffic();
      await openCircuit(lab);
      await lab.services.sts.start();
      await untilReady(lab.services.sts);
      await untilReady(lab.services.gateway);
    },
  },
  {
    id: 'propagation-sticks',
    title: 'One revocation came late, and the gauge of its age stays',
    contract: 'deploy-logs-metrics.md 0, fact 8; 4.9, CaracalGatewayRevocationPropagationLag',
    inject: async (lab) => {
      await lab.services.gateway.freeze();
      await revokeSomething(lab);
      const [last] = await lab.redisClient.xrevrange('caracal.sessions.revoke', '+', '-', 'COUNT', 1);
      await eventually('the revocation is older than the limit of the rule', () => Promise.resolve(Date.now() - Number(last?.[0].split('-')[0]) > 32_000));
      await lab.services.gateway.thaw();
      await reaches(lab, 'gateway', 'revocation_propagation_seconds', 31);
      await untilReady(lab.services.gateway);
      // The call that the Gateway was at when it froze has failed by then.
      await reaches(lab, 'gateway', 'requests_allowed', (await figure(lab, 'gateway', 'requests_allowed')) + 2);
    },
  },
  {
    id: 'old-refused-signature',
    title: 'Audit once refused an event, and its dead letter was dealt with',
    contract: 'storage-and-streams.md 12, trap 21; deploy-logs-metrics.md 4.4, hmac_failures_total',
    inject: async (lab) => {
      await lab.redisClient.xadd('caracal.audit.events', '*', 'id', 'foreign', 'data', '{}', 'sig', '00');
      await reaches(lab, 'audit', 'hmac_failures_total', 1);
      await eventually('the dead letter is there', async () => (await lab.redisClient.xlen('caracal.audit.events.dlq')) > 0);
      await lab.redisClient.xtrim('caracal.audit.events.dlq', 'MAXLEN', 0);
      await eventually('audit counts no dead letter', async () => (await figure(lab, 'audit', 'dlq_size')) === 0);
    },
  },
  {
    id: 'retention-always-fails',
    title: 'Each run of the Coordinator\'s retention fails, as the shipped grants make it',
    contract: 'storage-and-streams.md 2.4; 12, trap 14',
    inject: async (lab) => {
      await restartWith(lab, 'coordinator', { RETENTION_CLEANUP_INTERVAL_MS: '300' });
      await eventually('retention has failed twice', async () => {
        const response = await fetch(`${lab.services.coordinator.url}/stats`, { headers: { authorization: `Bearer ${lab.secrets.caracalCoordinatorToken}` } });
        return ((await response.json()) as { retention_cleaner: { failures: number } }).retention_cleaner.failures >= 2;
      });
    },
  },
  {
    id: 'delegation-left-active',
    title: 'A delegation is still active long after its end, as this release leaves it',
    contract: 'storage-and-streams.md 2.4; 4.2, edge expiry',
    inject: async (lab) => {
      await lab.sql("UPDATE delegation_edges SET expires_at = now() - interval '40 minutes' WHERE id = $1", [lab.seeded.sandbox.delegationEdges['mirroring']?.id]);
    },
  },
  {
    id: 'policy-same-content',
    title: 'A version with the same content was activated, which the STS does not load again',
    contract: 'storage-and-streams.md 10.1, policy age; deploy-logs-metrics.md 0, fact 6',
    inject: async (lab) => {
      await activate(lab, await nextVersion(lab));
      await lab.sql("UPDATE policy_set_bindings SET updated_at = now() - interval '10 minutes' WHERE zone_id = $1", [lab.zoneId]);
    },
  },
  {
    id: 'activation-event-cleaned',
    title: 'The event of the activation was cleaned out of the outbox',
    contract: 'deploy-logs-metrics.md 5.3, activation-status; request-evidence.md 2.6',
    inject: async (lab) => {
      await lab.sql("DELETE FROM event_outbox WHERE stream_name = 'caracal.policy.invalidate' AND dispatched_at IS NOT NULL");
    },
  },
  {
    id: 'own-connection-revoked',
    title: 'One subject revoked its own connection to a provider',
    contract: 'storage-and-streams.md 5.4, provider_connections.subject_id',
    inject: async (lab) => {
      const [provider] = await lab.sql<{ id: string }>(
        `UPDATE providers SET provider_kind = 'oauth2_authorization_code' WHERE id = (${providerNamed}) RETURNING id`, [lab.zoneId, 'Reports API Key'],
      );
      await lab.sql(
        "INSERT INTO provider_connections (id, zone_id, subject_id, provider_id, status) VALUES ($1, $2, 'somebody@example.com', $3, 'revoked')",
        [uuidv7(), lab.zoneId, provider?.id],
      );
    },
  },
];
