/** Where in Caracal something that a person saw can come from. */
export interface Place {
  /** As a person would say it: `The Gateway saw this mandate before`. */
  readonly words: string;
  /** Id of the symptom that it belongs to. */
  readonly symptom: string;
  /** Checks that are red where it is this place, those that tell most first. */
  readonly seenAt: readonly string[];
  /** What tells it from the other places, as what follows "where"; undefined where only its checks do. */
  readonly tells?: string;
}

/** `place('sts-exchange', 'Policy denied it', ['SVC-012'])`: checks without the letters that all of them begin with. */
export function place(symptom: string, words: string, seenAt: readonly string[] = [], tells?: string): Place {
  return { words, symptom, seenAt: seenAt.map((id) => `CRC-${id}`), ...(tells === undefined ? {} : { tells }) };
}

/** Checks of each store: what every service needs of it. */
export const postgresChecks = ['STO-001', 'STO-002'] as const;
export const redisChecks = ['STO-020', 'STO-021', 'STO-027', 'STO-031'] as const;
/** Checks of the STS as others need it: there, itself, and not refusing. */
export const stsChecks = ['RDY-011', 'RDY-012', 'RDY-014'] as const;
