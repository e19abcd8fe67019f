import { randomBytes } from 'node:crypto';
import type { Event, KubernetesObject } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import type { Store } from './store.ts';

export interface EventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Who noticed: `kubelet`, `default-scheduler`, `replicaset-controller`. */
  readonly component: string;
  /** Container that it is about. */
  readonly container?: string;
  readonly count?: number;
  /** Seconds since the first and the last time. */
  readonly first?: number;
  readonly last?: number;
}

/** Records an event about the object: the scheduler writes in the form of events.k8s.io, all others in that of the core group. */
export function emit(store: Store, about: KubernetesObject & { spec?: unknown }, draft: EventDraft): Event {
  const { metadata: { name, namespace, uid, resourceVersion }, kind, apiVersion } = about;
  const { type, reason, message, component, container, count = 1, first = 0, last = 0 } = draft;
  const node = component === 'kubelet' ? (about.spec as { nodeName?: string } | undefined)?.nodeName : undefined;
  const of = namespace ?? 'default';
  const isScheduler = component === 'default-scheduler';
  return store.create('events', {
    metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace: of, creationTimestamp: timestamp(ago(Math.max(first, last))) },
    involvedObject: {
      kind, ...(namespace === undefined ? {} : { namespace }), name, uid, apiVersion, resourceVersion,
      ...(container === undefined ? {} : { fieldPath: `spec.containers{${container}}` }),
    },
    type, reason, message,
    ...(isScheduler
      ? {
        firstTimestamp: null, lastTimestamp: null, eventTime: ago(last).toISOString().replace('Z', '471Z'), action: reason === 'Scheduled' ? 'Binding' : 'Scheduling',
        source: {}, reportingInstance: 'default-scheduler-control-plane',
      }
      : {
        count, firstTimestamp: timestamp(ago(Math.max(first, last))), lastTimestamp: timestamp(ago(last)), eventTime: null,
        source: { component, ...(node === undefined ? {} : { host: node }) }, reportingInstance: node ?? '',
      }),
    reportingComponent: component,
  });
}
