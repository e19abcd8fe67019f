import { keyOf, streams } from '../../caracal/streams.ts';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { composeContainers, containerWords } from '../containers.ts';
import { finding, lack, signed, signOf, whenAnswered } from '../judging.ts';
import { redisStream } from '../streams/snapshot.ts';
import { count, milliseconds } from '../words.ts';
import { figure, info, redisAuthenticationId, redisComponent, redisHello, redisLoadingId, redisReachableId, redisRoleId, redisSession } from './redisFacts.ts';
import type { RedisFields } from './redisFacts.ts';
import { redisMemoryChecks } from './redisMemory.checks.ts';
import { redisWorkChecks } from './redisWork.checks.ts';

export { redisAuthenticationId, redisHello, redisReachableId } from './redisFacts.ts';

const hello = redisHello.of('Redis');
const session = redisSession.of('Redis');

const base = { ...redisComponent, needs: [redisAuthenticationId], privilege: '+info' } as const;

/** The release that Caracal ships with has 8; consumer groups tell what was trimmed since 7, and XAUTOCLAIM came with 6.2. */
const [oldestSupported, oldestWorking] = [7, 6.2];

function judgeVersion(fields: RedisFields): Judgement {
  const version = fields['redis_version'];
  if (version === undefined) return finding('unknown', 'INFO does not tell it', 'INFO has no redis_version.');
  const shown = fields['server_name'] === 'valkey' ? `Valkey ${fields['valkey_version'] ?? ''}, speaks ${version}` : version;
  const number = Number.parseFloat(version);
  if (Number.isNaN(number)) return finding('unknown', `unreadable: ${version}`, 'The version of Redis is no number.');
  if (number < oldestWorking) return finding('fail', `${shown}, too old`, 'Services take up unfinished messages with XAUTOCLAIM, which Redis has since 6.2; the relay of coordinator reads nothing without it.');
  return number < oldestSupported
    ? finding('warn', `${shown}, older than 7`, 'Caracal ships with Redis 8. Before 7 Redis does not count what a stream had, so losses by trimming cannot be seen.')
    : finding('pass', shown, 'Caracal ships with Redis 8.');
}

/** Words of Redis for a key that another node of a cluster has, or none. */
const elsewhere: readonly string[] = ['MOVED', 'ASK', 'CLUSTERDOWN', 'CROSSSLOT'];

const streamQuestions = streams.map(({ name }) => redisStream.of(name));

function judgeCluster(observed: Observed): Judgement {
  const answers = streamQuestions.map((question) => observed.find(question));
  if (answers.includes(undefined)) {
    return {
      result: { status: 'unknown', summary: 'cluster mode, not looked at yet', reasoning: 'Whether this node has every stream takes a look at each.' },
      wants: streamQuestions,
    };
  }
  const moved = answers.flatMap((answer) => (answer?.outcome.kind === 'refused' && elsewhere.includes(answer.outcome.code) ? [answer.outcome.code] : []));
  return moved[0] === undefined
    ? finding('warn', 'cluster mode, every stream on this node', "Caracal's clients speak to a single node and do not follow a redirection: this works only while one node has all slots.")
    : finding(
        'fail',
        `Redis Cluster: ${moved[0]} for ${moved.length} of ${streams.length} streams`,
        "Caracal 1.0 needs a single node: its clients do not follow MOVED, so every command on a key of another node fails. Use a Redis without cluster mode.",
      );
}

function judgeRole(fields: RedisFields, observed: Observed): Judgement {
  const role = fields['role'];
  if (fields['redis_mode'] === 'sentinel' || role === 'sentinel') {
    return finding('fail', 'a Sentinel, which holds no data', "This is the address of a Sentinel. Caracal's clients want that of the master.");
  }
  if (fields['cluster_enabled'] === '1') return judgeCluster(observed);
  if (role === undefined) return finding('unknown', 'INFO does not tell it: managed Redis may hide it', 'INFO has no role.');
  if (role !== 'master') {
    const link = fields['master_link_status'];
    return finding('fail', `replica${link === undefined ? '' : `, link to its master ${link}`}`, 'A replica refuses every write with READONLY: nothing can be published, acknowledged or counted here.', [
      { name: 'role', value: role },
      ...(link === undefined ? [] : [{ name: 'master_link_status', value: link }]),
    ]);
  }
  const replicas = figure(fields, 'connected_slaves');
  return finding('pass', replicas ? `master, ${count(replicas, 'replica')}` : 'master', 'Writes are taken here.', replicaFacts(fields));
}

/** `slave0:ip=…,port=…,state=online,offset=…,lag=0`: the observer keeps state and lag alone. */
function replicaFacts(fields: RedisFields): Fact[] {
  return Object.entries(fields).flatMap(([name, value]) => (/^slave\d+$/.test(name) ? [{ name: name.replace('slave', 'replica '), value }] : []));
}

function judgeLoading(fields: RedisFields): Judgement {
  const loading = fields['loading'];
  if (loading === undefined) return finding('unknown', 'INFO does not tell it: managed Redis may hide it', 'INFO has no section persistence.');
  if (loading === '0') {
    const uptime = figure(fields, 'uptime_in_seconds');
    return finding('pass', uptime === undefined ? 'loaded' : `loaded, up ${milliseconds(uptime * 1_000)}`, 'The data set is in memory.');
  }
  const [part, left] = [figure(fields, 'loading_loaded_perc'), figure(fields, 'loading_eta_seconds')];
  return finding(
    'fail',
    `loading${part === undefined ? '' : `, ${Math.round(part)} %`}${left === undefined ? '' : `, ${milliseconds(left * 1_000)} left`}`,
    'Redis reads its data set from disk after a start and answers LOADING to everything until it is done.',
  );
}

const access: readonly Check[] = [
  {
    ...base,
    id: redisReachableId,
    title: 'Reachable',
    needs: [],
    asks: [hello],
    privilege: 'none',
    source: 'infra/redis/redis.conf:16',
    judge(observed) {
      const observation = observed.get(hello);
      const { outcome, asked } = observation;
      if (outcome.kind === 'answer') {
        const { tookMs, forwarded } = outcome.value;
        return finding('pass', `${milliseconds(tookMs)}${forwarded ? ', forwarded' : ''}`, `${asked} was answered by a Redis server: ${outcome.value.answer}`);
      }
      if (outcome.kind === 'unavailable') return finding('unknown', lack(observation), 'The target gives no connection string.');
      return {
        ...signed(finding('fail', `${lack(observation)}${containerWords('redis', observed)}`, `${asked} had no answer of a Redis server from here. Nothing was sent that needs a credential.`), signOf(observation)),
        wants: [composeContainers.of('redis')],
      };
    },
  },
  {
    ...base,
    id: redisAuthenticationId,
    title: 'Authentication',
    needs: [redisReachableId],
    asks: [session],
    privilege: '+acl|whoami',
    source: 'infra/redis/entrypoint.sh',
    judge(observed) {
      const observation = observed.get(session);
      const { outcome, asked } = observation;
      switch (outcome.kind) {
        case 'answer':
          return finding('pass', `as ${outcome.value.user ?? 'a user that may not see its name'}`, `${asked} was answered.`);
        case 'unavailable':
          return finding('unknown', lack(observation), 'The target gives no usable connection string.');
        default:
          return signed(finding('fail', lack(observation), `${asked} was not let in.`), signOf(observation));
      }
    },
  },
];

const server: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-025',
    title: 'Version',
    asks: [info],
    source: 'infra/redis/Dockerfile',
    judge: (observed) => whenAnswered(observed.get(info), judgeVersion),
  },
  {
    ...base,
    id: redisRoleId,
    title: 'Role',
    asks: [info],
    privilege: `+info; in cluster mode also %R~${keyOf('*')} +xinfo`,
    source: 'services/sts/internal/redis.go:30, services/gateway/internal/redis.go:45, apps/api/src/redis.ts',
    judge: (observed) => whenAnswered(observed.get(info), (fields) => judgeRole(fields, observed)),
  },
  {
    ...base,
    id: redisLoadingId,
    title: 'Loading',
    asks: [info],
    source: 'infra/redis/redis.conf:20',
    judge: (observed) => whenAnswered(observed.get(info), judgeLoading),
  },
];

/** Whether Redis answers, lets us in, is what Caracal needs, and keeps what Caracal entrusts to it; by number. */
export const redisChecks: readonly Check[] = [...access, ...server, ...redisMemoryChecks, ...redisWorkChecks].sort((left, right) => left.id.localeCompare(right.id));
