/** What other clients do to a sidecar while an honest one is served: they leave, say nothing, smuggle, never stop. */
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { BENCH_KEY, BENCH_SERVICE } from '../../../benchmarks/harness/project.ts';
import type { MeasuredServer } from '../../../benchmarks/harness/contender.ts';
import type { Fault } from './fault.ts';
import { expectSteady } from './fault.ts';
import type { FaultReport } from './fault-report.ts';
import { FaultRun } from './fault-run.ts';
import { sendRaw, statusesOf } from '../http/raw-http.ts';
import { startRedis } from '../redis/redis.ts';
import { until } from '../until.ts';

const IDLE = 1_000;
/** An answer of some 200 KB, of which a client reads the first piece. */
const ROWS = 500;
/** uWebSockets.js does not tell connections apart: those that meet a refused one in its tick end with it. */
const LOST_BESIDE_REFUSED = 0.01;
const PAUSE_S = 0.03;
const BIG_HEAD_BYTES = 256 * 1024;

async function serveOn(transport: string, mayLose = 0): Promise<FaultRun> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return FaultRun.start({ online: redis.url, settings: [`serve.transport=${transport}`], mayLose });
}

function request(id: string, rows: number, more = ''): string {
  const body = JSON.stringify({
    feature_service: BENCH_SERVICE,
    entities: { [BENCH_KEY]: Array.from({ length: rows }, (_, i) => (i % 10) + 1) },
  });
  const head = `POST /feature-service/get-online-features HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\n`;
  return `${head}${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/**
 * Does a client's misdeed again and again, a few at once, until the honest client has had its answers, and it suffices.
 */
async function meanwhile(
  run: FaultRun,
  seconds: number,
  misdeed: (index: number) => Promise<void>,
  suffices: (done: number) => boolean,
): Promise<void> {
  const whole = { isOver: false };
  let done = 0;
  const doers = [0, 1].map(async () => {
    while (!whole.isOver) {
      await misdeed(done++);
      // At a rate of its own, not as fast as the sidecar can: it is not overload that is tested here.
      await run.answers(PAUSE_S);
    }
  });
  await run
    .answers(seconds)
    .then(() => until(() => suffices(done), 'the misdeeds were done'))
    .finally(() => (whole.isOver = true));
  await Promise.all(doers);
}

/** Nothing is left of those who are gone: no connection, no request in flight. */
async function expectNoTrace(server: MeasuredServer, descriptors: number): Promise<void> {
  await until(() => descriptorsOf(server) <= descriptors, 'their connections are closed');
  const metrics = await (await fetch(`http://127.0.0.1:${server.adminPort}/metrics`)).text();
  const inFlight = Number(/^plumbline_in_flight_values (\d+)/m.exec(metrics)?.[1]);
  expect(inFlight, 'values in flight: of the honest client at most').toBeLessThan(ROWS);
}

/** With some to spare for the log's files, the admin port and connections that come and go. */
function descriptorsOf({ pid }: MeasuredServer): number {
  return readdirSync(`/proc/${pid}/fd`).length - 20;
}

async function leave(transport: string, seconds: number): Promise<FaultReport> {
  const run = await serveOn(transport);
  await run.calm();
  const descriptors = descriptorsOf(run.server) + 20;
  run.breaks();
  let inMid = 0;
  const goes = (index: number): Promise<void> =>
    once((done) => {
      const socket = connect(run.server.port, '127.0.0.1');
      // Every other leaves before its answer, in the middle of its request.
      const text = request(`gone-${index}`, ROWS);
      socket.write(index % 2 === 0 ? text : text.slice(0, -100));
      if (index % 2 === 1) setTimeout(() => socket.destroy(), 2);
      socket.on('data', () => {
        inMid += 1;
        socket.destroy();
      });
      socket.on('error', () => {});
      socket.on('close', done);
    });
  // Of some answers the first piece was read.
  await meanwhile(run, seconds, goes, () => inMid > 3);
  await expectNoTrace(run.server, descriptors);
  run.mended();
  const report = await run.end();
  expectSteady(report, 'none');
  return report;
}

function once(begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => begin(resolve));
}

async function sayNothing(transport: string, seconds: number): Promise<FaultReport> {
  const run = await serveOn(transport);
  await run.calm();
  const descriptors = descriptorsOf(run.server) + 20;
  run.breaks();
  const idle: Socket[] = [];
  for (let i = 0; i < IDLE; i++) idle.push(connect(run.server.port, '127.0.0.1').on('error', () => {}));
  await Promise.all(idle.map((socket) => once((done) => void socket.once('connect', done))));
  await until(() => descriptorsOf(run.server) > IDLE / 2, 'the sidecar has taken them');
  await run.answers(seconds);
  for (const socket of idle) socket.destroy();
  await expectNoTrace(run.server, descriptors);
  run.mended();
  const report = await run.end();
  expectSteady(report, 'none');
  return report;
}

/** A second request in the body of the first, or a head that has no end. */
function misdeeds(index: number): string {
  const hidden = request(`smuggled-${index}`, 1);
  const first = (more: string): string => request(`first-${index}`, 1, more) + hidden;
  const heads = [
    first('Content-Length: 3\r\n'),
    first('Transfer-Encoding: chunked\r\n'),
    first('Transfer-Encoding : chunked\r\n'),
    first('Host: elsewhere.example\r\n'),
    first('Content-Length: +1\r\n'),
    first(`X-Big: ${'a'.repeat(BIG_HEAD_BYTES)}\r\n`),
    first(Array.from({ length: 5_000 }, (_, i) => `X-${i}: a\r\n`).join('')),
    `GET /${'a'.repeat(BIG_HEAD_BYTES)} HTTP/1.1\r\nHost: localhost\r\n\r\n${hidden}`,
    `GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ${'a'.repeat(BIG_HEAD_BYTES)}`,
  ];
  return heads[index % heads.length]!;
}

async function smuggle(transport: string, seconds: number): Promise<FaultReport> {
  const run = await serveOn(transport, transport === 'uws' ? LOST_BESIDE_REFUSED : 0);
  await run.calm();
  const descriptors = descriptorsOf(run.server) + 20;
  run.breaks();
  const answered: string[] = [];
  const smuggles = async (index: number): Promise<void> => {
    const { text } = await sendRaw(run.server.port, misdeeds(index), { quietMs: 100 });
    if (statusesOf(text).includes(200)) answered.push(text.slice(0, 200));
  };
  await meanwhile(run, seconds, smuggles, (done) => done > 18);
  await expectNoTrace(run.server, descriptors);
  run.mended();
  const report = await run.end();
  expectSteady(report, 'none');
  expect(answered).toEqual([]);
  expect(report.strangers).toEqual([]);
  return report;
}

/** Of a transport, `uws` or `node`. */
export const CLIENT_FAULTS: readonly Fault<string>[] = [
  { name: 'that leave in the middle of an answer', run: leave },
  { name: `a thousand that connect and say nothing`, run: sayNothing },
  { name: 'that smuggle requests and send heads without end', run: smuggle },
];
