/** A pod of a simulated fleet: the sidecar's serving, cache, loader and hot keys as they are, on a made-up cluster. */
import type { Clock } from '../../project/clock.ts';
import { FROM_CACHE, FROM_NONE, FROM_STALE } from '../../contract/status.ts';
import { Outbox } from '../../sidecar/answer/outbox.ts';
import { HotKeys } from '../../sidecar/cache/hot-keys.ts';
import { RowCache } from '../../sidecar/cache/row-cache.ts';
import { RowLoader } from '../../sidecar/cache/row-loader.ts';
import { Metrics } from '../../sidecar/metrics/metrics.ts';
import type { BundlePlans } from '../../sidecar/plan/bundle-plans.ts';
import type { RequestInFlight } from '../../sidecar/request/request-in-flight.ts';
import type { VectorCodec } from '../../sidecar/request/surface.ts';
import { Serving } from '../../sidecar/serve.ts';
import { Exchange } from '../../sidecar/transport/transport.ts';
import { FLEET_SERVICE } from './fleet-service.ts';
import type { FleetTally } from './fleet-tally.ts';
import type { SimulatedReader } from './simulated-reader.ts';

/** The sidecar's defaults. */
const FRESH_US = 5_000_000;
const STALE_US = 60_000_000;
const DEADLINE_MS = 8;
/** The ready ring takes half; nothing is ever ready here, since answers are not written. */
const BYTES = 256 * 2 ** 20;

interface PodParts {
  readonly reader: SimulatedReader;
  readonly plans: BundlePlans;
  readonly clock: Clock;
  readonly tally: FleetTally;
  /** The bound of the cache. */
  readonly entries: number;
  /** What the loader draws the times of freshness with. */
  readonly random: () => number;
}

/** Pods share what only counts or writes. */
const METRICS = new Metrics();
const OUTBOX = new Outbox(null, { durability: 'written', onFull: 'shed-log' }, METRICS, () => {});
const NO_BODY = Buffer.alloc(0);

class SilentExchange extends Exchange {
  override reply(): void {}
}

export class SimulatedPod {
  readonly #serving: Serving;
  readonly #reader: SimulatedReader;
  readonly #codec: FleetCodec;

  constructor({ reader, plans, clock, tally, entries, random }: PodParts) {
    const cache = new RowCache({ entries, bytes: BYTES, freshUs: FRESH_US, staleUs: STALE_US });
    const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow: unreadable }, random);
    this.#reader = reader;
    this.#codec = new FleetCodec(tally);
    this.#serving = new Serving({
      clock,
      cache,
      loader,
      plans,
      metrics: METRICS,
      outbox: OUTBOX,
      hotKeys: new HotKeys((key) => reader.nodeOf(key), random),
      refuse(_, fault) {
        throw fault;
      },
    });
  }

  /** @param customer  an id, as `store` is */
  ask(customer: number, store: number): void {
    this.#codec.parts = [[String(customer)], [String(store)]];
    const exchange = new SilentExchange();
    exchange.readMs = performance.now();
    this.#serving.serve(exchange, this.#codec, NO_BODY, DEADLINE_MS);
  }

  /** It gets a new bundle. */
  swap(plans: BundlePlans): void {
    this.#serving.swap(plans);
  }

  /** It ends; whoever it still owes an answer gets it. */
  stop(): void {
    void this.#reader.close();
  }
}

/** In place of a protocol: requests come as ids, and of an answer is counted where its rows came from. */
class FleetCodec implements VectorCodec {
  readonly code = 0;
  readonly route = 'fleet';
  readonly #tally: FleetTally;
  parts: readonly (readonly string[])[] = [];

  constructor(tally: FleetTally) {
    this.#tally = tally;
  }

  parse(_: Buffer, plans: BundlePlans): ReturnType<VectorCodec['parse']> {
    const plan = plans.service(FLEET_SERVICE);
    return { plan, count: 1, parts: this.parts, texts: [], inputs: [], passedOver: 0, form: null };
  }

  answer({ sources }: RequestInFlight, latencyMs: number): [] {
    const { now } = this.#tally;
    now.answers += 1;
    if (latencyMs < 1) now.underOneMs += 1;
    for (const source of sources) {
      if (source === FROM_CACHE) now.cached += 1;
      else if (source === FROM_STALE) now.stale += 1;
      else if (source === FROM_NONE) now.unavailable += 1;
      else now.read += 1;
    }
    return [];
  }
}

function unreadable(view: string, key: string, reason: string): never {
  throw new Error(`the row of ${view} of ${key} cannot be read: ${reason}`);
}
