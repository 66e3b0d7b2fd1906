/**
 * The sequence numbers seen of one epoch, as ranges: tells whether a record came before, and which never came.
 *
 *   1 2 3 . . 6 7        [1, 3] [6, 7], each end with the time of its record; missing: [4, 5] between their times
 *
 * Records of an epoch arrive nearly in order, so there are few ranges, and adding mostly extends the last one. For a
 * day of ten million requests a set of all numbers would take a hundred times the memory.
 */

/** A range of sequence numbers, both ends included. */
export interface SequenceRange {
  from: number;
  to: number;
  /** When the records at both ends were written, in microseconds. */
  fromUs: number;
  toUs: number;
}

/** A range of numbers that never came, and when the records before and after it were written. */
export interface MissingRange {
  readonly from: number;
  readonly to: number;
  /** When the record before was written; 0: there is none. */
  readonly beforeUs: number;
  readonly afterUs: number;
}

export class SequenceSet {
  readonly #ranges: SequenceRange[];

  /** @param ranges  ascending and not adjacent, as `ranges` gives them; belong to the set from now on */
  constructor(ranges: SequenceRange[] = []) {
    this.#ranges = ranges;
  }

  /** The ranges in ascending order, with at least one missing number between two. */
  get ranges(): readonly Readonly<SequenceRange>[] {
    return this.#ranges;
  }

  /** The highest number seen; 0: none came. */
  get highest(): number {
    return this.#ranges.at(-1)?.to ?? 0;
  }

  has(sequence: number): boolean {
    const range = this.#ranges[this.#lastFrom(sequence)];
    return range !== undefined && sequence <= range.to;
  }

  /**
   * @param atUs  when its record was written
   * @returns     false when the number was there already
   */
  add(sequence: number, atUs: number): boolean {
    const ranges = this.#ranges;
    const i = this.#lastFrom(sequence);
    const before = ranges[i];
    if (before !== undefined && sequence <= before.to) return false;
    const after = ranges[i + 1];
    const joinsBefore = before !== undefined && before.to + 1 === sequence;
    const joinsAfter = after !== undefined && after.from - 1 === sequence;
    if (joinsBefore && joinsAfter) {
      before.to = after.to;
      before.toUs = after.toUs;
      ranges.splice(i + 1, 1);
    } else if (joinsBefore) {
      before.to = sequence;
      before.toUs = atUs;
    } else if (joinsAfter) {
      after.from = sequence;
      after.fromUs = atUs;
    } else ranges.splice(i + 1, 0, { from: sequence, to: sequence, fromUs: atUs, toUs: atUs });
    return true;
  }

  /** Adds all numbers of a range, both ends included, for which there are no records and so no times. */
  cover(from: number, to: number): void {
    const ranges = this.#ranges;
    let first = this.#lastFrom(from);
    if (first < 0 || ranges[first]!.to + 1 < from) first += 1;
    let end = first;
    const whole = { from, to, fromUs: 0, toUs: 0 };
    for (; end < ranges.length && ranges[end]!.from <= to + 1; end++) {
      whole.from = Math.min(whole.from, ranges[end]!.from);
      whole.to = Math.max(whole.to, ranges[end]!.to);
    }
    ranges.splice(first, end - first, whole);
  }

  /** @returns the numbers of both, the times of their ends from the one that has the number */
  union(other: SequenceSet): SequenceSet {
    const all = [...this.#ranges, ...other.#ranges].toSorted((a, b) => a.from - b.from);
    const ranges: SequenceRange[] = [];
    for (const range of all) {
      const last = ranges.at(-1);
      if (last === undefined || range.from > last.to + 1) ranges.push({ ...range });
      else if (range.to > last.to) [last.to, last.toUs] = [range.to, range.toUs];
    }
    return new SequenceSet(ranges);
  }

  /** @returns the ranges between `start` and the highest number that never came, ascending */
  missing(start: number): MissingRange[] {
    const missing: MissingRange[] = [];
    let next = start;
    let beforeUs = 0;
    for (const range of this.#ranges) {
      if (range.from > next)
        missing.push({ from: next, to: range.from - 1, beforeUs, afterUs: range.fromUs });
      next = Math.max(next, range.to + 1);
      beforeUs = range.toUs;
    }
    return missing;
  }

  /**
   * @returns the index of the last range that begins at or before the number, nearly always the last of all; else -1
   */
  #lastFrom(sequence: number): number {
    const ranges = this.#ranges;
    if (ranges.length === 0 || ranges.at(-1)!.from <= sequence) return ranges.length - 1;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle]!.from <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
