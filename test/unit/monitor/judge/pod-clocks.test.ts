import { expect, test } from 'vitest';
import { correctionsOf } from '../../../../monitor/judge/pod-clocks.ts';

const told = (offsets: readonly number[]): string[] =>
  correctionsOf(offsets).map(
    ({ seconds, correctionUs, stands }) => `${seconds}: ${correctionUs / 1e6} ${stands}`,
  );

test('a clock that was steady needs no correction', () => {
  expect(correctionsOf([0])).toEqual([]);
  expect(correctionsOf([0, 0])).toEqual([]);
});

test('one step: it put the clock wrong, or right', () => {
  expect(told([0, 3600])).toEqual(['0: 3600 after', '3600: -3600 before']);
});

test('several steps: the clock was right at the start, just before, just after or in the end', () => {
  expect(told([0, 10, -50, 7])).toEqual([
    '0: 10 after',
    '0: 7 after',
    '10: -10 before',
    '10: -60 after',
    '10: -3 after',
    '-50: 50 before',
    '-50: 60 before',
    '-50: 57 after',
    '7: -7 before',
    '7: -57 before',
  ]);
});

test('an offset that comes twice is corrected once', () => {
  expect(told([0, 60, 0])).toEqual(['0: 60 before', '60: -60 after']);
});
