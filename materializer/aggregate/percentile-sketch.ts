/**
 * approxPercentile: DDSketch (contract/aggregation/sketch/ddsketch.ts) as SQL, the same bucket at every edge.
 *
 *   sketch  b_v0            how many values of an entity entered with a tile, by bucket
 *   counts  bc_v0_W_8 ...   by the bucket's number without its last 8, 4, 0 bits: what the window holds from then on
 *   descent pd_..._8 ...    at each edge the part that holds the wanted place, then the sixteenth of it, and so on
 *
 * A descent looks at 16 counts three times where a sum over all buckets would look at some hundreds.
 */
import {
  BUCKETS,
  LOG_GAMMA,
  LOWEST,
  MIDDLE,
  UPPER_BOUNDS,
} from '../../contract/aggregation/sketch/ddsketch.ts';
import type { AggregatePlan, PlannedFeature } from './aggregate-plan.ts';
import { keysOf, LIFETIME, occurrencesSql, sameKeys, windowOf } from './aggregate-plan.ts';

/** Added to a bucket, so that none is below 0. */
const OFFSET = 4_096;
/** Bits left out of a bucket's number, level by level. */
const LEVELS = [8, 4, 0] as const;

function percentileFeatures(plan: AggregatePlan): PlannedFeature[] {
  const wanted = plan.features.filter((f) => f.aggregation.function === 'approxPercentile');
  return [...new Map(wanted.map((feature) => [percentileName(feature), feature])).values()];
}

/** The name of a window's counts. */
function countsName(feature: PlannedFeature): string {
  return `bc_${feature.column!.name}_${windowOf(feature)}`;
}

function percentileName(feature: PlannedFeature): string {
  return `pd_${feature.name}`;
}

/** @returns the CTEs that give each feature's bucket at every edge of `edges`, as tables (keys, e, part) */
export function percentileCtes(plan: AggregatePlan, edges: string): string[] {
  const features = percentileFeatures(plan);
  if (features.length === 0) return [];
  const columns = [...new Set(features.map((f) => f.column!.name))];
  const counts = new Map(features.map((feature) => [countsName(feature), feature]));
  return [
    `bounds AS MATERIALIZED (${boundsSql()})`,
    ...columns.map((v) => bucketsCte(plan, v)),
    ...[...counts].flatMap(([name, feature]) =>
      LEVELS.flatMap((level) => countCtes(plan, name, feature, level)),
    ),
    ...features.flatMap((feature) => LEVELS.map((_, i) => descentCte(plan, feature, i, edges))),
  ];
}

/** By positive bucket: the bound below, which is not in it, and its own. */
export function boundsSql(): string {
  const bounds = [...UPPER_BOUNDS.subarray(1)].map((bound) => bound.toExponential());
  return `SELECT bucket, upper, lag(upper, 1, 0) OVER (ORDER BY bucket) AS lower
    FROM (SELECT unnest(range(1, ${BUCKETS + 1})) AS bucket, unnest([${bounds.join(', ')}]) AS upper)`;
}

/**
 * The bucket of a number that is not null: the logarithm only guesses it, the bounds say whether it is that, or one
 * beside it.
 *
 * @returns the bucket, INTEGER, and how its table `bounds` is joined as `d`
 */
export function bucketOfSql(v: string): { readonly bucket: string; readonly join: string } {
  const size = `abs(${v}::DOUBLE)`;
  const guess = `(ceil(ln(least(greatest(${size}, 1e-13), 1e20) / ${LOWEST.toExponential()}) / ${LOG_GAMMA.toExponential()}) + 1)`;
  const above = `(d.bucket < ${BUCKETS} AND ${size} > d.upper)::INTEGER`;
  const below = `(d.bucket > 1 AND ${size} <= d.lower)::INTEGER`;
  return {
    bucket: `(CASE WHEN ${v} = 0 THEN 0 ELSE sign(${v}) * (d.bucket + ${above} - ${below}) END)::INTEGER`,
    join: `JOIN bounds d ON d.bucket = greatest(1, least(${BUCKETS}, ${guess}))::BIGINT`,
  };
}

function bucketsCte(plan: AggregatePlan, v: string): string {
  const { bucket, join } = bucketOfSql(v);
  return `b_${v} AS MATERIALIZED (SELECT ${keysOf(plan, 'ev')}, ev.e, ${bucket} + ${OFFSET} AS bucket, ${occurrencesSql(plan)}::BIGINT AS c
    FROM ev ${join} WHERE ${v} IS NOT NULL GROUP BY ALL)`;
}

/** How many values of each part the window holds, where that changes; and which parts an entity has. */
function countCtes(plan: AggregatePlan, name: string, feature: PlannedFeature, level: number): string[] {
  const w = windowOf(feature);
  const from = `b_${feature.column!.name}`;
  const entering = `SELECT ${plan.keyList}, bucket >> ${level} AS part, e, c FROM ${from}`;
  const leaving = `SELECT ${plan.keyList}, bucket >> ${level}, e + ${w}, -c FROM ${from}`;
  const moves = w === LIFETIME ? entering : `${entering} UNION ALL ${leaving}`;
  return [
    `${name}_${level} AS MATERIALIZED (SELECT ${plan.keyList}, part, e,
        (sum(sum(c)) OVER (PARTITION BY ${plan.keyList}, part ORDER BY e ROWS UNBOUNDED PRECEDING))::BIGINT AS c
      FROM (${moves}) GROUP BY ${plan.keyList}, part, e HAVING sum(c) <> 0)`,
    `${name}_${level}_parts AS MATERIALIZED (SELECT DISTINCT ${plan.keyList}, part FROM ${name}_${level})`,
  ];
}

/** One level: of the parts within the one found before, the first with which the counts pass the place. */
function descentCte(plan: AggregatePlan, feature: PlannedFeature, depth: number, edges: string): string {
  const level = LEVELS[depth]!;
  const above = LEVELS[depth - 1];
  const counts = `${countsName(feature)}_${level}`;
  const own = percentileName(feature);
  const from = above === undefined ? edges : `${own}_${above}`;
  const within = above === undefined ? '' : `AND g.part = t.part >> ${above - level}`;
  const place = above === undefined ? 'NULL' : 'g.place';
  const known = `SELECT ${plan.keyList}, part, e, c, NULL::BIGINT AS place, false AS asked FROM ${counts}`;
  const asked = `SELECT ${keysOf(plan, 'g')}, t.part, g.e, NULL, ${place}, true FROM ${from} g
    JOIN ${counts}_parts t ON ${sameKeys(plan, 'g', 't')} ${within}`;
  // A window finds the newest count of a part: an ASOF join over several keys took minutes here.
  const asOf = `SELECT ${plan.keyList}, e, place, part, asked, last_value(c IGNORE NULLS) OVER
      (PARTITION BY ${plan.keyList}, part ORDER BY e, asked ROWS UNBOUNDED PRECEDING) AS c
    FROM (${known} UNION ALL ${asked})`;
  const counted = `SELECT *, sum(c) OVER (PARTITION BY ${plan.keyList}, e ORDER BY part ROWS UNBOUNDED PRECEDING) AS upto,
      sum(c) OVER (PARTITION BY ${plan.keyList}, e) AS total
    FROM (${asOf}) WHERE asked AND c > 0`;
  const q = feature.aggregation.percentile.toExponential();
  const wanted = `coalesce(place, floor(${q} * (total - 1)::DOUBLE)::BIGINT)`;
  return `${own}_${level} AS MATERIALIZED (SELECT ${plan.keyList}, e, min(part) AS part, max(${wanted} - (upto - c))::BIGINT AS place
    FROM (${counted}) WHERE upto > ${wanted} GROUP BY ${plan.keyList}, e)`;
}

/** @returns the joins that bring each feature its bucket, `<name>.part`, and the bound of that, `<name>_b.upper` */
export function percentileJoins(plan: AggregatePlan, edges: string): string {
  return percentileFeatures(plan)
    .map((feature) => {
      const name = percentileName(feature);
      return `LEFT JOIN ${name}_0 AS ${name} ON ${sameKeys(plan, edges, name)} AND ${edges}.e = ${name}.e
        LEFT JOIN bounds AS ${name}_b ON ${name}_b.bucket = abs(${name}.part - ${OFFSET})`;
    })
    .join(' ');
}

/** @returns the middle of the bucket, NULL where the window has no value */
export function percentileSql(feature: PlannedFeature): string {
  const name = percentileName(feature);
  const bucket = `(${name}.part - ${OFFSET})`;
  const middle = `${name}_b.upper * ${MIDDLE.toExponential()}`;
  return `CASE WHEN ${bucket} > 0 THEN ${middle} WHEN ${bucket} < 0 THEN -(${middle}) WHEN ${bucket} = 0 THEN 0 END`;
}
