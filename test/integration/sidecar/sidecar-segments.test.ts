/** A request that comes in two segments, cut at each of its bytes, on both transports; and heads that are long. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { sendRaw, statusesOf } from '../../support/http/raw-http.ts';
import { ServingFixture, manualClock } from '../../support/fixtures/serving-fixture.ts';

const BODY = '{"feature_service":"profile_only","entities":{"customer_id":[1]}}';
const LINE = 'POST /feature-service/get-online-features HTTP/1.1\r\n';
const REQUEST = `${LINE}Host: localhost\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
/** Turns of the loop, which is the server's too: behind them it has read what was sent. */
const TURNS = 4;

describe.each(['uws', 'node'])('on %s', (transport) => {
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(manualClock(), {
      'serve.transport': transport,
      'serve.deadlineMs': '60000',
    });
    served = await runServe(fixture.project());
  });

  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  /** @returns the status, 0 when the connection ended without one */
  async function statusOfCut(cut: number): Promise<number> {
    const socket = connect(served.port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    const answer = new Promise<number>((resolve) => {
      socket.once('data', (chunk) => resolve(statusesOf(chunk.toString())[0] ?? 0));
      socket.once('close', () => resolve(0));
    });
    socket.on('error', () => {});
    await new Promise<void>((resolve) => void socket.write(REQUEST.slice(0, cut), () => resolve()));
    for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
    socket.write(REQUEST.slice(cut));
    const status = await answer;
    socket.destroy();
    return status;
  }

  test('cut at any byte it is answered, but for the request line on uWebSockets.js, as the documentation says', async () => {
    const refused: number[] = [];
    for (let cut = 1; cut < REQUEST.length; cut++) {
      const status = await statusOfCut(cut);
      if (status !== 200) refused.push(cut);
      if (status !== 200) expect([cut, status]).toEqual([cut, 505]);
    }
    const version = LINE.indexOf(' HTTP');
    // Before the path, and within " HTTP/1.1" and its line end. When a binary mends it, this list is empty.
    const known = ['POST '.length, ...Array.from({ length: 10 }, (_, i) => version + 1 + i)];
    expect(refused).toEqual(transport === 'uws' ? known : []);
  });

  test.each([5_000, 12_000])('a head of %d bytes is taken', async (bytes) => {
    const long = REQUEST.replace('\r\n\r\n', `\r\nX-Trace: ${'t'.repeat(bytes)}\r\n\r\n`);
    expect(statusesOf((await sendRaw(served.port, long, { answers: 1 })).text)).toEqual([200]);
  });
});
