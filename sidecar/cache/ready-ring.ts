/**
 * What is made ready of the rows that are asked for again: text above all, ten times as long as the rows. One ring of
 * bytes for all of it, in which nothing is an object, so that however much comes and goes the garbage collector has
 * nothing to do with it.
 *
 *   ring   = | newest pieces ->      | oldest pieces ...      |     a piece that finds no room before the end starts
 *            0                       ^at: the next one goes here     a new lap at 0; it writes over the oldest ones
 *   piece  = u32 kind | u32 bytes | u32 lap, at of its owner's piece before it | bytes, padded to words
 *
 * Trades the order of use for that: what is still asked for when its turn comes is made anew. A piece that was found is
 * good until the next one is kept: use first, then keep.
 */

/** Whose pieces they are: where the newest stands. It begins with NO_PIECE. */
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
/** No piece takes more than this share: a ring of a few pieces would be written over all the time. */
const LARGEST_SHARE = 1 / 8;
/** Of an owner's pieces only the newest are looked at: services ask for rows in few ways, feature lists in many. */
const MOST_PIECES = 8;
/** A Buffer may be larger, and a small integer counts no further. */
const MAX_BYTES = 2 ** 31;

export class ReadyRing {
  readonly #limitWords: number;
  /** Made with the first piece, whole: memory that is not written to is not taken. */
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

  /** What it holds, written over or not. */
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

  /** Whether the piece that was put there on that lap is there still. */
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

/** @returns a kind of piece that nobody else has: for a plan's segment, a run of features and so on */
export function newReadyKind(): number {
  kinds += 1;
  return kinds;
}
