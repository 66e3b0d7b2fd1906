/** `plumb train --cap-to-warm`: the labels from before a feature was online with its full window are left out. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { Bundle, FeatureView } from '../../../contract/model.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { trainAgain } from '../../../training/again.ts';
import { manifestNamed } from '../../../training/manifest/shown-manifest.ts';
import { runTrain } from '../../../training/train.ts';
import type { TrainOptions } from '../../../training/train-options.ts';
import {
  bundleOf,
  customer,
  feature,
  HOUR_US,
  makeProject,
  orders,
  serviceOf,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { clickView, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
  await project.writeParquet(
    'orders',
    `SELECT 'a' AS customer_id, make_timestamp(${at(0)} + range * ${HOUR_US}) AS ordered_at,
       make_timestamp(${at(0)} + range * ${HOUR_US}) AS loaded_at, 1.0::DOUBLE AS total FROM range(60)`,
  );
});
afterEach(() => project.remove());

const at = (hours: number): number => START_US + hours * HOUR_US;
const path = (name: string): string => join(project.settings.folder, name);

/** A service of both features of `orders`, of which each has a window of a day from the start on. */
function publish(view: FeatureView, before: readonly FeatureView[] = []): Bundle {
  const all = [...before, view];
  return publishBundle(project.settings.bundles, {
    ...bundleOf(view),
    services: new Map([['spending', serviceOf('spending', [view])]]),
    schemas: new Map([[view.id, all.map((one) => rowSchemaOf(one, customer))]]),
  });
}

async function run(bundle: Bundle, hours: number): Promise<void> {
  project.setClock(at(hours));
  await runMaterialize(project, bundle, project.database);
}

/** One label an hour, named by it, the last of them without a time. */
function labels(...hours: number[]): string {
  const time = (hour: number): string => new Date(at(hour) / 1_000).toISOString();
  const lines = hours.map((hour) => `a,${time(hour)},"hour ${hour}"`);
  writeFileSync(path('labels.csv'), ['customer_id,event_timestamp,note', ...lines, 'a,,none'].join('\r\n'));
  return path('labels.csv');
}

const train = (options: Partial<TrainOptions> & Pick<TrainOptions, 'labels'>) =>
  runTrain(project, { service: 'spending', out: path('out.csv'), capToWarm: true, ...options });
const notes = (): string[] =>
  [...readFileSync(path('out.csv'), 'utf8').matchAll(/hour \d+|none/g)].map(String);

const view = orders({ startUs: START_US });

test('labels from before the first run that was complete past a full window', async () => {
  const bundle = publish(view);
  const early = labels(10, 23, 26, 29, 30, 31);
  const cold = { code: 'TRAIN_COLD', kind: 'not-enough-data' };
  await expect(train({ labels: early })).rejects.toMatchObject({
    ...cold,
    message: expect.stringContaining('orders__orders_1d is not warm online yet: orders was never run'),
  });
  await run(bundle, 10);
  await expect(train({ labels: early })).rejects.toMatchObject({
    ...cold,
    message: expect.stringContaining('its window is full from 2026-01-02T00:00:00.000000Z'),
  });
  await run(bundle, 30);
  await run(bundle, 40);
  const result = await train({ labels: early, name: 'capped' });
  expect(result.rows).toBe(3);
  expect(notes()).toEqual(['hour 30', 'hour 31', 'none']);
  expect(result.notes[0]).toBe(
    '4 labels from before 2026-01-02T06:00:00.000000Z are left out: orders__orders_1d was not warm online until then.',
  );
  // Kept records are their own bytes, line ends with them.
  const bytes = readFileSync(path('out.csv'), 'utf8');
  expect(bytes).toBe(
    'customer_id,event_timestamp,note,orders__orders_1d,orders__spent_1d\r\n' +
      'a,2026-01-02T06:00:00.000Z,"hour 30",24,24.0\r\na,2026-01-02T07:00:00.000Z,"hour 31",24,24.0\r\na,,none,,',
  );
  const manifest = await manifestNamed(project.database, 'capped');
  expect(manifest).toMatchObject({
    cap: { sinceUs: at(30), feature: 'orders__orders_1d', leftOut: 4 },
    labels: { rows: 7, file: early },
    out: { rows: 3 },
  });
  // Made again it leaves out the same, whatever the runs say since.
  await run(publish(orders({ startUs: START_US, hopUs: HOUR_US / 2 }), [view]), 50);
  await trainAgain(project, { again: 'capped', out: path('again.csv') });
  expect(readFileSync(path('again.csv'), 'utf8')).toBe(bytes);
});

test('a feature that the view gains makes no other one cold', async () => {
  const [count, sum] = view.features;
  const narrow = orders({ startUs: START_US, features: [count!] });
  await run(publish(narrow), 30);
  const both = publish(view, [narrow]);
  await run(both, 40);
  const of = (features: readonly string[]) => {
    const service = serviceOf('spending', [
      { ...view, features: view.features.filter(({ name }) => features.includes(name)) },
    ]);
    publishBundle(project.settings.bundles, { ...both, services: new Map([['spending', service]]) });
  };
  of([count!.name]);
  expect((await train({ labels: labels(29, 31, 41) })).rows).toBe(3);
  of([count!.name, sum!.name]);
  expect((await train({ labels: labels(29, 31, 41) })).rows).toBe(2);
  // Nothing is warm since its logic is another one.
  const other = feature(count!.name, 'int64', {
    aggregation: { ...count!.aggregation!, windowUs: 2 * HOUR_US },
  });
  const changed = orders({ startUs: START_US, features: [other, sum!] });
  publish(changed, [narrow, view]);
  await expect(train({ labels: labels(41) })).rejects.toMatchObject({
    message: expect.stringContaining('no run since its definition changed has brought orders up to date'),
  });
});

test('labels in Parquet, and a set to which none is left', async () => {
  const bundle = publish(view);
  await run(bundle, 30);
  const duck = await DuckDb.open();
  await duck.run(
    `COPY (SELECT 'a' AS customer_id, make_timestamp(${at(0)} + range * ${HOUR_US}) AS event_timestamp,
       range::UTINYINT AS n, [range] AS list, uuid() AS id FROM range(40)) TO '${path('labels.parquet')}'
       (FORMAT parquet, ROW_GROUP_SIZE 16)`,
  );
  const given = { labels: path('labels.parquet'), out: path('out.parquet') };
  expect((await train(given)).rows).toBe(10);
  const same = `SELECT (SELECT count(*) FROM (SELECT customer_id, event_timestamp, n, list, id FROM '${path('out.parquet')}'
    INTERSECT SELECT * FROM '${path('labels.parquet')}')) AS same, typeof(n) AS type, min(n) AS first
    FROM '${path('out.parquet')}' GROUP BY ALL ORDER BY first LIMIT 1`;
  expect(await duck.rows(same)).toMatchObject([{ same: 10n, type: 'UTINYINT', first: 30 }]);
  await duck.run(
    `COPY (SELECT * FROM '${path('labels.parquet')}' WHERE n < 30) TO '${path('early.parquet')}'`,
  );
  duck.close();
  await expect(train({ labels: path('early.parquet'), out: path('none.parquet') })).rejects.toMatchObject({
    code: 'TRAIN_COLD',
    message: expect.stringContaining('all 30 labels are from before 2026-01-02T06:00:00.000000Z'),
  });
  expect(existsSync(path('none.parquet'))).toBe(false);
});

test('over a stream the time at which its first commit was written', async () => {
  const streamed = await makeStreamed();
  onTestFinished(() => streamed.remove());
  const {
    view: clicks,
    entity,
    bundle,
  } = clickView(HOUR_US, [{ name: 'clicks_30s', function: 'count', windowUs: 3 * HOP_US }]);
  const plain = serviceOf('clicking', []);
  const service = {
    ...plain,
    features: [
      { fullName: 'user_clicks__clicks_30s', view: clicks.id, role: clicks.id, feature: 'clicks_30s' },
    ],
    views: [{ role: clicks.id, view: clicks.id, requestKeys: ['user_id'] }],
    requestKeys: entity.joinKeys,
  };
  const { bundles, folder } = streamed.settings;
  const published = publishBundle(bundles, { ...bundle, services: new Map([[service.name, service]]) });
  const second = 1_000_000;
  for (const seconds of [1_000, 2_000]) {
    const us = START_US + seconds * second;
    const click = { user_id: 'u', at: us - 200 * second, page: 'p', price: 1, id: `c${seconds}` };
    streamed.writeMessages(`${seconds}.jsonl`, [JSON.stringify(click)], us - 10 * second);
    streamed.setClock(us);
    await streamed.drain(published);
  }
  const time = (seconds: number): string => new Date((START_US + seconds * second) / 1_000).toISOString();
  writeFileSync(
    join(folder, 'labels.csv'),
    `user_id,event_timestamp\nu,${time(999)}\nu,${time(1_000)}\nu,${time(1_500)}\n`,
  );
  const result = await runTrain(streamed, {
    labels: join(folder, 'labels.csv'),
    out: join(folder, 'set.csv'),
    service: 'clicking',
    capToWarm: true,
  });
  expect(result.rows).toBe(2);
  expect(await manifestNamed(streamed.database, 'set.csv')).toMatchObject({
    cap: { sinceUs: START_US + 1_000 * second, feature: 'user_clicks__clicks_30s', leftOut: 1 },
  });
});

test('the log needs no cap', async () => {
  publish(view);
  await expect(train({ labels: labels(1), fromLog: true })).rejects.toMatchObject({ code: 'REG_USAGE' });
});
