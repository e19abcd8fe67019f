import type { Captured } from './capture.ts';

/** Whether what was captured says which call is meant. */
export function isNamed({ requestId, approvalId, mandate }: Captured): boolean {
  return (requestId ?? approvalId ?? mandate) !== undefined;
}
