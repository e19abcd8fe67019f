import { logSourceOf, sourcesOf } from '../../caracal/logSources.ts';
import type { LogSource } from '../../caracal/logSources.ts';
import type { CheckHead } from '../flowState.ts';

/** Logs that tell of a component of the flow: its own, if it has one. */
export function logsOfComponent(component: string): readonly LogSource[] {
  const source = logSourceOf(component.toLowerCase());
  return source === undefined ? [] : [source];
}

/** Logs that tell of a check: that of its component, and those of whoever speaks for it. */
export function logsOfCheck({ component, messages = [] }: Pick<CheckHead, 'component' | 'messages'>): readonly LogSource[] {
  return [...new Set([...logsOfComponent(component), ...sourcesOf(messages)])];
}
