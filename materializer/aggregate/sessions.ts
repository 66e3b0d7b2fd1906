/**
 * Sessions: the events since the last gap of a given length. A gap is at least a hop, so that no tile has one within
 * it: a session is a run of whole tiles, and a tile knows the times of its first and last event.
 *
 *   tile      tf, tl             times of its first and last event
 *   counted   starts_G           whether a gap of G hops lies before the tile
 *   numbered  session_G          a number for each session of the entity
 *   total     sa_n_G, sx_min_G   counts and sums, and what folds, from the session's first tile up to and with this one
 *
 * At an edge a session is that of the last tile that entered, until the gap has passed since its last event.
 */
import type { AggregatePlan, PlannedFeature, StreamPart, TileSteps } from './aggregate-plan.ts';

/** What a feature of a session takes of tiles: columns of the tile that add up, and such that fold. */
export interface SessionColumns {
  readonly additives: readonly string[];
  readonly framed: readonly { readonly name: string; readonly fold: string }[];
}

type ColumnsOf = (feature: PlannedFeature) => SessionColumns;

function gapsOf(plan: AggregatePlan): number[] {
  return [...new Set(plan.features.flatMap((f) => (f.sessionHops === null ? [] : [f.sessionHops])))];
}

/** @returns what stands behind the name of a column: of a session of 30 hops `s30` */
export function sessionSuffix(hops: number): string {
  return `s${hops}`;
}

function columnsOfGap(plan: AggregatePlan, gap: number, columnsOf: ColumnsOf): SessionColumns {
  const all = plan.features.filter((f) => f.sessionHops === gap).map(columnsOf);
  const framed = new Map(all.flatMap((one) => one.framed).map((one) => [one.name, one]));
  return { additives: [...new Set(all.flatMap((one) => one.additives))], framed: [...framed.values()] };
}

export function sessionSteps(plan: AggregatePlan, columnsOf: ColumnsOf): TileSteps {
  const gaps = gapsOf(plan);
  if (gaps.length === 0) return { tile: [], counted: [], numbered: [], total: [], entered: [] };
  const total = gaps.flatMap((gap) => {
    const session = `OVER (PARTITION BY ${plan.keyList}, session_${gap} ORDER BY e ROWS UNBOUNDED PRECEDING)`;
    const { additives, framed } = columnsOfGap(plan, gap, columnsOf);
    return [
      `min(tf) ${session} AS began_${gap}`,
      ...additives.map((name) => `sum(${name}) ${session} AS sa_${name}_${gap}`),
      ...framed.map(({ name, fold }) => `${fold} ${session} AS sx_${name}_${gap}`),
    ];
  });
  return {
    tile: plan.given === 'events' ? ['min(t) AS tf', 'max(t) AS tl'] : ['min(tf) AS tf', 'max(tl) AS tl'],
    counted: gaps.map((gap) => `(tf - lag(tl) OVER p >= ${gap * plan.hopUs})::INTEGER AS starts_${gap}`),
    numbered: gaps.map((gap) => `coalesce(sum(starts_${gap}) OVER p, 0) AS session_${gap}`),
    total: ['tl', ...total],
    entered: [],
  };
}

/** @returns the values of each session at an edge of `w`, from the tile that entered last, until the gap has passed */
export function sessionValues(plan: AggregatePlan, columnsOf: ColumnsOf): string[] {
  return gapsOf(plan).flatMap((gap) => {
    const lasts = `w.e * ${plan.hopUs} - entered.tl < ${gap * plan.hopUs}`;
    const suffix = sessionSuffix(gap);
    const { additives, framed } = columnsOfGap(plan, gap, columnsOf);
    return [
      `CASE WHEN ${lasts} THEN entered.tl - entered.began_${gap} END AS duration_${suffix}`,
      ...additives.map((name) => {
        const sum = `CASE WHEN ${lasts} THEN coalesce(entered.sa_${name}_${gap}, 0) ELSE 0 END`;
        return `(${sum})${name.startsWith('n') ? '::BIGINT' : '::HUGEINT'} AS ${name}_${suffix}`;
      }),
      ...framed.map(
        ({ name }) => `CASE WHEN ${lasts} THEN entered.sx_${name}_${gap} END AS ${name}_${suffix}`,
      ),
    ];
  });
}

/** @returns the edges at which a session may be over: the first at which its gap has passed since a tile's end */
export function sessionEnds(plan: AggregatePlan): StreamPart['branches'] {
  return gapsOf(plan).map((gap) => {
    const over = `(tl + ${gap * plan.hopUs} + ${plan.hopUs - 1}) // ${plan.hopUs}`;
    return `SELECT ${plan.keyList}, ${over} AS e FROM total`;
  });
}
