/** How much each kind of evidence counts. Few, the same for every cause, and told in the report. */
export interface Weights {
  /** It is seen itself, and no cause before it explains that. */
  readonly seen: number;
  /** A failure that it explains and no other does; shared by those that explain it. */
  readonly failure: number;
  /** The same for a warning, or for what could not be told. */
  readonly warning: number;
  /** Something is well that it would break. */
  readonly contradiction: number;
  /** A message of a log that speaks for it. */
  readonly message: number;
  /** It began before all that it explains. */
  readonly onset: number;
  /** Its component was changed shortly before. */
  readonly change: number;
  /** The least score of a cause. */
  readonly least: number;
  /** By so much a cause must be ahead of the next one that explains the same, where it was not seen itself. */
  readonly margin: number;
}

export const weights: Weights = { seen: 3, failure: 1, warning: 0.5, contradiction: 2, message: 0.5, onset: 0.25, change: 0.25, least: 0.75, margin: 0.5 };
