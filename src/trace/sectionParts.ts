/** What sections of a story about state and policy are made of, and the words that they share. */
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import { approvalOf } from './holds.ts';
import type { Evidence } from './read.ts';
import type { Hop } from './stitching.ts';
import type { Block, Mark } from './story.ts';
import type { AdminChange, Surroundings } from './surroundings.ts';
import type { Trace } from './trace.ts';
import { shortId } from './words.ts';

export interface SectionParts {
  readonly captured: Captured;
  readonly trace: Trace;
  readonly evidence: Evidence;
  readonly surroundings: Surroundings;
}

/** The request that all is about, as far as the audit has it. */
export function askedHop({ hops }: Pick<Trace, 'hops'>, { requestId }: Evidence): Hop | undefined {
  return hops.find((hop) => hop.requestId === requestId);
}

/** When the request was, milliseconds since 1970: by its events, else by what was pasted, of which a header and a mandate tell the second alone: its end; undefined where neither tells. */
export function requestTime(captured: Captured, trace: Trace, evidence: Evidence): number | undefined {
  const { at } = captured;
  return askedHop(trace, evidence)?.from ?? (at === undefined ? undefined : at % 1_000 === 0 ? at + 999 : at);
}

/** The approvals of the request and of those that belong to it. */
export function approvalIds({ captured, trace, evidence }: Pick<SectionParts, 'captured' | 'trace' | 'evidence'>): ReadonlySet<string> {
  const ofHops = trace.hops.map(({ requestId, events }) => approvalOf(requestId, events, evidence.holds));
  return new Set([captured.approvalId, ...ofHops].filter((id) => id !== undefined));
}

/** `Session …a41c07`. */
export function named(noun: string, id: string): string {
  return `${noun} ${shortId(id)}`;
}

export function textBlock(text: string, mark?: Mark): Block {
  return { kind: 'text', cell: { text, mark } };
}

/** A list, or nothing where there are no texts. */
export function listBlock(texts: readonly string[], mark?: Mark): readonly Block[] {
  return texts.length === 0 ? [] : [{ kind: 'list', items: texts.map((text) => ({ text, mark })) }];
}

/** A number of the metadata of the first event that has it. */
export function metadataNumber(events: readonly AuditEvent[], name: string): number | undefined {
  return events.map(({ metadata_json: metadata }) => metadata[name]).find((value) => typeof value === 'number');
}

/** The epoch of Delegations that the mandate of the request carries; undefined where nothing tells. */
export function mandateEpoch({ captured, trace, evidence }: Pick<SectionParts, 'captured' | 'trace' | 'evidence'>): number | undefined {
  return captured.mandate?.claims.delegation_graph_epoch ?? metadataNumber(askedHop(trace, evidence)?.events ?? [], 'delegation_graph_epoch');
}

/** Rows are written by one clock and the admin audit by another; what names the same thing may be this far apart, and what only fits this far. */
const fitsMs = 5_000;

/**
 * Who changed something, by the admin audit: the change nearest in time that names one of the ids, else one within
 * 5 s that is of the kind.
 */
export function changeBy(changes: Surroundings['changes'], at: number, ids: readonly string[], isKind: (change: AdminChange) => boolean): { readonly change: AdminChange; readonly isCertain: boolean } | undefined {
  if (changes.kind !== 'row') return undefined;
  const apart = ({ occurredAt }: AdminChange): number => Math.abs(Date.parse(occurredAt) - at);
  const near = changes.row.toSorted((one, other) => apart(one) - apart(other));
  const certain = near.find((change) => ids.some((id) => change.entityId === id || change.path.split('/').includes(id)));
  if (certain !== undefined) return { change: certain, isCertain: true };
  const likely = near.find((change) => apart(change) <= fitsMs && isKind(change));
  return likely === undefined ? undefined : { change: likely, isCertain: false };
}

/** `by ana, PATCH /zones/…/revoke`, or why nobody is named. */
export function changerOf(changes: Surroundings['changes'], found: ReturnType<typeof changeBy>): string {
  if (found === undefined) return changes.kind === 'cannot look' ? `by whom cannot be looked at: ${changes.why}` : 'by whom is not in the admin audit';
  const { change: { actor, action }, isCertain } = found;
  return `${isCertain ? '' : 'likely '}by ${actor === '' ? 'somebody without a name' : actor}: ${action}`;
}
