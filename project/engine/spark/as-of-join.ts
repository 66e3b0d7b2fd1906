/**
 * The as-of rule as a join in Spark, both modes, safe when one key is hot; what it finds DuckDB's joinAsOf finds, to
 * the bit. One pass and one shuffle a view:
 *
 *   rows    of the history, each from the time on at which it is visible, and the labels, united and sorted by time
 *   newest  the running maximum of what orders rows: event time, created time, all values in their canonical order. A
 *           maximum, since the row that became visible last need not be the newest
 *   found   that maximum where a label stands
 *
 * The maximum carries the values: as the order is total, equal ones are one row. What cannot be read back from it
 * (lists, maps, structs) is carried beside it by `max_by`.
 */
import { canonicalTerms } from './canonical-order.ts';
import { sparkName } from './spark-sql.ts';
import type { AsOfJoin } from '../duckdb/as-of-join.ts';
import { CREATED_NS, EVENT_NS } from '../duckdb/sources/stored-rows.ts';
import type { ValueType } from '../../../contract/value-type.ts';

/** As DuckDB's join has it, with labels and history in Spark's SQL. */
interface SparkAsOf extends Omit<AsOfJoin, 'history'> {
  /** SELECT of the rows that labels can see, as history.ts gives it; a row may come twice. */
  readonly rows: string;
  /** A column of them that numbers them, BIGINT, which may be an output; null or absent: they have none. */
  readonly place?: string | null;
}

/** The columns of `sparkAsOfSql` beside `rid` that every answer has. */
const ORIGIN = ['event_us', 'created_us', 'run_id', 'definition_id', 'deleted'] as const;

/**
 * @returns a SELECT of one row for each label that has a row behind it, however old: `rid`, event_us, created_us,
 *          run_id, definition_id, deleted, and the outputs as o0, o1, ...
 */
export function sparkAsOfSql(join: SparkAsOf): string {
  const { rows, labels, mode, delayUs } = join;
  const keys = join.keys.map((_, i) => `k${i}`);
  const list = keys.join(', ');
  const order = orderTerms(join);
  const carried = join.outputs.flatMap(({ feature }, i) =>
    feature !== join.place && isCarried(typeOf(join, feature)) ? [`'p${i}', r.${sparkName(feature)}`] : [],
  );
  // The delay is taken off the labels: the last times that there are leave no room to add it.
  const visibleAt =
    mode === 'available'
      ? `greatest(unix_micros(r.event_time), unix_micros(r.created_time) - ${delayUs})`
      : `unix_micros(r.event_time)`;
  const needed = [
    ...join.keys.map(({ row }) => sparkName(row)),
    'event_time',
    ...(mode === 'available' ? ['created_time'] : []),
  ];
  const seen = [...join.keys.map(({ label }) => sparkName(label)), sparkName(join.time)];
  const withCarried = (sql: string): string => (carried.length === 0 ? '' : `, ${sql}`);
  const frame = `OVER (PARTITION BY ${list} ORDER BY visible_us, is_label
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  return `WITH history AS (
      SELECT ${join.keys.map(({ row }, i) => `r.${sparkName(row)} AS k${i}`).join(', ')}, ${visibleAt} AS visible_us,
        0 AS is_label, CAST(NULL AS BIGINT) AS rid, named_struct(${order.join(', ')}) AS o
        ${withCarried(`named_struct(${carried.join(', ')}) AS p`)}
      FROM (${rows}) r WHERE ${needed.map((column) => `r.${column} IS NOT NULL`).join(' AND ')}),
    labels AS (
      SELECT ${join.keys.map(({ label }, i) => `${sparkName(label)} AS k${i}`).join(', ')},
        ${sparkName(join.time)} - ${delayUs} AS visible_us, 1 AS is_label, ${sparkName(join.rid)} AS rid, NULL AS o ${withCarried('NULL AS p')}
      FROM ${labels} WHERE ${seen.map((column) => `${column} IS NOT NULL`).join(' AND ')}),
    newest AS (
      SELECT rid, is_label, max(o) ${frame} AS o ${withCarried(`max_by(p, o) ${frame} AS p`)}
      FROM (SELECT * FROM history UNION ALL SELECT * FROM labels))
    SELECT rid, ${[...ORIGIN.map((name) => `o.${name}`), ...answers(join)].join(', ')}
    FROM newest WHERE is_label = 1 AND o IS NOT NULL`;
}

/** What orders the rows of an entity, as fields of a struct; behind it, what such rows share, and their number. */
function orderTerms({ nanos, tombstones, features, place = null }: SparkAsOf): string[] {
  const ns = (name: string, as: string): string[] => (nanos ? [`'${as}', r.${sparkName(name)}`] : []);
  return [
    `'event_us', unix_micros(r.event_time)`,
    ...ns(EVENT_NS, 'event_ns'),
    `'created_us', unix_micros(r.created_time)`,
    ...ns(CREATED_NS, 'created_ns'),
    ...features.flatMap(({ name, type }, i) =>
      canonicalTerms(type, `r.${sparkName(name)}`).map(
        (term, at) => `'${at === 0 ? 'v' : 's'}${i}', ${term}`,
      ),
    ),
    `'definition_id', r.definition_id`,
    `'run_id', r.run_id`,
    `'deleted', ${tombstones ? 'coalesce(r.deleted, false)' : 'false'}`,
    // Of equal rows any is the one.
    ...(place === null ? [] : [`'place', r.${sparkName(place)}`]),
  ];
}

/** The outputs, read back from what orders the rows, or carried. */
function answers(join: SparkAsOf): string[] {
  return join.outputs.map(({ feature }, i) => {
    if (feature === join.place) return `o.place AS o${i}`;
    const type = typeOf(join, feature);
    const at = join.features.findIndex(({ name }) => name === feature);
    const value = `o.v${at}`;
    if (isCarried(type)) return `p.p${i} AS o${i}`;
    if (type.kind !== 'float32' && type.kind !== 'float64') return `${value} AS o${i}`;
    const zero = type.kind === 'float32' ? `CAST('-0.0' AS FLOAT)` : `CAST('-0.0' AS DOUBLE)`;
    return `CASE WHEN NOT o.s${at} THEN ${zero} ELSE ${value} END AS o${i}`;
  });
}

function typeOf({ features }: SparkAsOf, name: string): ValueType {
  return features.find((feature) => feature.name === name)!.type;
}

function isCarried(type: ValueType): boolean {
  return ['list', 'embedding', 'map', 'struct'].includes(type.kind);
}
