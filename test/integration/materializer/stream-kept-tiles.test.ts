/** Tiles kept beside the archive: a state that was lost goes on from them, whoever made rows since, as from its own. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { readHistory } from '../../../project/history/history-snapshot.ts';
import { START_US } from '../../support/fixtures/materialized-project.ts';
import { clickView, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { StreamedProject } from '../../support/fixtures/streamed-project.ts';

let project: StreamedProject;
beforeEach(async () => {
  project = await makeStreamed();
});
afterEach(() => project.remove());

const { view, bundle } = clickView(30 * HOP_US);
const CLICKS = 20;
/** Some of them pass between two states that are kept. */
const STEP_US = 25 * HOP_US;
const FILES = 6;

function lay(file: number): void {
  const nowUs = START_US + 100 * HOP_US + file * STEP_US;
  project.setClock(nowUs);
  const lines = Array.from({ length: CLICKS }, (_, i) => {
    const n = file * CLICKS + i;
    // Some come late, some twice.
    const at = nowUs - (CLICKS - i) * HOP_US - (n % 7 === 0 ? 20 * HOP_US : 0);
    const id = String(n % 11 === 0 ? n - 1 : n);
    return JSON.stringify({ user_id: `u${n % 3}`, at, page: `p${n % 4}`, price: n / 4, id });
  });
  project.writeMessages(`${String(file).padStart(2, '0')}.jsonl`, lines, nowUs);
}

/** All rows, as they were made. */
async function rows(): Promise<unknown> {
  const history = (await readHistory(project.settings.history, view))!;
  const files = [...history.state.files.keys()].map((file) => history.folder.fileOf(decodeURI(file)));
  const duck = await DuckDb.open();
  const found = await duck.rows(
    `SELECT user_id, epoch_us(event_time) AS us, * EXCLUDE (user_id, event_time, created_time, run_id)
     FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false) ORDER BY ALL`,
  );
  duck.close();
  return found;
}

function kept(): string[] {
  const folder = join(project.settings.folder, 'data/clicks/_tiles/user_clicks');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.db'))
    .toSorted();
}

/** @param spoil  what happens before each drain but the first */
async function streamed(spoil: (file: number) => void): Promise<unknown> {
  for (let file = 0; file < FILES; file++) {
    lay(file);
    if (file > 0) spoil(file);
    await project.drain(bundle);
  }
  return rows();
}

let right: unknown = null;

test('the newest two states of a partition are kept', async () => {
  right = await streamed(() => {});
  expect(kept()).toHaveLength(2);
});

test('a state that is lost goes on from what was kept, and gives the same rows', async () => {
  const found = await streamed(() => rmSync(project.settings.stream.state, { recursive: true }));
  expect(found).toEqual(right);
  const restored = project.said.filter((line) => line.includes('were kept beside the archive'));
  expect(restored.length).toBeGreaterThan(FILES / 2);
});

test('what was kept and is of no use is passed over: the archive says the same', async () => {
  const found = await streamed(() => {
    rmSync(project.settings.stream.state, { recursive: true });
    const folder = join(project.settings.folder, 'data/clicks/_tiles/user_clicks');
    for (const name of kept()) writeFileSync(join(folder, name), 'no state');
  });
  expect(found).toEqual(right);
});
