/** Small fleets in virtual time (benchmarks/fleet): what the store of a large one relies on. */
import { expect, test } from 'vitest';
import { STEADY_SECOND } from '../../../benchmarks/fleet/scenarios.ts';
import { sumOf } from '../../../benchmarks/fleet/fleet-tally.ts';
import { peakOf, simulate } from '../../../benchmarks/subjects/fleet.ts';

const SMALL = { pods: 40, nodes: 4, requestsPerSecond: 600, customers: 2_000, stores: 100 } as const;

const steady = simulate(SMALL);

test('pods that start together ask no node for twice what it is asked later, nor in step ever after', () => {
  expect(peakOf(steady, 0)).toBeLessThan(2);
  // Markers and PINGs come every few seconds from each pod: in step they would all come in the same one.
  const background = Array.from({ length: 12 }, (_, s) =>
    steady.background.reduce((sum, n) => sum + n[s]!, 0),
  );
  const later = background.slice(4);
  const mean = later.reduce((sum, count) => sum + count, 0) / later.length;
  expect(Math.max(...later)).toBeLessThan(mean * 1.6);
});

test('a row that is always asked for is read as often as its times of freshness say', () => {
  const entities = { customers: 20, stores: 20 } as const;
  const { reads } = simulate({ ...SMALL, ...entities, pods: 1, nodes: 1 });
  // At the start, and three times from 80 % of 5 s on, each times 0.85 to 1: in 12 s no more.
  const each = reads[0]!.reduce((sum, count) => sum + count, 0) / 40;
  expect(each).toBeLessThanOrEqual(4);
  expect(each).toBeGreaterThan(3.7);
});

test('while a node fails over caches stand in, and a second after its replica is promoted all is well', () => {
  const report = simulate({ ...SMALL, scenario: 'failover' });
  // Until something happens it is the same fleet.
  expect(report.seconds.slice(0, STEADY_SECOND)).toEqual(steady.seconds.slice(0, STEADY_SECOND));
  const before = sumOf(report.seconds.slice(STEADY_SECOND - 3, STEADY_SECOND));
  const during = sumOf(report.seconds.slice(STEADY_SECOND, STEADY_SECOND + 6));
  const after = sumOf(report.seconds.slice(STEADY_SECOND + 8));
  expect([before.unavailable, after.unavailable]).toEqual([0, 0]);
  expect(during.stale).toBeGreaterThan(0);
  // A quarter of the rows are on that node.
  const rows = during.cached + during.read + during.stale + during.unavailable;
  expect(during.unavailable / rows).toBeLessThan(1 / 4);
  expect(Math.min(...report.reads[4]!.slice(STEADY_SECOND + 8))).toBeGreaterThan(0);
});
