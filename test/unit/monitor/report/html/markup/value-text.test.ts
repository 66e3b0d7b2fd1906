import { describe, expect, test } from 'vitest';
import type { SideOfExample } from '../../../../../../monitor/verdict/snapshot.ts';
import type { State } from '../../../../../../monitor/causes/value-state.ts';
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
  sidesText,
  timeText,
} from '../../../../../../monitor/report/html/markup/value-text.ts';

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

const side = (state: State, value: SideOfExample['value']): SideOfExample => ({
  state,
  value,
  eventTime: null,
  createdTime: null,
});
const texts = (
  type: string,
  served: readonly [State, SideOfExample['value']],
  replayed: readonly [State, SideOfExample['value']],
): [string, string] => sidesText(side(...served), side(...replayed), type, '2026-11-20');

describe('both values of an example', () => {
  test('to two decimals where that tells them apart, else with every digit', () => {
    expect(texts('float64', ['value', 17.384210526315787], ['value', 18.2])).toEqual(['17.38', '18.2']);
    expect(texts('float64', ['value', 17.35], ['value', 17.350000381469727])).toEqual([
      '17.35',
      '17.350000381469727',
    ]);
  });

  test('an int64 keeps every digit, a state names itself, a fallback says what it stands for', () => {
    expect(texts('int64', ['value', '9007199254740993'], ['value', '9007199254740992'])).toEqual([
      '9,007,199,254,740,993',
      '9,007,199,254,740,992',
    ]);
    expect(texts('float64', ['zero', 0], ['null', null])).toEqual(['0', 'null']);
    expect(texts('float64', ['NaN', 'NaN'], ['value', '-Infinity'])).toEqual(['NaN', '-Infinity']);
    expect(texts('int32', ['missing', -1], ['missing', null])).toEqual([
      'missing, stood in for by −1',
      'missing',
    ]);
  });

  test('times, text and nested values', () => {
    expect(
      texts('timestamp', ['value', '2026-11-20T10:00:00.000001Z'], ['value', '2026-11-20T10:00:00.000000Z']),
    ).toEqual(['2026-11-20T10:00:00.000001Z', '2026-11-20T10:00:00.000000Z']);
    expect(texts('string', ['value', 'BAG'], ['value', 'CARD'])).toEqual(['BAG', 'CARD']);
    expect(texts('list<int64>', ['value', ['1', '2']], ['value', ['1']])).toEqual(['["1","2"]', '["1"]']);
  });
});

test('long text is cut between characters, never inside one', () => {
  expect(shortened('short', 10)).toBe('short');
  expect(shortened('🙂'.repeat(80), 4)).toBe('🙂🙂🙂…');
  expect(shortened('x'.repeat(80), 5)).toBe('xxxx…');
});
