/**
 * A folder of the archive with a service's vectors of one version, `churn/v3.0`: its files have the same columns, and
 * are read by the names of these.
 */
import { serviceFolder } from '../../project/archive/archive-layout.ts';
import type { ArchivedFile } from '../../project/archive/archive-files.ts';
import { damagedFiles } from '../../project/archive/damaged-files.ts';
import { duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { trainingError } from '../errors.ts';

/** With so many bits the place of a vector in its file is told. */
const ROW_BITS = 32;

/** SQL of the number of the file, of all that are read, that a vector stands in. */
export const FILE_OF_VID = `vid >> ${ROW_BITS}`;

export class ServedFolder {
  /** Of the service, as the folder says. */
  readonly version: number;
  readonly #files: readonly ArchivedFile[];
  /** Types by the columns' names, as DuckDB reads them. */
  readonly #columns: ReadonlyMap<string, string>;
  /** How many files of other folders come before these. */
  readonly #before: number;

  private constructor(
    version: number,
    files: readonly ArchivedFile[],
    columns: ReadonlyMap<string, string>,
    before: number,
  ) {
    this.version = version;
    this.#files = files;
    this.#columns = columns;
    this.#before = before;
  }

  /**
   * @param within  which hours are asked for, as `2026-11-21T10`
   * @returns       the service's folders that have a file of these hours
   * @throws        TRAIN_LOG when a file is damaged
   */
  static async ofService(
    duck: DuckDb,
    archived: readonly ArchivedFile[],
    service: string,
    within: (hour: string) => boolean,
  ): Promise<ServedFolder[]> {
    const name = serviceFolder(service, 0).replace(/0$/, '');
    const own = archived.filter(({ folder, hour }) => folder.startsWith(name) && within(hour));
    const folders: ServedFolder[] = [];
    let before = 0;
    for (const [folder, files] of Map.groupBy(own, (one) => one.folder)) {
      const rows = await readingFiles(duck, files, () =>
        duck.rows(`DESCRIBE SELECT * FROM ${readSql(files)}`),
      );
      const columns = new Map(
        rows.map((row) => [row['column_name'] as string, row['column_type'] as string]),
      );
      const version = Number(/\/v(\d+)\.\d+$/.exec(folder)![1]);
      folders.push(new ServedFolder(version, files, columns, before));
      before += files.length;
    }
    return folders;
  }

  /** Of the views' rows that it has. */
  get roles(): string[] {
    const start = viewColumn('');
    return [...this.#columns.keys()].flatMap((name) =>
      name.startsWith(start) ? [name.slice(start.length)] : [],
    );
  }

  has(column: string): boolean {
    return this.#columns.has(column);
  }

  /** Whether it has a column of that type. */
  hasOfType(column: string, type: ValueType): boolean {
    // Names of fields, which have no quotes in them, stand in some when DuckDB likes it.
    return this.#columns.get(column)?.replaceAll('"', '') === duckTypeOf(type).replaceAll('"', '');
  }

  /** @returns a SELECT of columns of all its vectors, with `vid`, which names one among those of all folders */
  select(columns: readonly string[]): string {
    const vid = `((file_index + ${this.#before})::BIGINT << ${ROW_BITS}) + file_row_number AS vid`;
    return `SELECT ${[vid, ...columns].join(', ')} FROM ${readSql(this.#files)}`;
  }

  /**
   * The same of some of its files alone.
   *
   * @param numbers  of files, as FILE_OF_VID tells them
   * @returns        null: none of them is of this folder
   */
  selectFrom(numbers: readonly number[], columns: readonly string[]): string | null {
    const own = numbers.filter((n) => n >= this.#before && n < this.#before + this.#files.length);
    if (own.length === 0) return null;
    const files = own.map((n) => this.#files[n - this.#before]!);
    const vid = `((([${own.join(', ')}]::BIGINT[])[file_index::BIGINT + 1]) << ${ROW_BITS}) + file_row_number AS vid`;
    return `SELECT ${[vid, ...columns].join(', ')} FROM ${readSql(files)}`;
  }

  /** Reads its files; where that fails the damaged one is named. @throws TRAIN_LOG */
  async reading<Result>(duck: DuckDb, read: () => Promise<Result>): Promise<Result> {
    return await readingFiles(duck, this.#files, read);
  }
}

async function readingFiles<Result>(
  duck: DuckDb,
  files: readonly ArchivedFile[],
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const found = await damagedFiles(
      duck,
      files.map(({ file }) => file),
    );
    const first = files.find(({ file }) => found.has(file));
    throw first === undefined ? error : damaged(first, found.get(first.file)!, error);
  }
}

/** What was read may be a link, which is gone when the training ends: the file's own path is told. */
function damaged({ file, path }: ArchivedFile, why: string, cause: unknown): Error {
  return trainingError(
    'TRAIN_LOG',
    `${path} of the archive cannot be read: ${why.replaceAll(file, path)}`,
    {
      file: path,
      help: 'Put the file back from a copy. Without one move it out of the archive, and give --allow-gaps to go without it.',
    },
    cause,
  );
}

function readSql(files: readonly ArchivedFile[]): string {
  const paths = files.map(({ file }) => file);
  return `read_parquet(${quotePaths(paths)}, union_by_name = true, hive_partitioning = false)`;
}

/** @returns SQL of a field of how a view's row was served */
export function servedField(role: string, field: string): string {
  return `${quoteName(viewColumn(role))}.${field}`;
}

export function viewColumn(role: string): string {
  return `_view__${role}`;
}

/** Whether an on-demand view was computed: PRESENT or UNAVAILABLE. */
export function computedStatusColumn(role: string): string {
  return `_status__${role}`;
}

/** The bytes of what on-demand views gave, where these cannot be read. */
export const UNDECODED_OUTPUTS = '_undecoded__outputs';
