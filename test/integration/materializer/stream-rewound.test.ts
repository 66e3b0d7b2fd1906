/** `plumb stream --from`: what the history has wrong after a time is made again of the archive, and nothing else. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHistory } from '../../../project/history/history-snapshot.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { runStreams } from '../../../materializer/stream/stream.ts';
import { commitHistory } from '../../support/fixtures/committed-history.ts';
import { START_US } from '../../support/fixtures/materialized-project.ts';
import { clickView, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { StreamedProject } from '../../support/fixtures/streamed-project.ts';

let project: StreamedProject;
beforeEach(async () => {
  project = await makeStreamed();
});
afterEach(() => project.remove());

const NOW_US = START_US + 100 * HOP_US;
const { view, entity, bundle } = clickView(30 * HOP_US);

function lay(file: number): void {
  const nowUs = NOW_US + file * 20 * HOP_US;
  project.setClock(nowUs);
  const lines = Array.from({ length: 20 }, (_, i) => {
    const click = { user_id: `u${i % 3}`, at: nowUs - (20 - i) * HOP_US, page: `p${i % 2}`, price: i };
    return JSON.stringify({ ...click, id: `${file}-${i}` });
  });
  project.writeMessages(`${file}.jsonl`, lines, nowUs);
}

/** The newest row of each entity and edge. */
async function newest(): Promise<readonly object[]> {
  const history = (await readHistory(project.settings.history, view))!;
  const files = [...history.state.files.keys()].map((file) => history.folder.fileOf(decodeURI(file)));
  const duck = await DuckDb.open();
  const rows = await duck.rows(
    `SELECT user_id, epoch_us(event_time)::DOUBLE AS us, * EXCLUDE (user_id, event_time, created_time, run_id)
     FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false)
     QUALIFY row_number() OVER (PARTITION BY user_id, event_time ORDER BY created_time DESC) = 1 ORDER BY ALL`,
  );
  duck.close();
  return rows;
}

async function drainFrom(fromUs: number): Promise<number> {
  const options = { drain: true, signal: new AbortController().signal, fromUs };
  const [record] = await runStreams({ project, bundle, database: project.database, options });
  return record!.historyRows;
}

/** A run that wrote what it should not have: wrong values, and rows where none belongs. */
async function spoil(edgeUs: number, user: string): Promise<void> {
  const day = new Date(edgeUs / 1_000).toISOString().slice(0, 10);
  const features = view.features.map(({ name }) => `NULL AS ${name}`).join(', ');
  const sql = `SELECT '${user}' AS user_id, make_timestamptz(${edgeUs}) AS event_time,
    make_timestamptz(${project.clock.nowUs() + 1_000}) AS created_time, 'spoiled' AS run_id,
    ${view.definitionId}::BIGINT AS definition_id, false AS deleted, ${features}`;
  const typed = `SELECT * REPLACE (${view.features.map(({ name, type }) => `NULL::${duckType(type.kind)} AS ${name}`).join(', ')}) FROM (${sql})`;
  await commitHistory(project.settings.history.path, {
    view,
    entity,
    runId: `spoiled-${user}`,
    days: { [day]: typed },
  });
}

function duckType(kind: string): string {
  const types: Record<string, string> = {
    int64: 'BIGINT',
    float64: 'DOUBLE',
    string: 'VARCHAR',
    list: 'VARCHAR[]',
  };
  return types[kind] ?? 'BIGINT';
}

test('wrong rows after the time are made again, right ones and those before it are not', async () => {
  for (const file of [0, 1, 2]) {
    lay(file);
    await project.drain(bundle);
  }
  const right = await newest();
  expect(await drainFrom(NOW_US)).toBe(0);
  const [early, late] = [NOW_US - 10 * HOP_US, NOW_US + 10 * HOP_US];
  project.setClock(project.clock.nowUs() + HOP_US);
  await spoil(early, 'u0');
  await spoil(late, 'u1');
  expect(await newest()).not.toEqual(right);
  project.setClock(project.clock.nowUs() + HOP_US);
  expect(await drainFrom(NOW_US)).toBe(1);
  const after = await newest();
  const isSpoiled = (row: object): boolean => (row as { us: number; user_id: string }).us === early;
  expect(after.filter((row) => !isSpoiled(row))).toEqual(right.filter((row) => !isSpoiled(row)));
  project.setClock(project.clock.nowUs() + HOP_US);
  expect(await drainFrom(0)).toBeGreaterThan(0);
  // The clock has gone on, and windows run empty.
  const usOf = (row: object): number => (row as { us: number }).us;
  const last = Math.max(...right.map(usOf));
  expect((await newest()).filter((row) => usOf(row) <= last)).toEqual(right);
  // It goes on from there as before.
  lay(4);
  expect((await project.drain(bundle))[0]).toMatchObject({ counted: 20 });
});
