/**
 * Triton's own Python client, `tritonclient[http]`, reads from the sidecar the numbers that were written, to the bit.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runServe } from '../../sidecar/main.ts';
import type { RunningSidecar } from '../../sidecar/main.ts';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  manualClock,
  productStats,
  profile,
  spend,
} from '../support/fixtures/serving-fixture.ts';
import { doubles, floats } from '../support/http/tensor-request.ts';

const BIG_ID = 9_007_199_254_740_993n;
const IDS = [1n, 2n, BIG_ID, BIG_ID - 1n, -5n];
const CODES = ['A', 'é{1}|:%', '茶', 'A', 'nobody'];
const NUMBERS = 7;
/** In the order of the tensor's columns: visits, points, score, balance, total, orders, price. */
const ROWS = [
  [7, 9_007_199_254_740_992, Math.fround(0.1), -0, 1.5, 3, 1],
  [-2_147_483_648, -(2 ** 63), Number.NaN, -Infinity, 5e-324, Number.NaN, 2.5],
  [2_147_483_647, 2 ** 63, Math.fround(3.4e38), 1.797e308, Number.NaN, 0, Number.NaN],
  // No row: fallbacks, and NaN where there is none.
  [-1, Number.NaN, 0.5, Number.NaN, Number.NaN, 0, 1],
  [-1, Number.NaN, 0.5, Number.NaN, Number.NaN, 0, Number.NaN],
];
const STATUSES = [
  [0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 1, 0],
  [0, 0, 0, 0, 2, 2, 0],
  [2, 2, 2, 2, 2, 2, 0],
  [2, 2, 2, 2, 2, 2, 2],
];

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly hex: string;
}
interface Answer {
  readonly id?: string;
  readonly version?: string;
  readonly tensors?: Readonly<Record<'features' | 'status', Tensor>>;
  readonly status?: string;
  readonly message?: string;
}
interface Report {
  readonly live: boolean;
  readonly ready: boolean;
  readonly server: { readonly name: string; readonly extensions: readonly string[] };
  readonly models: readonly { readonly ready: boolean; readonly metadata?: object }[];
  readonly answers: readonly Answer[];
}

let fixture: ServingFixture;
let served: RunningSidecar;
let report: Report;

beforeAll(async () => {
  const python = await pythonEnvironment();
  fixture = new ServingFixture(manualClock(), { 'serve.deadlineMs': '5000' }, content());
  seed(fixture);
  served = await runServe(fixture.project());
  const job = { host: `127.0.0.1:${served.port}`, models: ['everything', 'none'], requests: requests() };
  report = JSON.parse(
    await python.run('test/clients/triton_client.py', { input: JSON.stringify(job) }),
  ) as Report;
});

afterAll(async () => {
  await served?.stop();
  fixture?.close();
});

function requests(): object[] {
  const ids = { name: 'customer_id', datatype: 'INT64', values: IDS.map(String) };
  const codes = { name: 'product_code', datatype: 'BYTES', values: CODES };
  const inputs = [ids, codes];
  const outputs = ['features', 'status'];
  const small = { name: 'customer_id', datatype: 'INT32', values: ['1', '2'] };
  return [
    { model: 'everything', inputs, binary: true },
    { model: 'everything', inputs, outputs, binary: true },
    { model: 'everything', inputs, outputs, binary: false },
    { model: 'everything', inputs: [{ ...ids, datatype: 'BYTES', columns: 1 }, codes], binary: true },
    { model: 'narrow', inputs, binary: true },
    { model: 'everything', inputs: [small, { ...codes, values: ['A'] }], binary: true },
    { model: 'everything', inputs: [ids], binary: true },
    { model: 'none', inputs, binary: true },
    { model: 'everything', inputs: [ids, { ...codes, values: ['A', 'B'] }], binary: true },
  ];
}

const bytesOf = (tensor: Tensor): Buffer => Buffer.from(tensor.hex, 'hex');

test('every number and status arrives, as bytes with a list of outputs and without', () => {
  for (const answer of report.answers.slice(0, 2)) {
    const { features, status } = answer.tensors!;
    expect([features.dtype, features.shape]).toEqual(['float64', [IDS.length, NUMBERS]]);
    expect(doubles(bytesOf(features))).toEqual(ROWS.flat());
    expect([status.dtype, status.shape]).toEqual(['uint8', [IDS.length, NUMBERS]]);
    expect([...bytesOf(status)]).toEqual(STATUSES.flat());
    expect([answer.id, answer.version]).toEqual(['r1', '3']);
  }
});

test('JSON gives the same bits, but for infinity, which JSON does not have', () => {
  const { features, status } = report.answers[2]!.tensors!;
  expect(doubles(bytesOf(features))).toEqual(ROWS.flat().map((n) => (Number.isFinite(n) ? n : Number.NaN)));
  expect([...bytesOf(status)]).toEqual(STATUSES.flat());
});

test('integers may come as text, as a column, as INT32; one value stands for all rows', () => {
  expect(report.answers[3]!.tensors).toEqual(report.answers[0]!.tensors);
  expect(doubles(bytesOf(report.answers[5]!.tensors!.features))).toEqual([
    ...ROWS[0]!,
    ...ROWS[1]!.with(6, 1),
  ]);
});

test('a service of float32 gives float32', () => {
  const { features, status } = report.answers[4]!.tensors!;
  expect([features.dtype, features.shape]).toEqual(['float32', [IDS.length, NUMBERS]]);
  expect(floats(bytesOf(features))).toEqual(ROWS.flat().map(Math.fround));
  expect([...bytesOf(status)]).toEqual(STATUSES.flat());
});

test('health, readiness and metadata are what the client expects', () => {
  expect(report).toMatchObject({
    live: true,
    ready: true,
    server: { name: 'plumbline', extensions: ['binary_tensor_data'] },
    models: [
      {
        ready: true,
        metadata: { name: 'everything', outputs: [{ shape: [-1, NUMBERS] }, { name: 'status' }] },
      },
      { ready: false },
    ],
  });
});

test('a mistake reaches the user as one sentence with its status', () => {
  const [noKey, noModel, ragged] = report.answers.slice(6);
  expect(noKey).toEqual({
    status: '400',
    message:
      'inputs lacks a tensor for the join key product_code; everything takes customer_id, product_code',
  });
  expect(noModel).toMatchObject({
    status: '404',
    message: expect.stringMatching(/no feature service "none"/) as unknown,
  });
  expect(ragged).toEqual({ status: '400', message: 'the input product_code has 2 rows, but others have 5' });
});

function content(): ReturnType<typeof bundleContent> {
  const plain = bundleContent();
  const narrow = { ...plain.services.get('everything')!, name: 'narrow', tensor: 'float32' as const };
  return { ...plain, services: new Map([...plain.services, ['narrow', narrow]]) };
}

function seed(to: ServingFixture): void {
  to.put(profile, 1n, PROFILE_VALUES);
  to.put(
    profile,
    2n,
    PROFILE_VALUES.with(1, -2_147_483_648)
      .with(2, -(2n ** 63n))
      .with(3, Number.NaN)
      .with(4, -Infinity),
  );
  to.put(
    profile,
    BIG_ID,
    PROFILE_VALUES.with(1, 2_147_483_647)
      .with(2, 2n ** 63n - 1n)
      .with(3, Math.fround(3.4e38))
      .with(4, 1.797e308),
  );
  to.put(spend, 1n, [1.5, 3n]);
  to.put(spend, 2n, [5e-324, null]);
  to.put(productStats, 'A', [1]);
  to.put(productStats, 'é{1}|:%', [2.5]);
  to.put(productStats, '茶', [Number.NaN]);
  for (const id of ['profile', 'spend', 'product']) to.mark(id, NOON_US);
}
