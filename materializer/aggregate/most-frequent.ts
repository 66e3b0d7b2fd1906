/**
 * mostFrequent by a packed code: running count * 2^32 + rank, where the smallest value has the greatest rank. The
 * greatest code is then the highest count, and among equals the smallest value. (`mode()` breaks ties by input order.)
 *
 * A lifetime's counts only grow: a running maximum. In a window each (value, count) holds for an interval of edges,
 * and the maximum at an edge is over the intervals it stabs, found through buckets of edges.
 * A code holds counts below 2^31 and fewer than 2^32 values; past that the cast or the product fails, never wraps.
 */
import type { AggregatePlan, PlannedFeature, StreamPart } from './aggregate-plan.ts';
import { keysOf, LIFETIME, sameKeys, windowOf } from './aggregate-plan.ts';

const RANK_BASE = 4_294_967_296;

function frequentFeatures(plan: AggregatePlan): PlannedFeature[] {
  const distinct = new Map<string, PlannedFeature>();
  for (const feature of plan.features) {
    if (feature.aggregation.function === 'mostFrequent') distinct.set(frequentName(feature), feature);
  }
  return [...distinct.values()];
}

/** The name of the code of a column and window, in the edges (lifetime) or as a table of its own (windowed). */
export function frequentName(feature: PlannedFeature): string {
  return `mf_${feature.column!.name}_${windowOf(feature)}`;
}

/** The ranks of a column's values, and the codes that a lifetime adds to the stream of edges. */
export function frequentPart(plan: AggregatePlan): StreamPart {
  const features = frequentFeatures(plan);
  const columns = [...new Set(features.map((f) => f.column!.name))];
  const lifetimes = features.filter((f) => windowOf(f) === LIFETIME);
  return {
    ctes: columns.map(
      (
        v,
      ) => `rank_${v} AS MATERIALIZED (SELECT v, (${RANK_BASE - 1} - row_number() OVER (ORDER BY v))::BIGINT AS r
        FROM (SELECT DISTINCT v FROM d_${v}))`,
    ),
    branches: lifetimes.map((f) => {
      const v = f.column!.name;
      return `SELECT ${plan.keyList}, e, (sum(c) OVER (PARTITION BY ${plan.keyList}, v ORDER BY e
        ROWS UNBOUNDED PRECEDING))::BIGINT * ${RANK_BASE} + r AS ${frequentName(f)} FROM d_${v} JOIN rank_${v} USING (v)`;
    }),
    folds: lifetimes.map((f) => `max(${frequentName(f)}) AS ${frequentName(f)}`),
    runs: lifetimes.map((f) => `max(${frequentName(f)}) OVER w0 AS ${frequentName(f)}`),
  };
}

/** @returns the CTEs that give the code of each windowed feature at every edge of `edges`, as tables (keys, e, code) */
export function stabbingCtes(plan: AggregatePlan, edges: string): string[] {
  return frequentFeatures(plan)
    .filter((f) => windowOf(f) !== LIFETIME)
    .flatMap((f) => {
      const name = frequentName(f);
      const v = f.column!.name;
      const w = windowOf(f);
      const bucket = Math.max(1, Math.floor(w / 8));
      const keys = plan.keyList;
      return [
        `st_${name} AS (SELECT ${keys}, v, e AS a, lead(e) OVER p AS b,
           (sum(c) OVER (PARTITION BY ${keys}, v ORDER BY e ROWS UNBOUNDED PRECEDING))::BIGINT AS c
         FROM (SELECT ${keys}, v, e, sum(c) AS c FROM (SELECT ${keys}, v, e, c FROM d_${v}
               UNION ALL SELECT ${keys}, v, e + ${w}, -c FROM d_${v}) GROUP BY ${keys}, v, e HAVING sum(c) <> 0)
         WINDOW p AS (PARTITION BY ${keys}, v ORDER BY e))`,
        `sb_${name} AS (SELECT ${keys}, a, b, c * ${RANK_BASE} + r AS code,
           unnest(generate_series(a // ${bucket}, (b - 1) // ${bucket})) AS bucket
         FROM st_${name} JOIN rank_${v} USING (v) WHERE c > 0)`,
        `${name} AS (SELECT ${keysOf(plan, 'g')}, g.e, max(s.code) AS code FROM ${edges} g JOIN sb_${name} s
           ON ${sameKeys(plan, 'g', 's')} AND s.bucket = g.e // ${bucket} AND g.e >= s.a AND g.e < s.b
         GROUP BY ${keysOf(plan, 'g')}, g.e)`,
      ];
    });
}

/** @returns the joins that turn codes into values: one table of values, aliased `x_<name>`, for each feature */
export function frequentJoins(plan: AggregatePlan, edges: string): string {
  return frequentFeatures(plan)
    .map((f) => {
      const name = frequentName(f);
      const values = `rank_${f.column!.name} AS x_${name}`;
      if (windowOf(f) === LIFETIME)
        return `LEFT JOIN ${values} ON x_${name}.r = (${edges}.${name} & ${RANK_BASE - 1})`;
      return `LEFT JOIN ${name} ON ${sameKeys(plan, edges, name)} AND ${edges}.e = ${name}.e
        LEFT JOIN ${values} ON x_${name}.r = (${name}.code & ${RANK_BASE - 1})`;
    })
    .join(' ');
}
