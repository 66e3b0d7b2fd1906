/**
 * A job for Spark as runner.py reads it: Parquet files under names, and SQL whose rows become folders of Parquet.
 *
 * Sessions are set so that SQL means the same as in DuckDB wherever it can: ANSI (an overflow is an error, not another
 * number), UTC, names in double quotes, times in microseconds. Texts are written by `sparkText` alone.
 */
import { resolve } from 'node:path';
import { isObject } from '../../../contract/std/files/local-path.ts';
import { sparkError } from './errors.ts';

interface SparkTable {
  readonly name: string;
  readonly files: readonly string[];
  /** DDL of the columns to read, of which a file may lack some; null: those of the files, all of one schema. */
  readonly schema: string | null;
  readonly places: boolean;
  /** Whether the columns are those of all files, of which one may lack some: their footers are read before. */
  readonly united: boolean;
}

/** The columns of `readPlaces`: the file of a row, as a URL, and its place in the file, from 0. */
export const FILE_URL = '~file';
export const ROW_INDEX = '~index';

interface SparkOutput {
  /** Under which later SQL can read it; also what progress is told by. */
  readonly name: string;
  readonly sql: string;
  /** Absolute; made anew. */
  readonly folder: string;
}

const SESSION: Readonly<Record<string, string>> = {
  'spark.sql.session.timeZone': 'UTC',
  'spark.sql.ansi.enabled': 'true',
  'spark.sql.ansi.doubleQuotedIdentifiers': 'true',
  'spark.sql.parquet.outputTimestampType': 'TIMESTAMP_MICROS',
  'spark.sql.parquet.datetimeRebaseModeInRead': 'CORRECTED',
  'spark.sql.parquet.int96RebaseModeInRead': 'CORRECTED',
  'spark.sql.parquet.datetimeRebaseModeInWrite': 'CORRECTED',
  // Spark has no times of nanoseconds: they come as whole numbers.
  'spark.sql.legacy.parquet.nanosAsLong': 'true',
  // A map that has a key twice is read as DuckDB reads it, not refused.
  'spark.sql.mapKeyDedupPolicy': 'LAST_WIN',
  'spark.ui.enabled': 'false',
  'spark.ui.showConsoleProgress': 'false',
};

export class SparkJob {
  readonly #tables: SparkTable[] = [];
  readonly #outputs: SparkOutput[] = [];

  /**
   * @param files   on this machine, absolute
   * @param schema  DDL, or null where all files have one schema
   * @returns       the name under which SQL reads them
   * @throws        SPARK_LACKS for files in object storage
   */
  read(files: readonly string[], schema: string | null): string {
    return this.#add({ files, schema, places: false, united: false });
  }

  /** As `read`, of files of one schema, with FILE_URL and ROW_INDEX. */
  readPlaces(files: readonly string[]): string {
    return this.#add({ files, schema: null, places: true, united: false });
  }

  /** As `readPlaces`, of files of which one may lack columns of another. */
  readUnited(files: readonly string[]): string {
    return this.#add({ files, schema: null, places: true, united: true });
  }

  #add(table: Omit<SparkTable, 'name'>): string {
    const name = `read_${this.#tables.length}`;
    this.#tables.push({ ...table, name, files: table.files.map(sparkPath) });
    return name;
  }

  /** @param folder  made anew; its files are whole when the job has ended well */
  write(name: string, sql: string, folder: string): void {
    this.#outputs.push({ name, sql, folder: resolve(folder) });
  }

  get steps(): readonly string[] {
    return this.#outputs.map(({ name }) => name);
  }

  toJson(): string {
    return JSON.stringify({ session: SESSION, tables: this.#tables, outputs: this.#outputs });
  }
}

/** Spark takes a path for a pattern. */
function sparkPath(file: string): string {
  if (isObject(file))
    throw sparkError('SPARK_LACKS', `${file} lies in object storage, which Spark is not given yet`);
  return resolve(file).replaceAll(/[\\*?[\]{}]/g, '\\$&');
}
