/** Writes raw events of a test as a Parquet source, and reads a computed history back as values of the model. */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { duckTypeOf, quoteName, quoteText, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType, openHistory } from '../../project/engine/duckdb/history.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import type { KeyValue, Value, ValueType } from '../../contract/value-type.ts';
import type { RawEvent } from '../oracle/naive-aggregates.ts';
import { entityId } from '../oracle/naive-aggregates.ts';

export type ColumnTypes = Readonly<Record<string, ValueType>>;

function time(us: number | null): string {
  return us === null ? 'NULL::TIMESTAMP' : `make_timestamp(${us})`;
}

/** Replaces the file by one with exactly these events. */
export async function writeEvents(
  duck: DuckDb,
  file: string,
  view: FeatureView,
  entity: Entity,
  columns: ColumnTypes,
  events: readonly RawEvent[],
): Promise<void> {
  const { eventTime, createdTime } = view.source;
  const names = [
    ...entity.joinKeys.map((key) => `${quoteName(key.name)} ${duckKeyType(key.type)}`),
    `${quoteName(eventTime)} TIMESTAMP`,
    ...(createdTime === null ? [] : [`${quoteName(createdTime)} TIMESTAMP`]),
    ...Object.entries(columns).map(([name, type]) => `${quoteName(name)} ${duckTypeOf(type)}`),
  ];
  const rows = events.map((event) => {
    const cells = [
      ...entity.joinKeys.map((key, i) => sqlLiteral({ kind: key.type }, event.keys[i]!)),
      time(event.eventUs),
      ...(createdTime === null ? [] : [time(event.createdUs)]),
      ...Object.entries(columns).map(([name, type]) => sqlLiteral(type, event.values[name] ?? null)),
    ];
    return `(${cells.join(', ')})`;
  });
  await duck.run(`CREATE OR REPLACE TEMP TABLE raw_events (${names.join(', ')})`);
  if (rows.length > 0) await duck.run(`INSERT INTO raw_events VALUES ${rows.join(', ')}`);
  await duck.run(`COPY raw_events TO ${quoteText(file)} (FORMAT parquet)`);
}

export interface HistoryRow {
  readonly eventUs: number;
  readonly createdUs: number;
  readonly values: readonly Value[];
  /** A tombstone. */
  readonly deleted: boolean;
}

/** @returns every row of the history, by entity, in order of (event, created) */
export async function readHistory(
  duck: DuckDb,
  root: string,
  view: FeatureView,
  entity: Entity,
): Promise<Map<string, HistoryRow[]>> {
  const keys = entity.joinKeys.map((key) => quoteName(key.name));
  const features = view.features.map((feature) => quoteName(feature.name));
  const { sql } = await openHistory(duck, '/', root, view, entity);
  const rows = await duck.rows(
    `SELECT ${[...keys, ...features].join(', ')}, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, deleted
     FROM (${sql}) ORDER BY event_us, created_us`,
  );
  const history = new Map<string, HistoryRow[]>();
  for (const row of rows) {
    const id = entityId(
      entity,
      entity.joinKeys.map((key) => row[key.name] as KeyValue),
    );
    const values = view.features.map((f) => valueFromDuck(f.type, row[f.name]!));
    const deleted = row['deleted'] as boolean;
    const read = { eventUs: Number(row['event_us']), createdUs: Number(row['created_us']), values, deleted };
    history.set(id, [...(history.get(id) ?? []), read]);
  }
  return history;
}

/** @returns the values that the history answers with at an edge, or null; `rows` are one entity's, as `readHistory` gives */
export function answerAt(rows: readonly HistoryRow[], edgeUs: number): readonly Value[] | null {
  const row = rows.findLast(({ eventUs }) => eventUs <= edgeUs);
  return row === undefined || row.deleted ? null : row.values;
}
