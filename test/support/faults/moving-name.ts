/**
 * An address that stands for one server after another, as a name that is moved does: connections stay where they are.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

interface MovingName {
  readonly port: number;
  /** New connections go there; those that are open stay. */
  moveTo(port: number): void;
  close(): void;
}

export async function movingName(port: number): Promise<MovingName> {
  let target = port;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => {}).on('close', () => (open.delete(from), to.destroy()));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    moveTo(next) {
      target = next;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
