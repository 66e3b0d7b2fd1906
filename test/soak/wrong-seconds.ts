/** Values beyond the promise, second by second: the Parquet beside a verdict has every row that differs. */
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Cause } from '../../contract/cause.ts';
import type { NamedIncident } from './judged-faults.ts';

const SECOND_MS = 1_000;

/** @returns of each second, view and cause how many values; in no order */
export async function wrongSeconds(files: readonly string[]): Promise<NamedIncident[]> {
  const duck = await DuckDb.open({ threads: 2 });
  try {
    const rows =
      await duck.rows(`SELECT _view AS view, _cause AS cause, epoch_ms(_served_time) // ${SECOND_MS} AS second,
        sum(_beyond_promise) AS values
      FROM read_parquet(${quotePaths(files)}, union_by_name = true) WHERE _beyond_promise > 0 GROUP BY ALL`);
    return rows.map((row) => {
      const fromMs = Number(row['second']) * SECOND_MS;
      const toMs = fromMs + SECOND_MS - 1;
      const [view, cause] = [row['view'] as string, row['cause'] as Cause];
      return { view, cause, beyondPromise: Number(row['values']), fromMs, toMs };
    });
  } finally {
    duck.close();
  }
}
