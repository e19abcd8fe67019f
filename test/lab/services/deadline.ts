/** A reply that did not come in the time that a service allows for it. */
export class DeadlineExceeded extends Error {}

/**
 * The result of `work`, unless it takes longer than `milliseconds`. The work itself goes on: none of
 * Caracal's checks can take a query or a command back.
 *
 * @throws DeadlineExceeded with `message`
 */
export async function within<Result>(work: Promise<Result>, milliseconds: number, message: string): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new DeadlineExceeded(message));
  }, milliseconds);
  work.catch(() => undefined); // late failures are nobody's any more
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
