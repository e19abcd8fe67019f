import type { PanelLogs } from '../trace/panelMessages.ts';
import type { Story, TimelineItem } from '../trace/story.ts';

type OwnRow = PanelLogs['own'][number];

const distance = (time: number | null, { from, until = from }: TimelineItem): number => (time === null ? Infinity : Math.max(from - time, time - until, 0));

/** The row of the log that tells of an event: of the same request, nearest in time. */
export function rowOf(item: TimelineItem, own: readonly OwnRow[]): OwnRow | undefined {
  if (item.requestId === '') return undefined;
  return nearest(own.filter(({ requestId }) => requestId === item.requestId), ({ time }) => distance(time, item));
}

/** The event that a row of the log tells of. */
export function itemOf({ requestId, time }: { readonly requestId: string; readonly time: number | null }, items: readonly TimelineItem[]): TimelineItem | undefined {
  if (requestId === '') return undefined;
  return nearest(items.filter((item) => item.requestId === requestId), (item) => distance(time, item));
}

/** What is chosen before the user has chosen: what decided, or the end of what was asked for. */
export function firstChoice({ timeline: { items } }: Story): TimelineItem | undefined {
  return items.findLast(({ isAskedFor, mark }) => isAskedFor && mark === 'failed') ?? items.findLast(({ isAskedFor }) => isAskedFor);
}

function nearest<Each>(all: readonly Each[], far: (each: Each) => number): Each | undefined {
  return all.reduce<Each | undefined>((best, each) => (best === undefined || far(each) < far(best) ? each : best), undefined);
}
