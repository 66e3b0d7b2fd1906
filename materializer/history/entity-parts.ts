/**
 * What a large computation reads, laid aside by entity: each source is read once, whatever the number of buckets, and
 * each bucket then reads its own part. Without it a run over many buckets reads its source once for each of them.
 *
 *   {folder}/{what}/part=<bucket>/*.parquet
 *
 * A view that is computed in one bucket reads its source where it lies. The folder belongs to the run and goes with it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteFilesIn, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { bucketSql } from '../aggregate/aggregate-sql.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

export class EntityParts {
  readonly #duck: DuckDb;
  readonly #plan: AggregatePlan;
  readonly #folder: string;
  readonly #count: number;
  readonly #sources = new Map<string, string>();

  constructor(duck: DuckDb, plan: AggregatePlan, folder: string, count: number) {
    this.#duck = duck;
    this.#plan = plan;
    this.#folder = folder;
    this.#count = count;
  }

  /** @param sql  a SELECT with the keys of the plan */
  async lay(what: string, sql: string): Promise<void> {
    this.#sources.set(what, sql);
    if (this.#count === 1) return;
    const folder = join(this.#folder, what);
    makeFolder(folder);
    const part = bucketSql(this.#plan, 'r', this.#count);
    await this.#duck.run(
      `COPY (SELECT r.*, ${part} AS part FROM (${sql}) r) TO ${quoteTarget(folder)}
       (FORMAT parquet, COMPRESSION snappy, PARTITION_BY (part), OVERWRITE_OR_IGNORE)`,
    );
  }

  /** @returns a SELECT of one bucket's share of what was laid aside under that name */
  select(what: string, index: number): string {
    const sql = this.#sources.get(what)!;
    if (this.#count === 1) return sql;
    const folder = join(this.#folder, what, `part=${index}`);
    if (!existsSync(folder)) return `SELECT * FROM (${sql}) WHERE false`;
    return `SELECT * FROM read_parquet(${quoteFilesIn(folder, '*.parquet')}, hive_partitioning = false)`;
  }
}
