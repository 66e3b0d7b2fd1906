/**
 * The files of a service's day in the archive, and the SQL that reads one role's rows from them:
 *
 *   vid            place of the file among the day's << 32 | row in the file
 *   request_id, surface, bundle, served_us, row_index, pod, epoch, sequence, clock_offset, service_version
 *   hmac_key       the secret of its HMACs; empty: it has none
 *   key_0 ...      the ids, in the order of the service's request keys; null also where only an unknown HMAC is logged
 *   shown_0 ...    what reports show in their place: the HMAC of a hashed id; null: the id itself
 *   status, source | fetched_us, watermark_us | event_us, created_us, written_ms, definition_id of the stored row
 *   is_decoded     false: its values could not be read
 *   s0 ... h0 ...  the values of the role's features, and their HMACs
 *
 * A folder of the archive holds files of the same columns. A service that changed that day has files in two folders:
 * each is read by its own columns, and what a folder lacks, or has in another type, is null there.
 */
import type { JoinKey } from '../../contract/model.ts';
import { ROW_SOURCES, STATUSES } from '../../contract/status.ts';
import type { KeyType, ValueType } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import { DUCKDB } from '../../project/engine/duckdb/duck-dialect.ts';
import { duckTypeOf } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import type { SqlDialect } from '../../project/engine/sql-dialect.ts';

interface FilesOfFolder {
  readonly files: readonly string[];
  /** Types by the columns' names, as DuckDB reads them. */
  readonly columns: ReadonlyMap<string, string>;
  /** How many files of the day come before these. */
  readonly before: number;
}

/** Vectors of a bundle whose ids a secret hashed. */
export interface HashedBy {
  readonly bundle: string;
  /** Empty: no secret did. */
  readonly hmacKey: string;
}

export interface ServedFeature {
  readonly name: string;
  readonly type: ValueType;
  /** The columns that may have its value; of one vector one of them has. */
  readonly columns: readonly string[];
}

const vectorColumns = ({ placeIn, epochUs }: SqlDialect): string[] => [
  '_request_id AS request_id',
  `${placeIn(SURFACES, '_surface')} AS surface`,
  '_bundle AS bundle',
  `${epochUs('_served_time')} AS served_us`,
  '_row AS row_index',
  '_pod AS pod',
  '_epoch AS epoch',
  '_sequence AS sequence',
  '_clock_offset AS clock_offset',
  '_service_version AS service_version',
  "coalesce(_hmac_key, '') AS hmac_key",
];

const NO_VECTORS = `SELECT NULL::BIGINT AS vid, ${vectorColumns(DUCKDB)
  .map((column) => `NULL AS ${column.split(' AS ')[1]!}`)
  .join(', ')} WHERE false`;

/** By which engine the files are read. */
export interface FileReading {
  readonly dialect: SqlDialect;
  /** @returns what follows FROM to read files: their columns, file_index among them, from 0, and file_row_number */
  from(files: readonly string[]): string;
  /** @returns the engine's table of known ids, by that of DuckDB */
  ids(table: string): string;
}

const BY_DUCKDB: FileReading = { dialect: DUCKDB, from: readSql, ids: (table) => table };

interface ServedFilesParts {
  readonly folders: readonly FilesOfFolder[];
  readonly keys: readonly JoinKey[];
  readonly ids: ReadonlyMap<KeyType, string>;
  readonly excluded: readonly HashedBy[];
  readonly reading: FileReading;
}

export class ServedFiles {
  readonly #folders: readonly FilesOfFolder[];
  readonly #keys: readonly JoinKey[];
  readonly #ids: ReadonlyMap<KeyType, string>;
  readonly #excluded: readonly HashedBy[];
  readonly #reading: FileReading;

  private constructor({ folders, keys, ids, excluded, reading }: ServedFilesParts) {
    this.#folders = folders;
    this.#keys = keys;
    this.#ids = ids;
    this.#excluded = excluded;
    this.#reading = reading;
  }

  #with(change: Partial<ServedFilesParts>): ServedFiles {
    return new ServedFiles({
      folders: this.#folders,
      keys: this.#keys,
      ids: this.#ids,
      excluded: this.#excluded,
      reading: this.#reading,
      ...change,
    });
  }

  /**
   * @param folders  the files of each folder of the archive that has one of the day
   * @param keys     the service's request keys
   * @param ids      by type the table of known ids, `hmac` and `id`, by which hashed ones are found
   */
  static async read(
    duck: DuckDb,
    folders: readonly (readonly string[])[],
    keys: readonly JoinKey[],
    ids: ReadonlyMap<KeyType, string> = new Map(),
  ): Promise<ServedFiles> {
    const read: FilesOfFolder[] = [];
    let before = 0;
    for (const files of folders) {
      const rows = await duck.rows(`DESCRIBE SELECT * FROM ${readSql(files)}`);
      const columns = new Map(
        rows.map((row) => [row['column_name'] as string, row['column_type'] as string]),
      );
      read.push({ files, columns, before });
      before += files.length;
    }
    return new ServedFiles({ folders: read, keys, ids, excluded: [], reading: BY_DUCKDB });
  }

  /** @returns those whose folders have all keys; and the files of the others, null where there are none */
  byKeys(): { readonly whole: ServedFiles; readonly others: readonly (readonly string[])[] | null } {
    const isWhole = ({ columns }: FilesOfFolder): boolean =>
      this.#keys.every(({ name, type }) => columns.get(name) === duckKeyType(type));
    const others = this.#folders.filter((folder) => !isWhole(folder)).map(({ files }) => files);
    return {
      whole: this.#with({ folders: this.#folders.filter(isWhole) }),
      others: others.length === 0 ? null : others,
    };
  }

  /** @returns the same without vectors that a bundle answered and a secret hashed */
  without(excluded: readonly HashedBy[]): ServedFiles {
    if (excluded.length === 0) return this;
    return this.#with({ excluded: [...this.#excluded, ...excluded] });
  }

  /** @returns the same, with the SQL of another engine */
  by(reading: FileReading): ServedFiles {
    return this.#with({ reading });
  }

  /** The tables of known ids. */
  get idTables(): readonly string[] {
    return [...this.#ids.values()];
  }

  get isEmpty(): boolean {
    return this.#folders.length === 0;
  }

  /** Whether what a column would have stands in the log as HMACs. */
  hasHmacs(column: string): boolean {
    return this.#folders.some(({ columns }) => columns.has(`${column}__hmac`));
  }

  /** @returns a SELECT of all vectors, without what belongs to a role */
  get vectors(): string {
    if (this.isEmpty) return NO_VECTORS;
    return this.#folders.map((folder) => this.#select(folder, [], [])).join(' UNION ALL ');
  }

  /** @returns a SELECT of the first vector of each request whose answer is logged, with the `answer` */
  get answers(): string {
    if (this.isEmpty) return `SELECT *, NULL::BLOB AS answer FROM (${NO_VECTORS})`;
    return this.#folders
      .map((folder) => this.#select(folder, ['_answer AS answer'], ['_answer IS NOT NULL']))
      .join(' UNION ALL ');
  }

  /**
   * @param wanted  columns of the archive, with their types
   * @returns       a SELECT of all vectors with these as w0, w1 ...: null where a folder has none of that name and type
   */
  vectorsWith(wanted: readonly { readonly name: string; readonly type: string }[]): string {
    const plain = (type: string | undefined): string | undefined => type?.replaceAll('"', '');
    if (this.isEmpty) {
      const keys = this.#keys.flatMap(({ type }, i) => [
        `NULL::${duckKeyType(type)} AS key_${i}`,
        `NULL::VARCHAR AS shown_${i}`,
      ]);
      const nothing = wanted.map(({ type }, i) => `NULL::${type} AS w${i}`);
      return `SELECT ${['*', ...keys, ...nothing].join(', ')} FROM (${NO_VECTORS})`;
    }
    return this.#folders
      .map((folder) => {
        const columns = wanted.map(({ name, type }, i) => {
          const isThere = plain(folder.columns.get(name)) === plain(type);
          return `${isThere ? DUCKDB.quoteName(name) : `NULL::${type}`} AS w${i}`;
        });
        return this.#select(folder, columns, []);
      })
      .join(' UNION ALL ');
  }

  /** Whether values of a feature stand in the log as HMACs. */
  hasHmacsOf({ columns: names }: ServedFeature): boolean {
    return names.some((name) => this.hasHmacs(name));
  }

  /** Whether every vector of the day has its value of a feature, if its row had one. */
  hold(feature: ServedFeature): boolean {
    return this.#folders.every((folder) => thereOf(folder, feature).length > 0);
  }

  /** @returns a SELECT of the vectors that have a row of the role; null: no vector of the day has one */
  rowsOf(role: string, features: readonly ServedFeature[]): string | null {
    const name = `_view__${role}`;
    const { dialect } = this.#reading;
    const row = dialect.quoteName(name);
    const selects = this.#folders
      .filter(({ columns }) => columns.has(name))
      .map((folder) => {
        const columns = [...rowColumns(dialect, row), ...featureColumns(dialect, folder, features)];
        return this.#select(folder, columns, [`${row}.status IS NOT NULL`]);
      });
    return selects.length === 0 ? null : selects.join(' UNION ALL ');
  }

  #select(folder: FilesOfFolder, more: readonly string[], where: readonly string[]): string {
    const { columns, files, before } = folder;
    const { dialect, from } = this.#reading;
    const { quoteName, quoteText, keyTypeOf } = dialect;
    const joins: string[] = [];
    const keys = this.#keys.flatMap(({ name, type }, i) => {
      const isThere = columns.get(name) === duckKeyType(type);
      const own = isThere ? quoteName(name) : `CAST(NULL AS ${keyTypeOf(type)})`;
      const hmac = columns.has(`${name}__hmac`) ? quoteName(`${name}__hmac`) : null;
      if (hmac === null) return [`${own} AS key_${i}`, `CAST(NULL AS ${keyTypeOf('string')}) AS shown_${i}`];
      const ids = this.#ids.get(type);
      if (ids !== undefined)
        joins.push(` LEFT JOIN ${this.#reading.ids(ids)} ids_${i} ON ids_${i}.hmac = ${hmac}`);
      const id = ids === undefined ? own : `coalesce(${own}, ids_${i}.id)`;
      return [`${id} AS key_${i}`, `'hmac:' || lower(hex(${hmac})) AS shown_${i}`];
    });
    const vid = `CAST(file_index + ${before} AS BIGINT) * ${2 ** 32} + file_row_number AS vid`;
    const left = this.#excluded.map(
      ({ bundle, hmacKey }) =>
        `NOT (_bundle = ${quoteText(bundle)} AND coalesce(_hmac_key, '') = ${quoteText(hmacKey)})`,
    );
    const all = [...where, ...left];
    const only = all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`;
    const selected = [vid, ...vectorColumns(dialect), ...keys, ...more].join(', ');
    return `SELECT ${selected} FROM ${from(files)}${joins.join('')}${only}`;
  }
}

function readSql(files: readonly string[]): string {
  return `read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false)`;
}

/** @param row  the struct of the role */
function rowColumns({ placeIn, epochUs, epochMs, unsigned }: SqlDialect, row: string): string[] {
  return [
    `${placeIn(STATUSES, `${row}.status`)} AS status`,
    `${placeIn(ROW_SOURCES, `${row}.source`)} AS source`,
    `${epochUs(`${row}.fetched`)} AS fetched_us`,
    `${epochUs(`${row}.watermark`)} AS watermark_us`,
    `${epochUs(`${row}.event_time`)} AS event_us`,
    `${epochUs(`${row}.created_time`)} AS created_us`,
    `${epochMs(`${row}.written_time`)} AS written_ms`,
    `CAST(${row}.definition_id AS ${unsigned(32)}) AS definition_id`,
    `${row}.undecoded IS NULL AS is_decoded`,
  ];
}

function featureColumns(
  dialect: SqlDialect,
  folder: FilesOfFolder,
  features: readonly ServedFeature[],
): string[] {
  return features.flatMap((feature, i) => {
    const hmacs = feature.columns.map((name) => `${name}__hmac`).filter((name) => folder.columns.has(name));
    const value = firstOf(dialect, thereOf(folder, feature), feature.type);
    return [`${value} AS s${i}`, `${firstOf(dialect, hmacs, { kind: 'bytes' })} AS h${i}`];
  });
}

/** Its columns in the folder that have its type. */
function thereOf({ columns }: FilesOfFolder, feature: ServedFeature): string[] {
  // Names of fields, which have no quotes in them, stand in some when DuckDB likes it.
  const type = duckTypeOf(feature.type).replaceAll('"', '');
  return feature.columns.filter((name) => columns.get(name)?.replaceAll('"', '') === type);
}

function firstOf({ quoteName, typeOf }: SqlDialect, columns: readonly string[], type: ValueType): string {
  const [first, ...others] = columns.map(quoteName);
  if (first === undefined) return `CAST(NULL AS ${typeOf(type)})`;
  return others.length === 0 ? first : `coalesce(${[first, ...others].join(', ')})`;
}
