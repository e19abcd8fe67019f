import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { Question } from '../../model/observation.ts';
import { asksConsent } from '../consent.ts';
import { finding, lack, notKnown, signed, whenAnswered } from '../judging.ts';
import { readinessCheck } from '../readiness/service.checks.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds, notAskedUnproven } from '../words.ts';
import { asksZone, whenZone } from '../zone.checks.ts';
import { adminAuditChecks } from './adminAudit.checks.ts';
import { keepingChecks } from './keeping.checks.ts';
import { ledgerChecks } from './ledger.checks.ts';

/** What Postgres knows of the admin token in hand, looked up by its digest. */
export const adminToken = subject(
  'postgres.adminToken',
  z.object({
    /** Null when no row has its digest. */
    row: z
      .object({
        name: z.string(),
        scope: z.string(),
        zone: z.string().nullable(),
        capability: z.string(),
        revoked: z.boolean(),
        /** False for a row without its slow hash, which lets nobody in. */
        usable: z.boolean(),
        /** A token that Console derives for itself; the API takes it together with a signed account only. */
        ofConsole: z.boolean(),
      })
      .nullable(),
  }),
);

/** The newest events of the zone that is asked about, as the API lists them; no more of an event than this. */
export const auditList = subject(
  'api.auditList',
  z.object({
    status: z.number().int(),
    error: z.string().nullable(),
    /** `Date` of the answer, milliseconds since 1970, whole seconds; null when absent. */
    serverMs: z.number().nullable(),
    events: z.array(z.object({ type: z.string(), occurredAt: z.string(), ingestedAt: z.string() })),
  }),
);

type ListAnswer = z.infer<typeof auditList.schema>;

export const adminTokenId = 'CRC-AUD-001';
const listId = 'CRC-AUD-002';

/** Events dated later than this after the API's clock are from a clock that is ahead. */
const aheadMs = 5_000;

const token = adminToken.of('api');

const onlyWhenLive = 'A refused call to /v1 writes a row to the admin audit, so it is made only with a token that is known to be live.';

/** What a check of `/v1` asks before it may want an answer of the API itself. */
export const asksForApi = [token, asksZone];

/**
 * Judges what `/v1` says of the zone in view. The question is put only when the token is known to be
 * live and to open that zone, or when the user agreed to a call that the API may refuse.
 */
export function whenApiAnswers<Answer>(
  observed: Observed,
  questionOf: (zone: string) => Question<Answer>,
  judge: (answer: Answer, at: string) => Judgement,
): Judgement {
  const ask = (zone: string): Judgement => {
    const question = questionOf(zone);
    const answered = observed.find(question);
    if (!answered) return { ...finding('unknown', 'not asked yet', onlyWhenLive), wants: [question] };
    return whenAnswered(answered, (answer) => judge(answer, answered.at));
  };
  const known = observed.get(token);
  const row = known.outcome.kind === 'answer' ? known.outcome.value.row : null;
  if (row?.ofConsole) return finding('unknown', 'not asked: the token is of Console alone', onlyWhenLive);
  if (row && !row.revoked && row.usable) {
    return whenZone(observed, (zone) =>
      row.scope === 'zone' && row.zone !== zone ? finding('unknown', 'not asked: the token is for another zone', onlyWhenLive) : ask(zone),
    );
  }
  const consent = observed.find(asksConsent);
  if (!consent) return { ...finding('unknown', notAskedUnproven, onlyWhenLive), wants: [asksConsent] };
  const said = consent.outcome.kind === 'answer' ? consent.outcome.value : undefined;
  if (said?.token === false && known.outcome.kind !== 'answer') return notKnown(known);
  if (!said?.given) {
    return finding('unknown', notAskedUnproven, known.outcome.kind === 'answer' ? onlyWhenLive : `${onlyWhenLive} Whether it is could not be looked up: ${lack(known)}.`);
  }
  // Without Postgres nobody can tell whether the zone exists; the user named it.
  return observed.get(asksZone).outcome.kind !== 'answer' && said.zone !== null ? ask(said.zone) : whenZone(observed, ask);
}

function whenListed(observed: Observed, judge: (answer: ListAnswer, at: string) => Judgement): Judgement {
  return whenApiAnswers(observed, (zone) => auditList.of(zone), judge);
}

/** What the admin token opens, and how old what it shows is. */
const tokenChecks: readonly Check[] = [
  {
    id: adminTokenId,
    title: 'Admin token',
    step: 'audit',
    component: 'api',
    needs: [postgresAuthenticationId],
    asks: [token],
    privilege: 'SELECT on admin_tokens (token_sha256 among its columns)',
    source: 'apps/api/src/auth.ts:170',
    judge: (observed) =>
      whenAnswered(observed.get(token), ({ row }) => {
        if (!row) {
          return finding('fail', 'unknown to this database', 'No row of admin_tokens has the digest of the token in hand. The API would answer 401 invalid_admin_token.');
        }
        if (row.revoked) {
          return signed(finding('fail', `${row.name}, revoked`, 'The row of this token is revoked. A start of the API with another CARACAL_ADMIN_TOKEN revokes the bootstrap tokens before it.'), 'revoked');
        }
        if (!row.usable) return finding('fail', `${row.name}, without a hash`, 'The row has no slow hash, so the API refuses the token.');
        return finding('pass', `${row.name}, ${row.scope}, ${row.capability}`, 'The token in hand is live by the table that the API looks it up in. It was not sent anywhere.');
      }),
  },
  {
    id: listId,
    title: 'Newest event',
    step: 'audit',
    component: 'api',
    needs: [readinessCheck('api', 'ready'), readinessCheck('api', 'identity'), adminTokenId],
    asks: asksForApi,
    privilege: 'admin token with capability read, for the zone',
    source: 'apps/api/src/routes/zone-events.ts:301',
    judge: (observed) =>
      whenListed(observed, ({ status, error, serverMs, events }, at) => {
        if (status !== 200) return finding('fail', `${status} ${error ?? ''}`.trim(), 'The API refused the token in hand.');
        if (events.length === 0) {
          return observed.get(asksZone).outcome.kind === 'answer'
            ? finding('pass', 'no event in this zone yet', 'The zone exists and its list is empty.')
            : finding('unknown', 'no event, or no such zone', 'The API gives an empty list for a zone that does not exist as well, and only Postgres tells which there are.');
        }
        const nowMs = serverMs ?? Date.parse(at);
        const ahead = events.filter(({ occurredAt }) => Date.parse(occurredAt) > nowMs + aheadMs);
        const newest = events.find((event) => !ahead.includes(event)) ?? events[0];
        const facts: Fact[] = [
          { name: 'occurred', value: newest?.occurredAt ?? '' },
          { name: 'ingested', value: newest?.ingestedAt ?? '' },
          ...(ahead.length > 0 ? [{ name: 'dated ahead of the API', value: `${count(ahead.length, 'event')}, up to ${ahead[0]?.occurredAt ?? ''}: these stand first in every list` }] : []),
        ];
        return finding('pass', `${milliseconds(Math.max(0, nowMs - Date.parse(newest?.occurredAt ?? '')))} ago, ${newest?.type ?? ''}`, 'By the clock of the API.', facts);
      }),
  },
  {
    id: 'CRC-AUD-004',
    title: 'Token scope',
    step: 'audit',
    component: 'api',
    needs: [adminTokenId],
    asks: asksForApi,
    privilege: 'SELECT on admin_tokens (token_sha256 among its columns)',
    source: 'apps/api/src/auth.ts:537',
    judge: (observed) =>
      whenAnswered(observed.get(token), ({ row }) => {
        if (!row) return finding('unknown', 'unknown to this database', 'What a token opens stands in its row, and it has none.');
        const more = [...(row.scope === 'global' ? ['global scope'] : []), ...(row.capability === 'read' ? [] : [`capability ${row.capability}`])];
        const facts: Fact[] = [
          { name: 'scope', value: row.zone === null ? row.scope : `${row.scope} ${row.zone}` },
          { name: 'capability', value: row.capability },
          ...(more.length > 0 ? [{ name: 'more than is needed', value: `${more.join(', ')}; the debugger reads one zone` }] : []),
        ];
        if (row.ofConsole) {
          return finding('warn', 'Console alone can use it', 'The API takes a token that Console derived for itself only together with a signed account: 401 invalid_account_assertion.', facts);
        }
        if (row.scope !== 'zone') return finding('pass', `every zone, ${row.capability}`, 'A global token opens all zones. It was not sent anywhere.', facts);
        const { outcome } = observed.get(asksZone);
        const inView = outcome.kind === 'answer' ? outcome.value.zone : null;
        return inView !== null && inView !== row.zone
          ? finding('warn', 'another zone than the one in view', `The token opens zone ${row.zone ?? ''} alone. The API answers 403 admin_token_zone_mismatch for all others.`, facts)
          : finding('pass', `${inView === null ? 'one zone' : 'the zone in view'}, ${row.capability}`, 'A token of a zone opens that zone alone. It was not sent anywhere.', facts);
      }),
  },
];

/** Every check of the audit step, in the order of their ids. */
export const auditChecks: readonly Check[] = [...tokenChecks, ...ledgerChecks, ...keepingChecks, ...adminAuditChecks].sort((left, right) => left.id.localeCompare(right.id));
