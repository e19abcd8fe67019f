import type * as z from 'zod';
import type { Row } from '../../targets/deployment.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { numberOrNull } from '../values.ts';
import { sumUp } from './chain.ts';
import type { ChainRow } from './chain.ts';
import { auditKey, chainSelect, inTurn, isShort, microseconds, signatureOf, text } from './chain.observe.ts';
import { ledgerContentSha256 } from './hashes.ts';
import { chainNames, ledger } from './ledger.checks.ts';

const texts = ['id', 'zone_id', 'event_type', 'request_id', 'decision', 'policy_set_id', 'policy_set_version_id', 'manifest_sha', 'evaluation_status'];
const documents = ['determining_policies_json', 'diagnostics_json', 'metadata_json'];
const short = isShort(documents);

const columns = [
  ...texts,
  'content_sha256', 'prev_content_sha256', 'chain_hmac', 'occurred_at', 'ingested_at',
  `${microseconds('occurred_at')} AS occurred_us`,
  `${short} AS short`,
  ...documents.map((document) => `CASE WHEN ${short} THEN ${document}::text END AS ${document}`),
];

/** Events dated later than this after now are from a clock that is ahead. */
const ahead = "interval '5 seconds'";

const statement = `WITH chains AS (
  ${chainSelect({ word: 'zone', condition: 'zone_id = $1' }, 'audit_events', columns)}
  UNION ALL
  ${chainSelect({ word: 'unknown', condition: "zone_id = 'unknown'" }, 'audit_events', columns)}
), lately AS (
  SELECT count(*)::int AS events,
         count(*) FILTER (WHERE ingested_at - occurred_at > interval '60 seconds')::int AS late,
         max(ingested_at) FILTER (WHERE ingested_at - occurred_at > interval '60 seconds') AS last_late,
         greatest(extract(epoch FROM max(ingested_at - occurred_at)) * 1000, 0)::bigint AS longest_ms
    FROM (SELECT occurred_at, ingested_at FROM audit_events
           WHERE zone_id = $1 AND occurred_at > now() - interval '10 minutes' AND occurred_at <= now() + ${ahead}
           ORDER BY occurred_at DESC LIMIT 2000) AS newest
), future AS (
  SELECT count(*)::int AS events, max(occurred_at)::text AS furthest
    FROM (SELECT occurred_at FROM audit_events WHERE zone_id = $1 AND occurred_at > now() + ${ahead} ORDER BY occurred_at DESC LIMIT 100) AS dated
)
SELECT now() AS now, lately.events, lately.late, lately.last_late, lately.longest_ms, future.events AS future, future.furthest, chains.*
  FROM lately CROSS JOIN future LEFT JOIN chains ON true`;

const observer: Observer<z.infer<typeof ledger.schema>> = {
  subject: ledger,
  deadlineMs: postgresDeadlineMs,
  asked: (_, of) => `SELECT the newest 200 rows by chain_seq FROM audit_events WHERE zone_id = '${of}', and of 'unknown'`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(statement, [of], signal);
    stage('recomputing hashes');
    const key = auditKey(deployment);
    const judged = await inTurn(
      rows.filter((row) => row['chain'] !== null),
      (row) => ({ word: row['chain'], row: rowOf(row, (hashes) => signatureOf(deployment, key, hashes)) }),
      signal,
    );
    const [first] = rows;
    return {
      now: String(first?.['now']),
      key,
      chains: Object.entries(chainNames).map(([word, name]) => sumUp(name, judged.filter((each) => each.word === word).map(({ row }) => row))),
      lately: {
        events: Number(first?.['events']),
        late: Number(first?.['late']),
        lastLate: text(first?.['last_late']),
        longestMs: numberOrNull(first?.['longest_ms']),
      },
      stored: storedLately(rows, Date.parse(String(first?.['now']))),
      newest: newestOf(rows),
      future: { events: Number(first?.['future']), furthest: text(first?.['furthest']) },
    };
  },
};

function rowOf(row: Row, signatureIs: (hashes: { contentSha256: string | null; previousSha256: string | null; hmac: string | null }) => ChainRow['signature']): ChainRow {
  const [contentSha256, previousSha256, hmac] = [text(row['content_sha256']), text(row['prev_content_sha256']), text(row['chain_hmac'])];
  const when = text(row['occurred_us']);
  const content = row['short'] !== true ? 'unread' : when !== null && contentSha256 === hashOf(row, BigInt(when)) ? 'same' : 'differs';
  return {
    seq: Number(row['chain_seq']), at: String(row['ingested_at']), recent: row['recent'] === true,
    content, contentSha256, previousSha256, signature: signatureIs({ contentSha256, previousSha256, hmac }),
  };
}

function hashOf(row: Row, occurredMicroseconds: bigint): string {
  return ledgerContentSha256({
    id: String(row['id']), zone: String(row['zone_id']), eventType: String(row['event_type']),
    requestId: text(row['request_id']), decision: text(row['decision']), policySet: text(row['policy_set_id']),
    policySetVersion: text(row['policy_set_version_id']), manifestSha: text(row['manifest_sha']), evaluationStatus: text(row['evaluation_status']),
    determiningPolicies: text(row['determining_policies_json']), diagnostics: text(row['diagnostics_json']), metadata: text(row['metadata_json']),
    occurredMicroseconds,
  });
}

function storedLately(rows: readonly Row[], nowMs: number): { rows: number; late: number } {
  const lately = rows
    .filter((row) => row['chain'] === 'zone' && row['recent'] === true)
    .map((row) => ({ ingestedMs: Date.parse(String(row['ingested_at'])), occurredMs: Date.parse(String(row['occurred_at'])) }))
    .filter(({ ingestedMs }) => nowMs - ingestedMs <= 300_000);
  return { rows: lately.length, late: lately.filter(({ ingestedMs, occurredMs }) => ingestedMs - occurredMs > 60_000).length };
}

/** Times of the row that was written last into the chain of the zone. */
function newestOf(rows: readonly Row[]): { occurredAt: string; ingestedAt: string } | null {
  const newest = rows.filter((row) => row['chain'] === 'zone').reduce<Row | undefined>((last, row) => (last && Number(last['chain_seq']) > Number(row['chain_seq']) ? last : row), undefined);
  return newest ? { occurredAt: String(newest['occurred_at']), ingestedAt: String(newest['ingested_at']) } : null;
}

export const ledgerObservers = [observer];
