/** When a history was complete up to a time, from its log. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readTable, writeEntry } from '../../../../project/delta/delta-log.ts';
import { firstCommitUs } from '../../../../project/history/history-commits.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';
import { compactionEntry, historyEntry } from '../../../../project/history/history-entry.ts';
import { customer, orders } from '../../../support/fixtures/materialized-project.ts';

test('the first commit that holds, whatever stands between', async () => {
  const path = mkdtempSync(join(tmpdir(), 'plumb-commits-'));
  const folder = localFolder(path);
  onTestFinished(() => rmSync(path, { recursive: true }));
  const commit = async (runId: string, watermarkUs: number, nowMs: number): Promise<void> => {
    const state = await readTable(folder);
    const facts = { runId, watermarkUs, createdUs: 1, read: state?.version ?? null, lease: null };
    const file = {
      path: `day=2026-01-01/${nowMs}.00000000.parquet`,
      bytes: 1,
      rows: 1,
      firstEventUs: 1,
      lastEventUs: 1,
    };
    const files = nowMs === 0 ? [] : [file];
    const rows = { view: orders(), entity: customer, files, commit: facts, nowMs };
    await writeEntry(folder, (state?.version ?? -1) + 1, historyEntry(state, rows));
  };
  const first = (runId: string, us: number) =>
    firstCommitUs(folder, (one) => one.runId === runId && one.watermarkUs >= us);
  expect(await first('a', 0)).toBe(null);
  // Without rows.
  await commit('a', 10, 0);
  expect(await first('a', 0)).toBe(null);
  await commit('a', 10, 1);
  const joined = compactionEntry((await readTable(folder))!, { joined: [], lease: 1, nowMs: 2 });
  await writeEntry(folder, 2, joined);
  await commit('b', 20, 3);
  await commit('a', 20, 4);
  await commit('a', 30, 5);
  expect(await first('a', 0)).toBe(1_000);
  expect(await first('a', 20)).toBe(4_000);
  expect(await first('b', 1)).toBe(3_000);
  expect(await first('b', 21)).toBe(null);
});
