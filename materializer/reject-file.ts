/**
 * Where a run puts the rows that it did not write online, whole and with the reason, beside the refused events:
 * `history/_rejected/{view}/v{version}/{run}.online.parquet`. Written only when there are such rows.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { quoteName, quoteText } from '../registry/duckdb.ts';
import type { DuckDb } from '../registry/duckdb.ts';
import { folderBeside } from '../registry/history.ts';
import type { FeatureView } from '../registry/model.ts';
import { FILE_COLUMN } from '../registry/source-files.ts';
import { CREATED_NS, EVENT_NS, REASON, ROW_COLUMN } from '../registry/stored-rows.ts';
import { CREATED_US, EVENT_US } from './latest-rows.ts';

export function rejectFile(
  historyRoot: string,
  view: Pick<FeatureView, 'name' | 'version'>,
  runId: string,
): string {
  return join(folderBeside(historyRoot, '_rejected', view), `${runId}.online.parquet`);
}

/** Writes the candidates that have a reason. */
export async function writeRejected(duck: DuckDb, candidates: string, file: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const [event, created, reason] = [EVENT_US, CREATED_US, REASON].map(quoteName);
  const [source, row] = [FILE_COLUMN, ROW_COLUMN].map(quoteName);
  const own = [REASON, EVENT_US, CREATED_US, EVENT_NS, CREATED_NS, FILE_COLUMN, ROW_COLUMN].map(quoteName);
  await duck.run(
    `COPY (SELECT ${reason} AS reject_reason, ${source} AS reject_file, ${row} AS reject_row,
      make_timestamp(${event}) AS event_time, make_timestamp(${created}) AS created_time,
      * EXCLUDE (${own.join(', ')})
      FROM (${candidates}) WHERE ${reason} IS NOT NULL) TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd)`,
  );
}

/** Adds a row that turned out not to fit when it was encoded, to a file of lines of JSON beside `file`. */
export function appendRejected(file: string, key: string, reason: string): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file.replace(/\.parquet$/, '.json'), `${JSON.stringify({ reject_reason: reason, key })}\n`);
}
