import { expect, test } from 'vitest';
import { correctionsOf } from '../../../../monitor/judge/pod-clocks.ts';

/** @param offsets  in seconds, without that of the start */
const told = (offsets: readonly number[]): string[] =>
  correctionsOf(offsets.map((seconds) => Math.round(seconds * 1e6))).map(
    ({ offsetUs, correctionUs, stands }) => `${offsetUs / 1e6}: ${correctionUs / 1e6} ${stands}`,
  );

test('a clock that was steady needs no correction', () => {
  expect(told([])).toEqual([]);
  expect(told([0, 0])).toEqual([]);
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
  expect(told([0, 60, 0]).toSorted()).toEqual(['0: 60 after', '60: -60 before']);
});

test('less than a second is no step, however it rounds, and a step of more counts to the microsecond', () => {
  expect(told([0.6, 0.3, -0.6])).toEqual([]);
  expect(told([0.999_999])).toEqual([]);
  expect(told([0.4, 61.25, 61.3])).toEqual([
    '0: 61.25 after',
    '0.4: 60.85 after',
    '61.25: -61.25 before',
    '61.3: -61.3 before',
  ]);
});

test('what NTP moves bit by bit is a step once it has moved a second', () => {
  expect(told([0.4, 0.8, 1.2])).toEqual(['0: 1.2 after', '1.2: -1.2 before']);
});
