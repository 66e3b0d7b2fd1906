/**
 * `plumb monitor run --engine spark` against DuckDB on days with all causes: the snapshot is the same to the byte,
 * whoever replays the day, and so are the judged rows beside it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { runMonitor } from '../../monitor/run.ts';
import type { MonitorEngine } from '../../monitor/run.ts';
import type { Snapshot } from '../../monitor/verdict/snapshot.ts';
import { judgedRowsFile, snapshotFile } from '../../monitor/verdict/snapshot-folder.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../support/day-time.ts';
import { HOUR_US, feature } from '../support/fixtures/materialized-project.ts';
import { MonitoredDay, SERVICE, servedRow } from '../support/fixtures/monitored-day.ts';
import { plantedDrivers, plantedOrders } from '../support/fixtures/planted-day.ts';
import { randomValue } from '../support/fixtures/random-values.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { seededRandom } from '../support/seeded-random.ts';

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

/** @returns the snapshot */
async function expectSame(): Promise<Snapshot> {
  await day.closeLog();
  day.project.setClock(SETTLED);
  const byDuckDb = await judgedBy('duckdb');
  const bySpark = await judgedBy('spark');
  expect(bySpark.snapshot).toBe(byDuckDb.snapshot);
  expect(byDuckDb.rows.length).toBeGreaterThan(0);
  expect(bySpark.rows).toEqual(byDuckDb.rows);
  return JSON.parse(bySpark.snapshot) as Snapshot;
}

test('an aggregated view', { timeout: LIMIT_MS }, async () => {
  ({ day } = await plantedOrders({ again: true }));
  await expectSame();
});

const TYPES = [
  'bool',
  'int32',
  'int64',
  'float32',
  'float64',
  'string',
  'bytes',
  'timestamp',
  'embedding(2)',
  'list<float64>',
  'map<float32>',
  'struct<a: float32, b: map<int64>, c: list<string>>',
];

/** Rows of all types with ties, nulls and bounds of the TTL; most vectors were served a row as it is. */
async function randomDay(): Promise<MonitoredDay> {
  const random = seededRandom();
  const below = (limit: number): number => Math.floor(random() * limit);
  const features = TYPES.map((type, i) => feature(`f${i}`, type));
  const made = await MonitoredDay.make({}, { features, ttlUs: 4 * HOUR_US });
  const { driverStats: view } = made;
  const taken = features.slice(0, -2);
  const service = {
    ...SERVICE,
    features: taken.map(({ name }) => ({ fullName: `d__${name}`, view: view.id, role: 'd', feature: name })),
    views: [{ role: 'd', view: view.id, requestKeys: ['driver_id'] }],
    requestKeys: [SERVICE.requestKeys[1]!],
  };
  made.publish(made.orders, service);
  const textOf = (us: number): string => formatTimestamp(us).replace('Z', '');
  const rows = Array.from({ length: 400 }, () => {
    const event = at('00:00') - 2 * HOUR_US + below(20) * HOUR_US;
    const created = event + [0, 60_000_000, 2 * HOUR_US][below(3)]!;
    return { id: below(80), event, created, values: features.map(({ type }) => randomValue(type, random)) };
  });
  const selects = rows.map(({ id, event, created, values }) => {
    const cells = features.map(({ name, type }, i) => `${sqlLiteral(type, values[i]!)} AS ${name}`);
    return `SELECT ${id}::BIGINT AS driver_id, make_timestamp(${event}) AS event_timestamp, make_timestamp(${created}) AS created,
      ${cells.join(', ')}`;
  });
  await made.project.writeParquet('drivers', selects.join(' UNION ALL '));
  for (let i = 0; i < 1_500; i++) {
    // Tensors are of another type from then on.
    if (i === 750) made.publish(made.orders, { ...service, tensor: 'float32' });
    const row = rows[below(rows.length)]!;
    const wait = [0, 60_000_000, HOUR_US, 4 * HOUR_US, 4 * HOUR_US + 1, 5 * HOUR_US][below(6)]!;
    const time = Math.min(at('23:59'), Math.max(at('00:01'), row.created + wait));
    const values = [...row.values];
    const changed = below(features.length * 8);
    if (changed < features.length) values[changed] = randomValue(features[changed]!.type, random);
    const served = { event: textOf(row.event), created: textOf(row.created), values };
    const isOld = row.event < time - 4 * HOUR_US;
    const status = isOld ? 'OUTSIDE_TTL' : 'PRESENT';
    const own = below(12) === 0 ? {} : { row: served, status: status as 'PRESENT' };
    const id = below(20) === 0 ? 1_000 + below(5) : row.id;
    made.append(textOf(time), { driver_id: String(id) }, [servedRow(view, textOf(time), own, 'd')], below(2));
  }
  return made;
}

test('random rows of all types', { timeout: LIMIT_MS }, async () => {
  day = await randomDay();
  const { features } = await expectSame();
  // Many agree in SQL, and many are looked at.
  for (const { exact, present } of features) expect(exact).toBeGreaterThan(present / 10);
});

test('a stored view', { timeout: LIMIT_MS }, async () => {
  const causes = [null, 'missing online', 'late arrival', 'rewritten history', 'duplicate'] as const;
  ({ day } = await plantedDrivers(true, causes, { again: true }));
  await expectSame();
});
