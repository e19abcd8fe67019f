/**
 * What is told of a request, as plain data: the panel draws it, and Markdown is made of it, so that both say the same.
 * Texts are for people; whoever hands a story on masks it first.
 */

/** How something stands; its shape and colour. */
export type Mark = 'passed' | 'failed' | 'warning' | 'waiting' | 'unknown' | 'none';

/** Where a text leads to. */
export type Link =
  /** A line of the user's own source; the line is counted from 0. */
  | { readonly kind: 'place'; readonly path: string; readonly line: number; readonly column: number }
  /** A text that was read, such as that of a policy in the version that decided. */
  | { readonly kind: 'text'; readonly title: string; readonly language: string; readonly text: string }
  /** Two texts to be compared. */
  | { readonly kind: 'difference'; readonly title: string; readonly language: string; readonly before: string; readonly after: string };

/** A piece of text, or something beside a label or in a table. */
export interface Cell {
  readonly text: string;
  readonly mark?: Mark | undefined;
  /** Ids, claims and settings, which are compared letter by letter. */
  readonly isCode?: boolean | undefined;
  readonly isStrong?: boolean | undefined;
  /** The part of the text that differs from its counterpart, from and to. */
  readonly differs?: readonly [from: number, to: number] | undefined;
  readonly link?: Link | undefined;
}

export interface Fact {
  readonly label: string;
  readonly value: Cell;
}

/** One place of a Delegation chain, and how the authority came to it. */
export interface ChainHop {
  readonly application: string;
  /** `Session …a41c07`. */
  readonly session: string;
  /** Undefined for the first one. */
  readonly delegation: { readonly name: string; readonly scopes: readonly string[] } | undefined;
  /** Failed where the Session or the Delegation is dead, with the words. */
  readonly mark: Mark;
  readonly standing: string;
}

export type Block =
  | { readonly kind: 'text'; readonly cell: Cell }
  /** What to do about what stands above it. */
  | { readonly kind: 'advice'; readonly cell: Cell }
  | { readonly kind: 'facts'; readonly facts: readonly Fact[] }
  | { readonly kind: 'table'; readonly heads: readonly string[]; readonly rows: readonly (readonly Cell[])[]; /** What folds the rows that are all well; they stand in the same columns. */ readonly folded?: { readonly label: string; readonly rows: readonly (readonly Cell[])[] } | undefined }
  | { readonly kind: 'chain'; readonly hops: readonly ChainHop[] }
  | { readonly kind: 'list'; readonly items: readonly Cell[] }
  | { readonly kind: 'action'; readonly label: string; readonly action: StoryAction };

/** What the user can start from the panel. */
export const storyActions = ['readVerifiers', 'typeVerifier', 'pasteMandate', 'simulate'] as const;
export type StoryAction = (typeof storyActions)[number];

/** Always all of them, in this order. */
export const sectionIds = ['delegation', 'approval', 'verifier', 'state', 'policy', 'explanation', 'hops', 'notRecorded'] as const;
export type SectionId = (typeof sectionIds)[number];

export interface Section {
  readonly id: SectionId;
  readonly title: string;
  /** Beside the title; all that there is to say where a section has no blocks. */
  readonly summary: string;
  readonly blocks: readonly Block[];
}

/** One of the six, in their order: before policy to resource. */
export interface LayerStory {
  readonly name: string;
  readonly standing: string;
  readonly mark: Mark;
  /** It decided. */
  readonly decides: boolean;
}

export interface TimelineItem {
  /** Of its event, or of the stretch that it stands for. */
  readonly id: string;
  /** Place in `lanes`. */
  readonly lane: number;
  /** `mint held`, `44 ms`. */
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  /** Where a duration is real; undefined for a moment. */
  readonly until: number | undefined;
  /** The wait of a hold. */
  readonly isWait: boolean;
  readonly mark: Mark;
  /** `""` where there is none. */
  readonly requestId: string;
  /** It is of the request that was asked for. */
  readonly isAskedFor: boolean;
  /** Everything that is known of it, for the table and the details. */
  readonly details: readonly Fact[];
}

export interface TimelineJoin {
  /** Ids of items. */
  readonly from: string;
  readonly to: string;
  readonly key: string;
  readonly certainty: 'certain' | 'likely';
}

export interface Timeline {
  /** `10 events from 7 requests; 9 joins certain, 1 likely`, or why there is none. */
  readonly summary: string;
  readonly lanes: readonly string[];
  /** In causal order. */
  readonly items: readonly TimelineItem[];
  readonly joins: readonly TimelineJoin[];
}

export interface Story {
  /** `billing-api 401 · …f90ae7`. */
  readonly title: string;
  readonly mark: Mark;
  readonly sentence: string;
  readonly more: readonly string[];
  /** What it is about: resource, Application, zone, time, request id. */
  readonly about: readonly Fact[];
  readonly layers: readonly LayerStory[];
  readonly timeline: Timeline;
  readonly sections: readonly Section[];
}
