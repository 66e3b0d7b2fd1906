/**
 * A sketch: what the programs keep of a column's distribution, small enough to store for every feature of every day.
 * Training writes one for each feature into its manifest, the monitor compares what was served with it.
 *
 *   ordered     numbers, ages of times, lengths of lists, norms of embeddings: mean, quantiles, bins
 *   categories  texts, truth values, bytes as hex: the most frequent ones
 *   neither     maps and structs: rows and nulls alone
 *
 * Quantiles are values that occur (type 1): the i-th of 1,001 is the smallest value x with F(x) >= i / 1000, so that
 * i / 1000 <= F(x) < (i + 1) / 1000 from it up to the next one. Two sketches give D to within 0.001.
 */
import type { Value, ValueType } from './value-type.ts';

/** Quantiles are kept at 0, 0.001, 0.002 ... 1. */
export const QUANTILE_STEPS = 1_000;
/** This many texts, the most frequent ones, are kept by themselves. */
export const MOST_CATEGORIES = 20;
const DECILES = 10;

/**
 * What of a value is measured: the value; of a time how old it was when it was asked for, in seconds; the items of a
 * list; the norm of an embedding.
 */
export type Measure = 'value' | 'age' | 'length' | 'norm';
/** What is taken of a value: a measure, its text, or nothing. */
export type Taken = Measure | 'text' | 'nothing';

export interface ColumnSketch {
  readonly rows: number;
  readonly nulls: number;
  /** Values that are NaN, and infinite ones: `ordered` leaves both out. */
  readonly nan: number;
  readonly infinite: number;
  /** null: nothing is measured of the column, or it has no finite value. */
  readonly ordered: OrderedSketch | null;
  /** null: no text is taken of the column, or it has no value. */
  readonly categories: CategorySketch | null;
}

export interface OrderedSketch {
  readonly measure: Measure;
  /** Finite values; at least 1. */
  readonly rows: number;
  readonly mean: number;
  /** Of the sample; null with a single value. */
  readonly standardDeviation: number | null;
  /** 1,001 values, ascending. Whole numbers past 2^53 are rounded to doubles. */
  readonly quantiles: readonly number[];
  readonly bins: Bins;
}

/** Counts of values in (-inf, e1], (e1, e2] ... (en, inf). */
interface Bins {
  readonly edges: readonly number[];
  /** One more than edges. */
  readonly counts: readonly number[];
}

export interface CategorySketch {
  /** Values that are not null; at least 1. */
  readonly rows: number;
  /** How many different ones. */
  readonly values: number;
  /**
   * The most frequent ones first, ties by their texts; of more than 20 those that are so in half of the rows. Of
   * another sketch's also those that have no row here.
   */
  readonly top: readonly CategoryRows[];
  /**
   * About half of the rows, drawn by chance: `top` was chosen by the other half. Values that are the most frequent ones
   * are in part so by chance, so that only these rows may be held against another sketch. Absent: all values are kept.
   */
  readonly apart?: {
    readonly rows: number;
    /** Of each value of `top`. */
    readonly top: readonly number[];
  };
}

interface CategoryRows {
  readonly value: string;
  readonly rows: number;
}

export function takenOf(type: ValueType): Taken {
  switch (type.kind) {
    case 'timestamp':
      return 'age';
    case 'list':
      return 'length';
    case 'embedding':
      return 'norm';
    case 'bool':
    case 'string':
    case 'bytes':
      return 'text';
    case 'map':
    case 'struct':
      return 'nothing';
    default:
      return 'value';
  }
}

/** A longer text is cut, and says how long it was. */
export const MOST_CHARACTERS = 200;

/**
 * What a sketch takes of a value, as the SQL of project/engine/duckdb/column-sketches.ts takes it.
 *
 * @param askedUs  when the value was asked for
 * @returns        a number or a text; null for null; of maps and structs an empty text
 */
export function takenFrom(type: ValueType, value: Value, askedUs: number): number | string | null {
  if (value === null) return null;
  switch (takenOf(type)) {
    case 'value':
      return Number(value) + 0;
    case 'age':
      return (askedUs - Number(value)) / 1e6;
    case 'length':
      return (value as readonly Value[]).length;
    case 'norm':
      return Math.sqrt((value as Float32Array).reduce((sum, x) => sum + x * x, 0));
    case 'text':
      return type.kind === 'bytes'
        ? shortText(Buffer.from(value as Uint8Array).toString('hex'))
        : shortText(String(value));
    case 'nothing':
      return '';
  }
}

function shortText(text: string): string {
  const characters = [...text];
  if (characters.length <= MOST_CHARACTERS) return text;
  return `${characters.slice(0, MOST_CHARACTERS).join('')}… (${characters.length} characters)`;
}

/**
 * @param rows  at least 1
 * @returns     of each quantile the place of its value among all in ascending order, counted from 1
 */
export function quantileRanks(rows: number): number[] {
  return Array.from({ length: QUANTILE_STEPS + 1 }, (_, i) =>
    Math.max(1, Math.ceil((i * rows) / QUANTILE_STEPS)),
  );
}

/**
 * The edges of bins with about a tenth of the rows each: the deciles. A value that holds a tenth or more by itself also
 * gets an edge below it, so that it does not share its bin with the smaller ones.
 *
 * @param quantiles  1,001, ascending
 * @returns          ascending, each once; the largest value is none, since the last bin is open; may be empty
 */
export function decileEdges(quantiles: readonly number[]): number[] {
  const edges = new Set<number>();
  const width = QUANTILE_STEPS / DECILES;
  for (let at = width; at <= QUANTILE_STEPS; at += width) {
    const value = quantiles[at]!;
    const first = quantiles.indexOf(value);
    if (quantiles.lastIndexOf(value) - first >= width && first > 0) edges.add(quantiles[first - 1]!);
    if (value !== quantiles[QUANTILE_STEPS]) edges.add(value);
  }
  return [...edges].toSorted((a, b) => a - b);
}
