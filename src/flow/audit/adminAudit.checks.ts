import * as z from 'zod';
import type { Check, Judgement, Observed } from '../../model/check.ts';
import { earlier, subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count } from '../words.ts';
import { asksZone, whenZone } from '../zone.checks.ts';
import { chainFacts, keyState } from './chain.ts';
import type { ChainFacts } from './chain.ts';
import { contentSaid, extent, hasRows, noRows, signaturesSaid, together } from './chainJudging.ts';
import type { Said } from './chainJudging.ts';

/** Chains that are read, by the word of the statement: that of the zone, and that of actions on the platform. */
export const chainNames = { zone: 'this zone', global: 'no zone' } as const;

/** The newest rows of the admin audit of the zone that is asked about, and of the chain without a zone. */
export const adminAudit = subject('postgres.adminAudit', z.object({ key: keyState, chains: z.array(chainFacts) }));

type AdminAudit = z.infer<typeof adminAudit.schema>;

const base = { step: 'audit', component: 'admin audit', needs: [postgresAuthenticationId], asks: [asksZone] } as const;

function whenRead(observed: Observed, judge: (answer: AdminAudit, before: AdminAudit | undefined) => Judgement): Judgement {
  return whenZone(observed, (zone) => {
    const question = adminAudit.of(zone);
    const answered = observed.find(question);
    if (!answered) return { ...finding('unknown', 'not asked yet', 'The admin audit of the zone in view was not asked yet.'), wants: [question, earlier(question)] };
    const before = observed.find(earlier(question));
    return whenAnswered(answered, (answer) => judge(answer, before?.outcome.kind === 'answer' ? before.outcome.value : undefined));
  });
}

function chainSaid(chain: ChainFacts, before: ChainFacts | undefined): Said {
  const broken = sequenceProblem(chain, before);
  if (broken === undefined) return contentSaid(chain);
  const reasoning = 'Rows count up by one, and nothing in Caracal removes rows of the admin audit: rows were deleted or added by who owns the database, or an older backup was restored.';
  return { status: 'fail', summary: broken, reasoning, facts: [{ name: chain.name, value: extent(chain) }] };
}

function sequenceProblem({ first, newest, gaps, repeated }: ChainFacts, before: ChainFacts | undefined): string | undefined {
  const [twice] = repeated;
  if (twice) return `chain_seq ${twice.seq} stands twice`;
  const [gap] = gaps;
  if (gap) return `${count(gap.before.seq - gap.after.seq - 1, 'row')} missing after chain_seq ${gap.after.seq}`;
  if (first !== null && first.seq > 1) return `begins at chain_seq ${first.seq}, ${count(first.seq - 1, 'row is', 'rows are')} gone`;
  if (before?.newest && (newest?.seq ?? 0) < before.newest.seq) return `ends at chain_seq ${newest?.seq ?? 0}, was at ${before.newest.seq}`;
  return undefined;
}

/** Whether the record of administrative actions is whole. */
export const adminAuditChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-AUD-009',
    title: 'Admin audit chain',
    privilege: 'SELECT on admin_audit_events',
    source: 'packages/adminAudit/ts/src/index.ts',
    judge: (observed) =>
      whenRead(observed, ({ chains }, before) =>
        together(chains.map((chain) => {
          const then = before?.chains.find(({ name }) => name === chain.name);
          return hasRows(chain) || then?.newest ? chainSaid(chain, then) : noRows(chain);
        })),
      ),
  },
  {
    ...base,
    id: 'CRC-AUD-010',
    title: 'Admin audit signatures',
    privilege: 'SELECT on admin_audit_events; AUDIT_HMAC_KEY as keys.audit',
    source: 'packages/adminAudit/ts/src/index.ts',
    judge: (observed) => whenRead(observed, ({ key, chains }) => signaturesSaid(key, chains, 'The API')),
  },
];
