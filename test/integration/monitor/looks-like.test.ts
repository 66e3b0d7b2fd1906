/** What unexplained values look like, through a real `monitor run`: over the history as it lies on the disk. */
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { randomOf } from '../../oracle/planted-causes.ts';

const SETTLED = '2026-01-10T00:00:00';
const ROWS = 40;
const SEED = 20_261_129;
const HOURS = ['09', '10', '11'] as const;

type Values = readonly [bigint, number];

let day: MonitoredDay;
afterEach(() => day.remove());

/** By customer, the values of each hour. */
async function makeDay(): Promise<Values[][]> {
  day = await MonitoredDay.make();
  await day.writeDrivers([{ driver: 2, event: '09:00:00', created: '09:00:00', convRate: 1 }]);
  const random = randomOf(SEED);
  const values = Array.from({ length: ROWS }, () =>
    HOURS.map((): Values => [BigInt(Math.floor(random() * 1e6)), 1 + random() * 1_000]),
  );
  const rows = values.flatMap((own, n) =>
    HOURS.map((hour, h) => {
      const times = { event: `${hour}:00:00`, created: `${hour}:01:00`, run: `r-${hour}` };
      return { customer: `c-${n}`, ...times, values: own[h]! };
    }),
  );
  await day.appendOrders(rows);
  await day.setWatermark('23:00:00');
  return values;
}

/** Serves the row of eleven with other values. */
function serve(n: number, values: Values, times = 1): void {
  const row = { event: '11:00:00', created: '11:01:00', values };
  for (let i = 0; i < times; i++) day.serve('11:30:00', `c-${n}`, { row, watermark: '11:00:00' });
}

function likenessOf({ features }: Snapshot): Record<string, unknown> {
  return Object.fromEntries(
    features.flatMap(({ name, looksLike }) => (looksLike === undefined ? [] : [[name, looksLike] as const])),
  );
}

test('amounts in another unit, however often each was served', async () => {
  const values = await makeDay();
  for (const [n, [, , [count, spent]]] of (values as [Values, Values, Values][]).entries())
    serve(n, [count, spent * 100], 1 + (n % 3));
  const snapshot = await day.judge(SETTLED);
  const like = [{ shape: '100 times the value', rows: ROWS, share: 1, shuffled: 0 }];
  expect(likenessOf(snapshot)).toEqual({ orders__spent_1d: like });
  expect(snapshot.features.find(({ name }) => name === 'orders__spent_1d')!.causes).toEqual({
    unexplained: { values: expect.any(Number) as number, beyondPromise: expect.any(Number) as number },
  });
});

test('a count that is one hop late beside an amount that is not', async () => {
  const values = await makeDay();
  for (const [n, [, [before], [, spent]]] of (values as [Values, Values, Values][]).entries())
    serve(n, [before, spent]);
  const like = [{ shape: 'the value one hop earlier', rows: ROWS, share: 1, shuffled: 0 }];
  expect(likenessOf(await day.judge(SETTLED))).toEqual({ orders__orders_1d: like });
});

test('whole rows that another entity had at another time', async () => {
  const values = await makeDay();
  for (let n = 0; n < ROWS; n++) serve(n, values[(n + 1) % ROWS]![0]!);
  const like = [{ shape: 'another entity’s whole row', rows: ROWS, share: 1, shuffled: 0 }];
  expect(likenessOf(await day.judge(SETTLED))).toEqual({ orders__orders_1d: like, orders__spent_1d: like });
});

test('features that are wrong in other rows than each other are answered by one look at the history', async () => {
  const values = await makeDay();
  for (let n = 0; n < ROWS - 10; n++) serve(n, values[(n + 1) % ROWS]![0]!);
  // Of ten more the count alone is wrong.
  for (let n = ROWS - 10; n < ROWS; n++) serve(n, [9_000_000n + BigInt(n), values[n]![2]![1]]);
  const looked = vi.spyOn(DuckDb.prototype, 'rows');
  onTestFinished(() => void looked.mockRestore());
  const shape = { shape: 'another entity’s whole row', shuffled: 0 };
  expect(likenessOf(await day.judge(SETTLED))).toEqual({
    orders__orders_1d: [{ ...shape, rows: ROWS, share: 0.75 }],
    orders__spent_1d: [{ ...shape, rows: ROWS - 10, share: 1 }],
  });
  expect(looked.mock.calls.filter(([sql]) => sql.includes('FROM likeness_rows'))).toHaveLength(1);
});

test('noise, and one row that was served often, look like nothing', async () => {
  const values = await makeDay();
  const random = randomOf(SEED + 1);
  for (let n = 1; n < ROWS; n++) serve(n, [BigInt(Math.floor(random() * 1e6)), 1 + random() * 1_000]);
  const [count, spent] = values[0]![2]!;
  serve(0, [count, spent * 100], 100);
  expect(likenessOf(await day.judge(SETTLED))).toEqual({});
});
