/** What is told of a line. */
export interface CursorLine {
  /** By the runtime of the containers, RFC 3339. */
  readonly stamp: string;
  readonly bytes: Buffer;
}

/**
 * How far one container's log has been read, so that a stream that broke off goes on without a line lost or
 * repeated. Runtimes stamp each line; several lines may have one stamp, lines of stdout and of stderr may change
 * places with those right before them, Kubernetes is asked for whole seconds, and the Docker Engine repeats lines
 * of a log that it rotates. So the stamps of the last two seconds in which something was logged are remembered,
 * each with the length of its line and how often it came.
 */
export class Cursor {
  #before: Second | undefined;
  #last: Second | undefined;
  #lastLine: Buffer | undefined;
  /** What a stream brings that has gone back. */
  #repetition: Resumption | undefined;

  /** From where on to ask again; undefined before the first line. */
  get since(): string | undefined {
    const from = this.#before ?? this.#last;
    return from === undefined ? undefined : `${from.second}Z`;
  }

  /** Stamp of the newest line; empty before the first. */
  get newest(): string {
    return this.#last?.newest ?? '';
  }

  /** Takes in one more line, and says whether it is new: a stream that goes back brings what it has brought already. */
  read({ stamp, bytes }: CursorLine): boolean {
    const whole = wholeStamp(stamp);
    if (!isStamp.test(whole)) return true;
    const second = whole.slice(0, secondLength);
    if (this.#last === undefined || second > this.#last.second) [this.#before, this.#last] = [this.#last, new Second(second)];
    const own = second === this.#last.second ? this.#last : second === this.#before?.second ? this.#before : undefined;
    const key = keyOf(whole, bytes);
    if (this.#repetition?.isNew({ stamp, bytes }) === false) return false;
    this.#repetition = undefined;
    if (own?.lines.has(key) === true) {
      if (this.#lastLine?.equals(bytes) === true) return false;
      if (whole < this.#last.newest) {
        this.#repetition = this.resume();
        this.#repetition.isNew({ stamp, bytes });
        return false;
      }
    }
    own?.add(key, whole);
    this.#lastLine = bytes;
    return true;
  }

  /** To be asked of all lines of a stream that begins at `since`. */
  resume(): Resumption {
    return new Resumption(new Map([...(this.#before?.lines ?? []), ...(this.#last?.lines ?? [])]), (this.#before ?? this.#last)?.oldest ?? '');
  }
}

/** Lines of a stream that goes on where another one broke off. */
export class Resumption {
  readonly #known: Map<string, number>;
  /** Stamp of the first of them. */
  readonly #oldest: string;
  /** Whether something that was read before came again: then everything that came after it is there, too. */
  isComplete: boolean;

  constructor(known: Map<string, number>, oldest: string) {
    this.#known = known;
    this.#oldest = oldest;
    this.isComplete = known.size === 0;
  }

  /** Whether a line was not read before. */
  isNew({ stamp, bytes }: CursorLine): boolean {
    const whole = wholeStamp(stamp);
    if (this.#known.size === 0 || !isStamp.test(whole)) return true;
    // Of the same second, and left out because no more than so many lines were asked for.
    if (!this.isComplete && whole < this.#oldest) return false;
    const key = keyOf(whole, bytes);
    const count = this.#known.get(key);
    if (count === undefined) return true;
    this.isComplete = true;
    if (count === 1) this.#known.delete(key);
    else this.#known.set(key, count - 1);
    return false;
  }
}

function keyOf(whole: string, { length }: Buffer): string {
  return `${whole} ${length}`;
}

const secondLength = '2026-08-20T10:00:00'.length;

/** Words of the kubelet itself, such as `unable to retrieve container logs`, come in between and have none. */
const isStamp = /^\d{4}-/;

/** Lines of one second. */
class Second {
  readonly second: string;
  readonly lines = new Map<string, number>();
  oldest = '';
  newest = '';

  constructor(second: string) {
    this.second = second;
  }

  add(key: string, stamp: string): void {
    this.lines.set(key, (this.lines.get(key) ?? 0) + 1);
    if (stamp > this.newest) this.newest = stamp;
    if (this.oldest === '' || stamp < this.oldest) this.oldest = stamp;
  }
}

/**
 * A stamp in UTC with nine digits of the second, so that stamps can be compared as text. Runtimes leave out
 * zeros, `10:00:00.12Z`, and Podman writes the time of its zone, `12:00:00.12+02:00`.
 */
export function wholeStamp(stamp: string): string {
  if (stamp.length === 30 && stamp.endsWith('Z')) return stamp;
  const [, second = '', fraction = '', zone = 'Z'] = /^([^.Z+]{0,19})(?:\.(\d*))?(.*)$/.exec(stamp) ?? [];
  const local = zone === 'Z' || zone === '+00:00' ? NaN : Date.parse(`${second}${zone}`);
  const utc = Number.isNaN(local) ? second : new Date(local).toISOString().slice(0, secondLength);
  return `${utc}.${fraction.padEnd(9, '0')}Z`;
}
