/** How far two embeddings are apart, and two lists. Pure; every function is symmetric. */
import type { Value } from '../../contract/value-type.ts';

/** Longer lists are compared by their first items: the cost grows with the product of both lengths. */
export const MOST_ITEMS = 500;

/** @returns the cosine of the angle between two vectors of one size; null: a side is all zero or not finite */
export function cosineOf(a: Float32Array, b: Float32Array): number | null {
  let [product, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    ofA += a[i]! * a[i]!;
    ofB += b[i]! * b[i]!;
  }
  const size = Math.sqrt(ofA) * Math.sqrt(ofB);
  if (size === 0 || !Number.isFinite(size) || !Number.isFinite(product)) return null;
  return Math.max(-1, Math.min(1, product / size));
}

/**
 * Levenshtein's distance: how many items must be put in, taken out or replaced.
 *
 * @param isSame  whether two items are the same
 */
export function editDistance(
  a: readonly Value[],
  b: readonly Value[],
  isSame: (x: Value, y: Value) => boolean,
): number {
  const [rows, columns] = [Math.min(a.length, MOST_ITEMS), Math.min(b.length, MOST_ITEMS)];
  let before = Array.from({ length: columns + 1 }, (_, j) => j);
  for (let i = 1; i <= rows; i++) {
    const own = [i];
    for (let j = 1; j <= columns; j++) {
      const replaced = before[j - 1]! + (isSame(a[i - 1]!, b[j - 1]!) ? 0 : 1);
      own.push(Math.min(replaced, before[j]! + 1, own[j - 1]! + 1));
    }
    before = own;
  }
  return before[columns]!;
}
