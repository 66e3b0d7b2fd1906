/** What counts in an aggregated view, over whole runs: the horizon, the lateness, and what is said of the rest. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dryRun } from '../../../materializer/dry-run.ts';
import { runJob, runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import type { FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import {
  bundleOf,
  customer,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const DAY_US = 24 * HOUR_US;
const at = (hours: number): number => START_US + hours * HOUR_US;
/** Lateness of a day, lifetime count: an event that counts is never forgotten. */
const LIFETIME = { windowUs: null };
const lifetime = (latenessUs: number): FeatureView => {
  const base = orders();
  const features = base.features.map((f) => ({ ...f, aggregation: { ...f.aggregation!, ...LIFETIME } }));
  return orders({ latenessUs, features });
};
const view = lifetime(DAY_US);

async function run(of: FeatureView = view, options: MaterializeOptions = {}): Promise<RunRecord> {
  const [record] = await runMaterialize(project, bundleOf(of), project.database, options);
  return record!;
}

/** `rows` orders of customer a, an hour apart from `event` on, all loaded at `created`; hours after the start. */
async function load(name: string, event: number, created: number, rows: number): Promise<void> {
  await project.writeParquet(
    name,
    `SELECT 'a' AS customer_id, make_timestamp(${at(event)} + range * ${HOUR_US}) AS ordered_at,
       make_timestamp(${at(created)}) AS loaded_at, 1.0::DOUBLE AS total FROM range(${rows})`,
  );
}

/** How many orders of customer a the newest row of the history counts. */
async function counted(of: FeatureView = view): Promise<number> {
  const duck = await DuckDb.open();
  const { folder, history } = project.settings;
  const { sql } = await openHistory(duck, { folder, history }, of, customer);
  const rows = await duck.rows(
    `SELECT orders_1d FROM (${sql}) ORDER BY event_time DESC, created_time DESC LIMIT 1`,
  );
  duck.close();
  return Number(rows[0]?.['orders_1d'] ?? 0);
}

test('a bulk load before the first run counts, however old its events are', async () => {
  await load('orders', -9_000, 0, 9_000);
  project.setClock(at(1));
  const record = await run();
  expect(record).toMatchObject({ read: 9_000, counted: 9_000, lateEvents: 0, horizonUs: at(1) });
  expect(await counted()).toBe(9_000);
  // What was created after that is judged by the lateness, and the horizon stays where it was.
  await load('orders2', 1, 2, 10);
  project.setClock(at(12));
  expect(await run()).toMatchObject({ read: 10, counted: 10, horizonUs: at(1) });
  expect(await counted()).toBe(9_010);
});

test('a load that comes too late fails the run, which names the lateness that would do', async () => {
  await load('orders', 0, 1, 1);
  project.setClock(at(1));
  await run();
  // Yesterday's partition, loaded at 13:15: the events before 13:15 of yesterday are later than a day.
  await load('orders2', 24, 61.25, 24);
  project.setClock(at(61.5));
  await expect(run()).rejects.toMatchObject({
    code: 'MAT_TOO_LATE',
    message: expect.stringMatching(
      /^14 of 24 new events of orders came later than its lateness of 1d and are left out; lateness: 1d14h would take them, and materialize.maxLateShare allows 5 %: see .*late\.parquet$/,
    ),
  });
  expect(await counted()).toBe(1);
  const [kept] = await lateRows();
  expect(kept).toEqual({ rows: 14n, least: BigInt(24.25 * HOUR_US), most: BigInt(37.25 * HOUR_US) });
  // With that lateness the next ordinary run takes them all.
  expect(await run(lifetime(38 * HOUR_US))).toMatchObject({ lateEvents: 0, horizonUs: at(1) });
  expect(await counted()).toBe(25);
});

async function lateRows() {
  const duck = await DuckDb.open();
  const rows = await duck.rows(`SELECT count(*) AS rows, min(lateness_needed_us) AS least,
    max(lateness_needed_us) AS most FROM '${project.settings.work}/_rejected/orders/v1/*.late.parquet'
    WHERE reject_reason = 'too late'`);
  duck.close();
  return rows;
}

test('--full takes all there is and moves the horizon there; a new definition does not', async () => {
  await load('orders', 0, 1, 1);
  project.setClock(at(1));
  await run();
  await load('orders2', 0, 61, 10);
  project.setClock(at(62));
  await expect(run()).rejects.toMatchObject({ code: 'MAT_TOO_LATE' });
  expect(await run(view, { full: true })).toMatchObject({ lateEvents: 0, horizonUs: at(62) });
  expect(await counted()).toBe(11);
  const grown = orders({
    latenessUs: DAY_US,
    features: [...view.features, { ...view.features[0]!, name: 'again' }],
  });
  project.setClock(at(80));
  expect(await run(grown)).toMatchObject({ lateEvents: 0, horizonUs: at(62) });
  expect(await counted(grown)).toBe(11);
});

test('below the share late events are warned of in every run that leaves some out', async () => {
  await load('orders', 0, 1, 1);
  project.setClock(at(1));
  await run();
  await load('orders2', 20, 61, 39);
  await load('orders3', 0, 61, 1);
  project.setClock(at(62));
  project.said.length = 0;
  const lenient = {
    ...project,
    settings: { ...project.settings, materialize: { ...project.settings.materialize, maxLateShare: 0.5 } },
  };
  const [record] = await runMaterialize(lenient, bundleOf(view), project.database);
  expect(record).toMatchObject({ read: 40, counted: 22, lateEvents: 18, latenessNeededUs: 61 * HOUR_US });
  expect(project.said[0]).toMatch(
    /^18 of 40 new events of orders came later .* lateness: 2d13h would take them: see /,
  );
  expect(project.said.at(-1)).toContain('18 events too late (lateness: 2d13h)');
});

test('an event of the future waits for its edge; every event read is accounted for', async () => {
  await load('orders', 0, 0.5, 4);
  await project.writeParquet(
    'orders2',
    `SELECT NULL::VARCHAR AS customer_id, make_timestamp(${at(0)}) AS ordered_at,
       make_timestamp(${at(0.5)}) AS loaded_at, 1.0::DOUBLE AS total FROM range(2)`,
  );
  project.setClock(at(2.5));
  const lenient = {
    ...project,
    settings: { ...project.settings, materialize: { ...project.settings.materialize, maxRejectedShare: 1 } },
  };
  const [record] = await runMaterialize(lenient, bundleOf(view), project.database);
  expect(record).toMatchObject({
    read: 6,
    counted: 2,
    waiting: 2,
    rejected: 2,
    rejectReasons: { 'customer_id is null': 2 },
    newestEventUs: at(2),
    newestCreatedUs: at(0.5),
    watermarkUs: at(2),
  });
  expect(project.said.at(-1)).toContain('2 waiting for their time, 2 rejected: 2 customer_id is null');
  project.setClock(at(4));
  expect(await run()).toMatchObject({ read: 0, newestEventUs: at(2) });
  expect(await counted()).toBe(4);
});

test('a full run that died owes its work: the next run does it, under a horizon of its own', async () => {
  await load('orders', 0, 1, 1);
  project.setClock(at(1));
  const first = await run();
  await load('orders2', 0, 61, 10);
  project.setClock(at(62));
  const died: RunRecord = { ...first, runId: 'died', startedUs: at(61.5), horizonUs: at(61.5) };
  await project.database.startRun({ ...died, state: 'running', finishedUs: null });
  expect(await run()).toMatchObject({ lateEvents: 0, horizonUs: at(62) });
  expect(await counted()).toBe(11);
});

test('a source that stopped is warned of in every run, with the time since when', async () => {
  await load('orders', 0, 0.5, 1);
  project.setClock(at(2));
  await run();
  expect(project.said.join('\n')).not.toContain('sourceFreshness');
  project.setClock(at(4.5));
  expect(await run()).toMatchObject({ read: 0, newestEventUs: at(0), newestCreatedUs: at(0.5) });
  expect(project.said).toContain(
    'orders: its source data/orders*.parquet has had no event since 2026-01-01T00:00:00.000000Z; its ' +
      'sourceFreshness is 4h; its windows run empty and are served as such',
  );
});

test('a dry run says what would be written, and changes nothing', async () => {
  await load('orders', 0, 0.5, 4);
  await project.writeParquet(
    'orders2',
    `SELECT NULL::VARCHAR AS customer_id, make_timestamp(${at(0)}) AS ordered_at,
       make_timestamp(${at(0.5)}) AS loaded_at, 1.0::DOUBLE AS total`,
  );
  project.setClock(at(2.5));
  const bundle = bundleOf(view);
  const { settings } = project;
  const lenient = {
    ...project,
    settings: { ...settings, materialize: { ...settings.materialize, maxRejectedShare: 0.5 } },
  };
  const found = await dryRun(runJob(lenient, bundle, project.database, {}), view);
  const {
    watermarkUs,
    historyRows,
    written,
    read,
    counted: some,
    waiting,
    rejected,
  } = await (async () => {
    expect(existsSync(settings.online.url) || existsSync(settings.history.path)).toBe(false);
    expect(await project.database.runs()).toEqual([]);
    const [record] = await runMaterialize(lenient, bundle, project.database);
    return record!;
  })();
  expect(found).toMatchObject({
    watermarkUs,
    historyRows,
    entities: written,
    read,
    counted: some,
    waiting,
    rejected,
  });
  expect(found).toMatchObject({ historyRows: 2, entities: 1, read: 5, counted: 2, waiting: 2, rejected: 1 });
  // What would fail the run fails the dry run.
  await expect(dryRun(runJob(project, bundle, project.database, { full: true }), view)).rejects.toMatchObject(
    {
      code: 'MAT_REJECTED',
      message:
        '1 of 5 rows of orders were rejected (1 customer_id is null), and materialize.maxRejectedShare allows 1 %',
    },
  );
});
