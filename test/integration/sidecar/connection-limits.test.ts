/** Clients that send a part and wait: what they can take of the sidecar. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { Admin } from '../../../sidecar/process/admin.ts';
import { nodeTransport } from '../../../sidecar/transport/node-http.ts';
import type { HttpHandler } from '../../../sidecar/transport/transport.ts';
import { uwsTransport } from '../../../sidecar/transport/uws.ts';
import { until } from '../../support/until.ts';

const MIB = 2 ** 20;
const ASK = '/ask';
const PART = Buffer.alloc(MIB - 1, 'x');
const HEAD = `POST ${ASK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${MIB}\r\n\r\n`;
const MANY = 80;

class Client {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => (this.text += chunk.toString()));
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.closed = true));
  }
}

let clients: Client[] = [];
afterEach(() => {
  for (const { socket } of clients) socket.destroy();
  clients = [];
});

function open(port: number, count: number): Client[] {
  const opened = Array.from({ length: count }, () => new Client(port));
  clients.push(...opened);
  return opened;
}

/** Answers 200 with the length of each body, and 503 where there is no room for it. */
const handler: HttpHandler = {
  routes: [{ method: 'POST', path: ASK }],
  onHead: () => true,
  onBody: (exchange, body) => exchange.reply(200, String(body.length), [], false),
  onTooLarge: (exchange) => exchange.reply(413, '', [], true),
  onNoRoom: (exchange) => exchange.reply(503, '', [], true),
};

describe.each(['uws', 'node'])('bodies that do not end, on %s', (name) => {
  test('are held up to 64 MiB; the next one is refused, and its connection closed', async () => {
    const transport = name === 'uws' ? await uwsTransport(handler) : nodeTransport(handler);
    const port = await transport.listen('127.0.0.1', 0);
    try {
      const slow = open(port, MANY);
      for (const { socket } of slow) {
        socket.write(HEAD);
        socket.write(PART);
      }
      const refused = (): Client[] => slow.filter(({ text }) => text.startsWith('HTTP/1.1 503'));
      await until(() => refused().length >= MANY - 64, 'the refusals');
      await until(() => refused().every(({ closed }) => closed), 'their end');
      const kept = slow.filter((client) => !refused().includes(client));
      expect(kept.length).toBeGreaterThan(32);
      // Who was taken is answered, however many others were refused.
      kept[0]!.socket.write('x');
      await until(() => kept[0]!.text.endsWith(`\r\n\r\n${MIB}`), 'the answer');
      for (const { socket } of slow) socket.destroy();
      await until(() => transport.connections === 0, 'their leaving');
      // All that they held is free again.
      const next = open(port, 32);
      for (const { socket } of next) {
        socket.write(HEAD);
        socket.write(PART);
        socket.write('x');
      }
      await until(() => next.every(({ text }) => text.endsWith(`\r\n\r\n${MIB}`)), 'all answers');
    } finally {
      transport.close();
    }
  });
});

test('the admin port holds 64 connections, closes the oldest for the next, and waits for no head', async () => {
  const admin = await Admin.open(
    { host: '127.0.0.1', port: 0, livezMs: 60_000, profiling: false },
    silentLogger,
  );
  try {
    const silent = open(admin.port, 200);
    const openOnes = (): Client[] => silent.filter(({ closed }) => !closed);
    await until(() => openOnes().length <= 64, 'the bound');
    const answer = await fetch(`http://127.0.0.1:${admin.port}/livez`);
    expect(answer.status).toBe(200);
    await until(() => openOnes().length === 0, 'the limit of time');
    // Who had to make room was told nothing, who was too slow was told so.
    const waited = silent.filter(({ text }) => text.startsWith('HTTP/1.1 408'));
    expect(silent.filter(({ text }) => text === '').length).toBeGreaterThanOrEqual(200 - 64);
    expect(waited.length).toBeGreaterThan(0);
  } finally {
    await admin.close();
  }
});
