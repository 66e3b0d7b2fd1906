/**
 * `--engine spark`: finds the rows of the history that the open rows of a role are replayed with, in place of DuckDB.
 *
 *   keys of the open rows, history --> rows of their entities --> Parquet --> replay_history, in DuckDB
 *   times of the open rows, those rows --as-of join--> where each finds its row --> replay_trained and its like
 *
 * Rows are numbered as Spark writes them; DuckDB's table has that number beside each.
 */
import { join } from 'node:path';
import { answerAsOf, joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfJoin } from '../../project/engine/duckdb/as-of-join.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { sparkAsOfSql } from '../../project/engine/spark/as-of-join.ts';
import { SparkJob } from '../../project/engine/spark/spark-job.ts';
import { sparkFiles } from '../../project/engine/spark/spark-session.ts';
import type { SparkPlace, SparkSession } from '../../project/engine/spark/spark-session.ts';
import { sparkName } from '../../project/engine/spark/spark-sql.ts';
import { DEFINITION, HISTORY_ROW } from '../judge/replay-columns.ts';
import type { JoinColumns } from '../judge/replay-columns.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';

interface SparkReplayParts {
  readonly duck: DuckDb;
  readonly spark: SparkSession;
  /** For what goes in and comes out. */
  readonly place: SparkPlace;
  /** What people are told that Spark does. */
  readonly label: string;
}

const ROWS = 'history_rows';
const PLACE = quoteName(HISTORY_ROW);

export class SparkReplay {
  readonly #parts: SparkReplayParts;
  #joins = 0;

  constructor(parts: SparkReplayParts) {
    this.#parts = parts;
  }

  /**
   * Fills `replay_history`, which is there and empty.
   *
   * @param job       has the files that the SELECTs read
   * @param histories by definition a SELECT in Spark of the rows that count by it
   */
  async layHistory(
    job: SparkJob,
    histories: ReadonlyMap<number, string>,
    keys: readonly JoinColumns[],
  ): Promise<void> {
    const { duck } = this.#parts;
    const columns = (await duck.rows('DESCRIBE replay_history')).map((column) => {
      const name = quoteName(column['column_name'] as string);
      return { name, type: column['column_type'] as string };
    });
    const own = columns.filter(({ name }) => name !== DEFINITION).map(({ name }) => `h.${name}`);
    const labels = keys.map(({ label }) => quoteName(label));
    const file = join(this.#parts.place.folder, 'open_keys.parquet');
    await duck.run(
      `COPY (SELECT DISTINCT ${labels.join(', ')} FROM ${OPEN_ROWS}) TO ${quoteTarget(file)} (FORMAT parquet)`,
    );
    const asked = job.read([file], null);
    const same = keys.map(({ label, row }) => `a.${sparkName(label)} = h.${sparkName(row)}`).join(' AND ');
    const parts = [...histories].map(
      ([definition, sql]) => `SELECT ${own.join(', ')}, CAST(${definition} AS BIGINT) AS ${DEFINITION}
        FROM (${sql}) h LEFT SEMI JOIN ${asked} a ON ${same}`,
    );
    job.write(
      ROWS,
      `SELECT *, monotonically_increasing_id() AS ${PLACE} FROM (${parts.join(' UNION ALL ')})`,
      this.#folder(ROWS),
    );
    await this.#run(job);
    const cast = columns.map(({ name, type }) => `CAST(${name} AS ${type}) AS ${name}`);
    await duck.run(`ALTER TABLE replay_history ADD COLUMN ${PLACE} BIGINT;
      INSERT INTO replay_history BY NAME SELECT ${[...cast, PLACE].join(', ')} FROM ${this.#outputOf(ROWS)}`);
  }

  /**
   * As DuckDB's `joinAsOf` over the rows of a definition in `replay_history`; the only output there is HISTORY_ROW.
   *
   * @param asOf  its history is not read
   */
  async joinAsOf(asOf: AsOfJoin, definition: number, table: string): Promise<void> {
    const { duck, place } = this.#parts;
    const columns = new Set([asOf.rid, asOf.time, ...asOf.keys.map(({ label }) => label)]);
    const name = `joined_${this.#joins++}`;
    const file = join(place.folder, `${name}.parquet`);
    const [counted] = await duck.rows(
      `COPY (SELECT ${[...columns].map(quoteName).join(', ')} FROM ${asOf.labels}) TO ${quoteTarget(file)} (FORMAT parquet)`,
    );
    // Of none it is not asked.
    if (counted!['Count'] === 0n) return await joinAsOf(duck, asOf, table);
    const job = new SparkJob();
    const labels = job.read([file], null);
    const rows = `SELECT * FROM ${job.read(sparkFiles(this.#folder(ROWS)), null)} WHERE ${DEFINITION} = ${definition}`;
    job.write(name, sparkAsOfSql({ ...asOf, labels, rows, place: HISTORY_ROW }), this.#folder(name));
    await this.#run(job);
    const origin =
      'f.rid, f.event_us, f.created_us, f.run_id, CAST(f.definition_id AS UINTEGER) AS definition_id, f.deleted';
    const outputs = asOf.outputs.map((_, i) => `h.rowid AS o${i}`);
    const found = `SELECT ${[origin, ...outputs].join(', ')} FROM ${this.#outputOf(name)} f
      ${outputs.length === 0 ? '' : `JOIN replay_history h ON h.${PLACE} = f.o0`}`;
    await answerAsOf(duck, asOf, found, table);
  }

  async #run(job: SparkJob): Promise<void> {
    const labels = Object.fromEntries(job.steps.map((step) => [step, this.#parts.label]));
    await this.#parts.spark.run({ job, labels });
  }

  #folder(name: string): string {
    return join(this.#parts.place.folder, name);
  }

  /** The FROM item of what Spark wrote under a name. */
  #outputOf(name: string): string {
    return `read_parquet(${quotePaths(sparkFiles(this.#folder(name)))}, hive_partitioning = false)`;
  }
}
