/**
 * What is made ready of rows, text above all, and for how long: the cache keeps the stored bytes of every row, and
 * ready text, which takes ten times as much, of the rows that are asked for again.
 *
 *   asked for once    -> brief    as long as the answers that share the read may need it
 *   again             -> lasting  first in, first out; what is still asked for is then made anew
 *
 * Bounded by bytes, with the rows that went from the cache counted until their turn comes.
 */
import type { CachedRow } from './cached-row.ts';

/** Of the bound, for rows that were asked for once: enough for the answer under way. What is held longer grows old. */
const BRIEF_SHARE = 1 / 16;
const BRIEF_BYTES_MAX = 2 ** 18;

export class ReadyRows {
  readonly #brief: ReadyQueue;
  readonly #lasting: ReadyQueue;

  constructor(bytes: number) {
    const brief = Math.min(bytes * BRIEF_SHARE, BRIEF_BYTES_MAX);
    this.#brief = new ReadyQueue(brief);
    this.#lasting = new ReadyQueue(bytes - brief);
  }

  get bytes(): number {
    return this.#brief.bytes + this.#lasting.bytes;
  }

  /** @param bytes  of what was made ready of the row just now */
  keep(row: CachedRow, bytes: number): void {
    if (row.askedAgain) this.#lasting.push(row, bytes);
    else this.#brief.push(row, bytes);
  }
}

class ReadyQueue {
  readonly #limit: number;
  #rows: CachedRow[] = [];
  #sizes: number[] = [];
  #head = 0;
  bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(row: CachedRow, bytes: number): void {
    this.#rows.push(row);
    this.#sizes.push(bytes);
    this.bytes += bytes;
    while (this.bytes > this.#limit) {
      this.bytes -= this.#sizes[this.#head]!;
      this.#rows[this.#head]!.unready();
      this.#head += 1;
    }
    if (this.#head > this.#rows.length / 2) {
      this.#rows = this.#rows.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
  }
}
