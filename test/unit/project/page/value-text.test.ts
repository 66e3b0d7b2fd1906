import { expect, test } from 'vitest';
import {
  compactText,
  counted,
  dayText,
  durationText,
  momentText,
  numberText,
  percentText,
  shareText,
  shortened,
  timeText,
} from '../../../../project/page/value-text.ts';

test('a match is 100 % only when nothing differs', () => {
  expect([null, 1, 0.999999, 0.98756, 0, 0.29].map(percentText)).toEqual([
    '–',
    '100\u00a0%',
    '99.99\u00a0%',
    '98.75\u00a0%',
    '0.00\u00a0%',
    '29.00\u00a0%',
  ]);
});

test('shares, counts and numbers', () => {
  expect([0, 0.0004, 0.052, 0.05, 0.4, 1].map(shareText)).toEqual([
    '0\u00a0%',
    '<0.1\u00a0%',
    '5.2\u00a0%',
    '5\u00a0%',
    '40\u00a0%',
    '100\u00a0%',
  ]);
  expect([counted(1, 'value'), counted(8_412, 'value')]).toEqual(['1 value', '8,412 values']);
  expect([0, -1.2345, 1_234_567.891, 0.012345, 1e-7, 1e20, Infinity, -Infinity].map(numberText)).toEqual([
    '0',
    '−1.23',
    '1,234,567.89',
    '0.0123',
    '1.00e-7',
    '1.00e+20',
    'Infinity',
    '−Infinity',
  ]);
  expect([950, 1_000, 12_000, 3_400_000, -2e9, 0.25, 0, 1e18].map(compactText)).toEqual([
    '950',
    '1,000',
    '12k',
    '3.4M',
    '−2G',
    '0.25',
    '0',
    '1e+18',
  ]);
});

test('durations name their two largest units', () => {
  const [s, min, h, d] = [1e6, 60e6, 3_600e6, 86_400e6];
  const texts = [
    0,
    500,
    2_500,
    45 * s,
    10 * min,
    9 * min + 40 * s,
    2 * h,
    2 * h + 5 * min,
    3 * d + h,
    -30 * s,
  ];
  expect(texts.map(durationText)).toEqual([
    '0 s',
    '<1 ms',
    '2 ms',
    '45 s',
    '10 min',
    '9 min 40 s',
    '2 h',
    '2 h 5 min',
    '3 d 1 h',
    '−30 s',
  ]);
});

test('times of the day stand without their date', () => {
  expect(dayText('2026-11-20')).toBe('Fri 20 Nov 2026');
  expect(timeText('2026-11-20T14:03:07.123456Z', '2026-11-20')).toBe('14:03:07');
  expect(timeText('2026-11-19T14:03:07.123456Z', '2026-11-20')).toBe('19 Nov 14:03:07');
  expect(timeText('2025-11-20T14:03:07.123456Z', '2026-11-20')).toBe('20 Nov 2025 14:03:07');
  expect(momentText('2026-11-21T00:00:00.000000Z', '2026-11-20')).toBe('21 Nov 00:00');
});

test('long text is cut between characters, never inside one', () => {
  expect(shortened('short', 10)).toBe('short');
  expect(shortened('🙂'.repeat(80), 4)).toBe('🙂🙂🙂…');
  expect(shortened('x'.repeat(80), 5)).toBe('xxxx…');
});
