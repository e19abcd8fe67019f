const HEARTBEAT_MS = 15_000;

/** Says one line about the progress of a script; stdout stays free for results. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Seconds since `started`, for people. */
export function secondsSince(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

/** Runs a slow step: says when it starts, that it still runs, and how long it took. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  say(`${title} ...`);
  const heartbeat = setInterval(() => say(`${title} ... ${secondsSince(started)}`), HEARTBEAT_MS);
  try {
    const result = await work();
    say(`${title}: done in ${secondsSince(started)}`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}
