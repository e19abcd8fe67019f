import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { Cell, Fact, StoryAction } from '../trace/story.ts';
import { icon, markIcon } from './icons.ts';
import { visible } from './text.ts';

/** Where something stands in the story. */
export type Path = readonly (string | number)[];

/** What the user can ask of the host from within the story. */
export interface Asks {
  readonly follow: (path: Path) => void;
  readonly act: (action: StoryAction) => void;
  readonly copy: (what: 'markdown' | 'requestId') => void;
}

/** What is too long to stay in one piece in a column. */
const longWord = /\S{26}/;

/** A text that breaks within its words only if one is very long. */
export function wordsOf(text: string): TemplateResult {
  return html`<span class="cell ${longWord.test(visible(text)) ? 'long' : ''}">${visible(text)}</span>`;
}

/** A piece of text with its mark; with a path, its link can be followed. */
export function cellOf(cell: Cell, link?: { readonly path: Path; readonly asks: Asks }): TemplateResult {
  const text = textOf(cell);
  const told = cell.isCode === true ? html`<code>${text}</code>` : text;
  return html`<span class="cell ${cell.isStrong === true ? 'strong' : ''} ${longWord.test(visible(cell.text)) ? 'long' : ''}">${markIcon(cell.mark)}<span class="words">${
    cell.link === undefined || link === undefined ? told : linkTo(told, () => link.asks.follow(link.path))
  }</span></span>`;
}

function textOf({ text, differs }: Cell): TemplateResult | string {
  if (differs === undefined) return visible(text);
  const [from, to] = differs;
  return html`${visible(text.slice(0, from))}${from < to ? html`<mark>${visible(text.slice(from, to))}</mark>` : nothing}${visible(text.slice(to))}`;
}

/** A link that the host follows. `name` is what is said of it where its text says too little. */
export function linkTo(told: TemplateResult | string, follow: () => void, { hint, name }: { readonly hint?: string; readonly name?: string } = {}): TemplateResult {
  return html`<button type="button" role="link" class="link" title=${hint ?? nothing} aria-label=${name === undefined ? nothing : visible(name)} @click=${follow}>${told}</button>`;
}

/** Names with their values. */
export function factsOf(facts: readonly Fact[], link?: { readonly path: Path; readonly asks: Asks }): TemplateResult {
  return html`<dl class="facts">${facts.map(({ label, value }, index) => html`<div><dt>${visible(label)}</dt><dd>${cellOf(value, link && { ...link, path: [...link.path, index, 'value'] })}</dd></div>`)}</dl>`;
}

export function iconButton(name: Parameters<typeof icon>[0], label: string, press: () => void): TemplateResult {
  return html`<button type="button" class="tool" title=${label} aria-label=${label} @click=${press}>${icon(name)}</button>`;
}
