import { fails, isRed, logged, warns } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';

const base = { family: 'outboxes' } as const;
const outagesOfRedis = ['redis-stopped', 'redis-silent', 'redis-loading', 'redis-memory-full', 'redis-replica', 'redis-disk-failing', 'redis-network'];

/** Caracal's contract: storage 3. */
export const outboxCauses: readonly CauseDefinition[] = [
  {
    ...base, id: 'api-outbox-dead', component: 'api', title: 'Events of the API outbox are dead', means: 'They were given up after 100 tries, and the API is not ready until an operator has reconciled the rows.',
    seenAt: [fails('STR-090', 'dead')], brings: [fails('RDY-003', 'outbox_dead_messages'), warns('SVC-090')], leadsTo: ['api-not-ready'], leftBy: outagesOfRedis,
    says: [logged('api: outbox event abandoned after max attempts')], source: 'readiness 2.3, outbox_dead_messages',
  },
  {
    ...base, id: 'api-outbox-stuck', component: 'api', title: 'The API does not publish its outbox', means: 'It runs and takes none of the rows that wait: its dispatcher hangs.',
    seenAt: [fails('STR-090', 'not taken')], brings: [warns('SVC-090')], says: [logged('api: outbox dispatcher tick failed')], source: 'storage 3.1',
  },
  {
    ...base, id: 'api-outbox-failing', component: 'api', title: 'The API fails to publish events', means: 'Each try fails, and at 100 tries they are dead and the API is not ready.',
    seenAt: [warns('STR-090')], brings: [warns('SVC-090')], says: [logged('api: outbox event dispatch failed; will retry')], source: 'storage 3.1',
  },
  {
    ...base, id: 'coordinator-outbox-dead', component: 'coordinator', title: 'Coordinator events are dead', means: 'They were given up after 10 tries, which one or two minutes without Redis are enough for. The Coordinator is not ready until they are requeued.',
    seenAt: [fails('STR-091', 'dead')], brings: [fails('RDY-043', 'outbox_dead')], leadsTo: ['coordinator-not-ready'], leftBy: outagesOfRedis,
    says: [logged('coordinator: outbox_rows_dead')], source: 'readiness 2.3, outbox_dead; storage 12, row 9',
  },
  {
    ...base, id: 'coordinator-outbox-slow', component: 'coordinator', title: 'The Coordinator does not get its events published', means: 'They wait longer than their publisher needs; at 10 tries they are dead and the Coordinator is not ready.',
    seenAt: [warns('STR-091'), fails('STR-091', 'not taken')], says: [logged('coordinator: outbox_publish_failed'), logged('coordinator: outbox_batch_publish_failed')], source: 'storage 3.2',
  },
  { ...base, id: 'webhooks-abandoned', component: 'api', title: 'Webhooks were given up', means: 'Their sink refused them eight times, and nothing sends them again.', seenAt: [isRed('STR-092')], brings: [warns('STR-093')], isMark: true, source: 'storage 3.3' },
  { ...base, id: 'webhook-sink-failing', component: 'api', title: 'A webhook sink refuses what it is sent', means: 'After eight tries a webhook is given up. That is the fault of the sink.', seenAt: [isRed('STR-093')], source: 'storage 3.3' },
];
