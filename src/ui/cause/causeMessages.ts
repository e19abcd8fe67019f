/**
 * What the panel of a cause shows, as plain data, and what its page and the extension host tell each other. The name
 * of a message is its type, on both sides. Texts are for people; the host masks them before it sends them.
 */
import type { Mark } from '../../trace/story.ts';

/** A check, and how it is called: `Redis › Reachable`. */
export interface NamedCheck {
  readonly check: string;
  readonly name: string;
}

/** The way to the raw record of a check. */
export interface RecordLink {
  readonly check: string;
  /** `Redis, 14:06:24` */
  readonly label: string;
  /** The whole moment with the clock that it came from. */
  readonly hint: string;
}

/** Something that was seen, or looked for. */
export interface EvidenceLine {
  readonly words: string;
  /** When it began: `since 14:02:11`; `""` where that is not known. */
  readonly since: string;
  readonly seen: 'seen' | 'not seen' | 'cannot look';
  /** It is the answer that only this cause gives. */
  readonly confirms: boolean;
  readonly link: RecordLink | null;
}

/** What was considered: named, possible, ruled out, or no cause at all. */
export interface Candidate {
  /** `①`, or `""`. */
  readonly sign: string;
  readonly title: string;
  /** `confirmed`, `ruled out`, `not a cause` */
  readonly standing: string;
  /** What it explains, what left it behind, or why it is not the one. */
  readonly reason: string;
  /** Id of a cause that can be shown instead of the shown one. */
  readonly cause: string | null;
  readonly isShown: boolean;
  readonly link: RecordLink | null;
}

/** A step of the way from the cause to what a person sees. */
export interface PathStep {
  readonly title: string;
  readonly words: string;
  readonly since: string;
  readonly link: RecordLink | null;
}

/** A check that is otherwise than before. */
export interface Change extends NamedCheck {
  readonly before: { readonly mark: Mark; readonly text: string };
  readonly after: { readonly mark: Mark; readonly text: string };
}

/** What became of a remedy. */
export interface RemedyStatus {
  readonly mark: Mark;
  /** `Started at 14:09:31. Checking…` */
  readonly text: string;
  readonly changes: readonly Change[];
}

export interface RemedyCard {
  readonly id: string;
  /** `start Redis` */
  readonly title: string;
  /** Its place in the order of recovery, which is that in `places`. */
  readonly place: number;
  /** What the button says; null where the tool cannot do it, or where it has nothing to do any more. */
  readonly button: string | null;
  /** Why the button cannot be pressed; `""` where it can. */
  readonly hindrance: '' | 'untrusted' | 'busy';
  /** What is to be done before, in the place of the button: `first: ① start Redis`, and the id of the cause that it is for. */
  readonly first: { readonly words: string; readonly cause: string | null } | null;
  readonly commands: readonly string[];
  readonly advice: string;
  readonly dryRun: string | null;
  readonly changes: string;
  readonly risk: string;
  readonly provedBy: readonly NamedCheck[];
  /** Whether the checks that prove it run by themselves, or when the user says so; `no` where there is nothing to prove any more. */
  readonly proofRuns: 'by themselves' | 'when asked' | 'no';
  readonly stillOpen: readonly string[];
  readonly status: RemedyStatus | null;
}

export interface CauseStory {
  /** Id of the cause. */
  readonly cause: string;
  /** `Redis is stopped`; of one that is not confirmed `Likely: Redis is stopped`. */
  readonly title: string;
  /** Title of the tab: `Cause: Redis is stopped`. */
  readonly tab: string;
  /** How sure it is, as the colour of its icon. */
  readonly mark: 'sure' | 'unsure' | 'gone';
  /** One or two sentences: what was seen of it, what it does, what it explains. */
  readonly sentence: string;
  /** What the reader must know before: that it is no longer seen, or that it is not confirmed. `""` for nothing. */
  readonly notice: string;
  readonly candidates: readonly Candidate[];
  /** Red, and explained by none of them. */
  readonly unexplained: readonly NamedCheck[];
  /** The check that would tell the candidates apart. */
  readonly next: { readonly check: string; readonly words: string } | null;
  readonly speaksFor: readonly EvidenceLine[];
  readonly speaksAgainst: { /** `0 of 3 seen` */ readonly summary: string; readonly lines: readonly EvidenceLine[] };
  readonly path: readonly PathStep[];
  /** The order of recovery. */
  readonly places: readonly string[];
  readonly remedies: readonly RemedyCard[];
  /** `Europe/Berlin` */
  readonly timeZone: string;
}

export type ToCausePage =
  | { readonly type: 'showStory'; readonly story: CauseStory }
  /** There is nothing to show, and why. */
  | { readonly type: 'showNothing'; readonly text: string }
  /** The user wants to see what can be done. */
  | { readonly type: 'goToRemedy' };

export type FromCausePage =
  | { readonly type: 'ready' }
  /** The raw record of a check. */
  | { readonly type: 'showRecord'; readonly check: string }
  | { readonly type: 'showInTree'; readonly check: string }
  | { readonly type: 'showCause'; readonly cause: string }
  /** The weights of all candidates. */
  | { readonly type: 'showOrder' }
  | { readonly type: 'runCheck'; readonly check: string }
  | { readonly type: 'runRemedy'; readonly remedy: string }
  /** The checks that tell whether a remedy worked that somebody carried out. */
  | { readonly type: 'runProof'; readonly remedy: string }
  | { readonly type: 'manageTrust' }
  /** A command of a remedy, by its place among them; null: its dry run. */
  | { readonly type: 'copyCommand'; readonly remedy: string; readonly place: number | null };
