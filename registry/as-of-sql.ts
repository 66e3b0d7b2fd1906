/**
 * The as-of rule as DuckDB SQL, both modes, safe when one key is hot. `as-of.ts` is what it must agree with.
 *
 *   fr: the rows that can be seen at all, numbered in the rule's order within their entity
 *   q:  the best row known at each moment: the running maximum of that number over the time a row becomes visible.
 *       It is what makes "as available" right: `event <= t and created <= t` is `greatest(event, created) <= t`,
 *       but the row that became visible last need not be the best
 *   h:  ASOF join of the labels with the moments; then the row is fetched by its number
 *
 * Traps that this form keeps clear of (each met and measured): an ASOF join breaks ties by its plan, so q holds one
 * row a moment; DuckDB 1.5 matches labels whose time is NULL when the left side is large, so every output is guarded
 * by `<= t`; times are BIGINT microseconds, because a TIMESTAMP less an INTERVAL follows calendars and precisions;
 * NULLs FIRST is spelled; keys must have equal types, because BIGINT = DOUBLE compares as doubles.
 *
 * Called by the training join (materializer/train.ts) and the monitor's replay.
 */
import { quoteName } from './duckdb.ts';
import type { ValueType } from './value-type.ts';

export interface AsOfJoin {
  /** FROM item of the labels: a table, or a SELECT in parentheses. */
  readonly labels: string;
  /** Column of the labels that is unique and stable: BIGINT. */
  readonly rid: string;
  /** Column of the labels: BIGINT microseconds; NULL sees nothing. */
  readonly time: string;
  /** SELECT of the history as `historySql` gives it. */
  readonly rows: string;
  /** Pairs of columns; both of the join key's type. A NULL matches nothing. */
  readonly keys: readonly { readonly label: string; readonly row: string }[];
  /** All features of the view, in its order: together they make the order of rows total. */
  readonly features: readonly { readonly name: string; readonly type: ValueType }[];
  /** Which of them come out, and as what. */
  readonly outputs: readonly { readonly feature: string; readonly as: string }[];
  readonly mode: 'trained' | 'available';
  readonly delayUs: number;
  readonly ttlUs: number | null;
}

/** What became of a label, in column `asof_state`. */
export const NO_ROW = 0;
export const ROW_FOUND = 1;
export const ROW_OUTSIDE_TTL = 2;

/**
 * @returns  a SELECT with one row for each label: `rid`, `asof_state` (NO_ROW, ROW_FOUND, ROW_OUTSIDE_TTL),
 *           `asof_event_us`, `asof_created_us`, `asof_run_id`, `asof_definition_id` of the row where there is one,
 *           also of one outside its TTL, and the outputs, NULL unless ROW_FOUND. In no particular order
 */
export function asOfJoinSql(join: AsOfJoin): string {
  const keys = join.keys.map((key) => quoteName(key.row)).join(', ');
  const on = (left: string, right: string): string =>
    join.keys.map(({ row }) => `${left}.${quoteName(row)} = ${right}.${quoteName(row)}`).join(' AND ');
  const visibleUs = `asof_event_us + ${join.delayUs}`;
  const available = join.mode === 'available' ? `greatest(${visibleUs}, asof_created_us)` : visibleUs;
  const good = [...join.keys.map((key) => quoteName(key.row)), 'event_time']
    .concat(join.mode === 'available' ? ['created_time'] : [])
    .map((column) => `${column} IS NOT NULL`)
    .join(' AND ');
  const found = `f.asof_event_us + ${join.delayUs} <= l.asof_t`;
  const fresh = join.ttlUs === null ? found : `${found} AND f.asof_event_us >= l.asof_t - ${join.ttlUs}`;
  const time = ['event_us', 'created_us', 'run_id', 'definition_id'].map(
    (name) => `CASE WHEN ${found} THEN f.asof_${name} END AS asof_${name}`,
  );
  const outputs = join.outputs.map(
    ({ feature, as }) => `CASE WHEN ${fresh} THEN f.${quoteName(feature)} END AS ${quoteName(as)}`,
  );
  const labelKeys = join.keys.map(({ label, row }) => `${quoteName(label)} AS ${quoteName(row)}`).join(', ');
  return `WITH feat AS (SELECT * REPLACE (CAST(definition_id AS UINTEGER) AS definition_id),
  epoch_us(event_time) AS asof_event_us, epoch_us(created_time) AS asof_created_us FROM (${join.rows})),
fr AS MATERIALIZED (SELECT * RENAME (run_id AS asof_run_id, definition_id AS asof_definition_id),
  ${available} AS asof_av,
  row_number() OVER (PARTITION BY ${keys} ORDER BY ${rowOrderSql(join.features)}) AS asof_rn
  FROM feat WHERE ${good}),
q AS (SELECT ${keys}, asof_av,
  max(asof_rn) OVER (PARTITION BY ${keys} ORDER BY asof_av, asof_rn ROWS UNBOUNDED PRECEDING) AS asof_rn FROM fr
  QUALIFY lead(asof_av) OVER (PARTITION BY ${keys} ORDER BY asof_av, asof_rn) IS DISTINCT FROM asof_av),
lab AS (SELECT ${quoteName(join.rid)} AS asof_rid, ${quoteName(join.time)} AS asof_t, ${labelKeys}
  FROM ${join.labels}),
h AS (SELECT l.*, q.asof_rn FROM lab l ASOF LEFT JOIN q ON ${on('l', 'q')} AND l.asof_t >= q.asof_av)
SELECT l.asof_rid AS rid,
  CASE WHEN ${fresh} THEN ${ROW_FOUND} WHEN ${found} THEN ${ROW_OUTSIDE_TTL} ELSE ${NO_ROW} END AS asof_state,
  ${[...time, ...outputs].join(',\n  ')}
FROM h l LEFT JOIN fr f ON ${on('l', 'f')} AND l.asof_rn = f.asof_rn`;
}

/**
 * The order of one entity's rows, oldest first, as an ORDER BY over the columns of `historySql` with its times as
 * `asof_event_us` and `asof_created_us`: event, created, then the values in the canonical order; where all of these
 * are equal the rows are interchangeable, and definition and run make the order total.
 */
function rowOrderSql(features: AsOfJoin['features']): string {
  const terms = ['asof_event_us ASC', 'asof_created_us ASC NULLS FIRST'];
  terms.push(...canonicalOrderSql(features));
  terms.push('definition_id ASC NULLS FIRST', 'run_id ASC NULLS FIRST');
  return terms.join(', ');
}

/**
 * @returns  ORDER BY terms for the canonical order of values (`compareCanonical`), least first
 *
 * No term is a bare column of floats: DuckDB 1.5.6 takes a sorted column's values back from its sort keys, in which
 * -0.0 is 0.0, and the row that comes out is then not the row that went in.
 */
export function canonicalOrderSql(features: AsOfJoin['features']): string[] {
  return features.flatMap(({ name, type }) => {
    const column = quoteName(name);
    switch (type.kind) {
      case 'float32':
      case 'float64':
        return [
          `CASE WHEN ${column} = 0 THEN 0 ELSE ${column} END ASC NULLS FIRST`,
          `(${column} = 0 AND signbit(${column})) DESC NULLS FIRST`,
        ];
      case 'embedding':
      case 'list':
      case 'map':
      case 'struct':
        // The text is what tells -0.0 from 0.0 within: it sorts before, as '-' does before '0'.
        return [`(${column} IS NOT NULL) ASC`, `[${column}] ASC`, `CAST(${column} AS VARCHAR) ASC`];
      default:
        return [`${column} ASC NULLS FIRST`];
    }
  });
}
