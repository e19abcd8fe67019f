import { outline as add } from '@vscode/codicons/src/icons/add.svg';
import { outline as arrowRight } from '@vscode/codicons/src/icons/arrow-right.svg';
import { outline as circleSmall } from '@vscode/codicons/src/icons/circle-small.svg';
import { outline as close } from '@vscode/codicons/src/icons/close.svg';
import { outline as copy } from '@vscode/codicons/src/icons/copy.svg';
import { outline as chevronDown } from '@vscode/codicons/src/icons/chevron-down.svg';
import { outline as chevronRight } from '@vscode/codicons/src/icons/chevron-right.svg';
import { outline as clockface } from '@vscode/codicons/src/icons/clockface.svg';
import { outline as dash } from '@vscode/codicons/src/icons/dash.svg';
import { outline as error } from '@vscode/codicons/src/icons/error.svg';
import { outline as goToFile } from '@vscode/codicons/src/icons/go-to-file.svg';
import { outline as history } from '@vscode/codicons/src/icons/history.svg';
import { outline as lightbulb } from '@vscode/codicons/src/icons/lightbulb.svg';
import { outline as markdown } from '@vscode/codicons/src/icons/markdown.svg';
import { outline as pass } from '@vscode/codicons/src/icons/pass.svg';
import { outline as question } from '@vscode/codicons/src/icons/question.svg';
import { outline as table } from '@vscode/codicons/src/icons/table.svg';
import { outline as warning } from '@vscode/codicons/src/icons/warning.svg';
import { outline as zap } from '@vscode/codicons/src/icons/symbol-event.svg';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { Mark } from '../trace/story.ts';

const outlines = { add, arrowRight, chevronDown, chevronRight, circleSmall, clockface, close, copy, dash, error, goToFile, history, lightbulb, markdown, pass, question, table, warning, zap };
export type IconName = keyof typeof outlines;

/** An icon that only repeats what stands beside it. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d=${outlines[name]} /></svg>`;
}

const markIcons: Readonly<Record<Exclude<Mark, 'none'>, IconName>> = { passed: 'pass', failed: 'error', warning: 'warning', waiting: 'clockface', unknown: 'question' };

/** How something stands, as a shape that screen readers say; nothing for `none`. */
export function markIcon(mark: Mark | undefined): TemplateResult | typeof nothing {
  if (mark === undefined || mark === 'none') return nothing;
  return html`<svg class="icon mark-${mark}" viewBox="0 0 16 16" role="img" aria-label=${mark}><path fill-rule="evenodd" d=${outlines[markIcons[mark]]} /></svg>`;
}
