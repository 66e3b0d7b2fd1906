/** The run of a row found by bisection, against a look at one run after the other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { RunIndex } from '../../../../monitor/judge/run-index.ts';

const time = fc.integer({ min: 0, max: 12 });
const run = fc.record({
  state: fc.constantFrom('complete' as const, 'complete' as const, 'failed' as const),
  kind: fc.constantFrom('ordinary' as const, 'ordinary' as const, 'backfill' as const),
  startedUs: time,
  finishedUs: fc.option(time, { freq: 8 }),
  toUs: time,
  watermarkUs: time,
  newestCreatedUs: fc.option(time),
});
// Of runs that end or start at one time the order of the records decides.
const runs = fc
  .array(run, { maxLength: 14 })
  .map((all) => all.map((one, i) => ({ ...one, runId: `r${i}`, view: 'v' }) as unknown as RunRecord));
const NO_RUN = { kind: 'ordinary', toUs: 0, watermarkUs: 0, newestCreatedUs: null } as unknown as RunRecord;
const row = fc.record({ eventUs: time, createdUs: fc.option(time) }).map((times) => {
  return { ...times, definitionId: 1, runId: null };
});

/** When a run that never ended is taken to be no more: after twice the longest time of its kind. */
function killedBy({ kind, startedUs }: RunRecord, all: readonly RunRecord[]): number {
  const ended = all.filter((one) => one.kind === kind && one.finishedUs !== null);
  const times = ended.map((one) => one.finishedUs! - one.startedUs);
  return times.length === 0 ? Infinity : startedUs + 2 * Math.max(0, ...times);
}

describe('the run of a row', () => {
  test('is the first to end of those that can have seen it', () => {
    fc.assert(
      fc.property(runs, row, (all, wanted) => {
        const { eventUs, createdUs } = wanted;
        const expected = all
          .filter(({ state, finishedUs }) => state === 'complete' && finishedUs !== null)
          .toSorted((a, b) => a.finishedUs! - b.finishedUs!)
          .find(
            ({ toUs, newestCreatedUs: newest }) =>
              toUs >= Math.max(eventUs, createdUs ?? eventUs) &&
              (createdUs === null || newest === null || newest >= createdUs),
          );
        expect(new RunIndex(all).bringing({ kind: 'stored' }, wanted)?.runId).toBe(expected?.runId);
      }),
      { numRuns: 2_000 },
    );
  });

  test('that failed over it is the last to start', () => {
    fc.assert(
      fc.property(runs, row, time, fc.constantFrom('stored', 'aggregated'), (all, wanted, servedUs, kind) => {
        const { eventUs, createdUs } = wanted;
        const known = kind === 'stored' ? Math.max(eventUs, createdUs ?? eventUs) : eventUs;
        const expected = all
          .filter(
            ({ state, kind: of, startedUs }) =>
              state === 'failed' && of !== 'backfill' && startedUs <= servedUs,
          )
          .toSorted((a, b) => a.startedUs - b.startedUs)
          .toReversed()
          .find(({ toUs, watermarkUs }) => (kind === 'stored' ? toUs : watermarkUs) >= known);
        expect(new RunIndex(all).failedOver({ kind }, wanted, servedUs)?.runId).toBe(expected?.runId);
      }),
      { numRuns: 2_000 },
    );
  });

  test('next to end is the first after a time', () => {
    fc.assert(
      fc.property(runs, time, (all, atUs) => {
        const expected = all
          .filter(({ state, finishedUs }) => state === 'complete' && finishedUs !== null)
          .toSorted((a, b) => a.finishedUs! - b.finishedUs!)
          .find(({ finishedUs }) => finishedUs! > atUs);
        expect(new RunIndex(all).nextToEnd(atUs)?.runId).toBe(expected?.runId);
      }),
    );
  });

  test('a killed run is not named for what is written long after it', () => {
    const minute = 60_000_000;
    const [ended, killed] = [
      { ...NO_RUN, runId: 'r-1', startedUs: 0, finishedUs: 3 * minute, state: 'complete' as const },
      { ...NO_RUN, runId: 'r-2', startedUs: 60 * minute, finishedUs: null, state: 'running' as const },
    ];
    const index = new RunIndex([ended, killed]);
    expect(index.workingAt(62 * minute)?.runId).toBe('r-2');
    expect(index.workingAt(67 * minute)).toBeNull();
    // Nothing tells how long a backfill may take.
    const backfill = { ...killed, kind: 'backfill' as const };
    expect(new RunIndex([ended, backfill]).workingAt(67 * minute)?.runId).toBe('r-2');
  });

  test('at work is the last to start by then, if it had not ended', () => {
    const ended = runs.map((all) => all.map((one, i) => ({ ...one, startedUs: i * 3_000 })));
    fc.assert(
      fc.property(ended, fc.integer({ min: -2, max: 50 }), (all, ms) => {
        const from = ms * 1_000;
        const done = all.map((one) => {
          const finishedUs = one.finishedUs === null ? null : one.startedUs + one.finishedUs * 200;
          return { ...one, finishedUs };
        });
        // A written time is rounded down to a millisecond, in which the run may have begun.
        const last = done.findLast(({ startedUs }) => startedUs < from + 1_000);
        const isAtWork = last !== undefined && (last.finishedUs ?? killedBy(last, done)) >= from;
        expect(new RunIndex(done).workingAt(from)?.runId).toBe(isAtWork ? last.runId : undefined);
      }),
    );
  });
});
