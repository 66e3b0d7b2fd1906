/**
 * A sample of the planted causes (test/oracle/planted-causes.ts) through a real `monitor run`: a history on disk, run
 * records, a spool with answers. The rules are held by thousands of cases; here it is held that the run finds their
 * facts: every row's own rows, those of others, the rows that were missed and the runs behind them.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { Cause } from '../../../contract/cause.ts';
import type { CauseCounts, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import type { FeatureService } from '../../../contract/model.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import { judgedMismatches } from '../../support/fixtures/judged-mismatches.ts';
import type { JudgedMismatch } from '../../support/fixtures/judged-mismatches.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';
import { driverStats, orders } from '../../support/fixtures/materialized-project.ts';
import {
  FALLBACK,
  PLANTED_CURRENCY,
  PLANTED_FIDELITY,
  plant,
  randomOf,
} from '../../oracle/planted-causes.ts';
import type { PlantedCase, PlantedRow } from '../../oracle/planted-causes.ts';

const SEED = 7;
const SETTLED = '2026-01-10T00:00:00';
/** They need another day each: another definition, delay or TTL, a clock, or no records of any run. */
const OTHER_DAYS: ReadonlySet<Cause> = new Set<Cause>([
  'definition changed',
  'served ahead',
  'clock skew',
  'TTL boundary',
  'not proved',
]);

let day: MonitoredDay;
afterEach(() => day.remove());

/** A time as the fixture takes it. */
function textOf(us: number): string {
  return formatTimestamp(us).replace('Z', '');
}

/** What was planted, by the request that it was served by. */
type Planted = Map<string, PlantedCase>;

function casesOf(kind: PlantedCase['kind'], hasCreatedTimes: boolean): PlantedCase[] {
  const random = randomOf(SEED);
  const cases: PlantedCase[] = [];
  for (const isReloaded of [false, true]) {
    for (const isShared of [false, true]) {
      for (const fidelity of [null, ...PLANTED_FIDELITY]) {
        for (const currency of [null, ...PLANTED_CURRENCY]) {
          if (currency !== null && OTHER_DAYS.has(currency)) continue;
          const planted = plant({ kind, hasCreatedTimes, fidelity, currency, isReloaded, isShared }, random);
          if (planted !== null) cases.push(planted);
        }
      }
    }
  }
  return cases;
}

/** The answer's bytes, with the amount that was planted in place of the logged one. */
function answerOf({ answered, served }: PlantedCase, names: readonly [string, string]): Buffer {
  const [count, amount] = served.values;
  const said = answered ?? amount;
  const shown = said === null || !Number.isFinite(said) ? 'null' : String(said);
  const features = `"${names[0]}":${count},"${names[1]}":${shown}`;
  return Buffer.from(`{"results":[{"entities":{},"features":{${features}}}],"metadata":{}}`);
}

/** Causes and promise of each mismatch, by request. */
async function toldOf(snapshot: Snapshot): Promise<Map<string, JudgedMismatch[]>> {
  const mismatches = await judgedMismatches(day.project.settings.reports, snapshot);
  const groups = Map.groupBy(mismatches, ({ requestId }) => requestId);
  return new Map(groups);
}

/** By feature and first cause, as snapshots count them. */
function countsOf(mismatches: readonly JudgedMismatch[]): Record<string, Record<string, CauseCounts>> {
  const counts: Record<string, Record<string, CauseCounts>> = {};
  for (const { feature, causes, withinPromise } of mismatches) {
    const own = (counts[feature] ??= {});
    const { values, beyondPromise } = own[causes[0]!] ?? { values: 0, beyondPromise: 0 };
    own[causes[0]!] = { values: values + 1, beyondPromise: beyondPromise + (withinPromise ? 0 : 1) };
  }
  return counts;
}

async function expectFound(snapshot: Snapshot, planted: Planted): Promise<void> {
  const told = await toldOf(snapshot);
  const examples = snapshot.features.flatMap((feature) => feature.examples);
  expect(examples.length).toBeGreaterThan(0);
  expect(countsOf([...told.values()].flat())).toEqual(
    Object.fromEntries(
      snapshot.features
        .filter(({ causes }) => Object.keys(causes).length > 0)
        .map(({ name, causes }) => [name, causes]),
    ),
  );
  for (const { requestId, causes } of examples) {
    expect(told.get(requestId)!.map((one) => one.causes)).toContainEqual(causes);
  }
  const faults: string[] = [];
  for (const [requestId, { fidelity, currency, kind }] of planted) {
    const found = told.get(requestId) ?? [];
    const name = `${kind} ${fidelity ?? ''} + ${currency ?? ''}: ${JSON.stringify(found.map(({ causes }) => causes))}`;
    const causes = new Set(found.flatMap((one) => one.causes));
    if (fidelity === null && currency === null && found.length > 0) faults.push(`clean, but ${name}`);
    for (const cause of [fidelity, currency]) if (cause !== null && !causes.has(cause)) faults.push(name);
    const isBroken = fidelity !== null && fidelity !== 'answer altered';
    if (isBroken && found.some(({ withinPromise }) => withinPromise))
      faults.push(`within the promise: ${name}`);
  }
  expect(faults).toEqual([]);
}

/** Each case is an entity of its own, so that a row served as another's is that one's alone. */
function serve(planted: Planted, one: PlantedCase, id: string, view: 'orders' | 'driver_stats'): void {
  const { served, servedUs, fetchedUs, watermarkUs, source } = one;
  const values = view === 'orders' ? served.values : [served.values[1], served.values[0], null];
  const createdUs = served.createdUs;
  const row = {
    event: textOf(served.eventUs),
    created: createdUs === null ? '1970-01-01T00:00:00' : textOf(createdUs),
    values,
  };
  const times = { source, fetched: textOf(fetchedUs), watermark: textOf(watermarkUs) };
  const definition = view === 'orders' ? day.orders : day.driverStats;
  const rows = [servedRow(definition, textOf(servedUs), { row, ...times })];
  const [role, key] = view === 'orders' ? ['orders', 'customer_id'] : ['driver_stats', 'driver_id'];
  const names = view === 'orders' ? ['orders_1d', 'spent_1d'] : ['trips', 'conv_rate'];
  const answer = answerOf(one, names.map((name) => `${role}__${name}`) as [string, string]);
  planted.set(day.append(textOf(servedUs), { [key]: id }, rows, 0, { answer }), one);
}

/** A service of one view, with both of its features. */
function serviceOf(view: 'orders' | 'driver_stats', names: readonly string[]): FeatureService {
  const key = view === 'orders' ? SERVICE.requestKeys[0]! : SERVICE.requestKeys[1]!;
  return {
    ...SERVICE,
    features: names.map((name) => ({ fullName: `${view}__${name}`, view, role: view, feature: name })),
    views: [{ role: view, view, requestKeys: [key.name] }],
    requestKeys: [key],
  };
}

test('an aggregated view: each cause alone and with each of the other axis', async () => {
  day = await MonitoredDay.make();
  const [count, spent] = orders().features;
  const features = [count!, { ...spent!, missing: FALLBACK }];
  day.publish(orders({ features }), serviceOf('orders', ['orders_1d', 'spent_1d']));
  const planted: Planted = new Map();
  const history: OrderRow[] = [];
  const earlier: OrderRow[] = [];
  const own = (customer: string, { eventUs, createdUs, run, values }: PlantedRow): OrderRow => {
    return { customer, event: textOf(eventUs), created: textOf(createdUs!), run, values };
  };
  const names = new Map<string, string>();
  for (const [i, one] of casesOf('aggregated', true).entries()) {
    // Runs that end alike are one run of the day.
    for (const run of one.runs) {
      const { runId, kind, state, toUs, finishedUs } = run;
      const name = names.get(JSON.stringify(run)) ?? `${runId}-${names.size}`;
      if (!names.has(JSON.stringify(run))) {
        const times = { toUs, watermarkUs: toUs, startedUs: toUs, finishedUs };
        await day.record(day.orders, { runId: name, kind, state, ...times });
      }
      names.set(JSON.stringify(run), name);
    }
    const nameOf = (row: PlantedRow): string =>
      names.get(JSON.stringify(one.runs.find(({ runId }) => runId === row.run))) ?? row.run;
    for (const row of one.own) history.push(own(`c-${i}`, { ...row, run: nameOf(row) }));
    for (const row of one.earlier) earlier.push(own(`c-${i}`, { ...row, run: 'before' }));
    for (const row of one.others) history.push(own(`${row.entity}-${i}`, { ...row, run: nameOf(row) }));
    serve(planted, one, `c-${i}`, 'orders');
  }
  const oldest = { event: '01:00:00', created: '01:00:00', values: [1n, 1] } as const;
  await day.appendOrders(earlier);
  await day.takeOut('before', '20:15:00');
  await day.appendOrders([...history, { customer: 'oldest', run: 'r', ...oldest }]);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  await expectFound(snapshot, planted);
  // A right value of such a row has no entry of its own to name.
  const changed = snapshot.features.flatMap(({ examples }) =>
    examples.filter(
      ({ causes, evidence }) => causes[0] === 'changed in place' && !evidence.includes('beside this one'),
    ),
  );
  expect(changed.length).toBeGreaterThan(0);
  for (const { evidence } of changed)
    expect(evidence).toMatch(
      /; entry 0 of the history's log, of 1970-01-01 00:00, had what was served, until entry 1 of 20:15 /,
    );
  const fidelity = snapshot.views[0]!.fidelity!;
  expect(fidelity).toMatchObject({ restamped: 0, notKept: 0, unknown: 0 });
  expect(fidelity.foreign + fidelity.altered + fidelity.missingInHistory).toBe(
    [...planted.values()].filter(({ fidelity: f }) => f !== null && f !== 'answer altered').length,
  );
});

/** A stored row does not name its run: all of a day's rows have the same ones. */
describe.each([
  ['runs in time', true, [null, 'missing online', 'late arrival', 'rewritten history', 'duplicate']],
  ['a run that ended late', true, ['materialization lag']],
  ['runs in time, without created times', false, [null, 'duplicate']],
] as const)('a stored view, %s', (_, hasCreatedTimes, currencies) => {
  test('each cause alone and with each of the other axis; a source loaded again is no fault', async () => {
    const source = {
      name: 'drivers',
      path: 'data/drivers*.parquet',
      eventTime: 'event_timestamp',
      maxAheadUs: null,
    };
    const createdTime = hasCreatedTimes ? 'created' : null;
    const driverFeatures = driverStats().features.map((one) =>
      one.name === 'conv_rate' ? { ...one, missing: FALLBACK } : one,
    );
    day = await MonitoredDay.make(
      {},
      { source: { ...source, createdTime }, features: driverFeatures, ttlUs: null },
    );
    day.publish(day.orders, serviceOf('driver_stats', ['trips', 'conv_rate']));
    const wanted: readonly (Cause | null)[] = currencies;
    const cases = casesOf('stored', hasCreatedTimes).filter(
      ({ currency, runs }) => wanted.includes(currency) && runs.every(({ state }) => state === 'complete'),
    );
    const planted: Planted = new Map();
    const selects: string[] = [driverSql(0, { eventUs: 1, createdUs: 1, run: 'r', values: [1n, 1] })];
    for (const { runId, toUs, finishedUs } of cases[0]!.runs) {
      await day.record(day.driverStats, { runId, toUs, watermarkUs: toUs, startedUs: toUs, finishedUs });
    }
    for (const [i, one] of cases.entries()) {
      const names = new Map(one.others.map(({ entity }, n) => [entity, (i + 1) * 100 + n]));
      for (const row of one.own) selects.push(driverSql(i + 1, row));
      for (const row of one.others) selects.push(driverSql(names.get(row.entity)!, row));
      serve(planted, one, String(i + 1), 'driver_stats');
    }
    await day.project.writeParquet('drivers', selects.join(' UNION ALL '));
    const snapshot = await day.judge(SETTLED);
    await expectFound(snapshot, planted);
    expect(snapshot.views[0]!.fidelity!.notKept).toBe(0);
    if (wanted.includes('missing online')) expect(snapshot.views[0]!.fidelity!.restamped).toBeGreaterThan(0);
  });
});

function driverSql(id: number, { eventUs, createdUs, values: [trips, rate] }: PlantedRow): string {
  const conv = rate === null ? 'NULL' : `'${rate}'`;
  return `SELECT ${id}::BIGINT AS driver_id, make_timestamp(${eventUs}) AS event_timestamp,
    make_timestamp(${createdUs ?? 0}) AS created, ${conv}::DOUBLE AS conv_rate, ${trips ?? 'NULL'}::BIGINT AS trips,
    NULL::VARCHAR[] AS tags`;
}
