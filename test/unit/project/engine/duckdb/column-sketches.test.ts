/** A sketch that DuckDB makes is the one that its definitions give, taken word for word in JavaScript. */
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MOST_CATEGORIES, QUANTILE_STEPS, decileEdges, takenFrom } from '../../../../../contract/sketch.ts';
import type { ColumnSketch } from '../../../../../contract/sketch.ts';
import type { Value, ValueType } from '../../../../../contract/value-type.ts';
import { sketchColumns, sketchedColumn } from '../../../../../project/engine/duckdb/column-sketches.ts';
import type { SketchLike } from '../../../../../project/engine/duckdb/column-sketches.ts';
import { DuckDb, duckTypeOf } from '../../../../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../../../../project/engine/duckdb/sql-literal.ts';
import { anyType, anyValueOf } from '../../../../support/fixtures/any-value.ts';

const DOUBLE: ValueType = { kind: 'float64' };
const ASKED_US = 1_700_000_010_000_000;

/** By both ways: held in memory, and by statements. Only their means may differ, in the last digits. */
async function sketched(type: ValueType, values: readonly Value[], like?: SketchLike): Promise<ColumnSketch> {
  const duck = await DuckDb.open();
  try {
    await duck.run(`CREATE TABLE t (c ${duckTypeOf(type)})`);
    const rows = values.map((value) => `(${sqlLiteral(type, value)})`);
    if (rows.length > 0) await duck.run(`INSERT INTO t VALUES ${rows.join(', ')}`);
    const column = {
      ...sketchedColumn('c', type, 'c', String(ASKED_US)),
      ...(like === undefined ? {} : { like }),
    };
    const held = (await sketchColumns(duck, 't', [column])).get('c')!;
    const other = (await sketchColumns(duck, 't', [column], 0)).get('c')!;
    if (held.ordered === null) expect(other).toEqual(held);
    else {
      const { mean, standardDeviation, ...ordered } = held.ordered;
      expect(other).toMatchObject({ ...held, ordered });
      const most = Math.max(...ordered.quantiles.map(Math.abs));
      expect(Math.abs(other.ordered!.mean - mean)).toBeLessThanOrEqual(1e-12 * most);
      if (standardDeviation === null) expect(other.ordered!.standardDeviation).toBeNull();
      else
        expect(Math.abs(other.ordered!.standardDeviation! - standardDeviation)).toBeLessThanOrEqual(
          1e-12 * most,
        );
    }
    return held;
  } finally {
    duck.close();
  }
}

/** The smallest value x with F(x) >= i / 1000, by counting. */
function quantilesOf(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return Array.from({ length: QUANTILE_STEPS + 1 }, (_, i) => {
    const found = sorted.findIndex(
      (x) => sorted.filter((v) => v <= x).length * QUANTILE_STEPS >= i * values.length,
    );
    return sorted[found]! + 0;
  });
}

describe('ordered columns', () => {
  const number = fc.oneof(
    fc.integer({ min: -5, max: 5 }),
    fc.double({ noNaN: true }),
    fc.constantFrom(NaN, Infinity, -Infinity, -0, 5e-324, 1.7e308, -1.7e308),
  );

  test('counts, quantiles and bins are those of their definitions, whatever the numbers are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(number, { freq: 6 }), { maxLength: 60 }), async (values) => {
        const sketch = await sketched(DOUBLE, values);
        const present = values.filter((v) => v !== null);
        const finite = present.filter(Number.isFinite);
        expect(sketch).toMatchObject({
          rows: values.length,
          nulls: values.length - present.length,
          nan: present.filter(Number.isNaN).length,
          infinite: present.filter((v) => Math.abs(v) === Infinity).length,
          categories: null,
        });
        expect(sketch.ordered === null).toBe(finite.length === 0);
        if (finite.length === 0) return;
        const { rows, mean, quantiles, bins } = sketch.ordered!;
        expect(rows).toBe(finite.length);
        expect(quantiles).toEqual(quantilesOf(finite));
        const half = finite.reduce((sum, v) => sum + v / finite.length, 0);
        expect(Math.abs(mean - half)).toBeLessThanOrEqual(1e-9 * Math.max(...finite.map(Math.abs)));
        expect(bins.edges).toEqual(decileEdges(quantiles));
        const bounds = [-Infinity, ...bins.edges, Infinity];
        expect(bins.counts).toEqual(
          bounds.slice(1).map((high, i) => finite.filter((v) => v > bounds[i]! && v <= high).length),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('deviations keep their digits far from zero, and where squares leave the doubles', async () => {
    const far = (await sketched(DOUBLE, [1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3])).ordered!;
    expect(far.standardDeviation).toBeCloseTo(0.1, 6);
    const huge = (await sketched(DOUBLE, [1e308, -1e308])).ordered!;
    expect(huge).toMatchObject({ mean: 0 });
    expect(huge.standardDeviation! / 1e308).toBeCloseTo(Math.SQRT2, 12);
    const tiny = (await sketched(DOUBLE, [1e-200, 3e-200])).ordered!;
    expect(tiny.standardDeviation! / 1e-200).toBeCloseTo(Math.SQRT2, 12);
    expect((await sketched(DOUBLE, Array<Value>(9).fill(0.1))).ordered).toMatchObject({
      mean: 0.1,
      standardDeviation: 0,
    });
    expect((await sketched(DOUBLE, [7])).ordered).toMatchObject({ mean: 7, standardDeviation: null });
  });

  test('bins are counted by the edges of another sketch where they are given', async () => {
    const { bins } = (await sketched(DOUBLE, [1, 2, 3, 4, -9], { edges: [2, 3.5], texts: [] })).ordered!;
    expect(bins).toEqual({ edges: [2, 3.5], counts: [3, 1, 1] });
  });

  test('times count by their age, lists by their items, embeddings by their norm', async () => {
    const time = await sketched({ kind: 'timestamp' }, [1_700_000_000_000_000n, null]);
    expect(time.ordered).toMatchObject({ measure: 'age', rows: 1, mean: 10 });
    const list = await sketched({ kind: 'list', of: DOUBLE }, [[1, 2, 3], [], null]);
    expect(list.ordered).toMatchObject({ measure: 'length', rows: 2, mean: 1.5 });
    const embedding = await sketched({ kind: 'embedding', size: 2 }, [Float32Array.of(3, 4)]);
    expect(embedding.ordered).toMatchObject({ measure: 'norm', mean: 5 });
    const long = await sketched({ kind: 'int64' }, [2n ** 62n, -5n]);
    expect(long.ordered!.quantiles.at(-1)).toBe(2 ** 62);
  });
});

describe('categories', () => {
  test('the most frequent texts are kept, ties in the order of their texts, and the rest is counted', async () => {
    const values = Array.from({ length: 30 }, (_, i) =>
      Array<Value>(i < 2 ? 5 : 1).fill(`v${String(i).padStart(2, '0')}`),
    );
    const { categories, ordered } = await sketched({ kind: 'string' }, [...values.flat(), null]);
    expect(ordered).toBeNull();
    expect(categories).toMatchObject({ rows: 38, values: 30 });
    expect(categories!.top).toHaveLength(MOST_CATEGORIES);
    expect(categories!.top.slice(0, 3)).toEqual([
      { value: 'v00', rows: 5 },
      { value: 'v01', rows: 5 },
      { value: 'v02', rows: 1 },
    ]);
  });

  test('texts of another sketch are counted by themselves, also where none is here', async () => {
    const values = Array.from({ length: 30 }, (_, i) => `v${10 + i}`);
    const { top } = (await sketched({ kind: 'string' }, values, { edges: null, texts: ['v39', "o'", 'v10'] }))
      .categories!;
    expect(top).toHaveLength(MOST_CATEGORIES + 2);
    expect(top.slice(-2)).toEqual([
      { value: 'v39', rows: 1 },
      { value: "o'", rows: 0 },
    ]);
  });

  test('truth values and bytes have texts, and a long one is cut with its length', async () => {
    const top = async (type: ValueType, value: Value) =>
      (await sketched(type, [value])).categories!.top[0]!.value;
    expect(await top({ kind: 'bool' }, true)).toBe('true');
    expect(await top({ kind: 'bytes' }, Buffer.from('a\0'))).toBe('6100');
    expect(await top({ kind: 'string' }, 'x'.repeat(300))).toBe(`${'x'.repeat(200)}… (300 characters)`);
  });
});

test('what SQL takes of a value is what JavaScript takes of it, whatever its type', async () => {
  const duck = await DuckDb.open();
  onTestFinished(() => duck.close());
  const typed = anyType.chain((type) => fc.tuple(fc.constant(type), anyValueOf(type)));
  await fc.assert(
    fc.asyncProperty(typed, async ([type, value]) => {
      const { sql } = sketchedColumn('c', type, 'c', String(ASKED_US));
      const made = `SELECT ${sqlLiteral(type, value)} AS c`;
      // No column of timestamps holds these.
      const rows = await duck.rows(made).catch((error: Error) => error.message);
      fc.pre(typeof rows !== 'string' || !rows.includes('Timestamp microseconds out of range'));
      const [row] = await duck.rows(`SELECT ${sql} AS v FROM (${made})`);
      expect(row!['v']).toEqual(takenFrom(type, value, ASKED_US));
    }),
    { numRuns: 300 },
  );
});

test('a column without rows, or of nulls alone, has a sketch that says so', async () => {
  const none = { rows: 0, nulls: 0, nan: 0, infinite: 0, ordered: null, categories: null };
  expect(await sketched(DOUBLE, [])).toEqual(none);
  expect(await sketched({ kind: 'string' }, [null, null])).toEqual({ ...none, rows: 2, nulls: 2 });
});

test('a value that holds a tenth has a bin of its own, and a constant column one bin', () => {
  const constant = Array<number>(QUANTILE_STEPS + 1).fill(5);
  expect(decileEdges(constant)).toEqual([]);
  const heavy = Array.from({ length: QUANTILE_STEPS + 1 }, (_, i) => (i < 450 ? i : i < 700 ? 450 : i));
  expect(decileEdges(heavy)).toEqual([100, 200, 300, 400, 449, 450, 700, 800, 900]);
});
