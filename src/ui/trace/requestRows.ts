/** The rows of the Requests view. Pure. */
import type { FailedCall } from '../../trace/failedCalls.ts';
import type { RecentCalls } from '../../trace/recentCalls.ts';
import type { Mark } from '../../trace/story.ts';
import { commandIds } from '../commandIds.ts';
import { clock, spoken, stateIcons, timeOfDay } from '../words.ts';
import type { Icon } from '../words.ts';
import type { TracedRequest } from './tracedRequests.ts';

/** What keeps calls from being listed: no target, no zone of several, no consent to ask the API, no way to the audit at all, or something that did not work. */
export type Obstacle = 'target' | 'zone' | 'consent' | 'access' | 'problem';

/** What is known of the calls of a target. */
export type Listing =
  | { readonly kind: 'reading' }
  | { readonly kind: 'calls'; readonly recent: RecentCalls; /** When the API was asked, which is asked once for each consent; undefined where Postgres is. */ readonly askedAt: number | undefined }
  | { readonly kind: 'cannot'; readonly obstacle: Obstacle; readonly why: string };

/** Which text an empty view shows. */
export type EmptyText = 'target' | 'reading' | 'none' | 'zone' | 'consent' | 'access';

export interface RequestRow {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly icon: Icon | undefined;
  readonly tooltip: string;
  readonly spoken: string;
  /** Undefined where nothing can be done with it. */
  readonly command: { readonly id: string; readonly title: string } | undefined;
  /** Of a request or an approval; undefined where the row is neither. */
  readonly traces: string | undefined;
  readonly children: readonly RequestRow[];
}

export interface RequestRows {
  readonly roots: readonly RequestRow[];
  readonly empty: EmptyText;
  /** Beside the title: how many calls there are. */
  readonly count: string;
}

const icons: Readonly<Record<Mark, Icon | undefined>> = {
  passed: stateIcons.pass, failed: stateIcons.fail, warning: stateIcons.warn, unknown: stateIcons.unknown, none: undefined,
  waiting: { id: 'clock', color: 'problemsWarningIcon.foreground' },
};

const marksSpoken: Readonly<Record<Mark, string>> = { passed: 'passed', failed: 'failed', warning: 'warning', unknown: 'unknown', none: '', waiting: 'on hold' };

/**
 * What was traced before, folded, and the calls of the last hour: these as roots, because a side bar is narrow. None of
 * both, and why, where there is nothing to show.
 */
export function requestRows(listing: Listing, traced: readonly TracedRequest[], now: number): RequestRows {
  const empty = emptyText(listing);
  const calls = listing.kind === 'calls' ? listing.recent.calls.map((call) => callRow(call, now)) : [];
  const cannot = listing.kind === 'cannot' && listing.obstacle !== 'target' && (listing.obstacle === 'problem' || traced.length > 0) ? [cannotRow(listing.obstacle, listing.why)] : [];
  const before = traced.length === 0 || empty === 'target' ? [] : [tracedGroup(traced, now)];
  return { roots: [...before, ...cannot, ...calls], empty, count: countText(listing) };
}

function countText(listing: Listing): string {
  if (listing.kind !== 'calls') return '';
  const { recent: { calls, isWhole }, askedAt } = listing;
  const count = calls.length === 0 ? 'none in the last hour' : isWhole ? `${calls.length} in the last hour` : `newest ${calls.length} of the last hour`;
  return askedAt === undefined ? count : `${count} · by the API at ${timeOfDay(askedAt)}`;
}

function emptyText(listing: Listing): EmptyText {
  if (listing.kind === 'calls') return 'none';
  if (listing.kind === 'reading') return 'reading';
  return listing.obstacle === 'problem' ? 'none' : listing.obstacle;
}

const ways: Readonly<Record<Exclude<Obstacle, 'target'>, NonNullable<RequestRow['command']>>> = {
  zone: { id: commandIds.pickZone, title: 'Pick Zone…' }, consent: { id: commandIds.refreshRequests, title: 'Ask the API…' },
  access: { id: commandIds.showObserverRole, title: 'Show Observer Role (SQL)' }, problem: { id: commandIds.refreshRequests, title: 'Refresh' },
};

function cannotRow(obstacle: Exclude<Obstacle, 'target'>, why: string): RequestRow {
  const label = 'Cannot list calls';
  return { id: 'cannot', label, description: why, icon: stateIcons.unknown, tooltip: `${label}: ${why}\n${ways[obstacle].title}`, spoken: spoken(`${label}, ${why}`), command: ways[obstacle], traces: undefined, children: [] };
}

function tracedGroup(traced: readonly TracedRequest[], now: number): RequestRow {
  const label = 'Traced before';
  return { id: 'traced', label, description: String(traced.length), icon: undefined, tooltip: 'Requests that were traced in this workspace', spoken: `${label}, ${traced.length}`, command: undefined, traces: undefined, children: traced.map((one) => tracedRow(one, now)) };
}

const trace = { id: commandIds.traceRequest, title: 'Trace Request' };

function callRow({ requestId, label, application, at, mark, sentence, code }: FailedCall, now: number): RequestRow {
  // The time comes first: it has one width for all, and a narrow side bar cuts the rest.
  const told = [timeText(at, now), application].filter((part) => part !== '');
  return {
    id: `recent/${requestId}`, label, description: [...told, ...(code === '' || label.endsWith(` ${code}`) ? [] : [code])].join(', '), icon: icons[mark],
    tooltip: [sentence, [...(code === '' ? [] : [code]), ...(application === '' ? [] : [`Application ${application}`]), `${new Date(at).toISOString()} by the clock of Caracal`].join(' · '), `Request ${requestId}`].join('\n'),
    spoken: spoken([label, marksSpoken[mark], sentence.replace(/\.$/, ''), ...told].join(', ')), command: trace, traces: requestId, children: [],
  };
}

function tracedRow({ id, title, at }: TracedRequest, now: number): RequestRow {
  const label = title.replace(/^resource:\/\//, '').replace(/ · …[^ ]*$/, '');
  const description = `traced ${timeText(at, now)}`;
  return { id: `traced/${id}`, label, description, icon: { id: 'history', color: undefined }, tooltip: `${title}\nTraced ${new Date(at).toISOString()}\n${id}`, spoken: spoken(`${label}, ${description}`), command: trace, traces: id, children: [] };
}

/** `10:15:28`, in the local zone; of another day with the day: `26 Nov, 10:15`. */
function timeText(at: number, now: number): string {
  const [day, today] = [at, now].map((time) => new Date(time).toDateString());
  return day === today ? clock(at) : `${new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${timeOfDay(at)}`;
}

/** How many calls are in one listing that the other has not. */
export function newerCalls(shown: Listing, now: Listing): number {
  if (now.kind !== 'calls') return 0;
  const known = new Set(shown.kind === 'calls' ? shown.recent.calls.map(({ requestId }) => requestId) : []);
  return now.recent.calls.filter(({ requestId }) => !known.has(requestId)).length;
}
