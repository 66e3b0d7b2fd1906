import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareHistory } from '../../../../../materializer/history/compute.ts';
import { lockView } from '../../../../../materializer/run/view-lock.ts';
import { DuckDb } from '../../../../../project/engine/duckdb/duckdb.ts';
import { compileProject } from '../../../../../registry/definitions/compile.ts';
import { openHistory } from '../../../../../project/engine/duckdb/history.ts';
import { dayFile, historyFolder, workFolder } from '../../../../../project/history/history-folder.ts';
import { readHistory } from '../../../../../project/history/history-snapshot.ts';
import { definitionName } from '../../../../../contract/wire/online/row-header.ts';
import { scratchFolder } from '../../../../support/scratch.ts';
import { historyRun } from '../../../../support/fixtures/history-run.ts';
import { shopProject } from '../../../../support/fixtures/shop-project.ts';
import { localFolder } from '../../../../../project/storage/local-folder.ts';

/** The layout is read by whatever reads Parquet, so names, types and places are part of the contract. */
test('the history of an aggregated view lies by version and day, under these columns and types', async () => {
  const folder = await shopProject();
  const { views, entities } = await compileProject({ folder, definitions: ['definitions/*.ts'] });
  const view = views.get('purchases')!;
  const entity = entities.get('customer')!;
  const historyRoot = join(folder, 'history');
  const duck = await DuckDb.open();
  const cutoffUs = 1_700_200_000_000_000;
  const { sql } = await openHistory(duck, { folder, history: localFolder(historyRoot) }, view, entity);
  const none = await duck.rows(`DESCRIBE ${sql}`);
  const sketch = { duck, view, entity, folder, history: historyRoot };
  const prepared = await prepareHistory(historyRun(sketch, { cutoffUs, full: true }));
  await prepared.publish(cutoffUs + 7);
  const id = definitionName(view.definitionId);
  const files = readdirSync(historyRoot, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.parquet') || file.endsWith('.json'))
    .toSorted();
  expect(files).toEqual([
    'purchases/v1/_delta_log/00000000000000000000.json',
    `purchases/v1/day=2023-11-14/run-1.${id}.parquet`,
    `purchases/v1/day=2023-11-15/run-1.${id}.parquet`,
    `purchases/v1/day=2023-11-16/run-1.${id}.parquet`,
  ]);
  expect(`purchases/v1/${dayFile(view, '2023-11-14', 'run-1')}`).toBe(files[1]);
  const file = join(historyRoot, files[1]!);
  const columns = (rows: readonly Readonly<Record<string, unknown>>[]): unknown[] =>
    rows.map((row) => `${String(row['column_name'])} ${String(row['column_type'])}`);
  const expected = [
    'customer_id BIGINT',
    'event_time TIMESTAMP WITH TIME ZONE',
    'created_time TIMESTAMP WITH TIME ZONE',
    'run_id VARCHAR',
    'definition_id BIGINT',
    'deleted BOOLEAN',
    'count_7d BIGINT',
    'average_30d DOUBLE',
    'favorite VARCHAR',
  ];
  expect(
    columns(await duck.rows(`DESCRIBE SELECT * FROM read_parquet('${file}', hive_partitioning = false)`)),
  ).toEqual(expected);
  const read = expected.map((column) =>
    column.replace(' WITH TIME ZONE', '').replace('definition_id BIGINT', 'definition_id UINTEGER'),
  );
  expect(columns(none)).toEqual(read);
  const [first] = await duck.rows(
    `SELECT epoch_us(min(event_time)) % 3600000000 AS off_edge, any_value(epoch_us(created_time)) AS created_us,
       any_value(run_id) AS run_id, any_value(definition_id) AS definition_id FROM read_parquet('${file}')`,
  );
  expect(first).toEqual({
    off_edge: 0n,
    created_us: BigInt(cutoffUs + 7),
    run_id: 'run-1',
    definition_id: BigInt(view.definitionId),
  });
  const whole = await openHistory(duck, { folder, history: localFolder(historyRoot) }, view, entity);
  expect(columns(await duck.rows(`DESCRIBE ${whole.sql}`))).toEqual(read);
  expect((await readHistory(localFolder(historyRoot), view))!.lastMark()).toEqual({
    version: 0,
    watermarkUs: 1_700_197_200_000_000,
    runId: 'run-1',
    definitionId: view.definitionId,
  });
  // DuckDB reads every Parquet file below a folder: the rejects are not among them.
  for (const kind of ['_rejected', '_staged'] as const) {
    mkdirSync(workFolder(historyRoot, kind, view), { recursive: true });
    writeFileSync(join(workFolder(historyRoot, kind, view), 'run-1.parquet'), 'no history');
  }
  lockView(historyRoot, view).release();
  const [globbed] = await duck.rows(`SELECT count(DISTINCT filename)::INTEGER AS files
    FROM read_parquet('${historyFolder(localFolder(historyRoot), view).path}', filename = true)`);
  expect(globbed).toEqual({ files: 3 });
  duck.close();
});

test('a history of the layout before this one is refused with what to do', async () => {
  const root = scratchFolder();
  const view = { name: 'purchases', version: 1 };
  expect(await readHistory(localFolder(root), view)).toBeNull();
  const folder = historyFolder(localFolder(root), view);
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(join(folder.path, '_watermark.json'), '{}');
  await expect(readHistory(localFolder(root), view)).rejects.toThrow(
    expect.objectContaining({ code: 'REG_STORE', message: expect.stringContaining(folder.path) }),
  );
});
