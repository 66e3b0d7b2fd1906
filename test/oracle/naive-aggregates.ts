/**
 * What the features of an aggregated view are at an edge, computed the slow way from their definition: look at every
 * event again, for every edge. Knows nothing of tiles, SQL or increments. Sums use BigInt in fixed point.
 */
import { canonicalBytes } from '../../contract/aggregation/sketch/canonical-value.ts';
import { bucketOf, percentileOf } from '../../contract/aggregation/sketch/ddsketch.ts';
import { estimateDistinct, registerOf } from '../../contract/aggregation/sketch/hyperloglog.ts';
import type { Aggregation, Entity, FeatureView } from '../../contract/model.ts';
import { compareBytes } from '../../contract/std/canonical-json.ts';
import type { KeyValue, Value, ValueType } from '../../contract/value-type.ts';

export interface RawEvent {
  readonly keys: readonly (KeyValue | null)[];
  /** Null: the source says nothing. */
  readonly eventUs: number | null;
  /** Null where the source has no such column, and in bad rows. */
  readonly createdUs: number | null;
  /** By column of the source. */
  readonly values: Readonly<Record<string, Value>>;
}

/**
 * @param horizonUs  events created up to and including it are never too late; null: there is no such time
 * @returns          the events that count for a view, once those created up to and including `knownUs` are known
 */
export function countingEvents(
  view: FeatureView,
  events: readonly RawEvent[],
  knownUs: number,
  horizonUs: number | null,
): RawEvent[] {
  return events.filter((event) => {
    if (event.eventUs === null || event.eventUs < 0) return false;
    if (event.keys.some((key) => key === null)) return false;
    if (view.features.some(({ aggregation: a }) => a !== null && isNotFinite(event, a))) return false;
    if (view.source.createdTime === null) return true;
    if (event.createdUs === null || event.createdUs > knownUs) return false;
    if (horizonUs !== null && event.createdUs <= horizonUs) return true;
    return event.createdUs - event.eventUs <= view.latenessUs;
  });
}

function isNotFinite(event: RawEvent, a: Aggregation): boolean {
  if (a.column === null || a.function === 'count') return false;
  const value = event.values[a.column]!;
  return typeof value === 'number' && !Number.isFinite(value);
}

/**
 * @param events  those of one entity that count
 * @returns       one value a feature, or null when the entity has no event before the edge
 */
export function naiveRow(view: FeatureView, events: readonly RawEvent[], edgeUs: number): Value[] | null {
  const before = events.filter((event) => event.eventUs! < edgeUs);
  return before.length === 0 ? null : valuesAt(view, before, edgeUs);
}

function valuesAt(view: FeatureView, before: readonly RawEvent[], edgeUs: number): Value[] {
  return view.features.map(({ aggregation, type }) => {
    const { windowUs, sessionUs, column } = aggregation!;
    const inWindow =
      sessionUs === null
        ? before.filter((event) => windowUs === null || event.eventUs! >= edgeUs - windowUs)
        : sessionAt(before, edgeUs, sessionUs);
    if (aggregation!.function === 'duration') return ofType(type, durationOf(inWindow));
    if (column === null) return ofType(type, BigInt(inWindow.length));
    const held = inWindow.filter((event) => event.values[column] !== null);
    const values = held.map((event) => unsignedZero(event.values[column]!));
    const times = held.map((event) => event.eventUs!);
    return ofType(type, naiveAggregate(aggregation!, values, times));
  });
}

/** The events since the last gap before the edge: none once it has passed. */
function sessionAt(before: readonly RawEvent[], edgeUs: number, gapUs: number): RawEvent[] {
  const session: RawEvent[] = [];
  let next = edgeUs;
  for (const event of before.toSorted((a, b) => b.eventUs! - a.eventUs!)) {
    if (next - event.eventUs! >= gapUs) break;
    session.push(event);
    next = event.eventUs!;
  }
  return session;
}

function durationOf(session: readonly RawEvent[]): Value {
  const times = session.map((event) => event.eventUs!);
  return times.length === 0 ? null : BigInt(Math.max(...times) - Math.min(...times));
}

function unsignedZero(value: Value): Value {
  return value === 0 ? 0 : value;
}

/**
 * Counts and sums come as bigint or number whatever the feature's type; this is the type's own form, null where it
 * cannot hold the value.
 */
function ofType(type: ValueType, value: Value): Value {
  if (value === null) return null;
  if (type.kind === 'int64' || type.kind === 'int32') {
    const whole = typeof value === 'number' ? BigInt(halfToEven(value)) : (value as bigint);
    if (BigInt.asIntN(type.kind === 'int64' ? 64 : 32, whole) !== whole) return null;
    return type.kind === 'int64' ? whole : Number(whole);
  }
  if (type.kind === 'float64') return unsignedZero(Number(value as bigint | number));
  if (type.kind !== 'float32') return value;
  const float = Math.fround(Number(value as bigint | number));
  return Number.isFinite(float) ? unsignedZero(float) : null;
}

function halfToEven(value: number): number {
  const near = Math.round(value);
  return Math.abs(value % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function naiveAggregate(a: Aggregation, values: readonly Value[], times: readonly number[]): Value {
  const order = values.map((_, i) => i);
  switch (a.function) {
    case 'count':
      return BigInt(values.length);
    case 'countDistinct':
      return BigInt(new Set(values).size);
    case 'min':
      return values.toSorted(canonical).at(0) ?? null;
    case 'max':
      return values.toSorted(canonical).at(-1) ?? null;
    case 'first':
    case 'last': {
      const edge = a.function === 'first' ? Math.min(...times) : Math.max(...times);
      const tied = order.filter((i) => times[i] === edge).map((i) => values[i]!);
      return tied.toSorted(canonical).at(0) ?? null;
    }
    case 'lastN': {
      const newest = order.toSorted((i, j) => times[j]! - times[i]! || canonical(values[i]!, values[j]!));
      return newest.length === 0 ? null : newest.slice(0, a.n).map((i) => values[i]!);
    }
    case 'approxCountDistinct': {
      const registers = new Map<number, number>();
      for (const value of values) {
        const { register, rank } = registerOf(canonicalBytes(a.columnType!, value));
        registers.set(register, Math.max(rank, registers.get(register) ?? 0));
      }
      return estimateDistinct(registers.values());
    }
    case 'approxPercentile': {
      const buckets = values.map((value) => bucketOf(Number(value as number | bigint)));
      return percentileOf(
        buckets.toSorted((x, y) => x - y).map((bucket) => [bucket, 1] as const),
        a.percentile,
      );
    }
    case 'mostFrequent': {
      const counts = new Map<Value, number>();
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      const most = Math.max(...counts.values());
      return (
        [...counts.keys()]
          .filter((value) => counts.get(value) === most)
          .toSorted(canonical)
          .at(0) ?? null
      );
    }
    default:
      return naiveSum(a, values as readonly (number | bigint)[]);
  }
}

/** Numbers by value, strings by their UTF-8 bytes, false before true. */
function canonical(a: Value, b: Value): number {
  if (typeof a === 'string') return compareBytes(a, b as string);
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

function naiveSum(a: Aggregation, values: readonly (number | bigint)[]): Value {
  const whole = a.columnType!.kind === 'int32' || a.columnType!.kind === 'int64';
  const scale = whole ? 0 : a.scale;
  const fixed = values.map((value) => (whole ? BigInt(value) : fixedPoint(value as number, scale)));
  const sum = fixed.reduce((total, value) => total + value, 0n);
  const unit = 10 ** scale;
  const n = BigInt(values.length);
  if (a.function === 'sum') return whole ? sum : Number(sum) / unit;
  if (a.function === 'avg') return n === 0n ? null : Number(sum) / Number(n * 10n ** BigInt(scale));
  if (n < 2n) return null;
  const squares = fixed.reduce((total, value) => total + value * value, 0n);
  const [quotient, rest] = [sum / n, sum % n];
  const spread = Number(squares - quotient * (sum + rest)) - Number(rest * rest) / Number(n);
  return Math.sqrt(Math.max(0, spread) / (Number(n) - 1)) / unit;
}

/** Half away from zero, as SQL's round() does. */
function fixedPoint(value: number, scale: number): bigint {
  const scaled = value * 10 ** scale;
  return BigInt(scaled < 0 ? -Math.round(-scaled) : Math.round(scaled));
}

/** @returns the events of each entity, by a text of its keys in the order of the entity's join keys */
export function byEntity(entity: Entity, events: readonly RawEvent[]): Map<string, RawEvent[]> {
  const entities = new Map<string, RawEvent[]>();
  for (const event of events) {
    const id = entityId(entity, event.keys as readonly KeyValue[]);
    entities.set(id, [...(entities.get(id) ?? []), event]);
  }
  return entities;
}

export function entityId(entity: Entity, keys: readonly KeyValue[]): string {
  return JSON.stringify(entity.joinKeys.map((_, i) => String(keys[i])));
}
