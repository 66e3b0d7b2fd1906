/**
 * The lane against a peer that does what Redis does at its worst; against Redis itself:
 * test/integration/sidecar/read-lane.test.ts.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ReadLane } from '../../../../sidecar/store/read-lane.ts';
import type { LaneRead } from '../../../../sidecar/store/read-queue.ts';
import { until } from '../../../support/until.ts';

const FIELD = Buffer.from([0x0d, 0x0a, 0xff, 0x24]);
const VIEW = { id: 'v', field: FIELD, fieldNumber: 1 };
const LIMITS = { connectMs: 500, silentMs: 100 };

let server: Server | null = null;
let opened: ReadLane | null = null;
afterEach(() => {
  opened?.end();
  server?.close();
});

/** Answers the greeting; then every portion of bytes is given to `onBytes`. */
async function openLane(onBytes: (socket: Socket, bytes: Buffer) => void, password = ''): Promise<ReadLane> {
  server = createServer((socket) => {
    socket.on('error', () => {});
    let greeted = false;
    socket.on('data', (bytes: Buffer) => {
      if (greeted) return onBytes(socket, bytes);
      greeted = true;
      socket.write(password === '' ? '+PONG\r\n' : '+OK\r\n+PONG\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const credentials = {
    username: undefined,
    password: password === '' ? undefined : password,
    tls: undefined,
  };
  const lane = new ReadLane({ host: '127.0.0.1', port, database: 0, credentials }, LIMITS, () => {});
  opened = lane;
  lane.open();
  await until(() => lane.isOpen, 'the lane is open');
  return lane;
}

function reads(count: number): { readonly told: string[]; readonly list: LaneRead[] } {
  const told: string[] = [];
  const list = Array.from({ length: count }, (_, i) => ({
    key: `k${i}`,
    views: [VIEW],
    knownRow: () => null,
    onRows: (rows: readonly (string | null)[]) => void told.push(`${i}:${rows.join()}`),
    onLost: () => void told.push(`${i}:lost`),
    onSilent: () => void told.push(`${i}:silent`),
  }));
  return { told, list };
}

test('the reads of a tick leave in one write, and each is told its own rows', async () => {
  const received: Buffer[] = [];
  const lane = await openLane((socket, bytes) => {
    received.push(bytes);
    socket.write('*1\r\n$1\r\na\r\n*1\r\n$-1\r\n*1\r\n$2\r\n\r\n\r\n');
  });
  const { told, list } = reads(3);
  for (const read of list) lane.read(read);
  await until(() => told.length === 3, 'all are told');
  expect(told).toEqual(['0:a', '1:', '2:\r\n']);
  const command = (key: string): Buffer =>
    Buffer.concat([Buffer.from(`*3\r\n$5\r\nHMGET\r\n$2\r\n${key}\r\n$4\r\n`), FIELD, Buffer.from('\r\n')]);
  expect(received).toEqual([Buffer.concat(['k0', 'k1', 'k2'].map(command))]);
});

test.each([
  ['ends in the middle of a reply', (socket: Socket) => socket.end('*1\r\n$1\r\na\r\n*1\r\n$5\r\nab')],
  ['is reset', (socket: Socket) => socket.write('*1\r\n$1\r\na\r\n', () => socket.resetAndDestroy())],
  ['says LOADING', (socket: Socket) => socket.write('*1\r\n$1\r\na\r\n-LOADING wait\r\n')],
  ['wants a login', (socket: Socket) => socket.write('*1\r\n$1\r\na\r\n-NOAUTH please\r\n')],
  ['says what no Redis says', (socket: Socket) => socket.write('*1\r\n$1\r\na\r\n<html>\r\n')],
  ['says more than it was asked', (socket: Socket) => socket.write('*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n')],
])('a connection that %s gives its reads to the client, each once', async (_, act) => {
  const lane = await openLane((socket) => act(socket));
  const { told, list } = reads(3);
  for (const read of list) lane.read(read);
  await until(() => !lane.isOpen, 'the lane is closed');
  expect(told).toEqual(['0:a', '1:lost', '2:lost']);
});

test.each(['MOVED 1 127.0.0.1:1', 'ASK 1 127.0.0.1:1'])('%s concerns one read', async (refusal) => {
  const lane = await openLane((socket) => socket.write(`-${refusal}\r\n*1\r\n$1\r\nb\r\n`));
  const { told, list } = reads(2);
  for (const read of list) lane.read(read);
  await until(() => told.length === 2, 'both are told');
  expect([told, lane.isOpen]).toEqual([['0:lost', '1:b'], true]);
});

test('a silent node fails its reads, and the lane is at rest', async () => {
  const lane = await openLane((socket) => socket.write('*1\r\n$1\r\na\r\n'));
  const { told, list } = reads(2);
  for (const read of list) lane.read(read);
  await until(() => told.length === 2, 'both are told');
  expect(told).toEqual(['0:a', '1:silent']);
  lane.open();
  expect(lane.isOpen).toBe(false);
  await until(() => (lane.open(), lane.isOpen), 'it opens again');
});

test('a login that is refused leaves it closed', async () => {
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('-WRONGPASS no\r\n+PONG\r\n'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const address = {
    host: '127.0.0.1',
    port,
    database: 3,
    credentials: { username: 'u', password: 'p', tls: undefined },
  };
  let wasOpen = false;
  const lane = new ReadLane(address, LIMITS, () => (wasOpen = true));
  opened = lane;
  lane.open();
  const [socket] = (await once(server, 'connection')) as [Socket];
  await once(socket, 'close');
  expect([wasOpen, lane.isOpen]).toEqual([false, false]);
});
