import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { fileProblem } from '../smallFile.ts';
import { Refused, Unavailable } from '../failures.ts';
import { socketAddress } from './postgresAddress.ts';
import type { PostgresAddress } from './postgresAddress.ts';
import { firstBytes, openSocket, startTls } from './sockets.ts';

/** Length 8, then the code 80877103: https://www.postgresql.org/docs/18/protocol-message-formats.html, SSLRequest. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/**
 * Asks the server whether it speaks TLS. Only a Postgres gives one of the two answers.
 *
 * @throws Refused NOT_POSTGRES when something else answers, or with the errno.
 */
async function asksForTls(socket: Socket, signal: AbortSignal): Promise<boolean> {
  socket.write(sslRequest);
  const bytes = await firstBytes(socket, (read) => read.length > 0, signal);
  const [answer] = bytes.toString('latin1');
  // A byte more would come from somebody in between: CVE-2021-23222.
  if ((answer === 'S' || answer === 'N') && bytes.length === 1) return answer === 'S';
  if (answer === 'E') throw new Refused('53300', 'the server took the connection and refuses to serve it');
  throw new Refused('NOT_POSTGRES', 'what listens there is not Postgres');
}

/**
 * The TLS answer of the server; sends no credential and not even a user name.
 *
 * @throws Refused NOT_POSTGRES or the errno; the signal's reason when it is aborted.
 */
export async function postgresHello(address: PostgresAddress, signal: AbortSignal): Promise<{ readonly tls: boolean }> {
  const socket = await openSocket(socketAddress(address), signal);
  try {
    return { tls: await asksForTls(socket, signal) };
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

/** An open way to the server; `end` closes it at once. */
export interface PostgresSocket {
  readonly stream: Socket;
  end(): void;
}

/**
 * Connects as libpq does for each `sslmode`
 * (https://www.postgresql.org/docs/18/libpq-ssl.html#LIBPQ-SSL-PROTECTION): `require` encrypts
 * without checking the certificate unless a root is given, `prefer` takes what it gets. `allow`
 * counts as `prefer`. The driver is not left to do this, because it takes `require` for
 * `verify-full`, a false red with Caracal's Helm chart.
 *
 * @throws Refused with an errno, a TLS code, NOT_POSTGRES or NO_TLS; Unavailable when a certificate
 *   file cannot be read; the signal's reason when it is aborted. Then nothing is left open.
 */
export async function openPostgresSocket(address: PostgresAddress, signal: AbortSignal): Promise<PostgresSocket> {
  const { sslMode, host } = address;
  const overNetwork = !host.startsWith('/');
  const secure = overNetwork && sslMode !== 'disable' ? await tlsOptions(address) : undefined;
  const socket = await openSocket(socketAddress(address), signal);
  const plain = { stream: socket, end: () => socket.destroy() };
  try {
    if (!secure) return plain;
    const optional = sslMode === 'prefer' || sslMode === 'allow';
    if (!(await asksForTls(socket, signal))) {
      if (optional) return plain;
      throw new Refused('NO_TLS', `the server has no TLS, and sslmode=${sslMode} asks for it`);
    }
    try {
      const stream = await startTls(socket, host, secure, signal);
      return {
        stream,
        end: () => {
          stream.destroy();
          socket.destroy();
        },
      };
    } catch (error) {
      if (!optional || signal.aborted) throw error;
      return await openPostgresSocket({ ...address, sslMode: 'disable' }, signal);
    }
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  }
}

async function tlsOptions({ sslMode, sslRootCert, sslCert, sslKey }: PostgresAddress): Promise<ConnectionOptions> {
  const file = async (path: string | undefined, parameter: string): Promise<Buffer | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await readFile(path);
    } catch (error) {
      throw new Unavailable(`cannot read ${parameter} ${path}: ${fileProblem(error)}`, 'correct it in the connection string of Postgres');
    }
  };
  const [ca, cert, key] = await Promise.all([
    file(sslRootCert === 'system' ? undefined : sslRootCert, 'sslrootcert'),
    file(sslCert, 'sslcert'),
    file(sslKey, 'sslkey'),
  ]);
  const verified = sslMode.startsWith('verify-') || (sslMode === 'require' && sslRootCert !== undefined);
  const named = sslMode === 'verify-full' || sslRootCert === 'system';
  return {
    rejectUnauthorized: verified,
    ...(named ? {} : { checkServerIdentity: () => undefined }),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  };
}
