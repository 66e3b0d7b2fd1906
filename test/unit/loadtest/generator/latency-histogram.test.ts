import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../../../../loadtest/generator/latency-histogram.ts';

const ns = fc.oneof(
  fc.integer({ min: 0, max: 2_000 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.integer({ min: 0, max: 2 ** 42 - 1 }),
);
const some = fc.array(ns, { minLength: 1, maxLength: 300 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** The naive model: the value at the rank, among all values sorted. */
function exactQuantile(values: readonly number[], wanted: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(wanted * sorted.length - 1e-9)) - 1]!;
}

describe('against all values sorted', () => {
  test('a quantile is never too low, and at most 1/256 too high', () => {
    fc.assert(
      fc.property(some, share, (values, wanted) => {
        const exact = exactQuantile(values, wanted);
        const told = histogramOf(values).quantileNs(wanted);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(exact + exact / 256);
      }),
    );
  });

  test('count, least, greatest and mean are exact', () => {
    fc.assert(
      fc.property(some, (values) => {
        const histogram = histogramOf(values);
        expect(histogram.count).toBe(values.length);
        expect(histogram.minNs).toBe(Math.min(...values));
        expect(histogram.maxNs).toBe(Math.max(...values));
        expect(histogram.meanNs).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 0);
      }),
    );
  });

  test('buckets lie side by side, and each value in its own', () => {
    fc.assert(
      fc.property(ns, (value) => {
        const [bucket] = histogramOf([value]).buckets();
        expect(bucket!.fromNs).toBeLessThanOrEqual(value);
        expect(bucket!.toNs).toBeGreaterThanOrEqual(value);
        const [next] = histogramOf([bucket!.toNs + 1]).buckets();
        if (bucket!.toNs < 2 ** 42 - 1) expect(next!.fromNs).toBe(bucket!.toNs + 1);
      }),
    );
  });

  test('two histograms put together count as one of all values, also through JSON', () => {
    fc.assert(
      fc.property(fc.array(ns), some, (a, b) => {
        const both = histogramOf(a);
        both.add(
          JSON.parse(JSON.stringify(histogramOf(b).toJson())) as ReturnType<LatencyHistogram['toJson']>,
        );
        expect(both.toJson()).toEqual(histogramOf([...a, ...b]).toJson());
      }),
    );
  });
});

test('requests without an answer stand behind the slowest', () => {
  const histogram = histogramOf(Array.from({ length: 98 }, (_, i) => i));
  expect(histogram.quantileNs(0.98, 2)).toBe(97);
  expect(histogram.quantileNs(0.99, 2)).toBe(Infinity);
  expect(new LatencyHistogram().quantileNs(0.5, 3)).toBe(Infinity);
});

test('nothing counted is 0, and what was cleared was never counted', () => {
  const empty = new LatencyHistogram();
  expect([empty.quantileNs(0.99), empty.maxNs, empty.minNs, empty.meanNs]).toEqual([0, 0, 0, 0]);
  const cleared = histogramOf([5, 7_000_000]);
  cleared.clear();
  expect(cleared.toJson()).toEqual(empty.toJson());
});

test('values beyond its range count at the ends of it', () => {
  const histogram = histogramOf([-5, 2 ** 50]);
  expect([histogram.minNs, histogram.maxNs]).toEqual([0, 2 ** 42 - 1]);
});
