import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { damagedFiles, filesWithoutFooter } from '../../../../project/archive/damaged-files.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../../../project/engine/duckdb/file-sql.ts';

let folder: string;
let duck: DuckDb;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'damaged-files-'));
  duck = await DuckDb.open();
});
afterEach(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

/** A column of the name `t` must not hide the others. */
async function parquet(name: string): Promise<string> {
  const file = join(folder, name);
  await duck.run(`COPY (SELECT range AS t, hash(range)::VARCHAR AS text FROM range(5000))
    TO ${quoteTarget(file)} (FORMAT parquet, COMPRESSION zstd)`);
  return file;
}

test('a file that was cut, an empty one, a folder and one that is gone have no footer', async () => {
  const [whole, cut] = [await parquet('whole[1].parquet'), await parquet('cut.parquet')];
  truncateSync(cut, 300);
  const empty = join(folder, 'empty.parquet');
  writeFileSync(empty, '');
  const place = join(folder, 'folder.parquet');
  mkdirSync(place);
  const gone = join(folder, 'gone.parquet');
  const found = await filesWithoutFooter(duck, [whole, cut, empty, place, gone]);
  expect([...found.keys()]).toEqual([cut, empty, place, gone]);
  expect(found.get(place)).toBe('it is no file');
  for (const why of found.values()) expect(why).not.toContain('\n');
  expect(await filesWithoutFooter(duck, [whole])).toEqual(new Map());
  expect(await filesWithoutFooter(duck, [])).toEqual(new Map());
  expect([...(await damagedFiles(duck, [whole, cut, place])).keys()]).toEqual([cut, place]);
});

test('damage in the middle shows where all is read', async () => {
  const [whole, damaged] = [await parquet('whole.parquet'), await parquet('damaged.parquet')];
  const bytes = readFileSync(damaged);
  // The texts lie behind the numbers.
  const middle = Math.floor(bytes.length / 2);
  bytes.fill(0xff, middle, middle + 2_000);
  writeFileSync(damaged, bytes);
  expect(await filesWithoutFooter(duck, [whole, damaged])).toEqual(new Map());
  expect([...(await damagedFiles(duck, [whole, damaged])).keys()]).toEqual([damaged]);
});

test('too little memory is no damage', async () => {
  const whole = await parquet('whole.parquet');
  const small = await DuckDb.open({ memoryLimit: '300KB', threads: 1 });
  try {
    await expect(damagedFiles(small, [whole])).rejects.toMatchObject({ code: 'REG_MEMORY' });
  } finally {
    small.close();
  }
});
