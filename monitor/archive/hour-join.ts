/**
 * Joins the files of an hour that is over, which stand in `_open`, into one. A file that cannot be read is set aside
 * under a name that no reader takes, and counts as lost: the ingest goes on, and whoever judges the hour is told.
 */
import { existsSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { damagedFiles } from '../../project/archive/damaged-files.ts';
import { DuckDb, EXACT_FLOATS } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import type { ArchiveDisk } from './archive-disk.ts';

/** Names that begin so are no data, as all that begin with `_`. */
const DAMAGED = '_damaged-';

interface Joined {
  /** How many rows the file has that was written; null: none was, since there is nothing to join. */
  readonly rows: number | null;
  /** Paths of files that are gone or damaged. */
  readonly lost: readonly string[];
}

export class HourJoin {
  readonly #duck: DuckDb;
  readonly #disk: ArchiveDisk;
  readonly #warn: (line: string) => void;

  private constructor(duck: DuckDb, { disk, warn }: Parameters<typeof HourJoin.open>[0]) {
    this.#duck = duck;
    this.#disk = disk;
    this.#warn = warn;
  }

  static async open(options: {
    readonly disk: ArchiveDisk;
    readonly warn: (line: string) => void;
  }): Promise<HourJoin> {
    return new HourJoin(await DuckDb.open(), options);
  }

  /** @param hour  `2026-11-21T10`, for warnings */
  async join(hour: string, files: readonly string[], to: string): Promise<Joined> {
    let paths = files.filter((file) => existsSync(file));
    for (const file of files)
      if (!paths.includes(file)) this.#warn(`${file} is gone: its vectors of the hour ${hour} are lost`);
    if (paths.length === 0) return { rows: null, lost: files };
    try {
      await this.#write(paths, to);
    } catch (error) {
      const damaged = await damagedFiles(this.#duck, paths);
      // Then it is no fault of the files.
      if (damaged.size === 0) throw error;
      for (const [file, why] of damaged) this.#setAside(hour, file, why);
      paths = paths.filter((file) => !damaged.has(file));
      if (paths.length > 0) await this.#write(paths, to);
    }
    const lost = files.filter((file) => !paths.includes(file));
    return { rows: paths.length === 0 ? null : await this.#rowsOf(to), lost };
  }

  async #write(paths: readonly string[], to: string): Promise<void> {
    const rows = `read_parquet(${quotePaths(paths)}, union_by_name = true, hive_partitioning = false)`;
    await this.#duck.run(
      `COPY (FROM ${rows}) TO ${quoteTarget(to)} (FORMAT parquet, COMPRESSION zstd, ${EXACT_FLOATS})`,
    );
    this.#disk.keep(to);
  }

  async #rowsOf(file: string): Promise<number> {
    const [count] = await this.#duck.rows(
      `SELECT sum(num_rows)::INTEGER AS n FROM parquet_file_metadata(${quotePaths([file])})`,
    );
    return count!['n'] as number;
  }

  #setAside(hour: string, file: string, why: string): void {
    const aside = join(dirname(file), `${DAMAGED}${basename(file)}`);
    renameSync(file, aside);
    this.#warn(`${aside} is damaged: its vectors of the hour ${hour} are lost (${why})`);
  }

  close(): void {
    this.#duck.close();
  }
}
