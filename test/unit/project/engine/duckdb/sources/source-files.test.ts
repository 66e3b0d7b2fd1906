import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb, quoteText } from '../../../../../../project/engine/duckdb/duckdb.ts';
import {
  groupSql,
  readSourceFiles,
  withShownValues,
} from '../../../../../../project/engine/duckdb/sources/source-files.ts';
import {
  formatSourceType,
  modelTypeOf,
} from '../../../../../../project/engine/duckdb/sources/source-type.ts';
import { formatType } from '../../../../../../contract/value-type.ts';

let duck: DuckDb;
const folder = mkdtempSync(join(tmpdir(), 'plumb-'));

beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});

afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

test('every column of a source gets its type in the model', async () => {
  await duck.run(`COPY (SELECT 1::INTEGER a, 2::BIGINT b, 3::UINTEGER c, 1.5::DECIMAL(18, 3) d, 'x' e, 'y'::BLOB f,
      DATE '2020-01-01' g, TIMESTAMPTZ '2020-01-01' h, [1.5::FLOAT] i, MAP {'k': 1} j,
      {'p q': 1, 'r': ['x'], 's': {'t': true}} k, 1::HUGEINT * 2 l, INTERVAL 1 DAY m)
    TO '${folder}/wide.parquet' (FORMAT parquet)`);
  const { groups } = await readSourceFiles(duck, folder, { path: 'wide.parquet' });
  const types = [...groups[0]!.columns.values()].map(([column]) => {
    const model = modelTypeOf(column!.type);
    return [column!.name, model === null ? null : formatType(model)];
  });
  expect(Object.fromEntries(types)).toEqual({
    a: 'int32',
    b: 'int64',
    c: 'int64',
    d: 'float64',
    e: 'string',
    f: 'bytes',
    g: 'timestamp',
    h: 'timestamp',
    i: 'list<float32>',
    j: 'map<int32>',
    k: 'struct<p q: int32, r: list<string>, s: struct<t: bool>>',
    l: 'float64', // Parquet has no 128-bit integers: DuckDB writes them as doubles.
    m: null,
  });
});

test('a path without files, and a file that is no Parquet, are each told in one sentence', async () => {
  await expect(readSourceFiles(duck, folder, { path: 'nothing/*.parquet' })).rejects.toThrow(
    /no file matches the source's path nothing\/\*\.parquet/,
  );
  writeFileSync(join(folder, 'broken.pq'), 'PAR1 this is none');
  await expect(readSourceFiles(duck, folder, { path: 'broken.pq' })).rejects.toMatchObject({
    code: 'REG_SOURCE',
    message: expect.stringMatching(/broken\.pq cannot be read as Parquet/),
  });
});

test('files of equal types are one group, whatever their names', async () => {
  const home = join(folder, 'grouped');
  const write = async (name: string, sql: string): Promise<void> => {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    await duck.run(`COPY (SELECT ${sql}) TO ${quoteText(join(home, name))} (FORMAT parquet)`);
  };
  await write('a [1].parquet', '1::BIGINT AS k, [1, 2] AS l');
  await write("day=2026-11-01/o'b*.parquet", '1::BIGINT AS k, [1, 2] AS l');
  await write('day=2026-11-02/{c,d}.parquet', '1::BIGINT AS k, [1, 2] AS l');
  await write('e.parquet', '1::DOUBLE AS k, [1, 2] AS l');
  await write('f.parquet', '1::BIGINT AS k, [1.5] AS l');
  const { groups } = await readSourceFiles(duck, home, { path: '**/*.parquet' });
  const told = groups.map(({ files, columns }) => [
    files.map((file) => relative(home, file)),
    [...columns.values()].flat().map((column) => `${column.name} ${formatSourceType(column.type)}`),
  ]);
  const path = "day text of the file's path";
  expect(told).toEqual([
    [['a [1].parquet'], ['k BIGINT', 'l INTEGER[]']],
    [
      ["day=2026-11-01/o'b*.parquet", 'day=2026-11-02/{c,d}.parquet'],
      ['k BIGINT', 'l INTEGER[]', path],
    ],
    [['e.parquet'], ['k DOUBLE', 'l INTEGER[]']],
    [['f.parquet'], ['k BIGINT', 'l DECIMAL(2,1)[]']],
  ]);
  // Names with wildcards in them are read as they are.
  const rows = await duck.rows(
    `SELECT day.sql AS day FROM (SELECT ${groups[1]!.columns.get('day')![0]!.sql} AS sql FROM ${groupSql(groups[1]!)}) day`,
  );
  expect(rows.map((row) => row['day']).toSorted()).toEqual(['2026-11-01', '2026-11-02']);
});

test('what footers show of keys and times is never more than what the rows hold', async () => {
  const home = mkdtempSync(join(folder, 'shown-'));
  const late = "TIMESTAMP '2026-01-01'";
  await duck.run(`COPY (SELECT i AS k, ${late} AS good, CASE WHEN i = 4000 THEN NULL ELSE ${late} END AS gap,
      CASE WHEN i = 9 THEN TIMESTAMPTZ '1969-12-31 23:59:59.999999+00' ELSE ${late}::TIMESTAMPTZ END AS early,
      CASE WHEN i = 4001 THEN TIMESTAMP 'infinity' ELSE ${late} END AS infinite, NULL::TIMESTAMP AS none,
      i::VARCHAR AS text FROM range(5000) t(i)) TO '${home}/1.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048);
    COPY (SELECT 1::BIGINT AS k, ${late} AS good, ${late} AS gap, ${late}::TIMESTAMPTZ AS early, ${late} AS infinite,
      NULL::TIMESTAMP AS none, 'x' AS text WHERE false) TO '${home}/2.parquet' (FORMAT parquet)`);
  const source = await readSourceFiles(duck, home, { path: '*.parquet' });
  const names = ['k', 'GOOD', 'gap', 'early', 'infinite', 'none', 'text', 'absent'];
  const { groups } = await withShownValues(duck, source, names);
  expect(Object.fromEntries([...groups[0]!.shown].toSorted(([a], [b]) => (a < b ? -1 : 1)))).toEqual({
    early: { noNull: true, onlyTimes: false },
    gap: { noNull: false, onlyTimes: true },
    good: { noNull: true, onlyTimes: true },
    infinite: { noNull: true, onlyTimes: false },
    k: { noNull: true, onlyTimes: false },
    none: { noNull: false, onlyTimes: true },
    text: { noNull: true, onlyTimes: false },
  });
});
