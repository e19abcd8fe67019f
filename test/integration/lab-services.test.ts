import assert from 'node:assert/strict';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import { eventually } from '../lab/eventually.ts';
import { type Lab, startLab } from '../lab/lab.ts';
import { sweep } from '../lab/services/audit-ledger.ts';
import { STREAMS } from '../lab/services/streams.ts';
import { allRead } from '../lab/services/warm-up.ts';

const START_MS = 60_000;
const NAMES = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const;
type Name = typeof NAMES[number];
type Reply = { status: number; text: string; headers: Headers; tookMs: number };

const READY: Record<Name, string> = {
  api: '{"ok":true}', sts: '{"ok":true,"ready":true}\n', gateway: '{"ok":true,"ready":true}\n', audit: '{"ready":true}\n', coordinator: '{"ok":true}',
  web: '{"status":"ready"}',
};
const goFailure = (reason: string): string => `{"ok":false,"ready":false,"reason":"${reason}"}\n`;
const INTERNAL_ERROR = /^\{"error":"internal_error","error_description":"The service failed to process the request","requestId":"[^"]+"\}$/;

/** Between two questions to `/ready`: API and Coordinator allow 120 a minute. */
const POLL_MS = 600;

describe('the lab', function () {
  this.timeout(START_MS);
  let lab: Lab;
  before(async () => {
    lab = await startLab({});
  });
  after(() => lab.close());

  const ask = async (name: Name, path: string, options: { token?: string; limitMs?: number } = {}): Promise<Reply> => {
    const started = performance.now();
    const response = await fetch(`${lab.services[name].url}${path}`, {
      signal: AbortSignal.timeout(options.limitMs ?? 30_000), ...(options.token === undefined ? {} : { headers: { authorization: `Bearer ${options.token}` } }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers, tookMs: performance.now() - started };
  };
  const says = async (name: Name, status: number, text: string): Promise<void> => {
    await eventually(`${name} says ${String(status)} ${text}`, async () => {
      const reply = await ask(name, '/ready');
      if (reply.status !== status || reply.text !== text) await delay(POLL_MS);
      return reply.status === status && reply.text === text;
    }, 30_000);
  };
  const allReady = (): Promise<unknown> => Promise.all(NAMES.map((name) => says(name, 200, READY[name])));

  describe('while nothing is wrong', () => {
    it('is ready everywhere, with the bodies of the contract', async () => {
      for (const name of NAMES) {
        const reply = await ask(name, '/ready');
        assert.deepEqual([reply.status, reply.text], [200, READY[name]], name);
      }
    });

    it('is alive everywhere', async () => {
      const bodies = { api: '{"ok":true}', sts: '', gateway: '', audit: '', coordinator: '{"ok":true}', web: '{"status":"ok","service":"caracal-auth"}' };
      for (const name of NAMES) assert.deepEqual([name, (await ask(name, '/health')).text], [name, bodies[name]]);
    });

    it('answers unknown paths as each framework does', async () => {
      assert.equal((await ask('api', '/nope')).text, '{"message":"Route GET:/nope not found","error":"Not Found","statusCode":404}');
      assert.equal((await ask('coordinator', '/nope')).text, '{"error":"missing_token"}');
      assert.equal((await ask('sts', '/nope')).text, '404 page not found\n');
      assert.match((await ask('gateway', '/nope')).text, /^\{"error":"invalid_token","error_description":"missing bearer token","requestId":"[^"]+"\}\n$/);
      assert.match((await ask('web', '/nope')).headers.get('content-type') ?? '', /^text\/html/);
      assert.equal((await ask('api', '/v1/nope')).text, '{"error":"invalid_admin_token"}');
    });

    it('guards the metrics with the right credential', async () => {
      const { metricsBearer, caracalCoordinatorToken } = lab.secrets;
      for (const name of ['sts', 'gateway', 'audit'] as const) {
        assert.deepEqual([(await ask(name, '/metrics.json')).text, (await ask(name, '/metrics.json', { token: metricsBearer })).status], ['unauthorized\n', 200], name);
        assert.match((await ask(name, '/metrics', { token: metricsBearer })).text, new RegExp(`^# HELP caracal_${name}_`));
      }
      assert.equal((await ask('api', '/metrics')).text, '{"error":"unauthorized"}');
      assert.equal((await ask('coordinator', '/metrics')).text, '{"error":"missing_token"}');
      assert.equal((await ask('coordinator', '/metrics', { token: metricsBearer })).text, '{"error":"operator_token_required"}');
      assert.equal((await ask('coordinator', '/metrics', { token: caracalCoordinatorToken })).text, '{"error":"unauthorized"}');
      assert.equal((await ask('coordinator', '/stats', { token: caracalCoordinatorToken })).status, 200);
    });

    it('has the recorded API metrics, name by name', async () => {
      const { text } = await ask('api', '/metrics', { token: lab.secrets.metricsBearer });
      const names = text.split('\n').filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ').slice(2).join(' '));
      assert.deepEqual(names, [
        'caracal_log_emitted_total counter', 'caracal_log_dropped_total counter', 'caracal_log_sampled_total counter',
        'caracal_api_outbox_pending_total gauge', 'caracal_api_outbox_dead_total gauge', 'caracal_api_outbox_oldest_pending_age_seconds gauge',
        'caracal_api_outbox_oldest_dead_age_seconds gauge', 'caracal_operator_ai_provider_last_success_timestamp_seconds gauge',
        'caracal_operator_ai_provider_last_failure_timestamp_seconds gauge', 'caracal_secret_backend_operations_total counter',
        'caracal_secret_backend_errors_total counter',
      ]);
    });

    it('takes audit events of every kind of traffic into Postgres, on an unbroken chain', async () => {
      const wanted = ['gateway_resource_request allow', 'step_up_decided approved', 'token_exchange allow', 'token_exchange deny'];
      await eventually('all kinds of events', async () => {
        const rows = await lab.sql<{ kind: string }>("SELECT DISTINCT event_type || ' ' || decision AS kind FROM audit_events");
        return wanted.every((kind) => rows.some((row) => row.kind === kind));
      }, 30_000);
      const pool = new Pool({ connectionString: (await readFile(join(lab.home, 'secrets', 'databaseUrl'), 'utf8')) });
      const result = await sweep(pool, Buffer.from(lab.secrets.auditHmacKey, 'hex'), 24);
      await pool.end();
      assert.ok(result.checked >= wanted.length);
      assert.deepEqual({ ...result, checked: 0 }, { checked: 0, mismatches: 0, chainBreaks: 0, hmacFailures: 0 });
    });

    it('shows them in the API, page by page', async () => {
      const token = lab.secrets.caracalAdminToken;
      const list = async (query: string): Promise<{ items: { id: string; request_id: string }[]; next_cursor: string | null }> =>
        JSON.parse((await ask('api', `/v1/zones/${lab.zoneId}/audit?${query}`, { token })).text) as never;
      const until = new Date().toISOString();
      const first = await list(`until=${until}&limit=2`);
      const second = await list(`until=${until}&limit=2&cursor=${first.next_cursor ?? ''}`);
      assert.equal(new Set([...first.items, ...second.items].map(({ id }) => id)).size, 4);
      const requestId = first.items[0]?.request_id ?? '';
      const related = JSON.parse((await ask('api', `/v1/zones/${lab.zoneId}/audit/by-request/${requestId}`, { token })).text) as { request_id: string }[];
      assert.ok(related.every((row) => row.request_id === requestId));
      assert.equal((await ask('api', `/v1/zones/${lab.zoneId}/audit?limit=0`, { token })).text, '{"error":"invalid_query"}');
    });

    it('drains both outboxes and every stream with a reader', async () => {
      await eventually('empty outboxes', async () => {
        const [row] = await lab.sql<{ waiting: string }>(`
          SELECT (SELECT count(*) FROM event_outbox WHERE dispatched_at IS NULL) + (SELECT count(*) FROM caracal_outbox WHERE status <> 'published') AS waiting`);
        return row?.waiting === '0';
      }, 30_000);
      for (const stream of [STREAMS.policy, STREAMS.revocations]) assert.ok(await allRead(lab.redisClient, stream), stream);
    });

    it('has a runtime home and a target file', async () => {
      const target = JSON.parse(await readFile(lab.targetFile, 'utf8')) as { zone: string; services: Record<string, string> };
      assert.equal(target.zone, lab.zoneId);
      assert.deepEqual(target.services, Object.fromEntries(NAMES.map((name) => [name, lab.services[name].url])));
      assert.equal(await readFile(join(lab.home, 'secrets', 'metricsBearer'), 'utf8'), lab.secrets.metricsBearer);
    });
  });

  describe('with one thing broken', () => {
    it('API: a dead outbox row', async () => {
      await lab.sql("INSERT INTO event_outbox (id, stream_name, payload_json, attempts, available_at) VALUES ('dead', 'caracal.policy.invalidate', '{}', 100, 'infinity')");
      await says('api', 503, '{"ok":false,"error":"outbox_dead_messages","deadCount":1,"limit":0}');
      await lab.sql("DELETE FROM event_outbox WHERE id = 'dead'");
      await allReady();
    });

    it('Coordinator: a dead outbox row, until it is requeued', async () => {
      await lab.sql(`INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json, status, attempts)
        VALUES ('dead', 'coordinator', 'caracal.agents.lifecycle', 'dead', jsonb_build_object('event', 'spawn', 'zone_id', $1::text), 'dead', 10)`, [lab.zoneId]);
      await says('coordinator', 503, '{"ok":false,"error":"outbox_dead","dependency":"outbox"}');
      const requeue = await fetch(`${lab.services.coordinator.url}/zones/${lab.zoneId}/outbox/dead/requeue`, {
        method: 'POST', headers: { authorization: `Bearer ${lab.secrets.caracalCoordinatorToken}` },
      });
      assert.equal(await requeue.text(), '{"id":"dead","status":"pending"}');
      await allReady();
    });

    it('Gateway: the STS is gone', async () => {
      await lab.services.sts.kill();
      await says('gateway', 503, goFailure('sts_unreachable'));
      await lab.services.sts.start();
      await allReady();
    });

    it('Gateway: the STS is frozen', async () => {
      await lab.services.sts.freeze();
      const reply = await ask('gateway', '/ready');
      assert.equal(reply.text, goFailure('sts_unreachable'));
      assert.ok(reply.tookMs > 1800 && reply.tookMs < 3000, `${String(reply.tookMs)} ms`);
      await lab.services.sts.thaw();
      await allReady();
    });

    it('STS: a consumer group cannot be created', async () => {
      await lab.redisClient.del(STREAMS.keys);
      await lab.redisClient.set(STREAMS.keys, 'no stream');
      await lab.services.sts.stop();
      await lab.services.sts.start();
      await says('sts', 503, goFailure('stream_consumers_not_ready'));
      await lab.redisClient.del(STREAMS.keys);
      await allReady();
    });

    it('Audit: its group is destroyed, and only a restart creates it', async () => {
      await lab.redisClient.xgroup('DESTROY', STREAMS.audit, 'audit-ingestor');
      await says('audit', 503, goFailure('consumer_unhealthy'));
      assert.deepEqual((await ask('audit', '/health')).text, goFailure('consumer_unhealthy'));
      await lab.services.audit.stop();
      await lab.services.audit.start();
      await allReady();
    });

    it('STS and Gateway: the replay folder is gone', async () => {
      for (const name of ['sts', 'gateway'] as const) {
        await rm(join(lab.directory, 'replay', name), { recursive: true });
        await says(name, 503, goFailure('audit_replay_unavailable'));
        await mkdir(join(lab.directory, 'replay', name));
      }
      await allReady();
    });

    it('STS: with Redis full and the replay folder gone evidence is lost, for as long as the process lives', async () => {
      await rm(join(lab.directory, 'replay', 'sts'), { recursive: true });
      // The mint limit cannot be counted, and the refusal is an event that Redis does not take either.
      await lab.redisClient.config('SET', 'maxmemory', '1');
      await eventually('a lost event', async () => {
        const { text } = await ask('sts', '/metrics.json', { token: lab.secrets.metricsBearer });
        return !text.includes('"audit_dropped":0');
      }, 30_000);
      await lab.redisClient.config('SET', 'maxmemory', '512mb');
      await mkdir(join(lab.directory, 'replay', 'sts'));
      await says('sts', 503, goFailure('audit_evidence_lost'));
      await lab.services.sts.stop();
      await lab.services.sts.start();
      await allReady();
    });

    it('STS: after a spill to files only a restart drains them', async () => {
      await lab.redisClient.config('SET', 'maxmemory', '1');
      const files = async (): Promise<number> => {
        const { text } = await ask('sts', '/metrics.json', { token: lab.secrets.metricsBearer });
        return (JSON.parse(text) as { sts: { audit_replay_files: number } }).sts.audit_replay_files;
      };
      await eventually('a replay file', async () => await files() > 0, 30_000);
      await lab.redisClient.config('SET', 'maxmemory', '512mb');
      await says('sts', 200, READY.sts);
      assert.ok(await files() > 0, 'they stay while the process lives');
      await lab.services.sts.stop();
      await lab.services.sts.start();
      await eventually('no replay file', async () => await files() === 0);
      await allReady();
    });
  });

  describe('when it drains', () => {
    for (const name of ['api', 'coordinator'] as const) {
      it(`${name}: a call under way is told, new connections are refused`, async () => {
        await lab.redis.freeze();
        const underWay = ask(name, '/ready', { limitMs: 20_000 });
        await eventually('the call has arrived', async () => {
          const log = (await readFile(lab.services[name].logFile, 'utf8')).trimEnd().split('\n');
          return log.some((line) => line.includes('incoming request') && line.includes('"/ready"') && Date.now() - Date.parse(/"time":"([^"]+)"/.exec(line)?.[1] ?? '') < 2000);
        });
        lab.services[name].terminate();
        await eventually('the port is closed', () => ask(name, '/health').then(() => false, () => true));
        await lab.redis.thaw();
        const reply = await underWay;
        assert.deepEqual([reply.status, reply.text], [503, '{"ok":false,"draining":true}']);
        await lab.services[name].stop();
        await lab.services[name].start();
        await allReady();
      });
    }
  });

  describe('limits', () => {
    it('API: more than 120 probes in a minute', async () => {
      await eventually('429', async () => {
        const replies = await Promise.all(Array.from({ length: 40 }, () => ask('api', '/ready')));
        return replies.some(({ status, text }) => status === 429 && text === '{"error":"rate_limited"}');
      });
    });
  });
});

describe('the lab without Postgres', function () {
  this.timeout(START_MS + 150_000);
  let lab: Lab;
  before(async () => {
    lab = await startLab({});
  });
  after(() => lab.close());

  const expected: Record<Exclude<Name, 'gateway'>, string> = {
    api: '{"ok":false,"error":"postgres_unreachable","dependency":"postgres"}', sts: goFailure('postgres_unreachable'),
    audit: goFailure('postgres_unreachable'), coordinator: '{"ok":false,"error":"postgres_unreachable","dependency":"postgres"}', web: '{"status":"unavailable"}',
  };

  it('says so at once, the Gateway after 70 s, and recovers', async () => {
    await lab.postgres.stop();
    const stopped = performance.now();
    for (const [name, text] of Object.entries(expected) as [Name, string][]) {
      const reply = await timed(lab, name);
      assert.equal(reply.text, text, name);
      print(`Postgres stopped, ${name} /ready`, reply.tookMs, 'milliseconds');
    }
    assert.equal((await timed(lab, 'gateway')).text, READY.gateway);
    await eventually('a stale snapshot', async () => {
      await delay(1000);
      return (await timed(lab, 'gateway')).text === goFailure('revocation_snapshot_stale');
    }, 90_000);
    print('Postgres stopped, gateway stale', performance.now() - stopped, '40 to 70 s after the stop');
    await lab.postgres.start();
    await recovered(lab, 45_000);
  });

  it('frozen, costs each its own time limit', async () => {
    await lab.postgres.freeze();
    const contract = { api: '5 s', coordinator: '5 s', sts: '2 s', audit: '2 s' } as const;
    for (const [name, limit] of Object.entries(contract) as [keyof typeof contract, string][]) {
      const reply = await timed(lab, name);
      assert.equal(reply.text, expected[name], name);
      const seconds = Number.parseInt(limit, 10);
      assert.ok(reply.tookMs > seconds * 1000 - 200 && reply.tookMs < seconds * 1000 + 1500, `${name} ${String(reply.tookMs)} ms`);
      print(`Postgres frozen, ${name} /ready`, reply.tookMs, limit);
    }
    await lab.postgres.thaw();
    await recovered(lab, 45_000);
  });
});

describe('the lab without Redis', function () {
  this.timeout(START_MS + 200_000);
  let lab: Lab;
  before(async () => {
    lab = await startLab({});
  });
  after(() => lab.close());

  it('is told by the Go services at once, and by the Node services after their hang', async () => {
    await lab.redis.stop();
    await eventually('audit unhealthy', async () => (await timed(lab, 'audit')).text === goFailure('consumer_unhealthy'));
    for (const name of ['sts', 'gateway'] as const) {
      const reply = await timed(lab, name);
      assert.equal(reply.text, goFailure('redis_unreachable'));
      print(`Redis stopped, ${name} /ready`, reply.tookMs, 'up to 2 s');
    }
    assert.equal((await timed(lab, 'web')).text, READY.web);
    // The hang grows with the client's back-off: measured once that has reached its limit.
    await Promise.all((['api', 'coordinator'] as const).map(async (name) => {
      const first = await timed(lab, name);
      await timed(lab, name);
      const later = await timed(lab, name);
      for (const reply of [first, later]) assert.deepEqual([reply.status, INTERNAL_ERROR.test(reply.text)], [500, true], reply.text);
      print(`Redis stopped, ${name} /ready, first`, first.tookMs, '0.7 to 6 s');
      print(`Redis stopped, ${name} /ready, later`, later.tookMs, name === 'api' ? '41 s' : '20 s');
      assert.ok(later.tookMs > 15_000);
    }));
    await lab.redis.start();
    await recovered(lab, 30_000);
  });

  it('frozen, gets no answer from the Node services', async () => {
    await lab.redis.freeze();
    const silent = (['api', 'coordinator'] as const).map((name) => assert.rejects(timed(lab, name, 20_000), { name: 'TimeoutError' }, name));
    for (const name of ['sts', 'gateway'] as const) {
      const reply = await timed(lab, name);
      assert.equal(reply.text, goFailure('redis_unreachable'));
      print(`Redis frozen, ${name} /ready`, reply.tookMs, '2 s');
    }
    await Promise.all(silent);
    print('Redis frozen, api and coordinator /ready', 20_000, 'no answer in 60 s; given up here');
    await lab.redis.thaw();
    await recovered(lab, 30_000);
  });
});

async function timed(lab: Lab, name: Name, limitMs = 90_000): Promise<{ status: number; text: string; tookMs: number }> {
  const started = performance.now();
  const response = await fetch(`${lab.services[name].url}/ready`, { signal: AbortSignal.timeout(limitMs) });
  return { status: response.status, text: await response.text(), tookMs: performance.now() - started };
}

async function recovered(lab: Lab, withinMs: number): Promise<void> {
  const started = performance.now();
  await Promise.all(NAMES.map((name) => eventually(`${name} ready again`, async () => {
    const { text } = await timed(lab, name);
    if (text !== READY[name]) await delay(POLL_MS);
    return text === READY[name];
  }, withinMs)));
  print('all ready again', performance.now() - started, '2 to 5 s; a stale Gateway with its next snapshot, within 30 s');
}

/** One measured figure beside the contract's (readiness.md 2.4). */
function print(what: string, tookMs: number, contract: string): void {
  process.stdout.write(`      ${what.padEnd(44)}${(tookMs / 1000).toFixed(2).padStart(8)} s   contract: ${contract}\n`);
}
