import '@vscode-elements/elements/dist/vscode-button/index.js';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Candidate, CauseStory, Change, EvidenceLine, FromCausePage, NamedCheck, PathStep, RecordLink, RemedyCard, RemedyStatus } from '../ui/cause/causeMessages.ts';
import { iconButton, linkTo, wordsOf } from './cells.ts';
import { icon, markIcon } from './icons.ts';
import { count, visible } from './text.ts';

export type Post = (message: FromCausePage) => void;

/** So many changed checks are shown at once; the others fold. */
const mostChanges = 8;

/** The cause, and one or two sentences about it. */
export function headOf({ title, mark, sentence, notice }: CauseStory): TemplateResult {
  return html`<header class="head">
    <h1 tabindex="0" class="cause-${mark}">${icon('zap')}<span>${visible(title)}</span></h1>
    <p>${signed(sentence)}</p>
    ${notice === '' ? nothing : html`<p class="notice">${icon(mark === 'gone' ? 'history' : 'question')}<span>${signed(notice)}</span></p>`}
  </header>`;
}

/** Everything that was considered, in rank order. */
export function candidatesOf({ candidates, unexplained, next }: CauseStory, post: Post): TemplateResult {
  // Roles are said, because a narrow panel lays a table out as a list.
  return html`<section class="section" aria-labelledby="candidates">
    <div class="over"><h2 id="candidates">Candidates</h2>${linkTo('Why this order', () => post({ type: 'showOrder' }))}</div>
    ${candidates.length === 0 ? html`<p class="dim">No cause is seen now.</p>` : html`<table role="table" class="candidates">
      <colgroup><col class="number"><col class="title"><col class="standing"><col></colgroup>
      <thead role="rowgroup" class="unseen"><tr role="row">${['Number', 'Cause', 'Standing', 'Why'].map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
      <tbody role="rowgroup">${candidates.map((candidate) => candidateOf(candidate, post))}</tbody>
    </table>`}
    ${unexplained.length === 0 ? nothing : html`<p class="left">${icon('question')}<span>Unexplained: ${checksOf(unexplained, (check) => post({ type: 'showRecord', check }))}</span></p>`}
    ${next === null ? nothing : html`<p class="next">${icon('arrowRight')}<span><b>Next:</b> ${signed(next.words)}</span><vscode-button secondary @click=${() => post({ type: 'runCheck', check: next.check })}>Run Check</vscode-button></p>`}
  </section>`;
}

function candidateOf({ sign, title, standing, reason, cause, isShown, link }: Candidate, post: Post): TemplateResult {
  return html`<tr role="row" class="${isShown ? 'shown' : ''} ${sign === '' ? 'receding' : ''}" aria-current=${isShown ? 'true' : nothing}>
    <td role="cell" class="number">${signed(sign)}</td>
    <th role="rowheader" scope="row">${cause === null ? wordsOf(title) : linkTo(wordsOf(title), () => post({ type: 'showCause', cause }))}</th>
    <td role="cell" class="standing">${visible(standing)}</td>
    <td role="cell" class="reason"><span class="line"><span class="words">${signed(reason)}</span>${recordOf(link, title, post)}</span></td>
  </tr>`;
}

/** What speaks for the cause, and what would speak against it. */
export function evidenceOf({ speaksFor, speaksAgainst }: CauseStory, post: Post): TemplateResult {
  return html`<div class="section two">
    <section aria-labelledby="for"><h2 id="for">Speaks for it <span class="dim">${speaksFor.length}</span></h2>${linesOf(speaksFor, true, post)}</section>
    <section aria-labelledby="against"><h2 id="against">Would speak against it <span class="dim">${speaksAgainst.summary}</span></h2>
      ${speaksAgainst.lines.length === 0 ? html`<p class="dim">Nothing is known that would.</p>` : linesOf(speaksAgainst.lines, false, post)}
    </section>
  </div>`;
}

function linesOf(lines: readonly EvidenceLine[], isFor: boolean, post: Post): TemplateResult {
  return html`<ul class="evidence">${lines.map(({ words, since, seen, confirms, link }) => html`<li class=${seen.replace(' ', '-')}>
    ${isFor ? icon('add') : seen === 'seen' ? icon('close') : seen === 'not seen' ? icon('circleSmall') : icon('question')}
    <span class="words">${isFor ? nothing : html`<span class="unseen">${seen}: </span>`}${signed(words)}${confirms ? html` <b>(confirms it)</b>` : nothing}${
      seen === 'cannot look' ? html` <span class="dim">(cannot look)</span>` : nothing}${since === '' ? nothing : html` <span class="dim">${since}</span>`}</span>
    ${recordOf(link, words, post)}
  </li>`)}</ul>`;
}

/** The way from the cause to what a person sees. */
export function pathOf({ path }: CauseStory, post: Post): TemplateResult {
  return html`<section class="section" aria-labelledby="path"><h2 id="path">From cause to symptom</h2>
    <ol class="path" role="list">${path.map((step, index) => stepOf(step, index > 0, post))}</ol>
  </section>`;
}

function stepOf({ title, words, since, link }: PathStep, isLater: boolean, post: Post): TemplateResult {
  return html`<li>${isLater ? icon('chevronRight') : nothing}<div><b>${signed(title)}</b>
    ${words === '' ? nothing : html`<span>${signed(words)}</span>`}
    <span class="dim">${since} ${recordOf(link, title, post)}</span></div></li>`;
}

/** What can be done about it. */
export function remediesOf({ remedies, places }: CauseStory, post: Post): TemplateResult {
  if (remedies.length === 0) return html`<section class="section"><h2>Remedy <span class="dim">none is known for this cause</span></h2></section>`;
  return html`${repeat(remedies, ({ id }) => id, (card) => cardOf(card, places, post))}`;
}

function cardOf(card: RemedyCard, places: readonly string[], post: Post): TemplateResult {
  const { id, title, advice, commands, dryRun, changes, risk, stillOpen, status } = card;
  const name = `remedy-${id}`;
  const copy = (place: number | null): void => post({ type: 'copyCommand', remedy: id, place });
  return html`<section class="remedy" aria-labelledby=${name} data-remedy=${id}>
    <div class="top">
      <h2 id=${name} tabindex="-1">${icon('lightbulb')}<span>Remedy: ${visible(title)}</span></h2>
      <ol class="places" aria-label="Order of recovery">${places.map((place, index) => html`<li aria-current=${index === card.place ? 'step' : nothing}>${index === 0 ? nothing : icon('chevronRight')}<span>${index + 1} ${place}</span></li>`)}</ol>
      ${actionOf(card, post)}
    </div>
    ${status === null ? nothing : statusOf(status, post)}
    ${advice === '' ? nothing : html`<p>${visible(advice)}</p>`}
    ${commands.map((command, place) => commandOf(command, 'Copy command', () => copy(place)))}
    <dl class="facts">
      ${dryRun === null ? nothing : html`<div><dt>Dry run</dt><dd>${commandOf(dryRun, 'Copy dry run', () => copy(null))}</dd></div>`}
      <div><dt>Changes</dt><dd>${visible(changes)}</dd></div>
      <div><dt>Risk</dt><dd>${visible(risk)}</dd></div>
      <div><dt>Proved by</dt><dd>${proofOf(card, post)}</dd></div>
      <div><dt>Still open after</dt><dd>${stillOpen.length === 0 ? 'nothing that is known' : stillOpen.length === 1 ? visible(stillOpen[0] ?? '') : html`<ul class="list">${stillOpen.map((each) => html`<li>${visible(each)}</li>`)}</ul>`}</dd></div>
    </dl>
  </section>`;
}

function proofOf({ id, provedBy, proofRuns }: RemedyCard, post: Post): TemplateResult | string {
  if (provedBy.length === 0) return 'nothing that this tool can look at';
  const isOne = provedBy.length === 1;
  const runs = {
    'by themselves': html`<span class="dim">; ${isOne ? 'it re-runs by itself' : 'they re-run by themselves'}</span>`,
    'when asked': html`<span class="dim">; ${linkTo(isOne ? 'run it' : 'run them', () => post({ type: 'runProof', remedy: id }))} when it is done</span>`,
    no: nothing,
  }[proofRuns];
  return html`${checksOf(provedBy, (check) => post({ type: 'showInTree', check }))}${runs}`;
}

function actionOf({ id, button, hindrance, first }: RemedyCard, post: Post): TemplateResult | typeof nothing {
  if (first !== null) {
    const { words, cause } = first;
    return html`<span class="action">${cause === null ? html`<span class="dim">${signed(words)}</span>` : linkTo(signed(words), () => post({ type: 'showCause', cause }))}</span>`;
  }
  if (button === null) return nothing;
  const press = (): void => {
    // A disabled element of a library is still clicked.
    if (hindrance === '') post({ type: 'runRemedy', remedy: id });
  };
  return html`<span class="action">
    ${hindrance === 'untrusted' ? linkTo('Trust this workspace to run remedies', () => post({ type: 'manageTrust' })) : nothing}
    <vscode-button ?disabled=${hindrance !== ''} aria-disabled=${hindrance === '' ? nothing : 'true'} @click=${press}>${visible(button)}</vscode-button>
  </span>`;
}

function statusOf({ mark, text, changes }: RemedyStatus, post: Post): TemplateResult {
  const [shown, folded] = [changes.slice(0, mostChanges), changes.slice(mostChanges)];
  return html`<div class="status status-${mark}">
    <p tabindex="-1">${markIcon(mark)}<span>${visible(text)}</span></p>
    ${shown.length === 0 ? nothing : html`<h3>What changed <span class="dim">${count(changes.length, 'check')}</span></h3>${changesOf(shown, post)}`}
    ${folded.length === 0 ? nothing : html`<details><summary>${count(folded.length, 'more check')}</summary>${changesOf(folded, post)}</details>`}
  </div>`;
}

function changesOf(changes: readonly Change[], post: Post): TemplateResult {
  return html`<ul class="changes">${repeat(changes, ({ check }) => check, ({ check, name, before, after }) => html`<li>
    ${linkTo(visible(name), () => post({ type: 'showRecord', check }))}
    <span class="from">${markIcon(before.mark)}<span>${visible(before.text)}</span></span>
    <span class="to"><span aria-hidden="true">→</span><span class="unseen"> became </span>${markIcon(after.mark)}<span>${visible(after.text)}</span></span>
  </li>`)}</ul>`;
}

function commandOf(command: string, label: string, copy: () => void): TemplateResult {
  return html`<div class="command"><pre tabindex="0" aria-label="Command">${visible(command)}</pre>${iconButton('copy', label, copy)}</div>`;
}

function checksOf(checks: readonly NamedCheck[], open: (check: string) => void): TemplateResult {
  return html`${checks.map(({ check, name }, index) => html`${index === 0 ? '' : ', '}${linkTo(visible(name), () => open(check))}`)}`;
}

function recordOf(link: RecordLink | null, about: string, post: Post): TemplateResult | typeof nothing {
  if (link === null) return nothing;
  return linkTo(visible(link.label), () => post({ type: 'showRecord', check: link.check }), { hint: link.hint, name: `Observation ${link.label}, of ${about}` });
}

/** The first and the last of the signs of causes: ① to ⑳. */
const signs = /([\u2460-\u2473])/u;

/** A text in which the signs of causes are drawn as numbers in a circle, which are said as such. */
function signed(text: string): TemplateResult {
  const parts = visible(text).split(signs);
  return html`${parts.map((part) => (signs.test(part) ? html`<span class="sign" role="img" aria-label="cause ${(part.codePointAt(0) ?? 0) - 0x245f}">${(part.codePointAt(0) ?? 0) - 0x245f}</span>` : part))}`;
}
