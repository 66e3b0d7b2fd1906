/** Numbers by their distinct values, against the sorted array in which each stands as often as it occurs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedNumbers } from '../../../../monitor/statistics/sorted-numbers.ts';
import '../../../support/property-seed.ts';

const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, -0.5, 1e300, -0));
const numbers = fc.array(number, { maxLength: 30 });

const inOrder = (values: readonly number[]): number[] => values.map((x) => x + 0).toSorted((a, b) => a - b);

function check(found: SortedNumbers, all: readonly number[], asked: readonly number[]): void {
  expect(found.length).toBe(all.length);
  expect([...found.distinct]).toEqual([...new Set(all)]);
  expect(all.map((_, rank) => found.at(rank))).toEqual(all);
  for (const x of [...all, ...asked]) {
    expect(found.below(x)).toBe(all.filter((value) => value < x).length);
    expect(found.upTo(x)).toBe(all.filter((value) => value <= x).length);
  }
}

test('ranks, and how many lie below a number', () => {
  fc.assert(
    fc.property(numbers, numbers, (values, asked) => {
      const all = inOrder(values);
      check(SortedNumbers.of(Float64Array.from(all)), all, asked);
    }),
  );
});

test('counted ones, and those of two sides together', () => {
  const counted = fc.array(fc.tuple(number, fc.integer({ min: 1, max: 4 })), { maxLength: 12 });
  const expanded = (list: readonly (readonly [number, number])[]): number[] =>
    inOrder(list.flatMap(([value, count]) => Array<number>(count).fill(value)));
  const made = (list: readonly (readonly [number, number])[]): SortedNumbers => {
    const sorted = list.toSorted(([a], [b]) => a - b);
    const column = (at: 0 | 1): Float64Array => Float64Array.from(sorted, (one) => one[at]);
    return SortedNumbers.of(column(0), column(1));
  };
  fc.assert(
    fc.property(counted, counted, numbers, (a, b, asked) => {
      check(made(a), expanded(a), asked);
      check(SortedNumbers.merged(made(a), made(b)), expanded([...a, ...b]), asked);
    }),
  );
});
