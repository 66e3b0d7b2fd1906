/**
 * Which entities are requested most, found by a Space-Saving sketch over a sample of the look-ups, and how
 * many reads the cache saved each node of the store.
 *
 * One look-up in `SAMPLE` on average is counted, at random distances, so that no rhythm of the requests is missed.
 * The sketch keeps `CAPACITY` counters; a key beyond them takes the place of the smallest and inherits its count as its
 * error. Counters are halved every `HALVING_MS`, so that what was hot yesterday cools down.
 *
 * Source: Metwally, Agrawal, El Abbadi 2005, "Efficient computation of frequent and top-k elements in data streams":
 * with m counters over N counts, a key seen more than N/m times is kept, and a count is too high by N/m at most.
 */

const SAMPLE = 16;
const CAPACITY = 256;
const HALVING_MS = 30_000;
/** A key with at least this share of the look-ups is hot: its rows are read ahead earlier. */
const HOT_SHARE = 0.001;
/** Below this many counts a share means nothing yet. */
const LEAST_COUNTS = 1_000;

interface Counter {
  readonly key: string;
  count: number;
  /** How much of the count may belong to the keys that held this counter before. */
  error: number;
}

interface HotKey {
  readonly key: string;
  /** Estimated look-ups since the start, older ones counting half as much each 30 s. */
  readonly lookups: number;
  /** The estimate is too high by this at most. */
  readonly errorAtMost: number;
  /** Of all look-ups. */
  readonly share: number;
}

export interface NodeLoad {
  readonly node: string;
  /** Estimated look-ups of entities that the node holds, since the start. */
  readonly lookups: number;
  /** Of these, answered from the cache. */
  readonly spared: number;
}

export class HotKeys {
  readonly #nodeOf: (key: string) => string;
  readonly #random: () => number;
  readonly #counters = new Map<string, Counter>();
  readonly #nodes = new Map<string, { lookups: number; spared: number }>();
  #total = 0;
  #untilSample = 1;
  #halvedMs = 0;

  /** @param nodeOf  the node of the store that holds a key, as metrics name it */
  constructor(nodeOf: (key: string) => string, random: () => number = Math.random) {
    this.#nodeOf = nodeOf;
    this.#random = random;
  }

  /** Off, nothing is sampled, no key is hot, and what was counted is forgotten. */
  setOn(on: boolean): void {
    this.#untilSample = on ? 1 : Infinity;
    if (on) return;
    this.#counters.clear();
    this.#total = 0;
  }

  /** Whether this look-up belongs to the sample; called once for each look-up. */
  samples(): boolean {
    if (--this.#untilSample > 0) return false;
    this.#untilSample = 1 + Math.floor(this.#random() * (2 * SAMPLE - 1));
    return true;
  }

  /**
   * Counts a look-up of the sample.
   *
   * @param spared  whether the cache knew the entity, so that nothing was read for it now
   */
  count(key: string, spared: boolean, nowMs: number): void {
    if (nowMs - this.#halvedMs > HALVING_MS) this.#halve(nowMs);
    this.#total += 1;
    const counter = this.#counters.get(key);
    if (counter !== undefined) counter.count += 1;
    else if (this.#counters.size < CAPACITY) this.#counters.set(key, { key, count: 1, error: 0 });
    else this.#replaceSmallest(key);
    const node = this.#nodeOf(key);
    const load = this.#nodes.get(node) ?? { lookups: 0, spared: 0 };
    load.lookups += SAMPLE;
    if (spared) load.spared += SAMPLE;
    this.#nodes.set(node, load);
  }

  /** Whether a key is among the hottest for certain: even the lowest its count may be is a hot share. */
  isHot(key: string): boolean {
    const counter = this.#counters.get(key);
    if (counter === undefined || this.#total < LEAST_COUNTS) return false;
    return counter.count - counter.error >= this.#total * HOT_SHARE;
  }

  /** @returns the hottest keys, hottest first */
  hottest(most: number): HotKey[] {
    const sorted = [...this.#counters.values()].toSorted((a, b) => b.count - a.count);
    return sorted.slice(0, most).map(({ key, count, error }) => ({
      key,
      lookups: count * SAMPLE,
      errorAtMost: error * SAMPLE,
      share: count / Math.max(1, this.#total),
    }));
  }

  nodes(): NodeLoad[] {
    return [...this.#nodes]
      .map(([node, load]) => ({ node, ...load }))
      .toSorted((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** A scan of the counters: it happens for a sampled key that is not among them, never for a hot one. */
  #replaceSmallest(key: string): void {
    let smallest: Counter | null = null;
    for (const counter of this.#counters.values()) {
      if (smallest === null || counter.count < smallest.count) smallest = counter;
    }
    this.#counters.delete(smallest!.key);
    this.#counters.set(key, { key, count: smallest!.count + 1, error: smallest!.count });
  }

  #halve(nowMs: number): void {
    const first = this.#halvedMs === 0;
    this.#halvedMs = nowMs;
    if (first) return;
    this.#total /= 2;
    for (const counter of this.#counters.values()) {
      counter.count /= 2;
      counter.error /= 2;
    }
  }
}
