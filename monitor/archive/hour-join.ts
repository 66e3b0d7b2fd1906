/**
 * Joins the files of an hour that is over, which stand in `_open`, into one. A file that cannot be read is set aside
 * under a name that no reader takes, and counts as lost: the ingest goes on, and whoever judges the hour is told.
 */
import { damagedFiles } from '../../project/archive/damaged-files.ts';
import { DuckDb, EXACT_FLOATS } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import type { Elsewhere } from '../../project/settings/s3-settings.ts';
import type { Folder } from '../../project/storage/folder.ts';
import type { ArchiveDisk } from './archive-disk.ts';

interface HourJoinOptions {
  readonly served: Pick<Folder, 'path'>;
  readonly disk: ArchiveDisk;
  readonly elsewhere?: Elsewhere | undefined;
  readonly warn: (line: string) => void;
}

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

  private constructor(duck: DuckDb, { disk, warn }: HourJoinOptions) {
    this.#duck = duck;
    this.#disk = disk;
    this.#warn = warn;
  }

  static async open(options: HourJoinOptions): Promise<HourJoin> {
    const { served, elsewhere } = options;
    const duck = await DuckDb.open(elsewhere === undefined ? {} : { elsewhere });
    try {
      await openHistoryStorage(duck, served);
    } catch (error) {
      duck.close();
      throw error;
    }
    return new HourJoin(duck, options);
  }

  /** @param hour  `2026-11-21T10`, for warnings */
  async join(hour: string, files: readonly string[], to: string): Promise<Joined> {
    const areThere = await Promise.all(files.map((file) => this.#disk.has(file)));
    let paths = files.filter((_, i) => areThere[i]);
    for (const file of files)
      if (!paths.includes(file)) this.#warn(`${file} is gone: its vectors of the hour ${hour} are lost`);
    if (paths.length === 0) return { rows: null, lost: files };
    let rows: number | null = null;
    try {
      rows = await this.#write(paths, to);
    } catch (error) {
      const damaged = await damagedFiles(this.#duck, paths);
      // Then it is no fault of the files.
      if (damaged.size === 0) throw error;
      for (const [file, why] of damaged) await this.#setAside(hour, file, why);
      paths = paths.filter((file) => !damaged.has(file));
      if (paths.length > 0) rows = await this.#write(paths, to);
    }
    const lost = files.filter((file) => !paths.includes(file));
    return { rows, lost };
  }

  /** @returns how many rows it has written */
  async #write(paths: readonly string[], to: string): Promise<number> {
    const aside = this.#disk.writtenAt(to);
    const rows = `read_parquet(${quotePaths(paths)}, union_by_name = true, hive_partitioning = false)`;
    await this.#duck.run(
      `COPY (FROM ${rows}) TO ${quoteTarget(aside)} (FORMAT parquet, COMPRESSION zstd, ${EXACT_FLOATS})`,
    );
    const number = await this.#rowsOf(aside);
    await this.#disk.keep(to);
    return number;
  }

  async #rowsOf(file: string): Promise<number> {
    const [count] = await this.#duck.rows(
      `SELECT sum(num_rows)::INTEGER AS n FROM parquet_file_metadata(${quotePaths([file])})`,
    );
    return count!['n'] as number;
  }

  async #setAside(hour: string, file: string, why: string): Promise<void> {
    const aside = file.replace(/[^/]+$/, (name) => `${DAMAGED}${name}`);
    await this.#disk.move(file, aside);
    this.#warn(`${aside} is damaged: its vectors of the hour ${hour} are lost (${why})`);
  }

  close(): void {
    this.#duck.close();
  }
}
