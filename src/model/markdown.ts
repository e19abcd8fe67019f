/**
 * Plain text as Markdown of one paragraph. `MarkdownString.appendText` makes every space one that does
 * not break, so that long lines break within words.
 */
export function asMarkdown(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_{}[\]()#+\-.!|<>~&]/g, '\\$&');
}
