/**
 * How often a service on which nothing is wrong wakes someone: 200 features over 100 days, each of whose rows is wrong
 * with a chance of 0.5 %, entities asked for by Zipf's law. And that what is wrong is told all the same.
 *
 * The two entities that are asked for most have a tenth of the traffic together. Where their rows are both wrong, more
 * than a tenth of the values is, which is an alarm by rule: with features that are wrong each for itself that comes on
 * 0.7 of 100 days. No other day may be bad.
 */
import { describe, expect, test } from 'vitest';
import { levelOfRates } from '../../../../monitor/verdict/rates.ts';
import type { RateCounts } from '../../../../monitor/verdict/rates.ts';
import { uniformsFrom } from '../drift/sketched-values.ts';

const FEATURES = 200;
const VIEWS = 5;
const DAYS = 100;
const VECTORS = 10_000;
const ENTITIES = 1_000_000;
const WRONG = 0.005;
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

/** @returns the levels of each day that are not ok, without the days that have none */
function badDays(seed: number, draws: number, perHour: boolean): ReturnType<typeof levelOfRates>[][] {
  const random = uniformsFrom(seed);
  const days = Array.from({ length: DAYS }, () => {
    const traffic = trafficOf(random, perHour);
    return Array.from({ length: draws }, () => levelOfRates(featureOf(random, traffic, WRONG)));
  });
  return days
    .map((levels) => levels.filter(({ level }) => level !== 'ok'))
    .filter((levels) => levels.length > 0);
}

describe.each([
  ['each feature wrong for itself, one row a day', FEATURES, false, 10],
  ['each feature wrong for itself, a row an hour', FEATURES, true, 3],
  ['a row wrong in all features of its view, one row a day', VIEWS, false, 10],
])('200 clean features in 100 days, %s', (_, draws, perHour, seeds) => {
  test.each(Array.from({ length: seeds }, (__, i) => i + 1))(
    'at most one day with an alert or alarm, seed %i',
    (seed) => {
      const bad = badDays(seed, draws, perHour);
      expect(bad.length).toBeLessThanOrEqual(1);
      for (const { level, by, counts } of bad.flat()) {
        expect([level, by]).toEqual(['alarm', 'values']);
        expect(counts.beyondPromise / counts.present).toBeGreaterThan(0.1);
      }
    },
  );
});

test('one hot row that takes 12 % of the traffic is an alarm, in every one of 100 days', () => {
  const random = uniformsFrom(5);
  for (let day = 0; day < DAYS; day++) {
    const traffic = trafficOf(random, false);
    const hot = Math.ceil((0.12 * VECTORS) / 0.88);
    const clean = featureOf(random, traffic, WRONG);
    const wrong = { ...clean, present: VECTORS + hot, beyondPromise: clean.beyondPromise + hot };
    const rows = { rowsJudged: traffic.length + 1, rowsWithinPromise: clean.rowsWithinPromise };
    expect(levelOfRates({ ...wrong, ...rows })).toMatchObject({ level: 'alarm', by: 'values' });
  }
});

test('features with three wrong rows in a hundred are all told', () => {
  const random = uniformsFrom(5);
  const traffic = trafficOf(random, true);
  const levels = Array.from({ length: FEATURES }, () => levelOfRates(featureOf(random, traffic, 0.03)).level);
  expect(levels.filter((level) => level === 'ok')).toEqual([]);
});
