/**
 * countDistinct by intervals: a value stands in a window from the edge it enters until W edges after its last tile,
 * so that it adds 1 where it was absent and takes 1 away where no later tile holds it. No set is kept.
 *
 * The values of a column by entity and edge (`d_v0`) also serve mostFrequent.
 */
import type { AggregatePlan, PlannedFeature, StreamPart, ValueColumn } from './aggregate-plan.ts';
import { LIFETIME, occurrencesSql, windowOf } from './aggregate-plan.ts';

/** @returns the columns whose single values are needed */
export function columnsOfValues(plan: AggregatePlan): ValueColumn[] {
  const features = plan.features.filter((f) =>
    ['countDistinct', 'mostFrequent'].includes(f.aggregation.function),
  );
  return [...new Set(features.map((f) => f.column!))];
}

export function valuesCte(plan: AggregatePlan, column: ValueColumn): string {
  const v = column.name;
  return `d_${v} AS MATERIALIZED (SELECT ${plan.keyList}, ${v} AS v, e, ${occurrencesSql(plan)}::BIGINT AS c FROM ev
    WHERE ${v} IS NOT NULL GROUP BY ${plan.keyList}, ${v}, e)`;
}

export function distinctPart(plan: AggregatePlan): StreamPart {
  const wanted = new Map<string, PlannedFeature>();
  for (const feature of plan.features) {
    if (feature.aggregation.function === 'countDistinct') wanted.set(distinctName(feature), feature);
  }
  const windowed = new Set([...wanted.values()].filter((f) => f.hops !== null).map((f) => f.column!.name));
  return {
    ctes: [...windowed].map(
      (v) => `i_${v} AS MATERIALIZED (SELECT ${plan.keyList}, e, lag(e) OVER p AS pe, lead(e) OVER p AS ne
        FROM d_${v} WINDOW p AS (PARTITION BY ${plan.keyList}, v ORDER BY e))`,
    ),
    branches: [...wanted].flatMap(([name, feature]) => branchesOf(plan, name, feature)),
    folds: [...wanted.keys()].map((name) => `sum(${name}) AS ${name}`),
    runs: [...wanted.keys()].map((name) => `coalesce(sum(${name}) OVER w0, 0) AS ${name}`),
  };
}

function branchesOf(plan: AggregatePlan, name: string, feature: PlannedFeature): string[] {
  const v = feature.column!.name;
  const w = windowOf(feature);
  if (w === LIFETIME) {
    return [`SELECT ${plan.keyList}, min(e) AS e, 1 AS ${name} FROM d_${v} GROUP BY ${plan.keyList}, v`];
  }
  return [
    `SELECT ${plan.keyList}, e, 1 AS ${name} FROM i_${v} WHERE pe IS NULL OR e - pe > ${w}`,
    `SELECT ${plan.keyList}, e + ${w} AS e, -1 AS ${name} FROM i_${v} WHERE ne IS NULL OR ne - e > ${w}`,
  ];
}

export function distinctName(feature: PlannedFeature): string {
  return `cd_${feature.column!.name}_${windowOf(feature)}`;
}
