/** Which calls of a zone did not go as asked, by their audit events: each told in a line. */
import { kindOf, metadataText, namesByKind } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import { outcomeOf } from './outcome.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';
import type { Mark } from './story.ts';
import { resourceName } from './words.ts';

/** A call that was denied, refused or put on hold, or that failed. */
export interface FailedCall {
  readonly requestId: string;
  /** `billing-api 401`: the resource without its scheme, and what the caller got, or one word for it. */
  readonly label: string;
  /** What the caller got; null where no event says so. */
  readonly status: number | null;
  /** Who called; `""` where no event names it. */
  readonly application: string;
  /** When the last of what went wrong was written, by the clock of whoever wrote it, milliseconds since 1970. */
  readonly at: number;
  readonly mark: Mark;
  /** As a person would say it aloud. */
  readonly sentence: string;
  /** Caracal's own; `""` where it gives none. */
  readonly code: string;
}

/** Types of the events that end a hold. */
export const endsOfHolds = ['step_up_decided', 'step_up_consumed'] as const;

/**
 * Whether an event tells of a call that did not go as asked. An event of the Gateway says `allow` also where the upstream
 * refused or did not answer (contract request-evidence 7.2 and 7.4).
 */
export function isFailure({ event_type: type, decision, evaluation_status: status, metadata_json: metadata }: AuditEvent): boolean {
  if (decision === 'deny' || decision === 'pending') return true;
  if (type !== 'gateway_resource_request') return false;
  return status !== 'executed' || metadata['revocation_interrupted'] === true || answeredWith(metadata) >= 400;
}

function answeredWith(metadata: AuditEvent['metadata_json']): number {
  return Number(metadata['upstream_status'] ?? metadata['gateway_status'] ?? 0);
}

/**
 * The calls of which an event is a failure, newest first.
 *
 * @param events all of each request that is named
 * @param ends of holds: a hold that was approved is no failure, its retry is a call of its own
 * @param now milliseconds since 1970
 */
export function failedCalls(events: readonly AuditEvent[], ends: readonly AuditEvent[], now: number): readonly FailedCall[] {
  const byRequest = Map.groupBy(events, ({ request_id: id }) => id);
  byRequest.delete('');
  const endOf = new Map(ends.toSorted((one, other) => Date.parse(one.occurred_at) - Date.parse(other.occurred_at)).map((end) => [metadataText(end, 'challenge_id'), end.decision]));
  return [...byRequest].flatMap(([requestId, own]) => {
    const failures = own.filter(isFailure);
    const told = failures.length === 0 ? undefined : tellingOf(own, endOf, now);
    if (told === undefined) return [];
    const [name, status, at] = [nameOf(failures, own), statusOf(failures), Math.max(...failures.map(({ occurred_at: time }) => Date.parse(time)))];
    return [{ requestId, label: `${name} ${status ?? told.word}`, status, application: callerOf(own), at, mark: told.mark, sentence: told.sentence, code: told.code }];
  }).toSorted((one, other) => other.at - one.at || (one.requestId < other.requestId ? 1 : -1));
}

/**
 * The call that somebody may mean who knows no id: the newest that was answered so, else the newest.
 *
 * @param calls newest first
 * @param status what the caller got; undefined where that is not known
 */
export function callLike(calls: readonly FailedCall[], status: number | undefined): FailedCall | undefined {
  return (status === undefined ? undefined : calls.find((call) => call.status === status)) ?? calls[0];
}

interface Telling {
  readonly word: string;
  readonly mark: Mark;
  readonly sentence: string;
  readonly code: string;
}

const words: Partial<Readonly<Record<OutcomeKind, readonly [word: string, mark: Mark]>>> = {
  denied: ['denied', 'failed'], refused: ['refused', 'failed'], 'no call': ['refused', 'failed'], 'cannot tell': ['denied', 'failed'], 'on hold': ['on hold', 'waiting'], 'partly granted': ['partly granted', 'warning'],
};

/** Undefined where it went well in the end. */
function tellingOf(own: readonly AuditEvent[], endOf: ReadonlyMap<string, string>, now: number): Telling | undefined {
  const outcome: Outcome = outcomeOf({ events: own });
  const [word, mark] = words[outcome.kind] ?? [];
  if (word === undefined || mark === undefined) return undefined;
  const { sentence, code = '' } = outcome;
  if (outcome.kind !== 'on hold') return { word, mark, sentence, code };
  const hold = own.find((event) => kindOf(event) === 'hold');
  const end = hold === undefined ? undefined : endOf.get(metadataText(hold, 'challenge_id'));
  if (end === 'rejected') return { word: 'rejected', mark: 'failed', sentence: 'The approval was rejected.', code: 'approval_rejected' };
  if (end !== undefined) return undefined;
  const isOver = hold !== undefined && Date.parse(metadataText(hold, 'expires_at')) <= now;
  return isOver ? { word: 'expired', mark: 'warning', sentence: 'This call was on hold, and nobody approved it in time.', code: 'approval_expired' } : { word, mark, sentence, code };
}

/** What was called; of several resources the first. A hold names none, the exchange that it holds does. */
function nameOf(failures: readonly AuditEvent[], own: readonly AuditEvent[]): string {
  const [first, ...others] = [failures, own].map(resourcesOf).find((names) => names.length > 0) ?? [];
  if (first !== undefined) return `${resourceName(first)}${others.length === 0 ? '' : ` +${others.length}`}`;
  return failures.map((event) => namesByKind[kindOf(event)]).find((name) => name !== undefined) ?? 'Request';
}

function resourcesOf(events: readonly AuditEvent[]): readonly string[] {
  return [...new Set(events.flatMap((event) => [metadataText(event, 'resource'), ...requested(event)]).filter((name) => name !== ''))];
}

function requested({ metadata_json: { requested: all } }: AuditEvent): readonly string[] {
  return Array.isArray(all) ? all.filter((name) => typeof name === 'string') : [];
}

/** What the caller got, where an event says so: a replay is answered by 401 always (contract request-evidence 5, row 10). */
function statusOf(failures: readonly AuditEvent[]): number | null {
  const call = failures.find((event) => kindOf(event) === 'gateway call');
  if (call === undefined) return failures.some((event) => kindOf(event) === 'replay') ? 401 : null;
  const status = call.evaluation_status === 'executed' ? answeredWith(call.metadata_json) : Number(call.metadata_json['gateway_status'] ?? 0);
  return status >= 400 ? status : null;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Its name; else its id, which an event of the Gateway has alone. */
function callerOf(own: readonly AuditEvent[]): string {
  const named = (...names: readonly string[]): string | undefined => own.flatMap((event) => names.map((name) => metadataText(event, name))).find((value) => value !== '');
  const id = named('application_name', 'workload_name') ?? named('application_id', 'client_id', 'app_id') ?? '';
  return uuid.test(id) ? `…${id.slice(-6)}` : id;
}
