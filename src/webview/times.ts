/** Writes moments in the zone of the user. */
export class Clock {
  readonly #time: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    this.#time = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
    this.#day = new Intl.DateTimeFormat('en-GB', { timeZone, day: 'numeric', month: 'short' });
  }

  /** `10:15:28.258`, of milliseconds since 1970. */
  time(at: number): string {
    return this.#time.format(at);
  }

  /** `20 Aug` */
  day(at: number): string {
    return this.#day.format(at);
  }
}

/** `44 ms`, `1.2 s`, `83 s`, `4 min`, `3 h`, `2 d`, of milliseconds. */
export function durationText(duration: number): string {
  if (duration < 1_000) return `${Math.round(duration)} ms`;
  if (duration < 10_000) return `${(duration / 1_000).toFixed(1)} s`;
  if (duration < 120_000) return `${Math.round(duration / 1_000)} s`;
  if (duration < 7_200_000) return `${Math.round(duration / 60_000)} min`;
  if (duration < 172_800_000) return `${Math.round(duration / 3_600_000)} h`;
  return `${Math.round(duration / 86_400_000)} d`;
}
