import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { parseType } from '../../../../../contract/value-type.ts';
import type { Value } from '../../../../../contract/value-type.ts';
import { decodeRowValues, RowEncoder } from '../../../../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES, readHeader } from '../../../../../contract/wire/online/row-header.ts';
import { valueFromJson, valueToJson } from '../../../../../contract/wire/online/json-value.ts';
import { anyRow } from '../../../../support/fixtures/any-value.ts';

interface GoldenRow {
  readonly name: string;
  readonly types: readonly string[];
  readonly values: readonly (string | number | boolean | null | object)[];
  readonly hex: string;
}

const golden = JSON.parse(
  readFileSync(new URL('../../../../golden/0.1.0/rows.json', import.meta.url), 'utf8'),
) as readonly GoldenRow[];

const schemaOf = (types: readonly string[]) => ({
  definitionId: 0xdeadbeef,
  features: types.map((text, i) => ({ name: `f${i}`, type: parseType(text)! })),
});

describe('golden rows', () => {
  test.each(golden)('$name', ({ types, values, hex }) => {
    const schema = schemaOf(types);
    const typed = schema.features.map(({ type }, i) => valueFromJson(type, values[i] as never) as Value);
    const row = new RowEncoder(schema).encode(0x0102030405, 0x060708, 0x0a0b0c, typed);
    expect(row.toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(decodeRowValues(schema, Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toEqual(typed);
  });
});

test('any row of any types comes back to the bit, and equal rows have equal bytes', () => {
  fc.assert(
    fc.property(anyRow, ({ types, values }) => {
      const schema = { definitionId: 1, features: types.map((type, i) => ({ name: `f${i}`, type })) };
      const encoder = new RowEncoder(schema);
      const row = encoder.encode(5, 4, 3, values);
      expect(readHeader(row)).toEqual({ definitionId: 1, eventUs: 5, createdUs: 4, writtenMs: 3 });
      const decoded = decodeRowValues(schema, row);
      expect(decoded).toEqual(values);
      expect(encoder.encode(5, 4, 3, decoded)).toEqual(row);
    }),
    { numRuns: 150 },
  );
});

test('plain msgpackr reads what stands there', () => {
  const types = [
    'bool',
    'int32',
    'int64',
    'float32',
    'float64',
    'string',
    'bytes',
    'list<int64>',
    'map<bool>',
  ];
  const values = [
    true,
    -33,
    2n ** 63n - 1n,
    1.5,
    -0,
    'é',
    Buffer.of(1, 2),
    [1n, null],
    new Map([['k', false]]),
  ];
  const row = new RowEncoder(schemaOf(types)).encode(1, 0, 0, values);
  const plain = new Unpackr({ useRecords: false, mapsAsObjects: false }).unpack(row.subarray(HEADER_BYTES));
  expect(plain).toEqual([
    true,
    -33,
    2n ** 63n - 1n,
    1.5,
    -0,
    'é',
    Buffer.of(1, 2),
    [1, null],
    new Map([['k', false]]),
  ]);
});

// The shortest forms of the MessagePack specification, on both sides of each of their limits.
test.each([
  ['int64', 127n, '7f'],
  ['int64', 128n, 'cc80'],
  ['int64', 255n, 'ccff'],
  ['int64', 256n, 'cd0100'],
  ['int64', 65_535n, 'cdffff'],
  ['int64', 65_536n, 'ce00010000'],
  ['int64', 2n ** 32n - 1n, 'ceffffffff'],
  ['int64', 2n ** 32n, 'cf0000000100000000'],
  ['int64', -32n, 'e0'],
  ['int64', -33n, 'd0df'],
  ['int64', -128n, 'd080'],
  ['int64', -129n, 'd1ff7f'],
  ['int64', -32_768n, 'd18000'],
  ['int64', -32_769n, 'd2ffff7fff'],
  ['int64', -(2n ** 31n), 'd280000000'],
  ['int64', -(2n ** 31n) - 1n, 'd3ffffffff7fffffff'],
  ['string', 'x'.repeat(31), 'bf'],
  ['string', 'x'.repeat(32), 'd920'],
  ['string', 'x'.repeat(255), 'd9ff'],
  ['string', 'x'.repeat(256), 'da0100'],
  ['string', 'x'.repeat(65_535), 'daffff'],
  ['string', 'x'.repeat(65_536), 'db00010000'],
  ['bytes', Buffer.alloc(255), 'c4ff'],
  ['bytes', Buffer.alloc(256), 'c50100'],
  ['bytes', Buffer.alloc(65_535), 'c5ffff'],
  ['bytes', Buffer.alloc(65_536), 'c600010000'],
  ['list<bool>', Array.from({ length: 15 }, () => true), '9f'],
  ['list<bool>', Array.from({ length: 16 }, () => true), 'dc0010'],
  ['map<bool>', new Map(Array.from({ length: 15 }, (_, i) => [`${i}`, true])), '8f'],
  ['map<bool>', new Map(Array.from({ length: 16 }, (_, i) => [`${i}`, true])), 'de0010'],
] as const)('the %# shortest form', (type, value, hex) => {
  const schema = schemaOf([type]);
  const row = new RowEncoder(schema).encode(1, 0, 0, [value]);
  const text = row.toString('hex', HEADER_BYTES + 1);
  expect(text.slice(0, hex.length)).toBe(hex);
  if (type === 'int64') expect(text).toHaveLength(hex.length);
  expect(decodeRowValues(schema, row)).toEqual([value]);
});

test('a map has one encoding whatever order it was filled in: keys by their UTF-8 bytes', () => {
  const schema = schemaOf(['map<int32>']);
  const encoder = new RowEncoder(schema);
  const keys = ['\u{1F600}', '\uFFFD', 'b', 'a'];
  const entries = keys.map((key, i): [string, Value] => [key, i]);
  const row = encoder.encode(1, 0, 0, [new Map(entries)]);
  expect(encoder.encode(1, 0, 0, [new Map(entries.toReversed())])).toEqual(row);
  expect([...(decodeRowValues(schema, row)[0] as Map<string, Value>).keys()]).toEqual(keys.toReversed());
});

test.each([
  ['int32', 1.5, 'f0: expected int32, got the number 1.5'],
  ['int32', 2 ** 31, 'f0: expected int32, got the number 2147483648'],
  ['int64', 2n ** 63n, 'f0: expected int64, got the integer 9223372036854775808'],
  ['float32', 0.1, 'f0: expected float32, got the number 0.1'],
  ['string', '\ud800', 'f0: expected string, got the string "\\ud800"'],
  ['embedding(2)', new Float32Array(3), 'f0: expected embedding(2), got an embedding of 3'],
] as const)('a value that is no %s is refused', (type, value, message) => {
  expect(() => new RowEncoder(schemaOf([type])).encode(1, 0, 0, [value])).toThrow(message);
});

test('too few or too many values, and times that do not fit, are refused', () => {
  const encoder = new RowEncoder(schemaOf(['bool']));
  expect(() => encoder.encode(1, 0, 0, [])).toThrow('a row of 1 features got 0 values');
  expect(() => encoder.encode(-1, 0, 0, [true])).toThrow('a row time must be 1970 to 2255');
  expect(() => encoder.encode(2 ** 53, 0, 0, [true])).toThrow('a row time must be 1970 to 2255');
});

test('bytes that are no such row are refused, never read as another', () => {
  const schema = schemaOf(['int32', 'string']);
  const row = new RowEncoder(schema).encode(1, 0, 0, [7, 'text']);
  const altered = Buffer.from(row);
  altered[HEADER_BYTES + 1] = 0xc3;
  for (const bad of [row.subarray(0, HEADER_BYTES), row.subarray(0, -1), altered, row.subarray(0, 10)]) {
    expect(() => decodeRowValues(schema, bad)).toThrow(TypeError);
  }
  expect(() => decodeRowValues(schemaOf(['int32']), row)).toThrow('an array of 1 values');
});

test('any value survives JSON', () => {
  fc.assert(
    fc.property(anyRow, ({ types, values }) => {
      types.forEach((type, i) => {
        const text = JSON.stringify(valueToJson(type, values[i]!));
        expect(valueFromJson(type, JSON.parse(text))).toEqual(values[i]);
      });
    }),
    { numRuns: 150 },
  );
});

test.each([
  ['an integer', [1]],
  ['an integer past 2^53', [2n ** 63n - 1n]],
  ['nil', [null]],
  ['a list', [['a']]],
  ['text beside an integer', ['a', 7]],
])('a map with %s for a key is no row: JSON has no such name', (_, keys) => {
  const head = new RowEncoder(schemaOf(['bool'])).encode(1, 0, 0, [true]).subarray(0, HEADER_BYTES);
  const map = new Map(keys.map((key) => [key as unknown, 'b']));
  const packed = new Packr({ useRecords: false }).pack([map]);
  expect(() => decodeRowValues(schemaOf(['map<string>']), Buffer.concat([head, packed]))).toThrow(
    'expected the encoding of map<string>',
  );
});

// What a general decoder takes, and would be served as another value or as one of two.
test.each([
  ['text that is no UTF-8', 'string', 'a3ff61fe', 'text that is no UTF-8'],
  ['text that is cut within a character', 'string', 'a2c3', 'cut off'],
  ['half a surrogate pair', 'string', 'a3eda080', 'text that is no UTF-8'],
  ['long text that is no UTF-8', 'string', `d928${'61'.repeat(39)}ff`, 'text that is no UTF-8'],
  ['such text behind much that is ASCII', 'string', `da0064${'61'.repeat(99)}ff`, 'text that is no UTF-8'],
  ['such text in a list', 'list<string>', '92a161a1ff', 'text that is no UTF-8'],
  ['such text in a struct', 'struct<a:string>', '91a1ff', 'text that is no UTF-8'],
  ['such text as a key', 'map<bool>', '81a1ffc3', 'text that is no UTF-8'],
  ['a key twice', 'map<bool>', '82a161c3a161c2', 'not in order'],
  ['keys out of order', 'map<bool>', '82a162c3a161c2', 'not in order'],
  ['a double for an integer', 'int64', 'cb3ff0000000000000', 'expected the encoding of int64'],
  ['a float for a time', 'timestamp', 'ca3f800000', 'expected the encoding of timestamp'],
  ['an integer for a double', 'float64', '01', 'expected the encoding of float64'],
  ['a float32 for a double', 'float64', 'ca3fc00000', 'expected the encoding of float64'],
  ['a double for a float32', 'float32', 'cb3ff8000000000000', 'expected the encoding of float32'],
  [
    'a double in a list of floats',
    'list<float32>',
    '91cb3ff8000000000000',
    'expected the encoding of float32',
  ],
  ['text for bytes', 'bytes', 'a161', 'expected the encoding of bytes'],
  ['bytes for text', 'string', 'c40161', 'expected the encoding of string'],
  ['an extension', 'bytes', 'd40001', 'expected the encoding of bytes'],
  ['a list that is longer than the row', 'list<bool>', 'ddffffffffc3', 'expected the encoding of bool'],
  ['a byte behind its values', 'bool', 'c3c3', 'behind its last value'],
] as const)('a row with %s is corrupt', (_, type, hex, message) => {
  const head = new RowEncoder(schemaOf(['bool'])).encode(1, 0, 0, [true]).subarray(0, HEADER_BYTES + 1);
  const row = Buffer.concat([head, Buffer.from(hex, 'hex')]);
  expect(() => decodeRowValues(schemaOf([type]), row)).toThrow(message);
});
