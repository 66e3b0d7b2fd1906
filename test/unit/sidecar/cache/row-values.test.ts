/** The quick way to read rows of numbers against the general one: the same values, and the same rows refused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseType } from '../../../../contract/value-type.ts';
import type { Value, ValueType } from '../../../../contract/value-type.ts';
import { decodeRowValues, RowEncoder } from '../../../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES } from '../../../../contract/wire/online/row-header.ts';
import { checkRow, holdsNonFinite, readRowValues } from '../../../../sidecar/cache/row-values.ts';
import { anyValueOf } from '../../../support/fixtures/any-value.ts';

const KINDS = ['bool', 'int32', 'int64', 'timestamp', 'float32', 'float64'] as const;
type Kind = (typeof KINDS)[number];

const schemaOf = (kinds: readonly Kind[]) => ({
  definitionId: 1,
  features: kinds.map((kind, i) => ({ name: `f${i}`, type: { kind } satisfies ValueType })),
});

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return 'refused';
  }
}

function expectAlike(kinds: readonly Kind[], row: Buffer): unknown {
  const schema = schemaOf(kinds);
  const [mapping, raw] = [{ schema, from: null }, row.toString('latin1')];
  const values = outcome(() => decodeRowValues(schema, row)) as Value[] | 'refused';
  expect(outcome(() => readRowValues(mapping, raw))).toEqual(values);
  const isWhole = values === 'refused' ? values : values.every((value) => value !== null);
  expect(outcome(() => checkRow(mapping, raw))).toBe(isWhole);
  return values;
}

const head = new RowEncoder(schemaOf([])).encode(1, 0, 0, []).subarray(0, HEADER_BYTES);
const rowOf = (hex: string): Buffer => Buffer.concat([head, Buffer.from(hex, 'hex')]);

test.each([
  ['a byte behind the last value', 'int32', '9107c0'],
  ['an integer past 64 bits with a sign', 'int64', '91cf8000000000000000'],
  ['an integer past 32 bits with a sign', 'int32', '91ce80000000'],
  ['a double that is no float32', 'float32', '91cb3fb999999999999a'],
  ['a double that is a float32', 'float32', '91cb3ff8000000000000'],
  ['a float32 where a double should be', 'float64', '91ca3fc00000'],
  ['an integer where a double should be', 'float64', '9101'],
  ['a double where an integer should be', 'int64', '91cb3ff0000000000000'],
  ['one for true', 'bool', '9101'],
  ['a value too few', 'int32', '90'],
  ['a value too many', 'int32', '920102'],
  ['a value that is cut off', 'float64', '91cb3ff80000'],
  ['no value where one should begin', 'int64', '91'],
] as const)('a row with %s', (_, kind, hex) => {
  expect(expectAlike([kind], rowOf(hex))).toBe('refused');
});

test.each([
  ['the largest integer of 64 bits', 'int64', '91cf7fffffffffffffff', 2n ** 63n - 1n],
  ['the largest integer of 32 bits', 'int32', '91ce7fffffff', 2 ** 31 - 1],
  ['the least integer of 32 bits', 'int32', '91d280000000', -(2 ** 31)],
  ['an integer in a longer form than it needs', 'int64', '91d30000000000000007', 7n],
] as const)('a row with %s', (_, kind, hex, value) => {
  expect(expectAlike([kind], rowOf(hex))).toEqual([value]);
});

const anyRow = fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 20 }).chain((kinds) =>
  fc.record({
    kinds: fc.constant(kinds),
    values: fc.tuple(...kinds.map((kind) => anyValueOf({ kind }))),
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    damage: fc.constantFrom('none', 'another byte', 'cut off', 'longer'),
  }),
);

test('any row of numbers, whole or damaged, is read as the general decoder reads it', () => {
  fc.assert(
    fc.property(anyRow, ({ kinds, values, at, byte, damage }) => {
      const row = new RowEncoder(schemaOf(kinds)).encode(1, 0, 0, values);
      const place = HEADER_BYTES + (at % (row.length - HEADER_BYTES));
      if (damage === 'another byte') row[place] = byte;
      const end = damage === 'cut off' ? place : row.length;
      const more = damage === 'longer' ? Buffer.of(byte) : Buffer.alloc(0);
      expectAlike(kinds, Buffer.concat([row.subarray(0, end), more]));
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['list<float64>', [1, Number.NaN], true],
  ['embedding(1)', Float32Array.of(Number.POSITIVE_INFINITY), true],
  ['map<float32>', new Map([['a', 1]]), false],
  ['struct<a: float64>', { a: Number.NaN }, true],
  ['string', 'NaN', false],
] as const)('whether a value of %s holds a NaN or an infinity', (type, value, holds) => {
  expect(holdsNonFinite(parseType(type)!, value)).toBe(holds);
});
