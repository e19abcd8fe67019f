/**
 * A question whose answer, a failure too, is shared by all who ask it. Each waits with a signal of its own;
 * when none waits any longer the question is ended, and the next who asks begins anew.
 *
 * @returns a function that throws the reason of its signal when it is aborted.
 */
export function askedOnce<Answer>(ask: (signal: AbortSignal) => Promise<Answer>): (signal: AbortSignal) => Promise<Answer> {
  let current: { readonly answer: Promise<Answer>; readonly ending: AbortController; waiting: number; settled: boolean } | undefined;
  const begin = (): NonNullable<typeof current> => {
    const ending = new AbortController();
    const begun = { answer: ask(ending.signal), ending, waiting: 0, settled: false };
    const settle = (): void => {
      begun.settled = true;
    };
    begun.answer.then(settle, settle);
    return begun;
  };
  return async (signal) => {
    signal.throwIfAborted();
    const asked = (current ??= begin());
    asked.waiting += 1;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([asked.answer, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
      asked.waiting -= 1;
      if (asked.waiting === 0 && !asked.settled) {
        if (current === asked) current = undefined;
        asked.ending.abort(signal.reason);
      }
    }
  };
}
