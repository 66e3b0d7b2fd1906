/** What plan says of a view beside its source: mistakes, warnings, and what it takes without a word. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { compileProject } from '../../../../../../registry/definitions/compile.ts';
import { DuckDb } from '../../../../../../project/engine/duckdb/duckdb.ts';
import type { Definitions } from '../../../../../../contract/model.ts';
import { scratchFolder } from '../../../../../support/scratch.ts';

interface Planned {
  readonly mistakes: string[];
  readonly warnings: string[];
  readonly definitions: Definitions | null;
}

interface Case {
  readonly features: string;
  /** File -> its bytes, or a SELECT of its columns beside `k` (BIGINT) and `at`. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly path?: string;
  readonly key?: string;
  readonly more?: string;
  readonly views?: string;
}

async function plan({ features, files = { 'data/a.parquet': '1 AS x' }, ...rest }: Case): Promise<Planned> {
  const { path = 'data/*.parquet', key = 'k: int64', more = '', views = '' } = rest;
  const view = `featureView: v\nentity: e\nsource: { parquet: "${path}", eventTime: at }\n${more}features: ${features}`;
  const folder = scratchFolder({
    'd.yaml': `entity: e\njoinKeys: { ${key} }\n---\n${view}\n---\nfeatureService: s\nfeatures: [v]\n${views}`,
  });
  const duck = await DuckDb.open();
  for (const [file, sql] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    if (typeof sql !== 'string') {
      writeFileSync(join(folder, file), sql);
      continue;
    }
    const format = file.endsWith('.csv') ? 'csv' : 'parquet';
    const columns = /\bk\b/.test(sql) ? sql : `1::BIGINT AS k, ${sql}`;
    await duck.run(
      `COPY (SELECT ${columns}, TIMESTAMP '2026-11-01' AS at) TO '${join(folder, file)}' (FORMAT ${format})`,
    );
  }
  duck.close();
  const warnings: string[] = [];
  try {
    const definitions = await compileProject({ folder, definitions: ['*.yaml'] }, (text) =>
      warnings.push(text),
    );
    return { mistakes: [], warnings, definitions };
  } catch (error) {
    const lines = (error as Error).message.split('\n').slice(1);
    return {
      mistakes: lines.map((line) => line.replace(/^ *d.yaml:\d+ */, '')),
      warnings,
      definitions: null,
    };
  }
}

const mistakesOf = async (of: Case): Promise<string[]> => (await plan(of)).mistakes;

test('names that differ only in case are refused, and reserved ones in any case', async () => {
  const files = { 'data/a.parquet': '1 AS x, 2 AS "Event_Time", 3 AS "RUN_ID"' };
  expect(await mistakesOf({ features: '{ x: int64, X: int64 }', files })).toEqual([
    'view "v": features "x" and "X" differ only in case, which makes them one to an engine',
  ]);
  expect(await mistakesOf({ features: '{ Event_Time: int64, RUN_ID: int64 }', files })).toEqual([
    'view "v": feature "Event_Time" has the name of a column of the history; choose another',
    'view "v": feature "RUN_ID" has the name of a column of the history; choose another',
  ]);
  expect(await mistakesOf({ features: '{ K: int64, x: int64 }', files })).toEqual([
    'view "v": feature "K" has the name of a join key, "k", but for case',
  ]);
  expect(await mistakesOf({ features: '{ x: int64 }', key: 'k: int64, K: int64' })).toEqual(
    expect.arrayContaining(['entity "e": join keys "K" and "k" differ only in case']),
  );
  expect(await mistakesOf({ features: '{ x: int64 }', key: 'Created_Time: int64' })).toEqual(
    expect.arrayContaining([expect.stringContaining('has the name of a column of the history')]),
  );
  expect(
    await mistakesOf({ features: '{ n: { agg: count, window: 1h }, N: { agg: count, window: 2h } }' }),
  ).toEqual(['view "v": features "n" and "N" differ only in case, which makes them one to an engine']);
  const twoViews = `---
featureView: V
entity: e
source: { parquet: "data/*.parquet", eventTime: at }
features: { X: { type: int64, column: x } }
---
featureService: both
features: [v, V]
`;
  expect(await mistakesOf({ features: '{ x: int64 }', views: twoViews })).toEqual([
    'service "both": lists v__x and V__X, which differ only in case: one column to an engine',
  ]);
});

/** Of pyarrow: k 1, at 2026-11-01, x 1, price 2, Price 3.5. DuckDB writes no file with two columns of one name. */
const PRICES = [
  'UEFSMRUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEBAAAAAAAAABUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEAQOK1K18GABUA',
  'FRQVFCwVAhUAFQYVBhwAAAACAAAAAgEBAAAAFQAVFBUULBUCFQAVBhUGHAAAAAIAAAACAQIAAAAVABUcFRwsFQIVABUGFQYc',
  'AAAAAgAAAAIBAAAAAAAADEAVBBlsNQAYBnNjaGVtYRUKABUEJQIYAWsAFQQlAhgCYXQlFEyMEhwsAAAAAAAVAiUCGAF4ABUC',
  'JQIYBXByaWNlABUKJQIYBVByaWNlABYCGRwZXCYAHBUEGSUGABkYAWsVABYCFkIWQiYISRwVABUAFQIAPCkGGSYAAgAAACYA',
  'HBUEGSUGABkYAmF0FQAWAhZCFkImSkkcFQAVABUCADwpBhkmAAIAAAAmABwVAhklBgAZGAF4FQAWAhY6FjomjAFJHBUAFQAV',
  'AgA8KQYZJgACAAAAJgAcFQIZJQYAGRgFcHJpY2UVABYCFjoWOibGAUkcFQAVABUCADwpBhkmAAIAAAAmABwVChklBgAZGAVQ',
  'cmljZRUAFgIWQhZCJoACSRwVABUAFQIAPCkGGSYAAgAAABa6AhYCJggWugIAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9u',
  'IDI2LjAuMRlcHAAAHAAAHAAAHAAAHAAAAHABAABQQVIx',
].join('');

test('a source with two columns of one name is refused where one of them is read', async () => {
  const files = { 'data/a.parquet': Buffer.from(PRICES, 'base64') };
  expect(await mistakesOf({ features: '{ x: int64 }', files })).toEqual([]);
  expect(await mistakesOf({ features: '{ price: int64 }', files })).toEqual([
    expect.stringContaining('has columns "price" and "Price", which differ only in case'),
  ]);
  expect(await mistakesOf({ features: '{ s: { agg: sum, column: PRICE, window: 1h } }', files })).toEqual([
    expect.stringContaining('has columns "price" and "Price", which differ only in case'),
  ]);
});

test('a stored feature reads the column that it names, whatever the case', async () => {
  const files = { 'data/a.parquet': '1.5::DOUBLE AS "Unit Price"' };
  const { definitions, mistakes } = await plan({
    features: '{ price: { type: float64, column: "unit price" } }',
    files,
  });
  expect(mistakes).toEqual([]);
  expect(definitions!.views.get('v')!.features[0]).toMatchObject({ name: 'price', column: 'unit price' });
  expect(await mistakesOf({ features: '{ price: { type: float64, column: "Unit Prize" } }', files })).toEqual(
    [expect.stringContaining('has no column "Unit Prize", did you mean "Unit Price"?')],
  );
});

test('an option that says nothing is refused: a ttl of 0, a window without an aggregate, a column of a join key', async () => {
  expect(await mistakesOf({ features: '{ x: int64 }', more: 'ttl: 0s\n' })).toEqual([
    'view "v": ttl must be longer than nothing; a view without ttl keeps its rows for ever',
  ]);
  expect(await mistakesOf({ features: '{ x: { type: int64, window: 1h } }' })).toEqual([
    'feature "x" of view "v": has "window" but no "agg"',
  ]);
});

/** type of the definition | the column | mistake or warning, or null where nothing is to say */
const COLUMNS: readonly (readonly [type: string, sql: string, said: 'mistake' | 'warning' | null])[] = [
  ['int64', '1::UTINYINT', null],
  ['int64', '1::UBIGINT', 'warning'],
  ['int64', '1::DECIMAL(38,0)', 'warning'],
  ['int64', '1::DOUBLE', 'warning'],
  ['int64', "'1'", 'mistake'],
  ['int64', "TIMESTAMP_NS '2026-11-01'", 'mistake'],
  ['float64', '1::INTEGER', null],
  ['float64', '1::BIGINT', 'warning'],
  ['float64', '1::DECIMAL(9,2)', null],
  ['float64', '1::DECIMAL(38,2)', 'warning'],
  ['float32', '1::DOUBLE', null],
  ['string', '1', 'mistake'],
  ['string', 'uuid()', null],
  ['bool', '1', 'mistake'],
  ['timestamp', "DATE '2026-11-01'", null],
  ['timestamp', "'2026-11-01'", 'mistake'],
  ['timestamp', '1', 'mistake'],
  ['list<int64>', '[1]', null],
  ['list<int64>', "['1']", 'mistake'],
  ['embedding(2)', '[1.5::DOUBLE, 2]', null],
  ['struct<a: int32>', "{'a': 1, 'b': 2}", null],
  ['struct<a: int32, b: string>', "{'a': 1}", 'mistake'],
  ['map<int64>', "MAP {'a': 1}", null],
  ['map<int64>', 'MAP {1: 1}', 'mistake'],
];

test.each(COLUMNS)('%s read from a column of %s is a %s', async (type, sql, said) => {
  const { mistakes, warnings } = await plan({
    features: `{ x: "${type}" }`,
    files: { 'data/a.parquet': `${sql} AS x` },
  });
  expect([mistakes.length, warnings.length]).toEqual([
    said === 'mistake' ? 1 : 0,
    said === 'warning' ? 1 : 0,
  ]);
});

test('a file that has another type than the others is named, and no mistake', async () => {
  const files = {
    'data/a.parquet': '1::BIGINT AS x',
    'data/b.parquet': "'1' AS x",
    'data/c.parquet': '1 AS y',
  };
  const { mistakes, warnings } = await plan({ features: '{ x: int64 }', files });
  expect(mistakes).toEqual([]);
  expect(warnings).toEqual([
    expect.stringMatching(/column "x" is VARCHAR in .*b\.parquet, read as int64: rows/),
  ]);
});

test('a path without a file is told, one that is no Parquet or no path of this machine is a mistake', async () => {
  const none = await plan({ features: '{ x: int64 }', path: 'data/none.parquet' });
  expect(none).toMatchObject({ mistakes: [], warnings: [expect.stringContaining('no file matches')] });
  expect(await mistakesOf({ features: '{ x: int64 }', path: 'data/{a,b}.parquet' })).toEqual([
    expect.stringContaining('braces stand for themselves'),
  ]);
  expect(await mistakesOf({ features: '{ x: int64 }', path: 'gs://bucket/a.parquet' })).toEqual([
    expect.stringContaining('lies in gs, which is not read'),
  ]);
  expect(await mistakesOf({ features: '{ x: int64 }', path: String.raw`data/a\0.parquet` })).toEqual([
    expect.stringContaining('has a NUL in its path'),
  ]);
  const files = { 'data/a.csv': '1 AS x' };
  expect(await mistakesOf({ features: '{ x: int64 }', files, path: 'data/a.csv' })).toEqual([
    expect.stringContaining('cannot be read as Parquet'),
  ]);
});

test('a folder of the path stands for a column: key, time or feature', async () => {
  const { mistakes, warnings } = await plan({
    features: '{ x: int64, region: string, day: timestamp, n: int64 }',
    files: { 'data/region=eu%20west/day=2026-11-01/n=7/a.parquet': '1 AS x' },
    path: 'data/**/*.parquet',
  });
  expect({ mistakes, warnings }).toEqual({ mistakes: [], warnings: [] });
});
