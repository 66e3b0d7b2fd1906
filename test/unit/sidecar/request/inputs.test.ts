/** On-demand inputs in JSON and in messages: what is taken, and for everything else the code and the field at fault. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../../contract/std/coded-error.ts';
import { formatType, misfit, parseType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { valueToJson } from '../../../../contract/wire/online/json-value.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import type { FeatureRequest } from '../../../../sidecar/request/feature-request.ts';
import { InputFault, inputValue } from '../../../../contract/wire/request/input-value.ts';
import { parseJsonBody } from '../../../../sidecar/request/json-body.ts';
import { feastSurface } from '../../../../sidecar/surface/feast/feast.ts';
import { readOnlineFeatures } from '../../../../sidecar/surface/feast-grpc/online-features-message.ts';
import { nativeSurface } from '../../../../sidecar/surface/native/native.ts';
import { GRPC_SURFACES } from '../../../../sidecar/surface/surfaces.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { anyValueOf } from '../../../support/fixtures/any-value.ts';
import { onDemandContent } from '../../../support/fixtures/on-demand-bundle.ts';
import { messageBytes } from '../../../support/grpc/grpc-messages.ts';
import '../../../support/property-seed.ts';

const plans = new BundlePlans({ ...onDemandContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());
const exchange = new PathExchange();
const [, feastGrpc] = GRPC_SURFACES;

const native = (text: string): FeatureRequest => nativeSurface.parse(Buffer.from(text), plans, exchange);
const feast = (text: string): FeatureRequest => feastSurface.parse(Buffer.from(text), plans, exchange);

/** What a request was refused with. */
function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof CodedError) return `${error.code} ${error.details.field ?? ''}`;
    throw error;
  }
  return 'taken';
}

const GOOD = '"cart":12.5,"big":7,"tags":[["a","b"]]';
const ordered = (context: string, ids = '[1,2]'): string =>
  `{"feature_service":"ordered","entities":{"customer_id":${ids}},"context":{${context}}}`;
const bareOnly = (context: string): string => `{"feature_service":"bare_only","context":{${context}}}`;

describe('inputs in context', () => {
  test('are one value for all rows, or one a row; what is optional may lack', () => {
    expect(native(ordered(GOOD)).inputs).toEqual([[12.5], [null], [7n], [['a', 'b']]]);
    const each = '"cart":[1,2],"city":["Paris",null],"big":["9223372036854775807",-1],"tags":[[],["x",null]]';
    expect(native(ordered(each)).inputs).toEqual([
      [1, 2],
      ['Paris', null],
      [9_223_372_036_854_775_807n, -1n],
      [[], ['x', null]],
    ]);
    expect(native(ordered(`${GOOD},"city":null`)).inputs[1]).toEqual([null]);
    expect(native(ordered(`${GOOD},"cart":[3]`)).inputs[0]).toEqual([3]);
  });

  test('of a list type that is optional may be null for all rows, as every other', () => {
    const content = onDemandContent();
    const service = content.services.get('ordered')!;
    const inputs = service.inputs.map((one) => (one.name === 'tags' ? { ...one, optional: true } : one));
    const services = new Map(content.services).set('ordered', { ...service, inputs });
    const optional = new BundlePlans({ ...content, services, hash: 'c'.repeat(16) }, '', new ViewSlots());
    for (const tags of [',"tags":null', ''])
      expect(
        nativeSurface.parse(Buffer.from(ordered(`"cart":1,"big":7${tags}`)), optional, exchange).inputs[3],
      ).toEqual([null]);
  });

  test('make rows of an entity given once, and without keys all rows', () => {
    const { count, parts, inputs } = native(ordered('"cart":[1,2,3],"big":7,"tags":[[]]', '[5]'));
    expect([count, parts, inputs[0]]).toEqual([3, [['5', '5', '5']], [1, 2, 3]]);
    const rows = native(bareOnly('"x":[1,2],"y":3'));
    expect([rows.count, rows.parts, rows.inputs]).toEqual([2, [], [[1, 2], [3]]]);
    expect(native(bareOnly('"x":1,"y":3')).count).toBe(1);
    expect(native('{"feature_service":"bare_only","entities":{},"context":{"x":1,"y":2}}').count).toBe(1);
  });

  test.each([
    ['missing', ordered('"big":7,"tags":[[]]'), 'SRV_INPUT_MISSING context.cart'],
    ['missing with all of context', ordered(''), 'SRV_INPUT_MISSING context.cart'],
    ['null', ordered(`${GOOD},"cart":null`), 'SRV_INPUT_MISSING context.cart'],
    ['null of a list', ordered('"cart":1,"big":7,"tags":null'), 'SRV_INPUT_MISSING context.tags'],
    ['null in a row', ordered(`${GOOD},"cart":[1,null]`), 'SRV_INPUT_MISSING context.cart[1]'],
    ['unknown', ordered(`${GOOD},"cartt":1`), 'SRV_UNKNOWN_CONTEXT context.cartt'],
    ['the request time', ordered(`${GOOD},"now":1`), 'SRV_UNKNOWN_CONTEXT context.now'],
    ['a prototype', ordered(`${GOOD},"__proto__":1`), 'SRV_UNKNOWN_CONTEXT context.__proto__'],
    ['of another type', ordered(`${GOOD},"cart":"12.5"`), 'SRV_INPUT_TYPE context.cart'],
    ['of another type in a row', ordered(`${GOOD},"cart":[1,true]`), 'SRV_INPUT_TYPE context.cart[1]'],
    ['past the range', ordered(`${GOOD},"cart":1e999`), 'SRV_INPUT_TYPE context.cart'],
    ['an int64 as a long number', ordered(`${GOOD},"big":9007199254740993`), 'SRV_INPUT_TYPE context.big'],
    ['an int64 past 64 bits', ordered(`${GOOD},"big":"9223372036854775808"`), 'SRV_INPUT_TYPE context.big'],
    ['a fraction for an integer', ordered(`${GOOD},"big":1.5`), 'SRV_INPUT_TYPE context.big'],
    [
      'nearly whole for an integer',
      ordered(`${GOOD},"big":1.00000000000000000001`),
      'SRV_INPUT_TYPE context.big',
    ],
    ['a bare list', ordered(`${GOOD},"tags":["a","b"]`), 'SRV_INPUT_TYPE context.tags[0]'],
    ['no list', ordered(`${GOOD},"tags":"a"`), 'SRV_INPUT_TYPE context.tags'],
    ['an empty list', ordered(`${GOOD},"cart":[]`), 'SRV_NO_ROWS context.cart'],
    ['ragged', ordered(`${GOOD},"cart":[1,2,3]`), 'SRV_RAGGED context.cart'],
    [
      'ragged among each other',
      ordered('"cart":[1,2],"big":[1,2,3],"tags":[[]]', '[1]'),
      'SRV_RAGGED context.big',
    ],
    ['no object', '{"feature_service":"bare_only","context":[1]}', 'SRV_REQUEST context'],
    [
      'an input among the entities',
      ordered(GOOD).replace('[1,2]}', '[1],"cart":[1]}'),
      'SRV_UNKNOWN_KEY entities.cart',
    ],
    ['too many rows', bareOnly(`"x":[${'1,'.repeat(5_000)}1],"y":1`), 'SRV_TOO_MANY_VALUES context'],
    [
      'a long text for many rows',
      ordered(`${GOOD},"city":"${'x'.repeat(100_000)}"`, `[${'1,'.repeat(99)}1]`),
      'SRV_TOO_MANY_VALUES context.city',
    ],
  ])('%s: the code, and the field at fault', (_, text, expected) => {
    expect(refusal(() => native(text))).toBe(expected);
  });
});

describe("inputs on Feast's surface", () => {
  const entities = (more: string, ids = '[1,2]'): string =>
    `{"feature_service":"ordered","full_feature_names":true,"entities":{"customer_id":${ids},${more}}}`;

  test('are columns, and what nobody asks for is passed over and counted', () => {
    const { inputs, passedOver } = feast(entities('"cart":[1,2],"big":[7],"tags":[["a"]],"other":[1],"x":5'));
    expect(inputs).toEqual([[1, 2], [null], [7n], [['a']]]);
    expect(passedOver).toBe(2);
    const rows = feast('{"feature_service":"bare_only","entities":{"x":[1,2],"y":[3,4]}}');
    expect([rows.count, rows.inputs]).toEqual([
      2,
      [
        [1, 2],
        [3, 4],
      ],
    ]);
  });

  test('of a feature asked for singly', () => {
    const { plan, inputs } = feast(
      '{"features":["fee:fee"],"entities":{"customer_id":[1],"cart":[2],"big":[3],"tags":[[]]}}',
    );
    expect(plan.onDemand.map(({ role }) => role)).toEqual(['trip', 'fee']);
    expect(plan.roleNames).toEqual(['spend', 'profile']);
    expect(plan.inputs.map(({ name }) => name)).toEqual(['cart', 'city', 'big', 'tags']);
    expect(inputs).toEqual([[2], [null], [3n], [[]]]);
  });

  test.each([
    ['missing', entities('"big":[7],"tags":[[]]'), 'SRV_INPUT_MISSING entities.cart'],
    ['a bare value', entities('"cart":1,"big":[7],"tags":[[]]'), 'SRV_INPUT_TYPE entities.cart'],
    [
      'more than there are keys',
      entities('"cart":[1,2],"big":[7],"tags":[[]]', '[1]'),
      'SRV_RAGGED entities.cart',
    ],
    ['of another type', entities('"cart":[1,"a"],"big":[7],"tags":[[]]'), 'SRV_INPUT_TYPE entities.cart[1]'],
    ['null', entities('"cart":[1,null],"big":[7],"tags":[[]]'), 'SRV_INPUT_MISSING entities.cart[1]'],
    [
      'too many rows',
      `{"feature_service":"bare_only","entities":{"x":[${'1,'.repeat(5_000)}1],"y":[1]}}`,
      'SRV_TOO_MANY_VALUES entities',
    ],
  ])('%s: the code, and the field at fault', (_, text, expected) => {
    expect(refusal(() => feast(text))).toBe(expected);
  });
});

describe('inputs of a message', () => {
  const request = (entities: object): Buffer =>
    messageBytes('feast.serving.GetOnlineFeaturesRequest', { feature_service: 'ordered', entities });
  const good = {
    customer_id: { val: [{ int64_val: 1 }] },
    cart: { val: [{ double_val: 12.5 }] },
    big: { val: [{ int64_val: '9007199254740993' }] },
    tags: { val: [{ string_list_val: { val: ['a'] } }] },
  };

  test('are exact past 2^53, which JSON is not taken at its word for', () => {
    const { inputs } = feastGrpc!.parse(request(good), plans, exchange);
    expect(inputs).toEqual([[12.5], [null], [2n ** 53n + 1n], [['a']]]);
    expect(refusal(() => native(ordered('"cart":12.5,"big":9007199254740993,"tags":[["a"]]')))).toBe(
      'SRV_INPUT_TYPE context.big',
    );
    const text = { ...good, big: { val: [{ string_val: 'x' }] } };
    expect(refusal(() => feastGrpc!.parse(request(text), plans, exchange))).toBe(
      'SRV_INPUT_TYPE entities.big[0]',
    );
  });

  const FIELDS = {
    bool: 'bool_val',
    int32: 'int32_val',
    int64: 'int64_val',
    float32: 'float_val',
    float64: 'double_val',
    string: 'string_val',
    bytes: 'bytes_val',
    'list<int32>': 'int32_list_val',
    'list<int64>': 'int64_list_val',
    'list<float64>': 'double_list_val',
    'list<string>': 'string_list_val',
    'list<bytes>': 'bytes_list_val',
    'embedding(3)': 'float_list_val',
  };

  test.each(Object.entries(FIELDS))('%s in its own field comes as it was sent', (text, field) => {
    const type = parseType(text)!;
    const sent = (value: Value): unknown => (typeof value === 'bigint' ? String(value) : value);
    fc.assert(
      fc.property(anyValueOf(type), (value) => {
        if (value === null || (Array.isArray(value) && value.includes(null))) return;
        const isList = Array.isArray(value) || value instanceof Float32Array;
        const val = isList ? { val: [...(value as readonly Value[])].map(sent) } : sent(value);
        const { entities } = readOnlineFeatures(request({ x: { val: [{ [field]: val }] } }));
        const read = inputValue(type, (entities as { x: unknown[] }).x[0], true);
        expect(read).not.toBeInstanceOf(InputFault);
        expect(valueToJson(type, read as Value)).toEqual(valueToJson(type, value));
      }),
      { numRuns: 100 },
    );
  });
});

describe('a value of an input', () => {
  const types = [
    'bool',
    'int32',
    'int64',
    'float32',
    'float64',
    'string',
    'bytes',
    'timestamp',
    'list<int64>',
    'embedding(3)',
    'map<float64>',
    'struct<a: int32, b: list<string>>',
  ].map((text) => parseType(text)!);

  test('is the same as it is printed', () => {
    for (const type of types) {
      fc.assert(
        fc.property(anyValueOf(type), (value) => {
          if (value === null) return;
          const json = JSON.parse(JSON.stringify(valueToJson(type, value))) as unknown;
          if (JSON.stringify(json).includes('"-0"')) return;
          const read = inputValue(type, json);
          expect(read, formatType(type)).not.toBeInstanceOf(InputFault);
          expect(valueToJson(type, read as Value)).toEqual(valueToJson(type, value));
        }),
        { numRuns: 100 },
      );
    }
  });

  test('of any JSON is one of the type or a fault with a sentence', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.json(), (type, text) => {
        const json = parseJsonBody(Buffer.from(`{"a":${text}}`))['a'];
        if (json === null) return;
        const read = inputValue(type, json);
        if (read instanceof InputFault) expect(read.fault).toMatch(/^(should be|has no|lacks)/);
        else expect(misfit(type, read)).toBe(null);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ['bytes', '"AQ="', /base64/],
    ['bytes', '"A_=="', /base64/],
    ['timestamp', '1795262400', /RFC 3339/],
    ['timestamp', '"yesterday"', /RFC 3339/],
    ['string', '"\\ud800"', /surrogate/],
    ['map<int32>', '{"\\udc00":1}', /surrogate/],
    ['float32', '1e39', /past its range/],
    ['float64', '"1.5"', /got the string/],
    ['int32', '2147483648', /int32/],
    ['embedding(2)', '[1]', /list of 1/],
    ['embedding(2)', '[1,null]', /float32, got null/],
    ['struct<a: int32>', '{}', /lacks the field a/],
    ['struct<a: int32>', '{"a":1,"b":2}', /no field "b"/],
    ['list<int64>', '[9007199254740993]', /decimal text/],
    ['bool', '1', /bool/],
  ])('%s from %s says what is wrong', (type, text, sentence) => {
    const read = inputValue(parseType(type)!, parseJsonBody(Buffer.from(`{"a":${text}}`))['a']);
    expect((read as InputFault).fault).toMatch(sentence);
  });

  test.each([
    ['int32', '"a"', ''],
    ['list<list<int32>>', '[[1],[2,"a"]]', '[1][1]'],
    ['map<int32>', '{"red":1,"green":"a"}', '["green"]'],
    ['struct<a: map<list<int32>>>', '{"a":{"x y":[1,2,"a"]}}', '.a["x y"][2]'],
    ['struct<a: struct<b: int32>>', '{"a":{}}', '.a'],
    ['embedding(2)', '[1,"a"]', '[1]'],
  ])('a fault within %s says where in the value: %s', (type, text, path) => {
    const read = inputValue(parseType(type)!, parseJsonBody(Buffer.from(`{"a":${text}}`))['a']);
    expect((read as InputFault).path).toBe(path);
  });

  test('a float next to a whole number is the nearest double, as are words for what JSON has no number for', () => {
    const double = parseType('float64')!;
    const read = (text: string): unknown =>
      inputValue(double, parseJsonBody(Buffer.from(`{"a":${text}}`))['a']);
    expect(read('0.99999999999999999999')).toBe(1);
    expect(read('9007199254740993')).toBe(9_007_199_254_740_992);
    expect(read('-0')).toBe(-0);
    expect([read('"NaN"'), read('"-Infinity"')]).toEqual([Number.NaN, -Infinity]);
  });
});
