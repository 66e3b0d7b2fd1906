/**
 * Latencies counted in log-linear buckets, as HdrHistogram does: each power of two is cut into 256 equal steps.
 *
 *   nanoseconds   0 .. 255   256 .. 511   512 .. 1023   1024 .. 2047  ...  up to 2^42 (73 minutes)
 *   step                1            1             2              4
 *
 * A quantile is the upper edge of its bucket, never above the largest value: it is at most 1/256 (0.4 %) too high and
 * never too low. Counting costs one logarithm by bits; nothing is kept per request.
 */

const STEPS = 256;
const STEP_BITS = 8;
const MAX_NS = 2 ** 42 - 1;
const BUCKETS = STEPS * (42 - STEP_BITS + 1);

/** What crosses the border of a process: [bucket, count] of the buckets that are not empty. */
export interface HistogramJson {
  readonly buckets: readonly (readonly [number, number])[];
  readonly maxNs: number;
  readonly minNs: number;
  readonly sumNs: number;
}

interface Bucket {
  readonly fromNs: number;
  /** The largest value of the bucket. */
  readonly toNs: number;
  readonly count: number;
}

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #maxNs = 0;
  #minNs = Infinity;
  #sumNs = 0;

  get count(): number {
    return this.#count;
  }

  /** 0 when nothing was counted. */
  get maxNs(): number {
    return this.#maxNs;
  }

  get minNs(): number {
    return this.#count === 0 ? 0 : this.#minNs;
  }

  get meanNs(): number {
    return this.#count === 0 ? 0 : this.#sumNs / this.#count;
  }

  /** @param ns  below 0 counts as 0, above 73 minutes as 73 minutes */
  record(ns: number): void {
    const value = ns < 0 ? 0 : ns > MAX_NS ? MAX_NS : Math.floor(ns);
    this.#counts[bucketOf(value)]! += 1;
    this.#count += 1;
    this.#sumNs += value;
    if (value > this.#maxNs) this.#maxNs = value;
    if (value < this.#minNs) this.#minNs = value;
  }

  /**
   * @param share  in [0, 1]
   * @param lost   requests that got no good answer: they stand behind the slowest
   * @returns      the least latency that at least `share` of all have not passed; Infinity where it falls among the
   *               lost; 0 when nothing was counted
   */
  quantileNs(share: number, lost = 0): number {
    const all = this.#count + lost;
    if (all === 0) return 0;
    // A share such as 0.999 of 1000 is a hair above 999 in binary.
    const rank = Math.max(1, Math.ceil(share * all - 1e-9));
    if (rank > this.#count) return Infinity;
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i]!;
      if (seen >= rank) return Math.min(lastOf(i), this.#maxNs);
    }
    return this.#maxNs;
  }

  /** @returns the buckets that are not empty, in order */
  buckets(): Bucket[] {
    const found: Bucket[] = [];
    for (const [i, count] of this.#counts.entries()) {
      if (count > 0) found.push({ fromNs: firstOf(i), toNs: lastOf(i), count });
    }
    return found;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#maxNs = 0;
    this.#minNs = Infinity;
    this.#sumNs = 0;
  }

  add(other: HistogramJson): void {
    let more = 0;
    for (const [i, count] of other.buckets) {
      this.#counts[i]! += count;
      more += count;
    }
    if (more === 0) return;
    this.#count += more;
    this.#sumNs += other.sumNs;
    this.#maxNs = Math.max(this.#maxNs, other.maxNs);
    this.#minNs = Math.min(this.#minNs, other.minNs);
  }

  toJson(): HistogramJson {
    const buckets: [number, number][] = [];
    for (const [i, count] of this.#counts.entries()) if (count > 0) buckets.push([i, count]);
    return { buckets, maxNs: this.#maxNs, minNs: this.minNs, sumNs: this.#sumNs };
  }
}

function bucketOf(value: number): number {
  if (value < STEPS) return value;
  const high = Math.floor(value / 2 ** 32);
  const exponent = high === 0 ? 31 - Math.clz32(value) : 63 - Math.clz32(high);
  const shift = exponent - STEP_BITS;
  return (shift + 1) * STEPS + Math.floor(value / 2 ** shift) - STEPS;
}

function firstOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS)) * 2 ** shift;
}

function lastOf(bucket: number): number {
  return bucket < STEPS ? bucket : firstOf(bucket) + 2 ** (Math.floor(bucket / STEPS) - 1) - 1;
}
