import type { WorkloadEvent } from '../deployment.ts';
import type { EngineEvent } from './engine.ts';
import { labels } from './labels.ts';
import { readable } from './readable.ts';

/** Actions that change what a check would see. Each run of a health check is three others. */
const telling = new Set(['create', 'start', 'restart', 'die', 'oom', 'kill', 'stop', 'pause', 'unpause', 'rename', 'update', 'destroy', 'health_status']);

/** Names of the view; those of all other services are their own. */
const components: Readonly<Record<string, string>> = { postgres: 'Postgres', redis: 'Redis' };

/** What an event of the engine means for the view; undefined when it means nothing. */
export function workloadEventOf({ Action: action, Actor: actor }: EngineEvent): WorkloadEvent | undefined {
  const [name = ''] = (action ?? '').split(':');
  if (!telling.has(name)) return undefined;
  const attributes = actor?.Attributes ?? {};
  const service = attributes[labels.service] ?? '';
  const exitCode = name === 'die' ? attributes['exitCode'] : undefined;
  return {
    component: components[service] ?? readable(service),
    what: readable(`container ${action ?? ''}${exitCode === undefined ? '' : `, exit code ${exitCode}`}`),
  };
}
