/**
 * What a traced request costs on an audit of 2,000,000 events over six partitions, with Caracal's own indexes, beside what
 * the API takes for by-request and explain: `npm run -s bench -- trace --json` prints `[{name, ours, theirs, unit, ratio, alternative}]`;
 * without `--json` the plans of the statements, too.
 */
import { createRedactor, readTargetFile } from '../../src/flow/engine.ts';
import type { Captured } from '../../src/trace/capture.ts';
import { traceRequest } from '../../src/trace/service.ts';
import { Caller, mandateOf } from '../lab/caller.ts';
import { eventually } from '../lab/eventually.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { record } from '../lab/recorder.ts';

interface Line {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number | null;
  readonly unit: string;
  readonly ratio: number | null;
  readonly alternative: string | null;
}

const events = 2_000_000;
const months = 6;
const runs = 20;
const json = process.argv.includes('--json');
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** A mint, its use and its execution, as the stand-ins wrote them. */
async function templates(lab: Lab): Promise<{ readonly mint: string; readonly call: string }> {
  const caller = new Caller(lab.callers);
  const minted = await caller.mint();
  const called = await caller.call(mandateOf(minted));
  await eventually('the events of a call', async () => {
    const [row] = await lab.sql<{ events: number }>('SELECT count(*)::int AS events FROM audit_events WHERE request_id = ANY($1)', [[minted.requestId, called.requestId]]);
    return row?.events === 3;
  });
  return { mint: minted.requestId, call: called.requestId };
}

/** Copies of the three events, each call with ids of its own, of one of 20,000 Sessions, some seconds apart. */
async function fill(lab: Lab, { mint, call }: { readonly mint: string; readonly call: string }): Promise<void> {
  for (let month = 1; month < months; month += 1) {
    const [from, until] = [month, month - 1].map((back) => `date_trunc('month', now()) - interval '${back} month'`);
    const [names] = await lab.sql<{ name: string; from: string; until: string }>(`SELECT to_char(${from ?? ''}, '"audit_events_y"YYYY"m"MM') AS name, (${from ?? ''})::text AS from, (${until ?? ''})::text AS until`);
    if (names !== undefined) await lab.sql(`CREATE TABLE IF NOT EXISTS ${names.name} PARTITION OF audit_events FOR VALUES FROM ('${names.from}') TO ('${names.until}')`);
  }
  const oldest = `date_trunc('month', now()) - interval '${months - 1} month'`;
  await lab.sql(
    `INSERT INTO audit_events SELECT (row).* FROM (
       SELECT jsonb_populate_record(e, jsonb_build_object(
           'id', e.id || '-' || n,
           'request_id', CASE WHEN e.request_id = $1 THEN 'mint-' ELSE 'call-' END || n,
           'metadata_json', e.metadata_json || CASE WHEN e.metadata_json ? 'agent_session_id' THEN jsonb_build_object('agent_session_id', 'session-' || n % 20000) ELSE '{}' END,
           'occurred_at', now() - (now() - (${oldest})) * (n::float8 / ($3 + 1)) + CASE WHEN e.request_id = $1 THEN interval '0' ELSE interval '40 ms' END,
           'ingested_at', now())) AS row
         FROM audit_events e, generate_series(1, $3::int) n WHERE e.request_id IN ($1, $2)) copies`,
    [mint, call, Math.floor(events / 3)],
  );
  await lab.sql('ANALYZE audit_events');
}

async function timed(work: (run: number) => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const started = performance.now();
    await work(run);
    samples.push(performance.now() - started);
  }
  return samples.toSorted((one, other) => one - other)[Math.floor(runs / 2)] ?? NaN;
}

const lines: Line[] = [];
const lab = await startLab({ traffic: 0 });
try {
  await fill(lab, await templates(lab));
  const [count] = await lab.sql<{ events: number; partitions: number }>('SELECT count(*)::int AS events, count(DISTINCT tableoid)::int AS partitions FROM audit_events');
  say(`${(count?.events ?? 0).toLocaleString('en-US')} events over ${count?.partitions ?? 0} partitions`);
  const target = await readTargetFile(lab.targetFile);
  const signal = AbortSignal.timeout(600_000);
  /** Calls of all ages. */
  const nth = (run: number): Captured => ({ what: 'an id', requestId: `call-${1 + run * Math.floor(events / 3 / runs)}` });
  /** As the panel does, up to its first story. */
  const trace = async (captured: Captured): Promise<void> => {
    const options = { target, zone: undefined, captured, verifiers: undefined, simulation: undefined, mayAskApi: () => Promise.resolve(false), whichZone: () => Promise.resolve(undefined), redactor: createRedactor(), signal };
    for await (const { story, requestIds } of traceRequest(options)) {
      if (story.sentence !== 'This call went through.' || requestIds.length < 2) throw new Error(`${captured.requestId ?? ''}: ${story.sentence}, ${requestIds.length} requests`);
      return;
    }
  };
  const api = async (captured: Captured, what: string): Promise<void> => {
    const response = await fetch(`${lab.services.api.url}/v1/zones/${lab.zoneId}/audit/by-request/${captured.requestId ?? ''}${what}`, { headers: { authorization: `Bearer ${lab.secrets.caracalAdminToken}` } });
    const answer = (await response.json()) as readonly unknown[] | { readonly events: readonly unknown[] };
    if (('events' in answer ? answer.events : answer).length !== 2) throw new Error(`by-request${what} gave other events`);
  };
  const ours = await timed((run) => trace(nth(run)));
  for (const [name, what] of [['by-request', ''], ['explain', '/explain']] as const) {
    const theirs = await timed((run) => api(nth(run), what));
    lines.push({ name: 'first timeline of a call, with connections, mint, state and policy', ours: Math.round(ours), theirs: Math.round(theirs), unit: 'ms', ratio: Number((theirs / ours).toFixed(2)), alternative: `${name} of the API stand-in, the call alone` });
  }
  const sent = await record(lab, () => trace(nth(3)));
  for (const { text, tookMs } of sent.statements.filter((statement) => statement.text.startsWith('SELECT') || statement.text.startsWith('WITH'))) lines.push({ name: text.replaceAll(/\s+/g, ' ').slice(0, 100), ours: Number(tookMs.toFixed(3)), theirs: null, unit: 'ms', ratio: null, alternative: null });
  if (!json) {
    for (const [what, condition, values] of [
      ['a request', 'request_id = $2', ['call-1000']],
      ['a Session', "metadata_json ? 'agent_session_id' AND metadata_json->>'agent_session_id' = $2 AND occurred_at >= $3 AND occurred_at < $4", ['session-1000', new Date(Date.now() - 40 * 86_400_000), new Date(Date.now() - 39 * 86_400_000)]],
      ['types in a stretch of time', 'event_type = ANY($2) AND occurred_at >= $3 AND occurred_at < $4', [['gateway_resource_request'], new Date(Date.now() - 40 * 86_400_000), new Date(Date.now() - 40 * 86_400_000 + 960_000)]],
    ] as const) {
      say(`\nPlan of events of ${what}:`);
      const plan = await lab.sql<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, BUFFERS OFF) SELECT * FROM audit_events WHERE zone_id = $1 AND ${condition} ORDER BY occurred_at DESC, id DESC LIMIT 5001`, [lab.zoneId, ...values]);
      for (const row of plan) say(`  ${row['QUERY PLAN']}`);
    }
  }
} finally {
  await lab.close();
}
if (json) process.stdout.write(`${JSON.stringify(lines)}\n`);
else for (const { name, ours, theirs, unit, alternative } of lines) process.stdout.write(`${name}: ${ours} ${unit}${theirs === null ? '' : `, ${alternative ?? ''}: ${theirs} ${unit}`}\n`);
