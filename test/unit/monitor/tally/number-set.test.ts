import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from '../../../../monitor/tally/number-set.ts';

const numbers = fc.array(fc.oneof(fc.nat(70), fc.nat(5_000), fc.constantFrom(31, 32, 2 ** 24, 2 ** 24 + 1)));

test('a set of bits counts as a Set does, alone and united', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const [left, right] = [a, b].map((all) => {
        const set = new NumberSet();
        for (const number of all) set.add(number);
        expect(set.size).toBe(new Set(all).size);
        return set;
      }) as [NumberSet, NumberSet];
      left.addAll(right.words);
      expect(left.size).toBe(new Set([...a, ...b]).size);
    }),
    { numRuns: 60 },
  );
});
