/**
 * Changes a deployment, as the user has agreed to: a remedy, or the calls of a canary. The one file that does.
 *
 * What the other side answers is an outcome and never an error; only our own mistakes are thrown. Nothing is tried twice.
 */
import { randomUUID } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import type { Remedy, RemedyCall, RemedyRun } from '../model/remedy.ts';
import type { CanaryTarget, ComposeTarget, KubernetesTarget, ServiceName, TokenName } from '../model/target.ts';
import type { Redactor } from '../redaction/redactor.ts';
import { resolveEngine } from '../targets/compose/engineEndpoint.ts';
import { callEngine, messageOf } from '../targets/compose/wire.ts';
import { resolveCredential } from '../targets/credential.ts';
import type { Deployment, HttpAnswer, HttpService } from '../targets/deployment.ts';
import { httpService } from '../targets/endpoints/http.ts';
import type { HttpServiceOptions } from '../targets/endpoints/http.ts';
import { refusedBy } from '../targets/endpoints/sockets.ts';
import { exchange } from '../targets/endpoints/wire.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import { send } from '../targets/kubernetes/wire.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';
import { callsOf, planOf } from './calls.ts';
import type { PlannedCall } from './calls.ts';
import { calledPath, conclusion, exchangeForm, missingSteps } from './canary.ts';
import type { CanaryAnswer, CanaryEvent, CanaryEvidence, CanaryRun, CanaryStep } from './canary.ts';

/** An engine answers a restart only when the container was stopped, which has 20 s for it (contract, deploy 1.2), and runs again. */
const engineDeadlineMs = 45_000;
const callDeadlineMs = 15_000;

export interface RunOptions {
  readonly target: LocatedTarget;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/**
 * Runs a remedy: exactly the calls that `callsOf` told, one after the other, until one is refused.
 *
 * @returns what was asked and answered, masked. A call that was given up may have taken effect all the same.
 * @throws Error when this tool cannot run the remedy on the target
 */
export async function runRemedy({ target, remedy, redactor, signal }: RunOptions & { readonly remedy: Remedy }): Promise<RemedyRun> {
  const { call, id, cause } = remedy;
  if (call === null) throw new Error(`${id} is told, and not run`);
  const told = callsOf(remedy, target.target);
  const at = new Date().toISOString();
  const startedMs = performance.now();
  const outcome = await outcomeOf(sendPlan(call, { target, redactor, signal }), signal);
  return redactor.json({ remedy: id, cause, ...told, at, tookMs: Math.round(performance.now() - startedMs), outcome });
}

async function outcomeOf(sending: Promise<string>, signal: AbortSignal): Promise<RemedyRun['outcome']> {
  try {
    return { kind: 'done', answer: await sending };
  } catch (error) {
    return { kind: 'refused', ...refusalOf(error, signal) };
  }
}

/** Why something was not done. @throws `error` when it is our own mistake */
function refusalOf(error: unknown, signal: AbortSignal): { readonly code: string; readonly message: string } {
  if (error instanceof Refused) return { code: error.code, message: error.message };
  if (error instanceof Unavailable) return { code: 'unavailable', message: `${error.message}; ${error.wayOut}` };
  if (signal.aborted) return { code: 'stopped', message: 'stopped by you; it may have taken effect' };
  throw error;
}

function sendPlan(call: RemedyCall, options: RunOptions): Promise<string> {
  const { target } = options;
  const { asked, calls } = planOf(call, target.target);
  switch (asked) {
    case 'engine':
      return askEngine(target.target as ComposeTarget, calls, options.signal);
    case 'cluster':
      return askCluster(target as LocatedTarget<KubernetesTarget>, calls, options);
    case 'coordinator':
    case 'gateway':
      return askService(asked, calls, options);
  }
}

/** @throws Refused ETIMEDOUT past the deadline, else as `work` */
async function within<Answer>(deadlineMs: number, signal: AbortSignal, work: (limit: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    return await work(AbortSignal.any([signal, deadline]));
  } catch (error) {
    signal.throwIfAborted();
    throw deadline.aborted ? new Refused('ETIMEDOUT', `no answer in ${deadlineMs / 1_000} s; it may have taken effect`) : error;
  }
}

async function askEngine(target: ComposeTarget, calls: readonly PlannedCall[], signal: AbortSignal): Promise<string> {
  const endpoint = await resolveEngine(target.engine, process.env, process.platform);
  for (const { method, path } of calls) {
    const answer = await within(engineDeadlineMs, signal, (limit) => callEngine(endpoint, { method, path }, limit));
    if (answer instanceof IncomingMessage) throw new Error('nothing was asked to stream');
    // It was so already, such as a start of a container that runs.
    if (answer.status === 304) return 'it was so already';
    if (answer.status < 200 || answer.status >= 300) throw new Refused(String(answer.status), messageOf(jsonOf(answer.body.toString('utf8'))) ?? `the engine answered ${answer.status}`);
  }
  return 'the engine did it';
}

const statusSchema = z.object({ reason: z.string().optional(), message: z.string().optional() });

async function askCluster(located: LocatedTarget<KubernetesTarget>, calls: readonly PlannedCall[], { redactor, signal }: RunOptions): Promise<string> {
  const { connectionTo } = await import('../targets/kubernetes/kubernetes.ts');
  const closing = new AbortController();
  const connection = await connectionTo(located, redactor, closing.signal);
  try {
    for (const { method, path, patch } of calls) {
      const body = patch && { type: 'application/strategic-merge-patch+json', text: JSON.stringify(patch(new Date().toISOString())) };
      const { status, text } = await within(callDeadlineMs, signal, async (limit) => {
        try {
          const response = await send(connection, { method, path, headers: { accept: 'application/json' }, body, alone: true }, limit);
          return { status: response.statusCode ?? 0, text: await textOf(response) };
        } catch (error) {
          limit.throwIfAborted();
          throw refusedBy(error, 'the API server did not answer in HTTP');
        }
      });
      if (status >= 200 && status < 300) continue;
      const { reason, message } = statusSchema.safeParse(jsonOf(text)).data ?? {};
      throw new Refused(reason ?? String(status), message?.slice(0, 500) ?? `the API server answered ${status}`);
    }
    return 'the API server took it; its controllers do the rest';
  } finally {
    closing.abort(new Error('the remedy is over'));
    connection.close();
  }
}

/** An object of the API server is far smaller than this; more is not read. */
const longestAnswer = 4 * 1024 * 1024;

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > longestAnswer) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A service that can be posted to. */
interface WritingService extends HttpService {
  /** @throws as `get` */
  send(path: string, what: { readonly method: 'GET' | 'POST'; readonly bearer?: string; readonly headers?: Readonly<Record<string, string>>; readonly form?: URLSearchParams }, signal: AbortSignal): Promise<HttpAnswer>;
  /** @throws Unavailable when the target does not give it */
  token(name: TokenName): string;
}

/** The client that reads, and beside it what a remedy needs; over the same connection. */
function writing(options: HttpServiceOptions): WritingService {
  const { via, token, closed } = options;
  const reading = httpService(options);
  return {
    ...reading,
    token,
    send: (path, { method, bearer, headers = {}, form }, signal) => exchange(reading.at(path), {
      method, via, bearer, headers, signal: AbortSignal.any([signal, closed]),
      ...(form === undefined ? {} : { body: { type: 'application/x-www-form-urlencoded', text: form.toString() } }),
    }),
  };
}

/** The client of a service of a deployment that was opened with `writing`. @throws Unavailable without an address */
function writerOf(deployment: Deployment, service: ServiceName): WritingService {
  const client = deployment.http(service);
  if (!('send' in client)) throw new Error(`the client of ${service} only reads`);
  return client as WritingService;
}

/** Which token opens what a remedy calls. */
const tokens = { coordinator: 'coordinator', gateway: 'gateway' } as const satisfies Partial<Record<ServiceName, TokenName>>;

async function askService(service: 'coordinator' | 'gateway', calls: readonly PlannedCall[], { target, redactor, signal }: RunOptions): Promise<string> {
  const deployment = await openTarget(target, { redactor, zone: undefined, signal, http: writing });
  try {
    const client = writerOf(deployment, service);
    const bearer = client.token(tokens[service]);
    let done = 0;
    let gone = 0;
    let last = '';
    for (const { path } of calls) {
      const { status, body } = await within(callDeadlineMs, signal, (limit) => client.send(path, { method: 'POST', bearer }, limit));
      const error = errorOf(body);
      last = body.trim().slice(0, 200);
      if (status === 200) done += 1;
      // Somebody else was faster, or its publisher took it up meanwhile.
      else if (status === 404 && error === 'dead_outbox_not_found' && calls.length > 1) gone += 1;
      else throw new Refused(String(status), `${done > 0 ? `${done} of ${calls.length} done; then ` : ''}${error ?? (last === '' ? `${service} answered ${status}` : last)}`);
    }
    return calls.length === 1 ? last : `${done} of ${calls.length} done${gone > 0 ? `, ${gone} not dead any more` : ''}`;
  } finally {
    deployment.close();
  }
}

const errorSchema = z.object({ error: z.string().optional(), reason: z.string().optional(), error_description: z.string().optional() });

/** `access_denied: policy denied (no_rule_matched)`; undefined for an answer that names no error. */
function errorOf(body: string): string | undefined {
  const { error, reason, error_description: description } = errorSchema.safeParse(jsonOf(body)).data ?? {};
  const code = error ?? reason;
  return code === undefined || description === undefined || description === '' ? code : `${code}: ${description}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Events are in the ledger some hundred milliseconds after the call, and after a backlog of seconds. */
const evidenceDeadlineMs = 30_000;
const looksAfterMs = [300, 700, 1_000, 2_000] as const;

export interface CanaryOptions extends RunOptions {
  /** The zone in view. */
  readonly zone: string;
  /** For tests. */
  readonly deadlineMs?: number;
}

/**
 * Sends the calls that `canaryCalls` told, and looks for their audit events, in Postgres or, where it is not given, by the
 * list of the API, until all are there or a deadline has passed.
 *
 * @throws Error when the target has nothing to call with; the signal's reason when it is aborted
 */
export async function runCanary({ target, zone, redactor, signal, deadlineMs = evidenceDeadlineMs }: CanaryOptions): Promise<CanaryRun> {
  const { canary } = target.target;
  if (canary === undefined) throw new Error('the target has no canary');
  const at = new Date().toISOString();
  const startedMs = performance.now();
  const deployment = await openTarget(target, { redactor, zone, signal, http: writing });
  try {
    const answers = await callAll(deployment, canary, { target, zone, redactor, signal });
    const evidence = await lookForEvents(deployment, zone, answers, deadlineMs, signal);
    return redactor.json({ at, tookMs: Math.round(performance.now() - startedMs), ...conclusion(answers, evidence), answers, evidence });
  } finally {
    deployment.close();
  }
}

const mintSchema = z.object({ access_token: z.string() });

async function callAll(deployment: Deployment, canary: CanaryTarget, { target, zone, redactor, signal }: RunOptions & { readonly zone: string }): Promise<readonly CanaryAnswer[]> {
  const answers: CanaryAnswer[] = [];
  const ask = async (step: CanaryStep, service: ServiceName, path: string, how: (client: WritingService, requestId: string, limit: AbortSignal) => Promise<HttpAnswer>, judge: (answer: HttpAnswer) => Pick<CanaryAnswer, 'said' | 'asExpected'>): Promise<HttpAnswer | undefined> => {
    const requestId = randomUUID();
    const startedMs = performance.now();
    let asked = `${step === 'call' ? 'GET' : 'POST'} ${path} of ${service}`;
    const told = (status: number | null, rest: Pick<CanaryAnswer, 'said' | 'asExpected'>): void => {
      answers.push({ step, asked, requestId, status, ...rest, tookMs: Math.round(performance.now() - startedMs) });
    };
    try {
      const client = writerOf(deployment, service);
      asked = `${step === 'call' ? 'GET' : 'POST'} ${client.at(path).href}`;
      const answer = await within(callDeadlineMs, signal, (limit) => how(client, requestId, limit));
      told(answer.status, judge(answer));
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = refusalOf(error, signal);
      told(null, { said: `${code}: ${message}`, asExpected: false });
      return undefined;
    }
  };
  const mint = (step: 'mint' | 'refusal') => async (client: WritingService, requestId: string, limit: AbortSignal): Promise<HttpAnswer> => {
    const secret = await resolveCredential(canary.clientSecret, { noun: 'client secret of the canary', folder: target.folder, redactor });
    return client.send('/oauth/2/token', { method: 'POST', headers: { 'x-request-id': requestId }, form: new URLSearchParams({ ...exchangeForm(canary, zone, step), client_secret: secret }) }, limit);
  };
  const words = ({ status, body }: HttpAnswer): string => errorOf(body) ?? `HTTP ${status}`;
  const minted = await ask('mint', 'sts', '/oauth/2/token', mint('mint'), (answer) => {
    const token = mintSchema.safeParse(jsonOf(answer.body)).data?.access_token;
    if (token !== undefined) redactor.learn(token, 'mandate of the canary');
    return { said: token === undefined ? words(answer) : 'a mandate was issued', asExpected: answer.status === 200 && token !== undefined };
  });
  const mandate = mintSchema.safeParse(jsonOf(minted?.body ?? '')).data?.access_token;
  if (mandate !== undefined) {
    await ask('call', 'gateway', calledPath(canary), (client, requestId, limit) => client.send(calledPath(canary), { method: 'GET', bearer: mandate, headers: { 'x-request-id': requestId, 'x-caracal-resource': canary.resource } }, limit), (answer) => {
      // It stands there exactly when the resource answered (contract, readiness 4.2).
      const isPassedOn = answer.headers['x-caracal-token-expires-in'] !== undefined;
      return { said: isPassedOn ? `passed on; the resource answered ${answer.status}` : words(answer), asExpected: isPassedOn };
    });
  }
  await ask('refusal', 'sts', '/oauth/2/token', mint('refusal'), (answer) => ({ said: answer.status === 200 ? 'a mandate was issued' : words(answer), asExpected: answer.status === 403 && errorOf(answer.body)?.startsWith('access_denied') === true }));
  return answers;
}

const eventSchema = z.object({ request_id: z.string().nullish(), event_type: z.string(), decision: z.string().nullish(), evaluation_status: z.string().nullish() })
  .transform((row): CanaryEvent => ({ requestId: row.request_id ?? '', type: row.event_type, decision: row.decision ?? '', evaluation: row.evaluation_status ?? '' }));

const pageSchema = z.object({ items: z.array(eventSchema) });

type Reading = (requestIds: readonly string[], signal: AbortSignal) => Promise<readonly CanaryEvent[]>;

async function lookForEvents(deployment: Deployment, zone: string, answers: readonly CanaryAnswer[], deadlineMs: number, signal: AbortSignal): Promise<CanaryEvidence> {
  const startedMs = performance.now();
  const found = (where: string | null, events: readonly CanaryEvent[], why = ''): CanaryEvidence => ({ where, events, missing: missingSteps(answers, events), why, tookMs: Math.round(performance.now() - startedMs) });
  let where: string | null = null;
  try {
    const ledger = ledgerOf(deployment, zone);
    ({ where } = ledger);
    const ids = answers.filter(({ status }) => status !== null).map(({ requestId }) => requestId);
    for (let look = 0; ; look += 1) {
      const events = await within(callDeadlineMs, signal, (limit) => ledger.read(ids, limit));
      const left = deadlineMs - (performance.now() - startedMs);
      if (missingSteps(answers, events).length === 0 || left <= 0) return found(where, events);
      await wait(Math.min(looksAfterMs[look] ?? 3_000, left), undefined, { signal });
    }
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = refusalOf(error, signal);
    return found(where, [], code === 'unavailable' ? message : `${code}: ${message}`);
  }
}

/** Where audit events are read. @throws Unavailable when there is neither Postgres nor a token of the API */
function ledgerOf(deployment: Deployment, zone: string): { readonly where: string; readonly read: Reading } {
  try {
    const postgres = deployment.postgres();
    return {
      where: 'Postgres',
      read: async (ids, signal) => z.array(eventSchema).parse(await postgres.query('SELECT request_id, event_type, decision, evaluation_status FROM audit_events WHERE zone_id = $1 AND request_id = ANY($2)', [zone, ids], signal)),
    };
  } catch (error) {
    if (!(error instanceof Unavailable) || !deployment.hasToken('admin')) throw error;
  }
  const api = deployment.http('api');
  return {
    where: 'the API',
    read: async (ids, signal) => {
      const pages = await Promise.all(ids.map(async (id) => {
        const { status, body } = await api.get({ path: `/v1/zones/${encodeURIComponent(zone)}/audit?${new URLSearchParams({ request_id: id, limit: '50' }).toString()}`, token: 'admin', signal });
        if (status !== 200) throw new Refused(String(status), errorOf(body) ?? 'the API answered without an error code');
        const page = pageSchema.safeParse(jsonOf(body)).data;
        if (page === undefined) throw new Refused('NOT_CARACAL', 'the answer is no list of audit events');
        return page.items;
      }));
      return pages.flat();
    },
  };
}
