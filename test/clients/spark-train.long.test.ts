/**
 * `plumb train --engine spark` makes the bytes that DuckDB makes: stored views whose files hold all types in several
 * ways, with bad rows, times of nanoseconds and columns in their paths, and an aggregated view with late rows.
 */
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { FeatureView } from '../../contract/model.ts';
import { runMaterialize } from '../../materializer/materialize.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { trainAgain } from '../../training/again.ts';
import { runTrain } from '../../training/train.ts';
import type { TrainOptions } from '../../training/train-options.ts';
import {
  HOUR_US,
  START_US,
  bundleOf,
  customer,
  driver,
  driverStats,
  feature,
  makeProject,
  orders,
  serviceOf,
} from '../support/fixtures/materialized-project.ts';
import type { TestProject } from '../support/fixtures/materialized-project.ts';
import { sparkSettingsHere } from '../support/spark/spark-here.ts';

const LIMIT_MS = 900_000;
const ROWS = 4_000;
const SEED = Number(process.env['PLUMB_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const TYPES = {
  b: 'bool',
  i: 'int32',
  l: 'int64',
  f: 'float32',
  d: 'float64',
  s: 'string',
  y: 'bytes',
  t: 'timestamp',
  ls: 'list<float64>',
  e: 'embedding(2)',
  m: 'map<float32>',
  st: 'struct<a: int64, b: list<string>>',
};

const stats = driverStats({
  source: {
    name: 'drivers',
    path: 'data/drivers',
    eventTime: 'event_timestamp',
    createdTime: 'created',
    maxAheadUs: 5 * HOUR_US,
  },
  ttlUs: 3 * HOUR_US,
  delayUs: HOUR_US / 6,
  where: "s IS NULL OR s <> 'a'",
  select: [{ name: 'twice', expression: 'l * 2' }],
  features: [
    ...Object.entries(TYPES).map(([name, type]) =>
      feature(
        name,
        type,
        name === 'd' ? { missing: -0.5, checks: { min: -10, max: 10, maxNullShare: null } } : {},
      ),
    ),
    feature('of_select', 'float64', { column: 'twice' }),
  ],
});
const spent = orders({ delayUs: HOUR_US / 2 });

/** SQL of one of some values, by the row's number: the same values again for each seed. */
function oneOf(salt: number, ...values: readonly string[]): string {
  const cases = values.map((value, i) => `WHEN ${i} THEN ${value}`).join(' ');
  return `CASE CAST(hash(range + ${salt * 1_000_003 + SEED}) % ${values.length} AS INTEGER) ${cases} END`;
}

const HALF_HOURS = Array.from({ length: 16 }, (_, i) => START_US + (i * HOUR_US) / 2);
const times = (salt: number, make: string): string =>
  oneOf(salt, ...HALF_HOURS.map((us) => `${make}(${us})`));
const select = (columns: Readonly<Record<string, string>>): string =>
  `SELECT ${Object.entries(columns)
    .map(([name, sql]) => `${sql} AS ${name}`)
    .join(', ')} FROM range(${ROWS})`;

const EXACT = {
  driver_id: `CAST(hash(range + ${SEED}) % 40 AS BIGINT)`,
  event_timestamp: times(1, 'make_timestamp'),
  created: oneOf(2, ...HALF_HOURS.map((us) => `make_timestamptz(${us})`), 'NULL'),
  b: oneOf(3, 'true', 'false', 'NULL'),
  i: oneOf(4, '1::INTEGER', '(-2147483648)::INTEGER', 'NULL'),
  l: oneOf(5, '9007199254740993::BIGINT', '-1::BIGINT', 'NULL'),
  f: oneOf(6, "'-0.0'::FLOAT", '0::FLOAT', "'NaN'::FLOAT", '0.1::FLOAT', "'Infinity'::FLOAT"),
  d: oneOf(7, "'-0.0'::DOUBLE", '0::DOUBLE', '0.1::DOUBLE', '11::DOUBLE', "'NaN'::DOUBLE", 'NULL'),
  s: oneOf(8, "'a'", "''", "'ü\u{10000}'", "'a\\''b'".replace("\\'", "'"), 'NULL'),
  y: oneOf(9, "'\\x00\\xFF'::BLOB", "''::BLOB", 'NULL'),
  t: oneOf(
    10,
    'make_timestamptz(-1)',
    'make_timestamptz(1767225600000001)',
    "'infinity'::TIMESTAMPTZ",
    'NULL',
  ),
  ls: oneOf(11, "[0.0::DOUBLE, '-0.0'::DOUBLE]", '[]::DOUBLE[]', '[NULL, 1.5::DOUBLE]', 'NULL'),
  e: oneOf(12, "[0::FLOAT, 'NaN'::FLOAT]", '[1::FLOAT]', '[1::FLOAT, NULL]', 'NULL'),
  m: oneOf(13, "MAP {'x': 0.5::FLOAT, 'y': NULL}", 'MAP {}::MAP(VARCHAR, FLOAT)', 'NULL'),
  st: oneOf(14, "{'a': 1::BIGINT, 'b': ['p', NULL]}", "{'a': NULL::BIGINT, 'b': NULL::VARCHAR[]}", 'NULL'),
};
/** The same columns as other writers have them, some of whose values do not fit; `i` stands in the path. */
const { i: _, ...OTHERS } = {
  ...EXACT,
  driver_id: `CAST(hash(range + ${SEED + 7}) % 40 AS INTEGER)`,
  event_timestamp: oneOf(21, ...HALF_HOURS.map((us) => `make_timestamp_ns(${us}000 + ${us % 7})`), 'NULL'),
  created: oneOf(22, ...HALF_HOURS.map((us) => `make_timestamp_ns(${us}000 + ${us % 5})`)),
  b: oneOf(23, '0', '1', '2', 'NULL'),
  l: oneOf(24, '2::DOUBLE', '2.5::DOUBLE', '9007199254740992::DOUBLE', "'NaN'::DOUBLE", 'NULL'),
  f: oneOf(25, '0.1::DOUBLE', '1e300::DOUBLE', "'-Infinity'::DOUBLE", "'-0.0'::DOUBLE"),
  d: oneOf(26, '0.10::DECIMAL(12, 2)', '1234567890.12::DECIMAL(12, 2)', '-0.07::DECIMAL(12, 2)'),
  t: oneOf(27, "DATE '2026-01-01'", "DATE '1969-12-31'"),
  ls: oneOf(28, '[1::INTEGER, NULL]', '[]::INTEGER[]'),
  e: oneOf(29, '[0.1::DOUBLE, 2::DOUBLE]', '[1e300::DOUBLE, 0::DOUBLE]'),
};
/** And narrower: a file that lacks columns, one of which it has in another case. */
const NARROW = {
  driver_id: `CAST(hash(range + ${SEED + 9}) % 40 AS USMALLINT)`,
  event_timestamp: times(31, 'make_timestamptz'),
  I: oneOf(32, '3::TINYINT', 'NULL'),
  l: oneOf(33, '7::UINTEGER', '4294967295::UINTEGER'),
  f: oneOf(34, '16777216::INTEGER', '16777217::INTEGER'),
  d: oneOf(35, '9007199254740993::BIGINT', '-9::BIGINT'),
};

async function write(project: TestProject, name: string, sql: string): Promise<void> {
  mkdirSync(join(project.settings.folder, 'data', name, '..'), { recursive: true });
  await project.writeParquet(name, sql);
}

async function spentHistory(
  project: TestProject,
  bundle: Parameters<typeof runMaterialize>[1],
): Promise<void> {
  for (const [part, hour] of [
    [0, 6],
    [1, 12],
  ] as const) {
    const order = {
      customer_id: oneOf(41 + part, "'a'", "'b'", "'c'"),
      ordered_at: times(43 + part, 'make_timestamp'),
      loaded_at: `make_timestamp(${START_US + (hour - 1) * HOUR_US})`,
      total: oneOf(45 + part, '0.1::DOUBLE', '-7.25::DOUBLE', 'NULL'),
    };
    await write(project, `orders-${part}`, `SELECT * FROM (${select(order)}) USING SAMPLE 60`);
    project.setClock(START_US + hour * HOUR_US);
    await runMaterialize(project, bundle, project.database, { views: [spent.id] });
  }
}

test(
  'the same bytes, and as many bad rows',
  async () => {
    const project = await makeProject();
    onTestFinished(() => project.remove());
    const views: readonly FeatureView[] = [stats, spent];
    const bundle = publishBundle(project.settings.bundles, {
      ...bundleOf(stats),
      views: new Map(views.map((view) => [view.id, view])),
      services: new Map([['rank', serviceOf('rank', views)]]),
      schemas: new Map([
        [stats.id, [rowSchemaOf(stats, driver)]],
        [spent.id, [rowSchemaOf(spent, customer)]],
      ]),
    });
    await write(project, 'drivers/exact', select(EXACT));
    await write(project, 'drivers/i=5/others', select(OTHERS));
    await write(project, 'drivers/i=a+b %2F/others', select(OTHERS));
    await write(project, 'drivers/narrow [1]', select(NARROW));
    await spentHistory(project, bundle);
    const label = {
      driver_id: `CAST(hash(range) % 45 AS BIGINT)`,
      customer_id: oneOf(51, "'a'", "'b'", "'z'", 'NULL'),
      event_timestamp: oneOf(52, ...HALF_HOURS.map((us) => `make_timestamp(${us + HOUR_US / 6})`), 'NULL'),
    };
    await write(project, 'labels', select(label));
    const path = (name: string): string => join(project.settings.folder, name);
    const spark = await sparkSettingsHere(path('spark'));
    const here = { ...project, settings: { ...project.settings, spark } };
    for (const as of ['trained', 'available'] as const) {
      const made = async (engine: 'duckdb' | 'spark') => {
        const out = path(`${engine}-${as}.parquet`);
        const options: TrainOptions = {
          labels: path('data/labels.parquet'),
          service: 'rank',
          out,
          as,
          engine,
        };
        const { notes, features } = await runTrain(here, options);
        // Of bad rows Spark only says how many there are.
        const short = notes.map((note) => note.replace(/ \(.*\)\.$/, '.'));
        return { out, bytes: readFileSync(out), features, notes: short };
      };
      const [duck, other] = [await made('duckdb'), await made('spark')];
      expect(await different(duck.out, other.out), `seed ${SEED}, as ${as}`).toEqual([]);
      expect(other.bytes.equals(duck.bytes)).toBe(true);
      expect(other.features).toEqual(duck.features);
      expect(other.notes).toEqual(duck.notes);
      console.info(`as ${as}: ${duck.notes.join(' ')}`);
    }
    // A set is the same again, whoever joins it: what differs would be told.
    const again = { again: 'duckdb-trained.parquet', out: path('again.parquet'), engine: 'spark' as const };
    await trainAgain(here, again);
    expect(readdirSync(path('spark')).every((name) => name.endsWith('.log'))).toBe(true);
  },
  LIMIT_MS,
);

/** @returns a row of each column that differs */
async function different(one: string, other: string): Promise<object[]> {
  const duck = await DuckDb.open();
  const names = (await duck.rows(`DESCRIBE FROM '${one}'`)).map((row) => row['column_name'] as string);
  const rows: object[] = [];
  for (const name of names) {
    const text = `CAST("${name}" AS VARCHAR)`;
    const found = await duck.rows(
      `SELECT a.*, b.v AS other FROM (SELECT row_number() OVER () AS n, ${text} AS v FROM '${one}') a
         JOIN (SELECT row_number() OVER () AS n, ${text} AS v FROM '${other}') b USING (n)
       WHERE a.v IS DISTINCT FROM b.v ORDER BY n LIMIT 2`,
    );
    rows.push(...found.map((row) => ({ name, ...row })));
  }
  duck.close();
  return rows;
}
