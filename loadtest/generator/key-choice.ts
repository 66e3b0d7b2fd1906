/** Which entity a request asks for: distributions over the indexes of a pool, from a seeded stream of numbers. */

/** @returns a number in [0, 1) */
export type Random = () => number;
/** @returns the next index of the pool */
export type Choice = () => number;

/** @returns splitmix32: fast, the same for the same seed, good enough to choose keys and for nothing else */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0_aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a_2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  };
}

export function uniform(pool: number, random: Random): Choice {
  return () => Math.floor(random() * pool);
}

/** Each once, then from the start again; shards take turns, so that together they ask for each once. */
export function inTurn(pool: number, shard: number, shards: number): Choice {
  let next = shard - shards;
  return () => {
    next = (next + shards) % pool;
    return next;
  };
}

/**
 * Zipf's law by an exact table: index i has a weight of 1 / (i + 1)^exponent.
 *
 * @param pool  the table takes 8 bytes an entity
 */
export function zipf(pool: number, exponent: number, random: Random): Choice {
  const upTo = new Float64Array(pool);
  let sum = 0;
  for (let i = 0; i < pool; i++) {
    sum += (i + 1) ** -exponent;
    upTo[i] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = pool - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** The first `hot` entities share `share` of the requests evenly, all others the rest. */
export function hotAndCold(pool: number, hot: number, share: number, random: Random): Choice {
  if (pool <= hot) return uniform(pool, random);
  return () => (random() < share ? Math.floor(random() * hot) : hot + Math.floor(random() * (pool - hot)));
}
