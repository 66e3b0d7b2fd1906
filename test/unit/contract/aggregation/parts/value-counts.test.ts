/** Counts of values against a Map, as values come, leave, and come again. */
import { expect, test } from 'vitest';
import { ValueCounts } from '../../../../../contract/aggregation/parts/value-counts.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

test('values occur as often as a map has them, few and many', () => {
  const random = seededRandom();
  for (const values of [1, 2, 8, 9, 10, 40]) {
    const [counts, like] = [new ValueCounts(), new Map<string, number>()];
    for (let i = 0; i < 800; i++) {
      const value = `v${Math.floor(random() * values)}`;
      // In turn most come, and most leave.
      const times = random() < (i % 200 < 100 ? 0.7 : 0.3) ? 1 : -Math.ceil(random() * 3);
      const count = (like.get(value) ?? 0) + times;
      if (count > 0) like.set(value, count);
      else like.delete(value);
      expect([counts.add(value, times), counts.of(value), counts.size]).toEqual([
        count,
        Math.max(0, count),
        like.size,
      ]);
    }
    expect(new Map(counts.entries())).toEqual(like);
    const sum = new ValueCounts();
    sum.addAll(counts, 1);
    sum.addAll(counts, 1);
    sum.addAll(counts, -1);
    expect(new Map(sum.entries())).toEqual(like);
  }
});
