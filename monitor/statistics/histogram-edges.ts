/**
 * The bin edges of a histogram. Both sides share them, so that their columns can be drawn over each other.
 *
 * Features may be counts, amounts with a heavy tail on one or both sides, or values far from zero with a few outliers.
 * No single rule for the bin width fits them all, so three ways of cutting are tried, the simplest first. The first one
 * that separates the values nearly as well as the best one is taken (by the entropy of the binned values):
 *
 *   even         one whole number a bin, or bins of one round width over the whole range
 *   decades      edges 1, 1.5, 2, 3, 5, 7, 10 ... and the same below zero: for heavy tails
 *   core         bins of one round width over the middle 95 %, and one bin for each tail: for outliers
 */
import { quantileOfSorted } from './quantile.ts';
import type { SortedNumbers } from './sorted-numbers.ts';

const BINS = 30;
const MOST_WHOLE_NUMBER_BINS = 40;
const DECADE_STEPS = [1, 1.5, 2, 3, 5, 7];
/** Values that are more decades than this below the largest share the bin at zero. */
const DECADES = 6;
/** A simpler way of cutting is taken if it has at least this share of the best one's entropy. */
const GOOD_ENOUGH = 0.75;

/**
 * @param sorted  the values of both sides, finite, not empty
 * @returns       n + 1 ascending edges; the first is at most the smallest value, the last at least the largest
 */
export function histogramEdges(sorted: SortedNumbers): number[] {
  const low = sorted.at(0);
  const high = sorted.at(sorted.length - 1);
  if (low === high) return aroundOne(low);
  const whole = sorted.distinct.every(Number.isInteger);
  if (whole && high - low < MOST_WHOLE_NUMBER_BINS) return wholeNumberEdges(low, high);

  const candidates = [evenEdges(low, high, whole), decadeEdges(sorted, whole), coreEdges(sorted, whole)].map(
    (edges) => covering(edges, low, high),
  );
  const entropies = candidates.map((edges) =>
    edges.length < 2 ? -1 : entropy(countBins(sorted, edges), sorted.length),
  );
  const best = Math.max(...entropies);
  return candidates[entropies.findIndex((bits) => bits >= GOOD_ENOUGH * best)]!;
}

/**
 * Makes the edges finite, ascending and distinct, and adds edges until every value is inside, however close to the
 * limits of doubles.
 */
function covering(edges: readonly number[], low: number, high: number): number[] {
  if (edges.length === 0) return [];
  const within = edges.map((edge) => Math.max(-Number.MAX_VALUE, Math.min(edge, Number.MAX_VALUE)));
  const rising = within.filter((edge, i) => i === 0 || edge > within[i - 1]!);
  return [...(rising[0]! > low ? [low] : []), ...rising, ...(rising.at(-1)! < high ? [high] : [])];
}

/**
 * Counts sorted values in bins that include their left edge; the last bin includes both edges. Values outside all edges
 * are not counted.
 */
export function countBins(sorted: SortedNumbers, edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length - 1 }, () => 0);
  let before = sorted.below(edges[0]!);
  for (let bin = 0; bin < counts.length; bin++) {
    const edge = edges[bin + 1]!;
    const upTo = bin === counts.length - 1 ? sorted.upTo(edge) : sorted.below(edge);
    counts[bin] = upTo - before;
    before = upTo;
  }
  return counts;
}

function aroundOne(value: number): number[] {
  const half = Math.max(0.5, Math.abs(value) * 0.005);
  return [value - half, value + half].map((edge) =>
    Math.max(-Number.MAX_VALUE, Math.min(edge, Number.MAX_VALUE)),
  );
}

function wholeNumberEdges(low: number, high: number): number[] {
  return Array.from({ length: high - low + 2 }, (_, i) => low + i - 0.5);
}

function evenEdges(low: number, high: number, whole: boolean): number[] {
  if (!Number.isFinite(high - low)) return [];
  const width = roundWidth((high - low) / BINS, whole);
  const first = Math.floor(low / width);
  // The largest value is inside the last bin, not on its right edge.
  const bins = Math.floor(high / width) - first + 1;
  if (!Number.isSafeInteger(first) || bins > 2 * BINS) return [];
  return Array.from({ length: bins + 1 }, (_, i) => multiple(first + i, width));
}

/** The next larger width that is 1, 2 or 5 times a power of ten; for whole numbers it is whole. */
function roundWidth(atLeast: number, whole: boolean): number {
  const floor = whole ? Math.max(1, atLeast) : atLeast;
  const power = Math.floor(Math.log10(floor));
  for (const step of ['1', '2', '5']) {
    const width = Number(`${step}e${power}`);
    if (width >= floor) return width;
  }
  return Number(`1e${power + 1}`);
}

/** `count * width` without the rounding error of binary fractions, so that edges print short. */
function multiple(count: number, width: number): number {
  return Number((count * width).toPrecision(15));
}

function decadeEdges(sorted: SortedNumbers, whole: boolean): number[] {
  const low = sorted.at(0);
  const high = sorted.at(sorted.length - 1);
  const belowZero = low < 0 ? decadesTo(-low, smallestAbove(sorted, -1), whole) : [];
  const aboveZero = high > 0 ? decadesTo(high, smallestAbove(sorted, 1), whole) : [];
  const negative = belowZero.map((edge) => -edge).toReversed();
  // Zero falls into the bin to its right. If no value is below zero, zero is an edge only when a value is zero or below
  // the first decade edge.
  const zero = low < 0 || sorted.at(0) === 0 || (aboveZero[0] ?? 0) > low ? [0] : [];
  const edges = [...negative, ...zero, ...aboveZero];
  return low < 0 && high === 0 ? [...edges, whole ? 1 : -edges.at(-2)!] : edges;
}

/** The smallest magnitude on one side of zero (sign 1: above, -1: below). */
function smallestAbove(sorted: SortedNumbers, sign: 1 | -1): number {
  if (sign === 1) return sorted.at(sorted.upTo(0));
  return -sorted.at(sorted.below(0) - 1);
}

function decadesTo(largest: number, smallest: number, whole: boolean): number[] {
  const top = Math.floor(Math.log10(largest));
  const bottom = Math.max(Math.floor(Math.log10(smallest)), top - DECADES);
  const edges: number[] = [];
  for (let power = bottom; power <= top + 1; power++) {
    for (const step of DECADE_STEPS) {
      const edge = Number(`${step}e${power}`);
      if (whole && !Number.isInteger(edge)) continue;
      edges.push(edge);
      if (edge > largest)
        return edges.slice(
          Math.max(
            0,
            edges.findLastIndex((e) => e <= smallest),
          ),
        );
    }
  }
  return edges;
}

function coreEdges(sorted: SortedNumbers, whole: boolean): number[] {
  const from = quantileOfSorted(sorted, 0.025);
  const to = quantileOfSorted(sorted, 0.975);
  return from < to ? evenEdges(from, to, whole) : []; // `covering` adds the bins of the tails
}

function entropy(counts: readonly number[], rows: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / rows) * Math.log2(count / rows);
  return bits;
}
