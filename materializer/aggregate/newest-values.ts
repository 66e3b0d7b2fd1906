/**
 * lastN: the newest values of a window, by time, and of one time the smallest first.
 *
 * Each tile keeps its own newest values, oldest first; a total the newest values up to and with its tile, newest first.
 * A window then begins with those of the last tile that entered, and holds as many of them as it has values: what is
 * older than its beginning stands behind them. So a window costs one slice of a list.
 *
 *   tile    l_v0       values of the tile, at most n
 *   counted lc_v0      how many values the tiles kept up to here, so that a frame of n of them can be asked for
 *   total   newest_v0  at most n values
 */
import type { AggregatePlan, PlannedFeature, TileSteps } from './aggregate-plan.ts';

/** @returns the columns of which newest values are wanted, with the greatest n */
export function newestColumns(plan: AggregatePlan): Map<string, number> {
  const columns = new Map<string, number>();
  for (const { aggregation, column } of plan.features) {
    if (aggregation.function !== 'lastN') continue;
    columns.set(column!.name, Math.max(aggregation.n, columns.get(column!.name) ?? 0));
  }
  return columns;
}

export function newestSteps(plan: AggregatePlan): TileSteps {
  const columns = [...newestColumns(plan)];
  return {
    tile: columns.map(([v, n]) => {
      // What another engine gives are the newest values of a tile, each with its time.
      const [value, t] = plan.given === 'events' ? [v, 't'] : [`late_${v}`, 'late_t'];
      return `(list(${value} ORDER BY ${t}, ${value} DESC) FILTER (${value} IS NOT NULL))[-${n}:] AS l_${v}`;
    }),
    counted: columns.map(([v]) => `sum(coalesce(len(l_${v}), 0)) OVER p::BIGINT AS lc_${v}`),
    numbered: [],
    total: columns.map(([v, n]) => {
      const frame = `PARTITION BY ${plan.keyList} ORDER BY lc_${v} RANGE BETWEEN ${n - 1} PRECEDING AND CURRENT ROW`;
      const values = `flatten(list(l_${v}) FILTER (l_${v} IS NOT NULL) OVER (${frame}))`;
      return `list_reverse(${values})[1:${n}] AS newest_${v}`;
    }),
    entered: columns.map(([v]) => `newest_${v}`),
  };
}

/** @param count  the column that says how many values the window has */
export function newestSql({ column, aggregation }: PlannedFeature, count: string): string {
  return `CASE WHEN ${count} > 0 THEN newest_${column!.name}[1:least(${count}, ${aggregation.n})] END`;
}
