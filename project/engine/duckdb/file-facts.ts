/** What the log says of a file of a history, from the file's own footer. */
import type { NewFile } from '../../history/history-entry.ts';
import type { DuckDb } from './duckdb.ts';
import { quoteFilesIn } from './file-sql.ts';

type FileFacts = Omit<NewFile, 'path'>;

/** @returns the facts of the files in a folder that match a pattern, by their absolute path; none of them is empty */
export async function fileFacts(
  duck: DuckDb,
  folder: string,
  pattern: string,
): Promise<Map<string, FileFacts>> {
  const rows = await duck.rows(
    `SELECT m.file_name AS file, any_value(f.file_size_bytes)::DOUBLE AS bytes, sum(m.row_group_num_rows)::DOUBLE AS n,
       epoch_us(min(m.stats_min_value::TIMESTAMPTZ))::DOUBLE AS first_us,
       epoch_us(max(m.stats_max_value::TIMESTAMPTZ))::DOUBLE AS last_us
     FROM parquet_metadata(${quoteFilesIn(folder, pattern)}) m
       JOIN parquet_file_metadata(${quoteFilesIn(folder, pattern)}) f USING (file_name)
     WHERE m.path_in_schema = 'event_time' GROUP BY m.file_name`,
  );
  return new Map(
    rows.map((row) => [
      row['file'] as string,
      {
        bytes: row['bytes'] as number,
        rows: row['n'] as number,
        firstEventUs: row['first_us'] as number,
        lastEventUs: row['last_us'] as number,
      },
    ]),
  );
}
