import '@vscode-elements/elements/dist/vscode-button/index.js';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Block, Cell, ChainHop, LayerStory, Section, Story } from '../trace/story.ts';
import { cellOf, factsOf, iconButton, wordsOf } from './cells.ts';
import type { Asks, Path } from './cells.ts';
import { icon, markIcon } from './icons.ts';
import { visible } from './text.ts';

/** Which folded parts are open. */
export interface Folds {
  isOpen(name: string): boolean;
  toggle(name: string): void;
}

/** The answer, what it is about, and where it was decided. */
export function headOf({ sentence, mark, more, about, layers }: Story, asks: Asks): TemplateResult {
  return html`
    <header class="head">
      <div class="title"><h1 tabindex="0">${markIcon(mark)}<span>${visible(sentence)}</span></h1>${iconButton('markdown', 'Copy as Markdown', () => asks.copy('markdown'))}</div>
      ${more.map((each) => html`<p>${visible(each)}</p>`)}
      <dl class="about">
        ${about.map(({ label, value }, index) => html`<div>
          <dt>${visible(label)}</dt>
          <dd>${isRequestId(label) ? html`<code>${shortId(value.text)}</code>${iconButton('copy', 'Copy request id', () => asks.copy('requestId'))}` : cellOf(value, { path: ['about', index, 'value'], asks })}</dd>
        </div>`)}
      </dl>
    </header>
    <ol class="layers" tabindex="0" aria-label="Where the call was decided">${layers.map(layerOf)}</ol>`;
}

/** The fact that can be copied. */
function isRequestId(label: string): boolean {
  return label === 'Request id';
}

/** Both ends: ids that were made in the same minute begin alike. */
function shortId(id: string): string {
  return id.length > 20 ? `${visible(id.slice(0, 8))}…${visible(id.slice(-6))}` : visible(id);
}

function layerOf({ name, standing, mark, decides }: LayerStory): TemplateResult {
  return html`<li class=${decides ? `decides decides-${mark}` : ''} aria-current=${decides ? 'true' : nothing}>
    <span class="name">${visible(name)}</span>
    <span class="standing">${mark === 'none' ? icon('dash') : markIcon(mark)}<span>${visible(standing)}</span></span>
  </li>`;
}

/** The sections below the timeline, in their order. */
export function sectionsOf(sections: readonly Section[], folds: Folds, asks: Asks): TemplateResult {
  return html`${repeat(sections, ({ id }) => id, ({ id, title, summary, blocks }, index) => html`
    <section class="section section-${id} ${blocks.length === 0 ? 'bare' : ''}" aria-labelledby="section-${id}">
      <h2 id="section-${id}">${visible(title)} <span class="dim">${visible(summary)}</span></h2>
      ${blocks.map((block, place) => blockOf(block, { path: ['sections', index, 'blocks', place], name: `${id}/${place}`, folds, asks }))}
    </section>`)}`;
}

interface Place {
  readonly path: Path;
  /** Which block it is, whatever other sections hold. */
  readonly name: string;
  readonly folds: Folds;
  readonly asks: Asks;
}

function blockOf(block: Block, place: Place): TemplateResult {
  const { path, asks } = place;
  switch (block.kind) {
    case 'text':
      return html`<p>${cellOf(block.cell, { path: [...path, 'cell'], asks })}</p>`;
    case 'advice':
      return html`<p class="advice">${icon('lightbulb')}${cellOf(block.cell, { path: [...path, 'cell'], asks })}</p>`;
    case 'facts':
      return factsOf(block.facts, { path: [...path, 'facts'], asks });
    case 'list':
      return html`<ul class="list">${block.items.map((item, index) => html`<li>${cellOf(item, { path: [...path, 'items', index], asks })}</li>`)}</ul>`;
    case 'chain':
      return html`<ol class="chain" role="list">${block.hops.map((hop, index) => hopOf(hop, block.hops[index - 1]))}</ol>`;
    case 'action':
      return html`<p><vscode-button secondary @click=${() => asks.act(block.action)}>${visible(block.label)}</vscode-button></p>`;
    case 'table':
      return tableOf(block, place);
  }
}

function hopOf({ application, session, delegation, mark, standing }: ChainHop, before: ChainHop | undefined): TemplateResult {
  const lost = delegation === undefined ? [] : (before?.delegation?.scopes ?? []).filter((scope) => !delegation.scopes.includes(scope));
  return html`<li>
    ${delegation === undefined ? nothing : html`<div class="edge">
      <span class="scopes">${delegation.scopes.map((scope) => html`<span>${visible(scope)}</span>`)}${lost.map((scope) => html`<s><span class="unseen">no longer </span>${visible(scope)}</s>`)}</span>
      <span class="arrow"></span>
      <span class="dim">${visible(delegation.name).split(' ').map((word) => html`<span class="word">${word}</span> `)}</span>
    </div>`}
    <div class="hop"><b>${visible(application)}</b><span class="dim">${visible(session)}</span>${standing === '' ? nothing : html`<span class="standing ${mark}">${markIcon(mark)}<span>${visible(standing)}</span></span>`}</div>
  </li>`;
}

function tableOf({ heads, rows, folded }: Extract<Block, { kind: 'table' }>, { path, name, folds, asks }: Place): TemplateResult {
  // Roles are said, because a narrow panel lays a table out as a list.
  const rowOf = (row: readonly Cell[], rowPath: Path): TemplateResult => html`<tr role="row" class=${row.some(({ isStrong }) => isStrong === true) ? 'strong' : ''}>${row.map((cell, column) =>
    column === 0 ? html`<th role="rowheader" scope="row">${cellOf(cell, { path: [...rowPath, column], asks })}</th>` : html`<td role="cell" data-head=${visible(heads[column] ?? '')}>${cellOf(cell, { path: [...rowPath, column], asks })}</td>`)}</tr>`;
  const isOpen = folds.isOpen(name);
  return html`<table role="table">
    <thead role="rowgroup"><tr role="row">${heads.map((head) => html`<th role="columnheader" scope="col">${wordsOf(head)}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row, index) => rowOf(row, [...path, 'rows', index]))}</tbody>
    ${folded === undefined ? nothing : html`<tbody role="rowgroup">
      <tr role="row" class="fold"><td role="cell" colspan=${heads.length}><button type="button" class="link" aria-expanded=${isOpen ? 'true' : 'false'} @click=${() => folds.toggle(name)}>${icon(isOpen ? 'chevronDown' : 'chevronRight')}${wordsOf(folded.label)}</button></td></tr>
      ${isOpen ? folded.rows.map((row, index) => rowOf(row, [...path, 'folded', 'rows', index])) : nothing}
    </tbody>`}
  </table>`;
}
