/** Who answered a service's vectors on a day: each pod by each bundle, service version and secret of the log. */
import type { HashedBy } from '../replay/served-files.ts';

export interface Server {
  readonly pod: string;
  readonly bundle: string;
  readonly serviceVersion: number;
  /** The id of the secret of the records' HMACs; empty: they have none. */
  readonly hmacKey: string;
  /** How many it answered, and when the first and the last of them were served. */
  readonly vectors: number;
  readonly firstUs: number;
  readonly lastUs: number;
}

/** @returns the bundles by which they answered, each once, in order */
export function bundlesOf(servers: readonly Server[]): string[] {
  return [...new Set(servers.map(({ bundle }) => bundle))].toSorted();
}

/** @returns how many vectors of each bundle and secret there are */
export function kindsOf(servers: readonly Server[]): (HashedBy & { readonly vectors: number })[] {
  const kinds = Map.groupBy(servers, ({ bundle, hmacKey }) => JSON.stringify([bundle, hmacKey]));
  return [...kinds.values()].map((own) => {
    const { bundle, hmacKey } = own[0]!;
    return { bundle, hmacKey, vectors: own.reduce((sum, { vectors }) => sum + vectors, 0) };
  });
}
