import { asMarkdown } from '../model/markdown.ts';
import type { Block, Cell, Fact, Section, Story, TimelineItem } from './story.ts';
import { sentenceCase } from './words.ts';

const markWords: Readonly<Record<NonNullable<Cell['mark']>, string>> = { passed: '', failed: 'failed: ', warning: 'warning: ', waiting: 'waits: ', unknown: 'unknown: ', none: '' };

/** A story as Markdown, for an issue or a colleague. Secrets are masked by whoever hands it on. */
export function storyMarkdown({ sentence, more, about, layers, timeline, sections }: Story): string {
  return [
    `# ${asMarkdown(sentence)}`, '', ...more.flatMap((text) => [asMarkdown(text), '']),
    table(about.map(({ label }) => label), [about.map(({ value }) => ({ ...value, mark: 'none' }))]), '',
    table(layers.map(({ name }) => name), [layers.map(({ standing, decides }) => ({ text: standing, isStrong: decides }))]), '',
    '## Timeline', '', `${asMarkdown(timeline.summary)}. Times are UTC.`, '',
    ...(timeline.items.length === 0 ? [] : [table(['Time', 'Where', 'What', 'Request', 'Details'], timeline.items.map((item) => rowOf(item, timeline.lanes))), '']),
    ...sections.flatMap(sectionLines),
  ].join('\n');
}

function rowOf({ from, lane, label, requestId, mark, details }: TimelineItem, lanes: readonly string[]): readonly Cell[] {
  const told = details.filter(({ label: name }) => !['Request id', 'Written', 'Ingested'].includes(name));
  return [new Date(from).toISOString(), lanes[lane] ?? '', label, requestId, told.map(oneFact).join('; ')].map((text, place) => ({ text, mark: place === 2 ? mark : 'none' }));
}

function sectionLines({ title, summary, blocks }: Section): readonly string[] {
  return [`## ${title}`, '', ...(summary === '' ? [] : [`${asMarkdown(sentenceCase(summary))}.`, '']), ...blocks.flatMap((block) => [...blockLines(block), ''])];
}

function blockLines(block: Block): readonly string[] {
  switch (block.kind) {
    case 'text':
      return [cell(block.cell)];
    case 'advice':
      return [`> ${cell(block.cell)}`];
    case 'facts':
      return [table(['', ''], block.facts.map(({ label, value }) => [{ text: label }, value]))];
    case 'table':
      return [table(block.heads, [...block.rows, ...(block.folded?.rows ?? [])])];
    case 'chain':
      return [table(['Application', 'Session', 'By', 'Scopes', 'Now'], block.hops.map(({ application, session, delegation, mark, standing }) => [{ text: application }, { text: session }, { text: delegation?.name ?? '' }, { text: delegation?.scopes.join(' ') ?? '' }, { text: standing, mark }]))];
    case 'list':
      return block.items.map((item) => `- ${cell(item)}`);
    case 'action':
      return [];
  }
}

function oneFact({ label, value }: Fact): string {
  return `${label} ${value.text}`;
}

function cell({ text, mark = 'none', isStrong = false, link }: Cell): string {
  const place = link?.kind === 'place' ? ` (${link.path}:${link.line + 1})` : '';
  const words = asMarkdown(`${markWords[mark]}${text}${place}`);
  return isStrong && words !== '' ? `**${words}**` : words;
}

function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads.map((head) => asMarkdown(head))), `|${heads.map(() => ' --- |').join('')}`, ...rows.map((cells) => line(cells.map(cell)))].join('\n');
}
