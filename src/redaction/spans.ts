import { isOnlyMasks, masksIn } from './mask.ts';

/** A stretch of a text that holds a secret. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly label: string;
  /** The secret itself, when the text holds another form of it. */
  readonly value?: string | undefined;
}

/**
 * Replaces spans of a text by what `mask` makes of them. Overlapping ones become one, so that the
 * order of rules does not matter; what is a mask already stays, so that a second pass changes nothing.
 */
export function replaceSpans(text: string, spans: readonly Span[], mask: (value: string, label: string) => string): string {
  if (spans.length === 0) return text;
  let result = '';
  let at = 0;
  for (const { start, end, label, value } of merged(spans, masksIn(text))) {
    const found = text.slice(start, end);
    result += text.slice(at, start) + (isOnlyMasks(found) ? found : mask(value ?? found, label));
    at = end;
  }
  return result + text.slice(at);
}

function merged(spans: readonly Span[], masks: readonly { start: number; end: number }[]): readonly Span[] {
  const inOrder = spans.toSorted((one, other) => one.start - other.start || other.end - one.end);
  const result: Span[] = [];
  let next = 0;
  for (const span of inOrder) {
    while ((masks[next]?.end ?? Infinity) <= span.start) next += 1;
    const mask = masks[next];
    if (mask && mask.start <= span.start && span.end <= mask.end) continue;
    const last = result.at(-1);
    if (!last || span.start >= last.end) result.push(span);
    else if (span.end > last.end) result[result.length - 1] = { start: last.start, end: span.end, label: last.label };
  }
  return result;
}
