/**
 * How far apart two distributions of categories are that are known by their sketches.
 *
 *   own     each value that the reference keeps by itself; the other side was asked to count it, too
 *   other   all further values of the reference, and those of the other side that may be among them
 *   new     values that the reference has not: known only where it keeps all of its values
 *
 * Where the reference has chosen which values it keeps, distances are those of its rows that had no part in the choice:
 * by the others its own values are more frequent than in any other sample. A sketch that does not tell these rows apart
 * is not tested.
 */
import type { CategorySketch } from '../../contract/sketch.ts';
import { sharedChiSquare } from '../statistics/shared-categories.ts';

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
  const table = sharedTable(reference, served, { rows: reference.rows, counts: null });
  const fair = fairRows(reference);
  const judged = fair === null ? table : sharedTable(reference, served, fair);
  const rows = fair?.rows ?? reference.rows;
  let [lInfinity, furthest] = [0, null as string | null];
  for (const { kind, value, reference: a, served: b } of judged) {
    const gap = Math.abs(a / rows - b / served.rows);
    if (gap > lInfinity) [lInfinity, furthest] = [gap, value ?? kind];
  }
  if (fair === null) return { lInfinity, furthest, chiSquare: null, table };
  const counted = judged.map(({ kind, reference: a, served: b }) => {
    return { isOwn: kind === 'own', a: (a / reference.rows) * independent, b };
  });
  return { lInfinity, furthest, chiSquare: sharedChiSquare(counted), table };
}

/** Rows of a reference, and how many of them each value of `top` has; null: as many as it has of all. */
interface RowsOf {
  readonly rows: number;
  readonly counts: readonly number[] | null;
}

/** @returns the rows by which the values of `top` were not chosen; null: the sketch does not tell */
function fairRows(reference: CategorySketch): RowsOf | null {
  if (keepsAll(reference)) return { rows: reference.rows, counts: null };
  const { apart } = reference;
  return apart === undefined || apart.rows === 0 ? null : { rows: apart.rows, counts: apart.top };
}

function sharedTable(
  reference: CategorySketch,
  served: CategorySketch,
  { rows: all, counts }: RowsOf,
): SharedCategory[] {
  const rowsServed = new Map(served.top.map(({ value, rows }) => [value, rows]));
  const own = reference.top.map(({ value, rows }, i): SharedCategory => {
    return { kind: 'own', value, reference: counts?.[i] ?? rows, served: rowsServed.get(value) ?? 0 };
  });
  const rest = (rows: number, side: 'reference' | 'served'): number =>
    rows - own.reduce((sum, one) => sum + one[side], 0);
  const kind = keepsAll(reference) ? 'new' : 'other';
  const others: SharedCategory = {
    kind,
    value: null,
    reference: rest(all, 'reference'),
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
  const fair = sketches.map(fairRows);
  const found = [...texts].flatMap((value) => {
    const counts = sketches.map((sketch, day) => countsIn(sketch, fair[day]!, value));
    if (counts.includes(null)) return [];
    const known = counts as Counts[];
    return { value, rows: sumOf(known, ({ rows }) => rows), apart: sumOf(known, ({ apart }) => apart) };
  });
  const values = sketches.every(keepsAll)
    ? found.length
    : Math.max(...sketches.map((sketch) => sketch.values), found.length + 1);
  const apart = fair.every((one) => one !== null)
    ? { apart: { rows: sumOf(fair, ({ rows }) => rows), top: found.map((one) => one.apart) } }
    : {};
  return {
    rows: sumOf(sketches, ({ rows }) => rows),
    values,
    top: found.map(({ value, rows }) => ({ value, rows })),
    ...apart,
  };
}

interface Counts {
  readonly rows: number;
  /** Of the rows that had no part in the choice of values; all where they are not told apart. */
  readonly apart: number;
}

/** @returns null where the sketch does not tell */
function countsIn(sketch: CategorySketch, fair: RowsOf | null, value: string): Counts | null {
  const at = sketch.top.findIndex((one) => one.value === value);
  if (at === -1) return keepsAll(sketch) ? { rows: 0, apart: 0 } : null;
  const { rows } = sketch.top[at]!;
  return { rows, apart: fair?.counts?.[at] ?? rows };
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
