/**
 * The verdict on what was computed on demand against a slow count: days of random rows and requests, whose classes a
 * model without SQL says vector by vector. A cause that is inherited is that of the row, as the Parquet has both.
 */
import { expect, test } from 'vitest';
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { judgedRowsFile } from '../../monitor/verdict/snapshot-folder.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../support/day-time.ts';
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
} from '../support/fixtures/basket-day.ts';
import { MonitoredDay, SERVICE } from '../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../support/fixtures/monitored-day.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { rounds } from '../support/long-run.ts';

const SETTLED = '2026-01-10T00:00:00';
const DAYS = rounds(1, 3);
const VECTORS = 250;
const CUSTOMERS = 30;

/** What a slow count says of one output. */
interface Classes {
  exact: number;
  differs: number;
  bothAbsent: number;
  unavailable: number;
  /** Of how many the function gives another output over what was logged. */
  other: number;
}

const none = (): Classes => ({ exact: 0, differs: 0, bothAbsent: 0, unavailable: 0, other: 0 });

function count(classes: Classes, logged: number | null, again: number | null, replayed: number | null): void {
  if (!Object.is(logged, again)) classes.other += 1;
  if (logged === null && replayed === null) classes.bothAbsent += 1;
  else if (Object.is(logged, replayed)) classes.exact += 1;
  else classes.differs += 1;
}

const clock = (hour: number, minute = 0): string =>
  `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}:00`;

interface Chance {
  some(chance: number): boolean;
  upTo(n: number): number;
}

test('random days are counted as a slow model counts them, and causes are those of the rows', async () => {
  const random = seededRandom();
  const chance: Chance = {
    some: (share) => random() < share,
    upTo: (n) => Math.floor(random() * n),
  };
  const seen = none();
  for (let n = 0; n < DAYS; n++) {
    const day = await MonitoredDay.make();
    try {
      const counted = await randomDay(day, chance);
      const snapshot = await day.judge(SETTLED);
      for (const [place, [name, own]] of Object.entries(counted).entries()) {
        const { exact, bothAbsent, unavailable, withinPromise, beyondPromise } = featureOf(snapshot, name);
        const differs = withinPromise + beyondPromise;
        const other = snapshot.computed![place]!.differing;
        expect({ exact, differs, bothAbsent, unavailable, other }).toEqual(own);
        for (const key of Object.keys(own) as (keyof Classes)[]) seen[key] += own[key];
      }
      await expectCausesOfRows(day);
    } finally {
      await day.remove();
    }
  }
  expect(Object.values(seen).every((found) => found > 20)).toBe(true);
});

/** Serves a day. @returns what a slow count says of each output */
async function randomDay(day: MonitoredDay, chance: Chance): Promise<Readonly<Record<string, Classes>>> {
  day.onDemand = [BASKET, MARKUP];
  day.publish(day.orders, basketService(['cart_ratio', 'cart_doubled']));
  await day.writeDrivers([{ driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 }]);
  const rows = Array.from({ length: CUSTOMERS }, (_, c) => randomRows(`c${c}`, chance));
  const counted = { cart_ratio: none(), cart_doubled: none() };
  for (let v = 0; v < VECTORS; v++) {
    const customer = chance.upTo(CUSTOMERS);
    serveOne(day, { customer: `c${customer}`, rows: rows[customer]! }, chance, counted);
  }
  await day.appendOrders(rows.flat());
  for (let hour = 0; hour < 24; hour++) await recordRun(day, clock(hour));
  await day.setWatermark('2026-01-03T00:00:00');
  return counted;
}

function serveOne(
  day: MonitoredDay,
  { customer, rows }: { readonly customer: string; readonly rows: readonly OrderRow[] },
  { some, upTo }: Chance,
  counted: { readonly cart_ratio: Classes; readonly cart_doubled: Classes },
): void {
  const hour = upTo(24);
  const time = clock(hour, upTo(60));
  const visible = rows.filter(({ event }) => at(event) <= at(time));
  const right = visible.at(-1);
  // Mostly the right row, at times the one before it, or one with another value, or none.
  const given = some(0.2) ? visible.at(-2) : some(0.95) ? right : undefined;
  const values: OrderRow['values'] | undefined = some(0.1) ? [1n, upTo(9)] : given?.values;
  const served = given === undefined || values === undefined ? {} : { row: { ...onlineRow(given), values } };
  const [cart, coupon] = [upTo(20) / 4, some(0.5) ? 'five' : null];
  const again = ratioOf(cart, coupon, served.row?.values[1] ?? null);
  const logged = some(0.1) ? upTo(5) : again;
  const isLost = some(0.1);
  const twice = some(0.1) ? upTo(5) : doubledOf(cart, logged);
  const watermark = clock(Math.max(0, hour - upTo(3)));
  serveBasket(
    day,
    time,
    { customer, ...served, watermark },
    {
      cart,
      coupon,
      views: [BASKET, MARKUP],
      outputs: isLost ? [null, null] : [logged, twice],
      statuses: isLost ? [UNAVAILABLE, UNAVAILABLE] : [PRESENT, PRESENT],
    },
  );
  if (isLost) {
    counted.cart_ratio.unavailable += 1;
    counted.cart_doubled.unavailable += 1;
    return;
  }
  const replayed = ratioOf(cart, coupon, right?.values[1] ?? null);
  count(counted.cart_ratio, logged, again, replayed);
  count(counted.cart_doubled, twice, doubledOf(cart, logged), doubledOf(cart, replayed));
}

/** Rows of a customer through the day, some written hours later, some with the same value as before. */
function randomRows(customer: string, { some, upTo }: Chance): OrderRow[] {
  const rows: OrderRow[] = [];
  for (let hour = upTo(4); hour < 24; hour += 1 + upTo(8)) {
    const created = clock(some(0.3) ? Math.min(23, hour + upTo(6)) : hour);
    rows.push(spentRow(customer, clock(hour), created, some(0.1) ? null : upTo(12) / 4));
  }
  return rows;
}

/** Where the function gave what was logged, its value has the cause, the run and the promise of the row. */
async function expectCausesOfRows(day: MonitoredDay): Promise<void> {
  const file = judgedRowsFile(day.project.settings.reports, SERVICE.name, DAY);
  const duck = await DuckDb.open();
  try {
    const both =
      await duck.rows(`WITH all_rows AS (FROM read_parquet(${quotePaths([file])}) WHERE _weight = 1)
      SELECT b.cart_ratio.cause AS cause, b.cart_ratio.within_promise AS within, b.cart_ratio.run AS run,
        o.orders__spent_1d.cause AS row_cause, o.orders__spent_1d.within_promise AS row_within, o.orders__spent_1d.run AS row_run,
        b._status AS status, b._replayed_status AS replayed_status, b.cart_ratio.served AS served
      FROM all_rows b JOIN all_rows o ON o._request_id = b._request_id AND o._role = 'orders'
      WHERE b._role = 'basket' AND b.cart_ratio.cause IS NOT NULL AND b.cart_ratio.cause <> 'on-demand differs'`);
    expect(both.length).toBeGreaterThan(10);
    for (const one of both) {
      expect(one).toMatchObject({ status: 'PRESENT', replayed_status: 'PRESENT' });
      expect([one['cause'], one['within'], one['run']]).toEqual([
        one['row_cause'],
        one['row_within'],
        one['row_run'],
      ]);
    }
  } finally {
    duck.close();
  }
}
