/**
 * A Redis Cluster in virtual time: nodes that each do one command after the other, a replica for each that is promoted
 * when its primary has been gone for a while, and counts of what every node was asked, second by second.
 *
 *   pod --network--> node: waits for those before it, works --network--> pod
 *
 * It knows nothing of the values: that is the reader's. Costs of a command: docs/capacity.md.
 */
import type { VirtualTime } from './virtual-time.ts';

export interface ClusterShape {
  readonly nodes: number;
  /** One way. */
  readonly networkMs: number;
  /** Of the node's one thread, for a read of rows. */
  readonly readMs: number;
  /** For a read of markers, or a PING. */
  readonly smallMs: number;
  /** From the moment a primary stops until its replica takes its slots. */
  readonly promotedAfterMs: number;
}

export type CommandKind = 'rows' | 'markers' | 'ping';

/** A node as it is asked, second by second since the start. */
export class SimulatedNode {
  readonly name: string;
  busyUntilMs = 0;
  stoppedMs = Infinity;
  readonly asked: Readonly<Record<CommandKind, number[]>> = { rows: [], markers: [], ping: [] };

  constructor(name: string) {
    this.name = name;
  }
}

/** Which node serves each part of the slots: a reader keeps the one that it was told last. */
export type Topology = readonly SimulatedNode[];

export class SimulatedCluster {
  readonly shape: ClusterShape;
  readonly #time: VirtualTime;
  readonly #startMs: number;
  readonly nodes: SimulatedNode[];
  topology: Topology;

  constructor(shape: ClusterShape, time: VirtualTime) {
    this.shape = shape;
    this.#time = time;
    this.#startMs = time.nowMs;
    this.topology = Array.from({ length: shape.nodes }, (_, n) => new SimulatedNode(`node-${n}`));
    this.nodes = [...this.topology];
  }

  /** Whole seconds since the start. */
  get second(): number {
    return Math.floor((this.#time.nowMs - this.#startMs) / 1_000);
  }

  /**
   * @param limitMs  without an answer by then it has failed
   * @param answer   called with whether the node answered
   */
  ask(node: SimulatedNode, kind: CommandKind, limitMs: number, answer: (answered: boolean) => void): void {
    const { networkMs, readMs, smallMs } = this.shape;
    const sentMs = this.#time.nowMs;
    const fail = (): void => this.#time.at(Math.max(sentMs + limitMs, this.#time.nowMs), () => answer(false));
    const beginsMs = Math.max(node.busyUntilMs, sentMs + networkMs);
    if (beginsMs >= node.stoppedMs) return fail();
    const counts = node.asked[kind];
    const second = Math.floor((sentMs + networkMs - this.#startMs) / 1_000);
    counts[second] = (counts[second] ?? 0) + 1;
    const endsMs = beginsMs + (kind === 'rows' ? readMs : smallMs);
    node.busyUntilMs = endsMs;
    if (endsMs + networkMs > sentMs + limitMs) return fail();
    this.#time.at(endsMs + networkMs, () => {
      if (endsMs > node.stoppedMs) fail();
      else answer(true);
    });
  }

  /** A primary stops and answers nothing more; its replica is promoted later. */
  stop(shard: number): void {
    const node = this.topology[shard]!;
    node.stoppedMs = this.#time.nowMs;
    this.#time.at(this.#time.nowMs + this.shape.promotedAfterMs, () => {
      const replica = new SimulatedNode(`${node.name}-replica`);
      this.nodes.push(replica);
      this.topology = this.topology.with(shard, replica);
    });
  }
}
