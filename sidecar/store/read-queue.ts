/**
 * The reads that a lane has sent, in order, until their replies come.
 *
 *   | free | read, read, read | free |      a ring: both ends wrap around, a full one doubles
 *          ^first             ^first + count
 *
 * Under load the queue may never be empty, so each read is taken out as soon as it is answered. Rejected: a list that
 * is cleared when all of it is answered. It would keep every read since the start, each garbage of the old generation.
 */
import type { StoreView } from './store-reader.ts';

/** Who waits for a read: exactly one of the three methods is called, once. */
export interface LaneRead {
  readonly key: string;
  readonly views: readonly StoreView[];
  /** As `StoreAsk` has it. */
  knownRow(v: number): string | null | undefined;
  onRows(rows: readonly (string | null)[]): void;
  /** The lane could not read it; the client may. */
  onLost(): void;
  /** The node does not answer. */
  onSilent(error: Error): void;
}

const FIRST_PLACES = 64;

export class ReadQueue {
  #reads: (LaneRead | null)[] = places();
  #sentMs = new Float64Array(FIRST_PLACES);
  #first = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get places(): number {
    return this.#reads.length;
  }

  push(read: LaneRead, sentMs: number): void {
    if (this.#count === this.#reads.length) this.#grow();
    const at = (this.#first + this.#count) & (this.#reads.length - 1);
    this.#reads[at] = read;
    this.#sentMs[at] = sentMs;
    this.#count += 1;
  }

  /** The oldest; null: there is none. */
  get first(): LaneRead | null {
    return this.#reads[this.#first]!;
  }

  /** When the oldest was sent, on the monotonic clock. */
  get firstSentMs(): number {
    return this.#sentMs[this.#first]!;
  }

  /** Takes the oldest out; null: there is none. */
  shift(): LaneRead | null {
    const read = this.#reads[this.#first]!;
    if (read === null) return null;
    this.#reads[this.#first] = null;
    this.#first = (this.#first + 1) & (this.#reads.length - 1);
    this.#count -= 1;
    return read;
  }

  #grow(): void {
    const { length } = this.#reads;
    const inOrder = [...this.#reads.slice(this.#first), ...this.#reads.slice(0, this.#first)];
    const sentMs = new Float64Array(length * 2);
    sentMs.set(this.#sentMs.subarray(this.#first), 0);
    sentMs.set(this.#sentMs.subarray(0, this.#first), length - this.#first);
    this.#reads = [...inOrder, ...Array.from({ length }, () => null)];
    this.#sentMs = sentMs;
    this.#first = 0;
  }
}

function places(): (LaneRead | null)[] {
  return Array.from({ length: FIRST_PLACES }, () => null);
}
