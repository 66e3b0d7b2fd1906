/**
 * Rates, intervals, slices and incidents of random days through a real `monitor run`, against what a list of the day's
 * vectors gives when it is counted by hand.
 */
import { afterEach, expect, test } from 'vitest';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { randomOf } from '../../oracle/planted-causes.ts';
import { at } from '../../support/day-time.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';

const VECTORS = 120;
const EDGES = ['05', '08', '11'];
const Z_95 = 1.959963984540054;

type Values = OrderRow['values'];

/** One vector, as it was served and as training sees it; null: no row. */
interface Vector {
  readonly time: string;
  readonly customer: string;
  readonly is: 'right' | 'altered' | 'lost' | 'unavailable' | 'absent';
  readonly served: Values | null;
  readonly replayed: OrderRow | null;
}

let day: MonitoredDay;
afterEach(() => day.remove());

const timeOf = (hour: number, minute: number): string =>
  `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}:30`;

async function recordRuns(): Promise<void> {
  for (let hour = 0; hour < 24; hour++) {
    const edge = `${String(hour).padStart(2, '0')}:00:00`;
    const times = { watermarkUs: at(edge), toUs: at(edge), startedUs: at(edge) };
    await day.record(day.orders, {
      runId: `r-${edge.slice(0, 2)}`,
      ...times,
      finishedUs: at(edge) + 60_000_000,
    });
  }
}

function historyOf(random: () => number): OrderRow[] {
  return Array.from({ length: 12 }, (_, i) => `c-${i}`).flatMap((customer) =>
    EDGES.filter(() => random() < 0.7).map((hour): OrderRow => {
      const spent = random() < 0.2 ? null : Math.floor(random() * 50) / 4;
      const values = [BigInt(Math.floor(random() * 5)), spent] as const;
      return { customer, event: `${hour}:00:00`, created: `${hour}:00:00`, run: `r-${hour}`, values };
    }),
  );
}

function vectorOf(random: () => number, history: readonly OrderRow[]): Vector {
  // The first ones are asked for most; the last two have no row at all.
  const customer = `c-${Math.floor(14 * random() ** 2)}`;
  const time = timeOf(6 + Math.floor(random() * 17), Math.floor(random() * 58) + 2);
  const replayed = history.findLast((row) => row.customer === customer && row.event <= time) ?? null;
  const chance = random();
  const is =
    chance < 0.05
      ? 'unavailable'
      : replayed === null
        ? 'absent'
        : chance < 0.15
          ? 'lost'
          : chance < 0.3
            ? 'altered'
            : 'right';
  const spent = replayed?.values[1] ?? null;
  const served = {
    right: replayed?.values ?? null,
    altered: replayed === null ? null : ([replayed.values[0], (spent ?? 0) + 1_000.5] as const),
    lost: null,
    unavailable: null,
    absent: null,
  }[is];
  return { time, customer, is, served, replayed };
}

function serve({ time, customer, is, served, replayed }: Vector): void {
  const watermark = `${time.slice(0, 2)}:00:00`;
  if (is === 'unavailable') day.serve(time, customer, { status: 'UNAVAILABLE', watermark });
  else if (served === null) day.serve(time, customer, { watermark });
  else
    day.serve(time, customer, {
      watermark,
      row: { event: replayed!.event, created: replayed!.created, values: served },
    });
}

/** The ends of Wilson's interval by its definition: the shares from which the counted one is 1.96 errors away. */
function wilson(hits: number, rows: number): [number, number] {
  const share = hits / rows;
  const isFar = (p: number): boolean => (share - p) ** 2 > (Z_95 ** 2 * p * (1 - p)) / rows;
  const end = (far: number): number => {
    let [out, within] = [far, share];
    for (let i = 0; i < 200; i++) {
      const middle = (out + within) / 2;
      if (isFar(middle)) out = middle;
      else within = middle;
    }
    return within;
  };
  return [share === 0 ? 0 : end(0), share === 1 ? 1 : end(1)];
}

function expectCounted(feature: FeatureSnapshot, vectors: readonly Vector[], place: 0 | 1): void {
  const judged = vectors.filter(({ is }) => is !== 'unavailable');
  const sides = judged.map((vector) => {
    const [served, replayed] = [vector.served?.[place] ?? null, vector.replayed?.values[place] ?? null];
    return { ...vector, isPresent: served !== null || replayed !== null, isRight: served === replayed };
  });
  const present = sides.filter(({ isPresent }) => isPresent);
  const right = present.filter(({ isRight }) => isRight);
  expect(feature).toMatchObject({
    rows: vectors.length,
    unavailable: vectors.length - judged.length,
    present: present.length,
    bothAbsent: judged.length - present.length,
    exact: right.length,
    withinPromise: 0,
    beyondPromise: present.length - right.length,
    exactMatch: right.length / present.length,
    exactMatchWithinPromise: right.length / present.length,
  });
  const rows = [
    ...Map.groupBy(present, ({ customer, replayed }) => `${customer} ${replayed?.event}`).values(),
  ];
  const shareOf = (which: (one: (typeof present)[number]) => boolean): number =>
    rows.reduce((sum, own) => sum + own.filter(which).length / own.length, 0);
  expect(feature.rowsJudged).toBe(rows.length);
  expect(feature.rowsWithinPromise).toBeCloseTo(
    shareOf(({ isRight }) => isRight),
    9,
  );
  expect(feature.rowsUnexplained).toBeCloseTo(
    shareOf(({ isRight, is }) => !isRight && is === 'altered'),
    9,
  );
  const interval = wilson(
    shareOf(({ isRight }) => isRight),
    rows.length,
  );
  for (const end of [0, 1] as const) expect(feature.interval![end]).toBeCloseTo(interval[end], 9);
}

/** Incidents of a cause together, against the values and rows that differ by it. */
function expectIncidents(snapshot: Snapshot, vectors: readonly Vector[]): void {
  for (const [is, cause] of [
    ['lost', 'missing online'],
    ['altered', 'unexplained'],
  ] as const) {
    const own = vectors.filter((vector) => vector.is === is);
    const values = own.flatMap(({ served, replayed }) =>
      ([0, 1] as const).filter((place) => (served?.[place] ?? null) !== replayed!.values[place]),
    );
    const rows = new Set(own.map(({ customer, replayed }) => `${customer} ${replayed!.event}`));
    const found = snapshot.incidents.filter((one) => one.cause === cause);
    const sum = (of: (one: (typeof found)[number]) => number): number =>
      found.reduce((n, one) => n + of(one), 0);
    expect([sum((one) => one.values), sum((one) => one.beyondPromise)]).toEqual([
      values.length,
      values.length,
    ]);
    expect(sum((one) => one.rows)).toBe(rows.size);
    const times = own.map(({ time }) => time).toSorted();
    expect(
      found
        .map(({ from }) => from)
        .toSorted()[0]
        ?.slice(11, 19),
    ).toBe(times[0]);
    expect(
      found
        .map(({ to }) => to)
        .toSorted()
        .at(-1)
        ?.slice(11, 19),
    ).toBe(times.at(-1));
  }
  // Ranked by harm.
  expect(snapshot.incidents.map(({ harm }) => harm)).toEqual(
    snapshot.incidents.map(({ harm }) => harm).toSorted((a, b) => b - a),
  );
}

function expectHours({ views, slices }: Snapshot, vectors: readonly Vector[]): void {
  const { hours, availability } = views.find(({ view }) => view === 'orders')!;
  const away = vectors.filter(({ is }) => is === 'unavailable');
  const minutes = [...Map.groupBy(vectors, ({ time }) => time.slice(0, 5)).values()];
  expect(availability).toMatchObject({
    vectors: vectors.length,
    unavailable: away.length,
    minutes: minutes.length,
  });
  expect(availability.availableMinutes).toBeCloseTo(
    minutes.reduce((sum, own) => sum + own.filter(({ is }) => is !== 'unavailable').length / own.length, 0),
    9,
  );
  for (const { hour, values, mismatches, unavailable } of hours) {
    const own = vectors.filter(({ time }) => Number(time.slice(0, 2)) === hour);
    const pairs = own
      .filter(({ is }) => is !== 'unavailable')
      .flatMap(({ served, replayed }) =>
        ([0, 1] as const).map((place) => [served?.[place] ?? null, replayed?.values[place] ?? null] as const),
      )
      .filter(([a, b]) => a !== null || b !== null);
    const differ = pairs.filter(([a, b]) => a !== b);
    expect({ hour, values, mismatches, unavailable }).toEqual({
      hour,
      values: pairs.length,
      mismatches: differ.length,
      unavailable: own.filter(({ is }) => is === 'unavailable').length,
    });
    const slice = slices.find((one) => one.by === 'hour' && Number(one.value) === hour);
    expect(slice?.values ?? 0).toBe(pairs.length);
  }
}

test.each([1, 2, 3])('a random day is counted as a list of its vectors is, seed %i', async (seed) => {
  const random = randomOf(seed);
  day = await MonitoredDay.make();
  await recordRuns();
  const history = historyOf(random);
  const vectors = Array.from({ length: VECTORS }, () => vectorOf(random, history));
  for (const vector of vectors) serve(vector);
  await day.appendOrders(history);
  await day.writeDrivers([{ driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 }]);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge('2026-01-10T00:00:00');
  const featureOf = (name: string) => snapshot.features.find((feature) => feature.name === name)!;
  expectCounted(featureOf('orders__orders_1d'), vectors, 0);
  expectCounted(featureOf('orders__spent_1d'), vectors, 1);
  expectIncidents(snapshot, vectors);
  expectHours(snapshot, vectors);
  expect(snapshot.health!.map(({ check, of }) => `${check} ${of}`)).toEqual([
    'freshness orders',
    'last run orders',
    'freshness driver_stats',
    'last run driver_stats',
    'skew churn',
    'coverage churn',
  ]);
});
