import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkAggregations, checkSource } from '../../../../materializer/history/source-check.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import type { FeatureSketch, ViewSketch } from '../../../support/fixtures/aggregated-view.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';

const HOUR = 3_600_000_000;
const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
let duck: DuckDb;

beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
  await duck.run(`COPY (SELECT 1::INTEGER AS id, 1.5::DOUBLE AS wide_id, 'x' AS label, 2::SMALLINT AS small,
    2.5::FLOAT AS ratio, TIMESTAMP '2020-01-01' AS at, DATE '2020-01-01' AS day) TO '${folder}/events.parquet'`);
});

afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

function viewOf(features: readonly FeatureSketch[], sketch: Partial<ViewSketch> = {}) {
  return aggregatedView({
    joinKeys: [{ name: 'id', type: 'int64' }],
    path: 'events.parquet',
    eventTime: 'at',
    createdTime: null,
    hopUs: HOUR,
    features,
    ...sketch,
  });
}

async function mistake(
  features: readonly FeatureSketch[],
  sketch: Partial<ViewSketch> = {},
): Promise<string> {
  const { view, entity } = viewOf(features, sketch);
  try {
    await checkSource(duck, folder, view, entity);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

const COUNT: FeatureSketch = { name: 'n', function: 'count' };

test('a source whose columns hold what the view needs passes, wider types included', async () => {
  const sum: FeatureSketch = { name: 's', function: 'sum', column: 'small', columnType: { kind: 'int64' } };
  const avg: FeatureSketch = { name: 'a', function: 'avg', column: 'ratio', columnType: { kind: 'float64' } };
  expect(await mistake([COUNT, sum, avg], { eventTime: 'day' })).toBe('none');
});

test('a missing column is named with those there are', async () => {
  expect(await mistake([COUNT], { eventTime: 'when', createdTime: 'loaded' })).toBe(
    'view counts cannot be read from its source events.parquet: there is no column when (the event time); ' +
      'it has id, wide_id, label, small, ratio, at, day; there is no column loaded (the created time); ' +
      'it has id, wide_id, label, small, ratio, at, day',
  );
});

test('a join key, a time or a value of another type is told with both types', async () => {
  expect(await mistake([COUNT], { joinKeys: [{ name: 'label', type: 'int64' }] })).toMatch(
    /column label \(the join key\) should be int64, but is VARCHAR/,
  );
  // Whole numbers may stand in a column of doubles: each row is judged by itself.
  expect(await mistake([COUNT], { joinKeys: [{ name: 'wide_id', type: 'int64' }] })).toBe('none');
  expect(await mistake([COUNT], { eventTime: 'label' })).toMatch(
    /column label \(the event time\) should be timestamp, but is VARCHAR/,
  );
  const sum: FeatureSketch = { name: 's', function: 'sum', column: 'label', columnType: { kind: 'float64' } };
  expect(await mistake([sum])).toMatch(
    /column label \(what s aggregates\) should be float64, but is VARCHAR/,
  );
});

test('no file, and a file cut short, are told apart', async () => {
  expect(await mistake([COUNT], { path: 'gone/*.parquet' })).toMatch(/no file matches/);
  await duck.run(`COPY (SELECT 1 AS id) TO '${folder}/short.parquet'`);
  truncateSync(join(folder, 'short.parquet'), 50);
  expect(await mistake([COUNT], { path: 'short.parquet' })).toMatch(/cannot be read as Parquet/);
});

function refused(sketch: FeatureSketch): string {
  try {
    checkAggregations(viewOf([sketch]).view);
  } catch (error) {
    expect(error).toMatchObject({ code: 'MAT_AGGREGATION', kind: 'usage' });
    return (error as Error).message;
  }
  return 'none';
}

test('an aggregation that does not fit its column or its type is refused', () => {
  const text = { kind: 'string' } as const;
  expect(refused({ name: 'f', function: 'sum', column: 'label', columnType: text, type: text })).toBe(
    'counts__f: sum needs a number, but label is string',
  );
  expect(
    refused({ name: 'f', function: 'min', column: 'tags', columnType: { kind: 'list', of: text } }),
  ).toBe('counts__f: min needs a single value, but tags is list<string>');
  const avg = { name: 'f', function: 'avg', column: 'small', columnType: { kind: 'int32' } } as const;
  expect(refused({ ...avg, type: { kind: 'int64' } })).toBe(
    'counts__f: it gives float64, which does not fit int64',
  );
  expect(refused({ ...avg, type: { kind: 'float32' } })).toBe('none');
  expect(refused({ name: 'f', function: 'count', windowUs: HOUR + 1 })).toMatch(/no whole number of hops/);
  expect(refused({ ...avg, scale: 30 })).toMatch(/scale should be a whole number from 0 to 22/);
});
