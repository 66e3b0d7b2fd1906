/** Bisection of lists in order. */

/** @returns of each place the highest number up to it */
export function highestSoFar(values: readonly number[]): number[] {
  let highest = -Infinity;
  return values.map((value) => (highest = Math.max(highest, value)));
}

/** @returns the place of the first item of which it is true, as it is of all after it; the length: there is none */
export function firstPast<T>(items: readonly T[], isPast: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isPast(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
