import fc from 'fast-check';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { GuardLane } from '../../../../../materializer/online/redis/guard-lane.ts';
import {
  argumentsOf,
  guardCommand,
  GUARD_SHA,
  GuardShapes,
} from '../../../../../materializer/online/redis/guard-script.ts';
import type { GuardedRow } from '../../../../../materializer/online/redis/guard-script.ts';
import { NO_LOGIN } from '../../../../../project/connections/redis-address.ts';
import { LiveCredentials } from '../../../../../project/connections/redis-connection.ts';
import { fieldOf } from '../../../../../contract/wire/online/online-layout.ts';

const shapes = new GuardShapes(fieldOf);

function guarded(
  key: string,
  row: Buffer,
  superseded: readonly number[] = [],
  expiresInMs: number | null = null,
): GuardedRow {
  const online = { key, view: 'spend', row, superseded, expiresInMs };
  return { key, row, shape: shapes.of(online, { replace: false }) };
}

/** As the protocol has it, word by word. */
function naive(words: readonly (string | Buffer | number)[]): Buffer {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

/** A lane to a server that answers the greeting, and then what `onBytes` says. */
async function laneTo(onBytes: (socket: Socket, bytes: Buffer) => void): Promise<GuardLane> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    let greeted = false;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      const from = greeted ? 0 : bytes.indexOf('*9\r\n');
      if (!greeted) socket.write(`$40\r\n${GUARD_SHA}\r\n`);
      greeted = true;
      if (from >= 0 && from < bytes.length) onBytes(socket, bytes.subarray(from));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const lane = new GuardLane({ host: '127.0.0.1', port }, 0, new LiveCredentials(NO_LOGIN, null));
  onTestFinished(() => {
    lane.end();
    for (const socket of open) socket.destroy();
    server.close();
  });
  return lane;
}

test('a call goes down the wire as the client library would send it', () => {
  const row = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const ids = fc.array(fc.nat(2 ** 32 - 1), { maxLength: 3 });
  const expires = fc.option(fc.nat(), { nil: null });
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), row, ids, expires, (key, bytes, superseded, expiresInMs) => {
      const call = guarded(key.toWellFormed(), bytes, superseded, expiresInMs);
      const out = Buffer.alloc(call.key.length * 3 + bytes.length + call.shape.most + 5);
      const end = guardCommand(out, 5, call);
      expect(out.subarray(5, end)).toEqual(naive(['EVALSHA', GUARD_SHA, ...argumentsOf(call)]));
    }),
  );
});

test('answers are counted however they are cut, and a refusal is its call only', async () => {
  const replies = ':0\r\n:1\r\n-NOSCRIPT No matching script.\r\n:4\r\n:2\r\n';
  const rows = Array.from({ length: 5 }, (_, i) => guarded(`k${i}`, Buffer.from('row')));
  for (let cut = 1; cut < replies.length; cut++) {
    const lane = await laneTo((socket) => {
      socket.setNoDelay(true);
      socket.write(replies.slice(0, cut), () => setImmediate(() => socket.write(replies.slice(cut))));
    });
    const answers = await lane.send(rows);
    expect(answers.map((answer) => (typeof answer === 'number' ? answer : answer.message))).toEqual([
      0,
      1,
      'NOSCRIPT No matching script.',
      4,
      2,
    ]);
  }
});

test('a lost connection leaves an error for each call without an answer, and the next batch opens it anew', async () => {
  let connections = 0;
  const lane = await laneTo((socket) => {
    connections += 1;
    if (connections === 1) socket.end(':0\r\n');
    else socket.write(':0\r\n:0\r\n');
  });
  const rows = [guarded('a', Buffer.from('1')), guarded('b', Buffer.from('2'))];
  const [first, second] = await lane.send(rows);
  expect(first).toBe(0);
  expect((second as Error).message).toMatch(/connection/i);
  expect(await lane.send(rows)).toEqual([0, 0]);
});

test('what is no answer closes the lane', async () => {
  const lane = await laneTo((socket) => socket.write('+OK\r\n'));
  const [answer] = await lane.send([guarded('a', Buffer.from('1'))]);
  expect((answer as Error).message).toContain('what is no answer: +OK');
});
