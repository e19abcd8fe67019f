import type { TrafficPlan } from './traffic.ts';

/** What a caller gets. */
export interface Reply {
  readonly status: number;
  /** Empty for what is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
  /** The one that was answered, else the one that was sent. */
  readonly requestId: string;
  /** As `curl -i` writes it. */
  readonly text: string;
}

type Governed = TrafficPlan['allowed'];
type Fields = Readonly<Record<string, string | readonly string[]>>;

/** An Application that mints mandates and calls the resource through the Gateway, as an SDK does, and the people around it. */
export class Caller {
  readonly #plan: TrafficPlan;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
  }

  /** Asks the STS for a mandate within a Session and a Delegation. */
  mint({ applicationId, sessionId, edgeId }: Governed = this.#plan.allowed, more: Fields = {}): Promise<Reply> {
    return this.exchange({ application_id: applicationId, agent_session_id: sessionId, delegation_edge_id: edgeId, scope: 'invoice:read', ...more });
  }

  /** @param fields of the form; a list is sent field by field, an empty one not at all */
  exchange(fields: Fields, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const { sts, zoneId, clientSecret, resource } = this.#plan;
    const all: Fields = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', zone_id: zoneId, client_secret: clientSecret, resource, ...fields };
    return reply(`${sts}/oauth/2/token`, { method: 'POST', headers, body: form(all) });
  }

  /** Presents a mandate to the Gateway. */
  call(mandate: string, path = '/invoices', { resource = this.#plan.resource, ...init }: RequestInit & { resource?: string } = {}): Promise<Reply> {
    return reply(`${this.#plan.gateway}${path}`, { ...init, headers: { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${mandate}`, 'x-caracal-resource': resource } });
  }

  /** Asks the API, as a rule with the bootstrap token. */
  api(path: string, { token = this.#plan.adminToken, body }: { token?: string; body?: unknown } = {}): Promise<Reply> {
    const headers = { authorization: `Bearer ${token}` };
    return reply(`${this.#plan.api}/v1${path}`, body === undefined ? { headers } : { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  /** An operator decides a hold. */
  decide(approvalId: string, decision: 'approve' | 'reject', reason?: string): Promise<Reply> {
    return this.api(`/zones/${this.#plan.zoneId}/approvals/${approvalId}/${decision}`, { body: reason === undefined ? {} : { reason } });
  }

  /** A federated user decides a hold in the Application's own surface. */
  decideAsSubject(approvalId: string, mandate: string, body: Readonly<Record<string, string>>): Promise<Reply> {
    return reply(`${this.#plan.sts}/approvals/${approvalId}/decision`, { method: 'POST', headers: { authorization: `Bearer ${mandate}` }, body: JSON.stringify(body) });
  }

  /** Looks at a hold, as its requester does, without any credential. */
  approval(approvalId: string, waitSeconds = 0): Promise<Reply> {
    return reply(`${this.#plan.sts}/approvals/${approvalId}?wait=${String(waitSeconds)}`);
  }

  /** The launcher's request, under a request id of its own, because the answer does not tell it. */
  run(what: 'manifest' | 'credential', fields: Fields, requestId: string, launchId?: string): Promise<Reply> {
    return reply(`${this.#plan.sts}/v1/run/${what}`, { method: 'POST', headers: { 'x-request-id': requestId, ...(launchId === undefined ? {} : { 'x-caracal-launch-id': launchId }) }, body: form(fields) });
  }

  /** Runs a command on the control path. */
  control(mandate: string, body: unknown): Promise<Reply> {
    return this.api('/control/invoke', { token: mandate, body });
  }
}

/** The mandate of a reply. @throws Error when it has none */
export function mandateOf({ body, text }: Reply): string {
  const { access_token: token } = body;
  if (typeof token !== 'string') throw new Error(`no mandate was issued:\n${text}`);
  return token;
}

function form(fields: Fields): URLSearchParams {
  return new URLSearchParams(Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])));
}

async function reply(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\r\n');
  const sent = (init.headers as Record<string, string> | undefined)?.['x-request-id'];
  return {
    status: response.status, body: objectOf(text), headers: response.headers, requestId: response.headers.get('x-request-id') ?? sent ?? '',
    text: `HTTP/1.1 ${response.status} ${response.statusText}\r\n${lines}\r\n\r\n${text}`,
  };
}

function objectOf(text: string): Reply['body'] {
  try {
    return JSON.parse(text) as Reply['body'];
  } catch {
    return {};
  }
}
