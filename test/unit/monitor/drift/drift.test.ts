/** Drift from sketches, held against the same figures from all values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColumnSketch } from '../../../../contract/sketch.ts';
import { categoryDistance, pooledCategories } from '../../../../monitor/drift/category-shares.ts';
import { driftOfSketches } from '../../../../monitor/drift/day-drift.ts';
import {
  SKETCH_ERROR,
  pooledSteps,
  stepDistance,
  stepsOf,
} from '../../../../monitor/drift/sketch-distance.ts';
import { LEAST_SETS, spreadOf } from '../../../../monitor/drift/training-spread.ts';
import { driftLevels } from '../../../../monitor/statistics/drift-level.ts';
import { naiveDistance } from '../statistics/naive-distance.ts';
import { flaggedDays } from './quiet-days.ts';
import { numbersSketch, textsSketch, uniformSketch, uniformsFrom } from './sketched-values.ts';

const typed = (sketch: ColumnSketch, type = 'float64') => ({ type, sketch });

describe('D of two sketches', () => {
  const uneven = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.double({ min: -10, max: 10, noNaN: true }),
    fc.constantFrom(0, 1e300, -1e300),
  );
  const side = fc.array(uneven, { minLength: 1, maxLength: 2_500 });

  test('is within 0.001 of the D of all values, whatever they are', () => {
    fc.assert(
      fc.property(side, side, (a, b) => {
        const { d, sign } = stepDistance(
          stepsOf(numbersSketch(a).ordered!),
          stepsOf(numbersSketch(b).ordered!),
        );
        const exact = naiveDistance(a, b);
        expect(Math.abs(d - exact.d)).toBeLessThan(SKETCH_ERROR);
        if (d > 2 * SKETCH_ERROR && exact.d > 0) expect(Math.abs(sign)).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  test('of several days together is that of all their rows', () => {
    fc.assert(
      fc.property(fc.array(side, { minLength: 1, maxLength: 4 }), side, (days, b) => {
        const pooled = pooledSteps(days.map((day) => numbersSketch(day).ordered!));
        const { d } = stepDistance(pooled, stepsOf(numbersSketch(b).ordered!));
        expect(Math.abs(d - naiveDistance(days.flat(), b).d)).toBeLessThan(SKETCH_ERROR + 1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test('names where the gap is, and how far values moved', () => {
    const values = Array.from({ length: 2_000 }, (_, i) => i);
    const moved = values.map((value) => value + 500);
    const found = stepDistance(
      stepsOf(numbersSketch(values).ordered!),
      stepsOf(numbersSketch(moved).ordered!),
    );
    expect(found).toMatchObject({ location: 499, sign: 1 });
    expect(found.d).toBeCloseTo(0.25, 12);
    expect(found.wasserstein).toBeCloseTo(500, 9);
  });
});

describe('categories', () => {
  test('a new value is told where the reference keeps all of its own', () => {
    const reference = textsSketch([...Array<string>(60).fill('a'), ...Array<string>(40).fill('b')]);
    const served = textsSketch([...Array<string>(50).fill('a'), ...Array<string>(50).fill('c')], ['a', 'b']);
    const found = categoryDistance(reference.categories!, served.categories!, 100);
    expect(found).toMatchObject({ lInfinity: 0.5, furthest: 'new' });
    expect(found.table).toEqual([
      { kind: 'own', value: 'a', reference: 60, served: 50 },
      { kind: 'own', value: 'b', reference: 40, served: 0 },
      { kind: 'new', value: null, reference: 0, served: 50 },
    ]);
  });

  test('of more values than are kept the others are one category, and every row is in one', () => {
    const text = fc.integer({ min: 0, max: 40 }).map((i) => `v${i}`);
    const side = fc.array(text, { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.array(side, { minLength: 1, maxLength: 4 }), side, (days, b) => {
        const pooled = pooledCategories(days.map((day) => textsSketch(day).categories!));
        const served = textsSketch(
          b,
          pooled.top.map(({ value }) => value),
        ).categories!;
        const { table, lInfinity } = categoryDistance(pooled, served, pooled.rows);
        const sum = (of: 'reference' | 'served'): number => table.reduce((n, one) => n + one[of], 0);
        expect([sum('reference'), sum('served')]).toEqual([days.flat().length, b.length]);
        for (const one of table) {
          expect(Math.min(one.reference, one.served)).toBeGreaterThanOrEqual(0);
          if (one.kind !== 'own') continue;
          const count = (values: readonly string[]): number => values.filter((v) => v === one.value).length;
          expect([one.reference, one.served]).toEqual([count(days.flat()), count(b)]);
          expect(Math.abs(count(days.flat()) / days.flat().length - count(b) / b.length)).toBeLessThanOrEqual(
            lInfinity,
          );
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('means and deviations beside the last training sets', () => {
  test('are outside the interval that Student gives for the next one, and say by how many deviations', () => {
    const sets = [10, 11, 9, 10.5, 9.5];
    const inside = spreadOf(13, sets)!;
    expect(inside).toMatchObject({ sets: 5, outside: false });
    // scipy: 10 + t.ppf(0.9995, 4) * std(ddof=1) * sqrt(1 + 1 / 5)
    expect(inside.high).toBeCloseTo(17.45673990371972, 9);
    expect(inside.low).toBeCloseTo(2.543260096280009, 9);
    expect(inside.z!).toBeCloseTo(3.794733192202055, 9);
    expect(spreadOf(17.5, sets)!.outside).toBe(true);
  });

  test('need five sets; sets that do not vary let nothing pass but the same', () => {
    expect(spreadOf(1, [1, 1, 1, 1])).toBeNull();
    const constant = Array<number>(LEAST_SETS).fill(0.1);
    expect(spreadOf(0.1 + 1e-17, constant)).toMatchObject({ outside: false, z: null });
    expect(spreadOf(0.2, constant)).toMatchObject({ outside: true, z: null });
    expect(spreadOf(0, Array<number>(LEAST_SETS).fill(0))).toMatchObject({ outside: false });
  });
});

describe('what is flagged', () => {
  const ROWS = 10_000;

  test('of 200 features without a change, over 20 days: on at most one day anything', () => {
    expect(flaggedDays(20, 20_261_121)).toBeLessThanOrEqual(1);
  });

  test('a shift of a tenth of a deviation in 10,000 rows always is, beside 199 features that stay', () => {
    const uniform = uniformsFrom(7);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const others = [0, 1].map(() =>
      Array.from({ length: 199 }, (_, i) => [`f${i}`, typed(uniformSketch(ROWS, uniform))] as const),
    );
    const side = (at: 0 | 1) => {
      const normals = Array.from({ length: ROWS }, () => normal() + at / 10);
      return new Map([['moved', typed(numbersSketch(normals, []))], ...others[at]!]);
    };
    const moved = Array.from({ length: 20 }, () => {
      return driftOfSketches(side(1), [side(0)], []).get('moved')!.training!;
    });
    expect(moved.filter(({ level }) => level !== 'flagged')).toEqual([]);
    // D alone does not tell all of them: by chance a sample of 10,000 moves by less.
    expect(moved.filter(({ ordered }) => ordered!.ks.d < 0.034).length).toBeGreaterThan(0);
  });

  test('what is small is not, however many rows show it, and a large one is an alarm', () => {
    const from = (low: number) => numbersSketch(Array.from({ length: 20_000 }, (_, i) => low + i / 20_000));
    const level = (moved: number) =>
      driftOfSketches(new Map([['f', typed(from(moved))]]), [new Map([['f', typed(from(0))]])], []).get('f')!
        .training!.level;
    // By 0.02 of the range every value moves: that is small by D, and told by the ranks.
    const levels = [0.014, 0.02, 0.05, 0.09, 0.2].map(level);
    expect(levels).toEqual(['none', 'flagged', 'flagged', 'flagged', 'alarm']);
  });
});

describe('odd features', () => {
  const drift = (reference: ColumnSketch, served: ColumnSketch) =>
    driftOfSketches(new Map([['f', typed(served)]]), [new Map([['f', typed(reference)]])], []).get('f')!
      .training;
  const numbers = Array.from({ length: 100 }, (_, i) => i);

  test('all null: the share of nulls tells', () => {
    const found = drift(numbersSketch(numbers), numbersSketch(numbers.map(() => null)))!;
    expect(found).toMatchObject({ ordered: null, nulls: { reference: 0, served: 100 }, level: 'alarm' });
  });

  test('constant, and constant at another value', () => {
    const five = numbersSketch(numbers.map(() => 5));
    expect(drift(five, five)).toMatchObject({ ordered: { ks: { d: 0, p: 1 } }, level: 'none' });
    const six = numbersSketch(
      numbers.map(() => 6),
      [],
    );
    expect(drift(five, six)).toMatchObject({ ordered: { ks: { d: 1, location: 5 } }, level: 'alarm' });
  });

  test('infinite, and NaN: counted, and in no distance', () => {
    const found = drift(
      numbersSketch(numbers),
      numbersSketch(numbers.map((i) => (i % 2 ? Infinity : Number.NaN))),
    )!;
    expect(found).toMatchObject({ ordered: null, notFinite: { reference: 0, served: 100 } });
  });

  test('a single row on each side', () => {
    expect(drift(numbersSketch([1]), numbersSketch([2]))).toMatchObject({
      ordered: { ks: { d: 1, p: 1 } },
      level: 'none',
    });
  });

  test('of another type, or nothing served: no difference is told', () => {
    const own = new Map([['f', typed(numbersSketch(numbers), 'int64')]]);
    expect(
      driftOfSketches(own, [new Map([['f', typed(numbersSketch(numbers))]])], []).get('f')!.training,
    ).toBeNull();
    expect(drift(numbersSketch(numbers), numbersSketch([]))).toBeNull();
    expect(drift(numbersSketch([]), numbersSketch(numbers))).toBeNull();
  });
});

test('days of which one does not keep all of its values do not keep all of them together', () => {
  // Of the first day it was asked how often it has `b` and `c`; another value of it is not kept.
  const partly = {
    rows: 10,
    values: 2,
    top: [...'abc'].map((value, i) => ({ value, rows: i === 0 ? 5 : 0 })),
  };
  const whole = { rows: 5, values: 2, top: [...'bc'].map((value) => ({ value, rows: 2 })) };
  const { top, values } = pooledCategories([partly, whole]);
  expect(top.map(({ value, rows }) => `${value} ${rows}`)).toEqual(['a 5', 'b 2', 'c 2']);
  expect(values).toBe(4);
  expect(pooledCategories([whole, whole])).toMatchObject({ values: 2 });
});

test('a distance of 0.03 is flagged, a smaller one is not, however small its p', () => {
  const levelOf = (distance: number) => driftLevels([[{ p: 1e-9, distance }]])[0]!.level;
  expect([0.029_9, 0.03, 0.099_9, 0.1].map(levelOf)).toEqual(['none', 'flagged', 'flagged', 'alarm']);
});
