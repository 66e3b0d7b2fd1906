/** Raw events in files that do not agree: each is read by its own types, and what fits no type is refused by row. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareHistory } from '../../../../materializer/history/compute.ts';
import { checkSource } from '../../../../materializer/history/source-check.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { historyRun } from '../../../support/fixtures/history-run.ts';
import { readHistory } from '../../../support/fixtures/raw-events.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const HOUR = 3_600_000_000;
const START = Date.UTC(2026, 0, 5) * 1_000;

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'shop', type: 'int64' }],
  path: '*.parquet',
  eventTime: 'at',
  createdTime: 'loaded',
  hopUs: HOUR,
  features: [
    { name: 'n', function: 'count' },
    { name: 'notes', function: 'count', column: 'Note' },
    { name: 'largest', function: 'max', column: 'pieces', columnType: { kind: 'int64' } },
  ],
});

async function write(folder: string, name: string, rows: string, columns: string): Promise<void> {
  await duck.run(`COPY (SELECT * FROM (VALUES ${rows}) t(${columns}),
    (SELECT TIMESTAMP '2026-01-05 00:30:00' AS at, TIMESTAMP '2026-01-05 00:30:00' AS loaded))
    TO '${join(folder, name)}' (FORMAT parquet)`);
}

test('a later file of doubles and texts rounds nothing of the first, and its misfits are refused', async () => {
  const folder = scratchFolder();
  const big = 2n ** 53n + 1n;
  await write(folder, 'a.parquet', `(${big}::BIGINT, ${big}::BIGINT, 'x')`, 'shop, pieces, note');
  const later = "(5::DOUBLE, '7', 1), (1.8e16, '8', 1), (5, '8.5', 1), (NULL, '9', 1)";
  await write(folder, 'b.parquet', later, 'shop, Pieces, other');
  const prepared = await prepareHistory(
    historyRun({ duck, view, entity, folder }, { cutoffUs: START + 2 * HOUR }),
  );
  expect(Object.fromEntries(prepared.counts.reasons)).toEqual({
    'shop should be int64': 1,
    'pieces should be int64': 1,
    'shop is null': 1,
  });
  const kept = await duck.rows(
    `SELECT reject_reason, parse_filename(reject_file) AS file, reject_row::INTEGER AS row
     FROM '${prepared.counts.rejectFile!}' ORDER BY row`,
  );
  expect(kept).toEqual([
    { reject_reason: 'shop should be int64, got 1.8e+16 (DOUBLE)', file: 'b.parquet', row: 2 },
    { reject_reason: 'pieces should be int64, got 8.5 (VARCHAR)', file: 'b.parquet', row: 3 },
    { reject_reason: 'shop is null', file: 'b.parquet', row: 4 },
  ]);
  await prepared.publish(START + 3 * HOUR);
  const history = await readHistory(duck, folder, view, entity);
  const values = [...history].map(([id, rows]) => [id, rows[0]!.values]);
  expect(Object.fromEntries(values)).toEqual({
    [`["${big}"]`]: [1n, 1n, big],
    '["5"]': [1n, 0n, 7n],
  });
});

test('files that agree are read as they are, without a cast or a check of types', async () => {
  const folder = scratchFolder();
  for (const name of ['a', 'b'])
    await write(folder, `${name}.parquet`, "(1::INTEGER, 2::BIGINT, 'x')", 'shop, pieces, note');
  const rows = await checkSource(duck, folder, view, entity);
  expect(rows).toMatchObject({ hasNotes: false, prunable: true });
  expect(rows.from).toMatch(/^read_parquet\(/);
});
