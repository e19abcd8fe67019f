import type { Pool, QueryResultRow } from 'pg';
import * as z from 'zod';
import { type Answer, type Call, failure, json } from './node-app.ts';

const ID = /^[A-Za-z0-9_.\-:]{1,128}$/;
/** Keys whose values the API never shows (contract, deploy 7.2). */
const REDACTED = new Set([
  'password', 'passwd', 'secret', 'token', 'access_token', 'refresh_token', 'id_token', 'api_key', 'apikey', 'authorization', 'cookie',
  'set_cookie', 'client_secret', 'private_key', 'session', 'session_id', 'assertion',
]);

export const instant = z.iso.datetime();
const cursorSchema = z.object({ ts: z.string().min(1), id: z.string().min(1) });

/** The ids in the path, in this order; undefined when one of them has another form (contract, request evidence 1.4). */
export function idsOf({ params }: Call, ...names: readonly string[]): string[] | undefined {
  const ids = names.map((name) => params[name] ?? '');
  return ids.every((id) => ID.test(id)) ? ids : undefined;
}

export const invalidParams = failure(400, 'invalid_params');

/** Conditions of a query and their values, which grow together. */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  /** @param condition with `?` for the value; nothing is added when there is none */
  add(condition: string, value: unknown): void {
    if (value === undefined) return;
    this.#conditions.push(condition.replaceAll('?', this.place(value)));
  }

  place(value: unknown): string {
    this.values.push(value);
    return `$${String(this.values.length)}`;
  }

  get text(): string {
    return this.#conditions.join(' AND ');
  }
}

export type Paged<Row> = {
  pool: Pool;
  /** Without its end: conditions, order and limit follow. */
  select: string; conditions: Conditions; time: string; id: string; cursor: string | undefined; limit: number;
  /** Where the next page begins after this row. */
  at: (row: Row) => { moment: Date; id: string };
  shown?: (row: Row) => unknown;
};

/** A page, newest first; a full one names the next, so that the last may be empty (contract, request evidence 1.5). */
export async function page<Row extends QueryResultRow>({ pool, select, conditions, time, id, cursor: text, limit, at, shown = (row) => row }: Paged<Row>): Promise<Answer> {
  const cursor = cursorOf(text);
  if (cursor === 'invalid') return failure(400, 'invalid_cursor');
  if (cursor !== undefined) conditions.add(`(${time}, ${id}) < (?, ${conditions.place(cursor.id)})`, cursor.ts);
  const { rows } = await pool.query<Row>(`${select} WHERE ${conditions.text} ORDER BY ${time} DESC, ${id} DESC LIMIT ${conditions.place(limit)}`, conditions.values);
  const last = rows.at(-1);
  return json(200, { items: rows.map(shown), next_cursor: rows.length === limit && last !== undefined ? cursorText(at(last)) : null });
}

export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, REDACTED.has(key.toLowerCase()) ? '[redacted]' : redacted(entry)]));
}

export function invalidBody(call: Call, error: z.ZodError): Answer {
  return json(400, {
    error: 'invalid_body', error_description: 'Request body failed validation', requestId: call.id,
    details: { issues: error.issues.map(({ path, message }) => ({ path: path.map(String), message })) },
  });
}

/** Milliseconds only, so that rows of the same millisecond can be skipped (contract, request evidence 1.5). */
function cursorText({ moment, id }: { moment: Date; id: string }): string {
  return Buffer.from(JSON.stringify({ ts: moment.toISOString(), id })).toString('base64url');
}

function cursorOf(text: string | undefined): z.infer<typeof cursorSchema> | undefined | 'invalid' {
  if (text === undefined) return undefined;
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch {
    return 'invalid';
  }
}
