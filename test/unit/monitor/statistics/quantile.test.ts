import { describe, expect, test } from 'vitest';
import { quantileOfSorted } from '../../../../monitor/statistics/quantile.ts';
import vectors from '../../../golden/ks-scipy.json' with { type: 'json' };

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).toSorted();

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
