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
import type { FileGroup } from '../duckdb/sources/source-files.ts';
import { CREATED_NS, EVENT_NS, checkFaults } from '../duckdb/sources/stored-rows.ts';
import { INFINITE_US } from './exact-cast.ts';
import { fitsInSpark, rawInSpark, readInSpark, sparkGroups, timeInSpark } from './file-group.ts';
import type { SparkJob } from './spark-job.ts';
import { sparkName, sparkTypeOf } from './spark-sql.ts';

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
    const groups = sparkGroups(job, source, view).map(({ from, group }) => ({
      from,
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
      ...this.#keys().map((key) => `${readInSpark(this.#group, key).sql} AS ${sparkName(key.name)}`),
      `${timeInSpark(this.#group, eventTime)} AS event_time`,
      `${timeInSpark(this.#group, createdTime)} AS created_time`,
      `CAST(NULL AS STRING) AS run_id`,
      `CAST(NULL AS BIGINT) AS definition_id`,
      ...this.#features().map(
        (feature) => `${readInSpark(this.#group, feature).sql} AS ${sparkName(feature.name)}`,
      ),
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
    const [event, created] = [eventTime, createdTime].map(
      (name) => `unix_micros(${timeInSpark(this.#group, name)})`,
    );
    const { faults } = this.#group;
    const conditions = [
      ...faults.map((fault) => fault.good),
      `coalesce(${event} >= 0 AND ${event} < ${INFINITE_US}, false)`,
    ];
    if (createdTime !== null) {
      const none =
        rawInSpark(this.#group, createdTime) === null
          ? 'true'
          : `${rawInSpark(this.#group, createdTime)} IS NULL`;
      conditions.push(`coalesce(${none} OR ${created} >= 0 AND ${created} < ${INFINITE_US}, false)`);
      if (maxAheadUs !== null) conditions.push(`coalesce(${event} - ${created} <= ${maxAheadUs}, true)`);
    }
    for (const key of this.#keys()) {
      const { sql } = readInSpark(this.#group, key);
      conditions.push(`${sql} IS NOT NULL`);
      if (key.type.kind === 'string') conditions.push(`octet_length(${sql}) <= ${MAX_ID_BYTES}`);
    }
    for (const wanted of [...this.#keys(), ...this.#features()])
      conditions.push(...fitsInSpark(this.#group, wanted));
    for (const feature of this.#view.features) {
      const { sql } = readInSpark(this.#group, wantedOf(feature));
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

  #nanos(column: string | null): string {
    const found = column === null ? [] : columnsOf(this.#group, column);
    if (found.length !== 1 || !isNanos(found[0]!.type)) return 'CAST(0 AS SMALLINT)';
    return `CAST(pmod(${found[0]!.sql}, 1000) AS SMALLINT)`;
  }
}

function wantedOf({ name, column, type }: FeatureView['features'][number]): WantedColumn {
  return { name, column: column ?? name, type };
}
