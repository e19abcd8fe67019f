import type { Check } from '../../model/check.ts';
import { deadLetterChecks } from './deadLetters.checks.ts';
import { outboxChecks } from './outbox.checks.ts';
import { pendingChecks } from './pending.checks.ts';
import { signatureChecks } from './signatures.checks.ts';
import { streamChecks } from './stream.checks.ts';
import { webhookChecks } from './webhooks.checks.ts';

/** Every check of the step, by stream and then the outboxes, which is the order of their numbers. */
export const streamsChecks: readonly Check[] = [
  ...streamChecks,
  ...pendingChecks,
  ...deadLetterChecks,
  ...signatureChecks,
  ...outboxChecks,
  ...webhookChecks,
].sort((left, right) => left.id.localeCompare(right.id));
