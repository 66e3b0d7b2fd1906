import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hotAndCold,
  inTurn,
  seededRandom,
  uniform,
  zipf,
} from '../../../../loadtest/generator/key-choice.ts';
import { HOT_KEYS, HOT_SHARE } from '../../../../loadtest/profiles/hot-keys.ts';
import { PROFILES } from '../../../../loadtest/profiles/profiles.ts';
import { ZIPF_EXPONENT } from '../../../../loadtest/profiles/zipf.ts';

const DRAWS = 200_000;

function counts(choose: () => number, pool: number, draws = DRAWS): number[] {
  const found = Array.from({ length: pool }, () => 0);
  for (let i = 0; i < draws; i++) found[choose()]! += 1;
  return found;
}

/** Five standard deviations of a binomial count: a right generator is outside once in two million. */
function expectCount(count: number, share: number, draws = DRAWS): void {
  const spread = 5 * Math.sqrt(draws * share * (1 - share));
  expect(Math.abs(count - draws * share)).toBeLessThanOrEqual(spread + 1);
}

describe("Zipf's law", () => {
  test('the n-th entity comes in proportion to 1/n^s', () => {
    const pool = 1_000;
    const found = counts(zipf(pool, ZIPF_EXPONENT, seededRandom(1)), pool);
    let sum = 0;
    for (let i = 1; i <= pool; i++) sum += i ** -ZIPF_EXPONENT;
    for (const i of [1, 2, 3, 10, 100, 1_000]) expectCount(found[i - 1]!, i ** -ZIPF_EXPONENT / sum);
  });

  test('the slope of log(count) over log(rank) is the exponent', () => {
    const found = counts(zipf(10_000, 1.2, seededRandom(7)), 10_000);
    const slope = Math.log(found[0]! / found[49]!) / Math.log(50);
    expect(slope).toBeGreaterThan(1.1);
    expect(slope).toBeLessThan(1.3);
  });

  test('an exponent of 0 is uniform', () => {
    const found = counts(zipf(50, 0, seededRandom(3)), 50);
    for (const count of found) expectCount(count, 1 / 50);
  });
});

test('hot keys: a hundred of them take nine tenths, evenly', () => {
  const pool = 10_000;
  const found = counts(hotAndCold(pool, HOT_KEYS, HOT_SHARE, seededRandom(5)), pool);
  const hot = found.slice(0, HOT_KEYS);
  expectCount(
    hot.reduce((a, b) => a + b, 0),
    HOT_SHARE,
  );
  for (const count of hot) expectCount(count, HOT_SHARE / HOT_KEYS);
});

test('hot keys of a pool with fewer: all are hot', () => {
  const found = counts(hotAndCold(10, HOT_KEYS, HOT_SHARE, seededRandom(5)), 10);
  for (const count of found) expectCount(count, 1 / 10);
});

test('uniform is even', () => {
  for (const count of counts(uniform(20, seededRandom(11)), 20)) expectCount(count, 1 / 20);
});

test('in turn: the shards together ask for each entity once before any again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 12 }), (shards, rounds) => {
      const pool = shards * rounds;
      const all = Array.from({ length: shards }, (_, shard) => inTurn(pool, shard, shards));
      const asked = all.flatMap((choose) => Array.from({ length: rounds }, choose));
      expect(asked.toSorted((a, b) => a - b)).toEqual(Array.from({ length: pool }, (_, i) => i));
    }),
  );
});

test('every profile chooses within its pool, and the same again for the same seed', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...PROFILES.values()),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      (profile, pool, seed) => {
        const draw = (): number[] => {
          const choose = profile.choose(pool, { random: seededRandom(seed), shard: 0, shards: 1 });
          return Array.from({ length: 50 }, choose);
        };
        const drawn = draw();
        expect(drawn.every((i) => Number.isInteger(i) && i >= 0 && i < pool)).toBe(true);
        expect(draw()).toEqual(drawn);
      },
    ),
  );
});
