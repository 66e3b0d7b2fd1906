/**
 * The sequence numbers that were answered but not logged, until a heartbeat on the disk has told of them.
 *
 *   untold --beat: heartbeat in the tick's buffer--> telling --handIn: on its way to the disk--> with the caller
 *     ^                                                             written: gone                     |
 *     `------------------------------------------------------------ not written: takeBack ------------'
 *
 * Numbers are shed in runs while a spool is full, so there are few ranges. Called by vector-log.ts. Pure.
 */
import type { ShedRange } from '../../contract/wire/log/served-record.ts';

export class ShedRanges {
  #untold: ShedRange[] = [];
  #telling: readonly ShedRange[] = [];

  /** Whether a heartbeat is due before the next record: without it readers would take what was shed for a gap. */
  get untold(): boolean {
    return this.#untold.length > 0;
  }

  /** @param to  included, as `from` is; numbers that are in a range already keep their reason */
  add(from: number, to: number, reason: number): void {
    const last = this.#untold.at(-1);
    if (last !== undefined && last.toSequence === from - 1 && last.reason === reason) {
      this.#untold[this.#untold.length - 1] = { ...last, toSequence: to };
      return;
    }
    this.#untold = merge([...this.#untold, { fromSequence: from, toSequence: to, reason }]);
  }

  /** @returns every range that no written heartbeat has told of; the caller puts them into one */
  tell(): readonly ShedRange[] {
    this.#telling = merge([...this.#telling, ...this.#untold]);
    this.#untold = [];
    return this.#telling;
  }

  /** @returns what the heartbeats in the buffer tell of, now that the buffer goes to the disk; null: nothing */
  handIn(): readonly ShedRange[] | null {
    if (this.#telling.length === 0) return null;
    const told = this.#telling;
    this.#telling = [];
    return told;
  }

  /** @param told  what `handIn` gave, when it was not written */
  takeBack(told: readonly ShedRange[]): void {
    this.#untold = merge([...told, ...this.#untold]);
  }
}

/** @returns the same numbers in order, in as few ranges as their reasons allow; the earlier of two keeps its reason */
function merge(ranges: readonly ShedRange[]): ShedRange[] {
  const merged: ShedRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.fromSequence - b.fromSequence)) {
    const last = merged.at(-1);
    const from = last === undefined ? range.fromSequence : Math.max(range.fromSequence, last.toSequence + 1);
    if (from > range.toSequence) continue;
    if (last !== undefined && last.reason === range.reason && from === last.toSequence + 1) {
      merged[merged.length - 1] = { ...last, toSequence: range.toSequence };
    } else merged.push({ ...range, fromSequence: from });
  }
  return merged;
}
