/** `plumb materialize wait`: met by runs of the definition in force and by what the online store vouches for, both. */
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle, FeatureView } from '../../../contract/model.ts';
import { waitForService } from '../../../materializer/gates/wait-gate.ts';
import type { WaitGate } from '../../../materializer/gates/wait-gate.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  orders,
  serviceOf,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { clickView, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import { plumb } from '../../support/processes/plumb-process.ts';

const at = (hours: number): number => START_US + hours * HOUR_US;

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
  await project.writeParquet(
    'orders',
    `SELECT 'a' AS customer_id, make_timestamp(${at(0.5)}) AS ordered_at, make_timestamp(${at(0.5)}) AS loaded_at,
       1.0::DOUBLE AS total`,
  );
  await project.writeParquet(
    'drivers',
    `SELECT 1::BIGINT AS driver_id, make_timestamp(${at(0)}) AS event_timestamp, make_timestamp(${at(0)}) AS created,
       0.5::DOUBLE AS conv_rate, 3::BIGINT AS trips, ['a'] AS tags`,
  );
});
afterEach(() => project.remove());

function publish(view: FeatureView, earlier: readonly FeatureView[] = []): Bundle {
  const [one, other] = [bundleOf(view, earlier), bundleOf(driverStats())];
  const views = [view, driverStats()];
  const bundle = {
    ...one,
    views: new Map(views.map((each) => [each.id, each])),
    schemas: new Map([...one.schemas, ...other.schemas]),
    services: new Map([['rank', serviceOf('rank', views)]]),
  };
  publishBundle(project.settings.bundles, bundle);
  return bundle;
}

function wait(asOfUs: number, timeoutUs = 0, signal = new AbortController().signal): Promise<WaitGate> {
  return waitForService(project, project.database, { service: 'rank', asOfUs, timeoutUs, signal });
}

const reasons = ({ views }: WaitGate): (string | null)[] => views.map(({ reason }) => reason);

test('is met when every view is complete past the time, by its runs and online', async () => {
  const bundle = publish(orders());
  project.setClock(at(2.5));
  expect(reasons(await wait(at(1)))).toEqual(['was never run to its end', 'was never run to its end']);
  await runMaterialize(project, bundle, project.database, { views: ['orders'] });
  const half = await wait(at(2));
  expect(half).toMatchObject({ met: false, views: [{ view: 'orders', met: true }, { met: false }] });
  await runMaterialize(project, bundle, project.database, { views: ['driver_stats'] });
  expect(await wait(at(2))).toMatchObject({ met: true });
  // The edge of 02:00 says nothing about an event of 02:15; a stored view is complete up to its run.
  const behind = await wait(at(2.25));
  expect(reasons(behind)).toEqual(['is complete up to 2026-01-01T02:00:00Z only', null]);
});

test('is not met by rows of a definition that is replaced, nor by a store that lost them', async () => {
  const first = orders();
  const bundle = publish(first);
  project.setClock(at(2));
  await runMaterialize(project, bundle, project.database);
  expect((await wait(at(2))).met).toBe(true);
  const store = new DatabaseSync(project.settings.online.url);
  store.exec(`UPDATE marker SET watermark_us = ${at(1)} WHERE view = 'orders'`);
  expect(reasons(await wait(at(2)))).toEqual([
    'is vouched for in the online store up to 2026-01-01T01:00:00Z only',
    null,
  ]);
  store.exec("DELETE FROM marker WHERE view = 'orders'");
  store.close();
  expect(reasons(await wait(at(2)))).toEqual(['lacks a marker in the online store', null]);
  const second = orders({ features: first.features.slice(0, 1) });
  const changed = publish(second, [first]);
  expect(reasons(await wait(at(2)))).toEqual(['was not yet run with the definition in force', null]);
  project.setClock(at(2) + 1);
  await runMaterialize(project, changed, project.database);
  expect((await wait(at(2))).met).toBe(true);
});

test('waits for runs, tells of one that failed, and ends with its time or when told', async () => {
  const bundle = publish(orders());
  project.setClock(at(2));
  const waiting = wait(at(2), 60_000_000);
  await runMaterialize(project, bundle, project.database);
  expect((await waiting).met).toBe(true);
  project.setClock(at(3));
  await project.writeParquet('orders', 'SELECT 1 AS other');
  await expect(runMaterialize(project, bundle, project.database)).rejects.toThrow('orders');
  const [reason] = reasons(await wait(at(3), 100_000));
  expect(reason).toMatch(/^is complete up to 2026-01-01T02:00:00Z only; its last run failed: .*customer_id/);
  expect(project.said.filter((line) => line.startsWith('rank waits: '))).not.toEqual([]);
  const stop = new AbortController();
  const stopped = wait(at(3), 3_600_000_000, stop.signal);
  stop.abort('SIGTERM');
  expect((await stopped).met).toBe(false);
});

test('as a command: exit codes, JSON, and options that do not fit', async () => {
  const bundle = publish(orders());
  project.setClock(at(2));
  await runMaterialize(project, bundle, project.database);
  const run = (...args: string[]) => plumb(['-C', project.settings.folder, 'materialize', 'wait', ...args]);
  const [past, behind, odd, unknown] = await Promise.all([
    run('--service', 'rank', '--as-of', '2026-01-01T02:00:00Z'),
    run('--service', 'rank', '--as-of', '2026-01-01T02:00:01Z', '--timeout', '0s', '--json'),
    run('--service', 'rank', '--as-of', '2026-01-01', '--timeout', 'long'),
    run('--service', 'ranks', '--as-of', '2026-01-01'),
  ]);
  expect(past).toMatchObject({ code: 0, stdout: expect.stringContaining('rank is materialized past') });
  expect(behind.code).toBe(1);
  expect(JSON.parse(behind.stdout)).toMatchObject({
    met: false,
    views: [{ view: 'orders', met: false, watermark: '2026-01-01T02:00:00.000000Z' }, { met: false }],
  });
  expect(odd).toMatchObject({ code: 2, stderr: expect.stringContaining('expected a duration such as 10m') });
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no service ranks') });
});

test("a stream's view is as far as its stream has committed and the store vouches for", async () => {
  const streamed = await makeStreamed();
  onTestFinished(() => streamed.remove());
  const { view, bundle, entity } = clickView(60_000_000);
  const pages = view.features.find(({ name }) => name === 'pages');
  const service = {
    ...serviceOf('clicks', []),
    features: [{ fullName: 'user_clicks__pages', view: view.id, role: view.id, feature: pages!.name }],
    views: [{ role: view.id, view: view.id, requestKeys: ['user_id'] }],
    requestKeys: entity.joinKeys,
  };
  publishBundle(streamed.settings.bundles, { ...bundle, services: new Map([['clicks', service]]) });
  const options = { service: 'clicks', timeoutUs: 0, signal: new AbortController().signal };
  const ask = (asOfUs: number): Promise<WaitGate> =>
    waitForService(streamed, streamed.database, { ...options, asOfUs });
  expect(reasons(await ask(START_US))).toEqual(['was never run to its end']);
  const click = { user_id: 'a', at: START_US + 35_000_000, page: 'p', price: 1, id: 'i' };
  streamed.writeMessages('1.jsonl', [JSON.stringify(click)], START_US + 36_000_000);
  streamed.setClock(START_US + 40_000_000);
  await streamed.drain(bundle);
  // The newest event less 5 s, down to the hop.
  expect(await ask(START_US + 30_000_000)).toMatchObject({ met: true });
  expect(reasons(await ask(START_US + 40_000_000))).toEqual(['is complete up to 2026-01-01T00:00:30Z only']);
});
