import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../../contract/std/duration.ts';

test('reads durations as people write them, in microseconds', () => {
  expect(parseDuration('7d')).toBe(7 * 86_400_000_000);
  expect(parseDuration('1h30m')).toBe(5_400_000_000);
  expect(parseDuration('90s')).toBe(90_000_000);
  expect(parseDuration('250ms')).toBe(250_000);
  expect(parseDuration('0s')).toBe(0);
});

test.each(['', '7', 'd', '7 d', '-1h', '1.5h', '7days', '1h 30m', '99999999999999d'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test('what is formatted is read back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 45 }), (us) => {
      expect(parseDuration(formatDuration(us))).toBe(us);
    }),
  );
});
