/** Drift of texts by real sketches, drawn at random: what does not change is not flagged, what does is. */
import { expect, onTestFinished, test } from 'vitest';
import type { ColumnSketch } from '../../../../contract/sketch.ts';
import { driftOfSketches } from '../../../../monitor/drift/day-drift.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { sketchColumns, sketchedColumn } from '../../../../project/engine/duckdb/column-sketches.ts';
import { firstOf } from '../../../support/long-run.ts';

const SEED = 20_261_129;
const TEXT = { kind: 'string' } as const;

async function open(): Promise<DuckDb> {
  const duck = await DuckDb.open();
  onTestFinished(() => duck.close());
  return duck;
}

interface Draw {
  readonly rows: number;
  readonly seed: number;
  /** How many values each feature has. */
  readonly values: readonly number[];
  /** Sketches whose values are counted, too. */
  readonly like?: readonly ReadonlyMap<string, ColumnSketch>[];
  readonly prefix?: string;
}

/** Sketches of texts: of each feature even or, every other one, with few frequent values. */
async function drawn(
  duck: DuckDb,
  { rows, seed, values, like = [], prefix = 'v' }: Draw,
): Promise<Map<string, ColumnSketch>> {
  const columns = values.map((k, at) => {
    const uniform = `(hash(i, ${at}, ${seed}) % 1000003) / 1000003`;
    return `'${prefix}' || floor(${k} * pow(${uniform}, ${at % 2 === 0 ? 1 : 4})) AS c${at}`;
  });
  await duck.run(
    `CREATE OR REPLACE TABLE drawn AS SELECT 0::BIGINT AS asked, ${columns.join(', ')} FROM range(${rows}) t(i)`,
  );
  const asked = values.map((_, at) => {
    const column = sketchedColumn(`f${at}`, TEXT, `c${at}`, 'asked');
    const texts = like.flatMap((one) => one.get(`f${at}`)!.categories!.top.map(({ value }) => value));
    return { ...column, like: { edges: null, texts: [...new Set(texts)] } };
  });
  return sketchColumns(duck, 'drawn', asked);
}

const typed = (sketches: ReadonlyMap<string, ColumnSketch>) =>
  new Map([...sketches].map(([name, sketch]) => [name, { type: 'string', sketch }] as const));

const MANY = [15, 21, 50, 100, 1_000, 20_000].flatMap((k) => Array<number>(8).fill(k));

test.each(
  firstOf(2, [
    [300, 300],
    [300, 3_000],
    [1_000, 1_000],
    [20_000, 1_000],
  ]),
)(
  'texts of %i rows in a reference and %i served that did not change are not flagged',
  async (reference, served) => {
    const duck = await open();
    const trained = await drawn(duck, { rows: reference, seed: SEED, values: MANY });
    const weeks: Map<string, ColumnSketch>[] = [];
    for (const week of [1, 2])
      weeks.push(await drawn(duck, { rows: served, seed: SEED + week, values: MANY, like: [trained] }));
    const today = await drawn(duck, {
      rows: served,
      seed: SEED + 3,
      values: MANY,
      like: [trained, ...weeks],
    });
    const drifts = driftOfSketches(typed(today), [typed(trained)], []);
    const flagged = [...drifts].filter(([, { training }]) => training!.level !== 'none');
    const least = Math.min(
      ...[...drifts.values()].map(({ training }) => training!.categories!.chiSquare?.p ?? 1),
    );
    console.log(`seed ${SEED}: of ${drifts.size} features the least p is ${least}`);
    expect(flagged.map(([name, { training }]) => [name, training!.categories])).toEqual([]);
    const weekly = driftOfSketches(typed(today), [], weeks.map(typed));
    expect([...weekly].filter(([, { weekday }]) => weekday!.level !== 'none').map(([name]) => name)).toEqual(
      [],
    );
  },
);

test('of 300 features whose 100 values are alike frequent none has a small p, though each keeps the most frequent 20', async () => {
  const duck = await open();
  const values = Array<number>(600)
    .fill(100)
    .map((k, at) => (at % 2 === 0 ? k : 1));
  const trained = await drawn(duck, { rows: 1_000, seed: SEED, values });
  const today = await drawn(duck, { rows: 1_000, seed: SEED + 1, values, like: [trained] });
  const drifts = driftOfSketches(typed(today), [typed(trained)], []);
  const ps = [...drifts.values()].flatMap(({ training }) => training!.categories!.chiSquare?.p ?? []);
  const small = ps.filter((p) => p < 0.01).length;
  console.log(
    `seed ${SEED}: of ${ps.length} features ${small} have a p below 0.01, the least is ${Math.min(...ps)}`,
  );
  expect(ps.length).toBe(300);
  expect(small).toBeLessThanOrEqual(9);
});

test('a value that comes or goes among many is an alarm', async () => {
  const duck = await open();
  const trained = await drawn(duck, { rows: 3_000, seed: SEED, values: [100, 100] });
  const other = await drawn(duck, {
    rows: 3_000,
    seed: SEED + 1,
    values: [100, 100],
    like: [trained],
    prefix: 'w',
  });
  const levels = [...driftOfSketches(typed(other), [typed(trained)], []).values()].map(
    ({ training }) => training!.level,
  );
  expect(levels).toEqual(['alarm', 'alarm']);
});

test('the half that chose the values and the other one are halves, and the same in every run', async () => {
  const duck = await open();
  const draw = { rows: 50_000, seed: SEED, values: [25, 400] };
  const first = await drawn(duck, draw);
  expect(await drawn(duck, draw)).toEqual(first);
  for (const { categories } of first.values()) {
    expect(Math.abs(categories!.apart!.rows - 25_000)).toBeLessThan(4 * 112);
    expect(categories!.apart!.top).toHaveLength(20);
  }
});
