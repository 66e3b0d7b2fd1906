/**
 * Tells of most vectors at once that none of their mismatches becomes an example: on a day on which all differs each of
 * some ten values would be held against its lists, and one in thousands is taken. The bounds are those of all lists
 * that mismatches decided alike are offered to, and are taken anew when one of them has changed.
 *
 * It may call a vector wanted that none of the lists takes, never the other way round.
 */
import type { Candidate, ListsOfCause } from './example-pool.ts';

/** The lists of a role change with each candidate that is offered: how many were. */
interface OfferCount {
  offers: number;
}

/** Where the values of vectors that were decided alike are offered. */
interface OfferedTo {
  /** A list for each value. */
  readonly lists: readonly ListsOfCause[];
  /** @returns of each value the last of the worst of its incident; undefined: there is room */
  lastOfIncidents(): readonly (Pick<Candidate, 'harm' | 'vid'> | undefined)[];
}

/** What is below `harm`, or has it and a number from `number` on, is taken by none of the lists. */
interface Bound {
  harm: number;
  number: number;
}

export class ExampleBounds {
  readonly #to: OfferedTo;
  readonly #count: OfferCount;
  /** At which count they were taken; those of an hour by the hour. */
  #takenAt = -1;
  readonly #hoursTakenAt = new Float64Array(24).fill(-1);
  readonly #worst: Bound = { harm: -Infinity, number: Infinity };
  readonly #incidents: Bound = { harm: -Infinity, number: Infinity };
  readonly #hours = new Float64Array(24);

  constructor(to: OfferedTo, count: OfferCount) {
    this.#to = to;
    this.#count = count;
  }

  /** @param harm  the greatest of its values; @param hash  of its request and row */
  mayWant(hour: number, harm: number, hash: number, vid: number): boolean {
    if (this.#takenAt !== this.#count.offers) this.#take();
    if (this.#hoursTakenAt[hour] !== this.#count.offers) this.#takeHour(hour);
    return (
      hash < this.#hours[hour]! || isBeyond(this.#worst, harm, hash) || isBeyond(this.#incidents, harm, vid)
    );
  }

  #take(): void {
    this.#takenAt = this.#count.offers;
    lower(
      this.#worst,
      this.#to.lists.map(({ worst: { last } }) => last && { harm: last.harm, number: last.hash }),
    );
    lower(
      this.#incidents,
      // Of two alike the first of the day stays: the same vector may come again with another feature.
      this.#to.lastOfIncidents().map((last) => last && { harm: last.harm, number: last.vid + 1 }),
    );
  }

  #takeHour(hour: number): void {
    this.#hoursTakenAt[hour] = this.#count.offers;
    let hash = -Infinity;
    for (const { hours } of this.#to.lists) hash = Math.max(hash, hours[hour]?.last?.hash ?? Infinity);
    this.#hours[hour] = hash;
  }
}

function isBeyond(bound: Bound, harm: number, number: number): boolean {
  return harm > bound.harm || (harm === bound.harm && number < bound.number);
}

/** Sets a bound to the lowest of these; undefined takes all. */
function lower(bound: Bound, all: readonly (Bound | undefined)[]): void {
  bound.harm = Infinity;
  bound.number = -Infinity;
  for (const one of all) {
    bound.harm = Math.min(bound.harm, one?.harm ?? -Infinity);
    bound.number = Math.max(bound.number, one?.number ?? Infinity);
  }
}
