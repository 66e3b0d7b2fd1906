/**
 * Appends a run's rows to a view's history, so that no reader ever sees half a file.
 *
 *   history/_staged/{view}/v{version}/{run}/rows-{bucket}.parquet   computed, waiting for their created time
 *                                     {run}/days/day=<day>/...      written, waiting to be moved
 *   history/{view}/v{version}/day=<day>/{run}.parquet               in the history
 *
 * All on one volume, where a rename is atomic, and outside of the view's folder, where no reader looks. What a
 * crashed run left there is removed when the next run of the view starts. One run of a view at a time.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { quoteName, quoteText } from '../registry/duckdb.ts';
import type { DuckDb } from '../registry/duckdb.ts';
import { folderBeside, historyFile, historyFolder } from '../registry/history.ts';
import { syncFolder } from '../registry/std/durable-file.ts';
import type { AggregatePlan } from './aggregate/aggregate-plan.ts';

export class StagedRows {
  readonly #duck: DuckDb;
  readonly #plan: AggregatePlan;
  readonly #root: string;
  readonly #runId: string;
  readonly #folder: string;
  #buckets = 0;

  /** Removes what earlier runs of the view left behind. */
  constructor(duck: DuckDb, plan: AggregatePlan, root: string, runId: string) {
    this.#duck = duck;
    this.#plan = plan;
    this.#root = root;
    this.#runId = runId;
    const staged = folderBeside(root, '_staged', plan.view);
    this.#folder = join(staged, runId);
    rmSync(staged, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
    mkdirSync(historyFolder(root, plan.view), { recursive: true });
  }

  /** Computes one share of the rows; `sql` is from `aggregateSql`. */
  async add(sql: string): Promise<void> {
    const file = join(this.#folder, `rows-${this.#buckets}.parquet`);
    await this.#duck.run(`COPY (${sql}) TO ${quoteText(file)} (FORMAT parquet)`);
    this.#buckets += 1;
  }

  /** @returns how many rows are staged, and the newest created time among the rows that they correct */
  async summary(): Promise<{ rows: number; replacedUs: number | null }> {
    const [row] = await this.#duck.rows(
      `SELECT count(*) AS n, max(replaced_us) AS replaced FROM ${this.#staged()}`,
    );
    const replaced = row!['replaced'] as bigint | null;
    return { rows: Number(row!['n']), replacedUs: replaced === null ? null : Number(replaced) };
  }

  /**
   * Moves the staged rows into the history, day by day, each file whole and on disk.
   * @returns the files, sorted
   */
  async publish(createdUs: number): Promise<string[]> {
    const { hopUs, view, entity, keys, features } = this.#plan;
    const days = join(this.#folder, 'days');
    mkdirSync(days);
    const columns = [
      ...entity.joinKeys.map((key, i) => `${keys[i]!} AS ${quoteName(key.name)}`),
      `make_timestamp(e * ${hopUs}) AS event_time`,
      `make_timestamp(${createdUs}) AS created_time`,
      `${quoteText(this.#runId)} AS run_id`,
      `${view.definitionId}::UINTEGER AS definition_id`,
      ...features.map((f) => `${f.name} AS ${quoteName(f.feature.name)}`),
    ];
    // The partition's column gets a name that no feature can have: it may hold a space, theirs may not.
    const day = quoteName('event day');
    await this.#duck
      .run(`COPY (SELECT ${columns.join(', ')}, strftime(make_timestamp(e * ${hopUs}), '%Y-%m-%d') AS ${day}
      FROM ${this.#staged()} ORDER BY e, ${this.#plan.keyList}) TO ${quoteText(days)}
      (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (${day}), OVERWRITE_OR_IGNORE)`);
    const files = readdirSync(days).flatMap((name) => this.#moveDay(join(days, name), name.slice(-10)));
    syncFolder(historyFolder(this.#root, view));
    this.discard();
    return files.toSorted();
  }

  #moveDay(from: string, day: string): string[] {
    const moved = readdirSync(from).map((name, i) => {
      // DuckDB may split a very large day; the first part has the run's plain name.
      const to = historyFile(this.#root, this.#plan.view, day, i === 0 ? this.#runId : `${this.#runId}-${i}`);
      mkdirSync(join(to, '..'), { recursive: true });
      syncFile(join(from, name));
      renameSync(join(from, name), to);
      return to;
    });
    for (const file of moved.slice(0, 1)) syncFolder(join(file, '..'));
    return moved;
  }

  #staged(): string {
    return `read_parquet(${quoteText(join(this.#folder, 'rows-*.parquet'))})`;
  }

  discard(): void {
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true });
  }
}

function syncFile(file: string): void {
  const fd = openSync(file, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
