/** `plumb stream` of a folder of Parquet: rows by their files' own types, in order, on from where it stopped. */
import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { fileKind } from '../../../materializer/stream/source/file-kind.ts';
import { FolderReader } from '../../../materializer/stream/source/folder-reader.ts';
import { START_US } from '../../support/fixtures/materialized-project.ts';
import { clickView, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { StreamedProject } from '../../support/fixtures/streamed-project.ts';

let project: StreamedProject;
beforeEach(async () => {
  project = await makeStreamed();
});
afterEach(() => project.remove());

const NOW_US = START_US + 100 * HOP_US;
const { bundle } = clickView(8 * HOP_US, undefined, { format: { kind: 'parquet' } });
const { bundle: byLines } = clickView(8 * HOP_US);

/** Rows of `range`, of the columns that a click has. */
async function write(name: string, sql: string, appendedUs = NOW_US): Promise<void> {
  const [aside, file] = [`_${name}`, name].map((one) => join(project.settings.folder, 'incoming', one));
  const duck = await DuckDb.open({ threads: 1 });
  await duck.run(`COPY (${sql}) TO '${aside!}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
  duck.close();
  utimesSync(aside!, appendedUs / 1e6, appendedUs / 1e6);
  renameSync(aside!, file!);
}

function clicks(from: number, to: number, columns = ''): string {
  return `SELECT 'u' || (n % 3) AS user_id, make_timestamptz(${NOW_US} - (20000 - n) * ${HOP_US / 1000}) AS "at", 'p' AS page,
    n::DOUBLE AS price, n::VARCHAR AS id${columns} FROM range(${from}, ${to}) t(n) ORDER BY n`;
}

/** What the history has of it, row by row. */
async function rows(): Promise<unknown> {
  const folder = join(project.settings.history.path, 'user_clicks/v1');
  const duck = await DuckDb.open();
  const found = await duck.rows(
    `SELECT user_id, epoch_us(event_time) AS us, * EXCLUDE (user_id, event_time, created_time, run_id, definition_id)
     FROM read_parquet('${folder}/day=*/*.parquet', union_by_name = true, hive_partitioning = false) ORDER BY ALL`,
  );
  duck.close();
  return found;
}

test('rows of Parquet give what the same lines of JSON do, and a drain goes on behind the last one', async () => {
  project.setClock(NOW_US);
  await write('0.parquet', clicks(15_000, 20_000));
  const [first] = await project.drain(bundle);
  expect(first).toMatchObject({ read: 5_000, counted: 5_000, rejected: 0 });
  project.setClock(NOW_US + HOP_US);
  await write('1.parquet', clicks(20_000, 20_010), NOW_US + HOP_US);
  expect((await project.drain(bundle))[0]).toMatchObject({ read: 10, counted: 10 });
  const found = await rows();
  await project.remove();
  project = await makeStreamed();
  for (const [i, [from, to]] of [[15_000, 20_000] as const, [20_000, 20_010] as const].entries()) {
    const nowUs = NOW_US + i * HOP_US;
    project.setClock(nowUs);
    const lines = Array.from({ length: to - from }, (_, k) => {
      const n = from + k;
      const at = NOW_US - (20_000 - n) * (HOP_US / 1_000);
      return JSON.stringify({ user_id: `u${n % 3}`, at, page: 'p', price: n, id: String(n) });
    });
    project.writeMessages(`${i}.jsonl`, lines, nowUs);
    await project.drain(byLines);
  }
  expect(await rows()).toEqual(found);
});

test('goes on at any row of a file', async () => {
  await write('0.parquet', clicks(0, 5_000));
  const folder = join(project.settings.folder, 'incoming');
  for (const line of [0, 1, 2_048, 4_999, 5_000]) {
    const kind = fileKind(clickView(HOP_US, undefined, { format: { kind: 'parquet' } }).view.source.stream!);
    const reader = new FolderReader({ folder, kind, waits: false, warn() {} });
    await reader.start(new Map([[0, { offset: line, file: '0.parquet', line }]]));
    const [batch] = await reader.next();
    expect(batch!.messages[0]?.row?.[4]).toBe(line < 5_000 ? String(line) : undefined);
    expect(batch!.messages[0]?.offset).toBe(line < 5_000 ? line : undefined);
    await reader.close();
  }
});

test('what does not fit its field is kept with file and row, what a view refuses too', async () => {
  project.setClock(NOW_US);
  await write('0.parquet', clicks(19_998, 20_000));
  // By its own types: the key is a number where one row has none, and times count nanoseconds.
  await write(
    '1.parquet',
    `SELECT * FROM (VALUES (NULL, make_timestamp_ns(${NOW_US}000 - 5000), 1.5, 'a', 1), ('u1', NULL, 2.5, 'b', 2),
      ('u2', make_timestamp_ns(${NOW_US}000 - 3000), 3.5, 'c', 3)) t(user_id, "at", price, id, more)`,
  );
  await write('2.parquet', `SELECT 7 AS user_id, 'p' AS page, TIMESTAMP '2026-01-01' AS "at"`);
  const [record] = await project.drain(bundle);
  expect(record).toMatchObject({ read: 4, counted: 3, rejected: 1 });
  const file = join(project.settings.stream.state, 'clicks/rejected.jsonl');
  const kept = readFileSync(file, 'utf8').trim().split('\n');
  expect(kept.map((line) => JSON.parse(line) as object)).toEqual([
    { partition: 0, offset: 2, reason: 'user_id is null', view: 'user_clicks', file: '1.parquet', row: 1 },
    expect.objectContaining({
      offset: 3,
      reason: expect.stringMatching(/^at is null/),
      file: '1.parquet',
      row: 2,
    }),
    expect.objectContaining({
      offset: 5,
      reason: 'user_id should be string, got 7 (INTEGER)',
      file: '2.parquet',
      row: 1,
    }),
  ]);
});

test('a file that is none stops the stream before it is passed over; others are passed over with a warning', async () => {
  project.setClock(NOW_US);
  await write('0.parquet', clicks(19_990, 20_000));
  const [broken, other] = ['1.parquet', '2.csv'].map((name) =>
    join(project.settings.folder, 'incoming', name),
  );
  writeFileSync(broken!, 'PAR1 and no more');
  writeFileSync(other!, 'x');
  await expect(project.drain(bundle)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringContaining('1.parquet cannot be read as Parquet'),
  });
  expect(project.said).toContainEqual(expect.stringMatching(/2\.csv is passed over: expected \.parquet/));
  rmSync(broken!);
  expect((await project.drain(bundle))[0]).toMatchObject({ read: 10, counted: 10 });
});
