/**
 * How often a service on which nothing is wrong wakes someone: 200 features over 100 days, each of whose rows is wrong
 * with a chance of 0.5 %, entities asked for by Zipf's law. And that what is wrong is told all the same.
 */
import { expect, test } from 'vitest';
import { levelOfRates } from '../../../../monitor/verdict/rates.ts';
import type { RateCounts } from '../../../../monitor/verdict/rates.ts';

const FEATURES = 200;
const DAYS = 100;
const VECTORS = 10_000;
const ENTITIES = 1_000_000;
const WRONG = 0.005;
/** Fixed: a true rate of 99.5 % allows a day to be bad, once in a while. */
const SEED = 20_261_121;

/** The share of the first k entities: that of the k-th one is as 1 / k. */
const ZIPF = new Float64Array(ENTITIES);
for (let k = 1, sum = 0; k <= ENTITIES; k++) ZIPF[k - 1] = sum += 1 / k;

function entityAt(share: number): number {
  const wanted = share * ZIPF[ENTITIES - 1]!;
  let [low, high] = [0, ENTITIES - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ZIPF[middle]! <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Marsaglia's xorshift, 32 bits. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** @returns how often each row of a day was served: that of an entity, or with `perHour` one of each of its hours */
function trafficOf(random: () => number, perHour: boolean): number[] {
  const counts = new Map<number, number>();
  for (let i = 0; i < VECTORS; i++) {
    const entity = entityAt(random());
    const row = perHour ? entity * 24 + Math.floor(random() * 24) : entity;
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  return [...counts.values()];
}

function featureOf(random: () => number, traffic: readonly number[], wrong: number): RateCounts {
  let [wrongRows, wrongVectors] = [0, 0];
  // Goes from one wrong row to the next, so that the right ones cost nothing.
  for (let row = -1; ; wrongRows++, wrongVectors += traffic[row]!) {
    row += 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - wrong));
    if (row >= traffic.length) break;
  }
  return {
    bothAbsent: 0,
    present: VECTORS,
    beyondPromise: wrongVectors,
    rowsJudged: traffic.length,
    rowsWithinPromise: traffic.length - wrongRows,
    rowsUnexplained: 0,
  };
}

test.each([
  ['one row a day', false],
  ['a row an hour', true],
])('200 clean features in 100 days, %s: at most one day with an alert or alarm', (_, perHour) => {
  const random = randomOf(SEED);
  let badDays = 0;
  for (let day = 0; day < DAYS; day++) {
    const traffic = trafficOf(random, perHour);
    const levels = Array.from(
      { length: FEATURES },
      () => levelOfRates(featureOf(random, traffic, WRONG)).level,
    );
    if (levels.some((level) => level !== 'ok')) badDays += 1;
  }
  expect(badDays, `seed ${SEED}`).toBeLessThanOrEqual(1);
});

test('features with three wrong rows in a hundred are all told', () => {
  const random = randomOf(SEED);
  const traffic = trafficOf(random, true);
  const levels = Array.from({ length: FEATURES }, () => levelOfRates(featureOf(random, traffic, 0.03)).level);
  expect(levels.filter((level) => level === 'ok')).toEqual([]);
});
