/**
 * How the history of a view is read in Spark: a SELECT with the columns of DuckDB's `openHistory`, without bad rows.
 * The files and their types are looked at by DuckDB, which reads footers alone; the rows Spark reads.
 */
import type { Entity, FeatureView } from '../../../contract/model.ts';
import { MAX_ID_BYTES } from '../../../contract/wire/online/entity-key.ts';
import { historyColumns } from '../../history/history-columns.ts';
import type { ViewHistory } from '../duckdb/history.ts';
import { columnsOf, isNanos } from '../duckdb/sources/column-reading.ts';
import type { WantedColumn } from '../duckdb/sources/column-reading.ts';
import { withComputedColumns } from '../duckdb/sources/computed-columns.ts';
import type { FileColumn, FileGroup, SourceFiles } from '../duckdb/sources/source-files.ts';
import { CREATED_NS, EVENT_NS, checkFaults } from '../duckdb/sources/stored-rows.ts';
import { sparkError } from './errors.ts';
import { INFINITE_US, castTime, sparkCast } from './exact-cast.ts';
import { FILE_URL } from './spark-job.ts';
import type { SparkJob } from './spark-job.ts';
import { SPARK_EXPRESSIONS } from './expression-sql.ts';
import { sparkName, sparkNull, sparkText, sparkTypeOf } from './spark-sql.ts';

/** Labels' times, as `ViewHistory.parts` has them. */
interface Span {
  readonly firstUs: number;
  readonly lastUs: number;
}

interface SparkHistory {
  /** A SELECT of the rows that labels of these times can see; one may come twice. */
  readonly rows: string;
  /** A SELECT of `n`, how many rows are bad ones; null: none can be. */
  readonly badRows: string | null;
}

/**
 * @param job  takes the files that are read
 * @throws     SPARK_LACKS for a source, or a type in it, that is not read here
 */
export function sparkHistory(
  job: SparkJob,
  history: ViewHistory,
  { view, entity }: { readonly view: FeatureView; readonly entity: Entity },
  { firstUs, lastUs }: Span,
): SparkHistory {
  if (history.source !== null) {
    const { source, nanos } = history;
    refuse(source);
    const own = { ...source, groups: source.groups.map(inSpark) };
    const groups = withComputedColumns(own, view, SPARK_EXPRESSIONS).groups.map((group) => ({
      from: hasPath(group) ? job.readPlaces(group.files) : job.read(group.files, null),
      reading: new GroupRows(group, view, entity),
    }));
    return {
      rows: groups.map(({ from, reading }) => reading.select(from, nanos)).join('\nUNION ALL '),
      badRows: countSql(
        groups.map(({ from, reading }) => ({
          from: `(SELECT * FROM ${from} WHERE ${reading.kept})`,
          good: reading.good(),
        })),
      ),
    };
  }
  const columns = historyColumns(view, entity);
  const schema = columns.map(({ name, type }) => `${backticked(name)} ${sparkTypeOf(type)}`).join(', ');
  const from = job.read(history.files!(firstUs, lastUs), schema);
  const good = view.features
    .flatMap((feature) => checkFaults(feature, sparkName(feature.name)))
    .map((fault) => fault.good);
  if (good.length === 0) return { rows: `SELECT * FROM ${from}`, badRows: null };
  return { rows: `SELECT * FROM ${from} WHERE ${good.join(' AND ')}`, badRows: countSql([{ from, good }]) };
}

function countSql(parts: readonly { readonly from: string; readonly good: readonly string[] }[]): string {
  const counts = parts.map(
    ({ from, good }) => `SELECT count(*) AS n FROM ${from} WHERE NOT (${good.join(' AND ')})`,
  );
  return `SELECT CAST(sum(n) AS BIGINT) AS n FROM (${counts.join(' UNION ALL ')})`;
}

/** DDL is parsed apart from the session, in which names stand in double quotes. */
function backticked(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function refuse({ path, table }: SourceFiles): void {
  if (table !== null)
    throw sparkError(
      'SPARK_LACKS',
      `the source ${path} is a table (${table.name}), which Spark is not given yet`,
    );
}

/** How one group of a stored view's files is read: as `GroupReading` of ../duckdb/sources/stored-rows.ts does it. */
class GroupRows {
  readonly #group: FileGroup;
  readonly #view: FeatureView;
  readonly #entity: Entity;

  constructor(group: FileGroup, view: FeatureView, entity: Entity) {
    this.#group = group;
    this.#view = view;
    this.#entity = entity;
  }

  select(from: string, nanos: boolean): string {
    const { eventTime, createdTime } = this.#view.source;
    const columns = [
      ...this.#keys().map((key) => `${this.#read(key).sql} AS ${sparkName(key.name)}`),
      `${this.#time(eventTime)} AS event_time`,
      `${this.#time(createdTime)} AS created_time`,
      `CAST(NULL AS STRING) AS run_id`,
      `CAST(NULL AS BIGINT) AS definition_id`,
      ...this.#features().map((feature) => `${this.#read(feature).sql} AS ${sparkName(feature.name)}`),
      ...(nanos ? [`${this.#nanos(eventTime)} AS ${sparkName(EVENT_NS)}`] : []),
      ...(nanos ? [`${this.#nanos(createdTime)} AS ${sparkName(CREATED_NS)}`] : []),
    ];
    return `SELECT ${columns.join(', ')} FROM ${from} WHERE ${[this.kept, ...this.good()].join(' AND ')}`;
  }

  /** Whether `where` of the view keeps a row. */
  get kept(): string {
    return this.#group.excluded === null ? 'true' : `NOT ${this.#group.excluded}`;
  }

  /** Conditions that hold of good rows, and of no others that are not excluded. */
  good(): string[] {
    const { eventTime, createdTime, maxAheadUs } = this.#view.source;
    const [event, created] = [eventTime, createdTime].map((name) => `unix_micros(${this.#time(name)})`);
    const { faults } = this.#group;
    const conditions = [
      ...faults.map((fault) => fault.good),
      `coalesce(${event} >= 0 AND ${event} < ${INFINITE_US}, false)`,
    ];
    if (createdTime !== null) {
      const none = this.#raw(createdTime) === null ? 'true' : `${this.#raw(createdTime)} IS NULL`;
      conditions.push(`coalesce(${none} OR ${created} >= 0 AND ${created} < ${INFINITE_US}, false)`);
      if (maxAheadUs !== null) conditions.push(`coalesce(${event} - ${created} <= ${maxAheadUs}, true)`);
    }
    for (const key of this.#keys()) {
      const { sql } = this.#read(key);
      conditions.push(`${sql} IS NOT NULL`);
      if (key.type.kind === 'string') conditions.push(`octet_length(${sql}) <= ${MAX_ID_BYTES}`);
    }
    for (const wanted of [...this.#keys(), ...this.#features()]) {
      const found = columnsOf(this.#group, wanted.column);
      const { sql, fit } = this.#read(wanted);
      if (found.length > 1) conditions.push('false');
      else if (found.length === 1 && fit !== 'all')
        conditions.push(`(${this.#raw(wanted.column)} IS NULL OR ${sql} IS NOT NULL)`);
    }
    for (const feature of this.#view.features) {
      const { sql } = this.#read(wantedOf(feature));
      conditions.push(...checkFaults(feature, sql).map((fault) => fault.good));
    }
    return conditions;
  }

  #keys(): WantedColumn[] {
    return this.#entity.joinKeys.map(({ name, type }) => ({ name, column: name, type: { kind: type } }));
  }

  #features(): WantedColumn[] {
    return this.#view.features.map(wantedOf);
  }

  #read({ column, type }: WantedColumn): { readonly sql: string; readonly fit: 'all' | 'some' | 'none' } {
    const found = columnsOf(this.#group, column);
    if (found.length !== 1) return { sql: sparkNull(type), fit: 'all' };
    return sparkCast(found[0]!.type, type, found[0]!.sql);
  }

  /** @returns SQL of a column as it stands in the files; null: they lack it, or have it twice */
  #raw(column: string): string | null {
    const found = columnsOf(this.#group, column);
    return found.length === 1 ? found[0]!.sql : null;
  }

  #time(column: string | null): string {
    const found = column === null ? [] : columnsOf(this.#group, column);
    if (found.length !== 1) return 'CAST(NULL AS TIMESTAMP)';
    const { type, sql } = found[0]!;
    const cast = type.kind === 'scalar' ? castTime(type.name, sql) : null;
    return cast?.sql ?? sparkCast(type, { kind: 'timestamp' }, sql).sql;
  }

  #nanos(column: string | null): string {
    const found = column === null ? [] : columnsOf(this.#group, column);
    if (found.length !== 1 || !isNanos(found[0]!.type)) return 'CAST(0 AS SMALLINT)';
    return `CAST(pmod(${found[0]!.sql}, 1000) AS SMALLINT)`;
  }
}

function wantedOf({ name, column, type }: FeatureView['features'][number]): WantedColumn {
  return { name, column: column ?? name, type };
}

function hasPath({ columns }: FileGroup): boolean {
  return [...columns.values()].flat().some(({ type }) => type.kind === 'scalar' && type.name === 'PATH');
}

/** The same files with Spark's SQL of their columns. */
function inSpark(group: FileGroup): FileGroup {
  const columns = [...group.columns].map(([name, found]) => {
    return [name, found.map((column) => ({ ...column, sql: columnSql(column) }))] as const;
  });
  return { ...group, columns: new Map(columns) };
}

/** A folder `name=value` on a file's way is a column: Spark says the way in the letters of a URL. */
function columnSql({ name, type }: FileColumn): string {
  if (type.kind !== 'scalar' || type.name !== 'PATH') return sparkName(name);
  const decoded = (sql: string): string => `url_decode(replace(${sql}, '+', '%2B'))`;
  const pattern = `.*/${name.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}=([^/]*)/`;
  const way = decoded(sparkName(FILE_URL));
  return `nullif(${decoded(`regexp_extract(${way}, ${sparkText(pattern)}, 1)`)}, '__HIVE_DEFAULT_PARTITION__')`;
}
