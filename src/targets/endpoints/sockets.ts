import { connect as connectSocket, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { errnoOf } from '../smallFile.ts';
import { Refused, Unavailable } from '../failures.ts';

/**
 * Opens a connection through something else, such as a port-forward; it is connected when it is returned.
 *
 * @throws Refused, Unavailable; the signal's reason when it is aborted, with nothing left open.
 */
export type Tunnel = (signal: AbortSignal) => Promise<Socket>;

/** A port of a host, the path of a Unix socket, or a tunnel. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string } | { readonly tunnel: Tunnel };

const noAuthority = 'the certificate comes from an authority that this machine does not know';

/** What the system or the TLS library says, in words; codes that are missing here stand for themselves. */
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed without an answer',
  EPIPE: 'the connection was closed without an answer',
  ETIMEDOUT: 'no answer to the connection attempt',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  EADDRNOTAVAIL: 'there is no route to the address',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the name server does not answer',
  ENOENT: 'there is no such socket',
  EACCES: 'this account may not connect to it',
  EPROTO: 'the TLS handshake failed; it may not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: noAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: noAuthority,
  UNABLE_TO_GET_ISSUER_CERT: noAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: noAuthority,
};

/**
 * A failed connection as a refusal, with the errno or TLS code and what it means, or as what a tunnel says
 * of itself. The system's own
 * message is not passed on, because it may quote what was sent.
 */
export function refusedBy(error: unknown, fallback = 'the connection failed'): Refused | Unavailable {
  // A tunnel tells what it was that failed.
  if (error instanceof Refused || error instanceof Unavailable) return error;
  // Several addresses of one name were tried: the first failure speaks for all.
  const cause: unknown = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const code = errnoOf(cause) ?? errnoOf(error) ?? 'ECONNRESET';
  return new Refused(code, meanings[code] ?? fallback);
}

/** The connection ended although an answer was due. */
export function closedEarly(): Refused {
  return new Refused('ECONNRESET', 'the connection was closed without an answer');
}

/**
 * Opens a connection.
 *
 * @throws Refused with the errno; the signal's reason when it is aborted, with nothing left open.
 */
export function openSocket(address: Address, signal: AbortSignal): Promise<Socket> {
  if ('tunnel' in address) return address.tunnel(signal);
  return ready(connectSocket({ ...address, noDelay: true }), 'connect', signal);
}

/**
 * Starts TLS on an open connection and returns the encrypted one. The other is its carrier: whoever
 * ends the one must end the other.
 *
 * @throws Refused with the TLS code; the signal's reason when it is aborted. Then nothing is left open.
 */
export async function startTls(socket: Socket, host: string, options: ConnectionOptions, signal: AbortSignal): Promise<TLSSocket> {
  try {
    return await ready(connectTls({ ...options, socket, host, ...serverName(host) }), 'secureConnect', signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The name for TLS to ask for and check; an IP address is none (RFC 6066, section 3). */
export function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

async function ready<Opened extends Socket>(socket: Opened, event: string, signal: AbortSignal): Promise<Opened> {
  const { promise, resolve, reject } = Promise.withResolvers<Opened>();
  const fail = (error: unknown): void => reject(refusedBy(error));
  const closed = (): void => reject(closedEarly());
  const abort = (): void => reject(signal.reason as Error);
  socket.once(event, () => resolve(socket)).once('error', fail).once('close', closed);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } catch (error) {
    // An error that comes while it is being destroyed has nobody left to tell.
    socket.on('error', () => undefined).destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.off('error', fail).off('close', closed);
  }
}

/**
 * Reads the first bytes of an answer, until `enough` says so or 1,024 came.
 *
 * @throws Refused ECONNRESET when the connection ends first; the signal's reason when it is aborted.
 */
export async function firstBytes(socket: Socket, enough: (bytes: Buffer) => boolean, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let bytes = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    if (enough(bytes) || bytes.length >= 1_024) resolve(bytes);
  };
  const fail = (error: unknown): void => reject(refusedBy(error));
  const closed = (): void => reject(closedEarly());
  const abort = (): void => reject(signal.reason as Error);
  socket.on('data', take).once('error', fail).once('end', closed).once('close', closed);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.pause();
    socket.off('data', take).off('error', fail).off('end', closed).off('close', closed);
  }
}
