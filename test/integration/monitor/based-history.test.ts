/**
 * A history with a base is judged as one without: rows that the base leaves out are seen by no vector of the day.
 * Orders of random days with late rows, restated ones and tombstones, served in all ways, by bundles of two delays.
 */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeBase } from '../../../materializer/upkeep/make-base.ts';
import { ServedHistory } from '../../../monitor/judge/served-history.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { readBases } from '../../../project/history/history-base.ts';
import { baseFolder } from '../../../project/history/history-folder.ts';
import { readHistory } from '../../../project/history/history-snapshot.ts';
import { DAY, at } from '../../support/day-time.ts';
import { customer, orders } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { rounds } from '../../support/long-run.ts';
import '../../support/property-seed.ts';

const MIDNIGHT_US = Date.parse(`${DAY}T00:00:00Z`) * 1_000;
const SETTLED = '2026-01-10T00:00:00';
const DRIVERS = [{ driver: 1, event: '00:00:00', created: '00:00:00', convRate: 0.5 }];
/** Hours around the midnight, from which the base is. */
const hours = fc.constantFrom(-50, -26, -25, -3, -2, -1, 0, 1, 2);
const order = fc.record({
  customer: fc.constantFrom('c-1', 'c-2', 'c-3'),
  hour: hours,
  lateHours: fc.constantFrom(0, 0, 0, 2, 30),
  count: fc.integer({ min: 0, max: 3 }),
  deleted: fc.constantFrom(false, false, false, true),
});
type Order = typeof order extends fc.Arbitrary<infer Row> ? Row : never;
const served = fc.record({
  order: fc.nat(11),
  minute: fc.constantFrom(0, 1, 59, 61, 119, 121, 200, 600),
  status: fc.constantFrom('PRESENT', 'PRESENT', 'PRESENT', 'MISSING'),
  isRight: fc.constantFrom(true, true, true, false),
  isLonger: fc.boolean(),
});
const scene = fc.record({
  rows: fc.uniqueArray(order, {
    minLength: 1,
    maxLength: 12,
    selector: (one) => `${one.customer} ${one.hour} ${one.lateHours}`,
  }),
  vectors: fc.array(served, { minLength: 1, maxLength: 30 }),
});

function timeOf(hour: number, minute = 0): string {
  return new Date(MIDNIGHT_US / 1_000 + hour * 3_600_000 + minute * 60_000).toISOString().slice(0, 19);
}

function rowOf({ customer: id, hour, lateHours, count, deleted }: Order) {
  const [event, created] = [timeOf(hour), timeOf(hour + lateHours, 5)];
  return {
    customer: id,
    event,
    created,
    run: `r-${lateHours}`,
    values: [BigInt(count), 1.5] as const,
    deleted,
  };
}

test('the same verdict, whether there is a base or not', async () => {
  await fc.assert(
    fc.asyncProperty(scene, async ({ rows, vectors }) => {
      const day = await MonitoredDay.make();
      const duck = await DuckDb.open({ threads: 1 });
      try {
        await day.writeDrivers(DRIVERS);
        const appended = rows.map(rowOf);
        await day.appendOrders(appended);
        await day.setWatermark('23:59:00');
        const view = orders();
        const longer = { ...view, delayUs: view.delayUs + 2 * 3_600_000_000 };
        for (const isLonger of [true, false]) {
          day.publish(isLonger ? longer : view);
          for (const vector of vectors.filter((one) => one.isLonger === isLonger)) {
            const { customer: id, event, created, values } = appended[vector.order % appended.length]!;
            const row = { event, created, values: vector.isRight ? values : [9n, 9] };
            day.serve(timeOf(0, vector.minute), id, vector.status === 'MISSING' ? {} : { row });
          }
        }
        const without = await day.judge(SETTLED);
        // A verdict looks at those before it.
        rmSync(day.project.settings.reports, { recursive: true });
        const root = day.project.settings.history;
        await makeBase(
          duck,
          { root, view, entity: customer, history: (await readHistory(root, view))! },
          MIDNIGHT_US,
        );
        expect(await readBases(root, view)).toHaveLength(1);
        expect({ ...(await day.judge(SETTLED)), judgedAt: '' }).toEqual({ ...without, judgedAt: '' });
        const today = { view, entity: customer };
        const history = await ServedHistory.open({ duck, histories: day.project.settings, today, runs: [] });
        const read = (delayUs: number): Promise<string | null> =>
          history.of({ view, entity: customer }, { firstUs: MIDNIGHT_US, lastUs: at('23:59:00'), delayUs });
        expect(await read(view.delayUs)).toContain(baseFolder(root, view).path);
        expect(await read(longer.delayUs)).not.toContain(baseFolder(root, view).path);
      } finally {
        duck.close();
        await day.remove();
      }
    }),
    { numRuns: rounds(2, 8) },
  );
});
