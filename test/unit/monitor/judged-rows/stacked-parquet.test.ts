/** Files below each other are one table, value for value what DuckDB's own union of them is. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stackParquet } from '../../../../monitor/judged-rows/stacked-parquet.ts';
import { DuckDb, EXACT_FLOATS } from '../../../../project/engine/duckdb/duckdb.ts';
import { quotePath, quotePaths } from '../../../../project/engine/duckdb/file-sql.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const SHARED = `i::BIGINT AS i, 'r-' || i AS id, CASE WHEN i % 3 > 0 THEN [i::VARCHAR, NULL] END AS many`;
const OWN = [
  `CASE WHEN i % 5 > 0 THEN {served: CASE WHEN i % 2 > 0 THEN -0.0 ELSE 0.0 END, causes: ['a', 'b']} END AS a, i % 7 AS "B b"`,
  `{served: i::VARCHAR, causes: NULL::VARCHAR[]} AS c`,
  `NULL::STRUCT(served BLOB, causes VARCHAR[][]) AS d, i::HUGEINT AS e`,
];

let folder: string;
let duck: DuckDb;
beforeEach(async () => {
  folder = scratchFolder();
  duck = await DuckDb.open();
});
afterEach(() => duck.close());

/** @returns a file of a part, with so many rows in groups of 2,048 */
async function part(own: number, rows: number): Promise<string> {
  const file = join(folder, `${own}.rows`);
  await duck.run(`COPY (SELECT ${SHARED}, ${OWN[own]!} FROM (SELECT unnest(range(${rows})) AS i))
    TO ${quotePath(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048, ${EXACT_FLOATS})`);
  return file;
}

async function nothingOf(files: readonly string[], rows: number): Promise<string> {
  const union = files.map((file) => `FROM read_parquet(${quotePath(file)})`).join(' UNION ALL BY NAME ');
  const columns = await duck.rows(`DESCRIBE (${union})`);
  const nulls = columns.map(
    (column) => `NULL::${String(column['column_type'])} AS "${String(column['column_name'])}"`,
  );
  const file = join(folder, `nothing ${rows}`);
  await duck.run(`COPY (SELECT ${nulls.join(', ')} FROM (SELECT unnest(range(${rows}))))
    TO ${quotePath(file)} (FORMAT parquet, ROW_GROUP_SIZE ${Math.max(rows, 2_048)}, ${EXACT_FLOATS})`);
  return file;
}

test.each([[[5_000, 2_048, 3]], [[1, 0, 4_097]], [[0, 0, 0]], [[0, 0, 7]], [[10]]])(
  'files of %j rows',
  async (sizes) => {
    const files: string[] = [];
    for (const [own, rows] of sizes.entries()) files.push(await part(own, rows));
    const out = join(folder, 'out.parquet');
    const asked: number[] = [];
    await stackParquet(
      files,
      (rows) => {
        asked.push(rows);
        return nothingOf(files, rows);
      },
      out,
    );
    const union = files.map((file) => `FROM read_parquet(${quotePath(file)})`).join(' UNION ALL BY NAME ');
    const stacked = `FROM read_parquet(${quotePath(out)})`;
    expect(await duck.rows(`DESCRIBE (${stacked})`)).toEqual(await duck.rows(`DESCRIBE (${union})`));
    // As text, since equality takes both zeros for one.
    const text = (from: string): string => `SELECT t::VARCHAR AS text FROM (${from}) t ORDER BY ALL`;
    expect(await duck.rows(text(stacked))).toEqual(await duck.rows(text(union)));
    const total = sizes.reduce((sum, rows) => sum + rows, 0);
    const [meta] = await duck.rows(
      `SELECT num_rows::INTEGER AS n FROM parquet_file_metadata(${quotePaths([out])})`,
    );
    expect(meta).toEqual({ n: total });
    if (files.length === 1) expect(asked).toEqual([]);
    // What the footer says of a column without values is what was written.
    const [nulls] = await duck.rows(`SELECT count(*) FILTER (stats_null_count <> num_values)::INTEGER AS n
      FROM parquet_metadata(${quotePath(out)}) WHERE starts_with(path_in_schema, 'd, served')`);
    expect(nulls).toEqual({ n: 0 });
  },
);

test('a nothing of other rows is refused', async () => {
  const files = [await part(0, 10), await part(1, 10)];
  const out = join(folder, 'out.parquet');
  await expect(stackParquet(files, () => nothingOf(files, 11), out)).rejects.toThrow('should have 10 rows');
});
