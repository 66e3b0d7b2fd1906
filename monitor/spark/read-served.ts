/**
 * How Spark reads the archive and the histories of a run: in the SQL that DuckDB runs, with Spark's words. Files are
 * numbered as DuckDB numbers them, so that a vector has the same `vid` in both.
 */
import { openHistory } from '../../project/engine/duckdb/history.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { sparkHistory } from '../../project/engine/spark/history.ts';
import { SPARK } from '../../project/engine/spark/spark-dialect.ts';
import { FILE_URL, ROW_INDEX } from '../../project/engine/spark/spark-job.ts';
import type { SparkJob } from '../../project/engine/spark/spark-job.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { HistoryReading } from '../judge/served-history.ts';
import type { FileReading } from '../replay/served-files.ts';

/** Spark says a file's path as a URL: `file:///a%20b`. */
const PATH = `regexp_replace(url_decode(replace(t."${FILE_URL}", '+', '%2B')), '^file:/+', '/')`;

/**
 * @param job    takes the files that are read
 * @param ids    by a table of DuckDB that of Spark, which has the same rows
 */
export function servedReading(job: SparkJob, ids: ReadonlyMap<string, string>): FileReading {
  const known = new Map<string, string>();
  const from = (files: readonly string[]): string => {
    const name = files.join('\n');
    const table = known.get(name) ?? job.readUnited(files);
    known.set(name, table);
    const places = files.map((file, i) => `(${SPARK.quoteText(file)}, CAST(${i} AS BIGINT))`).join(', ');
    const unknown = `raise_error(concat('the archive has no file ', ${PATH}))`;
    return `(SELECT t.*, coalesce(p.place, CAST(${unknown} AS BIGINT)) AS file_index, t."${ROW_INDEX}" AS file_row_number
      FROM ${table} t LEFT JOIN (VALUES ${places}) p(path, place) ON p.path = ${PATH})`;
  };
  return { dialect: SPARK, from, ids: (table) => ids.get(table)! };
}

/** @param job  takes the files that are read */
export function historyReading(job: SparkJob, duck: DuckDb, histories: HistoryPlace): HistoryReading {
  return {
    dialect: SPARK,
    async open(view, entity) {
      const history = await openHistory(duck, histories, view, entity);
      const rowsOf = (firstUs: number, lastUs: number): string =>
        sparkHistory(job, history, { view, entity }, { firstUs, lastUs }).rows;
      return {
        nanos: history.nanos,
        get sql() {
          return rowsOf(0, Number.MAX_SAFE_INTEGER);
        },
        parts: (firstUs, lastUs) => [rowsOf(firstUs, lastUs)],
      };
    },
  };
}
