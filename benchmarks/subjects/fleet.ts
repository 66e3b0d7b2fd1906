/**
 * A thousand sidecars over a Redis Cluster of a hundred nodes, in virtual time (benchmarks/fleet): what each node is
 * asked when all pods start cold, when a store comes into fashion, when a node fails, when pods or bundles roll; and
 * how many rows the caches have, by the number of pods and by who picks the pod.
 *
 * Counts are those of the sidecar's own cache, loader and reader; what a machine does to them is not in them. A
 * scenario takes two to four minutes of processor time; `--scenarios` names those that are run.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { FleetReport, ScenarioAsk } from '../fleet/scenarios.ts';
import { STEADY_SECOND } from '../fleet/scenarios.ts';
import { sumOf } from '../fleet/fleet-tally.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const RUN = join(import.meta.dirname, '../fleet/run.ts');
const PODS = [10, 100, 1_000] as const;
/** Of what a node is asked in a second when nothing happens. */
const MOST_OF_STEADY = 2;
const LEAST_SERVED = 0.99;
const NODES = 100;
/** From the failure of a node until a second or so after its replica was promoted. */
const FAILOVER_S = 8;
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

/** By name, each a few minutes of processor time: what is printed, and the targets. */
const PARTS: Readonly<Record<string, () => Target[]>> = {
  pods: cachedByPods,
  cold: coldStart,
  instep: () => peak('the same without jitter', simulate({ jitter: false }), 0),
  fashion: () => peak('a store takes a fifth of all requests', simulate({ scenario: 'fashion' })),
  rollout: () => peak('a tenth of the pods a second is replaced', simulate({ scenario: 'rollout' })),
  bundle: () => peak('a new bundle everywhere', simulate({ scenario: 'bundle' })),
  failover,
};

/** Until something happens it is what each scenario is. */
let steadyFleet: FleetReport | null = null;
const atRest = (): FleetReport => (steadyFleet ??= simulate({}));

export async function simulatedFleet({ scenarios }: Pick<BenchContext, 'scenarios'>): Promise<Target[]> {
  const asked = scenarios ?? Object.keys(PARTS);
  const unknown = asked.find((name) => PARTS[name] === undefined);
  if (unknown !== undefined)
    throw new Error(`--scenarios: there is no ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
  print(
    '\nA fleet in virtual time: 50,000 requests a second, each for 1 of 10,000,000 customers and 1 of 50,000',
  );
  print('stores by Zipf’s law, a cluster of 100 nodes; peaks are the most that a node is asked in a second,');
  print('of what it is asked when nothing happens');
  return asked.flatMap((name) => PARTS[name]!());
}

function cachedByPods(): Target[] {
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
  return [];
}

function coldStart(): Target[] {
  const report = atRest();
  peak('all pods start at once', report, 0);
  return [
    {
      what: 'a cold start of 1,000 pods: reads of a node in a second, of its steady ones',
      reached: peakOf(report, 0),
      wanted: MOST_OF_STEADY,
      unit: 'x',
      atMost: true,
    },
  ];
}

/** Prints the peak from a second on. */
function peak(what: string, report: FleetReport, second: number = STEADY_SECOND): Target[] {
  const later = second === 0 ? `, from the third second on ${times(peakOf(report, 2, atRest()))}` : '';
  print(`  ${what}: ${times(peakOf(report, second, atRest()))}${later}`);
  return [];
}

function failover(): Target[] {
  const report = simulate({ scenario: 'failover' });
  const during = sumOf(report.seconds.slice(STEADY_SECOND, STEADY_SECOND + FAILOVER_S));
  const rows = during.cached + during.read + during.stale + during.unavailable;
  const served = 1 - during.unavailable / rows;
  const ofNode = 1 - (during.unavailable * NODES) / rows;
  print(
    `  a node fails: ${share(served)} of all rows are served for ${FAILOVER_S} s, ${during.stale} of them from before; of the rows of one node of ${NODES} ${share(ofNode)}`,
  );
  return [
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
