/** A source that is a whole snapshot each time (`absent: delete`): who it lacks has no row, online and in training. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { decodeRowValues } from '../../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES, readHeader } from '../../../contract/wire/online/row-header.ts';
import { dryRun } from '../../../materializer/dry-run.ts';
import { runJob, runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { runTrain } from '../../../training/train.ts';
import {
  bundleOf,
  driverStats,
  feature,
  HOUR_US,
  makeProject,
  serviceOf,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject({ 'materialize.maxRejectedShare': '1' });
});
afterEach(() => project.remove());

const at = (hours: number): number => START_US + hours * HOUR_US;
const whole = (change: Partial<FeatureView> = {}): FeatureView =>
  driverStats({
    kind: 'snapshot',
    source: { ...driverStats().source, createdTime: null },
    features: [feature('trips', 'int64', { missing: -1n })],
    ...change,
  });

async function run(view: FeatureView, hour: number, options: MaterializeOptions = {}): Promise<RunRecord> {
  project.setClock(at(hour));
  const [record] = await runMaterialize(project, bundleOf(view), project.database, options);
  return record!;
}

/** [driver, event hour, trips] */
async function snapshot(...rows: (readonly [number, number, number | string])[]): Promise<void> {
  const selects = rows.map(
    ([id, hour, trips]) =>
      `SELECT ${id}::BIGINT AS driver_id, make_timestamp(${at(hour)}) AS event_timestamp, '${trips}' AS trips`,
  );
  await project.writeParquet('drivers', selects.join(' UNION ALL '));
}

/** `event hour: trips` online by driver. */
function online(view: FeatureView): Record<string, string> {
  const store = new DatabaseSync(project.settings.online.url);
  const rows = store.prepare('SELECT key, row FROM entity_row ORDER BY key').all() as {
    key: string;
    row: Uint8Array;
  }[];
  store.close();
  return Object.fromEntries(
    rows.map(({ key, row }) => {
      const bytes = Buffer.from(row);
      const hour = (readHeader(bytes)!.eventUs - START_US) / HOUR_US;
      const trips = bytes.length === HEADER_BYTES ? 'none' : String(decodeRowValues(view, bytes)[0]);
      return [key.slice(-1), `${hour}: ${trips}`];
    }),
  );
}

test('rows that are new or changed come into the history, and a tombstone for who is missing', async () => {
  const view = whole();
  await snapshot([1, 0, 10], [2, 0, 20], [3, 0, 30]);
  expect(await run(view, 1)).toMatchObject({ read: 3, counted: 3, historyRows: 3, written: 3 });
  await snapshot([1, 0, 10], [2, 1.5, 21]);
  project.setClock(at(2));
  const job = runJob(project, bundleOf(view), project.database, {});
  expect(await dryRun(job, view)).toMatchObject({ historyRows: 2, entities: 2 });
  expect(await run(view, 2)).toMatchObject({ historyRows: 2, written: 2 });
  expect(online(view)).toEqual({ 1: '0: 10', 2: '1.5: 21', 3: '2: none' });
  expect(await run(view, 3)).toMatchObject({ historyRows: 0, written: 0 });
  // Back with the row of before, which its tombstone would hide.
  await snapshot([1, 0, 10], [2, 1.5, 21], [3, 0, 30]);
  expect(await run(view, 4)).toMatchObject({ historyRows: 1 });
  expect(online(view)).toEqual({ 1: '0: 10', 2: '1.5: 21', 3: '4: 30' });
  expect(await run(view, 5)).toMatchObject({ historyRows: 0 });
});

test('other values of the same or an earlier time are the newest', async () => {
  const view = whole();
  await snapshot([1, 0.5, 10], [2, 0.5, 20]);
  await run(view, 1);
  await snapshot([1, 0.5, 11], [2, 0.25, 21]);
  expect(await run(view, 2)).toMatchObject({ historyRows: 2, written: 2 });
  expect(online(view)).toEqual({ 1: '0.5: 11', 2: '2: 21' });
  expect(await run(view, 3)).toMatchObject({ historyRows: 0 });
});

test('who has a bad row, or one that is not due, is not missing; whom `where` excludes is', async () => {
  const view = whole({ where: "trips <> 'closed'" });
  await snapshot([1, 0, 10], [2, 0, 20], [3, 0, 30]);
  await run(view, 1);
  await snapshot([1, 0, 'many'], [2, 9, 21], [3, 0, 'closed']);
  expect(await run(view, 2)).toMatchObject({ historyRows: 1, rejected: 1, waiting: 1, excluded: 1 });
  expect(online(view)).toEqual({ 1: '0: 10', 2: '0: 20', 3: '2: none' });
});

test('a snapshot that lacks most entities is refused, and so is a part of one', async () => {
  const view = whole();
  await snapshot([1, 0, 10], [2, 0, 20], [3, 0, 30]);
  await run(view, 1);
  await snapshot([1, 0, 10]);
  await expect(run(view, 2)).rejects.toMatchObject({
    code: 'MAT_ABSENT',
    message: expect.stringContaining('2 of 3 entities of driver_stats') as string,
  });
  expect(online(view)).toEqual({ 1: '0: 10', 2: '0: 20', 3: '0: 30' });
  await expect(run(view, 2, { fromUs: at(0) })).rejects.toMatchObject({ code: 'MAT_RANGE' });
});

test('training and the store agree on whom a snapshot took out', async () => {
  const view = whole();
  const services = new Map([['rank', serviceOf('rank', [view])]]);
  publishBundle(project.settings.bundles, { ...bundleOf(view), services });
  await snapshot([1, 0, 10], [2, 0, 20]);
  await run(view, 1);
  await snapshot([1, 0, 10]);
  await run(view, 2);
  const path = (name: string): string => join(project.settings.folder, name);
  const labels = [0.5, 1.5, 2.5].map((hour) => `2,${new Date(at(hour) / 1_000).toISOString()}`);
  writeFileSync(path('labels.csv'), `driver_id,event_timestamp\n${labels.join('\n')}\n`);
  const of = async (as: 'trained' | 'available'): Promise<string[]> => {
    await runTrain(project, { labels: path('labels.csv'), service: 'rank', out: path('out.csv'), as });
    const lines = readFileSync(path('out.csv'), 'utf8').trim().split('\n').slice(1);
    return lines.map((line) => line.split(',').at(-1)!);
  };
  expect(await of('trained')).toEqual(['20', '20', '-1']);
  expect(await of('available')).toEqual(['-1', '20', '-1']);
});
