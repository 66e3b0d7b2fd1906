/** What a soak makes of a verdict, of memory and of chance: faults planted in records in place of programs. */
import { describe, expect, test } from 'vitest';
import type { Cause } from '../../../contract/cause.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { judgeFaults, lateSpans } from '../../soak/judged-faults.ts';
import type { NamedIncident } from '../../soak/judged-faults.ts';
import { inTurn } from '../../soak/faults/faults.ts';
import type { Happened, SoakFault } from '../../soak/faults/fault.ts';
import { memoryLine } from '../../soak/memory.ts';
import { mulberry32 } from '../../support/mulberry32.ts';

const fault = { name: 'a fault', kind: 'data', seconds: 10 } as SoakFault;
const MINUTE_MS = 60_000;

function incident(cause: Cause, fromMs: number, toMs: number, beyondPromise = 5): NamedIncident {
  return { view: 'orders', cause, fromMs, toMs, beyondPromise };
}

function zeros(fromMs: number, toMs: number): Happened {
  const expects = { view: 'orders', cause: 'null or default substituted' as const };
  return { fault, what: '', fromMs, toMs, expects };
}

describe('a verdict', () => {
  test('names a fault by its cause, view and time', () => {
    const done = zeros(100_000, 120_000);
    const right = incident('null or default substituted', 101_000, 119_000);
    expect(judgeFaults([done], [right], [right], []).named.get(done)).toBe(
      'null or default substituted: 5 values of orders',
    );
    for (const wrong of [
      incident('foreign row', 101_000, 119_000),
      incident('null or default substituted', 200_000, 210_000),
      { ...right, view: 'activity' },
    ]) {
      const { named, unexpected } = judgeFaults([done], [wrong], [wrong], []);
      expect(named.get(done)).toBeNull();
      expect(unexpected).toEqual([wrong]);
    }
  });

  test('names a fault that comes again each time', () => {
    const [first, again] = [zeros(100_000, 120_000), zeros(300_000, 320_000)];
    const ofDay = incident('null or default substituted', 101_000, 319_000, 7);
    const seconds = [incident(ofDay.cause, 101_000, 101_999, 4), incident(ofDay.cause, 105_000, 105_999, 3)];
    const { named } = judgeFaults([first, again], [ofDay], seconds, []);
    expect(named.get(first)).toBe('null or default substituted: 7 values of orders');
    expect(named.get(again)).toBeNull();
  });

  test('that names what nobody did is wrong, unless it is within the promise', () => {
    const { unexpected } = judgeFaults([], [incident('missing online', 0, 1_000)], [], []);
    expect(unexpected).toHaveLength(1);
    expect(judgeFaults([], [incident('cache age', 0, 1_000, 0)], [], []).unexpected).toEqual([]);
  });

  test('may name runs that were late by themselves, in their time alone', () => {
    const late = [{ view: 'orders', fromMs: 50_000, toMs: 60_000 }];
    const [inTime, later] = [
      incident('materialization lag', 52_000, 58_000),
      incident('materialization lag', 90_000, 91_000),
    ];
    const { lateByThemselves, unexpected } = judgeFaults([], [inTime, later], [], late);
    expect(lateByThemselves).toEqual([inTime]);
    expect(unexpected).toEqual([later]);
  });

  test('of a stepped clock is off by the step', () => {
    const expects = { view: null, cause: 'clock skew' as const, clockAheadMs: 15_000 };
    const done: Happened = { fault, what: '', fromMs: 100_000, toMs: 110_000, expects };
    const ahead = incident('clock skew', 128_000, 129_000);
    expect(judgeFaults([done], [ahead], [ahead], []).named.get(done)).not.toBeNull();
  });
});

test('a view is late from its promise after a watermark until the next run has ended', () => {
  const run = (watermarkMs: number, finishedMs: number): RunRecord =>
    ({ view: 'orders', watermarkUs: watermarkMs * 1_000, finishedUs: finishedMs * 1_000 }) as RunRecord;
  const runs = [run(0, 2_000), run(10_000, 12_000), run(20_000, 80_000)];
  expect(lateSpans(runs, 40_000, 1_000)).toEqual([{ view: 'orders', fromMs: 50_000, toMs: 81_000 }]);
});

test('each fault has its turn before any has another, and a seed decides the order', () => {
  const names = ['a', 'b', 'c', 'd'];
  const drawn = (seed: number): string[] => {
    const turns = inTurn(names, mulberry32(seed));
    return Array.from({ length: 8 }, () => turns.next().value!.fault);
  };
  expect(drawn(7).slice(0, 4).toSorted()).toEqual(names);
  expect(drawn(7).slice(4).toSorted()).toEqual(names);
  expect(drawn(7)).toEqual(drawn(7));
  expect(new Set(Array.from({ length: 20 }, (_, seed) => drawn(seed).join(''))).size).toBeGreaterThan(10);
});

describe('memory', () => {
  const samples = (minutes: number, mibOf: (minute: number) => number) =>
    Array.from({ length: minutes * 20 }, (_, i) => ({
      atMs: (i * MINUTE_MS) / 20,
      program: 'quiet',
      pid: 1,
      mib: mibOf(i / 20),
    }));

  const warm = (minute: number): number => 150 + 40 * Math.min(minute / 12, 1);

  test('is flat where it rises only until it has settled', () => {
    expect(memoryLine(samples(40, warm))).toMatchObject({ fromMib: 190, toMib: 190, isFlat: true });
    // Collections, and a peak of what a fault made wait.
    const random = mulberry32(3);
    const noisy = samples(
      60,
      (minute) => warm(minute) + 20 * random() + (minute > 50 && minute < 52 ? 60 : 0),
    );
    expect(memoryLine(noisy)).toMatchObject({ isFlat: true });
  });

  test('that grows is told, however slowly it would fill a machine in days', () => {
    for (const aMinute of [0.6, 1, 2]) {
      const random = mulberry32(5);
      const line = memoryLine(samples(60, (minute) => warm(minute) + aMinute * minute + 20 * random()))!;
      expect(line.isFlat, String(aMinute)).toBe(false);
      expect(Math.abs(line.mibAMinute - aMinute)).toBeLessThan(0.1);
    }
  });

  test('of a short time nobody can tell', () => {
    for (const minutes of [1, 12, 34])
      expect(memoryLine(samples(minutes, (minute) => 150 + 2 * minute))!.isFlat).toBeNull();
    expect(memoryLine(samples(36, (minute) => 150 + 2 * minute))!.isFlat).toBe(false);
    expect(memoryLine([])).toBeNull();
  });
});
