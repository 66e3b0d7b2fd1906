import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareCategories, compareNumeric } from '../../../support/fixtures/compared-values.ts';
import { naiveDistance } from './naive-distance.ts';

function numeric(served: readonly number[], replayed: readonly number[]) {
  const distributions = compareNumeric(Float64Array.from(served), Float64Array.from(replayed));
  if (distributions?.kind !== 'numeric') throw new Error('expected numeric distributions');
  return distributions;
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** A small generator of fixed seed: the same values in every run. */
function uniforms(rows: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: rows }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  });
}

describe('compareNumeric', () => {
  test('holds together for any values: bins count every row, the ECDF rises to 1 and shows D', () => {
    const side = fc.array(
      fc.oneof(
        fc.integer({ min: -50, max: 50 }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ min: -1e3, max: 1e6, noNaN: true }),
      ),
      { minLength: 1, maxLength: 400 },
    );
    fc.assert(
      fc.property(side, side, (served, replayed) => {
        const { ks, histogram, ecdf: functions } = numeric(served, replayed);
        const ecdf = functions!;
        const pairs = Math.min(served.length, replayed.length);
        expect([sum(histogram.served), sum(histogram.replayed)]).toEqual([pairs, pairs]);
        expect(histogram.edges).toHaveLength(histogram.served.length + 1);
        expect(histogram.edges.every(Number.isFinite)).toBe(true);
        for (const [i, edge] of histogram.edges.entries()) {
          if (i > 0) expect(edge).toBeGreaterThan(histogram.edges[i - 1]!);
        }
        expect(histogram.served.length).toBeLessThanOrEqual(120);
        expect(ecdf.x.length).toBeLessThanOrEqual(40);
        expect(ecdf.x).toEqual([...new Set(ecdf.x)].toSorted((a, b) => a - b));
        expect([ecdf.served.at(-1), ecdf.replayed.at(-1)]).toEqual([1, 1]);
        const at = ecdf.x.indexOf(ks.location + 0);
        expect(at).toBeGreaterThanOrEqual(0);
        expect(Math.abs(ecdf.served[at]! - ecdf.replayed[at]!)).toBeCloseTo(ks.d, 12);
        expect(ks.d).toBeCloseTo(naiveDistance(served.slice(0, pairs), replayed.slice(0, pairs)).d, 12);
      }),
    );
  });

  test('small counts get one bin for each whole number', () => {
    const { histogram } = numeric([0, 0, 1, 3], [0, 1, 1, 2]);
    expect(histogram.edges).toEqual([-0.5, 0.5, 1.5, 2.5, 3.5]);
    expect(histogram.served).toEqual([2, 1, 0, 1]);
    expect(histogram.replayed).toEqual([1, 2, 1, 0]);
  });

  test('even values get even bins with round edges', () => {
    const { edges } = numeric(uniforms(1_000), uniforms(1_000, 7)).histogram;
    expect(edges[0]).toBe(0);
    expect(edges.at(-1)).toBe(1);
    expect(edges).toContain(0.35);
  });

  test('a heavy tail is cut by decades, not squeezed into one bin', () => {
    const amounts = uniforms(5_000).map((u) => Math.round(100 * 5 * (1 - u) ** -1.3) / 100);
    const { edges, served } = numeric(amounts, amounts).histogram;
    expect(edges).toEqual(expect.arrayContaining([10, 100, 1_000]));
    expect(Math.max(...served) / 5_000).toBeLessThan(0.5);
  });

  test('values far from zero with one outlier keep their shape: the outlier gets a bin of its own', () => {
    const values = [...uniforms(2_000).map((u) => 1e6 + 100 * u), 9e6];
    const { edges, served } = numeric(values, values).histogram;
    expect(Math.max(...served) / 2_001).toBeLessThan(0.2);
    expect(edges.at(-1)).toBe(9e6);
  });

  test('one value, NaN and infinities', () => {
    expect(numeric([5, NaN, Infinity], [5])).toMatchObject({
      ks: { d: 0, sign: 0, level: null },
      histogram: { edges: [4.5, 5.5], served: [1], replayed: [1] },
      servedRows: 1,
    });
    expect(compareNumeric(Float64Array.of(NaN), Float64Array.of(1))).toMatchObject({ kind: 'no numbers' });
    expect(compareNumeric(Float64Array.of(), Float64Array.of())).toBeNull();
  });

  test('the given arrays stay as they were', () => {
    const served = Float64Array.of(3, 1, 2);
    compareNumeric(served, Float64Array.of(9, 8));
    expect([...served]).toEqual([3, 1, 2]);
  });
});

describe('compareCategories', () => {
  test('L-infinity is the widest gap between two shares', () => {
    const served = new Map([
      ['BAG', 6],
      ['CARD', 4],
    ]);
    const replayed = new Map([
      ['BAG', 10],
      ['LIGHT', 10],
    ]);
    expect(compareCategories(served, replayed)).toMatchObject({
      kind: 'categorical',
      lInfinity: 0.5,
      values: [
        { value: 'BAG', served: 6, replayed: 10 },
        { value: 'LIGHT', served: 0, replayed: 10 },
        { value: 'CARD', served: 4, replayed: 0 },
      ],
      servedRows: 10,
      replayedRows: 20,
    });
  });

  test('many values: the rest stands as one entry and nothing is lost', () => {
    const counts = new Map(Array.from({ length: 50 }, (_, i) => [`v${i}`, 50 - i]));
    const distributions = compareCategories(counts, counts);
    if (distributions?.kind !== 'categorical') throw new Error('expected categories');
    expect(distributions.values).toHaveLength(13);
    expect(distributions.values.at(-1)!.value).toBe('38 other values');
    expect(sum(distributions.values.map((v) => v.served))).toBe(distributions.servedRows);
    expect(distributions.lInfinity).toBe(0);
  });

  test('a long text is cut, whole characters of it, and its length told', () => {
    const [long, other] = ['𝛼'.repeat(900_001), `${'𝛼'.repeat(900_000)}b`];
    const distributions = compareCategories(new Map([[long, 3]]), new Map([[other, 3]]));
    if (distributions?.kind !== 'categorical') throw new Error('expected categories');
    const shown = `${'𝛼'.repeat(200)}… (900,001 characters)`;
    expect(distributions.lInfinity).toBe(1);
    expect(distributions.values.map(({ value }) => value)).toEqual([shown, shown]);
    expect(distributions.became.flatMap(({ served, replayed }) => [served, replayed])).toEqual(
      expect.arrayContaining([shown, null]),
    );
    const exact = '𝛼'.repeat(200);
    expect(compareCategories(new Map([[exact, 1]]), new Map([[exact, 1]]))).toMatchObject({
      values: [{ value: exact }],
    });
  });

  test('a side without rows cannot be compared', () => {
    expect(compareCategories(new Map(), new Map([['a', 1]]))).toBeNull();
  });
});
