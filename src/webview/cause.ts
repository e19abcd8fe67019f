import { LitElement, html } from 'lit';
import type { TemplateResult } from 'lit';
import type { CauseStory, FromCausePage, ToCausePage } from '../ui/cause/causeMessages.ts';
import { candidatesOf, evidenceOf, headOf, pathOf, remediesOf } from './causeView.ts';
import { visible } from './text.ts';

/** Where the user is, while the page is hidden. */
interface Kept {
  readonly cause: string;
  /** Pixels. */
  readonly top: number;
}

declare function acquireVsCodeApi(): { postMessage(message: FromCausePage): void; getState(): Kept | undefined; setState(state: Kept): void };

const host = acquireVsCodeApi();

/** A cause: why it is the one, and what can be done about it. */
class CauseView extends LitElement {
  #story: CauseStory | undefined;
  #nothing = '';
  /** What a screen reader says, because it is new. */
  #said = '';
  /** The remedy that the keyboard is at. */
  #focused: string | undefined;
  /** The cause that the page is scrolled for. */
  #scrolledFor: string | undefined;
  #goesToRemedy = false;

  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('message', ({ data }: MessageEvent<ToCausePage>) => this.#hear(data));
    host.postMessage({ type: 'ready' });
  }

  #hear(message: ToCausePage): void {
    if (message.type === 'goToRemedy') {
      this.#goesToRemedy = true;
      this.requestUpdate();
      return;
    }
    const before = this.#story;
    this.#story = message.type === 'showStory' ? message.story : undefined;
    this.#nothing = message.type === 'showNothing' ? message.text : '';
    this.#said = news(before, this.#story);
    this.requestUpdate();
  }

  readonly #post = (message: FromCausePage): void => {
    host.postMessage(message);
    if (message.type !== 'copyCommand') return;
    this.#said = 'Copied';
    this.requestUpdate();
  };

  override willUpdate(): void {
    this.#focused = document.activeElement?.closest<HTMLElement>('[data-remedy]')?.dataset['remedy'];
  }

  override render(): TemplateResult {
    const story = this.#story;
    if (story === undefined) return html`<main aria-label="Cause"><div role="status"><h1 class="waiting">${visible(this.#nothing)}</h1></div></main>`;
    return html`<main aria-label="Cause" @scroll=${this.#keep}>
        ${headOf(story)}
        ${candidatesOf(story, this.#post)}
        ${evidenceOf(story, this.#post)}
        ${pathOf(story, this.#post)}
        ${remediesOf(story, this.#post)}
        <footer class="dim">Times in ${visible(story.timeZone)}.</footer>
      </main>
      <div class="unseen" role="status">${visible(this.#said)}</div>`;
  }

  override updated(): void {
    if (this.#story === undefined) return;
    const { cause } = this.#story;
    if (this.#scrolledFor !== cause) {
      const kept = host.getState();
      this.#pane?.scrollTo(0, kept?.cause === cause ? kept.top : 0);
      // Whoever went on to another cause reads it from its beginning.
      if (this.#scrolledFor !== undefined) this.querySelector('h1')?.focus();
      this.#scrolledFor = cause;
    } else if (this.#focused !== undefined && document.activeElement === document.body) {
      // What had the focus is gone, because a remedy has begun: what became of it takes its place.
      this.querySelector<HTMLElement>(`[data-remedy="${CSS.escape(this.#focused)}"] .status > p`)?.focus();
    }
    if (this.#goesToRemedy) {
      const heading = this.querySelector<HTMLElement>('[data-remedy] h2');
      heading?.closest('section')?.scrollIntoView();
      heading?.focus({ preventScroll: true });
    }
    this.#goesToRemedy = false;
  }

  get #pane(): HTMLElement | null {
    return this.querySelector('main');
  }

  readonly #keep = (): void => {
    if (this.#story !== undefined) host.setState({ cause: this.#story.cause, top: this.#pane?.scrollTop ?? 0 });
  };
}

/** What of a cause has become otherwise while it was looked at. */
function news(before: CauseStory | undefined, now: CauseStory | undefined): string {
  if (before === undefined || now === undefined || before.cause !== now.cause) return '';
  const told = now.remedies.map(({ id, status }) => (status?.text === before.remedies.find((card) => card.id === id)?.status?.text ? '' : (status?.text ?? '')));
  return [...told, now.notice === before.notice ? '' : now.notice].filter(Boolean).join(' ');
}

customElements.define('caracal-cause', CauseView);
document.body.append(document.createElement('caracal-cause'));
