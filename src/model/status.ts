/** States of a check, as they stand in a report. Only `pass` counts as pass. */
export const statuses = [
  'pass',
  'warn',
  'fail',
  'blocked',
  'unknown',
  'not-applicable',
  'cancelled',
  'crashed',
] as const;

export type Status = (typeof statuses)[number];

/** The one word for each state, on every surface. */
export const statusWords: Readonly<Record<Status, string>> = {
  pass: 'passed',
  warn: 'warning',
  fail: 'failed',
  blocked: 'blocked',
  unknown: 'unknown',
  'not-applicable': 'not applicable',
  cancelled: 'cancelled',
  crashed: 'crashed',
};

const worstFirst: readonly Status[] = [
  'fail',
  'crashed',
  'warn',
  'unknown',
  'blocked',
  'cancelled',
  'pass',
  'not-applicable',
];

/**
 * The state that a parent shows for its children: the worst of them. A crash is our own fault and
 * never turns a parent red, unless there is nothing else.
 *
 * @returns undefined when there is no child with a verdict.
 */
export function worst(children: Iterable<Status>): Status | undefined {
  const seen = new Set(children);
  const ownFault = seen.delete('crashed');
  return worstFirst.find((status) => seen.has(status)) ?? (ownFault ? 'crashed' : undefined);
}
