/** On-demand views over HTTP: values, statuses, log, metrics, and the exchange of their code while requests come. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle, OnDemandView } from '../../../contract/model.ts';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import type { ServedRecord } from '../../../contract/wire/log/served-record.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import { getVector } from '../../../sidecar/get.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { catLog } from '../../../sidecar/vector-log/log-cat.ts';
import { bare, fee, onDemandContent, onDemandView, trip } from '../../support/fixtures/on-demand-bundle.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  manualClock,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';
import { GrpcCaller } from '../../support/grpc/grpc-caller.ts';
import { until } from '../../support/until.ts';

const NATIVE = '/feature-service/get-online-features';
const FEAST = '/get-online-features';
const CONTEXT = { cart: 50, city: 'Paris', big: 4, tags: [['a']] };
const FEE = Math.fround(2 + Math.fround(0.1));

interface NativeAnswer {
  readonly results: { features: Record<string, unknown>; statuses: Record<string, string> }[];
}

describe.each(['uws', 'node'])('on-demand views on %s', (transport) => {
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(
      manualClock(),
      { 'serve.transport': transport, 'serve.grpcPort': '0' },
      onDemandContent(),
    );
    fixture.put(spend, 1n, [25, 3n]);
    fixture.put(profile, 1n, PROFILE_VALUES);
    for (const id of ['spend', 'profile']) fixture.mark(id, NOON_US);
    served = await runServe(fixture.project());
  });
  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  const post = (path: string, body: object, id = ''): Promise<Response> =>
    fetch(`http://127.0.0.1:${served.port}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: id === '' ? {} : { 'x-request-id': id },
    });
  const ask = async (service: string, entities: object, context: object, id = ''): Promise<NativeAnswer> => {
    const response = await post(NATIVE, { feature_service: service, entities, context }, id);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as NativeAnswer;
  };
  /** Where the disk is slow, an answer may leave before its record is written. */
  const logged = async (id: string): Promise<ServedRecord> => {
    let found: ServedRecord | null = null;
    await until(() => {
      for (const item of readServedLog(fixture.project().settings.log.spool)) {
        if (item.kind === 'served' && item.record.requestId === id) found = item.record;
      }
      return found !== null;
    }, `no record of ${id}`);
    return found!;
  };

  test('answer natively, from the store and from the cache', async () => {
    for (const _ of ['store', 'cache', 'ready']) {
      const { results } = await ask('ordered', { customer_id: [1, 404] }, CONTEXT);
      expect(results[0]!.features).toEqual({
        trip__ratio: 2,
        spend__total: 25,
        trip__label: 'Paris!',
        trip__points: 7,
        price: 2.1,
        fee__tags: ['a', null],
        trip__hour: 12,
      });
      expect(new Set(Object.values(results[0]!.statuses))).toEqual(new Set(['PRESENT']));
      expect(results[1]!.features).toMatchObject({ trip__ratio: null, spend__total: null, trip__points: 4 });
      expect(results[1]!.statuses).toMatchObject({
        trip__ratio: 'NULL',
        spend__total: 'MISSING',
        trip__label: 'PRESENT',
        price: 'NULL',
      });
    }
  });

  test('that fail show their fallbacks as UNAVAILABLE, beside others of the request', async () => {
    const { results } = await ask('bare_only', {}, { x: [1, 2], y: [1, 0] });
    expect(results.map(({ features }) => features)).toEqual([
      { bare__sum: 2, bare__wrong: 1 },
      { bare__sum: null, bare__wrong: 4 },
    ]);
    expect(results[1]!.statuses).toEqual({ bare__sum: 'UNAVAILABLE', bare__wrong: 'UNAVAILABLE' });
  });

  test("answer in Feast's form, one row or more, and without keys", async () => {
    const entities = { customer_id: [1], cart: [50], city: ['Paris'], big: [4], tags: [['a']], more: [1] };
    const columns = async (body: object): Promise<unknown> => {
      const response = await post(FEAST, body);
      expect(response.status).toBe(200);
      const { results, metadata } = (await response.json()) as {
        results: { values: unknown[]; statuses: string[]; event_timestamps: string[] }[];
        metadata: { feature_names: string[] };
      };
      for (const { values, statuses, event_timestamps: times } of results) {
        expect([statuses.length, times.length]).toEqual([values.length, values.length]);
      }
      const { feature_names: names } = metadata;
      return Object.fromEntries(names.map((name, i) => [name, [results[i]!.values, results[i]!.statuses]]));
    };
    const all = { feature_service: 'ordered', full_feature_names: true };
    expect(await columns({ ...all, entities })).toMatchObject({
      customer_id: [[1], ['PRESENT']],
      trip__ratio: [[2], ['PRESENT']],
      trip__points: [[7], ['PRESENT']],
      price: [[FEE], ['PRESENT']],
    });
    const two = { customer_id: [1, 404], cart: [50, 1], big: [4], tags: [['a'], []] };
    expect(await columns({ ...all, entities: two })).toMatchObject({
      trip__ratio: [
        [2, null],
        ['PRESENT', 'NULL_VALUE'],
      ],
      trip__label: [
        ['nowhere', 'nowhere'],
        ['PRESENT', 'PRESENT'],
      ],
    });
    expect(await columns({ feature_service: 'bare_only', entities: { x: [1, 2], y: [1, 0] } })).toEqual({
      sum: [
        [2, null],
        ['PRESENT', 'INVALID'],
      ],
      wrong: [
        [1, 4],
        ['PRESENT', 'INVALID'],
      ],
    });
    expect(await columns({ features: ['fee:fee'], entities })).toEqual({
      customer_id: [[1], ['PRESENT']],
      fee: [[FEE], ['PRESENT']],
    });
  });

  const tensor = (name: string, datatype: string, data: unknown[], shape = [data.length]): object => ({
    name,
    datatype,
    shape,
    data,
  });
  const infer = async (service: string, body: object): Promise<Response> =>
    await post(`/v2/models/${service}/infer`, body);

  test('answer as tensors, in JSON and in bytes, their inputs as tensors', async () => {
    const inputs = [
      tensor('customer_id', 'INT64', [1, 404]),
      tensor('cart', 'FP64', [50, 1]),
      tensor('big', 'INT64', [4]),
      tensor('tags', 'BYTES', ['a', 'b'], [1, 2]),
    ];
    const json = (await (await infer('ordered', { inputs })).json()) as {
      outputs: { name: string; shape: number[]; data: unknown[] }[];
    };
    const [features, status] = json.outputs;
    // ratio, total, points, price, hour
    expect(features!.data).toEqual([2, 25, 7, FEE, 12, null, null, 4, null, 12]);
    expect(status!.data).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 1, 0]);
    const binary = await infer('ordered', { inputs, parameters: { binary_data_output: true } });
    const length = Number(binary.headers.get('inference-header-content-length'));
    const bytes = Buffer.from(await binary.arrayBuffer()).subarray(length);
    const numbers = Array.from({ length: 10 }, (_, i) => bytes.readDoubleLE(i * 8));
    expect(numbers).toEqual([2, 25, 7, FEE, 12, Number.NaN, Number.NaN, 4, Number.NaN, 12]);
    expect([...bytes.subarray(80)]).toEqual(status!.data);
    const rows = await infer('bare_only', {
      inputs: [tensor('x', 'FP32', [1, 2]), tensor('y', 'INT32', [1, 0])],
    });
    const { outputs } = (await rows.json()) as typeof json;
    expect(outputs.map(({ data }) => data)).toEqual([
      [2, 1, null, 4],
      [0, 0, 4, 4],
    ]);
  });

  test.each([
    ['left out', [], 'SRV_INPUT_MISSING', 'inputs'],
    ['null in a row', [['cart', 'FP64', [1, null]]], 'SRV_INPUT_MISSING', 'cart[1]'],
    ['of another datatype', [['cart', 'BOOL', [true]]], 'SRV_TENSOR', 'inputs[1].datatype'],
    ['of a datatype that is none', [['cart', 'FP16', [1]]], 'SRV_TENSOR', 'inputs[1].datatype'],
    ['of another shape', [['cart', 'FP64', [1, 2], [1, 2]]], 'SRV_TENSOR', 'inputs[1].shape'],
    ['ragged', [['cart', 'FP64', [1, 2, 3]]], 'SRV_RAGGED', 'cart'],
    ['no finite number', [['cart', 'FP64', ['1e999']]], 'SRV_TENSOR', 'inputs[1].data[0]'],
    ['a key of a datatype of inputs', [['customer_id', 'FP64', [1]]], 'SRV_TENSOR', 'inputs[1].datatype'],
    ['doubles for an int64', [['big', 'FP64', [4]]], 'SRV_TENSOR', 'inputs[1].datatype'],
    ['unknown', [['carts', 'FP64', [1]]], 'SRV_UNKNOWN_KEY', 'inputs[1].name'],
  ] as const)('an input tensor %s is refused by its name', async (_, given, code, field) => {
    const others = [tensor('big', 'INT64', [4]), tensor('tags', 'BYTES', ['a'], [1, 1])];
    const inputs = [
      tensor('customer_id', 'INT64', [1, 404]),
      ...given.map(([name, datatype, data, shape]) =>
        tensor(name, datatype, [...data], shape as number[] | undefined),
      ),
      ...others,
    ];
    const response = await infer('ordered', { inputs });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { parameters: object }).parameters).toMatchObject({ code, field });
  });

  test('an input tensor of too many rows is refused', async () => {
    const x = tensor(
      'x',
      'FP64',
      Array.from({ length: 5_001 }, () => 1),
    );
    const response = await infer('bare_only', { inputs: [x, tensor('y', 'INT32', [1])] });
    expect(response.status).toBe(413);
    expect(((await response.json()) as { parameters: object }).parameters).toMatchObject({
      code: 'SRV_TOO_MANY_VALUES',
    });
  });

  test('answer over gRPC, by both of its protocols', async () => {
    const caller = new GrpcCaller(served.grpcPort!);
    const typed = (name: string, datatype: string, contents: object, shape = [1]): object => {
      return { name, datatype, shape, contents };
    };
    const inputs = [
      typed('customer_id', 'INT64', { int64_contents: ['1'] }),
      typed('cart', 'FP64', { fp64_contents: [50] }),
      typed('big', 'INT32', { int_contents: [4] }),
      typed('city', 'BYTES', { bytes_contents: [Buffer.from('Paris')] }),
      typed('tags', 'BYTES', { bytes_contents: [Buffer.from('a')] }, [1, 1]),
    ];
    const answer = await caller.inference<{ outputs: { contents: { fp64_contents: number[] } }[] }>(
      'ModelInfer',
      {
        model_name: 'ordered',
        inputs,
      },
    );
    expect(answer.outputs[0]!.contents.fp64_contents).toEqual([2, 25, 7, FEE, 12]);
    const column = (...val: object[]): object => ({ val });
    const online = await caller.feast<{ results: { values: object[]; statuses: string[] }[] }>(
      'GetOnlineFeatures',
      {
        features: { val: ['trip:ratio', 'trip:label', 'trip:points', 'fee:fee'] },
        full_feature_names: true,
        entities: { customer_id: column({ int64_val: '1' }) },
        request_context: {
          cart: column({ double_val: 50 }),
          big: column({ int64_val: '4' }),
          tags: column({ string_list_val: { val: ['a'] } }),
        },
      },
    );
    expect(online.results.map(({ values }) => values[0])).toMatchObject([
      { int64_val: '1' },
      { double_val: 2 },
      { string_val: 'nowhere' },
      { int64_val: '7' },
      { float_val: FEE },
    ]);
    caller.close();
  });

  test('are logged with inputs, outputs before fallbacks, statuses and the id of their code', async () => {
    await ask('chained', { customer_id: [1, 404] }, { ...CONTEXT, city: null }, `chained-${transport}`);
    const record = await logged(`chained-${transport}`);
    expect(record.onDemand).toEqual([
      { role: 'trip', view: 'trip', definitionId: trip.definitionId, outputPolicies: [] },
      { role: 'fee', view: 'fee', definitionId: fee.definitionId, outputPolicies: [] },
    ]);
    expect(record.inputNames).toEqual(['cart', 'city', 'big', 'tags']);
    // The rows of views of which the service lists no feature are there, too.
    expect(record.vectors[0]!.rows.map(({ role, status }) => [role, status])).toEqual([
      ['spend', 0],
      ['profile', 0],
    ]);
    const lines: Record<string, unknown>[] = [];
    const { log, bundles } = fixture.project().settings;
    for await (const line of catLog({ spool: log.spool, bundles })) lines.push(line as never);
    const line = lines.find(({ requestId }) => requestId === `chained-${transport}`)!;
    expect(line).toMatchObject({
      requestTime: line['servedAt'],
      vectors: [
        {
          features: { fee__fee: 2.1 },
          inputs: { cart: 50, city: null, big: '4', tags: ['a'] },
          outputs: { fee__fee: 2.1 },
          outputStatuses: {
            trip: { view: 'trip', status: 'PRESENT', definitionId: definitionName(trip.definitionId) },
            fee: { view: 'fee', status: 'PRESENT', definitionId: definitionName(fee.definitionId) },
          },
        },
        { features: { fee__fee: null }, statuses: { fee__fee: 'NULL' }, outputs: { fee__fee: null } },
      ],
    });
    await ask('bare_only', {}, { x: 1, y: 0 }, `bare-${transport}`);
    const failed = await logged(`bare-${transport}`);
    expect([failed.keyNames, failed.vectors[0]!.rows, failed.vectors[0]!.outputStatuses]).toEqual([
      [],
      [],
      [4],
    ]);
    expect(failed.onDemand[0]!.definitionId).toBe(bare.definitionId);
  });

  test('that loop for ever cost their own values, not the request', async () => {
    const { results } = await ask('looping', { customer_id: [1] }, { cart: 13, big: 1 });
    expect(results[0]!.features).toEqual({ trip__ratio: 13 / 25, spin__spun: -7 });
    expect(results[0]!.statuses).toEqual({ trip__ratio: 'PRESENT', spin__spun: 'UNAVAILABLE' });
    await until(async () => {
      const again = await ask('looping', { customer_id: [1] }, { cart: 3, big: 1 });
      return again.results[0]!.features['spin__spun'] === 6;
    }, 'a new process computes the view');
  });

  test('that take all memory at once cost their own values, and the sidecar answers on', async () => {
    const { results } = await ask('looping', { customer_id: [1] }, { cart: 24, big: 1 });
    expect(results[0]!.features).toEqual({ trip__ratio: 24 / 25, spin__spun: -7 });
    expect(results[0]!.statuses).toEqual({ trip__ratio: 'PRESENT', spin__spun: 'UNAVAILABLE' });
    await until(async () => {
      const again = await ask('looping', { customer_id: [1] }, { cart: 3, big: 1 });
      return again.results[0]!.features['spin__spun'] === 6;
    }, 'a new process computes the view');
  });

  test('are counted: calls, failures by reason, seconds, columns that are passed over', async () => {
    const text = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
    expect(text).toMatch(/plumbline_on_demand_calls_total\{view="trip"\} [1-9]/);
    expect(text).toMatch(/plumbline_on_demand_failures_total\{view="bare",reason="returned"\} [1-9]/);
    expect(text).toMatch(/plumbline_on_demand_failures_total\{view="spin",reason="deadline"\} [1-9]/);
    expect(text).toMatch(/plumbline_on_demand_ended_calls_total\{view="spin"\} \d/);
    expect(text).toMatch(/plumbline_on_demand_processes [123]\n/);
    expect(text).toMatch(/plumbline_on_demand_lost_processes_total \d+\n/);
    expect(text).toMatch(/plumbline_on_demand_call_duration_seconds_count\{view="fee"\} [1-9]/);
    expect(text).toMatch(/plumbline_on_demand_switched_off\{view="trip"\} 0/);
    expect(text).toMatch(/plumbline_values_total\{view="bare",status="UNAVAILABLE"\} [1-9]/);
    expect(text).toMatch(/plumbline_passed_over_columns_total [1-9]/);
  });

  test('are described: schema, and an example that can be sent', async () => {
    const at = `http://127.0.0.1:${served.port}`;
    const schema = (await (await fetch(`${at}/feature-service/ordered`)).json()) as Record<string, unknown>;
    expect(schema['context']).toEqual([
      { name: 'cart', type: 'float64', optional: false },
      { name: 'city', type: 'string', optional: true },
      { name: 'big', type: 'int64', optional: false },
      { name: 'tags', type: 'list<string>', optional: false },
    ]);
    const { paths } = (await (await fetch(`${at}/openapi.json`)).json()) as {
      paths: Record<string, { post?: { requestBody: { content: Record<string, { examples: object }> } } }>;
    };
    for (const [path, { post: operation }] of Object.entries(paths)) {
      if (operation === undefined) continue;
      const { examples } = operation.requestBody.content['application/json']!;
      for (const { value } of Object.values(examples) as { value: object }[]) {
        expect((await post(path, value)).status, JSON.stringify(value)).toBe(200);
      }
    }
    expect(await (await fetch(`${at}/docs`)).text()).toContain('<code>cart</code> (float64)');
  });

  test('`plumb get` computes them, too', async () => {
    const vector = await getVector(fixture.project(), {
      service: 'ordered',
      keys: { customer_id: '1' },
      context: { cart: '50', city: 'Paris', big: '4', tags: '["a"]' },
    });
    expect(vector.features.map(({ name, value, status }) => [name, value, status])).toEqual([
      ['trip__ratio', 2, 'PRESENT'],
      ['spend__total', 25, 'PRESENT'],
      ['trip__label', 'Paris!', 'PRESENT'],
      ['trip__points', '7', 'PRESENT'],
      ['price', 2.1, 'PRESENT'],
      ['fee__tags', ['a', null], 'PRESENT'],
      ['trip__hour', 12, 'PRESENT'],
    ]);
    await expect(
      getVector(fixture.project(), { service: 'bare_only', keys: {}, context: { x: '1' } }),
    ).rejects.toMatchObject({ code: 'SRV_INPUT_MISSING' });
  });
});

test.each<[string, Partial<OnDemandView>]>([
  ['in the thread that answers', {}],
  ['isolated', { isolated: true, costly: 'has a loop (bare.ts:1)' }],
])(
  'code %s is exchanged while requests come: none fails, and each record says which code answered',
  async (_, where) => {
    const of = (n: number): Omit<Bundle, 'hash'> => {
      const { features, inputs } = bare;
      const code = `({ x, y }) => ({ sum: x + ${n}, wrong: y })`;
      return onDemandContent([trip, fee, onDemandView('bare', code, { features, inputs, ...where })]);
    };
    const contents = [0, 1, 2, 3].map(of);
    const fixture = new ServingFixture(manualClock(), {}, contents[0]!);
    onTestFinished(() => fixture.close());
    const served = await runServe(fixture.project());
    const answers: [id: string, sum: unknown][] = [];
    const load = { stops: false };
    const askOn = async (client: number): Promise<void> => {
      for (let i = 0; !load.stops; i++) {
        const id = `r${client}-${i}`;
        const response = await fetch(`http://127.0.0.1:${served.port}${NATIVE}`, {
          method: 'POST',
          body: JSON.stringify({ feature_service: 'bare_only', context: { x: 0, y: 1 } }),
          headers: { 'x-request-id': id },
        });
        const text = await response.text();
        if (response.status !== 200) throw new Error(text);
        answers.push([id, (JSON.parse(text) as NativeAnswer).results[0]!.features['bare__sum']]);
      }
    };
    const clients = [0, 1, 2].map(askOn);
    const { bundles, log } = fixture.project().settings;
    for (let n = 1; n <= 3; n++) {
      publishBundle(bundles, contents[n]!);
      await until(() => answers.some(([, sum]) => sum === n), `code ${n} answers`);
    }
    load.stops = true;
    await Promise.all(clients);
    await served.stop();
    const codes = new Map(contents.map((content, n) => [content.onDemand.get('bare')!.definitionId, n]));
    const records = new Map<string, number>();
    for (const item of readServedLog(log.spool)) {
      if (item.kind === 'served')
        records.set(item.record.requestId, codes.get(item.record.onDemand[0]!.definitionId)!);
    }
    expect(answers.length).toBeGreaterThan(10);
    for (const [id, sum] of answers) {
      expect(records.has(id), id).toBe(true);
      // A busy machine may end a call of a process of its own: then there is no sum, and still a record.
      if (sum !== null || where.isolated !== true) expect(records.get(id), id).toBe(sum);
    }
  },
);

test('an isolated view has its process under the bundle before until the next one serves', async () => {
  const { features, inputs } = bare;
  const isolated = (name: string, code: string): OnDemandView =>
    onDemandView(name, code, { features, inputs, isolated: true, costly: 'has a loop' });
  const same = isolated('bare', '({ x, y }) => ({ sum: x + y, wrong: 1 })');
  const contents = [0, 1, 2].map((n) =>
    onDemandContent([trip, fee, same, isolated('other', `({ x, y }) => ({ sum: x + ${n}, wrong: y })`)]),
  );
  const fixture = new ServingFixture(manualClock(), { 'serve.deadlineMs': '20000' }, contents[0]!);
  onTestFinished(() => fixture.close());
  const before = children();
  const served = await runServe(fixture.project());
  const processes = new Set<string>();
  const look = (): void => children().forEach((pid) => before.has(pid) || processes.add(pid));
  const looks = setInterval(look, 5);
  const [bundles, statuses] = [new Set<string>(), new Set<string>()];
  const load = { stops: false };
  const askOn = async (): Promise<void> => {
    while (!load.stops) {
      const response = await fetch(`http://127.0.0.1:${served.port}${NATIVE}`, {
        method: 'POST',
        body: JSON.stringify({ feature_service: 'bare_only', context: { x: 0, y: 1 } }),
      });
      const { results, metadata } = (await response.json()) as NativeAnswer & {
        metadata: { bundle: string };
      };
      look();
      statuses.add(results[0]!.statuses['bare__sum']!);
      bundles.add(metadata.bundle);
    }
  };
  const clients = [0, 1].map(askOn);
  await until(() => bundles.size === 1, 'the first bundle answers');
  for (const n of [1, 2]) {
    publishBundle(fixture.project().settings.bundles, contents[n]!);
    await until(() => bundles.size === n + 1, `bundle ${n} answers`);
  }
  load.stops = true;
  await Promise.all(clients);
  const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
  clearInterval(looks);
  await served.stop();
  // A busy machine may end a call of a process of its own.
  if (/_(ended|lost)_processes_total\S* [1-9]/.test(metrics)) return;
  expect([...statuses]).toEqual(['PRESENT']);
  // Two a bundle: none was started anew for a bundle that was about to go.
  expect(processes.size).toBeLessThanOrEqual(2 * contents.length);
});

/** The processes that this thread started and that are there, on Linux. */
function children(): Set<string> {
  const path = '/proc/thread-self/children';
  return new Set(existsSync(path) ? readFileSync(path, 'utf8').split(' ').filter(Boolean) : []);
}
