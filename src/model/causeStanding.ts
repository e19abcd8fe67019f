/**
 * How sure a cause is. `confirmed`: an answer that only it gives was seen. `likely`: it explains what was
 * seen better than all others, and what would confirm it could not be looked at. `possible`: others explain
 * as much. `past`: what brought it about is over, and its mark remains.
 */
export const causeStandings = ['confirmed', 'likely', 'possible', 'past'] as const;

export type CauseStanding = (typeof causeStandings)[number];

/** Whether a cause is said to be the one: what is only possible is not. */
export function isNamed({ standing }: { readonly standing: CauseStanding }): boolean {
  return standing !== 'possible';
}
