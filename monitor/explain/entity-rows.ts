/** The rows of the history that one entity has in a view, around a time. Called by explain.ts. */
import type { AsOfRow } from '../../contract/as-of.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { KeyValue } from '../../contract/value-type.ts';
import { quoteName, quoteText, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';

export interface EntityRow extends AsOfRow {
  readonly eventUs: number;
  readonly runId: string | null;
  readonly definitionId: number;
  readonly deleted: boolean;
}

/** Rows that are read up to the time: the newest decide, so the oldest of a very long history are left out. */
const MOST_BEFORE = 5_000;
const MOST_AFTER = 20;

interface EntityHistory {
  /** By event time, then created time. */
  readonly rows: readonly EntityRow[];
  /** How many there are, also of those that are not read, and how many of them count as trained at the time. */
  readonly count: number;
  readonly visible: number;
  /** Whether there are more rows than were read, before or after. */
  readonly isCut: boolean;
}

interface EntityOfHistory {
  /** A SELECT of the view's history, with the columns of today's features. */
  readonly history: string;
  readonly view: FeatureView;
  readonly entity: Entity;
  /** In the order of the entity's join keys; an entity with one that is null has no rows. */
  readonly ids: readonly (KeyValue | null)[];
}

export async function entityRows(
  duck: DuckDb,
  { history, view, entity, ids }: EntityOfHistory,
  { atUs, delayUs = 0 }: { readonly atUs: number; readonly delayUs?: number },
): Promise<EntityHistory> {
  if (ids.includes(null)) return { rows: [], count: 0, visible: 0, isCut: false };
  const own = entity.joinKeys
    .map(({ name }, i) => `h.${quoteName(name)} = ${literal(ids[i]!)}`)
    .join(' AND ');
  const deleted = hasHistory(view) ? 'coalesce(h.deleted, false)' : 'false';
  const columns = [
    'CAST(epoch_us(h.event_time) AS DOUBLE) AS "~event"',
    'CAST(epoch_us(h.created_time) AS DOUBLE) AS "~created"',
    'h.run_id AS "~run"',
    'CAST(h.definition_id AS DOUBLE) AS "~definition"',
    `${deleted} AS "~deleted"`,
    ...view.features.map(({ name }) => `h.${quoteName(name)}`),
  ];
  const rows = `SELECT ${columns.join(', ')} FROM (${history}) h WHERE ${own} AND h.event_time IS NOT NULL`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE explained_rows AS ${rows}`);
  const side = (condition: string, order: string, most: number): Promise<SqlRow[]> =>
    duck.rows(
      `SELECT * FROM explained_rows WHERE "~event" ${condition} ${atUs}
       ORDER BY "~event" ${order}, "~created" ${order} LIMIT ${most + 1}`,
    );
  const before = await side('<=', 'DESC', MOST_BEFORE);
  const after = await side('>', 'ASC', MOST_AFTER);
  const [counts] = await duck.rows(`SELECT CAST(count(*) AS DOUBLE) AS count,
    CAST(count(*) FILTER ("~event" + ${delayUs} <= ${atUs}) AS DOUBLE) AS visible FROM explained_rows`);
  const { count, visible } = counts as { count: number; visible: number };
  const isCut = before.length > MOST_BEFORE || after.length > MOST_AFTER;
  const kept = [...before.slice(0, MOST_BEFORE).toReversed(), ...after.slice(0, MOST_AFTER)];
  return { rows: kept.map((row) => readRow(row, view)), count, visible, isCut };
}

function literal(id: KeyValue): string {
  return typeof id === 'string' ? quoteText(id) : String(id);
}

function readRow(row: SqlRow, view: FeatureView): EntityRow {
  return {
    eventUs: row['~event'] as number,
    createdUs: row['~created'] as number | null,
    runId: row['~run'] as string | null,
    definitionId: (row['~definition'] as number | null) ?? view.definitionId,
    deleted: row['~deleted'] === true,
    values: view.features.map(({ name, type }) => valueFromDuck(type, row[name]!)),
  };
}
