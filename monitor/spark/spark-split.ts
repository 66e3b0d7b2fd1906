/**
 * `--engine spark`: splits the rows of a role, and counts those that agree, in Spark, in place of DuckDB. The SQL is
 * the same (row-split.ts, rows-in-force.ts, agreeing-counts.ts, agreeing-traffic.ts). What comes back stands in DuckDB
 * under the names that all else reads:
 *
 *   archive --+--> first rows, laid rows --> split --+--> replay_split: a view over its Parquet, a narrow row a vector
 *   history --'                                      +--> replay_in_force: the rows that vectors agree with, counted
 *                                                    `--> replay_traffic, replay_split_counts
 *
 * What Spark does not do yet (SPARK_LACKS; values that the log has as HMACs) DuckDB does: the verdict is the same.
 */
import { join } from 'node:path';
import type { Feature } from '../../contract/model.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { readTimes } from '../../project/engine/duckdb/committed-rows.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import { sparkError } from '../../project/engine/spark/errors.ts';
import { SparkSession, sparkFiles } from '../../project/engine/spark/spark-session.ts';
import type { SparkPlace } from '../../project/engine/spark/spark-session.ts';
import { SPARK } from '../../project/engine/spark/spark-dialect.ts';
import { SparkJob } from '../../project/engine/spark/spark-job.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { Project } from '../../project/project.ts';
import type { JoinColumns } from '../judge/replay-columns.ts';
import type { DefinedView, ServedHistory } from '../judge/served-history.ts';
import { SPLIT_COUNTS, agreedRowsSql, splitCountsSql } from '../replay/agreeing-counts.ts';
import { TRAFFIC, trafficSql } from '../replay/agreeing-traffic.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import type { HistoryPlan } from '../replay/plan/history-plan.ts';
import { roleKeys } from '../replay/role-keys.ts';
import type { KeyedRole } from '../replay/role-keys.ts';
import { OPEN, SERVER, SPLIT, readAlike, splitSql } from '../replay/row-split.ts';
import type { SplitRole, SplitRows } from '../replay/row-split.ts';
import {
  FIRST_ROWS,
  IN_FORCE,
  LAID_ROWS,
  firstRowsSql,
  laidRowsSql,
  spansSql,
} from '../replay/rows-in-force.ts';
import { entitiesSql } from '../replay/served-entities.ts';
import type { ServedFeature, ServedFiles } from '../replay/served-files.ts';
import { historyReading, servedReading } from './read-served.ts';
import { SparkReplay } from './spark-replay.ts';

/** A role whose rows are split. */
interface SplitWork extends KeyedRole {
  readonly bundles: readonly string[];
  readonly files: ServedFiles;
  /** What the archive has of its rows, in the order of s0, h0 ... */
  readonly columns: readonly ServedFeature[];
  readonly compared: readonly Feature[];
  /** DuckDB's SELECT of the rows. */
  readonly rows: string;
  readonly history: ServedHistory;
  readonly split: Omit<SplitRole, 'rows' | 'readings'>;
  plan(history: ServedHistory): Promise<HistoryPlan>;
}

const SERVER_COLUMNS = ['pod', 'bundle', 'service_version'];

export class SparkSplits {
  readonly #duck: DuckDb;
  readonly #logger: Logger;
  readonly #histories: HistoryPlace;
  /** One for all roles of the run. */
  readonly #spark: SparkSession;
  readonly #places: SparkPlace[] = [];

  constructor(
    duck: DuckDb,
    { settings, logger }: Pick<Project, 'settings' | 'logger'>,
    histories: HistoryPlace,
  ) {
    this.#duck = duck;
    this.#logger = logger;
    this.#histories = histories;
    this.#spark = new SparkSession(settings.spark, logger, 'monitor');
  }

  /**
   * @returns null: DuckDB has to split them
   * @throws  SPARK_START, SPARK_FAILED
   */
  async split(work: SplitWork): Promise<SplitRows | null> {
    try {
      return await this.#split(work);
    } catch (error) {
      this.#refuse(work.used.role, error);
      return null;
    }
  }

  /**
   * Has Spark find the rows that open rows of a role are replayed with.
   *
   * @param defined  by definition the view as that one has it
   * @returns        what joins them; null: DuckDB has to do both
   * @throws         SPARK_START, SPARK_FAILED
   */
  async replay(
    role: string,
    history: ServedHistory,
    defined: ReadonlyMap<number, DefinedView>,
    keys: readonly JoinColumns[],
  ): Promise<SparkReplay | null> {
    const job = new SparkJob();
    const histories = new Map<number, string>();
    try {
      const bySpark = history.by(historyReading(job, this.#duck, this.#histories));
      for (const [definition, one] of defined) histories.set(definition, (await bySpark.of(one))!);
    } catch (error) {
      this.#refuse(role, error);
      return null;
    }
    if (histories.size === 0) return null;
    const place = this.#openPlace();
    const parts = { duck: this.#duck, spark: this.#spark, place, label: `replaying ${role}` };
    const replay = new SparkReplay(parts);
    await replay.layHistory(job, histories, keys);
    return replay;
  }

  /** Tells that DuckDB does what Spark lacks. @throws any other error */
  #refuse(role: string, error: unknown): void {
    if (!(error instanceof CodedError) || error.code !== 'SPARK_LACKS') throw error;
    this.#logger.warn(`${role} is replayed by DuckDB: ${error.message}`);
  }

  #openPlace(): SparkPlace {
    const place = this.#spark.openPlace();
    this.#places.push(place);
    return place;
  }

  async #split(work: SplitWork): Promise<SplitRows | null> {
    const job = new SparkJob();
    const plan = await work.plan(work.history.by(historyReading(job, this.#duck, this.#histories)));
    if (plan.days.length === 0) return null;
    if (plan.readings.some(({ digests }) => digests.length > 0))
      throw sparkError('SPARK_LACKS', 'HMACs in the log are not compared in Spark yet');
    const place = this.#openPlace();
    await this.#plan(job, place, work, plan);
    const what = `replaying ${work.used.role}`;
    const labels = Object.fromEntries(job.steps.map((step) => [step, what]));
    await this.#spark.run({ job, labels });
    await this.#take(place, work);
    const readings = readAlike(plan.readings).map((own) => own[0]!);
    return { readings, open: await this.#openRows(place, work) };
  }

  /** Tells the job what to read, and what to make of it. */
  async #plan(job: SparkJob, place: SparkPlace, work: SplitWork, plan: HistoryPlan): Promise<void> {
    const { files, used, bundles, columns } = work;
    const outOf = async (table: string): Promise<string> => {
      const file = join(place.folder, `${table}.parquet`);
      await this.#duck.run(`COPY ${table} TO ${quoteTarget(file)} (FORMAT parquet)`);
      return job.read([file], null);
    };
    const ids = new Map<string, string>();
    for (const table of files.idTables) ids.set(table, await outOf(table));
    const { keys, withKeys } = roleKeys(work, bundles, SPARK);
    const served = files.by(servedReading(job, ids));
    const rows = withKeys(served.rowsOf(used.role, columns)!);
    const entities = `(${entitiesSql(withKeys(served.vectors), keys)})`;
    const days = plan.days.map((day) => ({ ...day, entities }));
    const role = { ...work.split, asked: await outOf(work.split.asked), rows, readings: plan.readings };
    const laid = days.map((day) =>
      laidRowsSql(SPARK, day, { spans: `(${spansSql(SPARK, day, null)})`, sinceUs: null }),
    );
    const server = Object.fromEntries(SERVER_COLUMNS.map((name) => [name, `s.${name}`]));
    const folder = (name: string): string => join(place.folder, name);
    const write = (name: string, sql: string): void => job.write(name, sql, folder(name));
    write(FIRST_ROWS, days.map((day) => firstRowsSql(SPARK, day)).join(' UNION ALL '));
    write(LAID_ROWS, `SELECT monotonically_increasing_id() AS n, l.* FROM (${laid.join(' UNION ALL ')}) l`);
    write(SPLIT, splitSql({ dialect: SPARK, server, laidRow: 'n' }, role));
    write(
      IN_FORCE,
      `SELECT l.*, c.vectors, c.tensors FROM ${LAID_ROWS} l JOIN (${agreedRowsSql(SPARK)}) c ON c.n = l.n`,
    );
    write(TRAFFIC, trafficSql(SERVER_COLUMNS));
    write(SPLIT_COUNTS, splitCountsSql());
    write(OPEN_ROWS, `SELECT r.* FROM (${rows}) r JOIN ${SPLIT} s ON s.vid = r.vid WHERE s.agrees = ${OPEN}`);
  }

  /** Makes the tables of what Spark wrote. */
  async #take(place: SparkPlace, { entity, compared }: SplitWork): Promise<void> {
    const from = (name: string): string => outputOf(place, name);
    const keys = entity.joinKeys.map(({ type }, i) => `k${i}::${duckKeyType(type)} AS k${i}`);
    const values = compared.map(({ type }, i) => `${readTimes(type, `v${i}`)} AS v${i}`);
    const inForce = [
      'n, definition::UINTEGER AS definition',
      ...keys,
      'event_us, created_us, next_us',
      ...values,
    ];
    const counts = ['vectors', 'tensors'].map((name) => `${name}::UINTEGER AS ${name}`);
    await this.#duck
      .run(`CREATE OR REPLACE TEMP VIEW ${SPLIT} AS SELECT * REPLACE (agrees::UTINYINT AS agrees) FROM ${from(SPLIT)};
      CREATE OR REPLACE TEMP TABLE ${IN_FORCE} AS SELECT ${[...inForce, ...counts].join(', ')} FROM ${from(IN_FORCE)};
      CREATE OR REPLACE TEMP TABLE ${TRAFFIC} AS SELECT *, ${SERVER} AS server FROM ${from(TRAFFIC)};
      CREATE OR REPLACE TEMP TABLE ${SPLIT_COUNTS} AS SELECT * FROM ${from(SPLIT_COUNTS)}`);
  }

  /** @returns a SELECT of the open rows, in the types that DuckDB gives them */
  async #openRows(place: SparkPlace, { rows }: SplitWork): Promise<string> {
    const columns = (await this.#duck.rows(`DESCRIBE ${rows}`)).map((column) => {
      const name = quoteName(column['column_name'] as string);
      return `CAST(${name} AS ${column['column_type'] as string}) AS ${name}`;
    });
    return `SELECT ${columns.join(', ')} FROM ${outputOf(place, OPEN_ROWS)}`;
  }

  /** Ends Spark, and removes what it wrote, once nothing asks for it. */
  async close(): Promise<void> {
    await this.#spark.close();
    for (const place of this.#places.splice(0)) place.close();
  }
}

/** @returns the FROM item of what Spark wrote under a name */
function outputOf({ folder }: SparkPlace, name: string): string {
  return `read_parquet(${quotePaths(sparkFiles(join(folder, name)))}, hive_partitioning = false)`;
}
