/**
 * Statistics of two sets of numbers, side a and side b, in one pass over their distinct values in ascending order, each
 * with its count on both sides. Only a few sums are kept, so a side may have any number of rows.
 *
 *   D              the widest gap between the two distributions, where it is first reached, and which side is ahead
 *   wasserstein    the area between the two: by how much a value must move on average to make them equal
 *   quantiles      values that occur (type 1): the first with at least a share p of its side's rows at or below it
 *   bins           (-inf, e1], (e1, e2], ... (en, inf): edges at the deciles of side a; a value that a tenth of its
 *                  rows or more have gets a bin of its own
 */

/** The shares at which quantiles are computed. */
export const QUANTILE_SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const BINS = 10;

interface Bins {
  /** The largest value of each bin except the last. */
  readonly edges: readonly RankedValue[];
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** A value, and its rank among the distinct values. */
export interface RankedValue {
  readonly value: number;
  readonly index: number;
}

export class SortedWalk {
  /** The number of all rows on each side. */
  readonly #aRows: number;
  readonly #bRows: number;
  /** Rows of each side passed so far. */
  #a = 0;
  #b = 0;
  #index = -1;
  #before: RankedValue = { value: Number.NaN, index: -1 };
  #widest = 0;
  #location: RankedValue = { value: Number.NaN, index: -1 };
  #sign: -1 | 0 | 1 = 0;
  #area = 0;
  readonly #quantiles: { readonly a: RankedValue[]; readonly b: RankedValue[] } = { a: [], b: [] };
  readonly #edges: RankedValue[] = [];
  readonly #aBins: number[] = [0];
  readonly #bBins: number[] = [0];

  /** @param aRows, bRows  the total number of rows on each side over all steps; at least 1 each */
  constructor(aRows: number, bRows: number) {
    this.#aRows = aRows;
    this.#bRows = bRows;
  }

  /**
   * Takes the next distinct value.
   *
   * @param value  finite, larger than the one before (integers past 2^53 may look equal: they still count as two)
   * @param a, b   rows of each side that have it; not both 0
   */
  step(value: number, a: number, b: number): void {
    if (this.#index >= 0) this.#area += Math.abs(this.#gap()) * (value - this.#before.value);
    this.#index += 1;
    const place = { value, index: this.#index };
    this.#bin(place, a, b);
    this.#a += a;
    this.#b += b;
    // Whole numbers make equal gaps compare as equal, so that the first of them counts.
    const gap = this.#a * this.#bRows - this.#b * this.#aRows;
    if (this.#index === 0 || Math.abs(gap) > this.#widest) {
      this.#widest = Math.abs(gap);
      this.#location = place;
      this.#sign = gap > 0 ? 1 : gap < 0 ? -1 : 0;
    }
    noteQuantiles(this.#quantiles.a, this.#a / this.#aRows, place);
    noteQuantiles(this.#quantiles.b, this.#b / this.#bRows, place);
    this.#before = place;
  }

  #gap(): number {
    return this.#a / this.#aRows - this.#b / this.#bRows;
  }

  /** Puts a value into its bin; called before the value's rows are counted as passed. */
  #bin(place: RankedValue, a: number, b: number): void {
    const at = this.#aBins.length - 1;
    const isHeavy = a * BINS >= this.#aRows;
    if (isHeavy && this.#aBins[at]! + this.#bBins[at]! > 0) this.#close(this.#before);
    this.#aBins[this.#aBins.length - 1]! += a;
    this.#bBins[this.#bBins.length - 1]! += b;
    const decile = Math.floor((this.#a * BINS) / this.#aRows);
    const reached = Math.floor(((this.#a + a) * BINS) / this.#aRows);
    // Side b may have values above the largest of a, so the last bin stays open for them.
    if (reached > decile && (isHeavy || reached < BINS)) this.#close(place);
  }

  #close(edge: RankedValue): void {
    this.#edges.push(edge);
    this.#aBins.push(0);
    this.#bBins.push(0);
  }

  /** The result; to be read after the last step. */
  get ks(): { readonly d: number; readonly location: RankedValue; readonly sign: -1 | 0 | 1 } {
    return { d: this.#widest / (this.#aRows * this.#bRows), location: this.#location, sign: this.#sign };
  }

  get wasserstein(): number {
    return this.#area;
  }

  get bins(): Bins {
    return { edges: this.#edges, a: this.#aBins, b: this.#bBins };
  }

  get quantiles(): { readonly a: readonly RankedValue[]; readonly b: readonly RankedValue[] } {
    return this.#quantiles;
  }
}

/** Adds the quantiles that are reached at a value, with a margin for the rounding of shares. */
function noteQuantiles(quantiles: RankedValue[], share: number, place: RankedValue): void {
  while (quantiles.length < QUANTILE_SHARES.length && share >= QUANTILE_SHARES[quantiles.length]! - 1e-12)
    quantiles.push(place);
}
