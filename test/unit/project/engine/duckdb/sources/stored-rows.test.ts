/** What a value of a source becomes: itself without loss, or the reason why its row is a bad one. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb, quoteText } from '../../../../../../project/engine/duckdb/duckdb.ts';
import type { Feature, FeatureView } from '../../../../../../contract/model.ts';
import {
  readSourceFiles,
  withShownValues,
} from '../../../../../../project/engine/duckdb/sources/source-files.ts';
import {
  goodRowsSql,
  rowsWithFaultsSql,
  lostColumns,
} from '../../../../../../project/engine/duckdb/sources/stored-rows.ts';
import { driver, driverStats, feature } from '../../../../../support/fixtures/materialized-project.ts';
import { scratchFolder } from '../../../../../support/scratch.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

interface Read {
  /** `key=value` of each good row, in order. */
  readonly good: string[];
  /** Reasons of the others, in order. */
  readonly bad: string[];
}

/** @param files  SELECTs of what stands in each file beside event_timestamp: driver_id, and x unless it lacks */
async function read(files: readonly string[], x: Feature): Promise<Read> {
  const folder = scratchFolder();
  for (const [i, sql] of files.entries()) {
    const file = quoteText(join(folder, `${i}.parquet`));
    await duck.run(
      `COPY (SELECT TIMESTAMP '2026-11-01' AS event_timestamp, * FROM (${sql})) TO ${file} (FORMAT parquet)`,
    );
  }
  const view: FeatureView = driverStats({ features: [x] });
  const source = { ...view.source, path: '*.parquet', createdTime: null };
  const sources = await readSourceFiles(duck, folder, source);
  const shown = `driver_id || '=' || coalesce(CAST("${x.name}" AS VARCHAR), 'null')`;
  const rows = await duck.rows(
    `SELECT ${shown} AS shown, "~reason" AS reason FROM (${rowsWithFaultsSql(sources, { ...view, source }, driver)})
     ORDER BY "~file", "~row"`,
  );
  const kept = await duck.rows(
    `SELECT ${shown} AS shown FROM (${goodRowsSql(sources, { ...view, source }, driver)}) ORDER BY shown`,
  );
  // What footers show spares questions, and changes no answer.
  const shownIn = await withShownValues(duck, sources, ['driver_id', 'Event_Timestamp']);
  const asked = `SELECT count(*) AS n FROM (${rowsWithFaultsSql(shownIn, { ...view, source }, driver)}) WHERE "~reason"`;
  expect(await duck.rows(`${asked} IS NOT NULL`)).toEqual([
    { n: BigInt(rows.filter((row) => row['reason'] !== null).length) },
  ]);
  const good = rows.filter((row) => row['reason'] === null).map((row) => row['shown'] as string);
  // What training and the replay see is what materialize does not reject.
  expect(kept.map((row) => row['shown'])).toEqual(good.toSorted());
  return { good, bad: rows.flatMap((row) => (row['reason'] === null ? [] : [row['reason'] as string])) };
}

/** wanted type | SQL of a value in its own file | what it becomes, or null: a bad row */
const VALUES: readonly (readonly [type: string, sql: string, becomes: string | null])[] = [
  ['int64', '9007199254740993::BIGINT', '9007199254740993'],
  ['int64', '7::UTINYINT', '7'],
  ['int64', '18446744073709551615::UBIGINT', null],
  ['int64', '9223372036854775807::UBIGINT', '9223372036854775807'],
  ['int64', '9223372036854775807::DECIMAL(38,0)', '9223372036854775807'],
  ['int64', '9223372036854775808::DECIMAL(38,0)', null],
  ['int64', '12.00::DECIMAL(9,2)', '12'],
  ['int64', '12.50::DECIMAL(9,2)', null],
  ['int64', '9007199254740991::DOUBLE', '9007199254740991'],
  ['int64', '9007199254740992::DOUBLE', null],
  ['int64', '1.7::DOUBLE', null],
  ['int64', "'NaN'::DOUBLE", null],
  ['int64', "'infinity'::DOUBLE", null],
  ['int64', '16777215::FLOAT', '16777215'],
  ['int64', '16777216::FLOAT', null],
  ['int64', "'12'", '12'],
  ['int64', "'-12'", '-12'],
  ['int64', "'012'", null],
  ['int64', "' 12'", null],
  ['int64', "'12.0'", null],
  ['int64', "'9223372036854775808'", null],
  ['int64', 'true', null],
  ['int64', "DATE '2026-11-01'", null],
  ['int32', '3000000000::BIGINT', null],
  ['int32', '-2147483648::BIGINT', '-2147483648'],
  ['int32', '3000000000::UINTEGER', null],
  ['float64', '9007199254740993::BIGINT', null],
  ['float64', '9007199254740994::BIGINT', '9007199254740994.0'],
  ['float64', '9223372036854775807::BIGINT', null],
  ['float64', '9007199254740993::DECIMAL(38,0)', null],
  ['float64', '1.1::DECIMAL(38,20)', '1.1'],
  ['float64', '0.5::FLOAT', '0.5'],
  ['float64', "'1.5'", null],
  ['float32', '0.1::DOUBLE', '0.1'],
  ['float32', '1e300::DOUBLE', null],
  ['float32', "'-infinity'::DOUBLE", '-inf'],
  ['float32', '16777217::INTEGER', null],
  ['float32', '16777218::INTEGER', '16777218.0'],
  ['float32', '1.5::DECIMAL(9,2)', '1.5'],
  ['bool', 'true', 'true'],
  ['bool', '1::TINYINT', 'true'],
  ['bool', '2::TINYINT', null],
  ['bool', "'true'", null],
  ['string', "'00123'", '00123'],
  ['string', '123::BIGINT', null],
  ['string', "'4ac5b7e0-1d3c-4f0e-9a55-0123456789AB'::UUID", '4ac5b7e0-1d3c-4f0e-9a55-0123456789ab'],
  ['string', "'b'::ENUM('a', 'b')", 'b'],
  ['string', "'x'::BLOB", null],
  ['bytes', "'x'::BLOB", 'x'],
  ['bytes', "'x'", null],
  ['timestamp', "TIMESTAMP '2026-11-01 10:00:00.000001'", '2026-11-01 10:00:00.000001'],
  ['timestamp', "TIMESTAMP_NS '2026-11-01 10:00:00.000001999'", '2026-11-01 10:00:00.000001'],
  ['timestamp', "TIMESTAMPTZ '2026-11-01 10:00:00+02'", '2026-11-01 08:00:00'],
  ['timestamp', "DATE '2026-11-01'", '2026-11-01 00:00:00'],
  ['timestamp', "TIMESTAMP '290000-01-01'", '290000-01-01 00:00:00'],
  ['timestamp', "TIMESTAMP 'infinity'", null],
  ['timestamp', "TIMESTAMP '-infinity'", null],
  ['timestamp', "TIMESTAMPTZ 'infinity'", null],
  ['timestamp', "DATE 'infinity'", null],
  ['timestamp', "DATE '5000000-01-01'", null],
  ['timestamp', "'2026-11-01T10:00:00+02:00'", '2026-11-01 08:00:00'],
  ['timestamp', "'2026-11-01 10:00:00'", '2026-11-01 10:00:00'],
  ['timestamp', "'11/01/2026'", null],
  ['timestamp', "'2026-11-31'", null],
  ['timestamp', "'infinity'", null],
  ['timestamp', '1793500000::BIGINT', null],
  ['list<int64>', '[1, 2]::TINYINT[]', '[1, 2]'],
  ['list<int64>', '[1.0, NULL]::DOUBLE[]', '[1, NULL]'],
  ['list<int64>', '[1.5]::DOUBLE[]', null],
  ['list<int64>', '[]::VARCHAR[]', '[]'],
  ['list<list<int32>>', '[[1, 2], [3000000000]]::BIGINT[][]', null],
  ['list<list<int32>>', '[[1, 2], NULL]::BIGINT[][]', '[[1, 2], NULL]'],
  ['list<int64>', '5', null],
  ['embedding(2)', '[1.5, 2]::DOUBLE[]', '[1.5, 2.0]'],
  ['embedding(2)', '[1.5, NULL]::FLOAT[]', null],
  ['embedding(2)', '[1.5]::FLOAT[]', null],
  ['embedding(2)', '[1e300, 1]::DOUBLE[]', null],
  ['map<int64>', "MAP {'a': 1.0, 'b': NULL}::MAP(VARCHAR, DOUBLE)", '{a=1, b=NULL}'],
  ['map<int64>', "MAP {'a': 1.5}::MAP(VARCHAR, DOUBLE)", null],
  ['map<int64>', 'MAP {1: 1}', null],
  ['struct<a: int32, b: string>', "{'b': 'x', 'A': 1::BIGINT}", "{'a': 1, 'b': x}"],
  ['struct<a: int32, b: string>', "{'a': 1, 'c': 'x'}", "{'a': 1, 'b': NULL}"],
  ['struct<a: int32, b: string>', "{'a': 3000000000, 'b': 'x'}", null],
  ['struct<a: int32, b: string>', "{'a': 1, 'b': 5}", null],
  ['struct<a: int32, b: string>', "{'c': 1}", null],
  ['struct<a: struct<b: int32>>', "{'a': {'b': 1.0::DOUBLE}}", "{'a': {'b': 1}}"],
  ['struct<a: struct<b: int32>>', "{'a': {'b': 1.5::DOUBLE}}", null],
];

test.each(VALUES)('%s of %s is %s, beside a file of nulls', async (type, sql, becomes) => {
  const { good, bad } = await read(
    [
      `SELECT 1::BIGINT AS driver_id, ${sql} AS x UNION ALL SELECT 2, NULL`,
      'SELECT 3::BIGINT AS driver_id, NULL AS x',
    ],
    feature('x', type),
  );
  expect(good).toEqual([...(becomes === null ? [] : [`1=${becomes}`]), '2=null', '3=null']);
  expect(bad).toEqual(becomes === null ? [expect.stringContaining(`x should be `)] : []);
});

test('each file is read by its own types: what one holds rounds nothing of another', async () => {
  const files = [
    'SELECT * FROM (VALUES (1800000000000000001::BIGINT, 9007199254740993::BIGINT), (2, 5)) t(driver_id, x)',
    "SELECT * FROM (VALUES (5::DOUBLE, '6'), (1.8e18, '7'), (NULL, '8'), (8, '8.5')) t(driver_id, x)",
    'SELECT * FROM (VALUES (9::UBIGINT, 10::DECIMAL(38,0))) t(driver_id, X)',
  ];
  expect(await read(files, feature('x', 'int64'))).toEqual({
    good: ['1800000000000000001=9007199254740993', '2=5', '5=6', '9=10'],
    bad: [
      'driver_id should be int64, got 1.8e+18 (DOUBLE)',
      'join key driver_id is null',
      'x should be int64, got 8.5 (VARCHAR)',
    ],
  });
});

test('a feature whose column the last file lost is told of, one that came later is not', async () => {
  const folder = scratchFolder();
  for (const [i, sql] of ['1 AS k, 2 AS old, 3 AS kept', '1 AS k, 3 AS kept, 4 AS young'].entries())
    await duck.run(`COPY (SELECT ${sql}) TO ${quoteText(join(folder, `${i}.parquet`))} (FORMAT parquet)`);
  const source = await readSourceFiles(duck, folder, { path: '*.parquet' });
  const features = ['old', 'kept', 'young', 'never'].map((name) => feature(name, 'int32'));
  expect(lostColumns(source, driverStats({ features }))).toEqual([
    expect.stringMatching(/1\.parquet has no column old, which other files have: old is null there/),
  ]);
});

test('a file that lacks the key has bad rows, one that lacks a feature nulls; a feature may read another column', async () => {
  const files = [
    `SELECT 1::BIGINT AS driver_id, 2::BIGINT AS "Unit Price"`,
    'SELECT 3::BIGINT AS "unit price"',
    'SELECT 4::BIGINT AS driver_id',
  ];
  expect(await read(files, feature('x', 'int64', { column: 'Unit Price' }))).toEqual({
    good: ['1=2', '4=null'],
    bad: ['its file has no join key driver_id'],
  });
});
