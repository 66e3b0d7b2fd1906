/**
 * What the tiles of an aggregated view keep, decided once from its definition: which columns of an event count, and
 * which parts a tile has. One plan for every maker of tiles; the order of everything in it is frozen with the tile.
 *
 *   columns   of the source and of `select`, in byte order of their names; with sessions the event time is one
 *   parts     by column, then as PART_ORDER has them, then by decimal places; each once, however many features need it
 */
import type { AggregateFunction, Aggregation, Entity, Feature, FeatureView } from '../model.ts';
import { compareBytes } from '../std/canonical-json.ts';
import type { ValueType } from '../value-type.ts';
import { sessionHops, windowHops } from '../windows.ts';
import { bucketsPart } from './parts/buckets-part.ts';
import { countPart } from './parts/count-part.ts';
import { endpointPart } from './parts/endpoint-part.ts';
import { extremePart } from './parts/extreme-part.ts';
import { latestPart } from './parts/latest-part.ts';
import type { TilePart, PartKey } from './parts/part.ts';
import { registersPart } from './parts/registers-part.ts';
import { squaresPart } from './parts/squares-part.ts';
import { sumPart } from './parts/sum-part.ts';
import { valuesPart } from './parts/values-part.ts';

type PartName = PartKey['name'];

/** What a tile takes of an event: the value of a column. */
export interface TileColumn {
  readonly source: string;
  readonly type: ValueType;
  /** Only its nulls matter: any value that is not null stands for the others. */
  readonly countedOnly: boolean;
}

export interface TileFeature {
  readonly feature: Feature;
  readonly function: AggregateFunction;
  /** null: lifetime, or a session. */
  readonly hops: number | null;
  /** The gap that ends a session; null: the feature has no sessions. */
  readonly sessionHops: number | null;
  /** Decimal places of its sums. */
  readonly scale: number;
  /** The places of its parts in the plan, in the order of `NEEDS`. */
  readonly parts: readonly number[];
}

export interface TilePlan {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly hopUs: number;
  readonly columns: readonly TileColumn[];
  readonly parts: readonly TilePart[];
  readonly features: readonly TileFeature[];
  /** The places of the parts that say when a tile's first and last event were; null: no feature has sessions. */
  readonly times: { readonly first: number; readonly last: number } | null;
}

const PART_ORDER: readonly PartName[] = [
  'nv',
  'sum',
  'squares',
  'min',
  'max',
  'first',
  'last',
  'values',
  'latest',
  'registers',
  'buckets',
];

/** The parts that each function reads. `count()` needs none: a tile counts its events. */
const NEEDS: Readonly<Record<AggregateFunction, readonly PartName[]>> = {
  count: ['nv'],
  countDistinct: ['values'],
  approxCountDistinct: ['registers'],
  sum: ['sum'],
  avg: ['sum', 'nv'],
  min: ['min'],
  max: ['max'],
  first: ['first'],
  last: ['last'],
  lastN: ['latest'],
  stddev: ['sum', 'nv', 'squares'],
  mostFrequent: ['values'],
  approxPercentile: ['buckets'],
  // Of the event time.
  duration: ['min', 'max'],
};

/** @param view  aggregated */
export function planTiles(view: FeatureView, entity: Entity): TilePlan {
  const columns = columnsOf(view);
  const place = new Map(columns.map(({ source }, i) => [source, i]));
  const timeKeys = NEEDS.duration.map((name) => ({
    name,
    column: place.get(view.source.eventTime)!,
    scale: 0,
  }));
  const wanted = new Map<string, { readonly key: PartKey; size: number }>();
  const keysOf = ({ function: name, column, columnType, scale }: Aggregation): PartKey[] => {
    if (name === 'duration') return timeKeys;
    if (column === null) return [];
    return NEEDS[name].map((part) => {
      const summed = (part === 'sum' || part === 'squares') && !isWhole(columnType!);
      return { name: part, column: place.get(column)!, scale: summed ? scale : 0 };
    });
  };
  for (const { aggregation } of view.features) {
    const ofSession = aggregation!.sessionUs === null ? [] : timeKeys;
    for (const key of [...keysOf(aggregation!), ...ofSession]) {
      const known = wanted.get(textOf(key));
      wanted.set(textOf(key), { key, size: Math.max(known?.size ?? 0, aggregation!.n) });
    }
  }
  const sorted = [...wanted.values()].toSorted((a, b) => compareKeys(a.key, b.key));
  const order = sorted.map(({ key }) => textOf(key));
  const [first, last] = timeKeys.map((key) => order.indexOf(textOf(key)));
  return {
    view,
    entity,
    hopUs: view.hopUs,
    columns,
    parts: sorted.map(({ key, size }) => makePart(key, columns[key.column]!.type, size)),
    features: view.features.map((feature) => ({
      feature,
      function: feature.aggregation!.function,
      hops: windowHops(view, feature),
      sessionHops: sessionHops(view, feature),
      scale: isSummedWhole(feature.aggregation!) ? 0 : feature.aggregation!.scale,
      parts: keysOf(feature.aggregation!).map((key) => order.indexOf(textOf(key))),
    })),
    times: view.features.some(isOfSession) ? { first: first!, last: last! } : null,
  };
}

function isOfSession({ aggregation }: Feature): boolean {
  return aggregation!.sessionUs !== null;
}

function columnsOf(view: FeatureView): TileColumn[] {
  const columns = new Map<string, TileColumn>();
  const time = view.source.eventTime;
  if (view.features.some(isOfSession))
    columns.set(time, { source: time, type: { kind: 'timestamp' }, countedOnly: false });
  for (const { aggregation: a } of view.features) {
    if (a === null || a.column === null) continue;
    const countedOnly = a.function === 'count';
    const known = columns.get(a.column);
    if (known !== undefined && (!known.countedOnly || countedOnly)) continue;
    columns.set(a.column, { source: a.column, type: a.columnType ?? { kind: 'string' }, countedOnly });
  }
  return [...columns.values()].toSorted((a, b) => compareBytes(a.source, b.source));
}

function isWhole({ kind }: ValueType): boolean {
  return kind === 'int32' || kind === 'int64';
}

function isSummedWhole({ columnType }: Aggregation): boolean {
  return columnType !== null && isWhole(columnType);
}

function textOf({ name, column, scale }: PartKey): string {
  return `${name} ${column} ${scale}`;
}

function compareKeys(a: PartKey, b: PartKey): number {
  return a.column - b.column || PART_ORDER.indexOf(a.name) - PART_ORDER.indexOf(b.name) || a.scale - b.scale;
}

function makePart({ name, column, scale }: PartKey, type: ValueType, size: number): TilePart {
  switch (name) {
    case 'nv':
      return countPart(column) as TilePart;
    case 'sum':
      return sumPart(column, type, scale) as TilePart;
    case 'squares':
      return squaresPart(column, type, scale) as TilePart;
    case 'min':
    case 'max':
      return extremePart(name, column, type) as TilePart;
    case 'first':
    case 'last':
      return endpointPart(name, column, type) as TilePart;
    case 'values':
      return valuesPart(column, type) as TilePart;
    case 'latest':
      return latestPart(column, type, size) as TilePart;
    case 'registers':
      return registersPart(column, type) as TilePart;
    case 'buckets':
      return bucketsPart(column, type) as TilePart;
  }
}
