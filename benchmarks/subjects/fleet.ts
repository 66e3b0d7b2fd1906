/**
 * A thousand sidecars over a Redis Cluster of a hundred nodes, in virtual time (benchmarks/fleet): what each node is
 * asked when all pods start cold, when a store comes into fashion, when a node fails, when pods or bundles roll; and
 * how many rows the caches have, by the number of pods and by who picks the pod.
 *
 * Counts are those of the sidecar's own cache, loader and reader; what a machine does to them is not in them. A
 * scenario takes a minute or two.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { FleetReport, ScenarioAsk } from '../fleet/scenarios.ts';
import { STEADY_SECOND } from '../fleet/scenarios.ts';
import { sumOf } from '../fleet/fleet-tally.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const RUN = join(import.meta.dirname, '../fleet/run.ts');
const PODS = [10, 100, 1_000] as const;
/** Of what a node is asked in a second when nothing happens. */
const MOST_OF_STEADY = 2;
const LEAST_SERVED = 0.99;
const LARGEST_REPORT = 2 ** 26;

export function simulate(ask: ScenarioAsk): FleetReport {
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--max-old-space-size=6000',
    RUN,
    JSON.stringify(ask),
  ];
  const text = execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: LARGEST_REPORT });
  return JSON.parse(text) as FleetReport;
}

export async function simulatedFleet(): Promise<Target[]> {
  print(
    '\nA fleet in virtual time: 50,000 requests a second, each for 1 of 10,000,000 customers and 1 of 50,000',
  );
  print('stores by Zipf’s law, a cluster of 100 nodes');
  for (const pods of PODS) {
    for (const route of ['random', 'customer'] as const) {
      const { seconds, reads } = simulate({ pods, route });
      const { cached, read } = sumOf(seconds.slice(STEADY_SECOND));
      const perNode = steadyOf(reads);
      print(
        `  ${String(pods).padStart(5)} pods, ${route === 'random' ? 'any pod         ' : 'by the customer '}` +
          `${share(cached / (cached + read))} of the rows cached; a node is asked ${whole(mean(perNode))} a second, the most asked ${whole(Math.max(...perNode))}`,
      );
    }
  }
  const cold = simulate({});
  const inStep = simulate({ jitter: false });
  const fashion = simulate({ scenario: 'fashion' });
  const rollout = simulate({ scenario: 'rollout' });
  const bundle = simulate({ scenario: 'bundle' });
  print('  the most that a node is asked in a second, of what it is asked when nothing happens:');
  print(`    all pods start at once   ${times(peakOf(cold, 0))}`);
  print(`    the same without jitter  ${times(peakOf(inStep, 0))}, later ${times(peakOf(inStep, 2))}`);
  print(`    a store takes a fifth    ${times(peakOf(fashion, STEADY_SECOND, cold))}`);
  print(`    a tenth of the pods a second is replaced  ${times(peakOf(rollout, STEADY_SECOND, cold))}`);
  print(`    a new bundle everywhere  ${times(peakOf(bundle, STEADY_SECOND, cold))}`);
  const failover = simulate({ scenario: 'failover' });
  const during = sumOf(failover.seconds.slice(STEADY_SECOND, STEADY_SECOND + 8));
  const rows = during.cached + during.read + during.stale + during.unavailable;
  const served = 1 - during.unavailable / rows;
  print(
    `  a node fails: ${share(served)} of all rows are served for 8 s, ${during.stale} of them from before`,
  );
  return [
    {
      what: 'a cold start of 1,000 pods: reads of a node in a second, of its steady ones',
      reached: peakOf(cold, 0),
      wanted: MOST_OF_STEADY,
      unit: 'x',
      atMost: true,
    },
    {
      what: 'rows that are served while a node fails over',
      reached: served * 100,
      wanted: LEAST_SERVED * 100,
      unit: '%',
      atMost: false,
    },
  ];
}

/** @returns by node what it is asked in a second when nothing happens, from the counts of a steady run */
function steadyOf(reads: FleetReport['reads']): number[] {
  return reads.map((seconds) => mean(seconds.slice(STEADY_SECOND)));
}

/** @returns the largest ratio of what a node was asked in a second from `second` on to what it is asked steadily */
export function peakOf(
  { reads }: FleetReport,
  second: number,
  steady: Pick<FleetReport, 'reads'> = { reads },
): number {
  const usual = steadyOf(steady.reads);
  return Math.max(
    ...reads.slice(0, usual.length).map((counts, n) => Math.max(...counts.slice(second)) / usual[n]!),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function share(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} times`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
