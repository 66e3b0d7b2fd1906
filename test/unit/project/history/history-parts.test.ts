import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayOf } from '../../../../contract/std/timestamp.ts';
import { dayParts } from '../../../../project/history/history-parts.ts';

test('the days of a history are read from those of the labels back, each once, none past the labels', () => {
  const days = fc.uniqueArray(fc.integer({ min: 0, max: 400 })).map((all) => all.toSorted((a, b) => a - b));
  const DAY_US = 86_400_000_000;
  fc.assert(
    fc.property(days, fc.integer(), fc.integer(), (numbers, a, b) => {
      const names = numbers.map((day) => dayOf(day * DAY_US));
      const [firstUs, lastUs] = [(a % 400) * DAY_US, (b % 400) * DAY_US + 5];
      const parts = dayParts(names, firstUs, lastUs);
      const seen = names.filter((name) => name <= dayOf(Math.max(0, lastUs)));
      expect(parts.toReversed().flat()).toEqual(seen);
      expect(parts[0]!.every((name) => name >= dayOf(Math.max(0, firstUs)))).toBe(true);
      expect(parts.slice(1).every((part) => part.length > 0)).toBe(true);
    }),
  );
  expect(dayParts(['2026-01-01'], -(2 ** 63), 2 ** 63)).toEqual([['2026-01-01']]);
  expect(dayParts([], 0, 0)).toEqual([[]]);
});
