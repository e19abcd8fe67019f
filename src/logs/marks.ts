import { harmless } from './harmless.ts';

/** Something of a log that is no line of it: what was lost, what began anew, what ended. Times are ms since 1970. */
export type Mark =
  /** No answer came since; told only when it lasts. */
  | { readonly kind: 'lost'; readonly at: number; readonly why: string }
  | { readonly kind: 'back'; readonly lostAt: number; readonly afterMs: number }
  /** Lines between two stamps are gone: rotated away, or of runs whose log is not kept. */
  | { readonly kind: 'missing'; readonly from: string; readonly to: string }
  | { readonly kind: 'restarted'; readonly end: string | undefined }
  | { readonly kind: 'ended'; readonly end: string }
  | { readonly kind: 'removed' }
  /** The file is another one from here on. */
  | { readonly kind: 'rotated' }
  /** It may not be read. */
  | { readonly kind: 'refused'; readonly why: string }
  /** A service of Caracal that has no container. */
  | { readonly kind: 'absent' };

/** How a mark begins, and no line of a log as it is shown. */
export const markBegin = '────';

/** A mark as a line of its own. */
export function markText(source: string, mark: Mark): string {
  return harmless(`${markBegin} ${source}: ${wordsOf(mark)} ────`).text;
}

/** Stands below a line of which a service left out a part. */
export function cutText(source: string): string {
  return `${markBegin} ${source}: a value of the line above was cut by the service ────`;
}

function wordsOf(mark: Mark): string {
  switch (mark.kind) {
    case 'lost':
      return `stream lost at ${clock(mark.at)}: ${mark.why}`;
    case 'back':
      return `stream lost at ${clock(mark.lostAt)}, back after ${(mark.afterMs / 1_000).toFixed(1)} s`;
    case 'missing':
      return `lines are missing after ${stampClock(mark.from)}${mark.to === '' ? '' : `, before ${stampClock(mark.to)}`}`;
    case 'restarted':
      return `restarted${mark.end === undefined ? '' : ` after ${mark.end}`}, the log goes on`;
    case 'ended':
      return `ended, ${mark.end}`;
    case 'removed':
      return 'source ended: container removed';
    case 'rotated':
      return 'the file was rotated, the log goes on';
    case 'refused':
      return `cannot be read: ${mark.why}`;
    case 'absent':
      return 'has no container, so no log';
  }
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

function stampClock(stamp: string): string {
  return stamp === '' ? 'the beginning' : stamp.slice(11, 19);
}
