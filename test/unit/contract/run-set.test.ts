/** Runs that share a view's rows, as one run. */
import { expect, test } from 'vitest';
import { MISFIT } from '../../../contract/run-record.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { wholeRuns } from '../../../contract/run-set.ts';

const part = (index: number, change: Partial<RunRecord>): RunRecord =>
  ({
    runId: `run ${index}`,
    state: 'complete',
    shard: { index, count: 2, set: 'run 1', startedUs: 1, full: true },
    finishedUs: index,
    historyRows: 0,
    read: 10,
    counted: 8,
    rejected: 2,
    rejectReasons: { 'it is null': 2 },
    written: 4,
    older: 0,
    equal: 0,
    conflict: 0,
    superseded: 0,
    ...change,
  }) as RunRecord;

test('what was read is counted once, what was written in each part, and rows that do not fit in their own', () => {
  expect(wholeRuns([part(1, {}), part(2, {})])).toMatchObject([
    {
      runId: 'run 1',
      state: 'complete',
      written: 8,
      counted: 8,
      rejected: 2,
      rejectReasons: { 'it is null': 2 },
    },
  ]);
  const misfits = part(2, {
    written: 3,
    counted: 7,
    rejected: 3,
    rejectReasons: { 'it is null': 2, [MISFIT]: 1 },
  });
  for (const parts of [
    [part(1, {}), misfits],
    [misfits, part(1, {})],
  ])
    expect(wholeRuns(parts)).toMatchObject([
      { written: 7, counted: 7, rejected: 3, rejectReasons: { 'it is null': 2, [MISFIT]: 1 } },
    ]);
});
