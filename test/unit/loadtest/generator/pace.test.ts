import fc from 'fast-check';
import { expect, test } from 'vitest';
import { intendedStartNs, startsWithin } from '../../../../loadtest/generator/pace.ts';

const rate = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0.5, max: 5_000, noNaN: true }));
const seconds = fc.integer({ min: 1, max: 60_000 }).map((ms) => ms / 1_000);
const shards = fc.integer({ min: 1, max: 8 });

test('the first request starts at once, the others 1/rate apart', () => {
  const pace = { perSecond: 2_000, shard: 0, shards: 1 };
  expect([0, 1, 2, 2_000].map((i) => intendedStartNs(pace, i))).toEqual([0, 500_000, 1_000_000, 1e9]);
  expect(startsWithin(pace, 1e9)).toBe(2_000);
  expect(startsWithin({ perSecond: 30, shard: 0, shards: 1 }, 1e8)).toBe(3);
});

test('the shards of a run interleave to the starts of one generator', () => {
  fc.assert(
    fc.property(rate, seconds, shards, (perSecond, lastsS, n) => {
      const one = { perSecond, shard: 0, shards: 1 };
      const all = Array.from({ length: n }, (_, shard) => ({ perSecond, shard, shards: n }));
      const starts = all.map((pace) => startsWithin(pace, lastsS * 1e9));
      expect(starts.reduce((a, b) => a + b, 0)).toBe(startsWithin(one, lastsS * 1e9));
      const first = all.flatMap((pace, k) =>
        Array.from({ length: Math.min(starts[k]!, 20) }, (_, i) => intendedStartNs(pace, i)),
      );
      const sorted = first.toSorted((a, b) => a - b).slice(0, 20);
      expect(sorted).toEqual(sorted.map((_, i) => intendedStartNs(one, i)));
    }),
  );
});

test('every start lies within the run, and the next one would not', () => {
  fc.assert(
    fc.property(rate, seconds, (perSecond, lastsS) => {
      const pace = { perSecond, shard: 0, shards: 1 };
      const count = startsWithin(pace, lastsS * 1e9);
      const hairNs = (1e9 / perSecond) * 1e-5;
      expect(intendedStartNs(pace, count - 1)).toBeLessThan(lastsS * 1e9 + hairNs);
      expect(intendedStartNs(pace, count)).toBeGreaterThan(lastsS * 1e9 - hairNs);
    }),
  );
});

test('starts do not drift: the millionth is where arithmetic has it', () => {
  expect(intendedStartNs({ perSecond: 3, shard: 0, shards: 1 }, 3_000_000)).toBe(1e15);
});
