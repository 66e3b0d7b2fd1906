/** Files that the archive should have of a day and has not, or that cannot be read. Called by day-of-log.ts. */
import { relative } from 'node:path';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { ArchivedFile } from '../../project/archive/archive-files.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { LostFiles } from '../verdict/snapshot.ts';
import type { ReadableArchive } from './damaged-archive.ts';

/**
 * @param served  the folder of the archive
 * @returns       in the order of hours
 */
export async function lostFilesOf(
  duck: DuckDb,
  archive: ReadableArchive,
  served: string,
): Promise<LostFiles[]> {
  const hours = new Map(archive.lost.map(({ hour, files }) => [hour, files]));
  for (const { hour } of archive.damaged) hours.set(hour, (hours.get(hour) ?? 0) + 1);
  const lost: LostFiles[] = [];
  for (const [hour, files] of [...hours].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const damaged = archive.damaged.filter((one) => one.hour === hour);
    lost.push({
      hour: Number(hour.slice(11)),
      files,
      vectors: await vectorsIn(duck, archive, { hour, files, damaged }),
      ...(damaged.length === 0 ? {} : { damaged: damaged.map(({ path }) => relative(served, path)) }),
    });
  }
  return lost;
}

interface LostHour {
  readonly hour: string;
  readonly files: number;
  /** Those of them that are there. */
  readonly damaged: readonly ArchivedFile[];
}

/** How many vectors they had, by what was written of the hour, or by their own footers; null: nobody knows. */
async function vectorsIn(
  duck: DuckDb,
  archive: ReadableArchive,
  { hour, files, damaged }: LostHour,
): Promise<number | null> {
  const had = archive.ledger.archives
    .map((one) => one.vectorsOf(hour))
    .reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
  if (had === null) return damaged.length === files ? await countOfFooters(duck, damaged) : null;
  const there = await countOfFooters(
    duck,
    archive.files.filter((one) => one.hour === hour),
  );
  return there === null ? null : had - there;
}

/** @returns null: a file has no footer */
async function countOfFooters(duck: DuckDb, files: readonly ArchivedFile[]): Promise<number | null> {
  if (files.length === 0) return 0;
  const paths = files.map(({ file }) => file);
  try {
    const [row] = await duck.rows(
      `SELECT sum(num_rows)::DOUBLE AS n FROM parquet_file_metadata(${quotePaths(paths)})`,
    );
    return row!['n'] as number;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    return null;
  }
}
