import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedError } from '../../../../../contract/std/coded-error.ts';
import { SIDECAR_ERRORS } from '../../../../../sidecar/errors.ts';
import { BundlePlans, ViewSlots } from '../../../../../sidecar/plan/bundle-plans.ts';
import { oipSurface } from '../../../../../sidecar/surface/oip/oip.ts';
import { PathExchange } from '../../../../support/faults/path-exchange.ts';
import { bundleContent } from '../../../../support/fixtures/serving-fixture.ts';
import { binaryRequest, int32Bytes, int64Bytes, textBytes } from '../../../../support/http/tensor-request.ts';
import type { TensorInput } from '../../../../support/http/tensor-request.ts';

const plans = new BundlePlans({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());
const PATH = '/v2/models/everything/infer';

const json = fc.oneof(fc.jsonValue(), fc.integer(), fc.string({ unit: 'binary' }), fc.constant(null));
const datatype = fc.constantFrom('INT64', 'INT32', 'BYTES', 'FP32');
const shape = fc.array(fc.oneof(fc.integer({ min: -1, max: 4 }), fc.maxSafeInteger()), { maxLength: 3 });
const value = fc.oneof(fc.maxSafeInteger(), fc.constantFrom('7', 'x', '', null, 1.5, true, '\ud800'), json);
const size = fc.oneof(fc.integer({ min: -1, max: 40 }), fc.maxSafeInteger(), json);
const tensor = fc.record(
  {
    name: fc.oneof(fc.constantFrom('customer_id', 'product_code', '__proto__'), json),
    datatype: fc.oneof(datatype, json),
    shape: fc.oneof(shape, json),
    data: fc.oneof(fc.array(value, { maxLength: 4 }), json),
    parameters: fc.oneof(fc.record({ binary_data_size: size }), json),
  },
  { requiredKeys: ['name', 'datatype', 'shape'] },
);
const output = fc.record({
  name: fc.constantFrom('features', 'status', 'x'),
  parameters: fc.oneof(fc.record({ binary_data: fc.boolean() }), json),
});
const request = fc.record(
  {
    id: json,
    inputs: fc.oneof(fc.array(fc.oneof(tensor, json), { maxLength: 3 }), json),
    outputs: fc.oneof(fc.array(fc.oneof(output, json), { maxLength: 3 }), json),
    parameters: fc.oneof(fc.record({ binary_data_output: fc.oneof(fc.boolean(), json) }), json),
  },
  { requiredKeys: ['inputs'] },
);
/** Nearly right: what the checks behind the first ones get to see. */
const rows = fc.integer({ min: 1, max: 3 });
const likely = fc
  .tuple(rows, rows, fc.constantFrom('INT64', 'BYTES'), fc.uint8Array({ maxLength: 40 }))
  .map(([customers, products, type, bytes]) => ({
    inputs: [
      {
        name: 'customer_id',
        datatype: type,
        shape: [customers],
        parameters: { binary_data_size: bytes.length },
      },
      {
        name: 'product_code',
        datatype: 'BYTES',
        shape: [products, 1],
        data: Array.from({ length: products }, String),
      },
    ],
    bytes,
  }))
  .map(({ inputs, bytes }) => ({ head: Buffer.from(JSON.stringify({ inputs })), tail: Buffer.from(bytes) }));

const body = fc.oneof(
  likely,
  fc.record({
    head: fc.oneof(
      request.map((each) => Buffer.from(JSON.stringify(each))),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
    tail: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
);
const header = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  fc.constantFrom('', '0', '-1', '1e1', ' 7', '99999999999'),
  fc.nat({ max: 200 }).map(String),
);

test('any bytes are a request that can be served, or are refused with a code of the table', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(body, header, ({ head, tail }, length) => {
      const exchange = new PathExchange(PATH, length ?? String(head.length));
      try {
        const { plan, count, parts, form } = oipSurface.parse(Buffer.concat([head, tail]), plans, exchange);
        expect(parts).toHaveLength(plan.keys.length);
        for (const list of parts) expect(list).toHaveLength(count);
        expect(parts.flat().every((part) => part === null || typeof part === 'string')).toBe(true);
        for (let row = 0; row < count; row++) expect(parts.some((list) => list[row] !== null)).toBe(true);
        expect(form.outputs.length).toBeGreaterThan(0);
        seen.set('taken', (seen.get('taken') ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        expect(Object.keys(SIDECAR_ERRORS)).toContain(error.code);
        expect(JSON.parse(oipSurface.errorBody(error))).toMatchObject({ error: error.message });
        seen.set(error.code, (seen.get(error.code) ?? 0) + 1);
      }
    }),
    { numRuns: 4_000 },
  );
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['taken', 'SRV_TENSOR', 'SRV_JSON']));
});

test('what a client writes is what is looked up, in every form of a tensor', () => {
  const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const code = fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => text.isWellFormed());
  const ids = fc.array(fc.oneof(id, fc.bigInt({ min: -5n, max: 5n })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(ids, fc.array(code, { minLength: 1, maxLength: 1 }), (customers, codes) => {
      const small = customers.every((n) => BigInt.asIntN(32, n) === n);
      const shapes = [{ shape: [customers.length] }, { shape: [customers.length, 1] }];
      const forms: [string, Buffer][] = [
        ['INT64', int64Bytes(customers)],
        ['BYTES', textBytes(customers.map(String))],
        ...(small ? [['INT32', int32Bytes(customers.map(Number))] as [string, Buffer]] : []),
      ];
      for (const [type, bytes] of forms) {
        for (const each of shapes) {
          const inputs: TensorInput[] = [
            { name: 'product_code', datatype: 'BYTES', shape: [1] },
            { name: 'customer_id', datatype: type, ...each },
          ];
          const { body: whole, jsonBytes } = binaryRequest({ inputs }, [textBytes(codes), bytes]);
          const { parts, count } = oipSurface.parse(whole, plans, new PathExchange(PATH, String(jsonBytes)));
          expect(count).toBe(customers.length);
          expect(parts[0]).toEqual(customers.map(String));
          expect(new Set(parts[1]).size).toBe(1);
        }
      }
    }),
    { numRuns: 200 },
  );
});

function parsed(more: object, id: string): ReturnType<typeof oipSurface.parse> {
  const products = { name: 'product_code', datatype: 'BYTES', shape: [1], data: ['p'] };
  const head = JSON.stringify({ inputs: [products], ...more });
  const ids = `{"name": "customer_id", "datatype": "INT64", "shape": [1], "data": [${id}]}`;
  const bytes = Buffer.from(head.replace('"inputs":[', `"inputs":[${ids},`));
  return oipSurface.parse(bytes, plans, new PathExchange(PATH, String(bytes.length)));
}

test('an output comes as bytes where it says so itself, else where the request says so of all', () => {
  const outputs = [{ name: 'features' }, { name: 'status', parameters: { binary_data: false } }];
  const binary = (parameters: object): boolean[] =>
    parsed({ outputs, parameters }, '7').form.outputs.map((each) => each.binary);
  expect(binary({ binary_data_output: true })).toEqual([true, false]);
  expect(binary({})).toEqual([false, false]);
});

test('the least and the largest integer of 64 bits are ids, their neighbours are none', () => {
  for (const id of ['-9223372036854775808', '9223372036854775807'])
    expect(parsed({}, id).parts.flat()).toContain(id);
  for (const id of ['-9223372036854775809', '9223372036854775808'])
    expect(() => parsed({}, id)).toThrow('should be an integer of 64 bits');
});
