/** Events that are taken back: an entity without any has no row, in the history, online and in training. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { runTrain } from '../../../training/train.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import type { FeatureService, FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { HEADER_BYTES } from '../../../contract/wire/online/row-header.ts';
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

const at = (hours: number): number => START_US + hours * HOUR_US;
const uncreated: FeatureView = orders({ source: { ...orders().source, createdTime: null } });

async function run(view: FeatureView, options: MaterializeOptions = {}): Promise<RunRecord> {
  const [record] = await runMaterialize(project, bundleOf(view), project.database, options);
  return record!;
}

/** One order each: [customer, hour], loaded at once. */
async function writeOrders(...rows: (readonly [string, number])[]): Promise<void> {
  const selects = rows.map(
    ([id, hour]) => `SELECT '${id}' AS customer_id, make_timestamp(${at(hour)}) AS ordered_at,
      make_timestamp(${at(hour)}) AS loaded_at, 1.0::DOUBLE AS total`,
  );
  await project.writeParquet('orders', selects.join(' UNION ALL '));
}

/** Bytes of each row online, by customer. */
function online(): Record<string, number> {
  const store = new DatabaseSync(project.settings.online.url);
  const rows = store.prepare('SELECT key, length(row) AS bytes FROM entity_row ORDER BY key').all();
  store.close();
  return Object.fromEntries(rows.map((row) => [String(row['key']).slice(-1), Number(row['bytes'])]));
}

/** `hour deleted` of the newest row of each edge of a customer. */
async function history(view: FeatureView, id: string): Promise<string[]> {
  const duck = await DuckDb.open();
  const { folder, history: root } = project.settings;
  const { sql } = await openHistory(duck, { folder, history: root }, view, customer);
  const rows = await duck.rows(
    `SELECT epoch_us(event_time)::DOUBLE AS us, deleted, orders_1d IS NULL AS empty FROM (${sql}) WHERE customer_id = '${id}'
     QUALIFY row_number() OVER (PARTITION BY event_time ORDER BY created_time DESC) = 1 ORDER BY us`,
  );
  duck.close();
  return rows.map(
    (row) => `${((row['us'] as number) - START_US) / HOUR_US} ${row['deleted']} ${row['empty']}`,
  );
}

test.each([
  ['an increment finds it within the lateness, in a source without created times', uncreated, {}],
  ['a full run finds it anywhere', orders(), { full: true }],
])('%s', async (_, view, options) => {
  await writeOrders(['a', 0.5], ['b', 0.5], ['b', 5.5]);
  project.setClock(at(8));
  await run(view);
  expect(await history(view, 'a')).toEqual(['1 false false']);
  // The only event of a, and the first one of b.
  await writeOrders(['b', 5.5], ['c', 0.5]);
  project.setClock(at(9));
  await run(view, options);
  expect(await history(view, 'a')).toEqual(['1 true true']);
  expect(await history(view, 'b')).toEqual(['1 true true', '6 false false']);
  expect(online()['a']).toBe(HEADER_BYTES);
  expect(online()['b']).toBeGreaterThan(HEADER_BYTES);
  expect(await run(view, options)).toMatchObject({ historyRows: 0 });
  // It comes back.
  await writeOrders(['a', 8.5], ['b', 5.5], ['c', 0.5]);
  project.setClock(at(10));
  await run(view, options);
  expect(await history(view, 'a')).toEqual(['1 true true', '9 false false']);
  expect(online()['a']).toBeGreaterThan(HEADER_BYTES);
});

test('an entity with an event before the widest window keeps its row, that of empty windows', async () => {
  const late = orders({ ...uncreated, latenessUs: 2 * HOUR_US });
  await writeOrders(['a', 0.5], ['a', 40.5]);
  project.setClock(at(41));
  await run(late);
  await writeOrders(['a', 0.5]);
  project.setClock(at(42));
  await run(late);
  expect(await history(late, 'a')).toEqual(['1 false false', '25 false false', '41 false false']);
  expect(online()['a']).toBeGreaterThan(HEADER_BYTES);
});

test('training sees no row from the tombstone on, and the fallback stands in', async () => {
  const view = orders({
    ...uncreated,
    features: uncreated.features.map((feature) => ({
      ...feature,
      missing: feature.name === 'orders_1d' ? -1n : null,
    })),
  });
  const service: FeatureService = {
    name: 'spend',
    version: 1,
    features: [{ fullName: 'orders__orders_1d', view: 'orders', role: 'orders', feature: 'orders_1d' }],
    views: [{ role: 'orders', view: 'orders', requestKeys: ['customer_id'] }],
    requestKeys: [{ name: 'customer_id', type: 'string' }],
    onDemand: [],
    inputs: [],
    consumers: [],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
  publishBundle(project.settings.bundles, { ...bundleOf(view), services: new Map([['spend', service]]) });
  await writeOrders(['a', 0.5], ['b', 0.5]);
  project.setClock(at(3));
  await run(view);
  await writeOrders(['b', 0.5]);
  project.setClock(at(4));
  await run(view);
  const path = (name: string): string => join(project.settings.folder, name);
  const times = ['02:00:00', '03:30:00'].map((time) => `2026-01-01T${time}Z`);
  writeFileSync(
    path('labels.csv'),
    `customer_id,event_timestamp\na,${times[0]}\na,${times[1]}\nb,${times[1]}\n`,
  );
  const options = { labels: path('labels.csv'), service: 'spend', out: path('out.csv') };
  const of = async (as: 'trained' | 'available'): Promise<string[]> => {
    const { features } = await runTrain(project, { ...options, as });
    expect(features[0]!.missing + features[0]!.present).toBe(3);
    return readFileSync(path('out.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',').at(-1)!);
  };
  expect(await of('trained')).toEqual(['-1', '-1', '1']);
  // What an honest store had then: the row, until the run of 04:00 took it away.
  expect(await of('available')).toEqual(['-1', '1', '1']);
});
