import type { Check, Judgement, Observed } from '../../model/check.ts';
import { finding, lack } from '../judging.ts';
import { serviceHealth } from '../readiness/service.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksFigures, betweenLooks, judgeMovement, movement, over, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';
import { serviceMetrics } from './serviceMetrics.ts';

const gateway = (name: string): string => `caracal_gateway_${name}`;

const circuitOpen = gateway('sts_circuit_open');
const circuitOpened = gateway('sts_circuit_opened_total');
const circuitRefused = gateway('sts_circuit_fast_fail_total');
const snapshotAge = gateway('revocation_snapshot_age_seconds');
const snapshotFresh = gateway('revocation_snapshot_fresh');
const reloads = gateway('revocation_reloads_total');
const reloadErrors = gateway('revocation_reload_errors_total');
const staleRefusals = gateway('denials_revocation_stale_total');
const messages = gateway('revocation_messages_total');
const invalidSignatures = gateway('revocation_invalid_signatures_total');
const deadLetters = gateway('revocation_dead_letters_total');
const propagation = gateway('revocation_propagation_seconds');
const queueDepth = gateway('audit_queue_depth');
const queueCapacity = gateway('audit_queue_capacity');
const allowed = gateway('requests_allowed_total');
const upstreamErrors = gateway('upstream_errors_total');
const poolRatio = 'caracal_db_pool_in_use_ratio';
const poolMax = 'caracal_db_pool_max_conns';
const poolAcquired = 'caracal_db_pool_acquired_conns';

/** The Gateway loads its snapshot each 30 s and refuses everything after 70 s: Caracal services/gateway/internal/revocations.go:26. */
const lateSnapshotSeconds = 45;

/** Share of a queue or a pool above which a second look is taken; for the pool the limit of the shipped alert is 0.9. */
const nearlyFull = { queue: 0.8, pool: 0.9 };

/** Share of calls that must fail upstream before it is worth a warning: a caller that goes away counts as one. */
const worthTelling = 0.1;

const again = serviceMetrics.of('gateway', 2);
const stsHealth = serviceHealth.of('sts');

/**
 * The circuit towards the STS. Its gauge is set anew by a request alone, so that a 1 means that it was
 * open at the last one: it is open now when refusals or openings rise, or the STS does not answer.
 */
function judgeCircuit(observed: Observed): Judgement {
  return whenFigures(observed, 'gateway', [circuitOpen, circuitOpened, circuitRefused], ({ value }) => {
    const facts = [
      { name: 'opened since it started', value: String(value(circuitOpened)) },
      { name: 'refused while open', value: count(value(circuitRefused), 'request') },
    ];
    if (value(circuitOpen) === 0) return finding('pass', 'closed', 'At its last request the Gateway asked the STS.', facts);
    const rose = betweenLooks(observed, 'gateway', [circuitOpened, circuitRefused]);
    if (rose && rose.total > 0) {
      return finding(
        'fail',
        `open, ${count(rose.by(circuitRefused), 'request')} refused ${over(rose)}`,
        'Three exchanges in a row found no STS. The Gateway now refuses for 10 s at a time with 503 sts_unavailable, without asking.',
        facts,
      );
    }
    const sts = observed.find(stsHealth);
    const wants = [...(observed.find(again) ? [] : [again]), ...(sts ? [] : [stsHealth])];
    if (sts?.outcome.kind === 'refused' || sts?.outcome.kind === 'timeout') {
      return { ...finding('fail', `open, and the STS gives ${lack(sts)}`, 'The circuit opened because the STS did not answer, and it still does not.', facts), wants };
    }
    return {
      ...finding('pass', 'closed as far as can be told: the gauge stays 1 until the next request', 'The gauge says open, but nobody was refused since, and the STS answers. It is set anew by the next request alone.', [
        ...facts,
        { name: circuitOpen, value: '1' },
      ]),
      wants,
    };
  });
}

function judgeSnapshot(observed: Observed): Judgement {
  return whenFigures(observed, 'gateway', [snapshotAge, snapshotFresh, reloads, reloadErrors, staleRefusals], ({ value }) => {
    const age = value(snapshotAge);
    const facts = [
      { name: 'loads since it started', value: `${value(reloads)}, ${value(reloadErrors)} more failed` },
      { name: 'refused while it was stale', value: count(value(staleRefusals), 'request') },
    ];
    if (value(snapshotFresh) === 0) {
      return finding(
        'fail',
        age === 0 ? 'never loaded' : `stale, ${milliseconds(age * 1_000)} old`,
        'The Gateway has not loaded the revocations from Postgres for over 70 s. It refuses every request with 503 sts_unavailable, because it cannot tell what is revoked.',
        facts,
      );
    }
    if (age > lateSnapshotSeconds) {
      return finding('warn', `${milliseconds(age * 1_000)} old; loaded each 30 s`, 'The last load failed or hangs. At 70 s the Gateway begins to refuse everything.', facts);
    }
    return finding('pass', `${milliseconds(age * 1_000)} old`, 'Loaded from Postgres each 30 s, and usable until 70 s.', facts);
  });
}

function judgeMessages(observed: Observed): Judgement {
  return whenFigures(observed, 'gateway', [messages, invalidSignatures, deadLetters, propagation], ({ value }) => {
    const [valid, invalid] = [value(messages), value(invalidSignatures)];
    const facts = [
      { name: 'applied since it started', value: count(valid, 'message') },
      { name: 'refused for their signature', value: count(invalid, 'message') },
      { name: 'dead letters', value: String(value(deadLetters)) },
      { name: 'age of the last message when it was applied', value: `${value(propagation)} s; stays so until the next one` },
    ];
    const refused = (summary: string): Judgement =>
      finding(
        'fail',
        summary,
        'Messages of sessions.revoke do not carry a signature of the key that the Gateway has: STREAMS_HMAC_KEY differs from that of api, sts or coordinator. Revocations reach the Gateway by its 30 s snapshot alone.',
        facts,
      );
    if (invalid > 0 && valid === 0) return refused(`${count(invalid, 'message')}, all with a wrong signature`);
    const wording = {
      one: 'refused message',
      none: valid === 0 ? 'none yet' : `${count(valid, 'message')} applied`,
      meaning: 'Revocations arrive over the stream, and by the snapshot each 30 s.',
      facts,
    };
    return judgeMovement(movement(observed, 'gateway', [invalidSignatures, deadLetters]), wording, (rise) =>
      rise.by(invalidSignatures) > 0
        ? refused(`${count(rise.by(invalidSignatures), 'wrong signature')} ${over(rise)}`)
        : finding('warn', `${count(rise.by(deadLetters), 'dead letter')} ${over(rise)}`, 'A message that names nothing to revoke failed five times and was put aside. What it was meant to revoke comes with the snapshot.'),
    );
  });
}

function judgeUpstreams(observed: Observed): Judgement {
  return whenFigures(observed, 'gateway', [allowed, upstreamErrors], ({ value }) => {
    const wording = {
      one: 'failed call',
      none: `${count(value(allowed), 'call')}, none failed`,
      meaning: 'Counts calls that the STS allowed and that an upstream then did not answer, or whose caller went away.',
    };
    return judgeMovement(movement(observed, 'gateway', [upstreamErrors]), wording, (rise) => {
      const failed = rise.by(upstreamErrors);
      const calls = rise.by(allowed) + failed;
      const summary = `${failed} of ${count(calls, 'call')} failed ${over(rise)}`;
      if (rise.by(allowed) === 0) return finding('fail', summary, 'No call came through: the upstreams of the resources in use do not answer the Gateway.');
      return failed / calls >= worthTelling
        ? finding('warn', summary, 'Some upstreams do not answer the Gateway; its log names the host of each.')
        : finding('pass', summary, 'A few calls fail on every network, and a caller that goes away counts as one.');
    });
  });
}

/** Judges a share that may be high for a moment: above the limit a second look decides. */
function whenFullTwice(observed: Observed, share: number, limit: number, full: () => Judgement, room: Judgement): Judgement {
  if (share <= limit) return room;
  if (betweenLooks(observed, 'gateway', [])) return full();
  return { ...room, wants: [again] };
}

function judgeQueue(observed: Observed): Judgement {
  return whenFigures(observed, 'gateway', [queueDepth, queueCapacity], ({ value }) => {
    const [depth, capacity] = [value(queueDepth), value(queueCapacity)];
    const shown = `${depth.toLocaleString('en-US')} of ${capacity.toLocaleString('en-US')}`;
    return whenFullTwice(
      observed,
      depth / capacity,
      nearlyFull.queue,
      () => finding('warn', `${shown} waiting in memory`, 'The queue is written to the stream each 50 ms and does not get empty. When it is full, events go to files.'),
      finding('pass', shown, 'Audit events wait in memory for at most 50 ms.'),
    );
  });
}

function judgePool(observed: Observed): Judgement {
  return whenFigures(observed, 'gateway', [], (figures) => {
    const { value, has } = figures;
    if (!has(poolRatio, poolMax, poolAcquired)) return finding('not-applicable', 'not told', 'The Gateway gives these figures when it has a pool; other services never do.');
    const shown = `${value(poolAcquired)} of ${value(poolMax)} in use`;
    return whenFullTwice(
      observed,
      value(poolRatio),
      nearlyFull.pool,
      () =>
        value(poolRatio) >= 1
          ? finding('fail', shown, 'Every connection of the Gateway to Postgres is taken, at two looks. Its load of the revocations waits, and after 70 s it refuses everything.')
          : finding('warn', shown, 'The pool of the Gateway is nearly used up, at two looks.'),
      finding('pass', shown, 'Of DB_MAX_CONNS of the Gateway, which alone shows its pool.'),
    );
  });
}

const check = (id: string, title: string, source: string, judge: Check['judge']): Check => ({
  id,
  title,
  step: 'services',
  component: 'gateway',
  needs: [metricsCheckId('gateway')],
  asks: asksFigures('gateway'),
  privilege: 'METRICS_BEARER',
  source,
  judge,
});

/** What the figures of the Gateway say; for its evidence see `evidence.checks.ts`. */
export const gatewayChecks: readonly Check[] = [
  check('CRC-SVC-021', 'STS circuit', 'services/gateway/internal/proxy.go:446', judgeCircuit),
  check('CRC-SVC-022', 'Revocation snapshot', 'services/gateway/internal/revocations.go:26', judgeSnapshot),
  check('CRC-SVC-023', 'Revocation messages', 'services/gateway/internal/revocations.go:374', judgeMessages),
  check('CRC-SVC-026', 'Audit queue', 'packages/core/go/audit/client.go', judgeQueue),
  check('CRC-SVC-027', 'Database pool', 'services/gateway/internal/server.go:329', judgePool),
  check('CRC-SVC-028', 'Upstreams', 'services/gateway/internal/proxy.go', judgeUpstreams),
];
