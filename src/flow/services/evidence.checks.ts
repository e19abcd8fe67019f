import type { Check } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { redisReachableId } from '../storage/redis.checks.ts';
import { bytes, count, milliseconds } from '../words.ts';
import { asksFigures, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';

/** The two services that write audit events, and what they call the figures of it. */
const producers = [
  {
    service: 'sts',
    evidenceId: 'CRC-SVC-018',
    replayId: 'CRC-SVC-019',
    source: 'services/sts/internal/audit.go',
    names: {
      dropped: 'sts.audit_dropped', files: 'sts.audit_replay_files', bytes: 'sts.audit_replay_bytes',
      oldestSeconds: 'sts.audit_replay_oldest_age_seconds', sinkErrors: 'sts.audit_sink_errors', drained: 'sts.audit_replay_replayed',
    },
  },
  {
    service: 'gateway',
    evidenceId: 'CRC-SVC-024',
    replayId: 'CRC-SVC-025',
    source: 'packages/core/go/audit/client.go',
    names: {
      dropped: 'caracal_gateway_audit_dropped_total', files: 'caracal_gateway_audit_replay_files', bytes: 'caracal_gateway_audit_replay_bytes',
      oldestSeconds: 'caracal_gateway_audit_replay_oldest_age_seconds', sinkErrors: 'caracal_gateway_audit_sink_errors_total',
      drained: 'caracal_gateway_audit_drained_total',
    },
  },
] as const;

/** Whether audit events left their producers: lost for good, or waiting in files. */
export const evidenceChecks: readonly Check[] = producers.flatMap(({ service, evidenceId, replayId, source, names }): Check[] => {
  const base = { step: 'services', component: service, asks: asksFigures(service), privilege: 'METRICS_BEARER', source } as const;
  return [
    {
      ...base,
      id: evidenceId,
      title: 'Evidence',
      needs: [metricsCheckId(service)],
      judge: (observed) =>
        whenFigures(observed, service, [names.dropped], ({ value }) => {
          const lost = value(names.dropped);
          return lost > 0
            ? finding(
                'fail',
                `${count(lost, 'audit event')} lost`,
                'Neither the stream nor the replay folder took them, and no ledger has them. The figure, and the 503 audit_evidence_lost with it, stay until the process is replaced.',
              )
            : finding('pass', 'none lost', 'No audit event was lost since the process started.');
        }),
    },
    {
      ...base,
      id: replayId,
      title: 'Replay backlog',
      needs: [metricsCheckId(service), redisReachableId],
      judge: (observed) =>
        whenFigures(observed, service, [names.files, names.bytes, names.oldestSeconds, names.sinkErrors, names.drained], ({ value }) => {
          const files = value(names.files);
          const facts = [
            { name: 'refused by the stream since it started', value: count(value(names.sinkErrors), 'event') },
            { name: 'drained when it started', value: count(value(names.drained), 'event') },
          ];
          if (files === 0) return finding('pass', 'no file waits', 'Events that the stream refuses go to files, and there is none.', facts);
          const oldest = value(names.oldestSeconds);
          return finding(
            'warn',
            `${count(files, 'file')}, ${bytes(value(names.bytes))}, oldest ${milliseconds(oldest * 1_000)}: only a restart drains them`,
            'Audit events lie in files since the stream refused them or the process ended. They are read when a process starts, and not when Redis comes back. Until then the ledger lacks them.',
            [...facts, { name: 'limit of the shipped alert', value: oldest > 300 ? 'exceeded, 5 min' : '5 min' }],
          );
        }),
    },
  ];
});
