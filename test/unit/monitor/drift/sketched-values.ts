/** Sketches of arrays, by their definitions: what the tests of drift compare. */
import { QUANTILE_STEPS, decileEdges, quantileRanks } from '../../../../contract/sketch.ts';
import type { ColumnSketch } from '../../../../contract/sketch.ts';

const MOST_TEXTS = 20;

/** @param edges  of the bins; the deciles unless given */
export function numbersSketch(values: readonly (number | null)[], edges?: readonly number[]): ColumnSketch {
  const present = values.filter((value) => value !== null);
  const finite = present.filter(Number.isFinite).toSorted((a, b) => a - b);
  const nan = present.filter(Number.isNaN).length;
  const counts = { rows: values.length, nulls: values.length - present.length, nan };
  const infinite = present.length - finite.length - nan;
  if (finite.length === 0) return { ...counts, infinite, ordered: null, categories: null };
  const quantiles = quantileRanks(finite.length).map((rank) => finite[rank - 1]!);
  const mean = finite.reduce((sum, value) => sum + value / finite.length, 0);
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardDeviation = finite.length === 1 ? null : Math.sqrt(squares / (finite.length - 1));
  const own = edges ?? decileEdges(quantiles);
  const bounds = [-Infinity, ...own, Infinity];
  const bins = {
    edges: own,
    counts: bounds.slice(1).map((high, i) => finite.filter((v) => v > bounds[i]! && v <= high).length),
  };
  const ordered = {
    measure: 'value' as const,
    rows: finite.length,
    mean,
    standardDeviation,
    quantiles,
    bins,
  };
  return { ...counts, infinite, ordered, categories: null };
}

/** @param texts  that are counted by themselves, beside the 20 most frequent */
export function textsSketch(values: readonly (string | null)[], texts: readonly string[] = []): ColumnSketch {
  const present = values.filter((value) => value !== null);
  const counts = {
    rows: values.length,
    nulls: values.length - present.length,
    nan: 0,
    infinite: 0,
    ordered: null,
  };
  if (present.length === 0) return { ...counts, categories: null };
  const rows = new Map<string, number>();
  for (const text of present) rows.set(text, (rows.get(text) ?? 0) + 1);
  const ranked = [...rows]
    .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([value, n]) => ({ value, rows: n }));
  const top = ranked.filter(({ value }, i) => i < MOST_TEXTS || texts.includes(value));
  const absent = texts.filter((text) => !rows.has(text)).map((value) => ({ value, rows: 0 }));
  return { ...counts, categories: { rows: present.length, values: rows.size, top: [...top, ...absent] } };
}

/** Draws uniform numbers from a seed, the same in every run. */
export function uniformsFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The sketch of a sample of uniform numbers, without drawing all: the gaps between every tenth, hundredth ... of the
 * sorted ones are sums of as many exponential numbers.
 *
 * @param rows  a multiple of 1,000
 */
export function uniformSketch(rows: number, uniform: () => number): ColumnSketch {
  const sums: number[] = [];
  let sum = 0;
  for (let i = 0; i < QUANTILE_STEPS; i++) {
    let product = 1;
    for (let k = 0; k < rows / QUANTILE_STEPS; k++) product *= 1 - uniform();
    sum -= Math.log(product);
    sums.push(sum);
  }
  const whole = sum - Math.log(1 - uniform());
  const quantiles = [0, ...sums].map((at) => at / whole);
  quantiles[0] = quantiles[1]! / 2;
  const ordered = {
    measure: 'value' as const,
    rows,
    mean: quantiles.reduce((total, value) => total + value / quantiles.length, 0),
    standardDeviation: Math.sqrt(1 / 12),
    quantiles,
    bins: { edges: [], counts: [rows] },
  };
  return { rows, nulls: 0, nan: 0, infinite: 0, ordered, categories: null };
}
