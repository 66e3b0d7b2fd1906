/**
 * A fleet of sidecars over a Redis Cluster in virtual time: the code of the cache, the loader and the reader, not a
 * model of them, for more pods and nodes than a machine has room for.
 *
 *   requests (at random, at one rate) --route--> pod --misses, refreshes--> node
 */
import type { Clock } from '../../project/clock.ts';
import { seededRandom, zipf } from '../../loadtest/generator/key-choice.ts';
import type { Choice, Random } from '../../loadtest/generator/key-choice.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import { fleetBundle, fleetRows } from './fleet-service.ts';
import { FleetTally } from './fleet-tally.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import type { ClusterShape } from './simulated-cluster.ts';
import { SimulatedPod } from './simulated-pod.ts';
import { SimulatedReader } from './simulated-reader.ts';
import { VirtualTime } from './virtual-time.ts';

export interface FleetShape {
  readonly pods: number;
  readonly cluster: ClusterShape;
  /** Of the whole fleet. Each asks for a customer and a store. */
  readonly requestsPerSecond: number;
  readonly customers: EntityShape;
  readonly stores: EntityShape;
  /** random: any pod; customer: the pod that the customer's id names. */
  readonly route: 'random' | 'customer';
  /** Whether each read draws its own times of freshness, as sidecars do. */
  readonly jitter: boolean;
  /** Over what time pods begin; 0: all at once. */
  readonly startsOverMs: number;
  readonly seed: number;
}

/** The default. A cache takes memory for its bound at once: of many pods each has room for what it asks for in 20 s. */
const MOST_ENTRIES = 100_000;
const ENTRIES_FOR_S = 20;

/** Asked for by Zipf's law. */
interface EntityShape {
  readonly count: number;
  readonly exponent: number;
}

export class Fleet {
  readonly time = new VirtualTime();
  readonly tally = new FleetTally();
  readonly cluster: SimulatedCluster;
  readonly #shape: FleetShape;
  readonly #random: Random;
  readonly #customer: Choice;
  readonly #store: Choice;
  readonly #clock: Clock;
  readonly #bundle = fleetBundle();
  readonly #slots = new ViewSlots();
  readonly #rows: ReturnType<typeof fleetRows>;
  #plans: BundlePlans;
  readonly #pods: SimulatedPod[] = [];
  /** Requests for a store that is in fashion, of all; 0: there is none. */
  fashion = 0;

  /** Takes the time of the process: one fleet a process. */
  constructor(shape: FleetShape) {
    this.#shape = shape;
    this.time.install();
    this.#random = seededRandom(shape.seed);
    Math.random = seededRandom(shape.seed + 1);
    this.#customer = zipf(shape.customers.count, shape.customers.exponent, this.#random);
    this.#store = zipf(shape.stores.count, shape.stores.exponent, this.#random);
    this.#clock = { nowUs: () => this.time.nowUs, offsetUs: () => 0 };
    this.cluster = new SimulatedCluster(shape.cluster, this.time);
    this.#rows = fleetRows(this.#bundle, this.time.nowUs);
    this.#plans = new BundlePlans(this.#bundle, '', this.#slots);
    const { pods, startsOverMs } = shape;
    const startMs = this.time.nowMs;
    for (let p = 0; p < pods; p++) {
      this.time.at(startMs + (startsOverMs * p) / pods, () => void this.#pods.push(this.#pod()));
    }
    this.time.at(startMs, () => this.#ask());
    setInterval(() => this.tally.turn(), 1_000);
  }

  /** Lets seconds pass. */
  async pass(seconds: number): Promise<void> {
    await this.time.passUntil(this.time.nowMs + seconds * 1_000);
  }

  /** A pod is replaced by a new one, which knows nothing. */
  replace(p: number): void {
    this.#pods[p]!.stop();
    this.#pods[p] = this.#pod();
  }

  /** All pods get a new bundle of the same definitions. */
  swapBundle(): void {
    this.#plans = new BundlePlans(this.#bundle, '', this.#slots);
    for (const pod of this.#pods) pod.swap(this.#plans);
  }

  #pod(): SimulatedPod {
    const { jitter, requestsPerSecond, pods } = this.#shape;
    const random = jitter ? this.#random : () => 1;
    const asked = Math.ceil((2 * requestsPerSecond * ENTRIES_FOR_S) / pods);
    const reader = new SimulatedReader(this.cluster, this.#rows, this.#clock, this.#random);
    return new SimulatedPod({
      reader,
      plans: this.#plans,
      clock: this.#clock,
      tally: this.tally,
      entries: Math.min(MOST_ENTRIES, asked),
      random,
    });
  }

  /** A request comes, and the next one after a random time, as where callers know nothing of each other. */
  #ask(): void {
    const { route, requestsPerSecond } = this.#shape;
    const customer = this.#customer();
    const store = this.fashion > 0 && this.#random() < this.fashion ? 0 : this.#store() + 1;
    const pods = this.#pods.length;
    const pod = route === 'random' ? Math.floor(this.#random() * pods) : scattered(customer) % pods;
    this.#pods[pod]!.ask(customer, store);
    const gapMs = (-Math.log(1 - this.#random()) * 1_000) / requestsPerSecond;
    this.time.at(this.time.nowMs + gapMs, () => this.#ask());
  }
}

/** @returns a hash, so that popular ids, which are small, lie on all pods */
function scattered(id: number): number {
  let mixed = Math.imul(id ^ (id >>> 16), 0x21f0_aaad);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x735a_2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
