/** A path in SQL is the file of that name and no other, whatever signs of a pattern it holds. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDb } from '../../../../../project/engine/duckdb/duckdb.ts';
import {
  quoteFilesIn,
  quotePath,
  quotePaths,
  quoteTarget,
} from '../../../../../project/engine/duckdb/file-sql.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

/** Names with neighbours that DuckDB's pattern of the same text would read instead of them, or besides. */
const NAMES: readonly [name: string, ...neighbours: string[]][] = [
  ['l[1].parquet', 'l1.parquet'],
  ['l*.parquet', 'l1.parquet', 'l.parquet'],
  ['l?.parquet', 'l1.parquet'],
  ['a[!b].parquet', 'ac.parquet'],
  ['a[]].parquet', 'a].parquet'],
  ['a[[]].parquet', 'a[].parquet'],
  ['**/a.parquet', 'x/a.parquet', 'a.parquet'],
  ['x**y/a.parquet', 'xqy/a.parquet'],
  ['[x]/a.parquet', 'x/a.parquet'],
  ['day=[1]/a*.parquet', 'day=1/ab.parquet'],
  ['a{b,c}.parquet', 'ab.parquet'],
  ['a\\*b.parquet', 'axb.parquet', 'a/xb.parquet', 'a*b.parquet', 'aé*b.parquet'],
  ['a\\\\[b].parquet', 'a\\b.parquet', 'aé[b].parquet', 'axy[b].parquet'],
  ['\\[x/a.parquet', 'x/a.parquet', '[x/a.parquet'],
  ['~/a.parquet', '~[1]/a.parquet'],
  ['s3:/bucket/a.parquet'],
  ['http:/host/a?b=c.parquet', 'http:/host/axb=c.parquet'],
  ['it\'s "é 你" [1]\n*.parquet', 'it\'s "é 你" 1\nx.parquet'],
  ['%5B1%5D.parquet', '[1].parquet'],
];

test.each(NAMES)('%j is read, and written to, as a name', async (name, ...neighbours) => {
  const folder = scratchFolder();
  const duck = await DuckDb.open();
  try {
    const source = join(folder, 'source');
    await duck.run(`COPY (SELECT 1 AS n) TO ${quoteTarget(source)} (FORMAT parquet)`);
    const put = (one: string): string => {
      const file = join(folder, 'files', one);
      mkdirSync(dirname(file), { recursive: true });
      copyFileSync(source, file);
      return file;
    };
    neighbours.forEach(put);
    const missing = duck.rows(`FROM read_parquet(${quotePath(join(folder, 'files', name))})`);
    await expect(missing).rejects.toThrow('No files found');
    const file = put(name);
    const rows = await duck.rows(`SELECT filename FROM read_parquet(${quotePaths([file])}, filename = true)`);
    expect(rows).toEqual([{ filename: file }]);
    const schema = await duck.rows(`SELECT DISTINCT file_name FROM parquet_schema(${quotePath(file)})`);
    expect(schema).toEqual([{ file_name: file }]);
    const target = join(folder, 'targets', name);
    mkdirSync(dirname(target), { recursive: true });
    await duck.run(`COPY (SELECT 1 AS n) TO ${quoteTarget(target)} (FORMAT parquet)`);
    expect(existsSync(target)).toBe(true);
  } finally {
    duck.close();
  }
});

test('the files of a folder are those of the folder of that name', async () => {
  const folder = scratchFolder();
  const duck = await DuckDb.open();
  try {
    for (const name of ['h[1]', 'h1']) {
      const rows = `SELECT '${name}' AS name, range AS part FROM range(3)`;
      await duck.run(
        `COPY (${rows}) TO ${quoteTarget(join(folder, name))} (FORMAT parquet, PARTITION_BY (part))`,
      );
    }
    const files = quoteFilesIn(join(folder, 'h[1]'), '*/*.parquet');
    const rows = await duck.rows(
      `SELECT name, count(*)::INTEGER AS n FROM read_parquet(${files}) GROUP BY name`,
    );
    expect(rows).toEqual([{ name: 'h[1]', n: 3 }]);
  } finally {
    duck.close();
  }
});
