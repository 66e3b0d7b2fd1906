/**
 * Tiles: the events of one entity that enter at one edge, folded once. They bound everything that follows, hot
 * entities included. Counts and sums run on as deltas (+tile at e, -tile at e + W); what cannot be taken back (min,
 * max, first, last) is asked of the tiles inside a RANGE frame.
 */
import type { AggregatePlan, PlannedFeature, ValueColumn } from './aggregate-plan.ts';
import { avgSql, fixedSql, scaleOf, stddevSql, sumSql } from './fixed-point.ts';

/** Something that adds up: a column of the tile and the windows it is needed for (0: lifetime). */
interface Additive {
  readonly name: string;
  readonly tile: string;
  readonly windows: Set<number>;
}

/** Something that does not: a column of the tile, and how a frame of tiles folds. */
interface Framed {
  readonly name: string;
  readonly tile: string;
  readonly fold: string;
  readonly windows: Set<number>;
}

/** What one kind of aggregation adds to the stream of edges; see `aggregate-sql.ts`. */
export interface StreamPart {
  readonly ctes: readonly string[];
  /** SELECTs of keys, e and some columns, for UNION ALL BY NAME. */
  readonly branches: readonly string[];
  /** Folds the rows of one (entity, edge): `sum(n_7) AS n_7`. */
  readonly folds: readonly string[];
  /** Over the edges of an entity: `coalesce(sum(n_7) OVER w0, 0) AS n_7`. */
  readonly runs: readonly string[];
}

export const LIFETIME = 0;

export function windowOf(feature: PlannedFeature): number {
  return feature.hops ?? LIFETIME;
}

/** @returns the name of the window frame that holds the tiles of a window */
export function frameName(hops: number): string {
  return hops === LIFETIME ? 'w0' : `w${hops}`;
}

export function tilePart(plan: AggregatePlan): StreamPart {
  const additives = new Map<string, Additive>();
  const framed = new Map<string, Framed>();
  for (const feature of plan.features) {
    for (const [name, tile] of additivesOf(feature)) {
      const additive = additives.get(name) ?? { name, tile, windows: new Set() };
      additive.windows.add(windowOf(feature));
      additives.set(name, additive);
    }
    const frame = framedOf(feature);
    if (frame !== null) {
      const known = framed.get(frame[0]) ?? {
        name: frame[0],
        tile: frame[1],
        fold: frame[2],
        windows: new Set(),
      };
      known.windows.add(windowOf(feature));
      framed.set(frame[0], known);
    }
  }
  const deltas = [...additives.values()].flatMap((a) =>
    [...a.windows].map((w) => ({ from: a.name, name: `${a.name}_${w}`, window: w })),
  );
  const folds = [...additives.values(), ...framed.values()].map((part) => `${part.tile} AS ${part.name}`);
  const enter = [...deltas.map((d) => `${d.from} AS ${d.name}`), ...[...framed.values()].map((f) => f.name)];
  return {
    ctes: [
      `tile AS MATERIALIZED (SELECT ${[plan.keyList, 'e', ...folds].join(', ')} FROM ev GROUP BY ${plan.keyList}, e)`,
    ],
    branches: [
      `SELECT ${[plan.keyList, 'e', '1 AS present', ...enter].join(', ')} FROM tile`,
      ...plan.windows.map((hops) => {
        const leave = deltas.filter((d) => d.window === hops).map((d) => `-${d.from} AS ${d.name}`);
        return `SELECT ${[plan.keyList, `e + ${hops} AS e`, ...leave].join(', ')} FROM tile`;
      }),
    ],
    folds: [
      'max(present) AS present',
      ...deltas.map((d) => `sum(${d.name}) AS ${d.name}`),
      ...[...framed.values()].map((f) => `any_value(${f.name}) AS ${f.name}`),
    ],
    runs: [
      'max(present) OVER w0 AS present',
      ...deltas.map((d) => `coalesce(sum(${d.name}) OVER w0, 0) AS ${d.name}`),
      ...[...framed.values()].flatMap((f) =>
        [...f.windows].map((w) => `${f.fold} OVER ${frameName(w)} AS ${f.name}_${w}`),
      ),
    ],
  };
}

function additivesOf(feature: PlannedFeature): [string, string][] {
  const { column } = feature;
  const name = feature.aggregation.function;
  if (column === null) return name === 'count' ? [['n', 'count(*)']] : [];
  const count: [string, string] = [`n_${column.name}`, `count(${column.name})`];
  if (name === 'count') return [count];
  const scale = name === 'sum' || name === 'avg' || name === 'stddev' ? scaleOf(feature) : 0;
  const fixed = fixedColumn(column, scale);
  const sum: [string, string] = [`s_${fixed}`, `sum(${fixed})`];
  if (name === 'sum') return [sum];
  if (name === 'avg') return [sum, count];
  return name === 'stddev' ? [sum, count, [`q_${fixed}`, `sum(${fixed} * ${fixed})`]] : [];
}

/** The fixed-point form of a value column in `ev`. */
function fixedColumn(column: ValueColumn, scale: number): string {
  return `${column.name}x${scale}`;
}

/** @returns the fixed-point columns that `ev` needs: `round(v0::DOUBLE * 1e6)::HUGEINT AS v0x6` */
export function fixedColumns(plan: AggregatePlan): string[] {
  const columns = new Map<string, string>();
  for (const feature of plan.features) {
    if (!['sum', 'avg', 'stddev'].includes(feature.aggregation.function)) continue;
    const scale = scaleOf(feature);
    const name = fixedColumn(feature.column!, scale);
    columns.set(name, `${fixedSql(feature.column!.name, feature.column!.type, scale)} AS ${name}`);
  }
  return [...columns.values()];
}

/** Ties of first and last go to the smallest value; DuckDB orders strings by their bytes, which is canonical. */
function framedOf(feature: PlannedFeature): [name: string, tile: string, fold: string] | null {
  const v = feature.column?.name;
  switch (feature.aggregation.function) {
    case 'min':
      return [`min_${v}`, `min(${v})`, `min(min_${v})`];
    case 'max':
      return [`max_${v}`, `max(${v})`, `max(max_${v})`];
    case 'first': {
      const tile = `first(${v} ORDER BY t, ${v}) FILTER (${v} IS NOT NULL)`;
      return [`fst_${v}`, tile, `first_value(fst_${v} IGNORE NULLS)`];
    }
    case 'last': {
      const tile = `last(${v} ORDER BY t, ${v} DESC) FILTER (${v} IS NOT NULL)`;
      return [`lst_${v}`, tile, `last_value(lst_${v} IGNORE NULLS)`];
    }
    default:
      return null;
  }
}

/** @returns the value of a feature that tiles give, from the columns of the running edges; null for the others */
export function tileValueSql(feature: PlannedFeature): string | null {
  const w = windowOf(feature);
  const column = feature.column?.name;
  if (feature.aggregation.function === 'count') return column === undefined ? `n_${w}` : `n_${column}_${w}`;
  const framed = framedOf(feature);
  if (framed !== null) return `${framed[0]}_${w}`;
  if (!['sum', 'avg', 'stddev'].includes(feature.aggregation.function)) return null;
  const scale = scaleOf(feature);
  const fixed = fixedColumn(feature.column!, scale);
  const [sum, count] = [`s_${fixed}_${w}`, `n_${column}_${w}`];
  if (feature.aggregation.function === 'sum') return sumSql(sum, feature);
  if (feature.aggregation.function === 'avg') return avgSql(sum, count, scale);
  return stddevSql(sum, `q_${fixed}_${w}`, count, scale);
}
