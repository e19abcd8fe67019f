import assert from 'node:assert/strict';
import { streams } from '../../src/caracal/streams.ts';
import { infoFields } from '../../src/flow/storage/redis.observe.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { answer, judge, refused, timeout } from './judge.ts';

const info = {
  redis_version: '8.0.3', redis_mode: 'standalone', run_id: 'a1', uptime_in_seconds: '259200', server_time_usec: '1000000000000', cluster_enabled: '0',
  role: 'master', connected_slaves: '0', loading: '0',
  used_memory: '32505856', maxmemory: '536870912', maxmemory_policy: 'noeviction', evicted_keys: '0',
  connected_clients: '17', maxclients: '10000', blocked_clients: '6', rejected_connections: '0',
  aof_enabled: '1', aof_last_write_status: 'ok', aof_last_bgrewrite_status: 'ok', aof_rewrite_in_progress: '0', aof_current_size: '6963', aof_base_size: '89', rdb_last_bgsave_status: 'ok',
};
type Fields = Readonly<Record<string, string>>;

/** A reading so many seconds after `info`. */
const later = (seconds: number, fields: Fields): Fields => ({ ...info, server_time_usec: String(1_000_000_000_000 + seconds * 1_000_000), ...fields });
const mb = (count: number): string => String(count * 1_048_576);

/** One look for each answer; an earlier run's under its own name. */
function looks(taken: readonly Fields[], before?: Fields): Record<string, Outcome> {
  const outcomes = Object.fromEntries(taken.map((fields, index) => [`redis.info/Redis${index === 0 ? '' : `#${index + 1}`}`, answer(fields)]));
  return before ? { ...outcomes, 'redis.info/Redis@earlier': answer(before) } : outcomes;
}

type Row = readonly [name: string, outcomes: Readonly<Record<string, Outcome>>, status: Status, summary: RegExp];

function table(check: string, rows: readonly Row[]): void {
  for (const [name, outcomes, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

const without = (...names: readonly string[]): Fields => Object.fromEntries(Object.entries(info).filter(([name]) => !names.includes(name)));
const one = (fields: Fields): Record<string, Outcome> => looks([fields]);

describe('Redis', () => {
  table('CRC-STO-020', [
    ['answers', { 'redis.hello/Redis': answer({ answer: '-NOAUTH Authentication required.', tookMs: 2 }) }, 'pass', /^2 ms$/],
    ['refused', { 'redis.hello/Redis': refused('ECONNREFUSED') }, 'fail', /^refused in 1 ms$/],
    ['frozen', { 'redis.hello/Redis': timeout(5_000) }, 'fail', /^no answer in 5 s/],
    ['something else', { 'redis.hello/Redis': refused('NOT_REDIS', 'what listens there is not Redis') }, 'fail', /^NOT_REDIS/],
    ['no connection string', { 'redis.hello/Redis': { kind: 'unavailable', why: 'no connection string of Redis', wayOut: 'give redis' } }, 'unknown', /give redis$/],
  ]);
  table('CRC-STO-021', [
    ['lets us in', { 'redis.session/Redis': answer({ user: 'default' }) }, 'pass', /^as default$/],
    ['may not ask its name', { 'redis.session/Redis': answer({ user: null }) }, 'pass', /^as a user that may not see its name$/],
    ['wrong password', { 'redis.session/Redis': refused('WRONGPASS', 'invalid username-password pair') }, 'fail', /^WRONGPASS: /],
    ['no room for clients', { 'redis.session/Redis': refused('ERR', 'max number of clients reached') }, 'fail', /^ERR: max number of clients/],
  ]);
  table('CRC-STO-022', [
    ['noeviction', one(info), 'pass', /^noeviction$/],
    ['evicts', one({ ...info, maxmemory_policy: 'allkeys-lru' }), 'fail', /^allkeys-lru, must be noeviction$/],
    ['evicted long ago', one({ ...info, evicted_keys: '12' }), 'pass', /^noeviction$/],
    ['evicted since the earlier run', looks([{ ...info, evicted_keys: '12' }], info), 'warn', /^noeviction now, 12 keys evicted since/],
    ['evicted by the server before its restart', looks([{ ...info, evicted_keys: '12' }], { ...info, run_id: 'a0' }), 'pass', /^noeviction$/],
    ['not permitted', { 'redis.info/Redis': refused('NOPERM', 'this user has no permissions') }, 'unknown', /^no permission: /],
    ['hidden', one(without('maxmemory_policy')), 'unknown', /managed Redis may hide it$/],
  ]);
  table('CRC-STO-023', [
    ['room', one(info), 'pass', /^31 MB of 512 MB$/],
    ['little room', one({ ...info, used_memory: '450000000' }), 'warn', /84 %$/],
    ['full', one({ ...info, used_memory: '530000000' }), 'fail', /nearly full$/],
    ['no limit', one({ ...info, maxmemory: '0' }), 'pass', /no limit set$/],
    ['not told', one({}), 'unknown', /^INFO does not tell it$/],
  ]);
  table('CRC-STO-024', [
    ['on', one(info), 'pass', /^append-only file on/],
    ['off', one({ ...info, aof_enabled: '0' }), 'warn', /^append-only file off$/],
    ['failed write', one({ ...info, aof_last_write_status: 'err' }), 'fail', /^last write failed: append-only file$/],
    ['failed snapshot', one({ ...info, rdb_last_bgsave_status: 'err' }), 'fail', /^last write failed: snapshot$/],
    ['hidden', one(without('aof_enabled', 'aof_last_write_status', 'rdb_last_bgsave_status')), 'unknown', /may hide it$/],
  ]);
  table('CRC-STO-025', [
    ['as shipped', one(info), 'pass', /^8\.0\.3$/],
    ['oldest that counts streams', one({ ...info, redis_version: '7.0.15' }), 'pass', /^7\.0\.15$/],
    ['old', one({ ...info, redis_version: '6.2.14' }), 'warn', /^6\.2\.14, older than 7$/],
    ['too old', one({ ...info, redis_version: '6.0.16' }), 'fail', /^6\.0\.16, too old$/],
    ['Valkey', one({ ...info, redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.1.0' }), 'pass', /^Valkey 8\.1\.0, speaks 7\.2\.4$/],
    ['a build of no release', one({ ...info, redis_version: '255.255.255' }), 'pass', /^255/],
    ['hidden', one(without('redis_version')), 'unknown', /^INFO does not tell it$/],
  ]);

  const stream = { type: 'stream', nowMs: 1, length: 0, entriesAdded: 0, firstId: '0-0', lastId: '0-0', maxDeletedId: '0-0', groups: [] };
  const cluster = (outcome: Outcome): Record<string, Outcome> => ({
    ...one({ ...info, cluster_enabled: '1' }),
    ...Object.fromEntries(streams.map(({ name }, index) => [`redis.stream/${name}`, index === 0 ? outcome : answer(stream)])),
  });
  table('CRC-STO-026', [
    ['master', one(info), 'pass', /^master$/],
    ['master with replicas', one({ ...info, connected_slaves: '1', slave0: 'state=online, lag=0' }), 'pass', /^master, 1 replica$/],
    ['replica', one({ ...info, role: 'slave', master_link_status: 'down' }), 'fail', /^replica, link to its master down$/],
    ['a Sentinel', one({ ...info, redis_mode: 'sentinel', role: 'sentinel' }), 'fail', /^a Sentinel/],
    ['a cluster', cluster(refused('MOVED', '1234 10.0.0.2:6379')), 'fail', /^Redis Cluster: MOVED for 1 of 9 streams$/],
    ['a cluster of one node', cluster(answer(stream)), 'warn', /^cluster mode, every stream on this node$/],
    ['hidden', one(without('role')), 'unknown', /may hide it$/],
  ]);
  table('CRC-STO-027', [
    ['loaded', one(info), 'pass', /^loaded, up 3 d$/],
    ['loading', one({ ...info, loading: '1', loading_loaded_perc: '43.2', loading_eta_seconds: '12' }), 'fail', /^loading, 43 %, 12 s left$/],
    ['hidden', one(without('loading')), 'unknown', /may hide it$/],
  ]);
  table('CRC-STO-028', [
    ['room', one(info), 'pass', /^17 of 10,000$/],
    ['refused long ago', one({ ...info, rejected_connections: '5' }), 'pass', /^17 of 10,000$/],
    ['nearly all taken', one({ ...info, connected_clients: '80', maxclients: '100' }), 'warn', /^80 of 100 connected$/],
    ['refused since the earlier run', looks([{ ...info, rejected_connections: '5' }], info), 'warn', /^5 refused since the earlier run/],
    ['limit hidden', one(without('maxclients')), 'pass', /limit not told$/],
    ['hidden', one(without('connected_clients')), 'unknown', /^INFO does not tell it$/],
  ]);
  table('CRC-STO-029', [
    ['ok', one(info), 'pass', /^last one ok, 6\.8 KB$/],
    ['failed', one({ ...info, aof_last_bgrewrite_status: 'err' }), 'warn', /^last one failed, file has 6\.8 KB$/],
    ['nothing to rewrite', one({ ...info, aof_enabled: '0' }), 'not-applicable', /^append-only file off$/],
    ['hidden', one(without('aof_enabled')), 'unknown', /may hide it$/],
  ]);

  const used = (megabytes: number, seconds = 0): Fields => later(seconds, { used_memory: mb(megabytes) });
  table('CRC-STO-030', [
    ['far from full', one(info), 'pass', /^6 % used, far from full$/],
    ['no limit', one({ ...info, maxmemory: '0' }), 'not-applicable', /^no limit set$/],
    ['filling', looks([used(300), used(310, 2), used(320, 4)]), 'warn', /^59 % used, full in 38\.4 s$/],
    ['noise of buffers', looks([used(300), used(301, 2), used(302, 4)]), 'pass', /not growing$/],
    ['up and down', looks([used(300), used(330, 2), used(320, 4)]), 'pass', /not growing$/],
    ['slow by the earlier run', looks([used(300, 36_000)], used(290)), 'pass', /^59 % used, full in 9 d$/],
    ['soon by the earlier run', looks([used(300, 60)], used(290)), 'warn', /^59 % used, full in 21 min$/],
    ['a restart is no growth', looks([used(300, 60), used(300, 62), used(300, 64)], { ...used(1), run_id: 'a0' }), 'pass', /not growing$/],
    ['not told', one({}), 'unknown', /^INFO does not tell it$/],
  ]);

  const refusals = (count: number, seconds = 0): Fields => later(seconds, { errorstat_OOM: `count=${count}` });
  table('CRC-STO-031', [
    ['none', one(info), 'pass', /^none since its start$/],
    ['old ones alarm nobody', looks([refusals(12), refusals(12, 2), refusals(12, 4)]), 'pass', /^none now, 12 since its start$/],
    ['now', looks([refusals(12), refusals(14, 2), refusals(15, 4)]), 'fail', /^OOM 3 in 4 s$/],
    ['disk', looks([later(0, { errorstat_MISCONF: 'count=1' }), later(2, { errorstat_MISCONF: 'count=1' }), later(4, { errorstat_MISCONF: 'count=3' })]), 'fail', /^MISCONF 2 in 4 s$/],
    ['since the earlier run', looks([refusals(12), refusals(12, 2), refusals(12, 4)], refusals(10, -60)), 'warn', /^OOM 2 since the earlier run, none now$/],
    ['none since the earlier run, which serves as a look', looks([refusals(12)], refusals(12, -60)), 'pass', /^none since the earlier run, 12 before$/],
    ['other errors are no refusals', one({ ...info, errorstat_WRONGTYPE: 'count=9' }), 'pass', /^none since its start$/],
  ]);

  it('keeps of INFO what is judged, and of replicas no address', () => {
    const fields = infoFields('# Replication\r\nrole:master\r\nslave0:ip=10.0.0.9,port=6379,state=online,offset=1,lag=0\r\nmaster_replid:f9\r\n');
    assert.deepEqual(fields, { role: 'master', slave0: 'state=online, lag=0' });
  });
});
