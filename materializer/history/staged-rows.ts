/**
 * A run's rows on their way into a view's history: computed aside, then written as files of whole days.
 *
 *   {run}/rows/span=<n>/...                             computed, waiting for their created time (run-folders.ts has
 *                                                       {run})
 *   {run}/days/day=<day>/...                            written, waiting to be brought to their places
 *   history/{view}/v{version}/day=<day>/{run}.parquet   in its place; nobody reads it until it is committed
 *
 * Where the history lies on this machine, all is on one volume, on which a rename is atomic. What a crashed run left
 * aside is removed when the next run of the view starts; files in their place that no entry names are removed after a
 * day (clean-history.ts).
 *
 * Rows are computed entity by entity and published day by day. Between them they lie in spans of days, each small
 * enough to be sorted in memory, so that a history of any length is published in the memory of one span. The order of
 * rows within a file means nothing.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { BroughtFile, Folder } from '../../project/storage/folder.ts';
import { quoteFilesIn, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { fileValueSql, historyFormatSql } from '../../project/engine/duckdb/committed-rows.ts';
import { fileFacts } from '../../project/engine/duckdb/file-facts.ts';
import type { NewFile } from '../../project/history/history-entry.ts';
import { logFolder } from '../../project/delta/delta-log.ts';
import { dayFile, historyFolder } from '../../project/history/history-folder.ts';
import { DAY_US } from '../../contract/std/timestamp.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import type { LostValues } from '../run/left-out.ts';
import { clearStaged } from '../run/run-folders.ts';
import type { HistoryRun } from './computation.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

/** Rows of this many days are written in any order: a sort costs more than to write so many files at once. */
const UNSORTED_DAYS = 32;

/** What rows are made of. They are known by their edge; of a view without, by microsecond, as if that were a hop. */
export type RowPlan = Pick<AggregatePlan, 'view' | 'entity' | 'hopUs' | 'keys' | 'keyList'> & {
  readonly features: readonly Pick<AggregatePlan['features'][number], 'feature' | 'name'>[];
};

/** A run whose rows are staged. */
type StagingRun = Pick<HistoryRun, 'duck' | 'progress' | 'runId' | 'staging'> & {
  readonly settings: Pick<HistoryRun['settings'], 'history'>;
};

interface StagedSummary {
  readonly rows: number;
  /** The newest created time among the rows that the staged ones correct. */
  readonly replacedUs: number | null;
  readonly lost: readonly LostValues[];
}

export class StagedRows {
  readonly #plan: RowPlan;
  readonly #duck: DuckDb;
  readonly #progress: HistoryRun['progress'];
  readonly #root: Folder;
  readonly #runId: string;
  readonly #folder: string;
  #buckets = 0;
  #spanDays = 1;

  constructor(plan: RowPlan, run: StagingRun) {
    this.#plan = plan;
    this.#duck = run.duck;
    this.#progress = run.progress;
    this.#root = run.settings.history;
    this.#runId = run.runId;
    this.#folder = clearStaged(run.staging, plan.view, run.runId);
  }

  /** The folder of the run. */
  get folder(): string {
    return this.#folder;
  }

  /** How many event days are published at a time; said before the first row is added. */
  span(days: number): void {
    this.#spanDays = Math.max(1, Math.floor(days));
  }

  /** Computes one share of the rows; `sql` gives (keys, e, gone, features, lost, replaced_us). */
  async add(sql: string): Promise<void> {
    const rows = join(this.#folder, 'rows');
    makeFolder(rows);
    const span = `e * ${this.#plan.hopUs} // ${this.#spanDays * DAY_US}`;
    await this.#duck
      .run(`COPY (SELECT *, ${span} AS span FROM (${sql})) TO ${quoteTarget(rows)} (${historyFormatSql(this.#plan.view)},
      PARTITION_BY (span), FILENAME_PATTERN 'bucket-${this.#buckets}-{i}', OVERWRITE_OR_IGNORE)`);
    this.#buckets += 1;
  }

  async summary(): Promise<StagedSummary> {
    if (this.#spans().length === 0) return { rows: 0, replacedUs: null, lost: [] };
    const from = staged(join(this.#folder, 'rows'), '*/*.parquet');
    const [row] = await this.#duck.rows(
      `SELECT count(*) AS n, count(lost) AS lost, max(replaced_us) AS replaced FROM ${from}`,
    );
    const replaced = row!['replaced'] as bigint | null;
    const replacedUs = replaced === null ? null : Number(replaced);
    const lost = row!['lost'] === 0n ? [] : await this.#lost(from);
    return { rows: Number(row!['n']), replacedUs, lost };
  }

  /** @returns of how many entities rows are staged */
  async entities(): Promise<number> {
    if (this.#spans().length === 0) return 0;
    const from = staged(join(this.#folder, 'rows'), '*/*.parquet');
    const [row] = await this.#duck.rows(
      `SELECT count(*) AS n FROM (SELECT DISTINCT ${this.#plan.keyList} FROM ${from})`,
    );
    return Number(row!['n']);
  }

  /** @returns how many of the rows say that an entity has none */
  async tombstones(): Promise<number> {
    if (this.#spans().length === 0) return 0;
    const from = staged(join(this.#folder, 'rows'), '*/*.parquet');
    const [row] = await this.#duck.rows(`SELECT count(*) AS n FROM ${from} WHERE gone`);
    return Number(row!['n']);
  }

  async #lost(from: string): Promise<LostValues[]> {
    const { keys, entity } = this.#plan;
    const named = keys.map((key, i) => `${quoteText(`${entity.joinKeys[i]!.name}=`)} || ${key}`);
    const rows = await this.#duck.rows(
      `SELECT name, count(*) AS n, min(entity) AS entity FROM (SELECT unnest(string_split(lost, ',')) AS name,
         concat_ws(' ', ${named.join(', ')}) AS entity FROM ${from} WHERE lost IS NOT NULL)
       GROUP BY name ORDER BY name`,
    );
    return rows.map((row) => ({
      feature: row['name'] as string,
      edges: Number(row['n']),
      entity: row['entity'] as string,
    }));
  }

  /** The folders of rows, oldest days first. */
  #spans(): string[] {
    const rows = join(this.#folder, 'rows');
    if (!existsSync(rows)) return [];
    const number = (name: string): number => Number(name.slice('span='.length));
    const names = readdirSync(rows).toSorted((a, b) => number(a) - number(b));
    return names.map((name) => join(rows, name));
  }

  /**
   * Writes the staged rows into the history's folder, day by day, each file whole and on disk.
   * @returns the files, sorted
   */
  async publish(createdUs: number): Promise<NewFile[]> {
    const { hopUs, view, entity, keys, features } = this.#plan;
    const days = join(this.#folder, 'days');
    mkdirSync(days);
    const columns = [
      ...entity.joinKeys.map((key, i) => `${keys[i]!} AS ${quoteName(key.name)}`),
      `make_timestamptz(e * ${hopUs}) AS event_time`,
      `make_timestamptz(${createdUs}) AS created_time`,
      `${quoteText(this.#runId)} AS run_id`,
      `${view.definitionId}::BIGINT AS definition_id`,
      'gone AS deleted',
      ...features.map((f) => `${fileValueSql(f.feature.type, f.name)} AS ${quoteName(f.feature.name)}`),
    ];
    // The partition's column gets a name that no feature can have: it may hold a space, theirs may not.
    const day = quoteName('event day');
    const spans = this.#spans();
    const order = this.#spanDays > UNSORTED_DAYS ? `ORDER BY e, ${this.#plan.keyList}` : '';
    for (const [i, span] of spans.entries()) {
      this.#progress.step('writing the history', i, spans.length, 'spans of days');
      await this.#duck
        .run(`COPY (SELECT ${columns.join(', ')}, strftime(make_timestamp(e * ${hopUs}), '%Y-%m-%d') AS ${day}
        FROM ${staged(span, '*.parquet')} ${order}) TO ${quoteTarget(days)}
        (${historyFormatSql(view)}, COMPRESSION zstd, PARTITION_BY (${day}), OVERWRITE_OR_IGNORE)`);
      rmSync(span, { recursive: true });
    }
    this.#progress.step('writing the history', spans.length, spans.length, 'spans of days');
    // Data files without this folder are those of a history whose log was lost.
    const folder = historyFolder(this.#root, view);
    await logFolder(folder).make();
    const facts = await fileFacts(this.#duck, days, '*/*.parquet');
    const files = readdirSync(days).flatMap((name) => this.#filesOf(join(days, name)));
    await folder.bring(files);
    this.discard();
    const written = files.map(({ from, to }): NewFile => ({ path: to, ...facts.get(from)! }));
    return written.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** @param day  a folder of what is written */
  #filesOf(day: string): BroughtFile[] {
    return readdirSync(day).map((name, i) => {
      // DuckDB may split a very large day; the first part has the run's plain name.
      const to = dayFile(this.#plan.view, day.slice(-10), i === 0 ? this.#runId : `${this.#runId}-${i}`);
      return { from: join(day, name), to };
    });
  }

  discard(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function staged(folder: string, pattern: string): string {
  return `read_parquet(${quoteFilesIn(folder, pattern)}, hive_partitioning = false)`;
}
