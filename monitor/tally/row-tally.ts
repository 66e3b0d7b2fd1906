/**
 * Counts a feature's vectors by their row: a row (an entity and its replayed row) is one observation however often it
 * was served, with the share of its vectors that were right.
 *
 * Vectors come row by row, so that no more than one row is kept. Those that agree with the history in every way are
 * counted elsewhere, and come in by their numbers alone.
 */
import type { RowShares } from '../verdict/snapshot.ts';

interface CountedVectors {
  readonly vectors: number;
  readonly isRight: boolean;
  readonly isUnexplained: boolean;
  /** Whether the history's row has a value of the feature. */
  readonly isReplayed: boolean;
}

export class RowTally {
  /** The row that is counted now, and how many other vectors agree with it in every way. */
  #row = -1;
  #agreed = 0;
  #vectors = 0;
  #right = 0;
  #unexplained = 0;
  #isReplayed = false;
  /** Of all rows before it. */
  readonly #sums = { judged: 0, right: 0, unexplained: 0 };

  /**
   * Counts present values of a row.
   *
   * @param row     its number: the same as that of the last call, or one that was never met
   * @param agreed  how many vectors agree in every way with the row
   */
  add({ row, agreed }: { readonly row: number; readonly agreed: number }, is: CountedVectors): void {
    if (row !== this.#row) this.#turn(row);
    if (agreed > 0) this.#agreed = agreed;
    this.#vectors += is.vectors;
    if (is.isRight) this.#right += is.vectors;
    if (is.isUnexplained) this.#unexplained += is.vectors;
    if (is.isReplayed) this.#isReplayed = true;
  }

  #turn(row: number): void {
    if (this.#vectors > 0) {
      const agreed = this.#isReplayed ? this.#agreed : 0;
      const all = this.#vectors + agreed;
      // It is one of the agreeing rows, which are right until something of them differs.
      if (agreed === 0) this.#sums.judged += 1;
      else this.#sums.right -= 1;
      this.#sums.right += (this.#right + agreed) / all;
      this.#sums.unexplained += this.#unexplained / all;
    }
    this.#row = row;
    this.#agreed = this.#vectors = this.#right = this.#unexplained = 0;
    this.#isReplayed = false;
  }

  /** @param agreeing  how many rows with a value of the feature vectors agree with in every way */
  shares(agreeing = 0): RowShares {
    this.#turn(-1);
    const { judged, right, unexplained } = this.#sums;
    return {
      rowsJudged: agreeing + judged,
      rowsWithinPromise: agreeing + right,
      rowsUnexplained: unexplained,
    };
  }
}
