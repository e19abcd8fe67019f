/** What the panel of a request and the extension host tell each other. The name of a message is its type, on both sides. */
import type { Fact, Story, StoryAction } from './story.ts';

/** A row of the logs beside the story. */
export interface PanelLogRow {
  /** Its row in the log, which never changes. */
  readonly row: number;
  /** Milliseconds since 1970; null where nobody knows. */
  readonly time: number | null;
  readonly source: string;
  readonly level: string;
  readonly message: string;
  /** Status of HTTP, or `""`. */
  readonly status: string;
  /** `""` where there is none. */
  readonly requestId: string;
  /** It is of this call. */
  readonly isOwn: boolean;
  /** What is true instead of what the line seems to say, or `""`. */
  readonly note: string;
}

/** How the logs beside the story stand. */
export interface PanelLogs {
  /** `10:14:02 to 10:15:45, 5 of 11 lines belong to this call`, or why there are none. */
  readonly summary: string;
  /** All rows of its window. */
  readonly rows: number;
  /** The rows of this call in their order: place among all rows of the window, row in the log, time as in `PanelLogRow`. */
  readonly own: readonly { readonly place: number; readonly row: number; readonly time: number | null; readonly requestId: string }[];
  /** What is silent by design: `STS logs no line for an allowed exchange`. */
  readonly silent: readonly string[];
}

export type ToPanel =
  /** What the panel is about, for VS Code to keep: after a restart it comes back as `subject` of the state of the panel. */
  | { readonly type: 'keepSubject'; readonly subject: unknown }
  | { readonly type: 'showStory'; readonly story: Story; /** It is drawn in the zone of the user. */ readonly timeZone: string }
  /** Nothing to show yet, or the reason why not. */
  | { readonly type: 'showStanding'; readonly text: string; readonly isBusy: boolean }
  | { readonly type: 'showLogs'; readonly logs: PanelLogs }
  | { readonly type: 'showLogRows'; readonly from: number; readonly rows: readonly PanelLogRow[] }
  | { readonly type: 'showLogRecord'; readonly row: number; readonly title: string; readonly facts: readonly Fact[] };

export type FromPanel =
  | { readonly type: 'ready' }
  | { readonly type: 'readLogRows'; readonly from: number; readonly count: number }
  | { readonly type: 'readLogRecord'; readonly row: number }
  /** A link of the story, by where it stands: the host takes it from its own story. */
  | { readonly type: 'follow'; readonly path: readonly (string | number)[] }
  | { readonly type: 'act'; readonly action: StoryAction }
  | { readonly type: 'openLog'; readonly row: number | null }
  | { readonly type: 'copy'; readonly what: 'markdown' | 'requestId' };
