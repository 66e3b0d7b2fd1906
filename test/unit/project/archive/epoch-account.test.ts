import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EpochAccount } from '../../../../project/archive/epoch-account.ts';
import { SequenceSet } from '../../../../project/archive/sequence-set.ts';

const beat = (highestSequence: number, ranges: [number, number][] = []) => ({
  atUs: highestSequence * 10,
  highestSequence,
  served: 0,
  shed: 0,
  clockOffsetUs: 0,
  bundle: '',
  version: '',
  engine: '',
  ranges: ranges.map(([fromSequence, toSequence]) => ({ fromSequence, toSequence, reason: 1 })),
});

function account(sequences: readonly number[], start = 1): EpochAccount {
  const epoch = EpochAccount.begin('pod-1', '00000000000000aa', start);
  for (const sequence of sequences) epoch.take(sequence, sequence * 10);
  return epoch;
}

describe('a sequence set', () => {
  test('agrees with a set of numbers, whatever is added in whatever order', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ from: fc.integer({ min: 1, max: 60 }), length: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ from: fc.integer({ min: 1, max: 60 }), length: fc.nat(20) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, start) => {
        const set = new SequenceSet();
        const model = new Set<number>();
        for (const { from, length } of steps) {
          if (length === 0) expect(set.add(from, from)).toBe(!model.has(from));
          else set.cover(from, from + length);
          for (let n = from; n <= from + length; n++) model.add(n);
        }
        const numbers = [...model].toSorted((a, b) => a - b);
        const ranges = set.ranges.flatMap(({ from, to }) =>
          Array.from({ length: to - from + 1 }, (_, i) => from + i),
        );
        expect(ranges).toEqual(numbers);
        for (const [i, range] of set.ranges.entries()) {
          if (i > 0) expect(range.from).toBeGreaterThan(set.ranges[i - 1]!.to + 1);
        }
        const missing = set
          .missing(start)
          .flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
        const highest = numbers.at(-1) ?? 0;
        const absent = Array.from({ length: highest }, (_, i) => i + 1).filter(
          (n) => n >= start && !model.has(n),
        );
        expect(missing).toEqual(absent);
        for (let n = 0; n <= 85; n++) expect(set.has(n)).toBe(model.has(n));
      }),
    );
  });

  test('knows when the records around what is missing were written', () => {
    const epoch = account([2, 9, 3, 7]);
    expect(epoch.gaps()).toEqual([
      { from: 1, to: 1, beforeUs: 0, afterUs: 20 },
      { from: 4, to: 6, beforeUs: 30, afterUs: 70 },
      { from: 8, to: 8, beforeUs: 70, afterUs: 90 },
    ]);
    expect([epoch.firstUs, epoch.lastUs]).toEqual([20, 90]);
  });
});

describe('an epoch', () => {
  test('what was shed is no gap, and neither is what lies before its start', () => {
    const epoch = account([4, 12], 3);
    epoch.hear(
      beat(12, [
        [6, 7],
        [9, 20],
      ]),
      false,
    );
    expect(epoch.gaps().map(({ from, to }) => [from, to])).toEqual([
      [3, 3],
      [5, 5],
      [8, 8],
    ]);
    expect(epoch.shedRecords).toBe(14);
  });

  test('its tail is open until the last record; heartbeats bound what it can have lost', () => {
    const epoch = account([1, 2, 3]);
    expect(epoch.openTail()).toMatchObject({ lastSequence: 3, lastUs: 30, lossAtMost: null });
    for (const sequence of [10, 60, 100]) {
      epoch.take(sequence, sequence * 10);
      epoch.hear(beat(sequence), false);
    }
    // At most 50 numbers lay between two heartbeats, and none came since the last.
    expect(epoch.openTail()).toMatchObject({ lastSequence: 100, lossAtMost: 50 });
    epoch.take(130, 1_300);
    expect(epoch.openTail()).toMatchObject({ lastSequence: 130, lossAtMost: 20 });
    // One that comes late changes nothing.
    epoch.hear(beat(60), false);
    expect(epoch.openTail()).toMatchObject({ lossAtMost: 20 });
    epoch.take(131, 1_310);
    epoch.hear(beat(131), true);
    expect(epoch.openTail()).toBeNull();
  });

  test('what ran functions is what its heartbeats tell, also after two ingests are put together', () => {
    const [told, silent] = [account([1, 2]), account([3])];
    expect([told.engine, told.text()]).toEqual([
      '',
      expect.not.objectContaining({ engine: expect.anything() }),
    ]);
    told.hear({ ...beat(2), engine: 'V8 1 x' }, false);
    silent.hear(beat(3), false);
    for (const both of [told.merged(silent), silent.merged(told), new EpochAccount(told.text())])
      expect(both.engine).toBe('V8 1 x');
  });

  test('a clock that moves with every heartbeat leaves a bounded state; the newest offsets are kept', () => {
    const epoch = account([]);
    for (let n = 1; n <= 5_000; n++) {
      epoch.take(n * 10, n * 10);
      epoch.hear({ ...beat(n * 10), clockOffsetUs: n }, false);
    }
    const text = JSON.stringify(epoch.text().offsets);
    expect(text.length).toBeLessThan(2_000);
    const again = new EpochAccount(
      JSON.parse(JSON.stringify(epoch.text())) as ReturnType<EpochAccount['text']>,
    );
    for (const one of [epoch, again]) {
      expect(one.clockOffsetUs(50_005)).toBe(5_000);
      expect(one.clockOffsetUs(49_995)).toBe(4_999);
      // Long before those that are kept: the oldest of them.
      expect(one.clockOffsetUs(15)).toBe(4_901);
    }
  });

  test('is the same after it was written and read', () => {
    const epoch = account([1, 2, 5]);
    epoch.hear(beat(5, [[3, 3]]), false);
    const again = new EpochAccount(
      JSON.parse(JSON.stringify(epoch.text())) as ReturnType<EpochAccount['text']>,
    );
    expect(again.text()).toEqual(epoch.text());
    expect(again.gaps()).toEqual(epoch.gaps());
    expect(again.openTail()).toEqual(epoch.openTail());
    expect(again.take(5, 50)).toBe(false);
  });
});
