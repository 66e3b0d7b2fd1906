/**
 * A sample of the planted causes (test/oracle/planted-causes.ts) through a real `monitor run`: a history on disk, run
 * records, a spool with answers. The rules are held by thousands of cases; here it is held that the run finds their
 * facts: every row's own rows, those of others, the rows that were missed and the runs behind them.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { Cause } from '../../../contract/cause.ts';
import type { CauseCounts, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { judgedMismatches } from '../../support/fixtures/judged-mismatches.ts';
import type { JudgedMismatch } from '../../support/fixtures/judged-mismatches.ts';
import type { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { plantedDrivers, plantedOrders } from '../../support/fixtures/planted-day.ts';
import type { Planted } from '../../support/fixtures/planted-day.ts';

const SETTLED = '2026-01-10T00:00:00';
let day: MonitoredDay;
afterEach(() => day.remove());

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

test('an aggregated view: each cause alone and with each of the other axis', async () => {
  const { planted, ...made } = await plantedOrders();
  day = made.day;
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
    const { planted, ...made } = await plantedDrivers(hasCreatedTimes, currencies);
    day = made.day;
    const wanted: readonly (Cause | null)[] = currencies;
    const snapshot = await day.judge(SETTLED);
    await expectFound(snapshot, planted);
    expect(snapshot.views[0]!.fidelity!.notKept).toBe(0);
    if (wanted.includes('missing online')) expect(snapshot.views[0]!.fidelity!.restamped).toBeGreaterThan(0);
  });
});
