/** A run's commit beside those of others: what they wrote meanwhile is neither lost nor contradicted. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { prepareHistory } from '../../../../materializer/history/compute.ts';
import type { PreparedHistory } from '../../../../materializer/history/compute.ts';
import type { RunLease } from '../../../../materializer/run/view-run.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { readHistory as readCommitted } from '../../../../project/history/history-snapshot.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { commitFiles, commitHistory } from '../../../support/fixtures/committed-history.ts';
import { historyRun } from '../../../support/fixtures/history-run.ts';
import { readHistory, writeEvents } from '../../../support/fixtures/raw-events.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';

const HOUR = 3_600_000_000;
const START = Date.UTC(2026, 0, 5) * 1_000;
const COLUMNS = { price: { kind: 'float64' } } as const;

let duck: DuckDb;
let root: string;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());
beforeEach(() => {
  root = scratchFolder();
});

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'shop', type: 'string' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: HOUR,
  latenessUs: 0,
  features: [{ name: 'n', function: 'count' }],
});

/** A first run over one event of shop `a` in the first hour: rows at hour 1. */
async function prepare(lease: RunLease | null = null, runId = 'run-1'): Promise<PreparedHistory> {
  const events = [{ keys: ['a'], eventUs: START, createdUs: START, values: { price: 1 } }];
  await writeEvents(duck, join(root, 'events.parquet'), view, entity, COLUMNS, events);
  const sketch = { duck, view, entity, folder: root, runId };
  const run = historyRun(sketch, { cutoffUs: START + 2 * HOUR, full: true });
  return prepareHistory({ ...run, lease });
}

/** A row that another run commits meanwhile. */
async function meanwhile(shop: string, hour: number, watermarkUs = START): Promise<void> {
  const sql = `SELECT '${shop}' AS shop, make_timestamptz(${START + hour * HOUR}) AS event_time,
    make_timestamptz(${START + 9 * HOUR}) AS created_time, 'other' AS run_id,
    ${view.definitionId}::BIGINT AS definition_id, false AS deleted, 7::BIGINT AS n`;
  await commitHistory(root, {
    view,
    entity,
    runId: `other-${shop}`,
    watermarkUs,
    days: { '2026-01-05': sql },
  });
}

test('rows of other pairs that came meanwhile stand beside those of the run', async () => {
  const prepared = await prepare();
  await meanwhile('b', 1);
  await meanwhile('a', 3);
  await prepared.publish(START + 10 * HOUR);
  const history = await readHistory(duck, root, view, entity);
  const hours = [...history].map(([id, rows]) => [id, rows.map(({ eventUs }) => (eventUs - START) / HOUR)]);
  expect(Object.fromEntries(hours)).toEqual({ '["a"]': [1, 3], '["b"]': [1] });
  expect((await readCommitted(localFolder(root), view))!.version).toBe(2);
});

test('a row that another run has written since fails the run, which commits nothing', async () => {
  const prepared = await prepare();
  await meanwhile('a', 1);
  await expect(prepared.publish(START + 10 * HOUR)).rejects.toMatchObject({
    code: 'MAT_CONFLICT',
    message: expect.stringMatching(
      /^another run of counts has written a row that this one would write too \(entry 0 and later of /,
    ),
  });
  const history = await readHistory(duck, root, view, entity);
  expect(history.get('["a"]')!.map(({ values }) => values)).toEqual([[7n]]);
  await prepared.discard();
  // The next one reads what was committed and goes on from it.
  const again = await prepare(null, 'run-2');
  expect(await again.publish(START + 11 * HOUR)).toMatchObject({ historyRows: 1 });
  const after = await readHistory(duck, root, view, entity);
  expect(after.get('["a"]')!.map(({ values }) => values)).toEqual([[7n], [1n]]);
});

test('the watermark of a definition does not fall when an earlier run commits last', async () => {
  const prepared = await prepare();
  const aheadUs = START + 5 * HOUR;
  await commitFiles(root, { view, entity, runId: 'ahead', watermarkUs: aheadUs });
  await prepared.publish(START + 10 * HOUR);
  expect((await readCommitted(localFolder(root), view))!.lastMark()).toMatchObject({
    watermarkUs: aheadUs,
    runId: 'run-1',
    version: 1,
  });
});

test('a run whose lease another has by now commits nothing, and leaves files that nobody reads', async () => {
  const gone = new Error('taken over');
  const lost: RunLease = { number: 1, hold: () => Promise.reject(gone) };
  const prepared = await prepare(lost);
  await expect(prepared.publish(START + 10 * HOUR)).rejects.toBe(gone);
  expect(await readCommitted(localFolder(root), view)).toBeNull();
  expect(readdirSync(join(root, 'counts', 'v1')).toSorted()).toEqual(['_delta_log', 'day=2026-01-05']);
  expect(await readHistory(duck, root, view, entity)).toEqual(new Map());
});

test('a commit under a later lease ends an earlier one, whatever the registry says', async () => {
  const held: RunLease = { number: 1, hold: () => Promise.resolve() };
  const prepared = await prepare(held);
  await commitFiles(root, { view, entity, runId: 'later', lease: 2 });
  await expect(prepared.publish(START + 10 * HOUR)).rejects.toMatchObject({ code: 'MAT_LEASE' });
  // A registry that was lost numbers its leases anew: what was committed before the run began says nothing.
  const again = await prepare(held);
  expect(await again.publish(START + 10 * HOUR)).toMatchObject({ historyRows: 1 });
});
