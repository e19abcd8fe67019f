import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** A port in front of a server's own, which fails in the ways in which servers and networks do. */
export class Gate {
  readonly #server: Server;
  readonly #port: number;
  readonly #pairs = new Map<Socket, Socket>();
  #frozen = false;

  /** @param inner port of the server on 127.0.0.1 */
  constructor(port: number, inner: number) {
    this.#port = port;
    this.#server = createServer((client) => {
      this.#open(client, inner);
    });
  }

  /** Open connections. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** @throws Error when the port is taken */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Drops all connections, and listens no more. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.disconnect();
    await closed;
  }

  disconnect(): void {
    for (const client of this.#pairs.keys()) client.destroy();
  }

  /** Accepts connections and lets no byte through. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of [...this.#pairs].flat()) socket.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const socket of [...this.#pairs].flat()) socket.resume();
  }

  #open(client: Socket, inner: number): void {
    const server = connect({ port: inner, host: '127.0.0.1', noDelay: true });
    client.setNoDelay();
    this.#pairs.set(client, server);
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => {
        if (!this.#frozen) from.resume();
      });
      from.on('error', () => undefined); // 'close' follows
      if (this.#frozen) from.pause();
    };
    pass(client, server);
    pass(server, client);
    client.on('close', () => {
      server.destroy();
      this.#pairs.delete(client);
    });
    server.on('close', () => {
      client.destroySoon();
    });
  }
}
