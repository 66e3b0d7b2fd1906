/**
 * The as-of rule: which row of the history is visible at a time (docs/point-in-time.md). Written once, here, as a
 * small pure function, which every engine's SQL (`as-of-join.ts`) is tested against. It is a slow scan on purpose:
 * anyone can check it against the sentence that it states.
 */
import { compareBytes } from './std/canonical-json.ts';
import type { Value, ValueType } from './value-type.ts';

/** A row of one entity in the history. */
export interface AsOfRow {
  /** null: the row is broken and never visible. */
  readonly eventUs: number | null;
  /** null: the source has no created time for it. */
  readonly createdUs: number | null;
  /** A tombstone: when the rule finds it, the entity has no row. */
  readonly deleted?: boolean;
  /** In the order of the view's features. */
  readonly values: readonly Value[];
}

export interface AsOfRule {
  /** trained: the whole history counts. available: only rows created by that time, which an honest store had. */
  readonly mode: 'trained' | 'available';
  readonly delayUs: number;
  /** Stored views only; null: rows never grow too old. */
  readonly ttlUs: number | null;
}

/** What the rule finds: the row, and whether it is too old to be used (its value is then withheld). */
interface AsOfAnswer<Row extends AsOfRow> {
  readonly row: Row;
  readonly outsideTtl: boolean;
}

/**
 * Among the rows with event + delay <= t (available: also created <= t) the one with the greatest (event, created),
 * and of equal pairs the one that comes last in the canonical order of all values.
 *
 * @param rows   all rows of one entity, in any order; a null join key has none
 * @param tUs    null sees nothing
 * @param types  of the values, in their order
 * @returns      null when no row is visible, or when the newest is a tombstone. A row older than the TTL is returned
 *               and marked: when the newest row is too old, so are all others
 */
export function asOf<Row extends AsOfRow>(
  rows: readonly Row[],
  tUs: number | null,
  rule: AsOfRule,
  types: readonly ValueType[],
): AsOfAnswer<Row> | null {
  let best: Row | null = null;
  for (const row of rows) {
    if (!isVisible(row, tUs, rule)) continue;
    if (best === null || compareRows(row, best, types) > 0) best = row;
  }
  if (best === null || best.deleted === true) return null;
  return { row: best, outsideTtl: rule.ttlUs !== null && best.eventUs! < tUs! - rule.ttlUs };
}

function isVisible(row: AsOfRow, tUs: number | null, rule: AsOfRule): boolean {
  if (tUs === null || row.eventUs === null || row.eventUs + rule.delayUs > tUs) return false;
  return rule.mode === 'trained' || (row.createdUs !== null && row.createdUs <= tUs);
}

/** By event time, then created time (none comes first), then the values in the canonical order. */
function compareRows(a: AsOfRow, b: AsOfRow, types: readonly ValueType[]): number {
  const byTime = a.eventUs! - b.eventUs! || (a.createdUs ?? -Infinity) - (b.createdUs ?? -Infinity);
  // -Infinity minus itself is NaN: two rows without a created time are equal.
  if (byTime !== 0 && !Number.isNaN(byTime)) return byTime;
  for (let i = 0; i < types.length; i++) {
    const byValue = compareCanonical(types[i]!, a.values[i]!, b.values[i]!);
    if (byValue !== 0) return byValue;
  }
  return 0;
}

/**
 * The canonical order of values: null first, false before true, numbers by value with NaN last, strings and bytes by
 * their bytes, lists and structs item by item, a prefix before what it starts. Within a list or a struct null comes
 * last, which is what engines do. Where two values differ in nothing but the signs of zeros, -0 comes first.
 */
export function compareCanonical(type: ValueType, a: Value, b: Value): number {
  return compare(type, a, b, false) || compare(type, a, b, true);
}

function compare(type: ValueType, a: Value, b: Value, zeroSigns: boolean): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  switch (type.kind) {
    case 'int32':
    case 'float32':
    case 'float64':
      return compareNumbers(a as number, b as number, zeroSigns);
    case 'string':
      return compareBytes(a as string, b as string);
    case 'bytes':
      return Buffer.compare(a as Uint8Array, b as Uint8Array);
    case 'embedding': {
      const [left, right] = [Array.from(a as Float32Array), Array.from(b as Float32Array)];
      return compareItems({ kind: 'float32' }, left, right, zeroSigns);
    }
    case 'list':
      return compareItems(type.of, a as readonly Value[], b as readonly Value[], zeroSigns);
    case 'map': {
      const [left, right] = [mapEntries(a as Map<string, Value>), mapEntries(b as Map<string, Value>)];
      return compareItems(mapEntryType(type.of), left, right, zeroSigns);
    }
    case 'struct': {
      const [left, right] = [a, b] as [{ [field: string]: Value }, { [field: string]: Value }];
      for (const field of type.fields) {
        const order = compareNested(field.type, left[field.name]!, right[field.name]!, zeroSigns);
        if (order !== 0) return order;
      }
      return 0;
    }
    default:
      return a < b ? -1 : a > b ? 1 : 0;
  }
}

function compareNumbers(a: number, b: number, zeroSigns: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === b) return zeroSigns ? Number(Object.is(b, -0)) - Number(Object.is(a, -0)) : 0;
  return a < b ? -1 : 1;
}

function compareItems(type: ValueType, a: readonly Value[], b: readonly Value[], zeroSigns: boolean): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareNested(type, a[i]!, b[i]!, zeroSigns);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareNested(type: ValueType, a: Value, b: Value, zeroSigns: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return compare(type, a, b, zeroSigns);
}

function mapEntryType(of: ValueType): ValueType {
  const key = { name: 'key', type: { kind: 'string' } } as const;
  return { kind: 'struct', fields: [key, { name: 'value', type: of }] };
}

function mapEntries(map: ReadonlyMap<string, Value>): Value[] {
  return [...map].map(([key, value]) => ({ key, value }));
}
