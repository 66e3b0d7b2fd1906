/**
 * One statement that gives the rows to append to an aggregated view's history.
 *
 *   events -> ev -> tile, d_* (values)
 *          -> g: the edges of each entity where anything enters or leaves, with deltas
 *          -> w: which tiles entered and left last, frames
 *          -> x: the differences of their totals
 *          -> f: one value a feature
 *          -> c: what changed -> rows not yet in the history
 *
 * Without a scope each edge from the first event on is computed. With one, only the edges after `frm` of its entities,
 * from the events that reach past it; what held at `frm` (the seed) comes from those same events (an increment: every
 * event up to there was applied before) or from the history (a range).
 *
 * Edges that the history already has are computed too, as rows without events: what is no longer a change there is
 * restated, or a reader would keep the old value. Where no event stands before such an edge, since all were taken back,
 * its row is `gone`, a tombstone: from there on the entity has none, as it would have none in a full run from nothing.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { resultType } from '../../contract/aggregation/result-type.ts';
import type { AggregatePlan, PlannedFeature } from './aggregate-plan.ts';
import { keysOf, sameKeys } from './aggregate-plan.ts';
import { columnsOfValues, distinctName, distinctPart, valuesCte } from './distinct-values.ts';
import { estimateCtes, estimateJoins, estimateSql, sketchPart } from './distinct-sketch.ts';
import { frequentJoins, frequentName, frequentPart, stabbingCtes } from './most-frequent.ts';
import { percentileCtes, percentileJoins, percentileSql } from './percentile-sketch.ts';
import { isWhole } from './fixed-point.ts';
import { fixedColumns, spreadLostSql, sumsSql, tilePart, tileValueSql } from './tiles.ts';

export interface Scope {
  /**
   * A table (keys, frm, anchor, lives): recompute the edges after `frm`; `anchor`: also the first of them, in any case;
   * `lives`: the entity has an event before `frm` that the run may not read.
   */
  readonly table: string;
  readonly seeds: 'events' | 'history';
  /** The least `frm` in it. */
  readonly fromEdge: number;
}

/** One share of the entities, so that a large view is computed in bounded memory. */
interface Bucket {
  readonly index: number;
  readonly count: number;
}

/** What the statement of one bucket is made of. */
interface AggregateQuery {
  readonly plan: AggregatePlan;
  /** A SELECT of the bucket's events, as of history/events.ts, or of their tiles: as the plan is given. */
  readonly events: string;
  /** The last edge to compute. */
  readonly toEdge: number;
  /** null: all entities, all edges. */
  readonly scope: Scope | null;
  readonly bucket: Bucket;
  /** A SELECT of the bucket's rows of the history (keys, e, created_us, definition, f0..), or null: there are none. */
  readonly old: string | null;
}

/** @returns how many hops back an event may still change a value: those of the widest window, or of the longest gap */
export function reachOf(plan: AggregatePlan): number {
  return Math.max(0, ...plan.windows, ...plan.features.map((f) => f.sessionHops ?? 0));
}

/** Whether all events are read, however far back they lie. */
export function readsAll(plan: AggregatePlan, scope: Scope | null): boolean {
  return scope === null || plan.hasLifetime || scope.seeds === 'history';
}

/** @returns the number of the bucket that an entity belongs to, as SQL over its keys */
export function bucketSql(plan: AggregatePlan, alias: string, count: number): string {
  return `hash(${keysOf(plan, alias)}) % ${count}`;
}

/**
 * @returns a SELECT of
 *          keys, e, f0..
 *          gone          whether the entity has no row from there on: its features are null then
 *          lost          names of features that are null since their values cannot be held, by commas, or NULL
 *          replaced_us   created time of the history's row at that entity and edge if its values differ, or NULL
 */
export function aggregateSql(query: AggregateQuery): string {
  const { plan, scope } = query;
  const parts = [tilePart(plan), distinctPart(plan), sketchPart(plan), frequentPart(plan)];
  const branches = [...parts.flatMap((part) => part.branches), ...emptyEdges(query)];
  const due = scope === null ? 'g' : 'due';
  const stabbing = [...stabbingCtes(plan, due), ...percentileCtes(plan, due)];
  const ctes = [
    ...(query.old === null ? [] : oldCtes(query, query.old)),
    ...eventCtes(query),
    ...columnsOfValues(plan).map((column) => valuesCte(plan, column)),
    ...parts.flatMap((part) => part.ctes),
    `g AS MATERIALIZED (SELECT ${plan.keyList}, e, max(known) AS known, ${parts.flatMap((part) => part.folds).join(', ')}
       FROM (${[...branches, ...knownNowhere(query)].join(' UNION ALL BY NAME ')}) WHERE e <= ${query.toEdge} GROUP BY ${plan.keyList}, e)`,
    `w AS (SELECT ${plan.keyList}, e, known, ${parts.flatMap((part) => part.runs).join(', ')} FROM g WINDOW ${frames(plan)})`,
    ...(stabbing.length === 0 || scope === null ? [] : [dueCte(plan, scope)]),
    ...stabbing,
    ...estimateCtes(plan),
    `x AS (${sumsSql(plan)})`,
    `f AS (${valuesSql(query)})`,
    changesCte(query),
  ];
  return `WITH ${ctes.join(',\n')}\n${restatedSql(query)}`;
}

/**
 * The events of the scope, each at the edge it enters. What no window holds at the beginning of its own entity's scope
 * is left out, or, for lifetimes, moved up to one edge before: values after it are the same, edges fewer.
 */
function eventCtes({ plan, events, scope }: AggregateQuery): string[] {
  const reach = reachOf(plan);
  const isTiled = plan.given === 'tiles';
  const edge = isTiled ? 'r.e' : `t // ${plan.hopUs} + 1`;
  // A tile with the events of many hops would hide the gaps between them.
  const hasSessions = plan.features.some((f) => f.sessionHops !== null);
  const columns = [
    keysOf(plan, 'r'),
    ...(isTiled ? [`r.* EXCLUDE (${plan.keyList}, e)`] : ['t']),
    `${scope === null || hasSessions ? edge : `greatest(${edge}, s.frm - ${reach})`} AS e`,
    ...(isTiled ? [] : [...plan.columns.map((column) => column.name), ...fixedColumns(plan)]),
  ];
  const join = scope === null ? '' : `JOIN ${scope.table} s ON ${sameKeys(plan, 'r', 's')}`;
  const within = readsAll(plan, scope) ? '' : `WHERE ${edge} > s.frm - ${reach}`;
  return [`ev AS MATERIALIZED (SELECT ${columns.join(', ')} FROM (${events}) r ${join} ${within})`];
}

function inBucket(plan: AggregatePlan, alias: string, bucket: Bucket): string {
  return bucket.count === 1 ? 'true' : `${bucketSql(plan, alias, bucket.count)} = ${bucket.index}`;
}

/** Of the history's rows in scope, the newest of each (entity, edge). */
function oldCtes({ plan, scope }: AggregateQuery, old: string): string[] {
  const all = scope === null || scope.seeds === 'history';
  const join = scope === null ? '' : `JOIN ${scope.table} s ON ${sameKeys(plan, 'o', 's')}`;
  return [
    `old AS MATERIALIZED (SELECT o.* FROM (${old}) o ${join}
       WHERE ${all ? 'true' : 'o.e > s.frm'}
       QUALIFY row_number() OVER (PARTITION BY ${keysOf(plan, 'o')}, o.e ORDER BY created_us DESC NULLS LAST) = 1)`,
  ];
}

/** Rows without events at edges that must be looked at: those of the history, and where a scope begins. */
function emptyEdges({ plan, scope, bucket, old }: AggregateQuery): string[] {
  const edges: string[] = [];
  if (scope !== null) {
    const at = scope.seeds === 'events' ? 'frm AS e' : 'frm + 1 AS e, 1 AS known';
    const which = scope.seeds === 'events' ? 'true' : 'anchor';
    edges.push(
      `SELECT ${plan.keyList}, ${at} FROM ${scope.table} b WHERE ${which} AND ${inBucket(plan, 'b', bucket)}`,
    );
  }
  if (old !== null) edges.push(`SELECT ${plan.keyList}, e, 1 AS known FROM old`);
  return edges;
}

/** Gives the stream its column `known`, null everywhere, also where no edge has to be looked at without events. */
function knownNowhere({ plan }: AggregateQuery): string[] {
  return [`SELECT ${plan.keyList}, e, NULL::INTEGER AS known FROM total WHERE false`];
}

function frames(plan: AggregatePlan): string {
  const partition = `PARTITION BY ${plan.keyList} ORDER BY e`;
  return [
    `w0 AS (${partition} ROWS UNBOUNDED PRECEDING)`,
    ...plan.windows.map(
      (hops) => `w${hops} AS (${partition} RANGE BETWEEN ${hops - 1} PRECEDING AND CURRENT ROW)`,
    ),
  ].join(', ');
}

/** The edges whose value is wanted: finding the most frequent value at others would be wasted. */
function dueCte(plan: AggregatePlan, scope: Scope): string {
  return `due AS MATERIALIZED (SELECT ${keysOf(plan, 'a')}, a.e FROM g a JOIN ${scope.table} s
    ON ${sameKeys(plan, 'a', 's')} WHERE a.e >= s.frm)`;
}

function valuesSql({ plan, scope }: AggregateQuery): string {
  const gone = scope === null ? '(x.present IS NULL)' : '(x.present IS NULL AND NOT s.lives)';
  const values = plan.features.map((feature) => {
    return `CASE WHEN NOT ${gone} THEN ${heldSql(feature)} END AS ${feature.name}`;
  });
  const lost = plan.features.flatMap((feature) => {
    const when = lostSql(feature);
    return when === null ? [] : [`CASE WHEN ${when} THEN ${quoteText(feature.feature.name)} END`];
  });
  values.push(
    lost.length === 0 ? 'NULL::VARCHAR AS lost' : `nullif(concat_ws(',', ${lost.join(', ')}), '') AS lost`,
  );
  const join = scope === null ? '' : `JOIN ${scope.table} s ON ${sameKeys(plan, 'x', 's')}`;
  const joins = [frequentJoins, estimateJoins, percentileJoins]
    .map((joinsOf) => joinsOf(plan, 'x'))
    .join(' ');
  const after = scope === null ? 'true' : scope.seeds === 'events' ? 'x.e >= s.frm' : 'x.e > s.frm';
  const seed = scope === null ? 'false' : 'x.e <= s.frm';
  return `SELECT ${keysOf(plan, 'x')}, x.e, ${seed} AS seed, ${gone} AS gone, ${values.join(', ')}
    FROM x ${join} ${joins} WHERE (x.present IS NOT NULL OR x.known IS NOT NULL) AND ${after}`;
}

/** @returns SQL of a value in the feature's type, NULL where it cannot be held; a zero of floats has no sign */
function heldSql(feature: PlannedFeature): string {
  const sql = exactSql(feature);
  if (!mayOverflow(feature)) return `(${sql})::${feature.duckType}`;
  const held = `TRY_CAST(${sql} AS ${feature.duckType})`;
  if (feature.feature.type.kind !== 'float32') return held;
  // A float64 that is too small for a float32 becomes -0 where it is below 0.
  return `(CASE WHEN ${held} = 0 THEN 0 ELSE ${held} END)::${feature.duckType}`;
}

function valueSql(feature: PlannedFeature): string {
  switch (feature.aggregation.function) {
    case 'countDistinct':
      return distinctName(feature);
    case 'approxCountDistinct':
      return estimateSql(feature);
    case 'approxPercentile':
      return percentileSql(feature);
    case 'mostFrequent':
      return `x_${frequentName(feature)}.v`;
    default:
      return tileValueSql(feature);
  }
}

/**
 * A float that is held as an int32 is made an int64 first: DuckDB casts 2147483647.5 to the INTEGER -2147483648, and
 * its round_even makes -2251799813685249 of -2251799813685248.5.
 */
function exactSql(feature: PlannedFeature): string {
  const sql = valueSql(feature);
  return isWhole(feature.feature.type) && givesFloat(feature) ? `TRY_CAST(${sql} AS BIGINT)` : sql;
}

/** Whether a value may be outside of its feature's type: wider sums, and types that were chosen narrower. */
function mayOverflow(feature: PlannedFeature): boolean {
  const { function: name } = feature.aggregation;
  const { kind } = feature.feature.type;
  if (kind === 'int64') return name === 'sum' || givesFloat(feature);
  return kind === 'int32' || kind === 'float32';
}

function givesFloat({ aggregation }: PlannedFeature): boolean {
  const { kind } = resultType(aggregation.function, aggregation.columnType);
  return kind === 'float32' || kind === 'float64';
}

/** @returns the condition that a value there is cannot be held, so that the feature is null; null: it always can */
function lostSql(feature: PlannedFeature): string | null {
  const conditions: string[] = [];
  if (mayOverflow(feature)) {
    const held = `TRY_CAST(${exactSql(feature)} AS ${feature.duckType})`;
    conditions.push(`(${valueSql(feature)} IS NOT NULL AND ${held} IS NULL)`);
  }
  if (feature.aggregation.function === 'stddev') conditions.push(spreadLostSql(feature));
  return conditions.length === 0 ? null : conditions.join(' OR ');
}

/** An entity's first row is a change unless it is gone; a later one if a value differs from that of the row before. */
function changesCte({ plan, scope, old }: AggregateQuery): string {
  const names = plan.features.map((feature) => feature.name);
  const differs = ['gone', ...names]
    .map((name) => `${name} IS DISTINCT FROM lag(${name}) OVER p`)
    .join(' OR ');
  const seeds =
    scope === null || scope.seeds === 'events' || old === null
      ? ''
      : ` UNION ALL SELECT ${keysOf(plan, 'o')}, o.e, true, o.gone, ${names.map((name) => `o.${name}`).join(', ')}, NULL
          FROM old o JOIN ${scope.table} s ON ${sameKeys(plan, 'o', 's')} WHERE o.e <= s.frm
          QUALIFY row_number() OVER (PARTITION BY ${keysOf(plan, 'o')} ORDER BY o.e DESC) = 1`;
  const changed = `CASE WHEN row_number() OVER p = 1 THEN NOT gone ELSE ${differs} END`;
  return `c AS (SELECT *, ${changed} AS changed FROM (SELECT * FROM f${seeds})
    WINDOW p AS (PARTITION BY ${plan.keyList} ORDER BY e))`;
}

function restatedSql({ plan, old }: AggregateQuery): string {
  const names = plan.features.map((feature) => `c.${feature.name}`);
  const columns = `${keysOf(plan, 'c')}, c.e, c.gone, ${names.join(', ')}, c.lost`;
  if (old === null) return `SELECT ${columns}, NULL::BIGINT AS replaced_us FROM c WHERE NOT seed AND changed`;
  const differs = plan.features.map((f) => `c.${f.name} IS DISTINCT FROM o.${f.name}`);
  differs.push('c.gone IS DISTINCT FROM o.gone');
  differs.push(`o.definition IS DISTINCT FROM ${plan.view.definitionId}`);
  return `SELECT ${columns}, o.created_us AS replaced_us FROM c LEFT JOIN old o
    ON ${sameKeys(plan, 'c', 'o')} AND c.e = o.e
    WHERE NOT seed AND CASE WHEN o.e IS NULL THEN changed ELSE ${differs.join(' OR ')} END`;
}
