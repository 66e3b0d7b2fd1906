import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ShedRange } from '../../../../contract/wire/log/served-record.ts';
import { ShedRanges } from '../../../../sidecar/vector-log/shed-ranges.ts';

const range = (fromSequence: number, toSequence: number, reason: number): ShedRange => ({
  fromSequence,
  toSequence,
  reason,
});

const numbersOf = (ranges: readonly ShedRange[]): number[] =>
  ranges.flatMap(({ fromSequence, toSequence }) =>
    Array.from({ length: toSequence - fromSequence + 1 }, (_, i) => fromSequence + i),
  );

describe('shed ranges', () => {
  test('join what is shed in a run, for each reason', () => {
    const ranges = new ShedRanges();
    for (const n of [5, 6, 7]) ranges.add(n, n, 1);
    ranges.add(8, 9, 2);
    expect(ranges.tell()).toEqual([range(5, 7, 1), range(8, 9, 2)]);
  });

  test('stay until a heartbeat that told of them is written', () => {
    const ranges = new ShedRanges();
    ranges.add(1, 2, 1);
    expect(ranges.untold).toBe(true);
    ranges.tell();
    expect(ranges.untold).toBe(false);
    const told = ranges.handIn()!;
    ranges.add(4, 4, 1);
    expect(ranges.tell()).toEqual([range(4, 4, 1)]);
    ranges.takeBack(told);
    expect(ranges.tell()).toEqual([range(1, 2, 1), range(4, 4, 1)]);
    expect(ranges.handIn()).toEqual([range(1, 2, 1), range(4, 4, 1)]);
    expect(ranges.handIn()).toBe(null);
    expect(ranges.untold).toBe(false);
    expect(ranges.tell()).toEqual([]);
  });

  test('keep the earlier reason where a failed tick covers what was shed in it', () => {
    const ranges = new ShedRanges();
    ranges.add(3, 3, 3);
    ranges.tell();
    ranges.takeBack(ranges.handIn()!);
    ranges.add(1, 5, 2);
    expect(numbersOf(ranges.tell())).toEqual([1, 2, 3, 4, 5]);
  });

  test('hold each number that was added exactly once', () => {
    const anyRange = fc.record({ from: fc.nat(50), length: fc.nat(8), reason: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 12 }), (added) => {
        const ranges = new ShedRanges();
        for (const { from, length, reason } of added) ranges.add(from, from + length, reason);
        const all = new Set(added.flatMap(({ from, length }) => numbersOf([range(from, from + length, 0)])));
        expect(numbersOf(ranges.tell())).toEqual([...all].toSorted((a, b) => a - b));
      }),
    );
  });
});
