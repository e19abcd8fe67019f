/** What the box that asks for a request begins with. */
import type { Redactor } from '../redaction/redactor.ts';
import { capture } from './capture.ts';
import type { Capture } from './capture.ts';
import { requestIdsIn } from './requestIds.ts';

export interface AtHand {
  readonly selected: string;
  /** Where the caret is. */
  readonly line: string;
  readonly caret: number;
  readonly clipboard: string;
}

export interface Proposal {
  /** In one line, as a box shows it. */
  readonly shown: string;
  readonly text: string;
}

/**
 * The first of these that tells of a request: what is selected, the line of the caret, the clipboard. Only what was
 * selected may be a token: a token that happens to be in the clipboard or in the line would stand in the box for all to
 * see, and nobody asked for it. What has another secret in it is proposed by its id alone.
 */
export function proposalFrom({ selected, line, caret, clipboard }: AtHand, redactor: Pick<Redactor, 'text'>): Proposal | undefined {
  if (capture(selected).kind === 'captured') return proposal(selected);
  const text = (told: string, id: string): Proposal => proposal(redactor.text(told) === told ? told : id);
  const ids = requestIdsIn(line);
  const id = (ids.find(({ start, end }) => start <= caret && caret <= end) ?? (ids.length === 1 ? ids[0] : undefined))?.id;
  if (id !== undefined) return text(textAbout(line, id), id);
  const told = idOf(capture(clipboard));
  return told === undefined ? undefined : text(clipboard.trim(), told);
}

/** A whole line where it tells more of a request than its id: most refusals leave no audit event, and are known by their answer alone. */
export function textAbout(line: string, id: string): string {
  const result = capture(line);
  return result.kind === 'captured' && result.captured.requestId === id && result.captured.mandate === undefined ? line.trim() : id;
}

/** The id that a text names; undefined where it is a token or a word like any other. */
function idOf(result: Capture): string | undefined {
  if (result.kind === 'nothing' || result.captured.mandate !== undefined) return undefined;
  const { what, requestId, approvalId } = result.captured;
  return what === 'an id' && approvalId === undefined ? undefined : (requestId ?? approvalId);
}

function proposal(text: string): Proposal {
  return { shown: text.replaceAll(/\s*\n\s*/g, ' '), text };
}
