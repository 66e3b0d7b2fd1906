import { expect, test } from 'vitest';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { ServedHistory } from '../../../../monitor/judge/served-history.ts';
import type { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';
import { bundleOf, orders } from '../../../support/fixtures/materialized-project.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('a definition that is no longer in force is complete as far as the furthest of its runs, however many', async () => {
  const view = orders();
  const today = { view, entity: bundleOf(view).entities.get(view.entity)! };
  const place = { folder: '/', history: localFolder(scratchFolder()) };
  const run = { state: 'complete', definitionId: view.definitionId };
  const runs = Array.from({ length: 150_000 }, (_, i) => ({ ...run, watermarkUs: i }) as RunRecord);
  const duck = null as unknown as DuckDb;
  const historyOf = (own: readonly RunRecord[]): Promise<ServedHistory> =>
    ServedHistory.open({ duck, histories: place, today, runs: own });
  expect((await historyOf(runs)).completeUpTo(today)).toBe(149_999);
  expect((await historyOf([])).completeUpTo(today)).toBeNull();
});
