/**
 * Chi-square over categories that two sides share, where few rows are in some: a category of which a side would have
 * fewer than five rows counts with the rest, since Pearson's law does not hold there.
 */
import { chiSquareOf } from './chi-square.ts';

const LEAST_EXPECTED = 5;

/** One category's rows on both sides. */
interface Category {
  /** Whether the category may stand by itself; it is one of the rest otherwise. */
  readonly isOwn: boolean;
  readonly a: number;
  readonly b: number;
}

/** @returns null when a side has no rows, or there is only one category */
export function sharedChiSquare(categories: readonly Category[]): ReturnType<typeof chiSquareOf> {
  const rowsOf = (side: 'a' | 'b'): number => categories.reduce((sum, one) => sum + one[side], 0);
  const [rowsA, rowsB] = [rowsOf('a'), rowsOf('b')];
  const smaller = Math.min(rowsA, rowsB) / (rowsA + rowsB);
  const [a, b] = [[0], [0]];
  for (const one of categories) {
    if (one.isOwn && (one.a + one.b) * smaller >= LEAST_EXPECTED) {
      a.push(one.a);
      b.push(one.b);
    } else {
      a[0]! += one.a;
      b[0]! += one.b;
    }
  }
  return chiSquareOf(a, b);
}
