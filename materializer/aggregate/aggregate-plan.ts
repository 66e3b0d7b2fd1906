/**
 * What the SQL of an aggregated view needs to know, decided once: short column names, windows in hops, the value
 * columns. Everything under aggregate/ works with this and never looks at the view again.
 *
 * Names inside the SQL never collide with a source's: keys k0.., value columns v0.., features f0.., event time t,
 * edge e (an index, event time // hop + 1). A window stands in a name as its hops, a lifetime as 0.
 */
import { duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import type { Aggregation, Entity, Feature, FeatureView } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { sessionHops, windowHops } from '../../contract/windows.ts';

export interface ValueColumn {
  /** The source's column. */
  readonly source: string;
  /** Its name in the SQL: v0, v1, ... */
  readonly name: string;
  readonly type: ValueType;
  /** Reads it from the source in the model's type, zeros of floats without a sign. */
  readonly sql: string;
  /** Only its nulls matter: it is counted and nothing else. */
  readonly countedOnly: boolean;
}

export interface PlannedFeature {
  readonly feature: Feature;
  readonly aggregation: Aggregation;
  /** Its name in the SQL: f0, f1, ... in the order of the view. */
  readonly name: string;
  readonly duckType: string;
  /** null: lifetime, or a session. */
  readonly hops: number | null;
  /** The gap that ends a session; null: the feature has no sessions. */
  readonly sessionHops: number | null;
  /** null: `count()`. */
  readonly column: ValueColumn | null;
}

export interface AggregatePlan {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly hopUs: number;
  /** k0, k1, ... in the order of the entity's join keys. */
  readonly keys: readonly string[];
  /** `k0, k1`: for GROUP BY, PARTITION BY and USING. */
  readonly keyList: string;
  readonly columns: readonly ValueColumn[];
  readonly features: readonly PlannedFeature[];
  /** Distinct windows in hops, ascending, lifetimes left out. */
  readonly windows: readonly number[];
  /** Some feature reaches back to the first event: a lifetime, or a session, which may have begun at any time. */
  readonly hasLifetime: boolean;
  /** What the SQL reads: events, or what another engine made of those of each tile (given-tiles.ts). */
  readonly given: 'events' | 'tiles';
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

/** What one kind of aggregation adds to the tiles of an entity, beside what adds up and what a frame folds. */
export interface TileSteps {
  /** Over the events of one tile. */
  readonly tile: readonly string[];
  /** Over the tiles of an entity, `p` being those up to and with a tile. */
  readonly counted: readonly string[];
  /** The same with the columns before. */
  readonly numbered: readonly string[];
  /** Over the tiles with the columns before. */
  readonly total: readonly string[];
  /** Columns of the total that a window takes from the last tile that entered. */
  readonly entered: readonly string[];
}

export const LIFETIME = 0;

/** @returns the window in hops, or LIFETIME: as names of columns have it */
export function windowOf(feature: PlannedFeature): number {
  return feature.hops ?? LIFETIME;
}

/** @param view  aggregated, and passed by `checkAggregations` */
export function planAggregates(view: FeatureView, entity: Entity): AggregatePlan {
  const columns = valueColumns(view);
  const features = view.features.map((feature, i): PlannedFeature => {
    const aggregation = feature.aggregation!;
    return {
      feature,
      aggregation,
      name: `f${i}`,
      duckType: duckTypeOf(feature.type),
      hops: windowHops(view, feature),
      sessionHops: sessionHops(view, feature),
      column: columns.find((column) => column.source === aggregation.column) ?? null,
    };
  });
  const windows = [...new Set(features.flatMap((f) => (f.hops === null ? [] : [f.hops])))];
  windows.sort((a, b) => a - b);
  const keys = entity.joinKeys.map((_, i) => `k${i}`);
  return {
    view,
    entity,
    hopUs: view.hopUs,
    keys,
    keyList: keys.join(', '),
    columns,
    features,
    windows,
    hasLifetime: features.some((f) => f.hops === null),
    given: 'events',
  };
}

function valueColumns(view: FeatureView): ValueColumn[] {
  const uses = new Map<string, { type: ValueType; countedOnly: boolean }>();
  for (const { aggregation: a } of view.features) {
    if (a === null || a.column === null) continue;
    const use = uses.get(a.column);
    const countedOnly = a.function === 'count';
    if (use === undefined || (use.countedOnly && !countedOnly)) {
      uses.set(a.column, { type: a.columnType ?? { kind: 'string' }, countedOnly });
    }
  }
  return [...uses].map(([source, { type, countedOnly }], i) => ({
    source,
    name: `v${i}`,
    type,
    countedOnly,
    sql: countedOnly ? `(CASE WHEN ${quoteName(source)} IS NOT NULL THEN 1 END)` : valueSql(source, type),
  }));
}

function valueSql(source: string, type: ValueType): string {
  const value = `${quoteName(source)}::${duckTypeOf(type)}`;
  if (type.kind !== 'float32' && type.kind !== 'float64') return value;
  // The least of {-0.0, 0.0} would depend on the order of the input.
  return `(CASE WHEN ${value} = 0 THEN 0 ELSE ${value} END)::${duckTypeOf(type)}`;
}

/** @returns how many events stand in a group of rows, as SQL: rows of tiles say how often a value occurs */
export function occurrencesSql({ given }: AggregatePlan): string {
  return given === 'events' ? 'count(*)' : 'sum(times)';
}

export function keySql(plan: AggregatePlan, index: number): string {
  const key = plan.entity.joinKeys[index]!;
  return `${quoteName(key.name)}::${duckKeyType(key.type)}`;
}

/** @returns `a.k0 = b.k0 AND a.k1 = b.k1` */
export function sameKeys(plan: AggregatePlan, a: string, b: string): string {
  return plan.keys.map((k) => `${a}.${k} = ${b}.${k}`).join(' AND ');
}

/** @returns `a.k0, a.k1` */
export function keysOf(plan: AggregatePlan, alias: string): string {
  return plan.keys.map((k) => `${alias}.${k}`).join(', ');
}
