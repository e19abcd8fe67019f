import * as z from 'zod';

/** A row of a chain, by its place, and when it was written: ISO 8601, clock of Postgres (ledger) or of the writer (admin audit). */
const mark = z.object({ seq: z.number().int(), at: z.string() });

/** How many rows are in a state, and the oldest and newest of them. */
const some = z.object({ rows: z.number().int().positive(), first: mark, last: mark });

/** Gaps and the like that are told one by one; a chain with more is no better known by them. */
const told = 20;

/** What the newest rows of a chain say, and single rows further back: never what is in them. */
export const chainFacts = z.object({
  name: z.string(),
  /** The lowest row that is kept, and the highest; null when the chain has none. */
  first: mark.nullable(),
  newest: mark.nullable(),
  /** The oldest of the newest rows. */
  edge: mark.nullable(),
  /** Newest rows, read one after another. */
  recent: z.number().int(),
  /** Rows further back, read one by one. */
  older: z.number().int(),
  /** Where `chain_seq` leaves numbers out: the rows beside the gap. At most 20. */
  gaps: z.array(z.object({ after: mark, before: mark })),
  /** Rows with the `chain_seq` of another one. At most 20. */
  repeated: z.array(mark),
  /** Whether `content_sha256` is the hash of the row. `unread`: too long to be fetched, or of a form that cannot be rebuilt. */
  content: z.partialRecord(z.enum(['same', 'differs', 'unread']), some),
  /** Rows whose `prev_content_sha256` is not the hash of the row before. At most 20. */
  unlinked: z.array(mark),
  /** Whether `chain_hmac` is made with the key in hand. `exempt`: unsigned on purpose. Empty without a key. */
  signatures: z.partialRecord(z.enum(['verified', 'other', 'unsigned', 'exempt']), some),
  /** The oldest row that does not verify although an older one does. */
  unverified: mark.nullable(),
});

/** The key of the chains, as the target gives it. */
export const keyState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('given') }),
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('unusable'), why: z.string(), wayOut: z.string() }),
]);

export type KeyState = z.infer<typeof keyState>;
export type Mark = z.infer<typeof mark>;
export type ChainFacts = z.infer<typeof chainFacts>;
export type Some = z.infer<typeof some>;

/** What an observer found out about one row. */
export interface ChainRow extends Mark {
  /** One of the newest rows, which are read without leaving any out. */
  readonly recent: boolean;
  readonly content: keyof ChainFacts['content'];
  readonly contentSha256: string | null;
  readonly previousSha256: string | null;
  /** Undefined without a key. */
  readonly signature: keyof ChainFacts['signatures'] | undefined;
}

/** Sums up the rows of one chain, whatever their order. */
export function sumUp(name: string, rows: readonly ChainRow[]): ChainFacts {
  const recent = rows.filter((row) => row.recent).sort((left, right) => left.seq - right.seq);
  const [edge] = recent;
  // The lowest row may stand among the newest ones as well.
  const older = rows.filter((row) => !row.recent && edge !== undefined && row.seq < edge.seq).sort((left, right) => left.seq - right.seq);
  const all = [...older, ...recent];
  const pairs = recent.slice(1).map((row, index) => [recent[index] ?? row, row] as const);
  const hashes = new Map<number, (string | null)[]>();
  for (const { seq, contentSha256 } of all) hashes.set(seq, [...(hashes.get(seq) ?? []), contentSha256]);
  const verified = all.findIndex(({ signature }) => signature === 'verified');
  return {
    name,
    first: markOf(all[0]),
    newest: markOf(all.at(-1)),
    edge: markOf(edge),
    recent: recent.length,
    older: older.length,
    gaps: pairs.filter(([before, row]) => row.seq > before.seq + 1).slice(0, told).map(([after, before]) => ({ after: at(after), before: at(before) })),
    repeated: pairs.filter(([before, row]) => row.seq === before.seq).slice(0, told).map(([, row]) => at(row)),
    content: tally(all, ({ content }) => content),
    unlinked: all.filter((row) => !isLinked(row, hashes)).slice(0, told).map(at),
    signatures: tally(all, ({ signature }) => signature),
    unverified: markOf(verified === -1 ? undefined : all.slice(verified).find(({ signature }) => signature === 'other' || signature === 'unsigned')),
  };
}

/** A row follows the one before it, if that was read; the first row of a chain follows none, and no other row does. */
function isLinked(row: ChainRow, hashes: ReadonlyMap<number, readonly (string | null)[]>): boolean {
  const before = hashes.get(row.seq - 1);
  return before ? before.includes(row.previousSha256) : (row.previousSha256 === null) === (row.seq === 1);
}

function tally<State extends string>(rows: readonly ChainRow[], stateOf: (row: ChainRow) => State | undefined): Partial<Record<State, Some>> {
  const found: Partial<Record<State, Some>> = {};
  for (const row of rows) {
    const state = stateOf(row);
    if (state === undefined) continue;
    const before = found[state];
    found[state] = { rows: (before?.rows ?? 0) + 1, first: before?.first ?? at(row), last: at(row) };
  }
  return found;
}

const at = ({ seq, at: when }: Mark): Mark => ({ seq, at: when });

function markOf(row: Mark | undefined): Mark | null {
  return row ? at(row) : null;
}
