/**
 * Statistics held against what scipy and numpy give for the same numbers, and against the definition on random ones.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jensenShannonDistance, populationStability } from '../../../../monitor/statistics/binned-shares.ts';
import { chiSquareOf } from '../../../../monitor/statistics/chi-square.ts';
import { falseDiscoveryRates } from '../../../../monitor/statistics/false-discoveries.ts';
import { kolmogorovTail, ksProbability } from '../../../../monitor/statistics/ks-probability.ts';
import { shareInterval } from '../../../../monitor/statistics/share-interval.ts';
import { QUANTILE_SHARES, SortedWalk } from '../../../../monitor/statistics/sorted-walk.ts';
import vectors from '../../../golden/stats-scipy.json' with { type: 'json' };

function near(ours: number, theirs: number, within = 1e-9): void {
  expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(within);
}

describe('as scipy gives it', () => {
  test('the tail of the one-sample law, in each range of n and d', () => {
    for (const [n, d, p] of vectors.kolmogorovTail) near(kolmogorovTail(n!, d!), p!);
  });

  test.each(vectors.ksProbability)('p of D = %f of %i and %i rows', (d, a, b, p, method) => {
    for (const ours of [
      ksProbability(d as number, a as number, b as number),
      ksProbability(d as number, b as number, a as number),
    ]) {
      near(ours.p, p as number);
      expect(ours.method).toBe(method);
    }
  });

  test.each(vectors.chiSquare)('chi-square of $a and $b', ({ a, b, statistic, df, p }) => {
    const ours = chiSquareOf(a, b)!;
    near(ours.statistic, statistic, 1e-9 * Math.max(1, statistic));
    expect(ours.degreesOfFreedom).toBe(df);
    near(ours.p, p);
  });

  test.each(vectors.jensenShannon)('the Jensen-Shannon distance of $a and $b', ({ a, b, distance }) => {
    near(jensenShannonDistance(a, b), distance);
  });

  test.each(vectors.shareInterval)("Wilson's interval of %i of %i", (hits, rows, low, high) => {
    const ours = shareInterval(hits!, rows!);
    near(ours[0], low!, 1e-12);
    near(ours[1], high!, 1e-12);
  });

  test('q values of many tests', () => {
    const ours = falseDiscoveryRates(vectors.falseDiscoveryRates.p);
    ours.forEach((q, i) => near(q, vectors.falseDiscoveryRates.q[i]!, 1e-12));
    expect(falseDiscoveryRates([])).toEqual([]);
  });

  test.each(vectors.sortedWalk)('the Wasserstein distance and quantiles of $a and $b', (theirs) => {
    const walk = walked(theirs.a, theirs.b);
    near(walk.wasserstein, theirs.distance, 1e-12);
    expect(walk.quantiles.a.map(({ value }) => value)).toEqual(theirs.quantiles.a);
    expect(walk.quantiles.b.map(({ value }) => value)).toEqual(theirs.quantiles.b);
  });
});

/** By the definition: the share of all orders of the pooled values that have a gap of at least d. */
function enumerated(d: number, aRows: number, bRows: number): number {
  let [orders, apart] = [0, 0];
  const walk = (a: number, b: number, widest: number): void => {
    const gap = Math.max(widest, Math.abs(a / aRows - b / bRows));
    if (a === aRows && b === bRows) {
      orders += 1;
      if (gap >= d - 1e-9) apart += 1;
      return;
    }
    if (a < aRows) walk(a + 1, b, gap);
    if (b < bRows) walk(a, b + 1, gap);
  };
  walk(0, 0, 0);
  return apart / orders;
}

test('the exact p is the share of orders that have such a gap', () => {
  const rows = fc.integer({ min: 1, max: 7 });
  fc.assert(
    fc.property(rows, rows, fc.nat(), fc.nat(), (a, b, i, j) => {
      const d = Math.abs((i % (a + 1)) / a - (j % (b + 1)) / b);
      expect(ksProbability(d, a, b).p).toBeCloseTo(enumerated(d, a, b), 12);
    }),
  );
});

function walked(a: readonly number[], b: readonly number[]): SortedWalk {
  const walk = new SortedWalk(a.length, b.length);
  for (const value of [...new Set([...a, ...b])].toSorted((x, y) => x - y)) {
    const times = (side: readonly number[]): number => side.filter((v) => v === value).length;
    walk.step(value, times(a), times(b));
  }
  return walk;
}

describe('one walk over the distinct values', () => {
  const side = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 60 });

  test('gives the widest gap, the area between, and quantiles as their definitions do', () => {
    fc.assert(
      fc.property(side, side, (a, b) => {
        const share = (values: readonly number[], x: number): number =>
          values.filter((v) => v <= x).length / values.length;
        const pooled = [...new Set([...a, ...b])].toSorted((x, y) => x - y);
        const gaps = pooled.map((x) => share(a, x) - share(b, x));
        const walk = walked(a, b);
        const widest = Math.max(...gaps.map(Math.abs));
        near(walk.ks.d, widest, 1e-12);
        const first = gaps.findIndex((gap) => Math.abs(gap) > widest - 1e-12);
        expect(walk.ks.location).toEqual({ value: pooled[first], index: first });
        expect(walk.ks.sign + 0).toBe(widest === 0 ? 0 : Math.sign(gaps[first]!));
        const area = gaps
          .slice(0, -1)
          .reduce((sum, gap, i) => sum + Math.abs(gap) * (pooled[i + 1]! - pooled[i]!), 0);
        near(walk.wasserstein, area, 1e-9);
        const quantile = (values: readonly number[], p: number): number =>
          values.toSorted((x, y) => x - y)[Math.max(0, Math.ceil(p * values.length - 1e-9) - 1)]!;
        expect(walk.quantiles.a.map(({ value }) => value)).toEqual(
          QUANTILE_SHARES.map((p) => quantile(a, p)),
        );
      }),
    );
  });

  test('every row is in one bin; no bin of side a has much more than a tenth, but for one value alone', () => {
    fc.assert(
      fc.property(side, side, (a, b) => {
        const { edges, a: inA, b: inB } = walked(a, b).bins;
        const bounds = [-Infinity, ...edges.map(({ value }) => value), Infinity];
        const counted = (values: readonly number[]): number[] =>
          bounds.slice(1).map((high, i) => values.filter((v) => v > bounds[i]! && v <= high).length);
        expect(inA).toEqual(counted(a));
        expect(inB).toEqual(counted(b));
        inA.forEach((rows, i) => {
          const distinct = new Set(a.filter((v) => v > bounds[i]! && v <= bounds[i + 1]!)).size;
          if (distinct > 1) expect(rows).toBeLessThan(a.length * 0.2);
        });
      }),
    );
  });

  test('a constant that moved is seen in its bins', () => {
    const { bins } = walked([5, 5, 5, 5], [3, 3]);
    expect(populationStability(bins.a, bins.b)).toBeGreaterThan(5);
    expect(populationStability([1, 2, 3], [2, 4, 6])).toBe(0);
  });
});

test('what has no test has no statistic: one category, an empty side', () => {
  expect(chiSquareOf([3], [4])).toBeNull();
  expect(chiSquareOf([3, 0], [4, 0])).toBeNull();
  expect(chiSquareOf([0, 0], [4, 1])).toBeNull();
});

test('the population stability index is the sum of (b - a) ln(b / a), an empty bin as 0.0001', () => {
  const share = (x: number, y: number): number => (y - x) * Math.log(y / x);
  near(populationStability([10, 30, 60], [20, 30, 50]), share(0.1, 0.2) + share(0.6, 0.5), 1e-12);
  near(populationStability([1, 0], [0, 1]), share(1, 1e-4) + share(1e-4, 1), 1e-12);
});
