/**
 * Where a run puts the rows that it did not write online, whole and with the reason, beside the refused events:
 * `history/_rejected/{view}/v{version}/{run}.online.parquet`. Written only when there are such rows.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { folderBeside } from '../../project/engine/duckdb/history.ts';
import type { FeatureView } from '../../contract/model.ts';
import { makePrivateFile } from '../../contract/std/private-file.ts';
import { FILE_COLUMN } from '../../project/engine/duckdb/sources/source-files.ts';
import { CREATED_NS, EVENT_NS, REASON, ROW_COLUMN } from '../../project/engine/duckdb/sources/stored-rows.ts';
import { CREATED_US, DELETED, EVENT_US, FATE } from '../online/latest-rows.ts';

export function rejectFile(
  historyRoot: string,
  view: Pick<FeatureView, 'name' | 'version'>,
  runId: string,
): string {
  return join(folderBeside(historyRoot, '_rejected', view), `${runId}.online.parquet`);
}

/** Writes the rejected candidates. */
export async function writeRejected(duck: DuckDb, candidates: string, file: string): Promise<void> {
  const [event, created, reason] = [EVENT_US, CREATED_US, REASON].map(quoteName);
  const [source, row] = [FILE_COLUMN, ROW_COLUMN].map(quoteName);
  const own = [
    REASON,
    FATE,
    DELETED,
    EVENT_US,
    CREATED_US,
    EVENT_NS,
    CREATED_NS,
    FILE_COLUMN,
    ROW_COLUMN,
  ].map(quoteName);
  await keepRows(
    duck,
    `SELECT ${reason} AS reject_reason, ${source} AS reject_file, ${row} AS reject_row,
      make_timestamp(${event}) AS event_time, make_timestamp(${created}) AS created_time,
      * EXCLUDE (${own.join(', ')})
      FROM (${candidates}) WHERE ${quoteName(FATE)} = 'rejected'`,
    file,
  );
}

/**
 * Writes rows that do not count to a file of their own. They are whole rows of a source, entities' keys among them: the
 * file is for those who run the project, whatever the umask says.
 */
export async function keepRows(duck: DuckDb, rows: string, file: string): Promise<void> {
  makePrivateFile(file);
  // Beside a file that is there DuckDB would write another and give it the name: with the mode of the umask.
  const options = 'FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false';
  await duck.run(`COPY (${rows}) TO ${quoteText(file)} (${options})`);
}

/** Adds a row that turned out not to fit when it was encoded, to a file of lines of JSON beside `file`. */
export function appendRejected(file: string, key: string, reason: string): void {
  const lines = file.replace(/\.parquet$/, '.json');
  makePrivateFile(lines);
  appendFileSync(lines, `${JSON.stringify({ reject_reason: reason, key })}\n`);
}
