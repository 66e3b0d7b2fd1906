/**
 * What on-demand views would have matched by other settings: random days, whose rows under each setting slow scans find
 * (test/oracle/naive-what-if.ts), and whose functions are written again here.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { Value } from '../../contract/value-type.ts';
import { whatIf } from '../../monitor/whatif/what-if.ts';
import { naiveAnswers } from '../oracle/naive-what-if.ts';
import type { NaiveDay, NaiveRow, NaiveRun, NaiveSetting, NaiveVector } from '../oracle/naive-what-if.ts';
import { DAY, at } from '../support/day-time.ts';
import {
  BASKET,
  MARKUP,
  basketService,
  doubledOf,
  onlineRow,
  ratioOf,
  serveBasket,
} from '../support/fixtures/basket-day.ts';
import { MonitoredDay } from '../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../support/fixtures/monitored-day.ts';
import { rounds } from '../support/long-run.ts';
import { seededRandom } from '../support/seeded-random.ts';

const SETTLED = '2026-01-10T00:00:00';
const HOUR = 3_600_000_000;
const RUN_US = HOUR / 6;
const CUSTOMERS = 4;
const VECTORS = 200;

interface Chance {
  some(share: number): boolean;
  upTo(n: number): number;
}

/** A vector, with what its request brought. */
interface Asked extends NaiveVector {
  readonly cart: number;
  readonly coupon: string | null;
}

interface RandomDay extends NaiveDay {
  readonly vectors: readonly Asked[];
}

const clock = (seconds: number): string =>
  [seconds / 3_600, (seconds / 60) % 60, seconds % 60]
    .map((part) => String(Math.floor(part)).padStart(2, '0'))
    .join(':');

test('computed values match where slow scans and the functions say so, under each setting', async () => {
  const random = seededRandom();
  const chance: Chance = { some: (share) => random() < share, upTo: (n) => Math.floor(random() * n) };
  const met = { exact: 0, within: 0, beyond: 0, settings: new Set<string>() };
  for (let n = 0; n < rounds(1, 10); n++) {
    const day = await MonitoredDay.make({ scheduleUs: HOUR });
    onTestFinished(() => day.remove());
    const model = await serveDay(day, chance);
    await day.judge(SETTLED);
    const { cacheFreshMs, cacheLayers } = day.project.settings.serve;
    const { readAhead } = cacheLayers;
    const now: NaiveSetting = {
      cacheUs: cacheFreshMs * 1_000,
      readAhead,
      schedule: null,
      delayUs: day.orders.delayUs,
      ttlUs: null,
    };
    const asked = { view: ['basket'], every: '1h,3h', delay: '0s,1h', cache: '0s,50m' };
    const [found] = await whatIf(day.project, { date: DAY, ...asked }, null);
    expect(found!.computed.map(({ role }) => role)).toEqual(['basket', 'markup']);
    for (const { role, unknown, simulated, settings } of found!.computed) {
      expect(unknown).toBe(null);
      expect(simulated, role).toMatchObject(countsOf(model, now, role));
      for (const { kind, us, present, exact, withinPromise } of settings) {
        const other = {
          cache: { cacheUs: us },
          interval: { schedule: { everyUs: us, phaseUs: 0, durationUs: RUN_US } },
          delay: { delayUs: us },
          ttl: { ttlUs: us },
        }[kind];
        const what = `${role}, ${kind} ${us / HOUR} h`;
        expect({ present, exact, withinPromise }, what).toEqual(countsOf(model, { ...now, ...other }, role));
        met.exact += exact;
        met.within += withinPromise;
        met.beyond += present - exact - withinPromise;
        met.settings.add(kind);
      }
    }
  }
  expect([...met.settings].toSorted()).toEqual(['cache', 'delay', 'interval']);
  for (const count of [met.exact, met.within, met.beyond]) expect(count).toBeGreaterThan(20);
});

/** By the functions as they are written here. */
function countsOf(
  model: RandomDay,
  setting: NaiveSetting,
  role: string,
): { present: number; exact: number; withinPromise: number } {
  const counts = { present: 0, exact: 0, withinPromise: 0 };
  for (const [i, answer] of naiveAnswers(model, setting).entries()) {
    if (answer === null) continue;
    const { cart, coupon } = model.vectors[i]!;
    const [served, replayed] = [answer.served, answer.replayed].map((values) => {
      const ratio = ratioOf(cart, coupon, (values?.[1] ?? null) as number | null);
      return role === 'basket' ? ratio : doubledOf(cart, ratio);
    });
    if (served === null && replayed === null) continue;
    counts.present += 1;
    if (Object.is(served, replayed)) counts.exact += 1;
    else if (answer.within) counts.withinPromise += 1;
  }
  return counts;
}

/** Serves a day of hourly runs, of which some fail and the next one makes up for them. */
async function serveDay(day: MonitoredDay, { some, upTo }: Chance): Promise<RandomDay> {
  day.onDemand = [BASKET, MARKUP];
  day.publish(day.orders, basketService(['cart_ratio', 'cart_doubled']));
  await day.writeDrivers([{ driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 }]);
  const ends = Array.from({ length: 24 }, (_, hour) => hour > 0 && hour < 23 && some(0.2));
  const runs: NaiveRun[] = [];
  for (const [hour, fails] of ends.entries()) {
    const startedUs = at(clock(hour * 3_600));
    const times = { startedUs, toUs: startedUs, watermarkUs: startedUs };
    const run = { runId: `o-${hour}`, ...times, finishedUs: fails ? null : startedUs + RUN_US };
    runs.push({ ...run, kind: 'ordinary', newestCreatedUs: null });
    await day.record(day.orders, { ...run, state: fails ? 'failed' : 'complete' });
  }
  const rows: OrderRow[] = [];
  for (let one = 0; one < CUSTOMERS; one++) {
    for (let edge = 0; edge < 24; edge++) {
      if (some(0.3)) continue;
      const run = ends.findIndex((fails, hour) => hour >= edge && !fails);
      const values: OrderRow['values'] = [BigInt(upTo(3)), some(0.1) ? null : upTo(5) / 4];
      const times = { event: clock(edge * 3_600), created: clock(run * 3_600) };
      rows.push({ customer: `c-${one}`, ...times, run: `o-${run}`, values });
    }
  }
  await day.appendOrders(rows);
  await day.setWatermark('23:00:00');
  const vectors = Array.from({ length: VECTORS }, () => 7_200 + upTo(86_000 - 7_200))
    .toSorted((a, b) => a - b)
    .map((second): Asked => {
      const customer = `c-${upTo(CUSTOMERS + 1)}`;
      const own = rows.filter((row) => row.customer === customer && at(row.event) <= at(clock(second)));
      const [cart, coupon] = [upTo(20) / 4, some(0.5) ? 'five' : null];
      const last = own.at(-1);
      const ratio = ratioOf(cart, coupon, (last?.values[1] ?? null) as number | null);
      const outputs: Value[] = [ratio, doubledOf(cart, ratio)];
      const served = last === undefined ? {} : { row: onlineRow(last) };
      const fetched = { fetched: clock(second), watermark: clock(Math.floor(second / 3_600) * 3_600) };
      const computed = { cart, coupon, outputs, views: [BASKET, MARKUP] };
      serveBasket(day, clock(second), { customer, ...served, ...fetched }, computed);
      const us = at(clock(second));
      return { role: 0, pod: 'p', entity: customer, servedUs: us, fetchedUs: us, state: 'up', cart, coupon };
    });
  const naive = rows.map((row): NaiveRow => ({
    entity: row.customer,
    run: row.run,
    eventUs: at(row.event),
    createdUs: at(row.created),
    values: row.values,
  }));
  return { view: day.orders, rows: naive, runs, vectors, roles: [[1]], completeUs: at('23:00:00') };
}
