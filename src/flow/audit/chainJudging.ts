import type { Fact, Finding, Judgement } from '../../model/check.ts';
import { finding } from '../judging.ts';
import { count } from '../words.ts';
import type { ChainFacts, KeyState, Mark } from './chain.ts';

/** What is said of one chain; a check speaks of several and shows the worst. */
export interface Said {
  readonly status: Finding['status'];
  readonly summary: string;
  readonly reasoning: string;
  readonly facts: readonly Fact[];
}

const worstFirst: readonly Finding['status'][] = ['fail', 'warn', 'unknown', 'pass', 'not-applicable'];

/** The judgement on several chains: the summary of the worst, the facts of all. */
export function together(all: readonly Said[]): Judgement {
  const facts = all.flatMap((said) => said.facts);
  const [worst] = [...all].sort((left, right) => worstFirst.indexOf(left.status) - worstFirst.indexOf(right.status));
  return worst ? finding(worst.status, worst.summary, worst.reasoning, facts) : finding('not-applicable', 'no chain', 'There is none to look at.');
}

/** `chain_seq 1187`, `chain_seq 1187 and 3 more`. */
export function named(rows: number, { seq }: Mark): string {
  return rows === 1 ? `chain_seq ${seq}` : `chain_seq ${seq} and ${rows - 1} more`;
}

export function hasRows({ first }: ChainFacts): boolean {
  return first !== null;
}

/** `200 rows, chain_seq 1004 to 1203, and 6 older ones back to 1`. */
export function extent({ first, edge, newest, recent, older }: ChainFacts): string {
  const further = older === 0 ? '' : `, and ${count(older, 'older one')} back to ${first?.seq ?? 0}`;
  return `${count(recent, 'row')}, chain_seq ${edge?.seq ?? 0} to ${newest?.seq ?? 0}${further}`;
}

export function noRows(chain: ChainFacts): Said {
  return { status: 'not-applicable', summary: 'no row yet', reasoning: 'The chain begins with its first row.', facts: [{ name: chain.name, value: 'no row' }] };
}

/** What the hashes and links of a chain say, for a chain whose rows nobody may have hashed otherwise. */
export function contentSaid(chain: ChainFacts): Said {
  const { differs, same, unread } = chain.content;
  const facts: Fact[] = [{ name: chain.name, value: `${count(same?.rows ?? 0, 'row')} recomputed: ${extent(chain)}` }];
  if (unread) facts.push({ name: `${chain.name}, not recomputed`, value: `${named(unread.rows, unread.first)}: too long, or of a form that is not of Caracal 1.0` });
  if (differs) {
    facts.push({ name: `${chain.name}, differs`, value: `chain_seq ${differs.first.seq}, written ${differs.first.at}` });
    return {
      status: 'fail',
      summary: `${named(differs.rows, differs.first)} ${differs.rows === 1 ? 'differs' : 'differ'} from its hash`,
      reasoning: 'content_sha256 is not the hash of what the row holds now. Services may insert and not change rows, so that the owner of the database changed it.',
      facts,
    };
  }
  const [unlinked] = chain.unlinked;
  if (unlinked) {
    facts.push({ name: `${chain.name}, not linked`, value: `chain_seq ${unlinked.seq}, written ${unlinked.at}` });
    return {
      status: 'fail',
      summary: `${named(chain.unlinked.length, unlinked)} ${chain.unlinked.length === 1 ? 'does' : 'do'} not follow the row before`,
      reasoning: 'prev_content_sha256 is not the hash of the row before: that row was replaced after this one was written, or this one was put in its place.',
      facts,
    };
  }
  if (!same) {
    return { status: 'unknown', summary: `none of ${count(unread?.rows ?? 0, 'row')} could be recomputed`, reasoning: 'The rows are too long, or have a form that this version of the debugger does not know.', facts };
  }
  return {
    status: 'pass',
    summary: `${count(same.rows, 'row matches', 'rows match')}${unread ? `, ${unread.rows} not recomputed` : ''}`,
    reasoning: 'The hash of each row was recomputed from its columns, and each newest row names the hash of the row before it. The oldest of the newest rows is not compared with one that was not read.',
    facts,
  };
}

/** Signatures of all chains of one writer, which share one key. */
export function signaturesSaid(key: KeyState, chains: readonly ChainFacts[], writer: string): Judgement {
  if (key.kind === 'none') return finding('not-applicable', 'not checked: give keys.audit', 'Signatures can be recomputed only with AUDIT_HMAC_KEY, which stays on this machine.');
  if (key.kind === 'unusable') return finding('unknown', `${key.why}: ${key.wayOut}`, 'Signatures can be recomputed only with AUDIT_HMAC_KEY.');
  const kept = chains.filter(hasRows);
  if (kept.length === 0) return finding('not-applicable', 'no row yet', 'There is nothing to verify.');
  const facts = kept.flatMap(signatureFacts);
  const mixed = kept.find((chain) => chain.unverified !== null && !isTailUnsigned(chain)) ?? kept.find((chain) => isLaterThanKey(chain, kept));
  if (mixed) {
    const from = mixed.unverified ?? mixed.signatures.other?.last ?? mixed.newest;
    return finding(
      'fail',
      `chain_seq ${from?.seq ?? 0} does not verify, older rows do`,
      'A change of the key fails all rows before it and none after. Here a row fails although an older one verifies with the key in hand, so that it was not written by who has this key; or the key in hand is no longer the one in use.',
      facts,
    );
  }
  const tail = kept.find(isTailUnsigned);
  if (tail) {
    return finding('warn', `unsigned since chain_seq ${tail.unverified?.seq ?? 0}`, `Older rows are signed and the newest are not: ${writer} was started without AUDIT_HMAC_KEY, which only dev allows.`, facts);
  }
  const verified = sum(kept, 'verified');
  if (verified === 0) {
    return sum(kept, 'other') > 0
      ? finding('unknown', 'none verifies: keys.audit is another key', 'Not one signed row was made with the key in hand, so that it is not the key of this deployment; or the key was changed and no row was written since.', facts)
      : finding('not-applicable', 'no row is signed', `${writer} writes without AUDIT_HMAC_KEY, as dev allows, or only rows that are unsigned on purpose were read.`, facts);
  }
  return finding(
    'pass',
    count(verified, 'row verifies', 'rows verify'),
    'Each signature was recomputed with the key in hand from the hash of the row and of the row before it. Rows before the first that verifies were signed with an earlier key, or in dev without one.',
    facts,
  );
}

/** Unsigned to the end after the last signed row, with nothing else amiss. */
function isTailUnsigned({ signatures: { verified, other, unsigned }, unverified }: ChainFacts): boolean {
  if (!verified || !unsigned || unverified === null) return false;
  return unsigned.first.seq > verified.last.seq && (!other || other.last.seq < verified.first.seq);
}

/** Signed with another key at a time when rows of a sister chain verify with the key in hand already. */
function isLaterThanKey({ signatures: { other } }: ChainFacts, all: readonly ChainFacts[]): boolean {
  return other !== undefined && all.some(({ signatures: { verified } }) => verified !== undefined && Date.parse(other.last.at) > Date.parse(verified.first.at));
}

function sum(chains: readonly ChainFacts[], state: 'verified' | 'other'): number {
  return chains.reduce((total, { signatures }) => total + (signatures[state]?.rows ?? 0), 0);
}

function signatureFacts({ name, signatures }: ChainFacts): readonly Fact[] {
  const meaning = { verified: 'verified', other: 'signed with another key', unsigned: 'unsigned', exempt: 'unsigned on purpose' };
  return (['verified', 'other', 'unsigned', 'exempt'] as const).flatMap((state) => {
    const some = signatures[state];
    return some ? [{ name: `${name}, ${meaning[state]}`, value: `${count(some.rows, 'row')}, chain_seq ${some.first.seq} to ${some.last.seq}` }] : [];
  });
}
