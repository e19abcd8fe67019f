/** Request ids in text that somebody else wrote: source, output, Markdown, a terminal. */

/** An id and where it stands in its line, UTF-16 units. */
export interface RequestId {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** A terminal asks for each line that comes into sight. */
const longestLooked = 10_000;
/** Of the name before it, in all the ways in which services, SDKs, headers and people write it. What was shortened for people ends with an ellipsis, and what is called is no id. */
const pattern = /(?<![\w.-])(?:x-request-id|(?:caracal_?)?(?:request|req)[_ -]?id)\\?["'`]?\s{0,4}(?:[:=]|=>|\s)\s{0,4}(?<quote>\\?["'`])?(?<id>[\w.:-]{6,128})(?![\w.:…([-])/dgi;
const certain = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64})$/i;
/** A property of an object, or a file. */
const path = /[a-z]\.[a-z]/i;

/** The request ids of a line, in their order. A word without a digit is a type or a variable, not an id. */
export function requestIdsIn(line: string): readonly RequestId[] {
  return [...line.slice(0, longestLooked).matchAll(pattern)].flatMap(({ groups = {}, indices }) => {
    const id = (groups['id'] ?? '').replace(/[.:-]+$/, '');
    const start = indices?.groups?.['id']?.[0] ?? 0;
    const looksLikeOne = certain.test(id) || (id.length >= 6 && /\d/.test(id) && (groups['quote'] !== undefined || !path.test(id)));
    return looksLikeOne ? [{ id, start, end: start + id.length }] : [];
  });
}
