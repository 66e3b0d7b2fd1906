/** Statistics of pairs, from those that differ alone, against scipy, numpy and the definitions over all of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jensenShannonDistance, populationStability } from '../../../../monitor/statistics/binned-shares.ts';
import { countBins } from '../../../../monitor/statistics/histogram-edges.ts';
import { pairedDistance } from '../../../../monitor/statistics/paired-distance.ts';
import { SortedNumbers } from '../../../../monitor/statistics/sorted-numbers.ts';
import { SortedWalk } from '../../../../monitor/statistics/sorted-walk.ts';
import { studentQuantile } from '../../../../monitor/statistics/student.ts';
import { MOST_ITEMS, cosineOf, editDistance } from '../../../../monitor/statistics/vector-difference.ts';
import golden from '../../../golden/distances-scipy.json' with { type: 'json' };
import published from '../../../golden/ks-scipy.json' with { type: 'json' };
import { naiveDistance } from './naive-distance.ts';

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).toSorted();

/** As the monitor calls it: with the pairs that differ. */
function ofPairs(served: readonly number[], replayed: readonly number[]) {
  const open = served.map((_, i) => i).filter((i) => served[i] !== replayed[i]);
  return pairedDistance(
    open.map((i) => served[i]!),
    open.map((i) => replayed[i]!),
    served.length,
  );
}

describe('as scipy and numpy give it', () => {
  test.each(golden.pairs)('D, Wasserstein: $name', ({ served, replayed, d, wasserstein }) => {
    const ours = ofPairs(served, replayed);
    expect(Math.abs(ours.d - d)).toBeLessThanOrEqual(1e-12);
    expect(Math.abs(ours.wasserstein - wasserstein)).toBeLessThanOrEqual(1e-9 * Math.max(1, wasserstein));
  });

  test.each(golden.pairs)('PSI and Jensen-Shannon over the same edges: $name', (one) => {
    const binned = (values: readonly number[]): number[] =>
      countBins(SortedNumbers.of(sorted(values)), one.edges);
    const [a, b] = [binned(one.served), binned(one.replayed)];
    expect(Math.abs(populationStability(b, a) - one.psi)).toBeLessThanOrEqual(1e-9);
    expect(Math.abs(jensenShannonDistance(b, a) - one.jensenShannon)).toBeLessThanOrEqual(1e-9);
  });

  test.each(published.cases)('D of two files: $name', ({ a, b, d, location, sign }) => {
    const walk = new SortedWalk(a.length, b.length);
    const times = (side: readonly number[], x: number): number => side.filter((v) => v === x).length;
    for (const x of new Set(sorted([...a, ...b]))) walk.step(x, times(a, x), times(b, x));
    expect(Math.abs(walk.ks.d - d)).toBeLessThanOrEqual(1e-12);
    if (location !== null) expect([walk.ks.location.value, walk.ks.sign + 0]).toEqual([location, sign]);
  });

  test.each(golden.student)("Student's t of %i degrees, tail %f", (freedom, tail, t) => {
    expect(Math.abs(studentQuantile(tail!, freedom!) - t!)).toBeLessThanOrEqual(1e-9 * Math.max(1, t!));
  });

  test.each(golden.angles)('the cosine of $a', ({ a, b, cosine }) => {
    expect(Math.abs(cosineOf(Float32Array.from(a), Float32Array.from(b))! - cosine)).toBeLessThanOrEqual(
      1e-12,
    );
  });
});

describe('from the pairs that differ', () => {
  const number = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.double({ min: -9, max: 9, noNaN: true }),
    fc.constant(-0),
  );
  const pair = fc.oneof(
    number.map((v) => [v, v] as const),
    fc.tuple(number, number),
  );

  test('comes what the definition gives over all pairs', () => {
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 60 }), (all) => {
        const [served, replayed] = [all.map(([a]) => a), all.map(([, b]) => b)];
        const ours = ofPairs(served, replayed);
        const naive = naiveDistance(served, replayed);
        expect(ours.d).toBeCloseTo(naive.d, 12);
        expect(ours.sign + 0).toBe(naive.sign + 0);
        expect(ours.wasserstein).toBeCloseTo(naive.wasserstein, 9);
        if (naive.d > 0) expect(Number(ours.location) + 0).toBe(naive.location);
      }),
    );
  });

  test('whole numbers past 2^53 keep their order, beside doubles too', () => {
    const far = 2n ** 60n;
    expect(pairedDistance([far, far + 1n], [far + 1n, far + 2n], 4)).toMatchObject({
      d: 0.25,
      location: far,
      sign: 1,
      wasserstein: 0.5,
    });
    expect(pairedDistance([2, far], [2n, Number(far)], 2)).toMatchObject({ d: 0, sign: 0 });
    expect(pairedDistance([], [], 0)).toEqual({ d: 0, location: null, sign: 0, wasserstein: 0 });
  });
});

describe('embeddings and lists', () => {
  test('a vector of zeros, or an infinite one, has no angle', () => {
    expect(cosineOf(Float32Array.of(0, 0), Float32Array.of(1, 2))).toBeNull();
    expect(cosineOf(Float32Array.of(Infinity, 0), Float32Array.of(1, 2))).toBeNull();
    expect(cosineOf(Float32Array.of(NaN, 0), Float32Array.of(1, 2))).toBeNull();
    expect(cosineOf(Float32Array.of(1, 1), Float32Array.of(1, 1))).toBeCloseTo(1, 12);
  });

  /** By its recursion. */
  function naiveEdits(a: readonly number[], b: readonly number[]): number {
    if (a.length === 0 || b.length === 0) return a.length + b.length;
    const [x, y] = [a.slice(1), b.slice(1)];
    if (a[0] === b[0]) return naiveEdits(x, y);
    return 1 + Math.min(naiveEdits(x, y), naiveEdits(x, b), naiveEdits(a, y));
  }

  test('edit distance is that of its definition', () => {
    const list = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 });
    fc.assert(
      fc.property(list, list, (a, b) => {
        expect(editDistance(a, b, Object.is)).toBe(naiveEdits(a, b));
      }),
    );
  });

  test('long lists are compared by their first items', () => {
    const long = Array.from({ length: MOST_ITEMS + 100 }, (_, i) => i);
    expect(editDistance(long, long.with(MOST_ITEMS + 50, -1), Object.is)).toBe(0);
    expect(editDistance(long, [], Object.is)).toBe(MOST_ITEMS);
  });
});
