/**
 * How far apart two distributions of categories are that are known by their sketches.
 *
 *   own     each value that the reference keeps by itself; the other side was asked to count it, too
 *   other   all further values of the reference, and those of the other side that may be among them
 *   new     values that the reference has not: known only where it keeps all of its values
 */
import type { CategorySketch } from '../../contract/sketch.ts';
import { chiSquareOf } from '../statistics/chi-square.ts';

/** One category's rows on both sides. */
interface SharedCategory {
  readonly kind: 'own' | 'other' | 'new';
  /** null: not a single value. */
  readonly value: string | null;
  readonly reference: number;
  readonly served: number;
}

export interface CategoryDistance {
  /** The largest difference between the two shares of a category. */
  readonly lInfinity: number;
  /** The category with that difference: a value, `other` or `new`; null: none differs. */
  readonly furthest: string | null;
  readonly chiSquare: {
    readonly statistic: number;
    readonly degreesOfFreedom: number;
    readonly p: number;
  } | null;
  readonly table: readonly SharedCategory[];
}

/** @param independent  how many rows of the reference count as evidence, at most all */
export function categoryDistance(
  reference: CategorySketch,
  served: CategorySketch,
  independent: number,
): CategoryDistance {
  const table = sharedTable(reference, served);
  let [lInfinity, furthest] = [0, null as string | null];
  for (const { kind, value, reference: a, served: b } of table) {
    const gap = Math.abs(a / reference.rows - b / served.rows);
    if (gap > lInfinity) [lInfinity, furthest] = [gap, value ?? kind];
  }
  const chiSquare = chiSquareOf(
    table.map((one) => (one.reference / reference.rows) * independent),
    table.map((one) => one.served),
  );
  return { lInfinity, furthest, chiSquare, table };
}

function sharedTable(reference: CategorySketch, served: CategorySketch): SharedCategory[] {
  const rowsServed = new Map(served.top.map(({ value, rows }) => [value, rows]));
  const own = reference.top.map(({ value, rows }): SharedCategory => {
    return { kind: 'own', value, reference: rows, served: rowsServed.get(value) ?? 0 };
  });
  const rest = (rows: number, side: 'reference' | 'served'): number =>
    rows - own.reduce((sum, one) => sum + one[side], 0);
  const kind = keepsAll(reference) ? 'new' : 'other';
  const others: SharedCategory = {
    kind,
    value: null,
    reference: rest(reference.rows, 'reference'),
    served: rest(served.rows, 'served'),
  };
  return others.reference + others.served === 0 ? own : [...own, others];
}

function keepsAll({ top, values }: CategorySketch): boolean {
  return top.filter(({ rows }) => rows > 0).length === values;
}

/** @returns all rows of several sketches together; a value is kept by itself where each of them knows its rows */
export function pooledCategories(sketches: readonly CategorySketch[]): CategorySketch {
  const [first, ...more] = sketches;
  if (more.length === 0) return first!;
  const texts = new Set(sketches.flatMap(({ top }) => top.map(({ value }) => value)));
  const top = [...texts].flatMap((value) => {
    const counts = sketches.map((sketch) => {
      const found = sketch.top.find((one) => one.value === value);
      return found?.rows ?? (keepsAll(sketch) ? 0 : null);
    });
    return counts.includes(null)
      ? []
      : [{ value, rows: counts.reduce<number>((sum, rows) => sum + rows!, 0) }];
  });
  const rows = sketches.reduce((sum, sketch) => sum + sketch.rows, 0);
  const values = sketches.every(keepsAll)
    ? top.length
    : Math.max(...sketches.map((sketch) => sketch.values), top.length + 1);
  return { rows, values, top };
}
