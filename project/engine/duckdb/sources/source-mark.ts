/** What a source was like when it was read: where that is not the same any more, other rows may be in it. */
import { statSync } from 'node:fs';
import type { TrainedSource } from '../../../../contract/training-manifest.ts';
import { isObject } from '../../../../contract/std/files/local-path.ts';
import type { DuckDb } from '../duckdb.ts';
import { quotePaths } from '../file-sql.ts';
import type { SourceFiles } from './source-files.ts';

/** @throws the file system's error when a file is gone meanwhile */
export async function sourceMark(duck: DuckDb, source: SourceFiles): Promise<TrainedSource> {
  if (source.table !== null) return { snapshot: source.table.name };
  const files = source.groups.flatMap((group) => group.files);
  if (files.some(isObject)) return { files: files.length, ...(await objectsMark(duck, files)) };
  const stats = files.map((file) => statSync(file));
  const bytes = stats.reduce((sum, { size }) => sum + size, 0);
  const newestMs = stats.reduce((newest, { mtimeMs }) => Math.max(newest, mtimeMs), 0);
  return { files: files.length, bytes, newestMs };
}

/** Asks for no object's content. */
async function objectsMark(
  duck: DuckDb,
  objects: readonly string[],
): Promise<{ readonly bytes: number; readonly newestMs: number }> {
  const [row] = await duck.rows(
    `SELECT sum(size)::DOUBLE AS bytes, epoch_ms(max(last_modified))::DOUBLE AS newest FROM read_blob(${quotePaths(objects)})`,
  );
  return { bytes: row!['bytes'] as number, newestMs: row!['newest'] as number };
}
