import { connect } from 'node:net';
import type { WebSocket } from 'ws';
import type { Pod } from './objects.ts';

/** A TCP address that stands behind a port of a pod. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The subprotocol of the kubelet's port-forward over WebSocket (kubernetes pkg/kubelet/server/portforward/websocket.go). */
export const portForwardProtocol = 'v4.channel.k8s.io';

/**
 * Forwards each port over two channels: 2·n carries data both ways, 2·n+1 what went wrong. The first
 * message of each is the port's number, little-endian. The socket closes once all connections ended.
 *
 * @param address of the port, or undefined when nothing in the pod listens on it
 */
export function forwardPorts(socket: WebSocket, pod: Pod, ports: readonly number[], address: (port: number) => Address | undefined): void {
  let open = ports.length;
  const ended = (): void => {
    open -= 1;
    if (open === 0) socket.close(1000);
  };
  const receivers = ports.map((port, index) => {
    const [data, error] = [2 * index, 2 * index + 1];
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    for (const channel of [data, error]) socket.send(Buffer.concat([Buffer.from([channel]), number]));
    return forwardPort(socket, { data, error, pod, port, to: address(port), ended });
  });
  socket.on('message', (message: Buffer) => {
    const channel = message[0] ?? 1;
    if (channel % 2 === 0) receivers[channel / 2]?.(message.subarray(1));
  });
}

function forwardPort(
  socket: WebSocket,
  { data, error, pod, port, to, ended }: { data: number; error: number; pod: Pod; port: number; to: Address | undefined; ended: () => void },
): (bytes: Buffer) => void {
  const refused = (): void => {
    const words = `error forwarding port ${port} to pod ${sandboxOf(pod)}, uid : failed to execute portforward in network namespace `
      + `"/var/run/netns/cni-${pod.metadata.uid}": failed to connect to localhost:${port} inside namespace "${sandboxOf(pod)}", `
      + `IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused IPv6 dial tcp6 [::1]:${port}: connect: connection refused `;
    socket.send(Buffer.concat([Buffer.from([error]), Buffer.from(words)]), ended);
  };
  if (to === undefined) {
    refused();
    return () => undefined;
  }
  const connection = connect({ ...to, noDelay: true });
  let connected = false;
  connection.on('connect', () => {
    connected = true;
  });
  connection.on('data', (bytes) => {
    connection.pause();
    socket.send(Buffer.concat([Buffer.from([data]), bytes]), () => connection.resume());
  });
  connection.on('drain', () => {
    socket.resume();
  });
  connection.on('error', () => undefined); // 'close' follows
  connection.on('close', () => {
    if (connected) ended();
    else refused();
  });
  socket.on('close', () => {
    connection.destroy();
  });
  return (bytes) => {
    if (!connection.write(bytes)) socket.pause();
  };
}

/** The id of the pod's sandbox in the container runtime. */
function sandboxOf({ metadata: { uid } }: Pod): string {
  return uid.replaceAll('-', '').repeat(2);
}
