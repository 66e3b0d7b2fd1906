/** A file that lands turns no column of an aggregated view into another type by itself. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { compileProject } from '../../../../registry/definitions/compile.ts';
import type { FeatureView } from '../../../../contract/model.ts';
import { formatType } from '../../../../contract/value-type.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

/** @returns the column's type by the files of each step, one more with each, each compiled beside what it was before */
async function typesOver(values: readonly string[], agg = 'last'): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  mkdirSync(join(folder, 'data'));
  writeFileSync(
    join(folder, 'd.yaml'),
    `entity: e\njoinKeys: { k: int64 }\n---\nfeatureView: v\nentity: e\nhop: 1h\nfreshness: 3h
source: { parquet: data/*.parquet, eventTime: at }\nfeatures: { f: { agg: ${agg}, column: x } }\n`,
  );
  let applied: ReadonlyMap<string, FeatureView> = new Map();
  const types: string[] = [];
  for (const [i, value] of values.entries()) {
    const select = `SELECT 1::BIGINT AS k, TIMESTAMP '2026-11-01' AS at, ${value} AS x`;
    await duck.run(`COPY (${select}) TO '${folder}/data/${i}.parquet' (FORMAT parquet)`);
    const { views } = await compileProject({ folder, definitions: ['*.yaml'] }, () => {}, applied);
    applied = views;
    types.push(formatType(views.get('v')!.features[0]!.aggregation!.columnType!));
  }
  rmSync(folder, { recursive: true });
  return types;
}

test('whole numbers of any width beside an integer are integers', async () => {
  expect(await typesOver(['1::BIGINT', '2::DECIMAL(38, 0)'])).toEqual(['int64', 'int64']);
  expect(await typesOver(['1::DECIMAL(9, 0)', '2::BIGINT'])).toEqual(['float64', 'float64']);
  expect(await typesOver(['1::BIGINT', '2::UBIGINT', '3::UTINYINT'])).toEqual(['int64', 'int64', 'int64']);
  expect(await typesOver(['1::SMALLINT', '2::INTEGER'])).toEqual(['int32', 'int32']);
  expect(await typesOver(['1::INTEGER', '2::DECIMAL(20, 0)'], 'sum')).toEqual(['int32', 'int32']);
});

test('what is applied stays beside files of another kind', async () => {
  expect(await typesOver(['1::BIGINT', '2::DOUBLE', "'3'"])).toEqual(['int64', 'int64', 'int64']);
  expect(await typesOver(['1::BIGINT', '2.5::DECIMAL(10, 2)', '1::FLOAT'])).toEqual([
    'int64',
    'int64',
    'int64',
  ]);
  expect(await typesOver(["'a'", '1::BIGINT'])).toEqual(['string', 'string']);
  expect(await typesOver(['true', '1::INTEGER'])).toEqual(['bool', 'bool']);
  expect(await typesOver(["TIMESTAMP '2026-11-01'", "'2026-11-01T00:00:00Z'"])).toEqual([
    'timestamp',
    'timestamp',
  ]);
});

test('a type that holds every value of all files is taken', async () => {
  expect(await typesOver(['1::INTEGER', '2::BIGINT'])).toEqual(['int32', 'int64']);
  expect(await typesOver(['1::FLOAT', '2::DOUBLE'])).toEqual(['float32', 'float64']);
  expect(await typesOver(['1::INTEGER', '2::DOUBLE'])).toEqual(['int32', 'float64']);
});
