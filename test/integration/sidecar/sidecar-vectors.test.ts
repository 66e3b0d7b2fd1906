/** Embeddings and lists as tensors of their own, on both transports, and what the monitor reads in their answers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bundle } from '../../../contract/model.ts';
import type { Value } from '../../../contract/value-type.ts';
import { LoggedAnswer, answeredFeatures } from '../../../monitor/answers/logged-answer.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  DAY_US,
  NOON_US,
  ServingFixture,
  bundleContent,
  customer,
  feature,
  manualClock,
  service,
  view,
} from '../../support/fixtures/serving-fixture.ts';
import { floats, readAnswer } from '../../support/http/tensor-request.ts';

const FACE = Float32Array.of(0.1, -0, 3.4e38);
const style = view(
  'style',
  customer,
  [
    feature('face', 'embedding(3)'),
    feature('age', 'int32'),
    feature('last', 'list<float64>'),
    feature('words', 'list<string>'),
    feature('spare', 'embedding(2)', Float32Array.of(7, 8)),
    feature('counts', 'list<int64>', [1n, 2n]),
  ],
  { ttlUs: DAY_US },
);
const STATUS_COLUMNS = ['style__age', 'style__face', 'style__last', 'style__spare', 'style__counts'];
const VALUES: readonly Value[] = [FACE, 30, [0.1, 1e300], ['a'], Float32Array.of(1, 2), [5n, 2n ** 53n + 1n]];

describe.each(['uws', 'node'])('vectors on %s', (transport) => {
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(manualClock(), { 'serve.transport': transport }, content());
    fixture.put(style, 1n, VALUES);
    fixture.put(style, 2n, [null, null, null, null, null, null]);
    fixture.put(style, 3n, VALUES, { eventUs: NOON_US - DAY_US - 1 });
    fixture.put(style, 4n, VALUES.with(2, [1, 2, 3]));
    fixture.put(style, 5n, VALUES.with(2, []));
    fixture.put(
      style,
      6n,
      VALUES.with(2, [null, Number.NaN]).with(0, Float32Array.of(Number.NaN, Infinity, 1)),
    );
    fixture.mark('style', NOON_US);
    served = await runServe(fixture.project());
  });

  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  const send = (ids: readonly number[], more: object = {}): Promise<Response> => {
    const inputs = [{ name: 'customer_id', datatype: 'INT64', shape: [ids.length], data: ids }];
    const body = JSON.stringify({ inputs, ...more });
    return fetch(`http://127.0.0.1:${served.port}/v2/models/looks/infer`, { method: 'POST', body });
  };
  const BINARY = { parameters: { binary_data_output: true } };

  test('have a tensor each, and a column each in the status', async () => {
    for (const _ of ['from the store', 'from the cache', 'from the ready ring']) {
      const { json, binary } = await readAnswer(await send([1, 2, 404, 3], BINARY));
      expect(json.outputs.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual([
        ['features', 'FP64', [4, 1]],
        ['status', 'UINT8', [4, 5]],
        ['style__face', 'FP32', [4, 3]],
        ['style__last', 'FP32', [4, 2]],
        ['style__spare', 'FP32', [4, 2]],
        ['style__counts', 'FP32', [4, 2]],
      ]);
      const nans = (n: number): number[] => Array<number>(n).fill(Number.NaN);
      expect([...binary['status']!]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
      expect(floats(binary['style__face']!)).toEqual([...FACE, ...nans(9)]);
      // Float32 rounds what doubles and integers are in a list.
      expect(floats(binary['style__last']!)).toEqual([Math.fround(0.1), Infinity, ...nans(6)]);
      // A fallback stands in for no row and for one that is too old, never for a null.
      expect(floats(binary['style__spare']!)).toEqual([1, 2, ...nans(2), 7, 8, 7, 8]);
      expect(floats(binary['style__counts']!)).toEqual([5, 2 ** 53, ...nans(2), 1, 2, 1, 2]);
    }
  });

  test('have the same numbers in JSON, where NaN and infinity are null', async () => {
    const { json } = await readAnswer(await send([1, 6]));
    expect(json.outputs.slice(2, 4).map(({ data }) => data)).toEqual([
      [Math.fround(0.1), -0, Math.fround(3.4e38), null, null, 1].map((n) => (n === null ? n : near(n))),
      [near(Math.fround(0.1)), null, null, null],
    ]);
  });

  test('are answered alone, in the order that was asked for', async () => {
    const outputs = [{ name: 'style__spare', parameters: { binary_data: true } }, { name: 'style__face' }];
    const { json, binary } = await readAnswer(await send([1], { outputs }));
    expect(json.outputs.map(({ name }) => name)).toEqual(['style__spare', 'style__face']);
    expect(floats(binary['style__spare']!)).toEqual([1, 2]);
  });

  test('lists of no row have no items', async () => {
    const outputs = [{ name: 'style__last', parameters: { binary_data: true } }];
    const { json, binary } = await readAnswer(await send([404, 2], { outputs }));
    expect([json.outputs[0]!.shape, binary['style__last']!.length]).toEqual([[2, 0], 0]);
    expect((await readAnswer(await send([5, 404], { outputs }))).json.outputs[0]!.shape).toEqual([2, 0]);
  });

  test('lists of different lengths are a 400 that names them, and the way out works', async () => {
    for (const [ids, message] of [
      [[1, 404, 4], 'style__last is a list of 2 in row 0 and one of 3 in row 2: no tensor'],
      [[5, 1], 'style__last is a list of 0 in row 0 and one of 2 in row 1: no tensor'],
    ] as const) {
      const response = await send(ids);
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          error: message,
          parameters: {
            code: 'SRV_LIST_LENGTHS',
            field: 'style__last',
            help: expect.stringContaining('Name the outputs') as unknown,
          },
        },
      ]);
      const outputs = [{ name: 'features' }, { name: 'status' }, { name: 'style__face' }];
      expect((await send(ids, { outputs })).status).toBe(200);
    }
    for (const id of [1, 4, 5]) expect((await send([id])).status).toBe(200);
  });

  test('stand in the metadata, and what no tensor holds does not', async () => {
    const response = await fetch(`http://127.0.0.1:${served.port}/v2/models/looks`);
    expect(await response.json()).toMatchObject({
      outputs: [
        { name: 'features', datatype: 'FP64', shape: [-1, 1] },
        { name: 'status', datatype: 'UINT8', shape: [-1, 5] },
        { name: 'style__face', datatype: 'FP32', shape: [-1, 3] },
        { name: 'style__last', datatype: 'FP32', shape: [-1, -1] },
        { name: 'style__spare', datatype: 'FP32', shape: [-1, 2] },
        { name: 'style__counts', datatype: 'FP32', shape: [-1, -1] },
      ],
      parameters: {
        features: ['style__age'],
        status_columns: STATUS_COLUMNS,
        left_out: [{ name: 'style__words', type: 'list<string>' }],
        precision:
          'FP32 rounds integers beyond 2^24, and doubles to float32: style__last (list<float64>), style__counts (list<int64>)',
      },
    });
  });

  test('an unknown output is refused with the names that there are', async () => {
    const response = await send([1], { outputs: [{ name: 'style__words' }] });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringMatching(
        /one of features, status, style__face, style__last, style__spare, style__counts, got/,
      ),
    ]);
  });

  test.each([true, false])('the monitor reads them in a logged answer (as bytes: %s)', async (isBinary) => {
    const response = await send([1, 2, 404], isBinary ? BINARY : {});
    const bytes = Buffer.from(await response.arrayBuffer());
    const features = answeredFeatures(fixture.bundle, fixture.bundle.services.get('looks')!);
    const answer = new LoggedAnswer(bytes, 'oip', features);
    const shown = [VALUES, VALUES.map(() => null), style.features.map(({ missing }) => missing)];
    for (const [row, values] of shown.entries()) {
      for (const [i, { name, type }] of features.entries()) {
        const expected = name === 'style__words' ? null : true;
        expect(answer.says(row, { name, type }, values[i]!), `${row} ${name}`).toBe(expected);
      }
    }
    const face = features[0]!;
    expect(answer.says(0, face, Float32Array.of(0.1, 0, 3.4e38))).toBe(false);
    expect(answer.says(0, face, null)).toBe(false);
    expect(answer.says(0, features[2]!, [0.1])).toBe(false);
    // One bit of one item, as a fault on the way might change it.
    if (!isBinary) return;
    const altered = Buffer.from(bytes);
    altered[altered.indexOf(Buffer.from(FACE.buffer))]! ^= 1;
    expect(new LoggedAnswer(altered, 'oip', features).says(0, face, FACE)).toBe(false);
  });
});

/** JSON has the shortest text that reads back as float32. */
function near(number: number): unknown {
  return Object.is(number, -0) ? -0 : (expect.closeTo(number, number > 1e30 ? -33 : 7) as unknown);
}

function content(): Omit<Bundle, 'hash'> {
  const plain = bundleContent([style]);
  const looks = service('looks', [{ view: style, of: customer }]);
  return { ...plain, services: new Map([['looks', looks]]) };
}
