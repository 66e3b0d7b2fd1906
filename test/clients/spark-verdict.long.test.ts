/**
 * `plumb monitor run --engine spark` against DuckDB on days with all causes: the snapshot is the same to the byte,
 * whoever replays the day, and so are the judged rows beside it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { runMonitor } from '../../monitor/run.ts';
import type { MonitorEngine } from '../../monitor/run.ts';
import { judgedRowsFile, snapshotFile } from '../../monitor/verdict/snapshot-folder.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../support/day-time.ts';
import type { MonitoredDay } from '../support/fixtures/monitored-day.ts';
import { plantedDrivers, plantedOrders } from '../support/fixtures/planted-day.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';

const SETTLED = at('2026-01-10T00:00:00');
const LIMIT_MS = 600_000;
/** Of few rows: compiling costs more than it saves. Nothing that anyone else can reach. */
const CONF = {
  'spark.sql.shuffle.partitions': '1',
  'spark.sql.codegen.wholeStage': 'false',
  'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
  'spark.driver.host': '127.0.0.1',
  'spark.driver.bindAddress': '127.0.0.1',
};

let command: string;
beforeAll(async () => {
  command = (await pythonEnvironment()).program('spark-submit');
  // It looks for its own Python there.
  process.env['PATH'] = [dirname(command), process.env['PATH']].join(delimiter);
}, PYTHON_LIMIT_MS);

let day: MonitoredDay;
afterEach(() => day.remove());

/** The snapshot as it is written, and the judged rows. */
async function judgedBy(engine: MonitorEngine): Promise<{ snapshot: string; rows: string[] }> {
  const { settings, database, said } = day.project;
  const spark = { ...settings.spark, command, master: 'local[2]', conf: CONF };
  const project = { ...day.project, settings: { ...settings, spark } };
  said.splice(0);
  // What an earlier verdict told of the day would stand in the next one.
  rmSync(settings.reports, { recursive: true, force: true });
  const [snapshot] = await runMonitor(project, database, { date: DAY, engine });
  const { service } = snapshot!;
  expect(said).toEqual(engine === 'spark' ? [expect.stringMatching(/^starting Spark/)] : []);
  const duck = await DuckDb.open();
  const file = judgedRowsFile(settings.reports, service, DAY);
  const rows = await duck.rows(
    `SELECT t::VARCHAR AS row FROM read_parquet(${quotePaths([file])}) t ORDER BY 1`,
  );
  duck.close();
  return {
    snapshot: readFileSync(snapshotFile(settings.reports, service, DAY), 'utf8'),
    rows: rows.map(({ row }) => row as string),
  };
}

async function expectSame(): Promise<void> {
  await day.closeLog();
  day.project.setClock(SETTLED);
  const byDuckDb = await judgedBy('duckdb');
  const bySpark = await judgedBy('spark');
  expect(bySpark.snapshot).toBe(byDuckDb.snapshot);
  expect(byDuckDb.rows.length).toBeGreaterThan(0);
  expect(bySpark.rows).toEqual(byDuckDb.rows);
}

test('an aggregated view', { timeout: LIMIT_MS }, async () => {
  ({ day } = await plantedOrders({ again: true }));
  await expectSame();
});

test('a stored view', { timeout: LIMIT_MS }, async () => {
  const causes = [null, 'missing online', 'late arrival', 'rewritten history', 'duplicate'] as const;
  ({ day } = await plantedDrivers(true, causes, { again: true }));
  await expectSame();
});
