import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pool } from 'pg';
import { goJson, goText, type GoHandler } from './go-server.ts';

// Search for forensics (contract, request evidence 6): Go's own field names, nothing redacted, and no token by default.

const DAY_MS = 86_400_000;

type Row = {
  id: string; zone_id: string; event_type: string; request_id: string; decision: string; policy_set_id: string; policy_set_version_id: string; manifest_sha: string;
  evaluation_status: string; policies: unknown; diagnostics: unknown; metadata: unknown; occurred_at: Date; ingested_at: Date; content: string; previous: string; hmac: string; seq: string;
};

/** Whether the caller has the token; without one configured the route does not exist. */
function isAdmin(request: IncomingMessage, response: ServerResponse, token: string): boolean {
  if (token === '') {
    goText(response, 404, '404 page not found');
    return false;
  }
  if ((request.headers.authorization ?? '').replace(/^Bearer /, '') === token) return true;
  response.setHeader('WWW-Authenticate', 'Bearer realm="caracal-audit"');
  goText(response, 401, 'unauthorized');
  return false;
}

export function auditSearch(pool: Pool, token: string): GoHandler {
  return async (request, response) => {
    if (!isAdmin(request, response, token)) return;
    const query = new URL(request.url ?? '/', 'http://host').searchParams;
    const zoneId = query.get('zone_id') ?? '';
    if (zoneId === '') {
      goText(response, 400, 'zone_id is required');
      return;
    }
    const limit = Number(query.get('limit') ?? '');
    const { rows } = await pool.query<Row>(
      `SELECT id, zone_id, event_type, coalesce(request_id, '') AS request_id, coalesce(decision, '') AS decision, coalesce(policy_set_id, '') AS policy_set_id,
              coalesce(policy_set_version_id, '') AS policy_set_version_id, coalesce(manifest_sha, '') AS manifest_sha, coalesce(evaluation_status, '') AS evaluation_status,
              determining_policies_json AS policies, diagnostics_json AS diagnostics, metadata_json AS metadata, occurred_at, ingested_at, coalesce(content_sha256, '') AS content,
              coalesce(prev_content_sha256, '') AS previous, coalesce(chain_hmac, '') AS hmac, coalesce(chain_seq, 0) AS seq
       FROM audit_events WHERE zone_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND ($4 = '' OR decision = $4) AND ($5 = '' OR request_id = $5) AND ($6 = 0 OR chain_seq > $6)
       ORDER BY chain_seq ASC LIMIT $7`,
      [
        zoneId, moment(query.get('since')) ?? new Date(Date.now() - DAY_MS), moment(query.get('until')) ?? new Date(), query.get('decision') ?? '', query.get('request_id') ?? '',
        Math.trunc(Number(query.get('cursor') ?? '')) || 0, Number.isInteger(limit) && limit > 0 ? Math.min(limit, 1000) : 100,
      ],
    );
    goJson(response, 200, { events: rows.length === 0 ? null : rows.map(written), next_cursor: rows.at(-1)?.seq ?? '' });
  };
}

/** As Go marshals the row: fields of the event by their wire names, empty optional ones left out. */
function written({ policies, diagnostics, metadata, content, previous, hmac, seq, ingested_at, occurred_at, policy_set_id, policy_set_version_id, manifest_sha, ...event }: Row): Record<string, unknown> {
  const { id, zone_id, event_type, request_id, decision, evaluation_status } = event;
  const filled = Object.entries({ policy_set_id, policy_set_version_id, manifest_sha }).filter(([, value]) => value !== '');
  return {
    Event: {
      id, zone_id, event_type, request_id, decision, ...Object.fromEntries(filled), evaluation_status, determining_policies_json: policies, diagnostics_json: diagnostics,
      metadata_json: metadata, occurred_at,
    },
    IngestedAt: ingested_at, ContentSHA256: content, PrevContentSHA256: previous, ChainHMAC: hmac, ChainSeq: Number(seq),
  };
}

/** Values that are no time are ignored. */
function moment(text: string | null): Date | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : new Date(time);
}
