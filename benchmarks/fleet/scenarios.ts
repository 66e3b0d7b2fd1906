/** What happens to a simulated fleet, and what is told of it. */
import type { Fleet, FleetShape } from './fleet.ts';
import type { SecondOfFleet } from './fleet-tally.ts';

/** A second at whose beginning something happens. */
interface Act {
  readonly second: number;
  readonly act: (fleet: Fleet) => void;
}

interface Scenario {
  readonly shape: FleetShape;
  readonly seconds: number;
  readonly acts: readonly Act[];
}

/** What is asked for; all else is as in `USUAL`. */
export interface ScenarioAsk {
  readonly scenario?: keyof typeof SCENARIOS;
  readonly pods?: number;
  readonly nodes?: number;
  readonly requestsPerSecond?: number;
  readonly customers?: number;
  readonly stores?: number;
  readonly route?: FleetShape['route'];
  readonly jitter?: boolean;
  readonly startsOverMs?: number;
}

/** Second by second. */
export interface FleetReport {
  readonly seconds: readonly SecondOfFleet[];
  /** Reads of rows, by node, those of replicas that were promoted at the end. */
  readonly reads: readonly (readonly number[])[];
  /** Reads of markers and PINGs, by node. */
  readonly background: readonly (readonly number[])[];
}

/** Half of a LAN's round trip, and what a Redis of 100,000 commands a second takes for one (docs/capacity.md). */
const CLUSTER = { networkMs: 0.1, readMs: 0.01, smallMs: 0.005, promotedAfterMs: 6_000 } as const;
const USUAL = {
  scenario: 'steady',
  pods: 1_000,
  nodes: 100,
  requestsPerSecond: 50_000,
  customers: 10_000_000,
  stores: 50_000,
  route: 'random',
  jitter: true,
  startsOverMs: 0,
} as const;
/** When the caches have filled, and what is to happen does. */
export const STEADY_SECOND = 7;

const SCENARIOS = {
  /** Begins with empty caches, and goes on. */
  steady: { seconds: 12, acts: () => [] },
  /** A store comes into fashion: a fifth of all requests ask for it. */
  fashion: {
    seconds: 14,
    acts: () => [{ second: STEADY_SECOND, act: (fleet: Fleet) => void (fleet.fashion = 0.2) }],
  },
  /** A node stops; its replica is promoted 6 s later. */
  failover: {
    seconds: 18,
    acts: () => [{ second: STEADY_SECOND, act: (fleet: Fleet) => fleet.cluster.stop(0) }],
  },
  /** All pods are replaced, a tenth each second. */
  rollout: {
    seconds: 20,
    acts: (pods: number) =>
      Array.from({ length: 10 }, (_, i) => ({
        second: STEADY_SECOND + i,
        act: (fleet: Fleet) => {
          for (let p = i; p < pods; p += 10) fleet.replace(p);
        },
      })),
  },
  /** All pods get a new bundle in one second. */
  bundle: {
    seconds: 12,
    acts: () => [{ second: STEADY_SECOND, act: (fleet: Fleet) => fleet.swapBundle() }],
  },
} as const satisfies Record<string, { seconds: number; acts: (pods: number) => readonly Act[] }>;

/** @param text  a `ScenarioAsk` as JSON */
export function scenarioOf(text: string): Scenario {
  const ask = { ...USUAL, ...(JSON.parse(text) as ScenarioAsk) };
  const { seconds, acts } = SCENARIOS[ask.scenario];
  const { pods, route, jitter, startsOverMs, requestsPerSecond } = ask;
  return {
    seconds,
    acts: acts(pods),
    shape: {
      pods,
      route,
      jitter,
      startsOverMs,
      requestsPerSecond,
      cluster: { ...CLUSTER, nodes: ask.nodes },
      customers: { count: ask.customers, exponent: 0.8 },
      stores: { count: ask.stores, exponent: 1 },
      seed: 1,
    },
  };
}

export function reportOf({ tally, cluster }: Fleet, { seconds }: Scenario): FleetReport {
  const bySecond = (counts: readonly number[]): number[] =>
    Array.from({ length: seconds }, (_, s) => counts[s] ?? 0);
  return {
    seconds: tally.seconds,
    reads: cluster.nodes.map(({ asked }) => bySecond(asked.rows)),
    background: cluster.nodes.map(({ asked: { markers, ping } }) =>
      bySecond(markers).map((count, s) => count + (ping[s] ?? 0)),
    ),
  };
}
