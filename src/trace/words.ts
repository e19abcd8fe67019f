/** Words and short forms that all parts of a story use. */

/** `…f90ae7`: ids of one minute begin alike, so their end tells them apart. What is no long id stays as it is. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `…${id.slice(-6)}`;
}

const ids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** A text with its ids made short: `admin:…21a9a3`. */
export function shortIds(text: string): string {
  return text.replaceAll(ids, shortId);
}

/** The name of a resource without its scheme. */
export function resourceName(identifier: string): string {
  return identifier.replace(/^resource:\/\//, '');
}

export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? noun : plural}`;
}

/** `sts`, `sts and gateway`, `sts, gateway and audit`. */
export function listText(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

export function sentenceCase(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** `44 ms`, `83 s`, `12 min`, `4 h`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${(milliseconds / 1_000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
  return milliseconds < 7_200_000 ? `${Math.round(milliseconds / 60_000)} min` : `${Math.round(milliseconds / 3_600_000)} h`;
}

/** How a moment is written in a text of a story; `shortMoments` makes it short when all is told. */
export function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

const moments = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** A text whose moments, in ISO 8601, are written as `10:15:28`, and with their day where that is another one; in UTC, as in logs. */
export function shortMoments(text: string, today: string): string {
  return text.replaceAll(moments, (iso) => (iso.startsWith(today) ? iso.slice(11, 19) : `${dayOf(Date.parse(iso))}, ${iso.slice(11, 19)}`));
}

/** `20 Aug 2026, 10:15:28 UTC`. */
export function dateAndTime(milliseconds: number): string {
  return `${dayOf(milliseconds)}, ${moment(milliseconds).slice(11, 19)} UTC`;
}

const days = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric' });

function dayOf(milliseconds: number): string {
  return days.format(milliseconds);
}
