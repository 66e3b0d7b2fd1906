/**
 * Which rows of a table are new to a run: those of the files that came since the snapshot that the last run has read.
 * So none is missed whose created time lies before that run, though its file came after it. Files that only join older
 * rows are among them: rows that are looked at again change nothing.
 */
import { quoteName } from '../duckdb.ts';
import type { DuckDb } from '../duckdb.ts';
import { FILE_COLUMN } from './source-files.ts';
import type { SourceTable } from './source-files.ts';

/**
 * @param since  the name of the snapshot; null: none is known
 * @returns      SQL of whether a row lies in such a file; null: nobody can tell, since the table has forgotten that
 *               snapshot, or is another one
 */
export async function newFilesSql(
  duck: DuckDb,
  table: SourceTable,
  since: string | null,
): Promise<string | null> {
  const added = since === null ? null : table.addedSince(since);
  if (added === null) return null;
  const name = quoteName(`files since ${since}`);
  try {
    await duck.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${added}`);
  } catch {
    return null;
  }
  return `(${quoteName(FILE_COLUMN)} IN (SELECT file FROM ${name}))`;
}
