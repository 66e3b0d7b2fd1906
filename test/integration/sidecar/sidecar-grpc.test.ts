/** gRPC beside HTTP: the same answers by both protocols, log, metrics, bad input, the end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Bundle } from '../../../contract/model.ts';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import { LoggedAnswer, answeredFeatures } from '../../../monitor/answers/logged-answer.ts';
import type { SettingFlags } from '../../../project/settings/setting-sources.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  DAY_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  customer,
  feature,
  manualClock,
  product,
  productStats,
  profile,
  service,
  spend,
  view,
} from '../../support/fixtures/serving-fixture.ts';
import { GrpcCaller, faultOf } from '../../support/grpc/grpc-caller.ts';
import { messageBytes } from '../../support/grpc/grpc-messages.ts';
import { QUIET_NODE, run } from '../../support/processes/plumb-process.ts';
import {
  binaryRequest,
  doubles,
  floats,
  int64Bytes,
  readAnswer,
  textBytes,
} from '../../support/http/tensor-request.ts';

const BIG_ID = 9_007_199_254_740_993n;
const FACE = Float32Array.of(0.1, -0);
const style = view('style', customer, [
  feature('face', 'embedding(2)'),
  feature('tags', 'list<string>'),
  feature('sizes', 'map<int64>'),
  feature('place', 'struct<lat: float64, names: list<string>>'),
]);
const nested = view('nested', customer, [feature('grid', 'list<list<int32>>')]);

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents?: Readonly<Record<string, readonly number[]>>;
}
interface InferAnswer {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly parameters: Readonly<Record<string, { string_param?: string; double_param?: number }>>;
  readonly outputs: readonly Tensor[];
  readonly raw_output_contents: readonly Buffer[];
}
interface FeastAnswer {
  readonly metadata: { readonly feature_names: { readonly val: readonly string[] } };
  readonly results: readonly {
    readonly values: readonly Readonly<Record<string, unknown>>[];
    readonly statuses: readonly string[];
    readonly event_timestamps: readonly { readonly seconds?: string; readonly nanos?: number }[];
  }[];
}

const clock = manualClock();
let fixture: ServingFixture;
let served: RunningSidecar;
let caller: GrpcCaller;

beforeAll(async () => {
  fixture = new ServingFixture(clock, { 'serve.grpcPort': '0' }, content());
  seed(fixture);
  served = await runServe(fixture.project());
  caller = new GrpcCaller(served.grpcPort!);
});

afterAll(async () => {
  caller.close();
  await served.stop();
  fixture.close();
});

const ids = (values: readonly (bigint | number)[]): object => {
  return { name: 'customer_id', datatype: 'INT64', shape: [values.length] };
};
const rawOf = (model: string, keys: readonly bigint[], more: object = {}): object => {
  return { model_name: model, inputs: [ids(keys)], raw_input_contents: [int64Bytes(keys)], ...more };
};
const infer = (request: object, options = {}): Promise<InferAnswer> =>
  caller.inference<InferAnswer>('ModelInfer', request, options);
const online = (request: object): Promise<FeastAnswer> =>
  caller.feast<FeastAnswer>('GetOnlineFeatures', request);
const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${served.port}${path}`, { method: 'POST', body, headers });

describe('the Open Inference Protocol', () => {
  const KEYS = [1n, 2n, 20n, 21n, 404n, BIG_ID];
  const inputs = [ids(KEYS), { name: 'product_code', datatype: 'BYTES', shape: [1] }];
  const raw = [int64Bytes(KEYS), textBytes(['é{1}'])];

  test('has the same bits as over HTTP, from the store, from the cache and from the ready ring', async () => {
    for (const _ of [1, 2, 3]) {
      const answer = await infer({ model_name: 'everything', id: 'a "b"', inputs, raw_input_contents: raw });
      const { body, jsonBytes } = binaryRequest(
        { inputs: inputs as never, parameters: { binary_data_output: true } },
        raw,
      );
      const headers = { 'inference-header-content-length': String(jsonBytes) };
      const { json, binary } = await readAnswer(await post('/v2/models/everything/infer', body, headers));
      expect(answer.outputs.map(({ name, datatype, shape }) => [name, datatype, shape.map(Number)])).toEqual(
        json.outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
      );
      for (const [i, { name }] of json.outputs.entries())
        expect(answer.raw_output_contents[i], name).toEqual(binary[name]);
      expect([answer.model_name, answer.model_version, answer.id]).toEqual(['everything', '3', 'a "b"']);
      expect(answer.parameters['bundle']).toEqual({ string_param: fixture.bundle.hash });
      expect(answer.parameters['oldest_age_ms']!.double_param).toBeGreaterThan(0);
      expect(answer.parameters['request_id']!.string_param).toMatch(/-\d+$/);
    }
  });

  test('answers lists of values to lists of values', async () => {
    const rawAnswer = await infer({ model_name: 'everything', inputs, raw_input_contents: raw });
    for (const [datatype, contents] of [
      ['INT64', { int64_contents: KEYS.map(String) }],
      ['BYTES', { bytes_contents: KEYS.map((key) => Buffer.from(String(key))) }],
    ] as const) {
      const typed = [
        { ...inputs[0], datatype, shape: [KEYS.length, 1], contents },
        { ...inputs[1], contents: { bytes_contents: [Buffer.from('é{1}')] } },
      ];
      const answer = await infer({ model_name: 'everything', inputs: typed });
      expect(answer.raw_output_contents).toEqual([]);
      const [features, status] = answer.outputs;
      expect(features!.contents!['fp64_contents']).toEqual(doubles(rawAnswer.raw_output_contents[0]!));
      expect(status!.contents!['uint_contents']).toEqual([...rawAnswer.raw_output_contents[1]!]);
    }
    const small = [{ ...inputs[0], datatype: 'INT32', shape: [2], contents: { int_contents: [1, -7] } }];
    const answer = await infer({ model_name: 'profile_only', inputs: small });
    expect(answer.outputs[1]!.contents!['uint_contents']).toEqual([0, 0, 0, 0, 2, 2, 2, 2]);
  });

  test('has embeddings as tensors, of float32 services float32, and only the outputs that are asked for', async () => {
    const looks = await infer(rawOf('looks', [1n, 404n]));
    expect(looks.outputs.map(({ name, datatype, shape }) => [name, datatype, shape.map(Number)])).toEqual([
      ['features', 'FP64', [2, 0]],
      ['status', 'UINT8', [2, 1]],
      ['style__face', 'FP32', [2, 2]],
    ]);
    expect(floats(looks.raw_output_contents[2]!)).toEqual([...FACE, Number.NaN, Number.NaN]);
    const typed = { ...ids([1]), contents: { int64_contents: ['1'] } };
    const face = { name: 'style__face' };
    const one = await infer({ model_name: 'looks', inputs: [typed], outputs: [face] });
    expect(one.outputs).toMatchObject([{ ...face, contents: { fp32_contents: [...FACE] } }]);
    const narrow = await infer(
      rawOf('narrow', [1n], { outputs: [{ name: 'status' }, { name: 'features' }] }),
    );
    expect(narrow.outputs.map(({ name, datatype }) => [name, datatype])).toEqual([
      ['status', 'UINT8'],
      ['features', 'FP32'],
    ]);
  });

  test('tells what is there', async () => {
    expect(await caller.inference('ServerLive', {})).toEqual({ live: true });
    expect(await caller.inference('ServerReady', {})).toEqual({ ready: true });
    expect(await caller.inference('ModelReady', { name: 'looks', version: '3' })).toEqual({ ready: true });
    expect(await caller.inference('ServerMetadata', {})).toMatchObject({ name: 'plumbline', extensions: [] });
    const metadata = await caller.inference<{ properties: Record<string, string> }>('ModelMetadata', {
      name: 'looks',
    });
    expect(metadata).toMatchObject({
      name: 'looks',
      versions: ['3'],
      platform: 'plumbline',
      inputs: [{ name: 'customer_id', datatype: 'INT64', shape: ['-1'] }],
      outputs: [
        { name: 'features' },
        { name: 'status' },
        { name: 'style__face', datatype: 'FP32', shape: ['-1', '2'] },
      ],
    });
    expect(JSON.parse(metadata.properties['status_columns']!)).toEqual(['style__face']);
    expect(metadata.properties['precision']).toBe('every value is exact');
  });

  const one = { ...ids([1]), contents: { int64_contents: ['1'] } };
  const wrong: [string, object, string, string, RegExp][] = [
    ['no such model', rawOf('none', [1n]), 'NOT_FOUND', 'SRV_UNKNOWN_SERVICE', /no feature service "none"/],
    [
      'another version',
      rawOf('looks', [1n], { model_version: '2' }),
      'NOT_FOUND',
      'SRV_UNKNOWN_SERVICE',
      /version 3/,
    ],
    [
      'raw and typed contents mixed',
      { model_name: 'looks', inputs: [one], raw_input_contents: [int64Bytes([1n])] },
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /inputs\[0\].contents stands beside raw_input_contents/,
    ],
    [
      'fewer raw contents than inputs',
      { model_name: 'everything', inputs, raw_input_contents: [raw[0]] },
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /has 1 entries for 2 inputs/,
    ],
    [
      'no data at all',
      { model_name: 'looks', inputs: [ids([1])] },
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /inputs\[0\] has no data/,
    ],
    [
      'another list than that of the datatype',
      { model_name: 'looks', inputs: [{ ...ids([1]), contents: { fp64_contents: [1] } }] },
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /holds fp64_contents, but INT64 stands in int64_contents/,
    ],
    [
      'fewer values than rows',
      { model_name: 'looks', inputs: [{ ...one, shape: [2] }] },
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /inputs\[0\] has 8 bytes, but 2 values of INT64 take 16/,
    ],
    [
      'a datatype that no key has',
      { model_name: 'looks', inputs: [{ ...one, datatype: 'UINT8' }] },
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /datatype should be one of/,
    ],
    [
      'a negative shape',
      rawOf('looks', [1n], { inputs: [{ ...ids([1]), shape: [-1] }] }),
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /shape/,
    ],
    [
      'an unknown input',
      { model_name: 'looks', inputs: [{ ...one, name: 'id' }] },
      'INVALID_ARGUMENT',
      'SRV_UNKNOWN_KEY',
      /no input "id"/,
    ],
    ['no input', { model_name: 'looks' }, 'INVALID_ARGUMENT', 'SRV_KEY_MISSING', /lacks a tensor/],
    [
      'class labels',
      rawOf('looks', [1n], {
        outputs: [{ name: 'features', parameters: { classification: { int64_param: 2 } } }],
      }),
      'INVALID_ARGUMENT',
      'SRV_TENSOR',
      /binary_data only/,
    ],
    [
      'too many values',
      rawOf(
        'profile_only',
        Array.from({ length: 1_251 }, (_, i) => BigInt(i)),
      ),
      'INVALID_ARGUMENT',
      'SRV_TOO_MANY_VALUES',
      /1251 rows of 8 features/,
    ],
  ];
  test.each(wrong)('%s is refused', async (_, request, status, code, message) => {
    const fault = await faultOf(infer(request));
    expect([fault.status, fault.code]).toEqual([status, code]);
    expect(fault.message).toMatch(message);
    expect([fault.field === '', fault.retryMs]).toEqual([false, undefined]);
  });
});

describe("Feast's service", () => {
  const column = (name: string, values: readonly object[]): object => ({ [name]: { val: values } });
  const KEYS = ['1', '2', '20', '404'];
  const entities = column(
    'customer_id',
    KEYS.map((int64_val) => ({ int64_val })),
  );

  test('has the values, statuses and times that it has over HTTP', async () => {
    for (const full of [true, false]) {
      const answer = await online({ feature_service: 'profile_only', entities, full_feature_names: full });
      const body = {
        feature_service: 'profile_only',
        entities: { customer_id: KEYS },
        full_feature_names: full,
      };
      const http = (await (await post('/get-online-features', JSON.stringify(body))).json()) as {
        results: { values: unknown[]; statuses: string[]; event_timestamps: string[] }[];
        metadata: { feature_names: string[] };
      };
      expect(answer.metadata.feature_names.val).toEqual(http.metadata.feature_names);
      expect(answer.results.map(({ statuses }) => statuses)).toEqual(
        http.results.map(({ statuses }) => statuses),
      );
      const times = answer.results.map(({ event_timestamps }) =>
        event_timestamps.map(({ seconds = '0', nanos = 0 }) => Number(seconds) * 1_000 + nanos / 1e6),
      );
      expect(times).toEqual(
        http.results.map((result) => result.event_timestamps.map((text) => Date.parse(text))),
      );
    }
    const { results } = await online({ feature_service: 'profile_only', entities });
    const seconds = String(1_795_262_400);
    expect(results.map(({ values }) => values[0])).toEqual([
      { int64_val: '1' },
      { string_val: 'Ada "A" Löwe' },
      { int32_val: 7 },
      { int64_val: '9007199254740993' },
      { float_val: Math.fround(0.1) },
      { double_val: -0 },
      { bool_val: true },
      { unix_timestamp_val: seconds },
      { bytes_val: Buffer.of(1, 2, 255) },
    ]);
    // A null has no field; where there is no row the fallback stands, or nothing.
    expect(results[2]!.values[2]).toEqual({});
    expect(results.map(({ values }) => values[3])).toEqual([
      { int64_val: '404' },
      {},
      { int32_val: -1 },
      {},
      { float_val: 0.5 },
      {},
      {},
      {},
      {},
    ]);
  });

  test('has lists, maps and structs in their fields', async () => {
    const { results } = await online({
      features: { val: ['style:face', 'style:tags', 'style:sizes', 'style:place'] },
      entities: column('customer_id', [{ int64_val: '1' }]),
    });
    expect(results.slice(1).map(({ values }) => values[0])).toEqual([
      { float_list_val: { val: [...FACE] } },
      { string_list_val: { val: ['a', 'é'] } },
      { map_val: { val: { x: { int64_val: '5' }, y: {} } } },
      { map_val: { val: { lat: { double_val: 1.5 }, names: { string_list_val: { val: ['n'] } } } } },
    ]);
  });

  test('tells its version', async () => {
    expect(await caller.feast('GetFeastServingInfo', {})).toMatchObject({
      version: expect.stringMatching(/^\d/) as unknown,
    });
  });

  const one = column('customer_id', [{ int64_val: '1' }]);
  const wrong: [string, object, string, string, RegExp][] = [
    [
      'no such service',
      { feature_service: 'none', entities: one },
      'NOT_FOUND',
      'SRV_UNKNOWN_SERVICE',
      /"none"/,
    ],
    [
      'no such feature',
      { features: { val: ['style:x'] }, entities: one },
      'NOT_FOUND',
      'SRV_UNKNOWN_FEATURE',
      /no feature x/,
    ],
    ['neither of the two', { entities: one }, 'INVALID_ARGUMENT', 'SRV_REQUEST', /expected feature_service/],
    [
      'no keys',
      { feature_service: 'looks' },
      'INVALID_ARGUMENT',
      'SRV_KEY_MISSING',
      /lacks the join key customer_id/,
    ],
    [
      'a null key',
      { feature_service: 'looks', entities: column('customer_id', [{}]) },
      'INVALID_ARGUMENT',
      'SRV_KEY_MISSING',
      /is null/,
    ],
    [
      'a key of another type',
      { feature_service: 'looks', entities: column('customer_id', [{ string_val: 'x' }]) },
      'INVALID_ARGUMENT',
      'SRV_KEY_TYPE',
      /int64/,
    ],
    [
      'bytes as a key',
      { feature_service: 'looks', entities: column('customer_id', [{ bytes_val: Buffer.from('1') }]) },
      'INVALID_ARGUMENT',
      'SRV_KEY_TYPE',
      /int64/,
    ],
    [
      'no rows',
      { feature_service: 'looks', entities: column('customer_id', []) },
      'INVALID_ARGUMENT',
      'SRV_NO_ROWS',
      /empty/,
    ],
    [
      'a type without a form',
      { feature_service: 'grids', entities: one },
      'INVALID_ARGUMENT',
      'SRV_NO_FORM',
      /nested__grid/,
    ],
    [
      'a null in a list',
      { features: { val: ['style:tags'] }, entities: column('customer_id', [{ int64_val: '2' }]) },
      'INVALID_ARGUMENT',
      'SRV_NO_FORM',
      /style__tags .* of row 0 holds a null in a list/,
    ],
  ];
  test.each(wrong)('%s is refused', async (_, request, status, code, message) => {
    const fault = await faultOf(online(request));
    expect([fault.status, fault.code]).toEqual([status, code]);
    expect(fault.message).toMatch(message);
  });
});

test('bytes that are no message are refused by name', async () => {
  for (const [method, name] of [
    ['inference.GRPCInferenceService/ModelInfer', 'ModelInferRequest'],
    ['inference.GRPCInferenceService/ModelReady', 'ModelReadyRequest'],
    ['feast.serving.ServingService/GetOnlineFeatures', 'GetOnlineFeaturesRequest'],
  ] as const) {
    const fault = await faultOf(caller.bytes(`/${method}`, Buffer.of(0x0a, 9, 1)));
    expect(fault).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'SRV_MESSAGE' });
    expect(fault.message).toBe(`the message is no ${name}: field 1 takes 9 bytes, and 1 are left`);
  }
  const fault = await faultOf(
    caller.bytes('/inference.GRPCInferenceService/ModelStreamInfer', Buffer.alloc(0)),
  );
  expect(fault.status).toBe('UNIMPLEMENTED');
});

test('what was answered is logged by its surface, and the monitor reads the answer', async () => {
  const metadata = { 'x-request-id': 'grpc-1' };
  const request = {
    feature_service: 'profile_only',
    entities: { customer_id: { val: [{ int64_val: '1' }] } },
  };
  const feast = await caller.bytes(
    '/feast.serving.ServingService/GetOnlineFeatures',
    messageBytes('feast.serving.GetOnlineFeaturesRequest', request),
    { metadata },
  );
  const typed = { ...ids([1]), contents: { int64_contents: ['1'] } };
  const tensors = await Promise.all(
    [rawOf('profile_only', [1n]), { model_name: 'profile_only', inputs: [typed] }].map((message) =>
      caller.bytes(
        '/inference.GRPCInferenceService/ModelInfer',
        messageBytes('inference.ModelInferRequest', message),
        { metadata },
      ),
    ),
  );
  const logged = [...readServedLog(fixture.project().settings.log.spool)].flatMap((item) =>
    item.kind === 'served' && item.record.requestId === 'grpc-1' ? [item.record] : [],
  );
  expect(logged.map(({ surface, vectors }) => [SURFACES[surface], vectors[0]!.keys])).toEqual([
    ['feast-grpc', ['1']],
    ['oip-grpc', ['1']],
    ['oip-grpc', ['1']],
  ]);
  const features = answeredFeatures(fixture.bundle, fixture.bundle.services.get('profile_only')!);
  const answers = [
    new LoggedAnswer(feast, 'feast-grpc', features),
    ...tensors.map((t) => new LoggedAnswer(t, 'oip-grpc', features)),
  ];
  for (const [a, answer] of answers.entries()) {
    for (const [i, named] of features.entries()) {
      const isTold = a === 0 || ['int32', 'int64', 'float32', 'float64'].includes(named.type.kind);
      expect(answer.says(0, named, PROFILE_VALUES[i]!), named.name).toBe(isTold ? true : null);
    }
  }
  const bad = await faultOf(infer(rawOf('profile_only', [1n]), { metadata: { 'x-request-id': 'a"b' } }));
  expect(bad).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'SRV_REQUEST', field: 'x-request-id' });
});

test('what was answered and refused is counted by its method', async () => {
  const text = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
  for (const [route, code] of [
    ['/inference.GRPCInferenceService/ModelInfer', 200],
    ['/inference.GRPCInferenceService/ModelInfer', 400],
    ['/inference.GRPCInferenceService/ModelInfer', 404],
    ['/inference.GRPCInferenceService/ServerLive', 200],
    ['/feast.serving.ServingService/GetOnlineFeatures', 200],
  ] as const) {
    expect(text).toContain(`plumbline_requests_total{route="${route}",code="${code}"}`);
  }
  expect(text).toMatch(
    /plumbline_request_duration_seconds_count\{route="\/inference.GRPCInferenceService\/ModelInfer"\} [1-9]/,
  );
});

test('a port that is in use is refused by its setting, and all that was open is closed', async () => {
  const other = new ServingFixture(clock, { 'serve.grpcPort': String(served.grpcPort) });
  await expect(runServe(other.project())).rejects.toMatchObject({
    code: 'SRV_PORT',
    message: expect.stringMatching(/cannot listen on 127\.0\.0\.1:\d+: the port is in use/) as unknown,
    details: { field: 'serve.grpcPort' },
  });
  other.close();
});

test('without the setting nothing of gRPC is open, and the end refuses calls', async () => {
  const plain = new ServingFixture(clock, {}, content());
  const running = await runServe(plain.project());
  expect(running.grpcPort).toBeNull();
  await running.stop();
  const ended = await runServe(plain.project({ 'serve.grpcPort': '0' }));
  expect(plain.said.join('\n')).toContain(`gRPC on 127.0.0.1:${ended.grpcPort}, admin on`);
  const client = new GrpcCaller(ended.grpcPort!);
  expect(await client.inference('ServerLive', {})).toEqual({ live: true });
  await ended.stop();
  expect((await faultOf(client.inference('ServerLive', {}))).status).toBe('UNAVAILABLE');
  client.close();
  plain.close();
});

test.each<[string, SettingFlags, boolean]>([
  ['off', {}, false],
  ['on', { 'serve.grpcPort': '0' }, true],
])('of its library nothing is loaded but where it is on: %s', async (_, flags, isLoaded) => {
  const plain = new ServingFixture(clock, flags, content());
  onTestFinished(() => plain.close());
  const at = (path: string): string =>
    JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../..', path)).href);
  // A process of its own, since this one has loaded it for its clients.
  const script = `
    import { createRequire } from 'node:module';
    const { openProject } = await import(${at('project/project.ts')});
    const { silentLogger } = await import(${at('contract/std/logger.ts')});
    const { runServe } = await import(${at('sidecar/main.ts')});
    const flags = ${JSON.stringify(flags)};
    const served = await runServe(openProject(${JSON.stringify(plain.folder)}, silentLogger, {}, flags));
    const body = { inputs: [{ name: 'customer_id', datatype: 'INT64', shape: [1], data: [1] }], parameters: { binary_data_output: true } };
    const url = 'http://127.0.0.1:' + served.port + '/v2/models/profile_only/infer';
    const { status } = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    await served.stop();
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('grpc-js'));
    console.log(JSON.stringify([status, loaded.length]));`;
  const file = join(plain.folder, 'serve.mjs');
  writeFileSync(file, script);
  const { stdout, stderr } = await run(process.execPath, [QUIET_NODE, file]);
  expect(stdout, stderr).not.toBe('');
  const [status, files] = JSON.parse(stdout) as [number, number];
  expect([status, files > 0]).toEqual([200, isLoaded]);
});

function content(): Omit<Bundle, 'hash'> {
  const plain = bundleContent([profile, spend, productStats]);
  const views = new Map([...plain.views, ['style', style] as const, ['nested', nested] as const]);
  const looks = service('looks', [{ view: style, of: customer }]);
  const more = [
    { ...looks, features: looks.features.filter((f) => f.feature === 'face') },
    service('grids', [{ view: nested, of: customer }]),
    { ...service('narrow', [{ view: profile, of: customer }]), tensor: 'float32' as const },
    service('shop', [{ view: productStats, of: product }]),
  ];
  return {
    ...plain,
    views,
    services: new Map([...plain.services, ...more.map((s) => [s.name, s] as const)]),
  };
}

function seed(to: ServingFixture): void {
  for (const id of [1n, 2n, BIG_ID]) to.put(profile, id, PROFILE_VALUES);
  to.put(profile, 20n, PROFILE_VALUES.with(1, null), { eventUs: NOON_US - 1_500_000 });
  to.put(profile, 21n, PROFILE_VALUES, { eventUs: NOON_US - DAY_US - 1 });
  to.put(spend, 1n, [3, null]);
  to.put(productStats, 'é{1}', [6]);
  const place = { lat: 1.5, names: ['n'] };
  to.put(style, 1n, [
    FACE,
    ['a', 'é'],
    new Map([
      ['x', 5n],
      ['y', null],
    ]),
    place,
  ]);
  to.put(style, 2n, [FACE, ['a', null], new Map(), place]);
  for (const id of ['profile', 'spend', 'product', 'style', 'nested']) to.mark(id, NOON_US);
}
