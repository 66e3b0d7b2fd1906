/** A dry run changes nothing at all: what others staged, records of dead runs, the folder and the registry stay. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { dryRuns } from '../../../materializer/main.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { lockView } from '../../../materializer/run/view-lock.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

const at = (hours: number): number => START_US + hours * HOUR_US;
const views = [orders(), driverStats()];

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
  const events = (hour: number): string => `SELECT 'c' || range AS customer_id, make_timestamp(${at(hour)}) AS
    ordered_at, make_timestamp(${at(hour)}) AS loaded_at, 1.0::DOUBLE AS total FROM range(5)`;
  await project.writeParquet('orders1', events(0.5));
  await project.writeParquet(
    'drivers',
    `SELECT range AS driver_id, make_timestamp(${at(0)}) AS event_timestamp, make_timestamp(${at(0)}) AS created,
       0.5::DOUBLE AS conv_rate, 3::BIGINT AS trips, ['a'] AS tags FROM range(3)`,
  );
  const [first, second] = views.map((view) => bundleOf(view)) as [Bundle, Bundle];
  const schemas = new Map([...first.schemas, ...second.schemas]);
  const bundle = { ...first, views: new Map(views.map((view) => [view.id, view])), schemas };
  publishBundle(project.settings.bundles, bundle);
  project.setClock(at(2));
  await runMaterialize(project, bundle, project.database);
  await project.writeParquet('orders2', events(2.5));
  project.setClock(at(4));
});
afterEach(() => project.remove());

/** @returns every name below the project's folder but those of temporary files; of files what is in them, and when */
function everything(): string[] {
  const folder = join(project.settings.history.path, '../..');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  return names
    .filter((name) => !name.startsWith('.plumb/temp'))
    .map((name) => {
      const found = statSync(join(folder, name));
      // SQLite makes and removes files beside its own: the time of a folder says nothing.
      if (!found.isFile()) return name;
      const hash = createHash('sha256').update(readFileSync(join(folder, name)));
      return `${name} ${found.size} ${found.mtimeMs} ${hash.digest('hex')}`;
    });
}

test('nothing below the project has changed: not what others staged, nor the record of a dead run', async () => {
  const { history } = project.settings;
  const [done] = (await project.database.runs({ view: 'orders' })) as [RunRecord];
  await project.database.startRun({ ...done, runId: 'dead', state: 'running', finishedUs: null });
  const staged = join(history.path, '_staged/orders/v1/elsewhere/rows');
  mkdirSync(staged, { recursive: true });
  writeFileSync(join(staged, 'bucket.parquet'), 'rows of a run on another machine');
  await project.database.close();
  const before = everything();
  expect(before.length).toBeGreaterThan(10);
  const found = await dryRuns(project, {});
  expect(found).toMatchObject([
    { view: 'orders', historyRows: 5 },
    { view: 'driver_stats', entities: 0 },
  ]);
  const all = await dryRuns(project, { full: true });
  expect(all).toMatchObject([{ entities: 5 }, { view: 'driver_stats', entities: 3 }]);
  expect(everything()).toEqual(before);
});

test('where there is no registry, none is made', async () => {
  await project.database.close();
  const registry = { kind: 'sqlite' as const, url: join(project.settings.folder, 'other/registry.db') };
  const found = await dryRuns({ ...project, settings: { ...project.settings, registry } }, { full: true });
  expect(found).toMatchObject([{ entities: 5 }, { entities: 3 }]);
  expect(existsSync(join(registry.url, '..'))).toBe(false);
});

test('a view that a run holds, here or elsewhere, is busy for a dry run, too', async () => {
  const [view] = views;
  const lock = lockView(project.settings.history.path, view!);
  await expect(dryRuns(project, {})).rejects.toMatchObject({ code: 'MAT_BUSY' });
  lock.release();
  expect(await dryRuns(project, {})).toHaveLength(2);
  const nowMs = Date.now();
  const elsewhere = { holder: 'elsewhere x', nowMs, untilMs: nowMs + 60_000, over: 'x' };
  await project.database.leases.take('driver_stats', elsewhere);
  await expect(dryRuns(project, {})).rejects.toMatchObject({
    code: 'MAT_BUSY',
    message: expect.stringMatching(/^another run of driver_stats is under way on elsewhere/),
  });
});
