/**
 * Polls until `condition` gives something truthy, and resolves with it.
 *
 * @throws Error naming `what` after `withinMs`.
 */
export async function eventually<Result>(
  what: string,
  condition: () => Promise<Result | undefined | false>,
  withinMs = 60_000,
): Promise<Result> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${String(withinMs / 1000)} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
