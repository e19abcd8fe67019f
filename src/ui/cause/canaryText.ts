/** What came of a recovery canary, as a text that a person reads. Pure; the caller masks the result. */
import type { CanaryRun } from '../../remedies/canary.ts';
import { yamlLines } from '../yaml.ts';

export function canaryText(target: string, { at, sentence, answers, evidence }: CanaryRun): string {
  return `${[`# Recovery canary of ${target}: ${sentence}`, '', ...yamlLines('at', at, ''), ...yamlLines('answers', answers, ''), ...yamlLines('evidence', evidence, '')].join('\n')}\n`;
}
