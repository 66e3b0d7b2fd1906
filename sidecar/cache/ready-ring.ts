/**
 * What encoders have made of rows that are requested again, mostly text, ten times as long as the rows. It lies in one
 * ring of bytes and not in objects, so that the garbage collector has no work with it, however much comes and goes.
 *
 *   ring   = | newest pieces ->      | oldest pieces ...      |     a piece that finds no room before the end starts
 *            0                       ^at: the next one goes here     a new lap at 0; it writes over the oldest ones
 *   piece  = u32 kind | u32 bytes | u32 lap, at of its owner's piece before it | bytes, padded to words
 *
 * The price: the oldest piece is overwritten first, also when it is still in use, and is then made again. A piece that
 * was found is valid until the next one is kept: use first, then keep.
 */

/** The owner of pieces knows where its newest one stands. Both begin as NO_PIECE. */
export interface ReadyOwner {
  readyLap: number;
  readyAt: number;
}

export const NO_PIECE = -1;

const WORD_BYTES = 4;
const HEAD_WORDS = 4;
const BYTES = 1;
const LAP = 2;
const AT = 3;
/** Words are copied past the end of a piece (answer-buffer.ts). */
const READ_PAST_WORDS = 1;
/** The largest share of the ring that one piece may take: a ring of a few pieces would be overwritten all the time. */
const LARGEST_SHARE = 1 / 8;
/** Only so many of an owner's newest pieces are searched: services use a row in few ways, feature lists in many. */
const MOST_PIECES = 8;
/** A Buffer may be larger, and a small integer counts no further. */
const MAX_BYTES = 2 ** 31;

export class ReadyRing {
  readonly #limitWords: number;
  /** Allocated whole with the first piece: the system gives memory only for what is written. */
  #buffer: Buffer = Buffer.alloc(0);
  #view = new DataView(new ArrayBuffer(0));
  #words = new Int32Array(0);
  #lap = 1;
  #at = 0;

  constructor(bytes: number) {
    this.#limitWords = Math.floor(Math.min(bytes, MAX_BYTES) / WORD_BYTES);
  }

  /** All pieces stand in it; valid until the ring is gone. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** The same. */
  get view(): DataView {
    return this.#view;
  }

  /** Bytes that were written so far, up to the size of the ring. */
  get bytes(): number {
    return (this.#lap === 1 ? this.#at : this.#words.length) * WORD_BYTES;
  }

  /** @returns where in `buffer` the owner's piece of that kind begins; NO_PIECE: it has none any more */
  find(owner: ReadyOwner, kind: number): number {
    let lap = owner.readyLap;
    let at = owner.readyAt;
    const words = this.#words;
    for (let i = 0; i < MOST_PIECES && this.#holds(lap, at); i++) {
      if (words[at] === kind) return (at + HEAD_WORDS) * WORD_BYTES;
      lap = words[at + LAP]!;
      at = words[at + AT]!;
    }
    return NO_PIECE;
  }

  /** @param from  of a piece that was found */
  endOf(from: number): number {
    return from + this.#words[from / WORD_BYTES - HEAD_WORDS + BYTES]!;
  }

  /** Copies bytes into the ring as the owner's newest piece; too many of them are not kept. */
  keep(owner: ReadyOwner, kind: number, bytes: Uint8Array): void {
    const words = HEAD_WORDS + Math.ceil(bytes.length / WORD_BYTES);
    if (words > this.#limitWords * LARGEST_SHARE) return;
    if (this.#words.length === 0) this.#make();
    if (this.#at + words + READ_PAST_WORDS > this.#words.length) {
      this.#lap += 1;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += words;
    const head = this.#words;
    head[at] = kind;
    head[at + BYTES] = bytes.length;
    head[at + LAP] = owner.readyLap;
    head[at + AT] = owner.readyAt;
    this.#buffer.set(bytes, (at + HEAD_WORDS) * WORD_BYTES);
    owner.readyLap = this.#lap;
    owner.readyAt = at;
  }

  /** Whether the piece that was written there on that lap has not been overwritten. */
  #holds(lap: number, at: number): boolean {
    return lap === this.#lap || (lap === this.#lap - 1 && at >= this.#at);
  }

  #make(): void {
    const buffer = Buffer.allocUnsafeSlow(this.#limitWords * WORD_BYTES);
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
    this.#words = new Int32Array(buffer.buffer);
  }
}

let kinds = 0;

/** @returns a number that no other kind of piece has: one for each segment of a plan, run of features and so on */
export function newReadyKind(): number {
  kinds += 1;
  return kinds;
}
