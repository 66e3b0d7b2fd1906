/** Files of the rows and events that do not count, whole and with the reason. Where they lie is run-folders.ts. */
import { appendFileSync } from 'node:fs';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';

/**
 * Writes rows that do not count to a file of their own. They are whole rows of a source, entities' keys among them: the
 * file is for those who run the project, whatever the umask says.
 */
export async function keepRows(duck: DuckDb, rows: string, file: string): Promise<void> {
  makePrivateFile(file);
  // Without this option DuckDB writes another file and renames it over the one that is there: with the umask's mode.
  const options = 'FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false';
  await duck.run(`COPY (${rows}) TO ${quoteTarget(file)} (${options})`);
}

/** Adds a row that turned out not to fit when it was encoded, to a file of lines of JSON beside `file`. */
export function appendRejected(file: string, key: string, reason: string): void {
  const lines = file.replace(/\.parquet$/, '.json');
  makePrivateFile(lines);
  appendFileSync(lines, `${JSON.stringify({ reject_reason: reason, key })}\n`);
}
