import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ksTwoSample } from '../../../../monitor/statistics/ks.ts';
import { quantileOfSorted } from '../../../../monitor/statistics/quantile.ts';
import vectors from '../../../golden/ks-scipy.json' with { type: 'json' };

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).toSorted();

/** The share of a side's values that are at most x. */
const share = (side: Float64Array, x: number): number => side.filter((v) => v <= x).length / side.length;

/** The definition, value by value. */
function naiveKs(a: Float64Array, b: Float64Array): { d: number; location: number; sign: number } {
  const pooled = sorted([...a, ...b]);
  let best = { d: 0, location: pooled[0]!, sign: 0 };
  for (const x of pooled) {
    const gap = share(a, x) - share(b, x);
    if (Math.abs(gap) > best.d + 1e-12) best = { d: Math.abs(gap), location: x, sign: Math.sign(gap) };
  }
  return best;
}

describe('ksTwoSample', () => {
  test.each(vectors.cases)('agrees with scipy: $name', ({ a, b, d, location, sign }) => {
    const ours = ksTwoSample(sorted(a), sorted(b));
    expect(Math.abs(ours.d - d)).toBeLessThan(1e-12);
    if (location !== null) expect(ours).toMatchObject({ location, sign });
  });

  test('agrees with the definition on any input, and mirrors when the sides change places', () => {
    const side = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(side, side, (left, right) => {
        const a = sorted(left);
        const b = sorted(right);
        const ours = ksTwoSample(a, b);
        const naive = naiveKs(a, b);
        expect(ours.d).toBeCloseTo(naive.d, 12);
        expect(ours.sign).toBe(naive.sign);
        expect(ours.location + 0).toBe(naive.location + 0);
        const mirrored = ksTwoSample(b, a);
        expect([mirrored.d, mirrored.location, mirrored.sign + 0]).toEqual([
          ours.d,
          ours.location,
          0 - ours.sign,
        ]);
      }),
    );
  });

  test('an empty side is refused with a code', () => {
    expect(() => ksTwoSample(sorted([]), sorted([1]))).toThrow(
      expect.objectContaining({ code: 'MON_KS_EMPTY' }),
    );
    expect(() => ksTwoSample(sorted([1]), sorted([]))).toThrow(
      expect.objectContaining({ code: 'MON_KS_EMPTY' }),
    );
  });

  test('a NaN is refused wherever it stands, and never loops', () => {
    const nan = expect.objectContaining({ code: 'MON_KS_NAN' });
    expect(() => ksTwoSample(sorted([1, NaN]), sorted([1]))).toThrow(nan);
    expect(() => ksTwoSample(sorted([1]), sorted([NaN]))).toThrow(nan);
    expect(() => ksTwoSample(Float64Array.of(1, NaN, 3), sorted([2, 4]))).toThrow(nan);
  });
});

describe('quantileOfSorted', () => {
  test.each(vectors.cases)('agrees with numpy: $name', ({ a, quantilesOfA }) => {
    const values = sorted(a);
    for (const [p, expected] of quantilesOfA as [number, number][]) {
      const ours = quantileOfSorted(values, p);
      expect(Math.abs(ours - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
    }
  });

  test('nothing to take it from, or a share that is none, is refused', () => {
    const refused = expect.objectContaining({ code: 'MON_QUANTILE' });
    expect(() => quantileOfSorted(sorted([]), 0.5)).toThrow(refused);
    expect(() => quantileOfSorted(sorted([1]), 99)).toThrow(refused);
    expect(() => quantileOfSorted(sorted([1]), NaN)).toThrow(refused);
  });
});
