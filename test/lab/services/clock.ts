import { execFileSync } from 'node:child_process';

/** What `faketime` sets so that a library lies between a program and the clock. */
const preload = /^(LD_PRELOAD|DYLD_\w+|FAKETIME)$/;

/**
 * The environment in which a program sees a clock that is this many seconds ahead. Timers go by another
 * clock and keep their pace.
 *
 * @throws Error `faketime is missing: apt-get install faketime`
 */
export function clockAhead(seconds: number): Readonly<Record<string, string>> {
  const offset = `${seconds < 0 ? '-' : '+'}${String(Math.abs(seconds))}s`;
  let text: string;
  try {
    text = execFileSync('faketime', ['-f', offset, 'env'], { encoding: 'utf8' });
  } catch (cause) {
    throw new Error('faketime is missing: apt-get install faketime', { cause });
  }
  const set = text.split('\n').flatMap((line): [string, string][] => {
    const [name = '', ...value] = line.split('=');
    return preload.test(name) ? [[name, value.join('=')]] : [];
  });
  return { ...Object.fromEntries(set), DONT_FAKE_MONOTONIC: '1' };
}
