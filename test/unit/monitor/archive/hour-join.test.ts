import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { ARCHIVE_DISK } from '../../../../monitor/archive/archive-disk.ts';
import { HourJoin } from '../../../../monitor/archive/hour-join.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../../../project/engine/duckdb/file-sql.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const HOUR = '2026-01-02T10';

async function filesOf(folder: string, counts: readonly number[]): Promise<string[]> {
  const duck = await DuckDb.open();
  const files = counts.map((_, i) => join(folder, `${i}.parquet`));
  for (const [i, file] of files.entries())
    await duck.run(
      `COPY (SELECT range AS n FROM range(${counts[i]})) TO ${quoteTarget(file)} (FORMAT parquet)`,
    );
  duck.close();
  return files;
}

/** Leaves a file its head and its foot, so that only who reads its rows meets the damage. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xff, 4, 200));
}

async function joined(files: readonly string[], to: string) {
  const warned: string[] = [];
  const hours = await HourJoin.open({
    served: { path: '/nowhere' },
    disk: ARCHIVE_DISK,
    warn: (line) => void warned.push(line),
  });
  try {
    return { ...(await hours.join(HOUR, files, to)), warned };
  } finally {
    hours.close();
  }
}

test('files of an hour become one; one that is damaged is set aside, and one that is gone is told', async () => {
  const folder = scratchFolder();
  const files = await filesOf(folder, [1_000, 2_000, 3_000]);
  const to = join(folder, 'joined');
  expect(await joined(files, to)).toEqual({ rows: 6_000, lost: [], warned: [] });
  damage(files[1]!);
  const gone = join(folder, 'gone.parquet');
  const { warned, ...found } = await joined([...files, gone], to);
  expect(found).toEqual({ rows: 4_000, lost: [files[1], gone] });
  expect(warned).toEqual([
    expect.stringContaining(`gone.parquet is gone: its vectors of the hour ${HOUR} are lost`),
    expect.stringContaining(`_damaged-1.parquet is damaged: its vectors of the hour ${HOUR} are lost (`),
  ]);
  expect([existsSync(files[1]!), existsSync(join(folder, `_damaged-${basename(files[1]!)}`))]).toEqual([
    false,
    true,
  ]);
});

test('where no file is left nothing is written', async () => {
  const folder = scratchFolder();
  const files = await filesOf(folder, [1_000]);
  writeFileSync(files[0]!, 'PAR1');
  const to = join(folder, 'joined');
  expect(await joined(files, to)).toMatchObject({ rows: null, lost: files });
  expect(existsSync(to)).toBe(false);
});

test('what is no fault of the files leaves them as they are', async () => {
  const folder = scratchFolder();
  const files = await filesOf(folder, [1_000]);
  await expect(joined(files, join(folder, 'no-folder', 'joined'))).rejects.toThrow('no-folder');
  expect(existsSync(files[0]!)).toBe(true);
});
