import { createHash, createHmac } from 'node:crypto';
import { sameHex } from './streams.ts';

/** Headers of a signed request from the Gateway to the STS (contract, readiness 4.2). */
export const GATEWAY_HEADERS = {
  timestamp: 'x-caracal-gateway-timestamp', nonce: 'x-caracal-gateway-request', signature: 'x-caracal-gateway-signature',
} as const;
/** Clock skew that the STS allows. */
export const MAX_SKEW_SECONDS = 60;

export type GatewayEnvelope = { timestamp: string; nonce: string; method: string; path: string; body: string };

/** HMAC over time, nonce, method, path and the body's hash (Caracal packages/core/go/sts/gateway_auth.go). */
export function signGatewayRequest(key: Buffer, { timestamp, nonce, method, path, body }: GatewayEnvelope): string {
  const digest = createHash('sha256').update(body).digest('hex');
  return createHmac('sha256', key).update([timestamp, nonce, method.toUpperCase(), path, digest].join('\n')).digest('hex');
}

/** Whether key, time and content are right; the nonce is the caller's to judge. */
export function isGatewayRequest(key: Buffer, envelope: GatewayEnvelope, signature: string): boolean {
  const skew = Math.abs(Date.now() / 1000 - Number(envelope.timestamp));
  return skew <= MAX_SKEW_SECONDS && sameHex(signature, signGatewayRequest(key, envelope));
}
