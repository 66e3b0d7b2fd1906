/** The tables of the runs: their size, and what is looked up in them, against a look at one run after the other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { layRuns } from '../../../../monitor/whatif/published-rows.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

function runAt(i: number, startedUs: number, change: Partial<RunRecord> = {}): RunRecord {
  const ended = { finishedUs: startedUs + 5, state: 'complete', toUs: startedUs, watermarkUs: startedUs };
  return {
    runId: `r${i}`,
    kind: 'ordinary',
    newestCreatedUs: null,
    startedUs,
    ...ended,
    ...change,
  } as RunRecord;
}

test('a run knows how far the view was before it, and where its rows went online if it failed', async () => {
  const failed = { state: 'failed', finishedUs: null } as const;
  await layRuns(duck, [runAt(0, 10), runAt(1, 20, failed), runAt(2, 30, { watermarkUs: 8 }), runAt(3, 40)]);
  const rows = await duck.rows(
    'SELECT before_us::DOUBLE AS before, online_us::DOUBLE AS online FROM whatif_runs ORDER BY run_id',
  );
  expect(rows.map(({ before, online }) => [before, online])).toEqual([
    [null, 15],
    [10, 35],
    [10, 35],
    [10, 45],
  ]);
});

test('late rows could be known when their run usually begins', async () => {
  await layRuns(duck, [runAt(0, 10), runAt(1, 23)], ({ startedUs }) => startedUs % 10);
  const rows = await duck.rows('SELECT cut_us::DOUBLE AS cut FROM whatif_runs ORDER BY run_id');
  expect(rows.map(({ cut }) => cut)).toEqual([10, 20]);
});

test('years of runs are laid out', async () => {
  await layRuns(
    duck,
    Array.from({ length: 150_000 }, (_, i) => runAt(i, i * 10)),
  );
  const [row] = await duck.rows('SELECT max(before_us)::DOUBLE AS before FROM whatif_runs');
  expect(row).toEqual({ before: 1_499_980 });
});
