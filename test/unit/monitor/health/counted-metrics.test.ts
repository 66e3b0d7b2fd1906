/** Metrics are read as Prometheus writes them, and histograms are added only where they can be. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Exposition } from '../../../../contract/std/exposition.ts';
import { Histogram } from '../../../../contract/std/histogram.ts';
import {
  bucketsOf,
  mergeBuckets,
  parseMetrics,
  quantileOf,
} from '../../../../monitor/health/counted-metrics.ts';

describe('metrics as text', () => {
  test('samples of the families asked for, whatever their labels hold', () => {
    const labels = { view: 'a"b\\c\nd,e="f"}', status: 'PRESENT' };
    const out = new Exposition();
    out.gauge('other_thing', 'Is passed over.', 1);
    out.counter('plumbline_values_total', 'Values.', [[labels, 3]]);
    const [sample, ...more] = parseMetrics(out.text(), ['plumbline_values_total']);
    expect(sample).toEqual({ name: 'plumbline_values_total', labels, value: 3 });
    expect(more).toEqual([]);
  });

  test.each(['plumbline_x{a="b" 3', 'plumbline_x{a=b} 3', 'plumbline_x three', 'plumbline_x'])(
    '%s is no metric',
    (line) => {
      expect(() => parseMetrics(`# HELP\n${line}\n`, ['plumbline_x'])).toThrow(/line 2 is no metric/);
    },
  );

  test('a histogram comes back from its text', () => {
    const histogram = new Histogram([0.001, 0.01, 0.1]);
    for (const seconds of [0.0005, 0.002, 0.002, 0.05, 3]) histogram.observe(seconds);
    const out = new Exposition();
    out.histogram('h', 'Seconds.', [[{ route: 'r' }, histogram]]);
    const [buckets] = bucketsOf(parseMetrics(out.text(), ['h']), 'h');
    expect([...buckets!]).toEqual([
      [0.001, 1],
      [0.01, 3],
      [0.1, 4],
      [Infinity, 5],
    ]);
  });
});

/** Cumulative counts of some values. */
function bucketsFrom(edges: readonly number[], values: readonly number[]): Map<number, number> {
  return new Map([...edges, Infinity].map((edge) => [edge, values.filter((v) => v <= edge).length]));
}

describe('histograms of several sidecars', () => {
  const edges = fc
    .uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 })
    .map((all) => all.toSorted((a, b) => a - b));
  const values = fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 40 });

  test('are that of all values, at the edges that all of them have', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(edges, values), { minLength: 1, maxLength: 4 }), (pods) => {
        const shared = pods.map(([own]) => own).reduce((all, own) => all.filter((e) => own.includes(e)));
        const merged = mergeBuckets(pods.map(([own, seen]) => bucketsFrom(own, seen)));
        const everything = pods.flatMap(([, seen]) => seen);
        expect([...merged]).toEqual([...bucketsFrom(shared, everything)]);
      }),
    );
  });

  test('a sidecar that answered nothing takes no edge away', () => {
    const merged = mergeBuckets([bucketsFrom([1, 2], [1, 2, 3]), bucketsFrom([5], [])]);
    expect([...merged.keys()]).toEqual([1, 2, Infinity]);
    expect(mergeBuckets([bucketsFrom([5], [])]).size).toBe(0);
  });

  test('the estimate of a quantile lies in the bucket of the true one', () => {
    fc.assert(
      fc.property(edges, values, fc.constantFrom(0.5, 0.9, 0.99), (own, seen, share) => {
        const sorted = seen.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        const estimate = quantileOf(bucketsFrom(own, seen), share)!;
        const upper = own.find((edge) => exact <= edge) ?? Infinity;
        const lower = own.findLast((edge) => edge < exact) ?? 0;
        expect(estimate).toBeLessThanOrEqual(upper);
        expect(estimate).toBeGreaterThanOrEqual(lower);
      }),
    );
    expect(quantileOf(new Map(), 0.99)).toBeNull();
  });
});
