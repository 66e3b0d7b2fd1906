/**
 * The bytes of bodies that have begun to arrive and are not whole: one bound for all connections, since a bound for each
 * leaves the sum to whoever opens many of them. Owned by a transport; a body that comes in one piece is not counted.
 */

const MAX_BYTES = 64 * 2 ** 20;
/** What a piece takes beside its bytes: bodies that come byte by byte cost that for each. */
const PIECE_BYTES = 256;

export class BodiesUnderWay {
  #bytes = 0;

  /** @returns what the piece counts, to be given back; 0: there is no room for it */
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
