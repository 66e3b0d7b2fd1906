import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb } from '../../../registry/duckdb.ts';
import { modelTypeOfColumn, sourceColumns } from '../../../registry/source-schema.ts';
import { formatType } from '../../../registry/value-type.ts';

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
  const columns = await sourceColumns(duck, folder, '*.parquet');
  const types = [...columns].map(([name, type]) => {
    const model = modelTypeOfColumn(type);
    return [name, model === null ? null : formatType(model)];
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
  await expect(sourceColumns(duck, folder, 'nothing/*.parquet')).rejects.toThrow(
    /no file matches the source's path nothing\/\*\.parquet/,
  );
  writeFileSync(join(folder, 'broken.pq'), 'PAR1 this is none');
  await expect(sourceColumns(duck, folder, 'broken.pq')).rejects.toMatchObject({
    code: 'REG_SOURCE',
    message: expect.stringMatching(/broken\.pq cannot be read as Parquet/),
  });
});
