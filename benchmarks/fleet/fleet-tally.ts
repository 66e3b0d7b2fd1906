/** What a simulated fleet answered, second by second since it began. */

/** Rows but for `answers` and `underOneMs`. */
export interface SecondOfFleet {
  answers: number;
  /** Answers that took less than a millisecond. */
  underOneMs: number;
  cached: number;
  /** Read for the request that waited. */
  read: number;
  /** From a cache, since the store did not answer in time. */
  stale: number;
  unavailable: number;
}

export class FleetTally {
  readonly seconds: SecondOfFleet[] = [];
  #now = emptySecond();

  /** The second that goes on. */
  get now(): SecondOfFleet {
    return this.#now;
  }

  /** A second is over. */
  turn(): void {
    this.seconds.push(this.#now);
    this.#now = emptySecond();
  }
}

/** @returns the sum of some seconds */
export function sumOf(seconds: readonly SecondOfFleet[]): SecondOfFleet {
  const sum = emptySecond();
  for (const second of seconds) {
    for (const name of Object.keys(sum) as (keyof SecondOfFleet)[]) sum[name] += second[name];
  }
  return sum;
}

function emptySecond(): SecondOfFleet {
  return { answers: 0, underOneMs: 0, cached: 0, read: 0, stale: 0, unavailable: 0 };
}
