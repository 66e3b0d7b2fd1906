/**
 * The one way to open DuckDB, so that every program runs the same SQL under the same session: UTC, NULLs spelled
 * out by each query, a memory limit. Also how values pass between DuckDB and the model.
 *
 * Only this file imports the client. Times leave queries as `epoch_us(...)`, never as Dates, which lose microseconds.
 */
import { createRequire } from 'node:module';
import type * as Client from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import type { Elsewhere, S3Settings } from '../../settings/s3-settings.ts';
import { outOfMemory, outOfSpace } from './out-of-room.ts';
import { CHUNK_ROWS, copyDoubles, listOf, listValuesOf } from './column.ts';
import { loadBindings, writeColumn, writeColumns } from './column.ts';
import type { Column } from './column.ts';
import { isScratch, placeOf } from './scratch-place.ts';
import { ValuePage } from './value-page.ts';

const require = createRequire(import.meta.url);
let loaded: typeof Client | undefined;

/** The client, loaded at its first use: its 180 files would be a sixth of the start of a command that needs none. */
function duckdb(): typeof Client {
  if (loaded === undefined) {
    loaded = require('@duckdb/node-api') as typeof Client;
    loadBindings();
    const textDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
    // Its own decoder drops a U+FEFF with which a text begins.
    Object.assign(require('@duckdb/node-api/lib/vectors/dataAccessors.js') as object, { textDecoder });
  }
  return loaded;
}

export type SqlRow = Readonly<Record<string, DuckDBValue>>;
/** The columns of a result, all as long. */
export type SqlColumns = Readonly<Record<string, readonly DuckDBValue[]>>;

interface DuckDbOptions {
  /** A database file for what is needed until the close; without one it is in memory. */
  readonly file?: string;
  readonly threads?: number;
  /** DuckDB's text, e.g. `2GB`. */
  readonly memoryLimit?: string;
  /** The setting that holds it, for messages. */
  readonly memorySetting?: string;
  /** The setting of the folder in which the file and what is spilled lie, for messages. */
  readonly scratchSetting?: string;
  /** The folder for what does not fit in memory; made when needed, removed when closed. */
  readonly tempFolder?: string;
  /** What is needed to read what lies elsewhere; without it DuckDB's own folder, and no object storage. */
  readonly elsewhere?: Elsewhere;
}

const FULL_DISK = /file "([^"]+)": No space left on device/;

export class DuckDb {
  readonly #instance: Client.DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #options: DuckDbOptions;

  private constructor(instance: Client.DuckDBInstance, connection: DuckDBConnection, options: DuckDbOptions) {
    this.#instance = instance;
    this.#connection = connection;
    this.#options = options;
  }

  static async open(options: DuckDbOptions = {}): Promise<DuckDb> {
    const config: Record<string, string> = {
      memory_limit: options.memoryLimit ?? '2GB',
      // It keeps what was read of files in memory, up to the limit; the kernel does that too.
      enable_external_file_cache: 'false',
      // Nothing is fetched and run in silence.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    };
    const { extensions = null } = options.elsewhere ?? {};
    if (extensions !== null) config['extension_directory'] = extensions;
    if (options.threads !== undefined) config['threads'] = String(options.threads);
    const { file, tempFolder } = placeOf(options);
    if (tempFolder !== undefined) config['temp_directory'] = tempFolder;
    const instance = await duckdb().DuckDBInstance.create(file ?? ':memory:', config);
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'; SET preserve_insertion_order = false");
    return new DuckDb(instance, connection, options);
  }

  /** null: nobody said how object storage is reached. */
  get s3(): S3Settings | null {
    return this.#options.elsewhere?.s3 ?? null;
  }

  /** DuckDB's messages quote our statement, which users have not written: only the first sentence is shown to them. */
  readonly #rethrow = (error: unknown): never => {
    const { message } = error as Error;
    const memory = /^Out of Memory Error: ([^\n]*)/.exec(message)?.[1];
    if (memory !== undefined) throw outOfMemory(memory, this.#options.memorySetting, error);
    const full = FULL_DISK.exec(message)?.[1];
    if (full !== undefined && isScratch(full, this.#options))
      throw outOfSpace(full, this.#options.scratchSetting, error);
    const sentence = message.replace(/\n+LINE \d+:[^]*$/, '').replace(/^(?:Invalid Input|IO) Error: /, '');
    throw new Error(sentence, { cause: error });
  };

  /** Runs one or more statements whose rows nobody needs. */
  async run(sql: string): Promise<void> {
    await this.#connection.run(sql).catch(this.#rethrow);
  }

  /** @returns all rows; BIGINT and count(*) come as bigint, TIMESTAMP as DuckDB's own value (prefer epoch_us) */
  async rows(sql: string): Promise<SqlRow[]> {
    const reader = await this.#connection.runAndReadAll(sql).catch(this.#rethrow);
    return reader.getRowObjects();
  }

  /** @returns the same as `rows`, as columns: of many wide rows a quarter of their cost */
  async columns(sql: string): Promise<SqlColumns> {
    const result = await this.#connection.run(sql).catch(this.#rethrow);
    const types = result.columnTypes();
    const columns = types.map(() => listOf<DuckDBValue>(result.rowCount));
    for (let c = 0, from = 0; c < result.chunkCount; c++) {
      const chunk = result.getChunk(c);
      for (const [i, { typeId }] of types.entries()) {
        const list = columns[i]!;
        const values = listValuesOf(typeId);
        if (values !== undefined) values(chunk.chunk, i, chunk.rowCount, { list, from });
        else for (const [at, value] of chunk.getColumnValues(i).entries()) list[from + at] = value;
      }
      from += chunk.rowCount;
    }
    return Object.fromEntries(result.deduplicatedColumnNames().map((name, i) => [name, columns[i]!]));
  }

  /** Yields the rows in chunks of DuckDB's own size, so that a large result never stands in memory whole. */
  async *chunks(sql: string): AsyncGenerator<SqlRow[]> {
    const result = await this.#connection.stream(sql).catch(this.#rethrow);
    const names = result.deduplicatedColumnNames();
    for (;;) {
      const chunk = await result.fetchChunk().catch(this.#rethrow);
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk.getRowObjects(names) as SqlRow[];
    }
  }

  /** Yields chunks of a result whose columns are all DOUBLE and never null, as one array of numbers for each column. */
  async *numbers(sql: string): AsyncGenerator<readonly Float64Array[]> {
    const result = await this.#connection.stream(sql).catch(this.#rethrow);
    for (;;) {
      const chunk = await result.fetchChunk().catch(this.#rethrow);
      if (chunk === null || chunk.rowCount === 0) return;
      const columns = Array.from({ length: chunk.columnCount }, () => new Float64Array(chunk.rowCount));
      for (const [place, column] of columns.entries()) copyDoubles(chunk.chunk, place, column);
      yield columns;
    }
  }

  /** @returns all rows of such a result, as one array a column */
  async doubles(sql: string): Promise<readonly Float64Array[]> {
    const result = await this.#connection.run(sql).catch(this.#rethrow);
    const columns = Array.from({ length: result.columnCount }, () => new Float64Array(result.rowCount));
    let at = 0;
    for (let i = 0; i < result.chunkCount; i++) {
      const { chunk, rowCount } = result.getChunk(i);
      for (const [place, column] of columns.entries())
        copyDoubles(chunk, place, column.subarray(at, at + rowCount));
      at += rowCount;
    }
    return columns;
  }

  /** Yields chunks of a result, each as its columns. */
  async *columnChunks(sql: string): AsyncGenerator<readonly (readonly DuckDBValue[])[]> {
    const result = await this.#connection.stream(sql).catch(this.#rethrow);
    for (;;) {
      const chunk = await result.fetchChunk().catch(this.#rethrow);
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk.getColumns();
    }
  }

  /** Fills a table that is not TEMP, also while a result is read, which another statement here would end. */
  async filling(table: string): Promise<TableFilling> {
    const connection = await this.#instance.connect();
    return new TableFilling(connection, await connection.createAppender(table));
  }

  /**
   * Appends rows to a table, without a statement's text in between.
   *
   * @param rows  values in the order of the table's columns, as the client takes them: bigint for BIGINT, a
   *              `blob(bytes)` for BLOB, null
   */
  async append(table: string, rows: readonly (readonly DuckDBValue[])[]): Promise<void> {
    const appender = await this.#connection.createAppender(table);
    try {
      const types = Array.from({ length: appender.columnCount }, (_, i) => appender.columnType(i));
      for (let at = 0; at < rows.length; at += CHUNK_ROWS) {
        const chunk = duckdb().DuckDBDataChunk.create(types, 0);
        chunk.setRows(rows.slice(at, at + CHUNK_ROWS));
        appender.appendDataChunk(chunk);
      }
    } finally {
      appender.closeSync();
    }
  }

  /**
   * Makes pages of columns a table of this name, which is read where they stand: `FROM name()`.
   *
   * @param types  in SQL, of its columns c0, c1, ...
   * @param pages  asked for each time that the table is read
   */
  async tableOf(name: string, types: readonly string[], pages: () => readonly ColumnPage[]): Promise<void> {
    const nulls = types.map((type, i) => `NULL::${type} AS c${i}`).join(', ');
    const described = await this.#connection.run(`SELECT ${nulls}`).catch(this.#rethrow);
    const columnTypes: readonly DuckDBType[] = described.columnTypes();
    this.#connection.registerTableFunction(
      duckdb().DuckDBTableFunction.create({
        name,
        bindFunction: (bind) => {
          for (const [i, type] of columnTypes.entries()) bind.addResultColumn(`c${i}`, type);
          bind.setBindData({ left: [...pages()].toReversed() });
        },
        initFunction: (init) => init.setMaxThreads(1),
        mainFunction: (scan, chunk) => {
          const page = (scan.bindData as { left: ColumnPage[] }).left.pop();
          chunk.rowCount = page === undefined ? 0 : page.rows;
          if (page !== undefined) writeColumns(chunk.chunk, page.columns, page.rows);
        },
      }),
    );
  }

  /** Ends the statement that runs, if one does: it fails. */
  interrupt(): void {
    this.#connection.interrupt();
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

export class TableFilling {
  readonly #connection: DuckDBConnection;
  readonly #appender: Client.DuckDBAppender;
  readonly #types: readonly DuckDBType[];

  constructor(connection: DuckDBConnection, appender: Client.DuckDBAppender) {
    this.#connection = connection;
    this.#appender = appender;
    this.#types = Array.from({ length: appender.columnCount }, (_, i) => appender.columnType(i));
  }

  /** @param columns  in the order of the table's, all as long; at most a chunk */
  add(columns: readonly (readonly DuckDBValue[])[]): void {
    const chunk = duckdb().DuckDBDataChunk.create(this.#types, columns[0]!.length);
    chunk.setColumns(columns);
    this.#appender.appendDataChunk(chunk);
  }

  /** Takes the rows of a page, which is empty afterwards. */
  addPage(page: ValuePage): void {
    const { rows } = page;
    if (rows === 0) return;
    const chunk = duckdb().DuckDBDataChunk.create(this.#types, rows);
    page.take(
      (place, column) => writeColumn(chunk.chunk, place, column, rows),
      (place, values) => chunk.setColumnValues(place, values as readonly DuckDBValue[]),
    );
    this.#appender.appendDataChunk(chunk);
  }

  close(): void {
    this.#appender.closeSync();
    this.#connection.closeSync();
  }
}

/** Rows of a table, at most as many as a chunk has, column by column. */
export interface ColumnPage {
  readonly columns: readonly Column[];
  readonly rows: number;
}

/** @returns bytes as a value for `append` */
export function blob(bytes: Uint8Array): DuckDBValue {
  return duckdb().blobValue(bytes);
}

/**
 * An option of COPY to Parquet: no dictionaries. DuckDB 1.5 takes 0.0 and -0.0 for one entry of a dictionary, so that
 * all zeros of a row group get the sign of the first.
 */
export const EXACT_FLOATS = 'DICTIONARY_SIZE_LIMIT 0';

/** @returns a name as SQL takes it whatever it holds */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** @returns any text as an SQL literal. A NUL would end the statement's text: it is written as chr(0) */
export function quoteText(text: string): string {
  const parts = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return parts.length === 1 ? parts[0]! : `(${parts.join(' || chr(0) || ')})`;
}

/** @param time  of a timestamp; @returns the type of a column in the history that holds values of a type */
export function duckTypeOf(type: ValueType, time: 'TIMESTAMP' | 'TIMESTAMPTZ' = 'TIMESTAMP'): string {
  switch (type.kind) {
    case 'bool':
      return 'BOOLEAN';
    case 'int32':
      return 'INTEGER';
    case 'int64':
      return 'BIGINT';
    case 'float32':
      return 'FLOAT';
    case 'float64':
      return 'DOUBLE';
    case 'string':
      return 'VARCHAR';
    case 'bytes':
      return 'BLOB';
    case 'timestamp':
      return time;
    case 'list':
      return `${duckTypeOf(type.of, time)}[]`;
    case 'embedding':
      return 'FLOAT[]';
    case 'map':
      return `MAP(VARCHAR, ${duckTypeOf(type.of, time)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((f) => `${quoteName(f.name)} ${duckTypeOf(f.type, time)}`).join(', ')})`;
  }
}

/** @returns a page for `addPage`, of a table whose columns have the types of `pageTypeOf` */
export const pageOf = (types: readonly ValueType[]): ValuePage => new ValuePage(types, valueToDuck);
export const pageTypeOf = (type: ValueType): string =>
  type.kind === 'timestamp' ? 'BIGINT' : duckTypeOf(type);

/** @returns a value as `append` takes it for a column of `duckTypeOf(type)` */
export function valueToDuck(type: ValueType, value: Value): DuckDBValue {
  if (value === null) return null;
  switch (type.kind) {
    case 'timestamp':
      return duckdb().timestampValue(value as bigint);
    case 'bytes':
      return blob(value as Uint8Array);
    case 'embedding':
      return duckdb().listValue(Array.from(value as Float32Array));
    case 'list':
      return duckdb().listValue((value as readonly Value[]).map((item) => valueToDuck(type.of, item)));
    case 'map':
      return duckdb().mapValue(
        [...(value as ReadonlyMap<string, Value>)].map(([key, item]) => ({
          key,
          value: valueToDuck(type.of, item),
        })),
      );
    case 'struct': {
      const struct = value as { readonly [field: string]: Value };
      return duckdb().structValue(
        Object.fromEntries(type.fields.map((f) => [f.name, valueToDuck(f.type, struct[f.name] ?? null)])),
      );
    }
    default:
      return value as DuckDBValue;
  }
}

/** @returns the model's value of what DuckDB gave for a column of `duckTypeOf(type)` */
export function valueFromDuck(type: ValueType, raw: DuckDBValue): Value {
  if (raw === null) return null;
  switch (type.kind) {
    case 'timestamp':
      return raw instanceof duckdb().DuckDBTimestampValue ? raw.micros : (raw as bigint);
    case 'bytes':
      return (raw as Client.DuckDBBlobValue).bytes;
    case 'embedding':
      return Float32Array.from((raw as Client.DuckDBListValue | Client.DuckDBArrayValue).items as number[]);
    case 'list':
      return (raw as Client.DuckDBListValue).items.map((item) => valueFromDuck(type.of, item));
    case 'map':
      return new Map(
        (raw as Client.DuckDBMapValue).entries.map(({ key, value }) => [
          key as string,
          valueFromDuck(type.of, value),
        ]),
      );
    case 'struct': {
      const { entries } = raw as Client.DuckDBStructValue;
      return Object.fromEntries(type.fields.map((f) => [f.name, valueFromDuck(f.type, entries[f.name]!)]));
    }
    default:
      return raw as Value;
  }
}
