/**
 * Triton's own client, `tritonclient[grpc]`, and the stubs that Feast generates of its service read over gRPC what was
 * written, to the bit.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runServe } from '../../sidecar/main.ts';
import type { RunningSidecar } from '../../sidecar/main.ts';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import {
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  customer,
  feature,
  manualClock,
  productStats,
  profile,
  service,
  spend,
  view,
} from '../support/fixtures/serving-fixture.ts';
import { doubles, floats } from '../support/http/tensor-request.ts';

const BIG_ID = 9_007_199_254_740_993n;
const FACE = Float32Array.of(0.1, -0, Number.NaN);
const style = view('style', customer, [feature('face', 'embedding(3)'), feature('last', 'list<int64>')]);

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly hex: string;
}
interface TensorAnswer {
  readonly id?: string;
  readonly version?: string;
  readonly tensors?: Readonly<Record<string, Tensor>>;
  readonly status?: string;
  readonly message?: string;
}
interface FeatureAnswer {
  readonly names?: readonly string[];
  readonly columns?: readonly {
    readonly kinds: readonly (string | null)[];
    readonly values: readonly unknown[];
    readonly statuses: readonly string[];
    readonly seconds: readonly number[];
  }[];
  readonly status?: string;
  readonly message?: string;
}
interface Report {
  readonly live: boolean;
  readonly ready: boolean;
  readonly server: object;
  readonly model: object;
  readonly version: string;
  readonly tensors: readonly TensorAnswer[];
  readonly features: readonly FeatureAnswer[];
}

let fixture: ServingFixture;
let served: RunningSidecar;
let report: Report;

beforeAll(async () => {
  const python = await pythonEnvironment();
  const flags = { 'serve.deadlineMs': '5000', 'serve.grpcPort': '0' };
  fixture = new ServingFixture(manualClock(), flags, content());
  for (const id of [1n, BIG_ID]) fixture.put(profile, id, PROFILE_VALUES);
  fixture.put(spend, 1n, [5e-324, null]);
  fixture.put(productStats, '茶', [2.5]);
  fixture.put(style, 1n, [FACE, [1n, 2n]]);
  for (const id of ['profile', 'spend', 'product', 'style']) fixture.mark(id, NOON_US);
  served = await runServe(fixture.project());
  const ids = { name: 'customer_id', datatype: 'INT64', values: ['1', String(BIG_ID), '404'] };
  const codes = { name: 'product_code', datatype: 'BYTES', values: ['茶', '茶', 'nobody'] };
  const tensors = [
    { model: 'everything', inputs: [ids, codes] },
    { model: 'looks', inputs: [{ ...ids, values: ['1', '404'] }] },
    { model: 'looks', inputs: [ids], outputs: ['style__face'] },
    { model: 'none', inputs: [ids] },
    { model: 'everything', inputs: [ids] },
  ];
  const features = [
    { service: 'profile_only', entities: { customer_id: [1, 404] } },
    { features: ['style:face', 'style:last', 'spend:orders'], entities: { customer_id: [1] } },
    { service: 'none', entities: { customer_id: [1] } },
    { service: 'everything', entities: { customer_id: [1], product_code: ['茶', '茶'] } },
  ];
  const job = { host: `127.0.0.1:${served.grpcPort}`, tensors, features };
  report = JSON.parse(
    await python.run('test/clients/grpc_client.py', { input: JSON.stringify(job) }),
  ) as Report;
});

afterAll(async () => {
  await served?.stop();
  fixture?.close();
});

const bytesOf = (tensor: Tensor): Buffer => Buffer.from(tensor.hex, 'hex');

test("Triton's client reads every number and status, and embeddings as tensors", () => {
  const [everything, looks, face] = report.tensors.map(({ tensors }) => tensors!);
  const row = [7, 9_007_199_254_740_992, Math.fround(0.1), -0];
  expect([everything!['features']!.dtype, everything!['features']!.shape]).toEqual(['float64', [3, 7]]);
  expect(doubles(bytesOf(everything!['features']!))).toEqual(
    [
      [...row, 5e-324, Number.NaN, 2.5],
      [...row, Number.NaN, 0, 2.5],
      [-1, Number.NaN, 0.5, Number.NaN, Number.NaN, 0, Number.NaN],
    ].flat(),
  );
  expect([...bytesOf(everything!['status']!)]).toEqual(
    [
      [0, 0, 0, 0, 0, 1, 0],
      [0, 0, 0, 0, 2, 2, 0],
      [2, 2, 2, 2, 2, 2, 2],
    ].flat(),
  );
  const nans = [Number.NaN, Number.NaN, Number.NaN];
  expect([looks!['style__face']!.dtype, looks!['style__face']!.shape]).toEqual(['float32', [2, 3]]);
  expect(floats(bytesOf(looks!['style__face']!))).toEqual([...FACE, ...nans]);
  expect(floats(bytesOf(looks!['style__last']!))).toEqual([1, 2, Number.NaN, Number.NaN]);
  expect([looks!['status']!.shape, [...bytesOf(looks!['status']!)]]).toEqual([
    [2, 2],
    [0, 0, 2, 2],
  ]);
  expect(Object.keys(face!)).toEqual(['style__face']);
  expect(report.tensors[0]).toMatchObject({ id: 'r1', version: '3' });
});

test('health and metadata are what the client expects', () => {
  expect(report).toMatchObject({
    live: true,
    ready: true,
    server: { name: 'plumbline' },
    model: {
      ready: true,
      metadata: {
        name: 'looks',
        outputs: [{ name: 'features' }, { name: 'status' }, { shape: ['-1', '3'] }, {}],
      },
    },
  });
});

test('a mistake reaches the user as one sentence with its status', () => {
  expect(report.tensors.slice(3)).toEqual([
    {
      status: 'StatusCode.NOT_FOUND',
      message: expect.stringMatching(/no feature service "none"/) as unknown,
    },
    {
      status: 'StatusCode.INVALID_ARGUMENT',
      message:
        'inputs lacks a tensor for the join key product_code; everything takes customer_id, product_code',
    },
  ]);
  expect(report.features.slice(2)).toEqual([
    { status: 'NOT_FOUND', message: expect.stringMatching(/no feature service "none"/) as unknown },
    {
      status: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/has 2 values, but others have 1/) as unknown,
    },
  ]);
});

test("Feast's stubs read every value in the field of its type", () => {
  const [everyType, lists] = report.features;
  expect(everyType!.names).toEqual([
    'customer_id',
    ...profile.features.map(({ name }) => `profile__${name}`),
  ]);
  const columns = everyType!.columns!;
  expect(columns.map(({ kinds, values }) => [kinds[0], values[0]])).toEqual([
    ['int64_val', '1'],
    ['string_val', 'Ada "A" Löwe'],
    ['int32_val', 7],
    ['int64_val', '9007199254740993'],
    ['float_val', Math.fround(0.1)],
    ['double_val', -0],
    ['bool_val', true],
    ['unix_timestamp_val', 1_795_262_400],
    ['bytes_val', 'AQL/'],
  ]);
  expect(columns.map(({ statuses, values }) => [statuses[1], values[1]])).toEqual([
    ['PRESENT', '404'],
    ['NOT_FOUND', null],
    ['NOT_FOUND', -1],
    ['NOT_FOUND', null],
    ['NOT_FOUND', 0.5],
    ['NOT_FOUND', null],
    ['NOT_FOUND', null],
    ['NOT_FOUND', null],
    ['NOT_FOUND', null],
  ]);
  expect(columns[1]!.seconds).toEqual([(NOON_US - HOUR_US) / 1e6, 0]);
  expect(lists!.columns!.slice(1).map(({ values, statuses }) => [values[0], statuses[0]])).toEqual([
    [[...FACE].map((n) => (Number.isNaN(n) ? 'NaN' : n)), 'PRESENT'],
    [[1, 2], 'PRESENT'],
    [null, 'NULL_VALUE'],
  ]);
  expect(report.version).toMatch(/^\d+\./);
});

function content(): ReturnType<typeof bundleContent> {
  const plain = bundleContent();
  const looks = service('looks', [{ view: style, of: customer }]);
  return {
    ...plain,
    views: new Map([...plain.views, ['style', style]]),
    services: new Map([...plain.services, ['looks', looks]]),
  };
}
