import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayOf, formatTimestamp, parseTimestamp } from '../../../../contract/std/timestamp.ts';

test('a time is RFC 3339 to the microsecond in UTC', () => {
  expect(formatTimestamp(1_700_000_000_000_001)).toBe('2023-11-14T22:13:20.000001Z');
  expect(formatTimestamp(-1)).toBe('1969-12-31T23:59:59.999999Z');
  expect(dayOf(1_700_000_000_000_001)).toBe('2023-11-14');
});

test('a time without a zone is UTC; a zone is taken off; a date is its midnight', () => {
  expect(parseTimestamp('2023-11-14T22:13:20')).toBe(1_700_000_000_000_000n);
  expect(parseTimestamp('2023-11-14 22:13:20.5')).toBe(1_700_000_000_500_000n);
  expect(parseTimestamp('2023-11-15T00:13:20+02:00')).toBe(1_700_000_000_000_000n);
  expect(parseTimestamp('1970-01-02')).toBe(86_400_000_000n);
});

test.each(['', 'today', '2023-13-01', '2023-02-30', '2023-11-14T25:00:00Z', '2023-11-14T22:13:20.0000001Z'])(
  '%j is no time of microseconds',
  (text) => {
    expect(parseTimestamp(text)).toBeNull();
  },
);

test('what is formatted is read back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 16n), max: 10n ** 17n }), (us) => {
      expect(parseTimestamp(formatTimestamp(us))).toBe(us);
    }),
  );
});

test('a time as a number reads as the same time as a bigint', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (us) => {
      expect(formatTimestamp(us)).toBe(formatTimestamp(BigInt(us)));
    }),
  );
});
