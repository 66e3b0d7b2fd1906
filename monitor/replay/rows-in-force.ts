/**
 * The rows of a view's history that were in force at some time of a day: no later row of the entity was visible yet.
 * A vector that was served such a row, before the next one became visible, was served what training sees.
 *
 *   row       | n, definition | k0 ... the keys | event_us, created_us | next_us: event time of the entity's next row
 *             | v0 ... the values
 *   first     | definition | k0 ... | first_us: event time of the entity's first row
 *
 * One pass over the keys and times of the history serves the whole day, in place of a search for each vector. Rows that
 * share their times with another one of the entity, and tombstones, are not among them: the as-of join decides there.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Feature, JoinKey } from '../../contract/model.ts';

export const IN_FORCE = 'replay_in_force';
export const FIRST_ROWS = 'replay_first_rows';

interface DayOfHistory {
  /** SELECT as `openHistory` gives it. */
  readonly sql: string;
  readonly nanos: boolean;
  /** Whether it has `deleted`. */
  readonly tombstones: boolean;
  /** What tells its rows from those of another definition of the view. */
  readonly definition: number;
  readonly keys: readonly JoinKey[];
  readonly features: readonly Pick<Feature, 'name'>[];
  /** Table of the served entities, with their keys as k0, k1, ... */
  readonly entities: string;
  /** Served times less the delay, of the first and the last vector. */
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Makes the two tables, or adds to them.
 *
 * @throws DuckDB's error when the history cannot be read
 */
export async function layRowsInForce(duck: DuckDb, day: DayOfHistory, isFirst: boolean): Promise<void> {
  const keys = day.keys.map((_, i) => `k${i}`);
  const ids = [...keys, 'event_us', 'created_us'];
  const into = (table: string, sql: string): string =>
    isFirst ? `CREATE OR REPLACE TEMP TABLE ${table} AS ${sql}` : `INSERT INTO ${table} ${sql}`;
  const deleted = day.tombstones ? 'coalesce(r.deleted, false)' : 'false';
  const named = day.keys.map(({ name }, i) => `r.${quoteName(name)} AS k${i}`).join(', ');
  const there = ['event_time', ...day.keys.map(({ name }) => quoteName(name))].map(
    (c) => `r.${c} IS NOT NULL`,
  );
  const tied = `lag(event_us) OVER w = event_us${day.nanos ? '' : ' AND lag(created_us) OVER w IS NOT DISTINCT FROM created_us'}`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE replay_spans AS
    SELECT ${keys.join(', ')}, event_us, created_us, deleted, lead(event_us) OVER w AS next_us,
      lag(event_us) OVER w IS NULL AS is_first, coalesce(${tied}, false) AS is_tied
    FROM (SELECT ${named}, epoch_us(r.event_time) AS event_us, epoch_us(r.created_time) AS created_us, ${deleted} AS deleted
      FROM (${day.sql}) r WHERE ${there.join(' AND ')}) SEMI JOIN ${day.entities} USING (${keys.join(', ')})
    WINDOW w AS (PARTITION BY ${keys.join(', ')} ORDER BY event_us ASC, created_us ASC NULLS FIRST)`);
  await duck.run(
    into(
      FIRST_ROWS,
      `SELECT ${day.definition}::UINTEGER AS definition, ${keys.join(', ')}, event_us AS first_us
       FROM replay_spans WHERE is_first`,
    ),
  );
  const values = day.features.map(({ name }, i) => `r.${quoteName(name)} AS v${i}`);
  const same = day.keys.map(({ name }, i) => `r.${quoteName(name)} = s.k${i}`);
  const next = isFirst ? '0' : `(SELECT coalesce(max(n) + 1, 0) FROM ${IN_FORCE})`;
  await duck.run(
    into(
      IN_FORCE,
      `SELECT ${next} + row_number() OVER () - 1 AS n, ${day.definition}::UINTEGER AS definition,
         ${ids.map((id) => `s.${id}`).join(', ')}, s.next_us, ${values.join(', ')}
       FROM (${day.sql}) r JOIN replay_spans s ON ${same.join(' AND ')}
         AND epoch_us(r.event_time) = s.event_us AND epoch_us(r.created_time) IS NOT DISTINCT FROM s.created_us
       WHERE NOT s.is_tied AND NOT s.deleted AND s.event_us <= ${day.toUs}
         AND (s.next_us IS NULL OR (s.next_us > s.event_us AND s.next_us > ${day.fromUs}))`,
    ),
  );
  await duck.run('DROP TABLE replay_spans');
}
