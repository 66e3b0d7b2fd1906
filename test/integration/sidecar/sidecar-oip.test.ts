/** The Open Inference Protocol over HTTP on the embedded store: one suite, run on both transports. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { Bundle } from '../../../contract/model.ts';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  DAY_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  customer,
  encodeRow,
  feature,
  manualClock,
  product,
  productStats,
  profile,
  service,
  spend,
  view,
} from '../../support/fixtures/serving-fixture.ts';
import {
  binaryRequest,
  doubles,
  floats,
  int32Bytes,
  int64Bytes,
  readAnswer,
  textBytes,
} from '../../support/http/tensor-request.ts';
import type { TensorInput } from '../../support/http/tensor-request.ts';

const BIG_ID = 9_007_199_254_740_993n;
const TRANSPORTS = ['uws', 'node'] as const;
const EVERYTHING = [
  'profile__visits',
  'profile__points',
  'profile__score',
  'profile__balance',
  'spend__total',
  'spend__orders',
  'product__price',
];

describe.each(TRANSPORTS)('tensors on %s', (transport) => {
  const clock = manualClock();
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(clock, { 'serve.transport': transport }, content());
    seed(fixture);
    served = await runServe(fixture.project());
  });

  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${served.port}${path}`);
  const send = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${served.port}${path}`, { method: 'POST', body, headers });
  const infer = (name: string, request: object): Promise<Response> =>
    send(`/v2/models/${name}/infer`, JSON.stringify(request));
  const inferBinary = (name: string, inputs: TensorInput[], tensors: Buffer[], more: object = {}) => {
    const { body, jsonBytes } = binaryRequest({ inputs, ...more }, tensors);
    return send(`/v2/models/${name}/infer`, body, { 'Inference-Header-Content-Length': String(jsonBytes) });
  };
  const native = async (name: string, entities: string): Promise<NativeResult[]> => {
    const body = `{"feature_service":"${name}","entities":${entities}}`;
    const text = await (await send('/feature-service/get-online-features', body)).text();
    return (JSON.parse(text) as { results: NativeResult[] }).results;
  };

  describe('an answer', () => {
    test('has every number in the order of the service and a status for each, in JSON', async () => {
      for (const _ of ['from the store', 'from the cache']) {
        const response = await infer('profile_only', { id: 'a "b"', inputs: [ints('customer_id', [1])] });
        expect(response.status).toBe(200);
        expect(response.headers.get('content-type')).toBe('application/json');
        expect(response.headers.get('inference-header-content-length')).toBeNull();
        const text = await response.text();
        // FP64 holds 2^53 + 1 no more; a float32 feature is widened.
        expect(text).toContain('"data":[7,9007199254740992,0.10000000149011612,-0.0]');
        expect(JSON.parse(text)).toMatchObject({
          model_name: 'profile_only',
          model_version: '3',
          id: 'a "b"',
          parameters: { bundle: fixture.bundle.hash, oldest_age_ms: 3_600_000 },
          outputs: [
            { name: 'features', datatype: 'FP64', shape: [1, 4] },
            { name: 'status', datatype: 'UINT8', shape: [1, 4], data: [0, 0, 0, 0] },
          ],
        });
      }
    });

    test('has the same bits in the binary form, for integers, text and a tensor of one', async () => {
      const inputs = [tensor('customer_id', 'INT64', 3), tensor('product_code', 'BYTES', 1)];
      const tensors = [int64Bytes([1n, BIG_ID, 404n]), textBytes(['é{1}'])];
      const response = await inferBinary('everything', inputs, tensors, {
        parameters: { binary_data_output: true },
      });
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      const { json, binary } = await readAnswer(response);
      expect(json.outputs.map((o) => [o.name, o.datatype, o.shape, o.data])).toEqual([
        ['features', 'FP64', [3, 7], undefined],
        ['status', 'UINT8', [3, 7], undefined],
      ]);
      const values = doubles(binary['features']!);
      const row = [7, 9_007_199_254_740_992, Math.fround(0.1), -0];
      expect(values.slice(0, 7)).toEqual([...row, 3, Number.NaN, 6]);
      expect(values.slice(7, 14)).toEqual([...row, Number.NaN, 0, 6]);
      // No row: the fallbacks stand in, and a NaN where there is none.
      expect(values.slice(14)).toEqual([-1, Number.NaN, 0.5, Number.NaN, Number.NaN, 0, 6]);
      expect([...binary['status']!]).toEqual(
        [
          [0, 0, 0, 0, 0, 1, 0],
          [0, 0, 0, 0, 2, 2, 0],
          [2, 2, 2, 2, 2, 2, 0],
        ].flat(),
      );
    });

    test('is what the native surface answers, value by value', async () => {
      const ids = [1n, 2n, 20n, 21n, 22n, 23n, 30n, 31n, 404n, BIG_ID];
      const results = await native('everything', `{"customer_id":[${ids}],"product_code":["x|y"]}`);
      const inputs = [tensor('customer_id', 'INT64', ids.length), tensor('product_code', 'BYTES', 1)];
      const response = await inferBinary('everything', inputs, [int64Bytes(ids), textBytes(['x|y'])], {
        parameters: { binary_data_output: true },
      });
      const { binary } = await readAnswer(response);
      const names = ['PRESENT', 'NULL', 'MISSING', 'OUTSIDE_TTL', 'UNAVAILABLE'];
      const values = doubles(binary['features']!);
      results.forEach(({ features, statuses }, r) =>
        EVERYTHING.forEach((name, i) => {
          const at = r * EVERYTHING.length + i;
          const where = `${ids[r]} ${name}`;
          expect(names[binary['status']![at]!], where).toBe(statuses[name]);
          const number = features[name] ?? Number.NaN;
          // The native text of a float32 is the shortest that reads back as float32.
          const exact = name === 'profile__score' ? Math.fround(number) : number;
          expect(Object.is(values[at], exact), `${where}: ${values[at]} and ${exact}`).toBe(true);
        }),
      );
      expect(new Set(binary['status'])).toEqual(new Set([0, 1, 2, 3, 4]));
    });

    test('is float32 where the service says so', async () => {
      const inputs = [tensor('customer_id', 'INT64', 2), tensor('product_code', 'BYTES', 2)];
      const response = await inferBinary('narrow', inputs, [int64Bytes([1n, 404n]), textBytes(['A', 'A'])], {
        outputs: [{ name: 'features', parameters: { binary_data: true } }],
      });
      const { json, binary } = await readAnswer(response);
      expect(json.outputs).toEqual([
        { name: 'features', datatype: 'FP32', shape: [2, 7], parameters: { binary_data_size: 56 } },
      ]);
      expect(floats(binary['features']!)).toEqual(
        [
          [7, 9_007_199_254_740_992, Math.fround(0.1), -0, 3, Number.NaN, 1],
          [-1, Number.NaN, 0.5, Number.NaN, Number.NaN, 0, 1],
        ].flat(),
      );
      const text = await (
        await infer('narrow', { inputs: [ints('customer_id', [1]), texts('product_code', ['A'])] })
      ).text();
      expect(text).toContain('"data":[7,9007199000000000,0.1,-0.0,3,null,1]');
    });

    test('has the outputs that were asked for, each in its form and in their order', async () => {
      const request = {
        inputs: [ints('customer_id', [20])],
        outputs: [
          { name: 'status', parameters: { binary_data: true } },
          { name: 'features', parameters: { binary_data: false } },
        ],
        parameters: { binary_data_output: true },
      };
      const { json, binary } = await readAnswer(await infer('profile_only', request));
      expect(json.outputs.map((o) => o.name)).toEqual(['status', 'features']);
      expect([...binary['status']!]).toEqual([1, 0, 0, 0]);
      expect(json.outputs[1]!.data).toEqual([null, 9_007_199_254_740_992, Math.fround(0.1), -0]);
      expect(Object.keys(binary)).toEqual(['status']);
    });

    test('has null for NaN and infinity in JSON, and both in bytes, all PRESENT', async () => {
      const request = { inputs: [ints('customer_id', [23, 24])] };
      const { json } = await readAnswer(await infer('profile_only', request));
      expect([json.outputs[0]!.data![3], json.outputs[0]!.data![7]]).toEqual([null, null]);
      expect(json.outputs[1]!.data).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
      const { binary } = await readAnswer(
        await infer('profile_only', { ...request, parameters: { binary_data_output: true } }),
      );
      const values = doubles(binary['features']!);
      expect([values[3], values[7]]).toEqual([Number.NaN, -Infinity]);
    });

    test('of a service without numbers has tensors without columns', async () => {
      const { json, binary } = await readAnswer(
        await infer('words', {
          inputs: [ints('customer_id', [1, 2])],
          parameters: { binary_data_output: true },
        }),
      );
      expect(json.outputs.map((o) => o.shape)).toEqual([
        [2, 0],
        [2, 0],
      ]);
      expect(binary['features']).toHaveLength(0);
    });
  });

  describe('a request', () => {
    test('takes integers as INT64, INT32 and decimal BYTES, in JSON and in bytes, flat and nested', async () => {
      const forms: [TensorInput, Buffer?][] = [
        [ints('customer_id', [1, 2])],
        [{ name: 'customer_id', datatype: 'INT32', shape: [2, 1], data: [[1], [2]] }],
        [texts('customer_id', ['1', '2'])],
        [tensor('customer_id', 'INT64', 2), int64Bytes([1n, 2n])],
        [{ name: 'customer_id', datatype: 'INT32', shape: [2, 1] }, int32Bytes([1, 2])],
        [tensor('customer_id', 'BYTES', 2), textBytes(['1', '2'])],
      ];
      for (const [input, bytes] of forms) {
        const response =
          bytes === undefined
            ? await infer('profile_only', { inputs: [input] })
            : await inferBinary('profile_only', [input], [bytes]);
        const { json } = await readAnswer(response);
        expect(json.outputs[1]!.data, JSON.stringify(input)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
      }
    });

    test('may mix JSON with bytes, repeats tensors of one, takes nulls for what is left out', async () => {
      const { body, jsonBytes } = binaryRequest(
        {
          id: null,
          parameters: null,
          outputs: null,
          inputs: [{ ...ints('customer_id', [1]), parameters: {} }, tensor('product_code', 'BYTES', 2)],
        },
        [],
      );
      const text = body
        .toString()
        .replace('"shape":[2]}', '"shape":[2],"parameters":{"binary_data_size":15}}');
      const response = await send(
        '/v2/models/everything/infer',
        Buffer.concat([Buffer.from(text), textBytes(['A', 'é{1}x'])]),
        { 'inference-header-content-length': String(jsonBytes + text.length - body.length) },
      );
      const { json } = await readAnswer(response);
      expect(json.outputs[1]!.shape).toEqual([2, 7]);
      expect(json.outputs[1]!.data!.slice(4)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 1, 2]);
    });

    test('never rounds an id past 2^53', async () => {
      for (const [id, missing] of [
        [BIG_ID, false],
        [BIG_ID - 1n, true],
      ] as const) {
        const body = `{"inputs":[{"name":"customer_id","datatype":"INT64","shape":[1],"data":[${id}]}]}`;
        const { json } = await readAnswer(await send('/v2/models/profile_only/infer', body));
        expect(json.outputs[1]!.data).toEqual(missing ? [2, 2, 2, 2] : [0, 0, 0, 0]);
      }
    });

    test('may have null keys in JSON: MISSING for the views of that entity', async () => {
      const ids = { ...ints('customer_id', [1, 0, 1]), data: [1, null, [null]] };
      const codes = { ...texts('product_code', ['A', 'A', 'A']), data: [null, 'A', ['x|y']] };
      const { json } = await readAnswer(await infer('everything', { inputs: [ids, codes] }));
      expect(json.outputs[1]!.data).toEqual(
        [
          [0, 0, 0, 0, 0, 1, 2],
          [2, 2, 2, 2, 2, 2, 0],
          [2, 2, 2, 2, 2, 2, 0],
        ].flat(),
      );
      expect(json.outputs[0]!.data!.slice(7)).toEqual(
        [
          [-1, null, 0.5, null, null, 0, 1],
          [-1, null, 0.5, null, null, 0, 5],
        ].flat(),
      );
      const answer = await native('everything', '{"customer_id":[null],"product_code":["A"]}');
      expect(Object.values(answer[0]!.statuses).slice(-3)).toEqual(['MISSING', 'MISSING', 'PRESENT']);
    });

    test('may name the version that is served, and no other', async () => {
      const body = JSON.stringify({ inputs: [ints('customer_id', [1])] });
      expect((await send('/v2/models/profile_only/versions/3/infer', body)).status).toBe(200);
      const other = await send('/v2/models/profile_only/versions/2/infer', body);
      expect([other.status, await other.json()]).toEqual([
        404,
        {
          error: 'profile_only is served in version 3, not "2"',
          parameters: expect.objectContaining({ code: 'SRV_UNKNOWN_SERVICE' }) as unknown,
        },
      ]);
    });
  });

  describe('a bad request gets one sentence and a 4xx', () => {
    const one = ints('customer_id', [1]);
    const cases: [string, object, number, string, RegExp][] = [
      ['no inputs', {}, 400, 'SRV_TENSOR', /inputs should be a list of tensors, got nothing/],
      ['an input that is no object', { inputs: [7] }, 400, 'SRV_TENSOR', /inputs\[0\] should be a tensor/],
      [
        'an unknown input',
        { inputs: [one, ints('id', [1])] },
        400,
        'SRV_UNKNOWN_KEY',
        /no input "id"; it has the join keys customer_id and no context fields/,
      ],
      [
        'a context field that the service does not have, of a datatype that no key has',
        { inputs: [one, { name: 'cart_value', datatype: 'FP64', shape: [1], data: [12.5] }] },
        400,
        'SRV_UNKNOWN_KEY',
        /no input "cart_value"; it has the join keys customer_id and no context fields/,
      ],
      [
        'a prototype as input',
        { inputs: [ints('__proto__', [1])] },
        400,
        'SRV_UNKNOWN_KEY',
        /no input "__proto__"/,
      ],
      ['an input twice', { inputs: [one, one] }, 400, 'SRV_TENSOR', /names customer_id once more/],
      [
        'no tensor for a key',
        { inputs: [] },
        400,
        'SRV_KEY_MISSING',
        /lacks a tensor for the join key customer_id/,
      ],
      [
        'another datatype',
        { inputs: [{ ...one, datatype: 'FP32' }] },
        400,
        'SRV_TENSOR',
        /one of INT64, INT32, BYTES, got FP32/,
      ],
      [
        'a shape that is no list',
        { inputs: [{ ...one, shape: 1 }] },
        400,
        'SRV_TENSOR',
        /shape should be \[rows\] or \[rows, 1\]/,
      ],
      ['a negative shape', { inputs: [{ ...one, shape: [-1] }] }, 400, 'SRV_TENSOR', /shape should be/],
      ['two columns', { inputs: [{ ...one, shape: [1, 2] }] }, 400, 'SRV_TENSOR', /shape should be/],
      ['no dimension', { inputs: [{ ...one, shape: [] }] }, 400, 'SRV_TENSOR', /shape should be/],
      ['no rows', { inputs: [{ ...one, shape: [0], data: [] }] }, 400, 'SRV_NO_ROWS', /there are no rows/],
      [
        'a huge shape',
        { inputs: [{ ...one, shape: [2 ** 40] }] },
        413,
        'SRV_TOO_MANY_VALUES',
        /asks for 1099511627776 rows/,
      ],
      ['a shape past 2^53', { inputs: [{ ...one, shape: [2 ** 60] }] }, 400, 'SRV_TENSOR', /shape should be/],
      [
        'fewer values than rows',
        { inputs: [{ ...one, shape: [2] }] },
        400,
        'SRV_TENSOR',
        /data has 1 values, but the shape says 2/,
      ],
      [
        'no data',
        { inputs: [{ ...one, data: undefined }] },
        400,
        'SRV_TENSOR',
        /data should be a list of 1 values, got nothing/,
      ],
      [
        'a fraction',
        { inputs: [ints('customer_id', [1.5])] },
        400,
        'SRV_TENSOR',
        /data\[0\] should be an integer of 64 bits/,
      ],
      [
        'a row without any key',
        { inputs: [{ ...ints('customer_id', [1, 1]), data: [1, null] }] },
        400,
        'SRV_KEY_MISSING',
        /all join keys of row 1 are null/,
      ],
      [
        'one null that stands for all rows',
        { inputs: [{ ...one, data: [[null]] }] },
        400,
        'SRV_KEY_MISSING',
        /all join keys of row 0 are null/,
      ],
      ['a true', { inputs: [{ ...one, data: [true] }] }, 400, 'SRV_TENSOR', /got the boolean true/],
      [
        'an integer past INT32',
        { inputs: [{ ...one, datatype: 'INT32', data: [2 ** 31] }] },
        400,
        'SRV_TENSOR',
        /integer of 32 bits/,
      ],
      [
        'text that is no integer',
        { inputs: [texts('customer_id', ['one'])] },
        400,
        'SRV_KEY_TYPE',
        /should be of type int64, got "one"/,
      ],
      [
        'parameters that are no object',
        { inputs: [{ ...one, parameters: 3 }] },
        400,
        'SRV_TENSOR',
        /parameters should be an object/,
      ],
      [
        'a size that is no number',
        { inputs: [{ ...one, data: undefined, parameters: { binary_data_size: 'x' } }] },
        400,
        'SRV_TENSOR',
        /number of bytes/,
      ],
      [
        'bytes that are not there',
        { inputs: [{ ...one, data: undefined, parameters: { binary_data_size: 8 } }] },
        400,
        'SRV_TENSOR',
        /is 8, but 0 bytes are left/,
      ],
      [
        'data and bytes',
        { inputs: [{ ...one, parameters: { binary_data_size: 8 } }] },
        400,
        'SRV_TENSOR',
        /both data and/,
      ],
      ['an id that is no text', { id: 7, inputs: [one] }, 400, 'SRV_TENSOR', /id should be text/],
      [
        'an unknown output',
        { inputs: [one], outputs: [{ name: 'labels' }] },
        400,
        'SRV_TENSOR',
        /one of features, status, got the string "labels"/,
      ],
      [
        'an output twice',
        { inputs: [one], outputs: [{ name: 'status' }, { name: 'status' }] },
        400,
        'SRV_TENSOR',
        /asks for status once more/,
      ],
      [
        'outputs that are no list',
        { inputs: [one], outputs: 'status' },
        400,
        'SRV_TENSOR',
        /outputs should be a list/,
      ],
      [
        'class labels',
        { inputs: [one], outputs: [{ name: 'features', parameters: { classification: 2 } }] },
        400,
        'SRV_TENSOR',
        /binary_data only/,
      ],
      [
        'a flag that is none',
        { inputs: [one], parameters: { binary_data_output: 1 } },
        400,
        'SRV_TENSOR',
        /true or false/,
      ],
      [
        'too many values',
        {
          inputs: [
            ints(
              'customer_id',
              Array.from({ length: 1_251 }, (_, i) => i),
            ),
          ],
        },
        413,
        'SRV_TOO_MANY_VALUES',
        /1251 rows of 8 features/,
      ],
    ];

    test.each(cases)('%s', async (_, request, status, code, message) => {
      const response = await infer('profile_only', request);
      const body = (await response.json()) as { error: string; parameters: Record<string, unknown> };
      expect([response.status, body.parameters['code']]).toEqual([status, code]);
      expect(body.error).toMatch(message);
      expect(body.parameters['field']).not.toBe('');
    });

    test('two tensors of different lengths', async () => {
      const inputs = [ints('customer_id', [1, 2]), texts('product_code', ['A', 'A', 'A'])];
      const response = await infer('everything', { inputs });
      expect([response.status, await codeOf(response)]).toEqual([400, 'SRV_RAGGED']);
    });

    test('integers for a key that is text', async () => {
      const response = await infer('everything', {
        inputs: [ints('customer_id', [1]), ints('product_code', [1])],
      });
      expect([response.status, await codeOf(response)]).toEqual([400, 'SRV_KEY_TYPE']);
    });

    const key = (rows: number): TensorInput[] => [tensor('customer_id', 'INT64', rows)];
    const text = (rows: number): TensorInput[] => [tensor('customer_id', 'BYTES', rows)];
    const binaryCases: [string, TensorInput[], Buffer, RegExp][] = [
      ['too few bytes', key(2), int64Bytes([1n]), /has 8 bytes, but 2 values of INT64 take 16/],
      ['too many bytes', key(1), int64Bytes([1n, 2n]), /has 16 bytes, but 1 values of INT64 take 8/],
      ['text cut in its length', text(1), Buffer.of(1, 0), /ends within value 0 of 1/],
      ['text cut in its bytes', text(2), textBytes(['1', '22']).subarray(0, -1), /ends within value 1 of 2/],
      ['text longer than 4 GiB', text(1), Buffer.of(255, 255, 255, 255, 49), /ends within value 0/],
      ['bytes behind the text', text(1), textBytes(['1', '2']), /has 5 bytes behind its 1 values/],
      ['text that is not UTF-8', text(1), textBytes([Buffer.of(0xff)]), /not UTF-8/],
    ];

    test.each(binaryCases)('%s', async (_, inputs, bytes, message) => {
      const response = await inferBinary('profile_only', inputs, [bytes]);
      const body = (await response.json()) as { error: string; parameters: Record<string, unknown> };
      expect([response.status, body.parameters['code']]).toEqual([400, 'SRV_TENSOR']);
      expect(body.error).toMatch(message);
    });

    test('a length of the JSON that cannot be', async () => {
      const { body, jsonBytes } = binaryRequest({ inputs: key(1) }, [int64Bytes([1n])]);
      for (const length of [
        `${body.length + 1}`,
        '-1',
        'x',
        '1e2',
        '99999999999',
        `${jsonBytes} `.repeat(9),
      ]) {
        const headers = { 'inference-header-content-length': length };
        const response = await send('/v2/models/profile_only/infer', body, headers);
        expect([response.status, await codeOf(response)], length).toEqual([400, 'SRV_TENSOR']);
      }
      for (const length of ['0', '5', `${jsonBytes - 1}`, `${jsonBytes + 1}`, `${body.length}`]) {
        const headers = { 'inference-header-content-length': length };
        const response = await send('/v2/models/profile_only/infer', body, headers);
        expect([response.status, await codeOf(response)], length).toEqual([400, 'SRV_JSON']);
      }
    });

    test('another method, another path, no such model', async () => {
      const wrong = await get('/v2/models/profile_only/infer');
      expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
      const posted = await send('/v2/models/profile_only', '{}');
      expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
      for (const path of ['/v2/models/none/infer', '/v2/models/profile_only/explain', '/v2/models//infer']) {
        expect((await send(path, '{}')).status, path).toBe(404);
      }
      for (const path of ['/v2/x', '/v2/models/', '/v2/models/none', '/v2/models/none/ready', '/v2/health']) {
        expect((await get(path)).status, path).toBe(404);
      }
    });
  });

  test('the server and its models say what they are', async () => {
    const json = async (path: string): Promise<unknown> => (await get(path)).json();
    expect(await json('/v2')).toMatchObject({ name: 'plumbline', extensions: ['binary_tensor_data'] });
    expect(await json('/v2/health/live')).toEqual({ live: true });
    expect(await json('/v2/health/ready')).toEqual({ ready: true });
    expect(await json('/v2/models/everything/ready')).toEqual({ name: 'everything', ready: true });
    expect(await json('/v2/models/everything/versions/3/ready')).toEqual({ name: 'everything', ready: true });
    expect(await json('/v2/models/everything')).toEqual({
      name: 'everything',
      versions: ['3'],
      platform: 'plumbline',
      inputs: [
        { name: 'customer_id', datatype: 'INT64', shape: [-1] },
        { name: 'product_code', datatype: 'BYTES', shape: [-1] },
      ],
      outputs: [
        { name: 'features', datatype: 'FP64', shape: [-1, 7] },
        { name: 'status', datatype: 'UINT8', shape: [-1, 7] },
      ],
      parameters: {
        bundle: fixture.bundle.hash,
        features: EVERYTHING,
        status_columns: EVERYTHING,
        statuses: ['PRESENT', 'NULL', 'MISSING', 'OUTSIDE_TTL', 'UNAVAILABLE'],
        left_out: [
          { name: 'profile__name', type: 'string' },
          { name: 'profile__active', type: 'bool' },
          { name: 'profile__joined', type: 'timestamp' },
          { name: 'profile__photo', type: 'bytes' },
        ],
        precision: 'FP64 rounds integers beyond 2^53: profile__points (int64), spend__orders (int64)',
      },
    });
    expect(await json('/v2/models/narrow')).toMatchObject({
      outputs: [{ datatype: 'FP32' }, {}],
      parameters: {
        precision: expect.stringMatching(/^FP32 rounds integers beyond 2\^24, and doubles to float32: /),
      },
    });
  });

  test('what was answered is logged, with the keys and rows that it came from', async () => {
    const headers = { 'x-request-id': 'logged-1' };
    const inputs = [ints('customer_id', [1, 404]), texts('product_code', ['x|y'])];
    expect((await send('/v2/models/everything/infer', JSON.stringify({ inputs }), headers)).status).toBe(200);
    const { spool } = fixture.project().settings.log;
    const logged = [...readServedLog(spool)].flatMap((item) =>
      item.kind === 'served' && item.record.requestId === 'logged-1' ? [item.record] : [],
    );
    expect(logged).toHaveLength(1);
    expect(SURFACES[logged[0]!.surface]).toBe('oip');
    expect(logged[0]!.vectors.map(({ keys }) => keys)).toEqual([
      ['1', 'x%7Cy'],
      ['404', 'x%7Cy'],
    ]);
    expect(logged[0]!.vectors.map(({ rows }) => rows.map(({ status }) => status))).toEqual([
      [0, 0, 0],
      [2, 2, 0],
    ]);
  });

  test('what was answered is counted, by its route and by status', async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
    expect(metrics).toMatch(
      /plumbline_requests_total\{route="\/v2\/models\/\{service\}\/infer",code="200"\} [1-9]/,
    );
    expect(metrics).toMatch(/plumbline_requests_total\{route="\/v2\/models\/\{service\}",code="200"\} [1-9]/);
    expect(metrics).toMatch(/plumbline_values_total\{view="profile",status="NULL"\} [1-9]/);
    expect(metrics).not.toContain('NaN');
  });
});

interface NativeResult {
  readonly features: Readonly<Record<string, number | null>>;
  readonly statuses: Readonly<Record<string, string>>;
}

function content(): Omit<Bundle, 'hash'> {
  const plain = bundleContent();
  const of = (v: typeof profile): typeof customer => (v.entity === 'customer' ? customer : product);
  const uses = [profile, spend, productStats].map((v) => ({ view: v, of: of(v) }));
  const words = service('words', [{ view: profile, of: customer }]);
  const more = [
    { ...service('narrow', uses), tensor: 'float32' as const },
    { ...words, features: words.features.slice(0, 1) },
  ];
  return { ...plain, services: new Map([...plain.services, ...more.map((s) => [s.name, s] as const)]) };
}

function seed(fixture: ServingFixture): void {
  for (const id of [1n, 2n, BIG_ID]) fixture.put(profile, id, PROFILE_VALUES);
  fixture.put(profile, 20n, PROFILE_VALUES.with(1, null));
  fixture.put(profile, 21n, PROFILE_VALUES, { eventUs: NOON_US - DAY_US - 1 });
  fixture.put(profile, 22n, PROFILE_VALUES, { eventUs: NOON_US - DAY_US });
  fixture.put(profile, 23n, PROFILE_VALUES.with(4, Number.NaN));
  fixture.put(profile, 24n, PROFILE_VALUES.with(4, -Infinity));
  const older = view('profile', customer, [feature('visits', 'int32'), feature('name', 'string')]);
  fixture.publishSchema(rowSchemaOf(older, customer));
  fixture.putRaw(profile, 30n, encodeRow(older, [5, 'old']));
  // A row that cannot be read.
  fixture.putRaw(profile, 31n, fixture.put(profile, 31n, PROFILE_VALUES).subarray(0, 40));
  fixture.put(spend, 1n, [3, null]);
  fixture.put(productStats, 'A', [1]);
  fixture.put(productStats, 'x|y', [5]);
  fixture.put(productStats, 'é{1}', [6]);
  for (const id of ['profile', 'spend', 'product']) fixture.mark(id, NOON_US);
}

function tensor(name: string, datatype: string, rows: number): TensorInput {
  return { name, datatype, shape: [rows] };
}

function ints(name: string, data: readonly number[]): TensorInput {
  return { ...tensor(name, 'INT64', data.length), data };
}

function texts(name: string, data: readonly string[]): TensorInput {
  return { ...tensor(name, 'BYTES', data.length), data };
}

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { parameters: { code: unknown } }).parameters.code;
}
