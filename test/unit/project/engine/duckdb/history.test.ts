import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepareHistory } from '../../../../../materializer/history/compute.ts';
import { lockView } from '../../../../../materializer/run/view-lock.ts';
import { DuckDb } from '../../../../../project/engine/duckdb/duckdb.ts';
import { compileProject } from '../../../../../registry/definitions/compile.ts';
import {
  dayParts,
  folderBeside,
  historyFile,
  historyFolder,
  openHistory,
  readHistoryWatermark,
} from '../../../../../project/engine/duckdb/history.ts';
import { dayOf } from '../../../../../contract/std/timestamp.ts';
import { definitionName } from '../../../../../contract/wire/online/row-header.ts';
import { scratchFolder } from '../../../../support/scratch.ts';
import { historyRun } from '../../../../support/fixtures/history-run.ts';
import { shopProject } from '../../../../support/fixtures/shop-project.ts';

/** The layout is read by whatever reads Parquet, so names, types and places are part of the contract. */
test('the history of an aggregated view lies by version and day, under these columns and types', async () => {
  const folder = await shopProject();
  const { views, entities } = await compileProject({ folder, definitions: ['definitions/*.ts'] });
  const view = views.get('purchases')!;
  const entity = entities.get('customer')!;
  const historyRoot = join(folder, 'history');
  const duck = await DuckDb.open();
  const cutoffUs = 1_700_200_000_000_000;
  const { sql } = await openHistory(duck, { folder, history: historyRoot }, view, entity);
  const none = await duck.rows(`DESCRIBE ${sql}`);
  const sketch = { duck, view, entity, folder, history: historyRoot };
  const prepared = await prepareHistory(historyRun(sketch, { cutoffUs, full: true }));
  await prepared.publish(cutoffUs + 7);
  const id = definitionName(view.definitionId);
  const files = readdirSync(historyRoot, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.parquet') || file.endsWith('.json'))
    .toSorted();
  expect(files).toEqual([
    'purchases/v1/_watermark.json',
    `purchases/v1/day=2023-11-14/run-1.${id}.parquet`,
    `purchases/v1/day=2023-11-15/run-1.${id}.parquet`,
    `purchases/v1/day=2023-11-16/run-1.${id}.parquet`,
  ]);
  expect(relative(historyRoot, historyFile(historyRoot, view, '2023-11-14', 'run-1'))).toBe(files[1]);
  const file = join(historyRoot, files[1]!);
  const columns = (rows: readonly Readonly<Record<string, unknown>>[]): unknown[] =>
    rows.map((row) => `${String(row['column_name'])} ${String(row['column_type'])}`);
  const expected = [
    'customer_id BIGINT',
    'event_time TIMESTAMP',
    'created_time TIMESTAMP',
    'run_id VARCHAR',
    'definition_id UINTEGER',
    'deleted BOOLEAN',
    'count_7d BIGINT',
    'average_30d DOUBLE',
    'favorite VARCHAR',
  ];
  expect(
    columns(await duck.rows(`DESCRIBE SELECT * FROM read_parquet('${file}', hive_partitioning = false)`)),
  ).toEqual(expected);
  expect(columns(none)).toEqual(expected);
  const [first] = await duck.rows(
    `SELECT epoch_us(min(event_time)) % 3600000000 AS off_edge, any_value(epoch_us(created_time)) AS created_us,
       any_value(run_id) AS run_id, any_value(definition_id) AS definition_id FROM read_parquet('${file}')`,
  );
  expect(first).toEqual({
    off_edge: 0n,
    created_us: BigInt(cutoffUs + 7),
    run_id: 'run-1',
    definition_id: view.definitionId,
  });
  expect(readHistoryWatermark(historyRoot, view)).toEqual({
    watermarkUs: 1_700_197_200_000_000,
    runId: 'run-1',
    definitionId: view.definitionId,
  });
  // DuckDB reads every Parquet file below a folder: the rejects are not among them.
  for (const kind of ['_rejected', '_staged'] as const) {
    mkdirSync(folderBeside(historyRoot, kind, view), { recursive: true });
    writeFileSync(join(folderBeside(historyRoot, kind, view), 'run-1.parquet'), 'no history');
  }
  lockView(historyRoot, view).release();
  const [whole] = await duck.rows(`SELECT count(DISTINCT filename)::INTEGER AS files
    FROM read_parquet('${historyFolder(historyRoot, view)}', filename = true)`);
  expect(whole).toEqual({ files: 3 });
  duck.close();
});

test('the days of a history are read from those of the labels back, each once, none past the labels', () => {
  const days = fc.uniqueArray(fc.integer({ min: 0, max: 400 })).map((all) => all.toSorted((a, b) => a - b));
  const DAY_US = 86_400_000_000;
  fc.assert(
    fc.property(days, fc.integer(), fc.integer(), (numbers, a, b) => {
      const names = numbers.map((day) => dayOf(day * DAY_US));
      const [firstUs, lastUs] = [(a % 400) * DAY_US, (b % 400) * DAY_US + 5];
      const parts = dayParts(names, firstUs, lastUs);
      const seen = names.filter((name) => name <= dayOf(Math.max(0, lastUs)));
      expect(parts.toReversed().flat()).toEqual(seen);
      expect(parts[0]!.every((name) => name >= dayOf(Math.max(0, firstUs)))).toBe(true);
      expect(parts.slice(1).every((part) => part.length > 0)).toBe(true);
    }),
  );
  expect(dayParts(['2026-01-01'], -(2 ** 63), 2 ** 63)).toEqual([['2026-01-01']]);
  expect(dayParts([], 0, 0)).toEqual([[]]);
});

test('a mark of the history that is damaged is told with its file', () => {
  const root = scratchFolder();
  const view = { name: 'purchases', version: 1 };
  expect(readHistoryWatermark(root, view)).toBeNull();
  const file = join(historyFolder(root, view), '_watermark.json');
  mkdirSync(historyFolder(root, view), { recursive: true });
  const good = { watermarkUs: 1_700_000_000_000_000, runId: 'r', definitionId: 7 };
  writeFileSync(file, JSON.stringify(good));
  expect(readHistoryWatermark(root, view)).toEqual(good);
  const wrong = [
    { watermarkUs: null },
    { watermarkUs: 1e300 },
    { watermarkUs: '1' },
    { runId: 1 },
    { definitionId: null },
  ];
  const texts = [
    '',
    '{"watermarkUs":17',
    'null',
    '7',
    '[]',
    ...wrong.map((one) => JSON.stringify({ ...good, ...one })),
  ];
  for (const text of texts) {
    writeFileSync(file, text);
    expect(() => readHistoryWatermark(root, view), text).toThrow(
      expect.objectContaining({ code: 'REG_STORE', message: expect.stringContaining(file) }),
    );
  }
});
