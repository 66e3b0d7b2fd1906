/** Days of services with on-demand views as a whole: by name, on the page, in drift, without vectors, on another V8. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ENGINE } from '../../../contract/on-demand/engine.ts';
import { explainEntity } from '../../../monitor/explain/explain.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { judgeDay } from '../../../monitor/main.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DAY, at } from '../../support/day-time.ts';
import {
  BASKET,
  basketService,
  featureOf,
  onlineRow,
  ratioOf,
  recordRun,
  serveBasket,
  spentRow,
} from '../../support/fixtures/basket-day.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';

const NEXT = '2026-01-03';
const VECTORS = 40;

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
  day.setWatermark('2026-01-04T00:00:00');
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
  const keys = { customer_id: 'c-1', driver_id: '1' };
  const asked = { service: SERVICE.name, keys, atUs: at('12:00') };
  const { views, computed } = await explainEntity(day.project, day.project.database, asked);
  // What a request would bring, nobody knows.
  expect([views.map(({ role }) => role), computed]).toEqual([['orders', 'driver_stats'], []]);
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
