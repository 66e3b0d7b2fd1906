import { describe, expect, test } from 'vitest';
import { harmOf } from '../../../../monitor/incidents/harm.ts';
import { groupKeys } from '../../../../monitor/incidents/incidents.ts';
import { holdingSlice, slicesOf } from '../../../../monitor/incidents/slices.ts';
import type { IncidentKey } from '../../../../monitor/verdict/judged-view.ts';

const HOUR = 3_600_000_000;

function key(run: string, from: number, to: number, change: Partial<IncidentKey> = {}): IncidentKey {
  const times = { fromUs: from * HOUR, toUs: to * HOUR };
  return { view: 'v', cause: 'materialization lag', run, pod: null, ...times, ...change };
}

test('keys of one view and cause less than two schedules apart are one incident', () => {
  const keys = [
    key('a', 1, 2),
    key('c', 6, 7),
    key('b', 3.9, 4),
    key('a', 1, 9, { cause: 'late arrival' }),
    key('a', 1, 9, { view: 'w' }),
    key('d', 9, 9),
  ];
  const numbers = groupKeys(keys, () => HOUR);
  // a and b are 1.9 schedules apart; b and c two, as c and d are.
  expect(numbers[0]).toBe(numbers[2]);
  expect(new Set(numbers).size).toBe(5);
  expect(new Set(groupKeys(keys, () => 1.01 * HOUR)).size).toBe(3);
});

describe('harm', () => {
  test('is the difference in spreads, one at most, and one without a number', () => {
    expect(harmOf(5, 6, 4)).toBe(0.25);
    expect(harmOf(5n, 3n, 4)).toBe(0.5);
    expect(harmOf(0, 100, 4)).toBe(1);
    for (const [served, replayed, spread] of [
      [0, null, 4],
      [Number.NaN, 1, 4],
      [Infinity, Infinity, 4],
      ['a', 'b', 4],
      [1, 2, null],
      [1, 2, 0],
    ] as const) {
      expect(harmOf(served, replayed, spread)).toBe(1);
    }
  });
});

test('the traffic of a slice is that of all roles of the view', () => {
  const ofRole = [
    { view: 'v', by: 'pod', value: 'a', values: 70, mismatches: 0, beyondPromise: 0 },
    { view: 'v', by: 'pod', value: 'b', values: 30, mismatches: 0, beyondPromise: 0 },
  ] as const;
  const held = (value: string) => {
    const slices = [{ by: 'pod', value, mismatches: 30 }] as const;
    return holdingSlice({ view: 'v', values: 30, slices }, [...ofRole, ...ofRole]);
  };
  expect(held('a')).toBeNull();
  expect(held('b')).toEqual({ by: 'pod', value: 'b' });
});

test('a slice is not named of values that are unjudged, which no traffic counts', () => {
  const traffic = [
    { view: 'v', by: 'pod', value: 'a', values: 1_000, mismatches: 0, beyondPromise: 0 },
    { view: 'v', by: 'pod', value: 'c', values: 10, mismatches: 0, beyondPromise: 0 },
  ] as const;
  for (const value of ['b', 'c']) {
    const slices = [{ by: 'pod', value, mismatches: 30 }] as const;
    expect(holdingSlice({ view: 'v', values: 30, slices }, traffic)).toBeNull();
  }
});

test('a slice that holds 80 % of 30 mismatches in at most 40 % of the traffic is named', () => {
  const traffic = (['a', 'b', 'c'] as const).map((value) => {
    return { view: 'v', by: 'pod', value, values: 1_000, mismatches: 0, beyondPromise: 0 } as const;
  });
  const sized = (own: number) => [
    { ...traffic[0]!, values: own },
    { ...traffic[1]!, values: 1_000 - own },
  ];
  const heldIn = (own: number) => {
    const slices = [{ by: 'pod', value: 'a', mismatches: 30 }] as const;
    return holdingSlice({ view: 'v', values: 30, slices }, sized(own));
  };
  expect(heldIn(400)).toEqual({ by: 'pod', value: 'a' });
  expect(heldIn(401)).toBeNull();
  const held = (values: number, mismatches: number) =>
    holdingSlice({ view: 'v', values, slices: [{ by: 'pod', value: 'b', mismatches }] }, traffic);
  expect(held(30, 24)).toEqual({ by: 'pod', value: 'b' });
  expect(held(30, 23)).toBeNull();
  expect(held(29, 29)).toBeNull();
  expect(
    holdingSlice(
      { view: 'v', values: 30, slices: [{ by: 'pod', value: 'b', mismatches: 30 }] },
      traffic.slice(1),
    ),
  ).toBeNull();
});

test('more than 40 parts of one kind are told as 40 and the sum of the others, never as one other', () => {
  const told = (count: number): string[] =>
    slicesOf(
      Array.from({ length: count }, (_, i) => {
        const counts = { values: 100 - i, mismatches: 0, beyondPromise: 0 };
        return { view: 'v', by: 'pod', value: `p-${i}`, ...counts } as const;
      }),
    ).map(({ value, values }) => `${value} ${values}`);
  expect(told(41)).toHaveLength(41);
  expect(told(41).at(-1)).toBe('p-40 60');
  expect(told(42)).toHaveLength(41);
  expect(told(42).at(-1)).toBe('2 others 119');
});
