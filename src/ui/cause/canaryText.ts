/** What came of a recovery canary, as a text that a person reads. Pure; the caller masks the result. */
import { yamlLines } from '../yaml.ts';
import type { CanaryResult } from './remedyModule.ts';

export function canaryText(target: string, result: CanaryResult): string {
  return `${[`# Recovery canary of ${target}: ${result.sentence}`, '', ...yamlLines('steps', result.steps, '')].join('\n')}\n`;
}
