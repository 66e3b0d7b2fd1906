/**
 * A day of two bundles: each vector is read by the keys, and converted to the tensor, of the one that answered it. What
 * the report says of it, `plumb explain` says too.
 */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { FeatureService } from '../../../contract/model.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import type { ServedSketches } from '../../../monitor/drift/sketch-folder.ts';
import { sketchesFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { whatIf } from '../../../monitor/whatif/what-if.ts';
import { DAY, at } from '../../support/day-time.ts';
import { explainRequest } from '../../../monitor/explain/explain.ts';
import type { ExplainedView } from '../../../monitor/explain/explanation.ts';
import { driver } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';

const SETTLED = '2026-01-10T00:00:00';
const TIMES = { event: '11:00:00', created: '11:01:00' };
const OIP = SURFACES.indexOf('oip');

let day: MonitoredDay;
afterEach(() => day.remove());

/** Of a customer and whom they buy for: `orders` is the one's or the other's. */
function serviceOf(key: 'customer_id' | 'buyer_id', tensor: FeatureService['tensor'] = 'float64') {
  return {
    ...SERVICE,
    tensor,
    features: SERVICE.features.filter(({ role }) => role === 'orders'),
    views: [{ role: 'orders', view: 'orders', requestKeys: [key] }],
    requestKeys: [
      { name: 'customer_id', type: 'string' },
      { name: 'buyer_id', type: 'string' },
    ],
  } satisfies FeatureService;
}

/** What `plumb explain` says of the first view of a request. */
async function explained(requestId: string, role = 'orders'): Promise<ExplainedView> {
  const [vector] = await explainRequest(day.project, day.project.database, { requestId });
  return vector!.views.find((view) => view.role === role)!;
}

async function explainedCauses(...ids: string[]): Promise<unknown[]> {
  const views = await Promise.all(ids.map((id) => explained(id)));
  return views.map(({ features }) => features.map(({ cause }) => cause));
}

type Values = readonly [bigint, number];

async function writeHistory(rows: Readonly<Record<string, Values>>): Promise<void> {
  const own = Object.entries(rows).map(([customer, values]) => ({ customer, ...TIMES, run: 'r-11', values }));
  await day.appendOrders(own);
  await day.setWatermark('23:00:00');
}

function serve(keys: Readonly<Record<string, string>>, values: Values, surface = 0): string {
  const row = servedRow(day.orders, '11:30:00', { row: { ...TIMES, values }, watermark: '11:00:00' });
  return day.append('11:30:00', keys, [row], surface);
}

function causesOf({ features }: Snapshot): Record<string, string> {
  const examples = features.flatMap((feature) => feature.examples);
  return Object.fromEntries(examples.map(({ requestId, causes }) => [requestId, causes[0]!]));
}

test('the keys of a role are those of the bundle that answered', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('customer_id'));
  await writeHistory({ a: [1n, 10], b: [2n, 20] });
  const keys = { customer_id: 'a', buyer_id: 'b' };
  const right = serve(keys, [1n, 10]);
  const early = serve(keys, [2n, 20]);
  day.publish(day.orders, serviceOf('buyer_id'));
  serve(keys, [2n, 20]);
  const late = serve(keys, [1n, 10]);
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({ [early]: 'foreign row', [late]: 'foreign row' });
  expect(snapshot.views[0]!.fidelity).toMatchObject({ true: 2, foreign: 2 });
  const foreign = ['foreign row', 'foreign row'];
  expect(await explainedCauses(right, early, late)).toEqual([[null, null], foreign, foreign]);
  // Two entities, each with a row that was right and served once.
  expect(snapshot.incidents[0]).toMatchObject({ cause: 'foreign row', entities: 2, rows: 2, values: 4 });
});

test('so they are where drift takes one vector an entity', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('customer_id'));
  await writeHistory({ a: [1n, 10], b: [2n, 20], c: [3n, 30] });
  serve({ customer_id: 'a', buyer_id: 'b' }, [1n, 10]);
  serve({ customer_id: 'c', buyer_id: 'b' }, [3n, 30]);
  day.publish(day.orders, serviceOf('buyer_id'));
  serve({ customer_id: 'c', buyer_id: 'b' }, [2n, 20]);
  serve({ customer_id: 'b', buyer_id: 'c' }, [3n, 30]);
  await day.judge(SETTLED);
  const file = sketchesFile(day.project.settings.reports, 'churn', DAY);
  const { features } = JSON.parse(readFileSync(file, 'utf8')) as ServedSketches;
  expect(features['orders__orders_1d']!.sketch).toMatchObject({ rows: 3, ordered: { mean: 2 } });
});

test('so they are where another setting is simulated', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('customer_id'));
  await writeHistory({ a: [1n, 10] });
  const [startedUs, finishedUs] = [at('11:01:00'), at('11:02:00')];
  const watermarkUs = at(TIMES.event);
  await day.record(day.orders, { runId: 'r-11', toUs: startedUs, watermarkUs, startedUs, finishedUs });
  serve({ customer_id: 'a', buyer_id: 'b' }, [1n, 10]);
  day.publish(day.orders, serviceOf('buyer_id'));
  await day.judge(SETTLED);
  const [result] = await whatIf(day.project, { date: DAY, cache: '1s' });
  const { measured, simulated } = result!.roles[0]!;
  for (const rates of [measured, simulated]) expect(rates).toMatchObject({ present: 2, exact: 2 });
});

test.each([
  ['float32', 'float64'],
  ['float64', 'float32'],
] as const)('a tensor of %s is compared as one, also where the service answers %s now', async (then, now) => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('customer_id', then));
  await writeHistory({ a: [1n, 0.1], b: [2n, 1e39] });
  const keys = { customer_id: 'a', buyer_id: 'x' };
  // Another double of the same float32, and a number past the range of one.
  const early = serve(keys, [1n, 0.1 + 1e-12], OIP);
  serve({ ...keys, customer_id: 'b' }, [2n, 1e39], OIP);
  day.publish(day.orders, serviceOf('customer_id', now));
  const late = serve(keys, [1n, 0.1 + 1e-12], OIP);
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({ [then === 'float64' ? early : late]: 'precision / type' });
  const rounded = [null, 'precision / type'];
  const same = [null, null];
  expect(await explainedCauses(early, late)).toEqual(then === 'float64' ? [rounded, same] : [same, rounded]);
  const spent = snapshot.features.find(({ name }) => name === 'orders__spent_1d')!;
  expect(spent).toMatchObject({ present: 3, exact: 2 });
  // The agreeing row is counted as its model got it.
  const infinite = then === 'float32' ? 1 : 0;
  expect(spent.distributions).toMatchObject({ notNumbers: { served: { infinite }, replayed: { infinite } } });
});

test('a feature that the service takes only now was not asked for then', async () => {
  day = await MonitoredDay.make();
  const whole = serviceOf('customer_id');
  day.publish(day.orders, { ...whole, features: whole.features.slice(0, 1) });
  await writeHistory({ a: [1n, 10] });
  const keys = { customer_id: 'a', buyer_id: 'b' };
  const id = serve(keys, [1n, 99]);
  day.publish(day.orders, whole);
  const { features } = await day.judge(SETTLED);
  expect(features.map(({ present, exact }) => [present, exact])).toEqual([
    [1, 1],
    [0, 0],
  ]);
  const told = await explained(id);
  expect(told.features).toMatchObject([
    { same: true, withheld: null },
    { same: null, cause: null, withheld: 'the service did not take it then' },
  ]);
});

test('a vector of another key than a stored view has now cannot be judged', async () => {
  day = await MonitoredDay.make();
  const id = day.serve('11:30:00', 'a', {}, 1, {
    row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] },
  });
  await day.project.writeParquet(
    'drivers',
    `SELECT 1::BIGINT AS driver_id, 1::BIGINT AS rider_id, TIMESTAMP '2026-01-02 00:10' AS event_timestamp,
       TIMESTAMP '2026-01-02 00:15' AS created, 0.5::DOUBLE AS conv_rate, NULL::BIGINT AS trips, NULL::VARCHAR[] AS tags`,
  );
  const rider = { ...driver, joinKeys: [{ name: 'rider_id', type: 'int64' as const }] };
  day.publish(day.orders, SERVICE, 'raw', [rider]);
  await day.closeLog();
  const { features, rule, unknown } = await explained(id, 'driver_stats');
  expect(features).toMatchObject([
    { same: null, cause: null, served: { value: 0.5 }, trained: { state: 'unknown', value: null } },
  ]);
  expect(rule).toEqual([]);
  expect(unknown[0]).toContain('The view had other join keys under the definition that served');
});
