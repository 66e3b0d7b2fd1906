/**
 * The rows of a view's history that can matter to a day, for its entities, under whichever setting:
 *
 *   whatif_rows     n: in the order of definition, entity, event and created time | definition | e | event_us
 *                   created_us | deleted | known_us, real_us, is_backfill (published-rows.ts)
 *   whatif_values   n | v0, v1, ... the values of the view's features
 *
 * Left out are rows that a newer one had replaced before the day in every setting. Of rows that share their times the
 * one that is last in the canonical order is kept. Times count to the microsecond.
 */
import type { FeatureView, JoinKey } from '../../contract/model.ts';
import { canonicalOrderSql } from '../../project/engine/duckdb/as-of-sql.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { ENTITIES } from './asked-rows.ts';
import type { AskedSpan } from './asked-rows.ts';
import { publishedSql } from './published-rows.ts';
import { onlineFromSql } from './simulated-runs.ts';
import type { Schedule } from './simulated-runs.ts';

export const ROWS = 'whatif_rows';
export const VALUES = 'whatif_values';
const SPANS = 'whatif_spans';

interface KnownRows {
  readonly view: FeatureView;
  readonly keys: readonly JoinKey[];
  /** SELECTs of the view's history as `ServedHistory` gives them, by the number of the definition. */
  readonly histories: readonly string[];
  readonly span: AskedSpan;
  /** All that will be simulated. */
  readonly schedules: readonly Schedule[];
  readonly longestDelayUs: number;
}

/** @throws DuckDB's error when the history cannot be read */
export async function layKnownRows(duck: DuckDb, known: KnownRows): Promise<void> {
  const { histories, view } = known;
  const times = histories.map((sql, i) => timesSql(known, sql, i));
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SPANS} AS ${spansSql(known, times.join(' UNION ALL '))}`);
  const spans = (await isTied(duck, SPANS, 'definition, e, event_us, created_us'))
    ? `(SELECT definition, e, event_us, created_us, bool_and(deleted) AS deleted, max(known_us) AS known_us, max(real_us) AS real_us,
        bool_or(is_backfill) AS is_backfill FROM ${SPANS} GROUP BY ALL)`
    : SPANS;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${ROWS} AS
    SELECT row_number() OVER (ORDER BY definition, e, event_us, created_us NULLS FIRST) AS n, definition, e, event_us, created_us,
      deleted, known_us, real_us, is_backfill FROM ${spans}; DROP TABLE ${SPANS}`);
  const values = histories.map((sql, i) => valuesSql(known, sql, i)).join(' UNION ALL ');
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${VALUES} AS ${values}`);
  if (!(await isTied(duck, VALUES, 'n'))) return;
  const order = canonicalOrderSql(view.features.map(({ type }, i) => ({ name: `v${i}`, type })));
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${VALUES} AS SELECT * FROM ${VALUES}
    QUALIFY row_number() OVER (PARTITION BY n ORDER BY ${order.join(', ')}) = count(*) OVER (PARTITION BY n)`);
}

async function isTied(duck: DuckDb, table: string, by: string): Promise<boolean> {
  const rows = await duck.rows(`SELECT 1 FROM ${table} GROUP BY ${by} HAVING count(*) > 1 LIMIT 1`);
  return rows.length > 0;
}

function ofEntities({ keys }: KnownRows, sql: string): string {
  const same = keys.map(({ name }, i) => `k.k${i} = r.${quoteName(name)}`);
  return `FROM (${sql}) r JOIN ${ENTITIES} k ON ${same.join(' AND ')} WHERE r.event_time IS NOT NULL`;
}

function timesSql(known: KnownRows, sql: string, definition: number): string {
  const deleted = known.view.kind === 'aggregated' ? 'coalesce(r.deleted, false)' : 'false';
  return `SELECT ${definition}::INTEGER AS definition, k.e, epoch_us(r.event_time) AS event_us,
      epoch_us(r.created_time) AS created_us, r.run_id, ${deleted} AS deleted
    ${ofEntities(known, sql)} AND epoch_us(r.event_time) <= ${known.span.toUs}`;
}

function spansSql({ view, span, schedules, longestDelayUs }: KnownRows, times: string): string {
  const visible = schedules.map(onlineFromSql);
  const never = visible.map((sql) => `${sql} IS NULL`).join(' OR ');
  // From then on it stands before all older ones, online in each setting and in the replay.
  const latest = `CASE WHEN NOT (${never}) THEN greatest(event_us + ${longestDelayUs}, ${visible.join(', ')}) END`;
  return `SELECT * EXCLUDE (run_id, replaced_us) FROM (
      SELECT *, min(${latest}) OVER (PARTITION BY definition, e ORDER BY event_us, created_us NULLS FIRST
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS replaced_us
      FROM (${publishedSql(view, `(${times})`)}))
    WHERE replaced_us IS NULL OR replaced_us > ${span.fromUs}`;
}

function valuesSql(known: KnownRows, sql: string, definition: number): string {
  const values = known.view.features.map(({ name }, i) => `r.${quoteName(name)} AS v${i}`);
  return `SELECT s.n, ${values.join(', ')}
    FROM (SELECT r.*, k.e AS "known e" ${ofEntities(known, sql)}) r JOIN ${ROWS} s ON s.definition = ${definition}
      AND s.e = r."known e" AND s.event_us = epoch_us(r.event_time) AND s.created_us IS NOT DISTINCT FROM epoch_us(r.created_time)`;
}
