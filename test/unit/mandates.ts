/** Mandates that are signed here, with a key of this process. */
import type { Jwk } from '../../src/trace/verifier/signature.ts';

export const issuer = 'http://localhost:8080';
export const zone = '0198f000-0000-7000-8000-000000000001';
export const now = Date.UTC(2026, 7, 20, 14);
export const seconds = now / 1000;

/** A resource mandate of two hops, as contract request-evidence 10 shows one. */
export const claims: Readonly<Record<string, unknown>> = {
  iss: issuer, sub: 'app-orders', aud: ['billing-api'], exp: seconds + 600, iat: seconds - 300, jti: '0198f6a1-7a00-7000-8000-000000000077', zone_id: zone, client_id: 'app-orders',
  scope: 'invoice:read invoice:list', sid: '0198f6a1-79ff', root_sid: '0198f6a1-7000', use: 'resource', sub_type: 'application', target: ['billing-api'],
  agent_session_id: '0198f6a0-0001', delegation_edge_id: '0198f6a0-0002', source_session_id: '0198f69f-0003', target_session_id: '0198f6a0-0001', delegation_path: ['0198f6a0-0002'],
  delegation_chain: [{ application_id: 'app-orders', agent_session_id: '0198f69f-0003', delegation_edge_id: '0198f6a0-0002' }, { application_id: 'app-billing', agent_session_id: '0198f6a0-0001' }],
  hop_count: 1, delegation_graph_epoch: 7,
};

export const encoded = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export interface Signer {
  readonly jwk: Jwk;
  readonly sign: (payload: unknown, header?: Readonly<Record<string, unknown>>) => Promise<string>;
}

/** @param kid of the key, which a token names unless its header says otherwise */
export async function signer(kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  return {
    jwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' },
    sign: async (payload, header = { alg: 'ES256', typ: 'JWT', kid }) => {
      const input = `${encoded(header)}.${encoded(payload)}`;
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, new TextEncoder().encode(input));
      return `${input}.${Buffer.from(signature).toString('base64url')}`;
    },
  };
}
