import type { TrafficPlan } from './traffic.ts';

/** What a caller gets. */
export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  /** As `curl -i` writes it. */
  readonly text: string;
}

type Governed = TrafficPlan['allowed'];

/** An Application that mints mandates and calls the resource through the Gateway, as an SDK does. */
export class Caller {
  readonly #plan: TrafficPlan;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
  }

  /** Asks the STS for a mandate within a Session and a Delegation. */
  mint({ applicationId, sessionId, edgeId }: Governed = this.#plan.allowed, more: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.exchange({ application_id: applicationId, agent_session_id: sessionId, delegation_edge_id: edgeId, scope: 'invoice:read', ...more });
  }

  exchange(fields: Readonly<Record<string, string>>): Promise<Reply> {
    const { sts, zoneId, clientSecret, resource } = this.#plan;
    return reply(`${sts}/oauth/2/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', zone_id: zoneId, client_secret: clientSecret, resource, ...fields }) });
  }

  /** Presents a mandate to the Gateway. */
  call(mandate: string, path = '/invoices'): Promise<Reply> {
    return reply(`${this.#plan.gateway}${path}`, { headers: { authorization: `Bearer ${mandate}`, 'x-caracal-resource': this.#plan.resource } });
  }
}

/** The mandate of a reply. @throws Error when it has none */
export function mandateOf({ body, text }: Reply): string {
  const { access_token: token } = body;
  if (typeof token !== 'string') throw new Error(`no mandate was issued:\n${text}`);
  return token;
}

async function reply(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\r\n');
  return { status: response.status, body: JSON.parse(text) as Reply['body'], requestId: response.headers.get('x-request-id') ?? '', text: `HTTP/1.1 ${response.status} ${response.statusText}\r\n${headers}\r\n\r\n${text}` };
}
