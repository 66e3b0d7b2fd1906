/** Who answered a service's vectors on a day: each pod by each bundle and service version. */
export interface Server {
  readonly pod: string;
  readonly bundle: string;
  readonly serviceVersion: number;
  /** How many it answered, and when the first and the last of them were served. */
  readonly vectors: number;
  readonly firstUs: number;
  readonly lastUs: number;
}

/** @returns the bundles by which they answered, each once, in order */
export function bundlesOf(servers: readonly Server[]): string[] {
  return [...new Set(servers.map(({ bundle }) => bundle))].toSorted();
}
