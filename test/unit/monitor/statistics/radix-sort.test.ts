import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortDoubles } from '../../../../monitor/statistics/radix-sort.ts';

/** Bit for bit, so that -0 and 0 are told apart; every NaN counts as one. */
function bits(values: Float64Array): BigUint64Array {
  return new BigUint64Array(values.map((v) => (Number.isNaN(v) ? NaN : v)).buffer);
}

function expectSorted(values: Float64Array): void {
  const expected = values.toSorted();
  expect(bits(sortDoubles(values))).toEqual(bits(expected));
}

const SPECIAL = [
  0,
  -0,
  NaN,
  Infinity,
  -Infinity,
  5e-324,
  -5e-324,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  1,
  -1,
];

test('sorts as Float64Array.sort does, whatever the doubles', () => {
  const doubles = fc.float64Array({ minLength: 0, maxLength: 300 });
  fc.assert(
    fc.property(doubles, fc.integer({ min: 1, max: 40 }), (values, copies) => {
      // Repeated until the radix path is taken, with the special values strewn in.
      const many = new Float64Array(values.length * copies + 4_000);
      for (let i = 0; i < many.length; i++) {
        many[i] =
          i % 7 === 0 || values.length === 0 ? SPECIAL[i % SPECIAL.length]! : values[i % values.length]!;
      }
      expectSorted(many);
    }),
    { numRuns: 50 },
  );
});

test('a negative NaN comes last too', () => {
  const values = new Float64Array(5_000).fill(2);
  new BigUint64Array(values.buffer)[17] = 0xfff8_0000_0000_0001n;
  values[18] = -Infinity;
  sortDoubles(values);
  expect(values[0]).toBe(-Infinity);
  expect(values[4_999]).toBeNaN();
});

test('equal values, ordered values, reversed values and a view into a larger buffer', () => {
  expectSorted(new Float64Array(3_000).fill(42.5));
  expectSorted(Float64Array.from({ length: 5_000 }, (_, i) => i));
  expectSorted(Float64Array.from({ length: 5_000 }, (_, i) => -i / 3));
  const large = Float64Array.from({ length: 9_000 }, (_, i) => Math.sin(i) * 1e6);
  const before = large.slice(0, 1_000);
  expectSorted(large.subarray(1_000, 8_000));
  expect(large.slice(0, 1_000)).toEqual(before);
});

test('numbers beside the values go where these go, of few and of many', () => {
  for (const rows of [0, 1, 100, 5_000]) {
    const values = Float64Array.from({ length: rows }, (_, i) => Math.sin(i) * 1e3 * (i % 3 === 0 ? -1 : 1));
    const expected = [...values].map((value, i) => [value, i] as const).toSorted(([a], [b]) => a - b);
    const beside = Float64Array.from(values.keys());
    expect([...sortDoubles(values, beside)]).toEqual(expected.map(([value]) => value));
    expect([...beside]).toEqual(expected.map(([, place]) => place));
  }
});
