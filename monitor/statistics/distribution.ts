/**
 * Compares the distributions of served and replayed values, in the form that the snapshot holds.
 *
 * Both sides are the same entities at the same times, so D alone decides the level, and there is no p value. Most pairs
 * agree; those come counted, so that only the others are sorted. Called by the monitor once per feature; pure.
 */
import { LIMITS, distanceLevel } from '../limits.ts';
import { EMPTY_BIN_SHARE, jensenShannonDistance, populationStability } from './binned-shares.ts';
import { chiSquareOf } from './chi-square.ts';
import type {
  CategoryChange,
  CategoryDistributions,
  Distributions,
  NotNumbersOfSides,
} from './distributions.ts';
import { countBins, histogramEdges } from './histogram-edges.ts';
import { pairedDistance, steppedDistance } from './paired-distance.ts';
import type { PairedDistance } from './paired-distance.ts';
import { sortDoubles } from './radix-sort.ts';
import { SortedNumbers } from './sorted-numbers.ts';

const MOST_ECDF_POINTS = 40;
export const MOST_CATEGORIES = 12;
/** So many pairs of values that became each other are told. */
const MOST_CHANGES = 10;
/** Of a text in `values` and `became`: what is longer ends in an ellipsis and its length. */
const MOST_CHARACTERS = 200;

type NumericDistributions = Extract<Distributions, { readonly kind: 'numeric' | 'no numbers' }>;

/** Values that are the same on both sides of their pairs: ascending, each once, with the number of its pairs. */
export interface AgreeingNumbers {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** Pairs whose sides may differ, aligned by index; both sides finite. */
export interface OpenNumbers {
  readonly served: Float64Array;
  readonly replayed: Float64Array;
  /** How often each of these pairs occurs. */
  readonly counts: Float64Array;
  /** Those with a whole number past 2^53, which a double does not hold: in none of the arrays. */
  readonly wide: readonly (readonly [served: number | bigint, replayed: number | bigint])[];
}

/** The numbers of both sides: of all pairs, and of those that are open without the wide ones. */
export interface NumberSides {
  readonly served: SortedNumbers;
  readonly replayed: SortedNumbers;
  readonly open: readonly [served: SortedNumbers, replayed: SortedNumbers];
}

/**
 * Compares the numbers of both sides over the pairs that are finite on both.
 *
 * @param wide  of the open pairs
 * @returns     without such a pair what there was instead; null where that was nothing but nulls
 */
export function compareNumeric(
  { served: a, replayed: b, open }: NumberSides,
  wide: OpenNumbers['wide'],
  notNumbers: NotNumbersOfSides,
): NumericDistributions | null {
  if (a.length === 0) return hasNotNumbers(notNumbers) ? { kind: 'no numbers', notNumbers } : null;
  const pooled = SortedNumbers.merged(a, b);
  const { d, location, sign, wasserstein } = distanceOfPairs(open, wide, a.length);
  const place = location === null ? pooled.at(0) : Number(location);
  const edges = histogramEdges(pooled);
  const [inA, inB] = [countBins(a, edges), countBins(b, edges)];
  const x = ecdfPoints(pooled, place);
  return {
    kind: 'numeric',
    ks: { d, location: place + 0, sign, level: a.length < LIMITS.leastPairs ? null : distanceLevel(d) },
    wasserstein,
    psi: { value: populationStability(inB, inA), fill: EMPTY_BIN_SHARE },
    jensenShannon: { distance: jensenShannonDistance(inB, inA), base: 2 },
    histogram: { edges, served: inA, replayed: inB },
    ecdf: { x, served: ecdfAt(a, x), replayed: ecdfAt(b, x) },
    servedRows: a.length,
    replayedRows: b.length,
    notNumbers,
  };
}

function hasNotNumbers({ served, replayed }: NotNumbersOfSides): boolean {
  return [served, replayed].some(({ nan, infinite }) => nan + infinite > 0);
}

/** D and Wasserstein's distance; only the pairs that differ are looked at. */
function distanceOfPairs(
  [served, replayed]: NumberSides['open'],
  wide: OpenNumbers['wide'],
  pairs: number,
): PairedDistance {
  if (wide.length === 0) return steppedDistance(served, replayed, pairs);
  return pairedDistance(
    [...served.all(), ...wide.map(([x]) => x)],
    [...replayed.all(), ...wide.map(([, y]) => y)],
    pairs,
  );
}

/** @returns the values of each side: what agrees is sorted, so that only open pairs are */
export function sidesOf(
  agreeing: AgreeingNumbers,
  { served, replayed, counts, wide }: OpenNumbers,
): NumberSides {
  const same = SortedNumbers.of(agreeing.values, agreeing.counts);
  const open = [sortedSide(served, counts), sortedSide(replayed, counts)] as const;
  const side = (at: 0 | 1): SortedNumbers => {
    const others = Float64Array.from(wide, (pair) => Number(pair[at]));
    const all = SortedNumbers.merged(same, open[at]);
    return wide.length === 0 ? all : SortedNumbers.merged(all, SortedNumbers.of(sortDoubles(others)));
  };
  return { served: side(0), replayed: side(1), open };
}

function sortedSide(open: Float64Array, counts: Float64Array): SortedNumbers {
  const values = open.slice();
  // Without counts to take along a sort costs two thirds.
  if (counts.every((count) => count === 1)) return SortedNumbers.of(sortDoubles(values));
  const beside = counts.slice();
  return SortedNumbers.of(sortDoubles(values, beside), beside);
}

/**
 * The x values of the ECDF: every distinct value while there are few; else the values at evenly spaced ranks, always
 * with both ends and the point of D. Between two neighbours neither function rises by more than their distance in rank.
 */
function ecdfPoints(pooled: SortedNumbers, location: number): number[] {
  if (pooled.distinct.length <= MOST_ECDF_POINTS) return [...pooled.distinct];
  const points = new Set<number>([location + 0]);
  const steps = MOST_ECDF_POINTS - 2;
  for (let step = 0; step <= steps; step++) {
    points.add(pooled.at(Math.round((step / steps) * (pooled.length - 1))));
  }
  return [...points].toSorted((left, right) => left - right);
}

function ecdfAt(sorted: SortedNumbers, x: readonly number[]): number[] {
  return x.map((value) => sorted.upTo(value) / sorted.length);
}

/** Values that are the same on both sides of their pairs. A feature may have too many to name each. */
export interface AgreeingCategories {
  /** Pairs by their value: of each value that differs in another pair, and of the most frequent of all others. */
  readonly counted: ReadonlyMap<string, number>;
  /** The others of the others, none more frequent than those: how many values, in how many pairs. */
  readonly rest: { readonly values: number; readonly rows: number };
}

/**
 * Compares how often each value occurs on both sides: L-infinity is over all values; the list holds the most frequent
 * ones (by the larger of their two shares), and last the rest as one entry, so that its counts add up to the rows.
 *
 * @param agreeing  with the 12 most frequent of those that differ in no pair, if there are as many
 * @param changes   the other pairs by their two values, each combination once
 * @returns         null when a side has no value
 */
export function compareCategories(
  { counted, rest }: AgreeingCategories,
  changes: readonly CategoryChange[],
): CategoryDistributions | null {
  const all = new Map([...counted].map(([value, rows]) => [value, { value, served: rows, replayed: rows }]));
  const add = (value: string | null, side: 'served' | 'replayed', rows: number): void => {
    if (value === null) return;
    const counts = all.get(value) ?? { value, served: 0, replayed: 0 };
    counts[side] += rows;
    all.set(value, counts);
  };
  for (const { served, replayed, rows } of changes) {
    add(served, 'served', rows);
    add(replayed, 'replayed', rows);
  }
  const [servedRows, replayedRows] = (['served', 'replayed'] as const).map((side) =>
    [...all.values()].reduce((sum, counts) => sum + counts[side], rest.rows),
  ) as [number, number];
  if (servedRows === 0 || replayedRows === 0) return null;
  const most = (one: { served: number; replayed: number }): number =>
    Math.max(one.served / servedRows, one.replayed / replayedRows);
  const ranked = [...all.values()].toSorted((a, b) => most(b) - most(a) || (a.value < b.value ? -1 : 1));
  const values = withRest(ranked, rest);
  return {
    kind: 'categorical',
    lInfinity: ranked.reduce(
      (widest, one) => Math.max(widest, Math.abs(one.served / servedRows - one.replayed / replayedRows)),
      0,
    ),
    chiSquare: chiSquareOf(
      values.map(({ replayed }) => replayed),
      values.map(({ served }) => served),
    ),
    values: values.map((one) => ({ ...one, value: shownText(one.value) })),
    became: changes
      .toSorted((a, b) => b.rows - a.rows || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      .slice(0, MOST_CHANGES)
      .map(({ served, replayed, rows }) => ({
        served: served === null ? null : shownText(served),
        replayed: replayed === null ? null : shownText(replayed),
        rows,
      })),
    servedRows,
    replayedRows,
  };
}

function shownText(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  const characters = Array.from(text);
  if (characters.length <= MOST_CHARACTERS) return text;
  const length = characters.length.toLocaleString('en-US');
  return `${characters.slice(0, MOST_CHARACTERS).join('')}… (${length} characters)`;
}

type CategoryCounts = CategoryDistributions['values'][number];

function withRest(ranked: readonly CategoryCounts[], unnamed: AgreeingCategories['rest']): CategoryCounts[] {
  const values = ranked.slice(0, MOST_CATEGORIES);
  const rest = ranked.slice(MOST_CATEGORIES);
  const count = rest.length + unnamed.values;
  if (count === 0) return values;
  const sum = (side: 'served' | 'replayed'): number =>
    rest.reduce((rows, counts) => rows + counts[side], unnamed.rows);
  const value = `${count} other value${count === 1 ? '' : 's'}`;
  return [...values, { value, served: sum('served'), replayed: sum('replayed') }];
}
