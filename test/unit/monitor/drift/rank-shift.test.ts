/** The rank test, held against scipy's, against all pairs counted one by one, and against chance. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rankShift } from '../../../../monitor/drift/rank-shift.ts';
import { stepsOf } from '../../../../monitor/drift/sketch-distance.ts';
import type { Steps } from '../../../../monitor/drift/sketch-distance.ts';
import published from '../../../golden/ranks-scipy.json' with { type: 'json' };
import { numbersSketch, uniformsFrom } from './sketched-values.ts';

/** Every distinct value, with the share of the rows up to it. */
function stepsOfAll(values: readonly number[]): Steps {
  const sorted = values.toSorted((a, b) => a - b);
  const last = sorted.flatMap((x, i) => (sorted[i + 1] === x ? [] : [i]));
  return { values: last.map((i) => sorted[i]!), shares: last.map((i) => (i + 1) / values.length) };
}

const exact = (reference: readonly number[], served: readonly number[]) =>
  rankShift(stepsOfAll(reference), stepsOfAll(served), {
    reference: reference.length,
    served: served.length,
  });

test.each(published.cases)('as scipy gives it: $name', ({ reference, served, shift, p }) => {
  const ours = exact(reference, served);
  expect(Math.abs(ours.shift - shift)).toBeLessThan(1e-12);
  expect(Math.abs(ours.p - p)).toBeLessThan(1e-9);
});

const side = fc.array(
  fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -5, max: 5, noNaN: true })),
  {
    minLength: 1,
    maxLength: 60,
  },
);

test('is the share of pairs with a greater served value less that with a smaller one', () => {
  fc.assert(
    fc.property(side, side, (reference, served) => {
      const pairs = reference.flatMap((a) => served.map((b) => Math.sign(b - a)));
      const naive = pairs.reduce((sum, sign) => sum + sign, 0) / pairs.length;
      const { shift, p } = exact(reference, served);
      expect(shift).toBeCloseTo(naive, 10);
      expect(p).toBeGreaterThanOrEqual(0);
      expect(p).toBeLessThanOrEqual(1);
      expect(exact(served, reference).shift).toBeCloseTo(-naive, 10);
    }),
  );
});

describe('of sketches', () => {
  test('is within 0.002 of that of all values, and of similar sides much nearer', () => {
    const uniform = uniformsFrom(11);
    for (const moved of [0, 0.05, 0.3, 2]) {
      const sides = [0, moved].map((by) =>
        Array.from({ length: 4_000 }, () => -Math.log(1 - uniform()) + by),
      );
      const [a, b] = sides.map((values) => stepsOf(numbersSketch(values).ordered!)) as [Steps, Steps];
      const rows = { reference: 4_000, served: 4_000 };
      const [full, small] = [exact(sides[0]!, sides[1]!), rankShift(a, b, rows)];
      expect(Math.abs(small.shift - full.shift), `moved by ${moved}`).toBeLessThan(
        moved > 1 ? 0.002 : 0.0005,
      );
    }
  });

  test('values that are all one value say nothing', () => {
    const ones = stepsOf(numbersSketch([1, 1, 1]).ordered!);
    expect(rankShift(ones, ones, { reference: 3, served: 3 })).toEqual({ shift: 0, p: 1 });
  });
});
