/**
 * Compares the distributions of served and replayed values, in the form that the snapshot holds.
 *
 * Both sides are the same entities at the same times, so D alone decides the level, and there is no p value. Called by
 * the monitor once per feature; pure.
 */
import { distanceLevel } from '../limits.ts';
import type { Distributions } from './distributions.ts';
import { countBins, firstAbove, histogramEdges } from './histogram-edges.ts';
import { ksTwoSample } from './ks.ts';
import { sortDoubles } from './radix-sort.ts';

const MOST_ECDF_POINTS = 200;
const MOST_CATEGORIES = 12;

/**
 * Compares the numbers of both sides. NaN and infinities are left out (the table of states counts them), so the row
 * counts are those of the finite numbers.
 *
 * @param served, replayed  in any order; not modified
 * @returns                 null when a side has no finite number
 */
export function compareNumeric(served: Float64Array, replayed: Float64Array): Distributions | null {
  const a = sortDoubles(served.filter(Number.isFinite));
  const b = sortDoubles(replayed.filter(Number.isFinite));
  if (a.length === 0 || b.length === 0) return null;
  const pooled = new Float64Array(a.length + b.length);
  pooled.set(a);
  pooled.set(b, a.length);
  sortDoubles(pooled);

  const ks = ksTwoSample(a, b);
  const edges = histogramEdges(pooled);
  const x = ecdfPoints(pooled, ks.location);
  return {
    kind: 'numeric',
    ks: { ...ks, level: distanceLevel(ks.d) },
    histogram: { edges, served: countBins(a, edges), replayed: countBins(b, edges) },
    ecdf: { x, served: ecdfAt(a, x), replayed: ecdfAt(b, x) },
    servedRows: a.length,
    replayedRows: b.length,
  };
}

/**
 * The x values of the ECDF: every distinct value while there are few; else the values at evenly spaced ranks, always
 * with both ends and the point of D. Between two neighbours neither function rises by more than their distance in rank.
 */
function ecdfPoints(pooled: Float64Array, location: number): number[] {
  const distinct = firstDistinct(pooled, MOST_ECDF_POINTS + 1);
  if (distinct.length <= MOST_ECDF_POINTS) return distinct;
  const points = new Set<number>([location + 0]);
  const steps = MOST_ECDF_POINTS - 2;
  for (let step = 0; step <= steps; step++) {
    points.add(pooled[Math.round((step / steps) * (pooled.length - 1))]! + 0);
  }
  return [...points].toSorted((left, right) => left - right);
}

function firstDistinct(sorted: Float64Array, most: number): number[] {
  const distinct: number[] = [];
  for (let at = 0; at < sorted.length && distinct.length < most;) {
    const value = sorted[at]!;
    distinct.push(value + 0); // -0 becomes 0: the two are one value here, and JSON has only 0
    at = firstAbove(sorted, value, at);
  }
  return distinct;
}

function ecdfAt(sorted: Float64Array, x: readonly number[]): number[] {
  let at = 0;
  return x.map((value) => {
    at = firstAbove(sorted, value, at);
    return at / sorted.length;
  });
}

/**
 * Compares how often each value occurs on both sides: L-infinity is over all values; the list holds the most frequent
 * ones (by the larger of their two shares), and last the rest as one entry, so that its counts add up to the rows.
 *
 * @param served, replayed  value text -> rows
 * @returns                 null when a side has no rows
 */
export function compareCategories(
  served: ReadonlyMap<string, number>,
  replayed: ReadonlyMap<string, number>,
): Distributions | null {
  const servedRows = total(served);
  const replayedRows = total(replayed);
  if (servedRows === 0 || replayedRows === 0) return null;
  const all = [...new Set([...served.keys(), ...replayed.keys()])].map((value) => {
    const counts = { value, served: served.get(value) ?? 0, replayed: replayed.get(value) ?? 0 };
    const shares = [counts.served / servedRows, counts.replayed / replayedRows] as const;
    return { counts, most: Math.max(...shares), gap: Math.abs(shares[0] - shares[1]) };
  });
  const lInfinity = all.reduce((widest, { gap }) => Math.max(widest, gap), 0);
  all.sort((a, b) => b.most - a.most || (a.counts.value < b.counts.value ? -1 : 1));
  const values = all.slice(0, MOST_CATEGORIES).map(({ counts }) => counts);
  const rest = all.slice(MOST_CATEGORIES);
  if (rest.length > 0) {
    values.push({
      value: `${rest.length} other value${rest.length === 1 ? '' : 's'}`,
      served: rest.reduce((sum, { counts }) => sum + counts.served, 0),
      replayed: rest.reduce((sum, { counts }) => sum + counts.replayed, 0),
    });
  }
  return { kind: 'categorical', lInfinity, values, servedRows, replayedRows };
}

function total(counts: ReadonlyMap<string, number>): number {
  let rows = 0;
  for (const count of counts.values()) rows += count;
  return rows;
}
