/**
 * Counts the bytes of bodies that have begun to arrive and are not whole. One bound for all connections: with a bound
 * for each, whoever opens many of them could pass any sum. Owned by a transport; a body that comes in one piece is not
 * counted.
 */

const MAX_BYTES = 64 * 2 ** 20;
/** What a piece takes beside its bytes, for a body that comes byte by byte too. */
const PIECE_BYTES = 256;

export class BodiesUnderWay {
  #bytes = 0;

  /** @returns how many bytes the piece counts, to be given back later; 0: there is no room for it */
  take(pieceBytes: number): number {
    const bytes = pieceBytes + PIECE_BYTES;
    if (this.#bytes + bytes > MAX_BYTES) return 0;
    this.#bytes += bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}
