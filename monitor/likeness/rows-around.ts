/** The values that entities had at other times than those of their served rows. */
import type { Feature } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { DEFINITION } from '../judge/replay-columns.ts';

/** By how far away the time is, by vid; without those whose entity had no row then. */
export type RowsAround = ReadonlyMap<number, ReadonlyMap<number, Value>>;

interface AskedTimes {
  readonly vids: readonly number[];
  readonly column: Pick<Feature, 'name' | 'type'>;
  /** From the event time of the served row, microseconds. */
  readonly times: readonly number[];
}

/**
 * The newest row of each entity up to a time, under the definition that served it. Of rows of one event the one that
 * was created last; of two that are alike in that, any.
 */
export async function rowsAround(
  duck: DuckDb,
  replay: ViewReplay,
  { vids, column, times }: AskedTimes,
): Promise<RowsAround> {
  const found = new Map<number, Map<number, Value>>();
  if (times.length === 0) return found;
  const keys = replay.keys.map((_, i) => `k${i}`);
  const same = keys.map((key) => `l.${key} = e.${key}`).join(' AND ');
  const ofRow = replay.keys.map(({ row }, i) => `h.${quoteName(row)} = e.k${i}`).join(' AND ');
  const rows = await duck.rows(`WITH l AS (
      SELECT b.vid, t.away_us, ${keys.map((key) => `b.${key}`).join(', ')}, b.definition, b.event_us + t.away_us AS at_us
      FROM replay_base b, (VALUES ${times.map((by) => `(${by}::BIGINT)`).join(', ')}) t(away_us)
      WHERE b.vid IN (${vids.join(', ')})),
    newest AS MATERIALIZED (SELECT ${keys.join(', ')}, definition, event_us, max(created_us) AS created_us
      FROM replay_rows SEMI JOIN l USING (${[...keys, 'definition'].join(', ')}) GROUP BY ALL),
    e AS (SELECT l.vid, l.away_us, e.* FROM l ASOF JOIN newest e
      ON ${same} AND l.definition = e.definition AND l.at_us >= e.event_us)
    SELECT CAST(e.vid AS DOUBLE) AS vid, CAST(e.away_us AS DOUBLE) AS away_us, any_value(h.${quoteName(column.name)}) AS v
    FROM e JOIN replay_history h ON ${ofRow} AND h.${DEFINITION} = e.definition
      AND epoch_us(h.event_time) = e.event_us AND epoch_us(h.created_time) IS NOT DISTINCT FROM e.created_us
    WHERE NOT coalesce(h.deleted, false) GROUP BY ALL`);
  for (const row of rows) {
    const [vid, by] = [row['vid'] as number, row['away_us'] as number];
    const own = found.get(by) ?? new Map<number, Value>();
    own.set(vid, valueFromDuck(column.type, row['v']!));
    found.set(by, own);
  }
  return found;
}
