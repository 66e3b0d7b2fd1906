/** What Spark lacks is said before it is started; of one that cannot be started nothing stays behind but its log. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareHistory } from '../../../../../materializer/history/compute.ts';
import { silentLogger } from '../../../../../contract/std/logger.ts';
import { DuckDb } from '../../../../../project/engine/duckdb/duckdb.ts';
import { SparkSession } from '../../../../../project/engine/spark/spark-session.ts';
import { aggregatedView } from '../../../../support/fixtures/aggregated-view.ts';
import { historyRun } from '../../../../support/fixtures/history-run.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const HOUR = 3_600_000_000;
const CUTOFF = Date.UTC(2026, 0, 5, 2) * 1_000;

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'shop', type: 'string' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: HOUR,
  features: [{ name: 'n', function: 'count' }],
});

async function prepare(folder: string, shop: string): Promise<unknown> {
  const event = `SELECT ${shop} AS shop, TIMESTAMP '2026-01-05 00:30:00' AS at`;
  await duck.run(`COPY (${event}) TO '${folder}/events.parquet' (FORMAT parquet)`);
  const settings = {
    command: '/nowhere/spark-submit',
    master: null,
    conf: {},
    folder: join(folder, 'of-spark'),
  };
  const spark = new SparkSession(settings, silentLogger, 'materialize');
  return prepareHistory(historyRun({ duck, view, entity, folder, spark }, { cutoffUs: CUTOFF }));
}

test('a type that Spark does not read is refused by name', async () => {
  const folder = scratchFolder();
  await expect(prepare(folder, 'uuid()')).rejects.toMatchObject({
    code: 'SPARK_LACKS',
    message: 'a column that is UUID in its file cannot be read as string in Spark yet',
  });
  expect(existsSync(join(folder, 'of-spark'))).toBe(false);
});

test('a Spark that cannot be started leaves a log, and no rows', async () => {
  const folder = scratchFolder();
  await expect(prepare(folder, "'a'")).rejects.toMatchObject({
    code: 'SPARK_START',
  });
  expect(readdirSync(join(folder, 'of-spark')).map((name) => name.replace(/-.*\./, '.'))).toEqual([
    'materialize.log',
  ]);
  expect(readdirSync(folder, { recursive: true }).filter((name) => String(name).includes('rows'))).toEqual(
    [],
  );
});
