/**
 * Counts a feature's vectors by their row: a row (an entity and its replayed row) is one observation however often it
 * was served, with the share of its vectors that were right.
 *
 * Rows have numbers from 0, given by row-numbers.ts. Vectors that agree with the history in every way are counted
 * elsewhere, row by row, and come in at the end.
 */
import type { RowShares } from '../verdict/snapshot.ts';

/** The rows that vectors agree with in every way. */
export interface AgreeingRows {
  /** How many have a value of the feature. */
  readonly rows: number;
  /** By the number of a row of which other vectors were added here: how many agree with it. */
  readonly vectorsOf: ReadonlyMap<number, number>;
}

export const NO_ROWS: AgreeingRows = { rows: 0, vectorsOf: new Map() };

const FIRST_ROWS = 1_024;

export class RowTally {
  #vectors = new Uint32Array(FIRST_ROWS);
  #right = new Uint32Array(FIRST_ROWS);
  #unexplained = new Uint32Array(FIRST_ROWS);
  /** 1: the history's row has a value of the feature. */
  #replayed = new Uint8Array(FIRST_ROWS);

  /** Counts one present value. */
  add(
    row: number,
    is: { readonly isRight: boolean; readonly isUnexplained: boolean; readonly isReplayed: boolean },
  ): void {
    if (row >= this.#vectors.length) this.#grow(row);
    this.#vectors[row]! += 1;
    if (is.isRight) this.#right[row]! += 1;
    if (is.isUnexplained) this.#unexplained[row]! += 1;
    if (is.isReplayed) this.#replayed[row] = 1;
  }

  #grow(row: number): void {
    const rows = Math.max(row + 1, this.#vectors.length * 2);
    const grown = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const larger = new Uint32Array(rows);
      larger.set(old);
      return larger;
    };
    this.#vectors = grown(this.#vectors);
    this.#right = grown(this.#right);
    this.#unexplained = grown(this.#unexplained);
    const replayed = new Uint8Array(rows);
    replayed.set(this.#replayed);
    this.#replayed = replayed;
  }

  shares({ rows: agreeing, vectorsOf }: AgreeingRows = NO_ROWS): RowShares {
    let [rowsJudged, rowsWithinPromise, rowsUnexplained] = [agreeing, agreeing, 0];
    for (const [row, vectors] of this.#vectors.entries()) {
      if (vectors === 0) continue;
      const agreed = this.#replayed[row] === 1 ? (vectorsOf.get(row) ?? 0) : 0;
      if (agreed === 0) rowsJudged += 1;
      else rowsWithinPromise -= 1;
      rowsWithinPromise += (this.#right[row]! + agreed) / (vectors + agreed);
      rowsUnexplained += this.#unexplained[row]! / (vectors + agreed);
    }
    return { rowsJudged, rowsWithinPromise, rowsUnexplained };
  }
}
