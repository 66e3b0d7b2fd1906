/** gRPC under load and clients that misbehave: deadlines, overload, hostile frames, large and packed messages. */
import { connect as connectHttp2, constants } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { assemble } from '../../../sidecar/assembly.ts';
import type { Assembly } from '../../../sidecar/assembly.ts';
import { BundlePlans, ViewSlots } from '../../../sidecar/plan/bundle-plans.ts';
import { GrpcExchange } from '../../../sidecar/transport/grpc-exchange.ts';
import { grpcTransport } from '../../../sidecar/transport/grpc.ts';
import type { Transport } from '../../../sidecar/transport/transport.ts';
import { HeldReader } from '../../support/faults/held-reader.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  bundleContent,
  encodeRow,
  manualClock,
  profile,
} from '../../support/fixtures/serving-fixture.ts';
import { GrpcCaller, faultOf } from '../../support/grpc/grpc-caller.ts';
import { messageBytes } from '../../support/grpc/grpc-messages.ts';
import { int64Bytes } from '../../support/http/tensor-request.ts';
import { until } from '../../support/until.ts';

const METHOD = '/inference.GRPCInferenceService/ModelInfer';
const MESSAGE_LIMIT_MS = 300;
/** Of calls that name none. */
const DEADLINE_MS = 2_000;
const PATIENT = { deadlineMs: 60_000 };
const ROW = { rows: [encodeRow(profile, PROFILE_VALUES)], watermarks: [NOON_US] };

let reader: HeldReader;
let assembly: Assembly;
let transport: Transport;
let port: number;
let caller: GrpcCaller;

beforeEach(async () => {
  reader = new HeldReader();
  const layers = {
    fresh: false,
    readAhead: false,
    absent: false,
    stale: false,
    singleFlight: true,
    hotKeys: false,
  };
  assembly = assemble({
    plans: new BundlePlans({ ...bundleContent([profile]), hash: 'b' }, '', new ViewSlots()),
    reader,
    log: null,
    logPolicy: { durability: 'written', onFull: 'shed-log' },
    serve: {
      cacheEntries: 100,
      cacheBytes: 2 ** 20,
      cacheFreshMs: 5_000,
      staleLimitMs: 60_000,
      cacheLayers: layers,
      allowedHosts: [],
      deadlineMs: DEADLINE_MS,
    },
    clock: manualClock(),
    logger: silentLogger,
  });
  transport = await grpcTransport(assembly.grpcServer);
  port = await transport.listen('127.0.0.1', 0);
  caller = new GrpcCaller(port);
});

afterEach(() => {
  caller.close();
  transport.close();
});

function request(keys: readonly bigint[], id = ''): Buffer {
  return messageBytes('inference.ModelInferRequest', {
    model_name: 'profile_only',
    id,
    inputs: [{ name: 'customer_id', datatype: 'INT64', shape: [keys.length] }],
    outputs: [{ name: 'status' }],
    raw_input_contents: [int64Bytes(keys)],
  });
}

async function serves(): Promise<void> {
  reader.atOnce = ROW;
  await expect(caller.bytes(METHOD, request([1n]), PATIENT)).resolves.toBeInstanceOf(Buffer);
  reader.atOnce = null;
  expect(transport.open).toBe(0);
}

test('a call without a deadline is answered at that of the sidecar, with what is there', async () => {
  const bytes = await caller.bytes(METHOD, request([1n]));
  // All four numbers are UNAVAILABLE.
  expect(bytes.subarray(-4)).toEqual(Buffer.of(4, 4, 4, 4));
  expect(assembly.metrics.deadlineAnswers).toBe(1);
});

test('the deadline of a call counts, less the way of the answer', async () => {
  const seen: string[] = [];
  const onMessage = (exchange: GrpcExchange): void => {
    seen.push(exchange.head.deadlineMs);
    exchange.reply(200, Buffer.from('x'), []);
  };
  const own = await grpcTransport({ methods: ['/a/b'], onMessage });
  const client = new GrpcCaller(await own.listen('127.0.0.1', 0));
  for (const deadlineMs of [undefined, 30_000, 3_600_000]) {
    await client.bytes('/a/b', Buffer.alloc(0), deadlineMs === undefined ? {} : { deadlineMs });
  }
  client.close();
  own.close();
  const [none, some, most] = seen;
  expect([none, most]).toEqual(['', '60000']);
  expect(Number(some)).toBeGreaterThan(0);
  expect(Number(some)).toBeLessThanOrEqual(29_980);
  const exchange = new GrpcExchange(0, '/a/b', { message() {}, status() {} }, () => {});
  for (const [leftMs, deadlineMs] of [
    [100, 90],
    [8, 7.2],
    [500, 480],
    [0, 0.001],
    [-3, 0.001],
  ] as const) {
    exchange.setDeadline(leftMs);
    expect(Number(exchange.head.deadlineMs), String(leftMs)).toBeCloseTo(deadlineMs, 5);
  }
});

test('a call whose deadline has passed before its turn is refused unparsed', async () => {
  const metadata = { 'x-request-start': String(Date.now() - 120_000) };
  const fault = await faultOf(caller.bytes(METHOD, request([1n]), { ...PATIENT, metadata }));
  expect(fault).toMatchObject({ status: 'DEADLINE_EXCEEDED', code: 'SRV_OVERLOAD', retryMs: undefined });
  expect(fault.message).toMatch(/waited past its deadline/);
  expect(assembly.metrics.shed.late).toBe(1);
  expect(reader.asks).toEqual([]);
  await serves();
});

test('past the values in flight calls are refused at once, with the time to try again', async () => {
  const keys = Array.from({ length: 1_250 }, (_, i) => BigInt(i));
  const held: Promise<Buffer>[] = [];
  while (held.length < 20) {
    held.push(caller.bytes(METHOD, request(keys), PATIENT));
    const values = held.length * 10_000;
    // One after the other: a crowd would be refused for what it waits.
    await until(() => assembly.serving.inFlightValues === values, `${values} values wait for the store`);
  }
  const fault = await faultOf(caller.bytes(METHOD, request([1n]), PATIENT));
  expect(fault).toMatchObject({ status: 'RESOURCE_EXHAUSTED', code: 'SRV_OVERLOAD', retryMs: '1000' });
  reader.atOnce = { rows: [null], watermarks: [NOON_US] };
  reader.read([]);
  await Promise.all(held);
  await serves();
});

test('a message of 2 MiB is refused, and so is one that unpacks to more', async () => {
  const large = request([1n], 'x'.repeat(2 * 2 ** 20));
  for (const client of [caller, new GrpcCaller(port, { 'grpc.default_compression_algorithm': 2 })]) {
    const fault = await faultOf(client.bytes(METHOD, large));
    expect(fault.status).toBe('RESOURCE_EXHAUSTED');
    expect(fault.message).toMatch(/larger than/);
    if (client !== caller) client.close();
  }
  await serves();
});

test('packed messages are taken', async () => {
  reader.atOnce = ROW;
  for (const algorithm of [1, 2]) {
    const client = new GrpcCaller(port, { 'grpc.default_compression_algorithm': algorithm });
    const answer = await client.bytes(METHOD, request([1n], 'x'.repeat(10_000)));
    expect(answer.subarray(-4)).toEqual(Buffer.of(0, 0, 0, 0));
    client.close();
  }
});

test('a client that hangs is let go, one that leaves is not answered', async () => {
  const quick = await grpcTransport(assembly.grpcServer, MESSAGE_LIMIT_MS);
  const impatient = connectHttp2(`http://127.0.0.1:${await quick.listen('127.0.0.1', 0)}`);
  const half = begin(impatient);
  half.write(Buffer.of(0, 0, 0, 0, 200, 1, 2, 3));
  const silent = begin(impatient);
  for (const stream of [half, silent]) {
    const trailers = await ended(stream);
    expect(trailers['grpc-status']).toBe('4');
    expect(decodeURIComponent(String(trailers['grpc-message']))).toMatch(/did not arrive whole within 0.3 s/);
  }
  impatient.destroy();
  quick.close();
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const leaving = begin(session);
  leaving.end(framed(request([7n])));
  await until(() => reader.asks.length > 0, 'the call waits for the store');
  expect(transport.open).toBe(1);
  leaving.close(constants.NGHTTP2_CANCEL);
  await until(() => transport.open === 0, 'the call is over');
  session.close();
  await serves();
});

test('hostile frames end their connection or their call, and nothing else', async () => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const bodies = [
    framed(request([1n])).subarray(0, 9),
    Buffer.of(0, 255, 255, 255, 255),
    Buffer.of(1, 0, 0, 0, 1, 0),
    Buffer.of(7, 0, 0, 0, 0),
    Buffer.alloc(0),
    Buffer.concat([framed(request([1n])), framed(request([1n]))]),
  ];
  for (const body of bodies) {
    const stream = begin(session);
    stream.end(body);
    const trailers = await ended(stream);
    expect(Number(trailers['grpc-status'] ?? 13), body.toString('hex').slice(0, 20)).toBeGreaterThan(0);
  }
  const plain = session.request({ ':method': 'POST', ':path': METHOD, 'content-type': 'application/json' });
  plain.end('{}');
  expect((await ended(plain))[':status']).toBe(415);
  session.close();
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(12)}`,
    '\0'.repeat(100),
  ]) {
    await closedAfter(Buffer.from(bytes, 'latin1'));
  }
  await serves();
});

test('a call that is under way is answered though the port closes', async () => {
  const answer = caller.bytes(METHOD, request([1n]), PATIENT);
  await until(() => reader.asks.length > 0, 'the call waits for the store');
  transport.stopListening();
  await reader.answer(ROW);
  expect((await answer).subarray(-4)).toEqual(Buffer.of(0, 0, 0, 0));
  expect(transport.open).toBe(0);
  const fault = await faultOf(caller.bytes(METHOD, request([1n]), PATIENT));
  expect(fault.status).toBe('UNAVAILABLE');
});

function begin(session: ClientHttp2Session, headers: object = {}): ClientHttp2Stream {
  const stream = session.request(
    { ...headers, ':method': 'POST', ':path': METHOD, 'content-type': 'application/grpc', te: 'trailers' },
    { endStream: false },
  );
  stream.on('error', () => {});
  return stream;
}

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** @returns head and trailers of a stream whose server has ended it */
function ended(stream: ClientHttp2Stream): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  stream.on('response', (headers) => Object.assign(seen, headers));
  stream.on('trailers', (headers) => Object.assign(seen, headers));
  stream.resume();
  return new Promise((resolve) => {
    stream.on('end', () => {
      stream.close();
      resolve(seen);
    });
  });
}

/** Resolves when the server closes a connection that sent these bytes. */
function closedAfter(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}
