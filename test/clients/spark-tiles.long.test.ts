/**
 * Rows of aggregated views whose tiles Spark has made are those of DuckDB alone, to the bit: random lives of views with
 * every function, over windows, lifetimes and sessions, with late events and such that are refused; and files that hold
 * what is aggregated in several types.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../contract/std/logger.ts';
import { definitionIdOf } from '../../contract/definitions/definition-json.ts';
import type { FeatureView } from '../../contract/model.ts';
import { prepareHistory } from '../../materializer/history/compute.ts';
import { runMaterialize } from '../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../materializer/materialize.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { SparkSession } from '../../project/engine/spark/spark-session.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import {
  COLUMNS,
  HOPS,
  HOP_US,
  LATENESS_US,
  START_US,
  eventsOf,
  scenarios,
  stands,
} from '../support/fixtures/event-scenario.ts';
import type { Scenario } from '../support/fixtures/event-scenario.ts';
import { historyRun } from '../support/fixtures/history-run.ts';
import type { RangeSketch } from '../support/fixtures/history-run.ts';
import {
  HOUR_US,
  START_US as FIRST_US,
  bundleOf,
  makeProject,
} from '../support/fixtures/materialized-project.ts';
import { writeEvents } from '../support/fixtures/raw-events.ts';
import { PYTHON_LIMIT_MS } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';
import { sparkSettingsHere } from '../support/spark/spark-here.ts';

const SEED = Number(process.env['PLUMB_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const LIMIT_MS = 900_000;
const ENGINES = ['duckdb', 'spark'] as const;

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
}, PYTHON_LIMIT_MS);
afterAll(() => duck.close());

/** A life with many events and features: a start of Spark costs more than a thousand events. */
function crowded(created: boolean, seed: number): Scenario {
  const lives = fc.sample(scenarios, { numRuns: 24, seed });
  return {
    ...lives[0]!,
    created,
    features: lives.slice(0, 3).flatMap(({ features }) => features),
    events: lives.flatMap(({ events }) => events),
  };
}

/** All columns of all rows, by both of them: what stands in one alone. */
async function different(folders: readonly string[], read: (folder: string) => Promise<string>) {
  const [one, other] = await Promise.all(folders.map(read));
  const text = (sql: string): string => `SELECT COLUMNS(*)::VARCHAR FROM (${sql})`;
  return duck.rows(`SELECT 'duckdb' AS engine, * FROM (${text(one!)} EXCEPT ALL ${text(other!)})
    UNION ALL SELECT 'spark', * FROM (${text(other!)} EXCEPT ALL ${text(one!)}) LIMIT 5`);
}

test.each([
  { created: true, seed: SEED },
  { created: false, seed: SEED + 1 },
])(
  'the same rows by both, run by run: $created, seed $seed',
  async ({ created, seed }) => {
    const scene = crowded(created, seed);
    const events = eventsOf(scene);
    const folder = scratchFolder();
    const settings = await sparkSettingsHere(join(folder, 'of-spark'));
    const spark = new SparkSession(settings, silentLogger, 'materialize');
    const { view, entity } = aggregatedView({
      joinKeys: scene.keys.joinKeys,
      path: 'events.parquet',
      eventTime: 'happened',
      createdTime: created ? 'loaded' : null,
      hopUs: HOP_US,
      latenessUs: LATENESS_US,
      features: scene.features.map((sketch, i) => ({ ...sketch, name: `feature_${i}` })),
    });
    const runs: readonly RangeSketch[] = [
      { cutoffUs: START_US + 7 * HOP_US },
      { cutoffUs: START_US + 13 * HOP_US },
      { cutoffUs: START_US + 13 * HOP_US, full: true, fromUs: START_US + 4 * HOP_US },
      { cutoffUs: START_US + (HOPS + 20) * HOP_US, full: true },
    ];
    let previousCutoffUs: number | null = null;
    // Without created times a run differs in what it reads again alone.
    for (const [i, range] of runs.slice(0, created ? 4 : 2).entries()) {
      const there = created ? events : events.filter((event) => stands(event, range.cutoffUs));
      await writeEvents(duck, join(folder, 'events.parquet'), view, entity, COLUMNS, there);
      const horizonUs = created ? (range.full === true ? range.cutoffUs : runs[0]!.cutoffUs) : null;
      const made = [];
      for (const engine of ENGINES) {
        const history = join(folder, engine);
        const own = { duck, view, entity, folder, history, runId: `run-${i}` };
        const known = { ...range, horizonUs, previousCutoffUs };
        const run = historyRun({ ...own, spark: engine === 'spark' ? spark : null }, known);
        const prepared = await prepareHistory(run, i === 3 ? 3 : undefined);
        const { files, ...result } = await prepared.publish(START_US + 100 * HOP_US + i);
        const names = files.map(({ path, rows }) => ({ path, rows }));
        const { rejectFile, lateFile, ...counts } = prepared.counts;
        made.push({
          result,
          names,
          counts,
          lost: prepared.lost,
          kept: [rejectFile !== null, lateFile !== null],
        });
      }
      expect(made[1], `run ${i}`).toEqual(made[0]);
      const read = async (history: string): Promise<string> =>
        (await openHistory(duck, { folder: '/', history: localFolder(history) }, view, entity)).sql;
      const folders = ENGINES.map((engine) => join(folder, engine));
      expect(await different(folders, read), `run ${i}`).toEqual([]);
      console.info(`run ${i}: ${made[0]!.result.historyRows} rows`);
      previousCutoffUs = range.cutoffUs;
    }
    await spark.close();
    // One start for all four runs.
    expect(readdirSync(settings.folder)).toEqual([expect.stringMatching(/\.log$/)]);
  },
  LIMIT_MS,
);

/** SQL of one of some values, by the row's number and a salt: the same values again for each seed. */
function oneOf(salt: number, ...values: readonly string[]): string {
  const cases = values.map((value, i) => `WHEN ${i} THEN ${value}`).join(' ');
  return `CASE CAST(hash(range + ${salt * 1_000_003 + SEED}) % ${values.length} AS INTEGER) ${cases} END`;
}

const QUARTERS = Array.from({ length: 40 }, (_, i) => FIRST_US + (i * HOUR_US) / 4);
const timesOf = (salt: number, make: (us: number) => string): string => oneOf(salt, ...QUARTERS.map(make));
const loaded = (salt: number, make: string): string =>
  oneOf(salt, ...QUARTERS.map((us) => `${make}(${us + 2 * HOUR_US})`), 'NULL');

/** Mostly values that fit, so that many rows count that have one of each. */
const mostly = (salt: number, good: readonly string[], ...others: readonly string[]): string =>
  oneOf(salt, ...good, ...good, ...good, ...good, ...others);

/** Events of three writers with types of their own; `note` stands in the path of the second. */
const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'orders/exact': {
    customer_id: mostly(1, ["'a'", "'b'", "'ü\u{10000}'", "''"], 'NULL'),
    ordered_at: timesOf(2, (us) => `make_timestamp(${us})`),
    loaded_at: loaded(3, 'make_timestamptz'),
    total: mostly(
      4,
      ["'-0.0'::DOUBLE", '0.1', '-7.255', '123456.785', '2.5e11'],
      '1e300',
      "'NaN'::DOUBLE",
      'NULL',
    ),
    pieces: mostly(
      5,
      ['7::BIGINT', '-1', '999999999999999999'],
      '4611686018427387904',
      '1000000000000000001',
      'NULL',
    ),
    at: mostly(
      6,
      ['make_timestamptz(-1)', 'make_timestamptz(1767225600000001)'],
      "'infinity'::TIMESTAMPTZ",
      'NULL',
    ),
    weight: mostly(7, ["'-0.0'::FLOAT", '0.1::FLOAT'], "'-Infinity'::FLOAT", 'NULL'),
    note: oneOf(8, "'x'", 'NULL'),
  },
  'orders/note=a+b %2F/others': {
    customer_id: oneOf(11, "'a'", "'c'"),
    ordered_at: timesOf(12, (us) => `make_timestamp_ns(${us}000 + ${us % 7})`),
    loaded_at: loaded(13, 'make_timestamp'),
    total: oneOf(14, '0.10::DECIMAL(12, 2)', '-3.07::DECIMAL(12, 2)', 'NULL'),
    pieces: mostly(15, ['2::DOUBLE', '-3::DOUBLE'], '2.5::DOUBLE', '9007199254740992::DOUBLE'),
    at: oneOf(16, "DATE '2026-01-01'", "DATE '1969-12-31'"),
    weight: mostly(17, ['0.1::DOUBLE'], '1e300::DOUBLE'),
  },
  'orders/narrow': {
    customer_id: oneOf(21, "'b'", "'d'"),
    ordered_at: timesOf(22, (us) => `make_timestamptz(${us})`),
    loaded_at: loaded(23, 'make_timestamp'),
    Total: oneOf(24, '16777217::INTEGER', '-9::INTEGER'),
    pieces: oneOf(25, '12::UTINYINT', '255::UTINYINT', 'NULL'),
  },
};

const [float, whole] = [{ kind: 'float64' }, { kind: 'int64' }] as const;
const { view: spent, entity: customer } = aggregatedView({
  joinKeys: [{ name: 'customer_id', type: 'string' }],
  path: 'data/orders',
  eventTime: 'ordered_at',
  createdTime: 'loaded_at',
  hopUs: HOUR_US,
  latenessUs: 4 * HOUR_US,
  features: [
    { name: 'n', function: 'count', windowUs: 3 * HOUR_US },
    { name: 'notes', function: 'count', column: 'note', windowUs: 3 * HOUR_US },
    { name: 'spent', function: 'sum', column: 'total', columnType: float, windowUs: 3 * HOUR_US, scale: 2 },
    { name: 'spread', function: 'stddev', column: 'total', columnType: float, windowUs: null, scale: 2 },
    {
      name: 'mean',
      function: 'avg',
      column: 'weight',
      columnType: { kind: 'float32' },
      windowUs: 2 * HOUR_US,
    },
    { name: 'most', function: 'sum', column: 'pieces', columnType: whole, windowUs: null },
    { name: 'twice', function: 'max', column: 'double', columnType: whole, windowUs: HOUR_US },
    { name: 'last_at', function: 'last', column: 'at', columnType: { kind: 'timestamp' }, windowUs: null },
    {
      name: 'latest',
      function: 'max',
      column: 'ordered_at',
      columnType: { kind: 'timestamp' },
      windowUs: HOUR_US,
    },
    { name: 'totals', function: 'countDistinct', column: 'total', columnType: float, windowUs: 2 * HOUR_US },
    {
      name: 'ids',
      function: 'lastN',
      column: 'customer_id',
      columnType: { kind: 'string' },
      n: 2,
      windowUs: null,
    },
  ],
});
const written = {
  ...spent,
  source: { ...spent.source, maxAheadUs: 3 * HOUR_US },
  where: 'total IS NULL OR total > -9',
  select: [{ name: 'double', expression: 'pieces * 2' }],
};
const computed: FeatureView = { ...written, definitionId: definitionIdOf(written, customer.joinKeys) };

/** However many rows are left out. */
const ANY = { maxRejectedShare: 1, maxLateShare: 1 };

test(
  `files of several types: the same rows, counts and online store, seed ${SEED}`,
  async () => {
    const made: { readonly by: string; readonly told: object }[] = [];
    const folders: string[] = [];
    for (const engine of ENGINES) {
      const project = await makeProject();
      onTestFinished(() => project.remove());
      const { folder } = project.settings;
      folders.push(folder);
      const spark = await sparkSettingsHere(join(folder, 'of-spark'));
      const here = {
        ...project,
        settings: { ...project.settings, spark, materialize: { ...project.settings.materialize, ...ANY } },
      };
      const bundle = bundleOf(computed, [], [customer]);
      const run = async (hours: number, change: MaterializeOptions): Promise<void> => {
        project.setClock(FIRST_US + hours * HOUR_US);
        const [record] = await runMaterialize(here, bundle, project.database, { ...change, engine });
        const { runId: _, ...told } = record!;
        made.push({ by: engine, told });
      };
      for (const [name, columns] of Object.entries(FILES)) {
        mkdirSync(join(folder, 'data', name, '..'), { recursive: true });
        const select = Object.entries(columns).map(([column, sql]) => `${sql} AS ${column}`);
        await project.writeParquet(name, `SELECT ${select.join(', ')} FROM range(600)`);
      }
      await run(6, {});
      await run(9, {});
      await run(10, { kind: 'backfill', features: ['spent', 'ids'], fromUs: FIRST_US + 2 * HOUR_US });
      await run(13, { kind: 'backfill' });
      if (engine === 'spark') console.info(project.said.join('\n'));
    }
    const [alone, other] = ENGINES.map((name) =>
      made.filter(({ by }) => by === name).map(({ told }) => told),
    );
    expect(other).toEqual(alone);
    const read = async (folder: string): Promise<string> => {
      const { sql } = await openHistory(duck, loadSettings(folder, {}, {}), computed, customer);
      return `SELECT * EXCLUDE (run_id) FROM (${sql})`;
    };
    expect(await different(folders, read)).toEqual([]);
  },
  LIMIT_MS,
);
