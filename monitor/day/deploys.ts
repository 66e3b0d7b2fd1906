/** Which bundles and service versions answered a service's requests on a day. Pure. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Server } from './servers.ts';

export interface Deploy {
  /** When its first vector of the day was served. */
  readonly at: string;
  readonly bundle: string;
  readonly serviceVersion: number;
  readonly vectors: number;
}

/** @returns in the order of their first vector */
export function deploysOf(servers: readonly Server[]): Deploy[] {
  const own = Map.groupBy(servers, ({ bundle, serviceVersion }) => `${bundle} ${serviceVersion}`);
  const deploys = [...own.values()].map((pods) => {
    const { bundle, serviceVersion } = pods[0]!;
    const firstUs = pods.reduce((first, pod) => Math.min(first, pod.firstUs), Infinity);
    return { firstUs, bundle, serviceVersion, vectors: pods.reduce((sum, pod) => sum + pod.vectors, 0) };
  });
  return deploys
    .toSorted(
      (a, b) =>
        a.firstUs - b.firstUs ||
        (a.bundle < b.bundle ? -1 : a.bundle > b.bundle ? 1 : a.serviceVersion - b.serviceVersion),
    )
    .map(({ firstUs, ...deploy }) => ({ at: formatTimestamp(firstUs), ...deploy }));
}
