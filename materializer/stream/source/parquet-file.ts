/**
 * A file of Parquet as messages of a stream: a row is a message, whose values are read by the file's own types and fit
 * their fields without loss, or the row is bad (project/engine/duckdb/sources/exact-cast.ts). A field that the file
 * lacks is null. Nothing is decoded.
 */
import { statSync } from 'node:fs';
import type { StreamField } from '../../../contract/stream-source.ts';
import { CodedError } from '../../../contract/std/coded-error.ts';
import { DuckDb, valueFromDuck } from '../../../project/engine/duckdb/duckdb.ts';
import { misfitsOf, readColumn, reasonSql } from '../../../project/engine/duckdb/sources/column-reading.ts';
import { groupSql, groupsOf } from '../../../project/engine/duckdb/sources/source-files.ts';
import { materializerError } from '../../errors.ts';
import type { FolderFile } from './folder-file.ts';
import type { StreamRow } from './stream-reader.ts';

/** What a file's rows take, beside what DuckDB holds of one row group. */
const MEMORY = '256MB';

/** Reads files one after the other: rows come while nothing else asks this DuckDB. */
export class ParquetRows {
  readonly #fields: readonly StreamField[];
  #duck: DuckDb | null = null;

  constructor(fields: readonly StreamField[]) {
    this.#fields = fields;
  }

  /** @throws MAT_STREAM_SOURCE when the file is no readable Parquet */
  async open(file: string): Promise<FolderFile<StreamRow>> {
    const duck = (this.#duck ??= await openDuck());
    try {
      const [group] = await groupsOf(duck, [file], false);
      const wanted = this.#fields.map(({ name, type }) => ({ name, column: name, type }));
      const columns = wanted.map((one, i) => `${readColumn(group!, one).sql} AS c${i}`);
      const reason = reasonSql(wanted.flatMap((one) => misfitsOf(group!, one)));
      const sql = `SELECT ${[...columns, `${reason} AS reason`].join(', ')} FROM ${groupSql(group!)}`;
      return new ParquetFile(duck, this.#fields, { file, sql });
    } catch (error) {
      throw unreadable(file, error);
    }
  }

  close(): void {
    this.#duck?.close();
    this.#duck = null;
  }
}

async function openDuck(): Promise<DuckDb> {
  const duck = await DuckDb.open({ threads: 1, memoryLimit: MEMORY });
  await duck.run('SET preserve_insertion_order = true');
  return duck;
}

class ParquetFile implements FolderFile<StreamRow> {
  readonly modifiedUs: number;
  readonly #fields: readonly StreamField[];
  readonly #duck: DuckDb;
  readonly #of: { readonly file: string; readonly sql: string };
  #from = 0;
  #chunks: ReturnType<DuckDb['columnChunks']> | null = null;

  constructor(
    duck: DuckDb,
    fields: readonly StreamField[],
    of: { readonly file: string; readonly sql: string },
  ) {
    this.#duck = duck;
    this.#fields = fields;
    this.#of = of;
    this.modifiedUs = Math.floor(statSync(of.file).mtimeMs * 1_000);
  }

  /** To be called before `read`. */
  async skip(rows: number): Promise<void> {
    this.#from = rows;
  }

  async read(): Promise<StreamRow[] | null> {
    const { file, sql } = this.#of;
    this.#chunks ??= this.#duck.columnChunks(`${sql} WHERE file_row_number >= ${this.#from}`);
    const { value: columns, done } = await this.#chunks.next().catch((error: unknown) => {
      throw unreadable(file, error);
    });
    if (done === true) return null;
    const reasons = columns[this.#fields.length]!;
    return reasons.map((reason, row) =>
      reason === null
        ? this.#fields.map(({ type }, i) => valueFromDuck(type, columns[i]![row]!))
        : (reason as string),
    );
  }

  async close(): Promise<void> {
    await this.#chunks?.return(undefined);
  }
}

function unreadable(file: string, error: unknown): Error {
  if (error instanceof CodedError && error.code === 'REG_MEMORY') return error;
  const sentence = (error as Error).message.split('\n', 1)[0]!;
  return materializerError(
    'MAT_STREAM_SOURCE',
    `${file} cannot be read as Parquet: ${sentence}`,
    {
      file,
      help: 'Write files aside, under names that begin with . or _, and rename them when they are whole. Take this one out of the folder.',
    },
    error,
  );
}
