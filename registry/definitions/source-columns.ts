/** The columns of a project's sources, read once each: what aggregates take their types from. */
import type { CodedError } from '../std/coded-error.ts';
import { DuckDb } from '../duckdb.ts';
import { sourceColumns } from '../source-schema.ts';

/** Column -> DuckDB's type, or why the source could not be read. */
export type SourceColumns = ReadonlyMap<string, string> | { readonly unreadable: string };

/** @param paths  as definitions give them, relative to `folder` */
export async function readSourceColumns(
  folder: string,
  paths: Iterable<string>,
): Promise<Map<string, SourceColumns>> {
  const columns = new Map<string, SourceColumns>();
  const duck = await DuckDb.open();
  try {
    for (const path of new Set(paths)) {
      try {
        columns.set(path, await sourceColumns(duck, folder, path));
      } catch (error) {
        columns.set(path, { unreadable: (error as CodedError).message });
      }
    }
    return columns;
  } finally {
    duck.close();
  }
}
