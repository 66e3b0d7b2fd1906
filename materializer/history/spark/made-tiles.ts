/**
 * Has Spark make the tiles of a view's events, of which DuckDB then computes the windows: one job a run of a view.
 *
 *   {spark.folder}/materialize-{id}/{table}/*.parquet   tables of ../../aggregate/given-tiles.ts, gone after the run
 */
import { join } from 'node:path';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { sparkFiles } from '../../../project/engine/spark/spark-session.ts';
import type { SparkPlace, SparkSession } from '../../../project/engine/spark/spark-session.ts';
import { SparkJob } from '../../../project/engine/spark/spark-job.ts';
import type { AggregatePlan } from '../../aggregate/aggregate-plan.ts';
import type { Scope } from '../../aggregate/aggregate-sql.ts';
import { givenSql, givenTables } from '../../aggregate/given-tiles.ts';
import type { Computation } from '../computation.ts';
import { eventSpan } from '../events.ts';
import { sparkEvents } from './spark-events.ts';
import type { EventSelect } from './spark-events.ts';
import { sparkTileSelect } from './tile-select.ts';

export class MadeTiles {
  readonly #computation: Computation;
  readonly #spark: SparkSession;
  readonly #job = new SparkJob();
  readonly #events: EventSelect;
  #place: SparkPlace | null = null;

  /**
   * Nothing runs yet.
   * @throws SPARK_LACKS for a source, or a type in it, that Spark does not read
   */
  constructor(computation: Computation, spark: SparkSession) {
    this.#computation = computation;
    this.#spark = spark;
    this.#events = sparkEvents(this.#job, computation);
  }

  /** The plan of what is computed of the tiles. */
  get plan(): AggregatePlan {
    return { ...this.#computation.plan, given: 'tiles' };
  }

  /**
   * @returns a SELECT of the tiles that a scope needs, of all entities
   * @throws  SPARK_START, SPARK_FAILED
   */
  async make(scope: Scope | null): Promise<string> {
    const { run, plan, extent } = this.#computation;
    const events = this.#events(eventSpan(plan, scope, extent.toEdge));
    const place = this.#spark.openPlace();
    this.#place = place;
    const tables = givenTables(plan);
    for (const table of tables)
      this.#job.write(table.name, sparkTileSelect(plan, table, events), join(place.folder, table.name));
    const labels = Object.fromEntries(tables.map(({ name }) => [name, `${run.view.id}: tiles in Spark`]));
    await this.#spark.run({ job: this.#job, labels });
    return givenSql(plan, (table) => sparkFiles(join(place.folder, table)));
  }

  /** @returns how many events are in the tiles, once they are made */
  async countEvents(): Promise<number> {
    const files = sparkFiles(join(this.#place!.folder, 'tile'));
    const [row] = await this.#computation.run.duck.rows(
      `SELECT coalesce(sum(events), 0)::BIGINT AS n FROM read_parquet(${quotePaths(files)})`,
    );
    return Number(row!['n']);
  }

  /** Removes the tiles. Spark's log stays. */
  close(): void {
    this.#place?.close();
  }
}
