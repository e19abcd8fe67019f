import { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { Unavailable } from '../failures.ts';
import type { Refused } from '../failures.ts';

/** Channels of port-forward's one port (kubernetes pkg/kubelet/server/portforward/websocket.go). */
const channels = { data: 0, error: 1 };

/** The first message of each channel begins with the number of the port. */
const headerBytes = 2;

/** Codes of a closing handshake: the other side is done. 1005 stands for none given. */
const orderly: ReadonlySet<number> = new Set([1_000, 1_001, 1_005]);

/** A frame of the kubelet is read whole. */
const largestFrame = 64 * 1024;

interface Chunk {
  readonly chunk: Buffer | string;
  readonly encoding: BufferEncoding;
}

/**
 * One connection into a pod, over a WebSocket of its own. It is a `net.Socket` because drivers and
 * TLS take nothing else, and it has no file descriptor: it is connected when it is made.
 */
export class ForwardSocket extends Socket {
  readonly #socket: WebSocket;
  readonly #skip = new Map([[channels.data, headerBytes], [channels.error, headerBytes]]);
  #idle: { readonly ms: number; timer: NodeJS.Timeout } | undefined;

  /** @param failed Makes the error of what the kubelet says went wrong. */
  constructor(socket: WebSocket, failed: (words: string) => Refused) {
    super();
    this.#socket = socket;
    // Node waits for this event of a socket without a descriptor (lib/internal/tls/wrap.js, TLSSocket._init).
    this.on('newListener', (event) => {
      if (event === 'connect') process.nextTick(() => this.emit('connect'));
    });
    socket.on('message', (message: Buffer) => this.#take(message, failed));
    socket.on('close', (code) => {
      if (orderly.has(code)) this.push(null);
      else this.#fail(brokenOff());
    });
    socket.on('error', () => this.#fail(brokenOff()));
    // Whoever waits is told as well; an event without a listener would end the process.
    this.on('error', () => undefined);
  }

  /** Whoever opened it has not seen it yet when the first message comes with the answer to the upgrade. */
  #fail(error: Refused | Unavailable): void {
    setImmediate(() => this.destroy(error));
  }

  #take(message: Buffer, failed: (words: string) => Refused): void {
    const channel = message[0] ?? channels.error;
    const skip = Math.min(this.#skip.get(channel) ?? 0, message.length - 1);
    this.#skip.set(channel, (this.#skip.get(channel) ?? 0) - skip);
    const content = message.subarray(1 + skip);
    if (content.length === 0) return;
    this.#active();
    if (channel === channels.error) this.#fail(failed(content.toString('utf8')));
    else if (!this.push(content)) this.#socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, written: (error?: Error | null) => void): void {
    this._writev([{ chunk, encoding }], written);
  }

  override _writev(chunks: readonly Chunk[], written: (error?: Error | null) => void): void {
    this.#active();
    const bytes = Buffer.concat(chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)));
    for (let start = 0; start < bytes.length; start += largestFrame) {
      const last = start + largestFrame >= bytes.length;
      const frame = Buffer.concat([Buffer.of(channels.data), bytes.subarray(start, start + largestFrame)]);
      this.#socket.send(frame, (error) => {
        if (last) written(error ? brokenOff() : null);
      });
    }
    if (bytes.length === 0) written();
  }

  /** The protocol cannot end one direction alone. */
  override _final(ended: () => void): void {
    this.#socket.close(1_000);
    ended();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    clearTimeout(this.#idle?.timer);
    this.#socket.terminate();
    destroyed(error);
    process.nextTick(() => this.emit('close', error !== null));
  }

  override setTimeout(ms: number, callback?: () => void): this {
    clearTimeout(this.#idle?.timer);
    this.#idle = ms === 0 ? undefined : { ms, timer: this.#timer(ms) };
    if (callback) {
      if (ms === 0) this.off('timeout', callback);
      else this.once('timeout', callback);
    }
    return this;
  }

  #timer(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.emit('timeout'), ms).unref();
  }

  #active(): void {
    if (!this.#idle) return;
    clearTimeout(this.#idle.timer);
    this.#idle.timer = this.#timer(this.#idle.ms);
  }

  // Without a descriptor there is nothing to set, and Node would wait for one.
  override setNoDelay(): this {
    return this;
  }

  override setKeepAlive(): this {
    return this;
  }

  override ref(): this {
    return this;
  }

  override unref(): this {
    return this;
  }
}

/** The way was lost, which says nothing of what stands behind it. */
function brokenOff(): Unavailable {
  return new Unavailable('the port-forward broke off', 'run again, or see Kubernetes › API server');
}
