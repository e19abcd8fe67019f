const changing = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{16,}\b|\d+/gi;

/** A text without what differs from one time to the next. */
export function shapeOf(text: string): string {
  return text.replaceAll(changing, '#');
}
