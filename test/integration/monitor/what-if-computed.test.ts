/** `plumb monitor whatif` of on-demand views: as what they use would have been, and with another function. */
import { afterEach, expect, test } from 'vitest';
import type { OnDemandView } from '../../../contract/model.ts';
import { whatIf } from '../../../monitor/whatif/what-if.ts';
import type { WhatIf } from '../../../monitor/whatif/what-if.ts';
import { renderWhatIf } from '../../../monitor/whatif/what-if-table.ts';
import { DAY, at } from '../../support/day-time.ts';
import {
  BASKET,
  MARKUP,
  basketService,
  doubledOf,
  onlineRow,
  ratioOf,
  serveBasket,
} from '../../support/fixtures/basket-day.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';
import { onDemandView } from '../../support/fixtures/on-demand-bundle.ts';

const SETTLED = '2026-01-10T00:00:00';
const HOUR = 3_600_000_000;
const CUSTOMERS = 3;

let day: MonitoredDay;
afterEach(() => day.remove());

const clock = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;

/** A row an hour and customer, whose values change each hour; the run of 10:00 failed, and 11:00 made up for it. */
function orderRow(customer: number, edge: number): OrderRow {
  const run = edge === 10 ? 11 : edge;
  const values = [BigInt(edge * 10 + customer), (edge + customer) / 4] as const;
  return {
    customer: `c-${customer}`,
    event: clock(edge * 60),
    created: clock(run * 60),
    run: `o-${run}`,
    values,
  };
}

function onlineEdge(minute: number): number {
  const edge = Math.floor((minute - 10) / 60);
  return edge === 10 ? 9 : edge;
}

/** A day of hourly runs that take ten minutes, on which every output is what its function gives. */
async function plantDay(lists: Parameters<typeof basketService>[0]): Promise<void> {
  day = await MonitoredDay.make({ scheduleUs: HOUR });
  day.onDemand = [BASKET, MARKUP];
  day.publish(day.orders, basketService(lists));
  await day.writeDrivers([{ driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 }]);
  const rows: OrderRow[] = [];
  for (let hour = 0; hour < 24; hour++) {
    const startedUs = at(clock(hour * 60));
    const state = hour === 10 ? ('failed' as const) : ('complete' as const);
    const finishedUs = hour === 10 ? null : startedUs + HOUR / 6;
    await day.record(day.orders, {
      runId: `o-${hour}`,
      toUs: startedUs,
      watermarkUs: startedUs,
      startedUs,
      finishedUs,
      state,
    });
    for (let one = 1; one <= CUSTOMERS; one++) rows.push(orderRow(one, hour));
  }
  await day.appendOrders(rows);
  await day.setWatermark(clock(23 * 60));
  for (let minute = 130; minute < 23 * 60 + 50; minute += 7) {
    for (let one = 1; one <= CUSTOMERS; one++) {
      const own = orderRow(one, onlineEdge(minute));
      const ratio = ratioOf(minute, null, own.values[1] as number);
      const outputs = lists.map((name) => (name === 'cart_ratio' ? ratio : doubledOf(minute, ratio)));
      const row = { customer: own.customer, row: onlineRow(own), fetched: clock(minute) };
      const watermark = clock(onlineEdge(minute) * 60);
      const views = lists.includes('cart_doubled') ? [BASKET, MARKUP] : [BASKET];
      serveBasket(day, clock(minute), { ...row, watermark }, { cart: minute, outputs, views });
    }
  }
  await day.judge(SETTLED);
}

async function ask(
  options: Parameters<typeof whatIf>[1] = {},
  checkout: readonly OnDemandView[] | null = null,
): Promise<WhatIf> {
  const views = checkout === null ? null : new Map(checkout.map((view) => [view.id, view]));
  const [first] = await whatIf(day.project, { date: DAY, ...options }, views);
  return first!;
}

test('a computed value matches where the row that it is computed of does, under each setting', async () => {
  await plantDay(['cart_ratio', 'cart_doubled']);
  const result = await ask();
  const orders = result.roles.find(({ role }) => role === 'orders')!;
  expect(result.computed.map(({ role }) => role)).toEqual(['basket', 'markup']);
  for (const { measured, simulated, settings, unknown, unread, checkout } of result.computed) {
    expect({ unknown, unread, checkout }).toEqual({ unknown: null, unread: 0, checkout: null });
    const { present, exact, withinPromise } = measured;
    expect(simulated).toMatchObject({ present, exact, withinPromise, otherValues: 0 });
    expect(exact).toBeLessThan(present);
    // Each row has other values than the one before, so that one rate tells the other.
    const rates = ({ kind, us, isNow, exactMatch, exactMatchWithinPromise }: (typeof settings)[number]) => ({
      kind,
      us,
      isNow,
      exactMatch,
      exactMatchWithinPromise,
    });
    expect(settings.filter(({ view }) => view === 'orders').map(rates)).toEqual(
      orders.settings.map(({ kind, us, isNow, exactMatch, exactMatchWithinPromise }) => {
        return { kind, us, isNow, exactMatch, exactMatchWithinPromise };
      }),
    );
    expect(settings.some(({ exactMatch }) => exactMatch! < simulated!.exactMatch! - 0.3)).toBe(true);
  }
  const [basket] = result.computed;
  const seldom = basket!.settings.find(({ kind, us }) => kind === 'interval' && us === 6 * HOUR)!;
  expect(seldom).toMatchObject({
    name: 'every 6h instead of every 1h',
    sentence: expect.stringMatching(/^orders: every 6h instead of every 1h: exact .* -> /),
  });
  expect(seldom.otherValues).toBeGreaterThan(0.5);
  expect(renderWhatIf([result])).toMatch(
    /basket: computed on demand\n.*exact +or within promise +other values\n/,
  );
});

test('views are chosen by name: one with rows brings those that use it, an on-demand one what it uses', async () => {
  await plantDay(['cart_ratio']);
  const byRows = await ask({ view: ['orders'], every: '6h' });
  expect(byRows.roles.map(({ role }) => role)).toEqual(['orders']);
  expect(byRows.computed.map(({ role, settings }) => [role, settings.map(({ us }) => us)])).toEqual([
    ['basket', [HOUR, 6 * HOUR]],
  ]);
  const byFunction = await ask({ view: ['basket'], delay: '1h' });
  expect(byFunction.roles).toEqual([]);
  expect(byFunction.computed[0]!.settings).toMatchObject([{ view: 'orders', kind: 'delay', us: HOUR }]);
  expect(byFunction.computed[0]!.settings[0]!.exactMatch).not.toBe(
    byFunction.computed[0]!.simulated!.exactMatch,
  );
  expect((await ask({ view: ['driver_stats'] })).computed).toEqual([]);
  await expect(ask({ view: ['baskt'] })).rejects.toThrow('did you mean "basket"?');
});

test('the function of the checkout is run over what was logged, by way of others too', async () => {
  await plantDay(['cart_ratio', 'cart_doubled']);
  const { inputs, uses, features } = BASKET;
  const as = (script: string, more: Partial<OnDemandView> = {}) =>
    onDemandView('basket', script, { inputs, uses, features, ...more });
  expect((await ask({ view: ['basket'] }, [BASKET, MARKUP])).computed[0]!.checkout).toBe(null);
  const told = async (view: OnDemandView) => {
    const { computed } = await ask({ view: ['basket'], delay: '0s' }, [view, MARKUP]);
    return computed.map(({ checkout }) => checkout);
  };
  // It takes nothing of the row, so that no late row can spoil it.
  const [own, through] = await told(as('({ cart }) => ({ ratio: cart / 2 })'));
  expect(own).toMatchObject({ unknown: null, exactMatch: 1 });
  expect(own).toHaveProperty('otherValues', expect.closeTo(1, 1));
  expect(through).toMatchObject({ unknown: null, exactMatch: 1 });
  const { computed } = await ask({ view: ['basket'] }, [as('({ cart }) => ({ ratio: cart })'), MARKUP]);
  expect(renderWhatIf([{ ...(await ask()), computed }])).toContain('the function of the checkout');
  const stranger = { ...inputs[0]!, name: 'stranger' };
  const other = await told(as('({ stranger }) => ({ ratio: stranger })', { inputs: [stranger] }));
  expect(other[0]).toEqual({
    unknown: 'it takes the input stranger, which no request of the day brought so',
  });
  expect((await told(as('() => ({ ratio: 1 })', { uses: [] })))[0]).toEqual({
    unknown: 'it uses other views than the one in force',
  });
  expect(await ask({ view: ['basket'], delay: '0s' }, [MARKUP])).toMatchObject({
    computed: [{ checkout: { unknown: 'the checkout has no such view' } }, {}],
  });
});
