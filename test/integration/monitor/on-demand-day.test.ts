/** Days of services with on-demand views as a whole: by name, on the page, in drift, without vectors, on another V8. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ENGINE } from '../../../contract/on-demand/engine.ts';
import { PRESENT } from '../../../contract/status.ts';
import { ComputedFields } from '../../../contract/wire/log/computed-fields.ts';
import { explainEntity, explainRequest } from '../../../monitor/explain/explain.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { judgeDay } from '../../../monitor/main.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DAY, at } from '../../support/day-time.ts';
import {
  BASKET,
  MARKUP,
  basketService,
  doubledOf,
  featureOf,
  onlineRow,
  ratioOf,
  recordRun,
  serveBasket,
  spentRow,
} from '../../support/fixtures/basket-day.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';
import { bare } from '../../support/fixtures/on-demand-bundle.ts';

const NEXT = '2026-01-03';
const VECTORS = 40;
const FROM_BARE = { view: 'bare', role: 'bare' };

let day: MonitoredDay;
afterEach(() => day.remove());

/** A day on which every value is right. */
async function rightDay(): Promise<void> {
  day = await MonitoredDay.make();
  day.onDemand = [BASKET];
  day.publish(day.orders, basketService(['cart_ratio']));
  await day.writeDrivers([{ driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 }]);
  const rows = Array.from({ length: VECTORS }, (_, i) => spentRow(`c-${i}`, '05:00', '05:00', (i + 1) / 4));
  for (const [i, own] of rows.entries()) {
    const served = { customer: own.customer, row: onlineRow(own), watermark: '06:00' };
    serveBasket(day, '06:30', served, { cart: i, outputs: [ratioOf(i, null, (i + 1) / 4)] });
  }
  await day.appendOrders(rows);
  await recordRun(day, '05:00');
  await day.setWatermark('2026-01-04T00:00:00');
  // When the last heartbeat is written.
  day.project.setClock(at('23:00'));
  await day.closeLog();
}

async function judge(date: string, otherEngine = false): Promise<Snapshot> {
  day.project.setClock(at(`${date}T23:59:59`) + 4 * 3_600_000_000);
  const [judged] = await judgeDay(day.project, { date, services: [SERVICE.name], otherEngine });
  return judged!.snapshot;
}

const page = (date: string): string =>
  readFileSync(join(day.project.settings.reports, SERVICE.name, `${date}.html`), 'utf8')
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');

test('a service is judged by its name, with page and drift, and so is its next day without a vector', async () => {
  await rightDay();
  const snapshot = await judge(DAY);
  expect(snapshot.computed).toMatchObject([{ role: 'basket', asked: VECTORS, differing: 0 }]);
  expect(featureOf(snapshot, 'cart_ratio')).toMatchObject({ exact: VECTORS, drift: { weekday: null } });
  expect(page(DAY)).toContain(
    'On-demand view Run again over what was logged Available basket no owner 40 the same',
  );
  const quiet = await judge(NEXT);
  expect(quiet).toMatchObject({ verdict: 'not-enough-data', computed: [{ role: 'basket', asked: 0 }] });
  expect(page(NEXT)).toContain('basket no owner not asked');
});

test('an entity that nobody asked for is computed over the inputs that are given', async () => {
  await rightDay();
  day.onDemand = [BASKET, MARKUP];
  day.publish(day.orders, basketService(['cart_ratio', 'cart_doubled']));
  const asked = {
    service: SERVICE.name,
    keys: { customer_id: 'c-7', driver_id: '9' },
    atUs: at('12:00'),
  };
  const explain = (...inputs: string[]) =>
    explainEntity(day.project, day.project.database, { ...asked, inputs });
  const { computed, views } = await explain('cart=6', 'coupon=summer');
  expect(views.map(({ role }) => role)).toEqual(['orders', 'driver_stats']);
  // Of the row of 05:00, which spent 2.
  const ratio = ratioOf(6, 'summer', 2)!;
  const side = (value: number) => ({ state: 'value', value });
  expect(computed).toMatchObject([
    {
      view: 'basket',
      status: null,
      inputs: { cart: 6, coupon: 'summer' },
      uses: ['orders'],
      again: 'Its function (basket.ts) was called over the rows that training sees and an honest store had.',
      features: [{ name: 'cart_ratio', served: null, trained: side(ratio), available: side(ratio) }],
    },
    { view: 'markup', features: [{ trained: side(doubledOf(6, ratio)), same: null }] },
  ]);
  const without = await explain();
  expect(without.computed).toMatchObject([
    {
      again: 'It was not computed: it is without the input cart: give --input cart=VALUE.',
      features: [
        { withheld: 'without the input cart: give --input cart=VALUE', trained: { state: 'withheld' } },
      ],
    },
    { features: [{ withheld: expect.stringContaining('without the input cart') as string }] },
  ]);
  const none = { ...asked, atUs: at('04:00') };
  const early = await explainEntity(day.project, day.project.database, { ...none, inputs: ['cart=6'] });
  expect(early.computed).toMatchObject([
    { features: [{ trained: { state: 'null', value: null } }] },
    { features: [{ trained: side(-6) }] },
  ]);
});

test.each([
  ['cart', 'expected name=value, got cart'],
  ['basket=3', `${SERVICE.name} takes no input basket`],
  ['cart=many', '--input cart should be float64, got the string "many"'],
])('--input %s of an entity is refused', async (text, message) => {
  await rightDay();
  const asked = { service: SERVICE.name, keys: { customer_id: 'c-7', driver_id: '9' }, atUs: at('12:00') };
  await expect(
    explainEntity(day.project, day.project.database, { ...asked, inputs: [text] }),
  ).rejects.toMatchObject({ code: 'REG_USAGE', message: expect.stringContaining(message) as string });
});

test('what is marked since then is judged as it was logged, and not shown', async () => {
  await rightDay();
  const mark = { log: 'hmac' as const };
  const inputs = BASKET.inputs.map((input) => ({ ...input, ...mark }));
  const features = BASKET.features.map((feature) => ({ ...feature, ...mark }));
  await day.openLog();
  const served = {
    customer: 'c-7',
    row: onlineRow(spentRow('c-7', '05:00', '05:00', 2)),
    watermark: '06:00',
  };
  const wrong = serveBasket(day, '06:31', served, { cart: 4, outputs: [777] });
  await day.closeLog();
  day.onDemand = [{ ...BASKET, inputs, features }];
  day.publish(day.orders, { ...basketService(['cart_ratio']), inputs });
  const snapshot = await judge(DAY);
  const own = featureOf(snapshot, 'cart_ratio');
  expect(own).toMatchObject({ rows: VECTORS + 1, dropped: 0, exact: VECTORS, examples: [] });
  expect(own.causes).toEqual({ 'on-demand differs': { values: 1, beyondPromise: 1 } });
  expect(JSON.stringify(snapshot)).not.toContain('777');
  const [vector] = await explainRequest(day.project, day.project.database, { requestId: wrong });
  expect(JSON.stringify(vector!.computed)).not.toMatch(/777|"cart"/);
  expect(vector!.computed[0]!.features).toMatchObject([{ withheld: 'its definition says log: hmac' }]);
});

test('a service without a view and a key is judged, each vector by itself', async () => {
  day = await MonitoredDay.make();
  day.onDemand = [bare];
  const listed = bare.features.map(({ name }) => ({
    ...FROM_BARE,
    fullName: `bare__${name}`,
    feature: name,
  }));
  const onDemand = [{ role: 'bare', view: 'bare', uses: [] }];
  const service = { ...SERVICE, views: [], requestKeys: [], features: listed, onDemand, inputs: bare.inputs };
  day.publish(day.orders, service);
  for (let i = 0; i < VECTORS; i++) {
    const fields = new ComputedFields();
    fields.open('inputs', 2);
    for (const [n, value] of [i, 1].entries()) fields.add(bare.inputs[n]!.type, value);
    fields.close();
    fields.open('outputs', 2);
    for (const [n, value] of [i === 9 ? 0 : i + 1, 1].entries()) fields.add(bare.features[n]!.type, value);
    fields.close();
    fields.statuses([PRESENT], 0, 1);
    const computed = { buffer: fields.written, from: 0, to: fields.length };
    day.append('06:30', {}, [], 0, {
      vectors: [{ keys: [], rows: [], computed }],
      inputNames: ['x', 'y'],
      onDemand: [{ role: 'bare', view: 'bare', definitionId: bare.definitionId, outputPolicies: [] }],
    });
  }
  await day.closeLog();
  const snapshot = await judge(DAY);
  expect(snapshot.vectors).toMatchObject({ read: VECTORS, judged: VECTORS });
  expect(featureOf(snapshot, 'bare__sum')).toMatchObject({
    rowsJudged: VECTORS,
    exact: VECTORS - 1,
    causes: { 'on-demand differs': { values: 1, beyondPromise: 1 } },
  });
});

test('what another V8 computed is withheld, by name, unless it is to be judged all the same', async () => {
  await rightDay();
  await runIngest(day.project);
  // Else the log is read anew, heartbeats included.
  rmSync(day.project.settings.log.spool, { recursive: true });
  const file = join(day.project.settings.served, 'ingest.json');
  const state = readFileSync(file, 'utf8');
  expect(state).toContain(ENGINE);
  writeFileSync(file, state.replaceAll(ENGINE, 'V8 1.2.3 abacus'));
  const own = featureOf(await judge(DAY), 'cart_ratio');
  expect(own).toMatchObject({ rows: VECTORS, dropped: VECTORS, present: 0 });
  expect(Object.keys(own.withheld!)[0]).toContain('--other-engine');
  expect(featureOf(await judge(DAY, true), 'cart_ratio')).toMatchObject({ dropped: 0, exact: VECTORS });
});
