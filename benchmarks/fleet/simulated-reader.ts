/**
 * The sidecar's reader of a Redis Cluster on a cluster that is simulated: markers, confirmations of absence, silence
 * and failures are those of store/redis-rows.ts; what stands in for the client library is here: slots, commands,
 * their time limit, and how the client learns that slots have moved.
 */
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  SLOTS_PER_MARKER,
} from '../../contract/wire/online/online-layout.ts';
import type { Clock } from '../../project/clock.ts';
import { LiveCredentials } from '../../project/connections/redis-connection.ts';
import { RedisRows, SERVING_LIMITS } from '../../sidecar/store/redis-rows.ts';
import type { RedisCommands } from '../../sidecar/store/redis-rows.ts';
import type { CommandKind, SimulatedCluster, SimulatedNode, Topology } from './simulated-cluster.ts';

/** As in store/redis-cluster-reader.ts. */
const SLOTS_REFRESH_MS = 30_000;
const SLOTS_REFRESH_JITTER = 0.3;
const SILENT_REFRESH_MS = 1_000;

/** What every key has: the same row for all entities of a view. */
export interface SimulatedRows {
  /** By the field of a view, as hexadecimal digits. */
  readonly rows: ReadonlyMap<string, Buffer>;
  readonly markers: Readonly<Record<string, string>>;
}

export class SimulatedReader extends RedisRows {
  readonly kind = 'redis-cluster';
  readonly #client: SimulatedClient;
  readonly #slots: NodeJS.Timeout;
  protected override readonly credentials = new LiveCredentials(
    { user: null, password: null, passwordFile: null },
    null,
  );
  #polledMs = 0;

  constructor(cluster: SimulatedCluster, stored: SimulatedRows, clock: Clock, random: () => number) {
    const client = new SimulatedClient(cluster, stored);
    super(client, '', clock, () => {});
    this.#client = client;
    const everyMs = SLOTS_REFRESH_MS * (1 - SLOTS_REFRESH_JITTER * random());
    this.#slots = setInterval(() => this.#learn(), everyMs);
  }

  nodeOf(key: string): string {
    return this.#client.nodeOf(key).name;
  }

  protected override async connect(): Promise<void> {}

  protected override isConnected(): boolean {
    return true;
  }

  protected override anyMarkerHash(): string {
    return clusterMarkerKey('', Math.floor(Math.random() * CLUSTER_SLOTS));
  }

  protected override markerHashOf(key: string): string {
    return clusterMarkerKey('', clusterSlot(key));
  }

  protected override absenceHashesOf(key: string): string[] {
    const slot = clusterSlot(key);
    return [slot - SLOTS_PER_MARKER, slot, slot + SLOTS_PER_MARKER]
      .filter((near) => near >= 0 && near < CLUSTER_SLOTS)
      .map((near) => clusterMarkerKey('', near));
  }

  protected override laneOf(): null {
    return null;
  }

  protected override async info(): Promise<string> {
    return '';
  }

  protected override *pings(): Generator<readonly [string, () => Promise<unknown>]> {
    for (const node of this.#client.topology) yield [node.name, () => this.#client.ping(node)];
  }

  protected override onSilence(): void {
    const nowMs = performance.now();
    if (nowMs - this.#polledMs < SILENT_REFRESH_MS) return;
    this.#polledMs = nowMs;
    this.#learn();
  }

  protected override disconnect(): void {
    clearInterval(this.#slots);
  }

  #learn(): void {
    if (this.#client.learn()) this.forget();
  }
}

class SimulatedClient implements RedisCommands {
  readonly #cluster: SimulatedCluster;
  readonly #stored: SimulatedRows;
  topology: Topology;

  constructor(cluster: SimulatedCluster, stored: SimulatedRows) {
    this.#cluster = cluster;
    this.#stored = stored;
    this.topology = cluster.topology;
  }

  /** Asks for the slots anew. @returns whether a node has left or come */
  learn(): boolean {
    const before = this.topology;
    this.topology = this.#cluster.topology;
    return before !== this.topology;
  }

  nodeOf(key: string): SimulatedNode {
    return this.topology[Math.floor((clusterSlot(key) * this.topology.length) / CLUSTER_SLOTS)]!;
  }

  hmgetBuffer(key: string, ...fields: Buffer[]): Promise<(Buffer | null)[]> {
    const { rows } = this.#stored;
    return this.#ask(this.nodeOf(key), 'rows', () =>
      fields.map((field) => rows.get(field.toString('hex')) ?? null),
    );
  }

  hgetall(key: string): Promise<Record<string, string>> {
    return this.#ask(this.nodeOf(key), 'markers', () => ({ ...this.#stored.markers }));
  }

  hget(): Promise<string | null> {
    return Promise.resolve(null);
  }

  ping(node: SimulatedNode): Promise<string> {
    return this.#ask(node, 'ping', () => 'PONG');
  }

  #ask<T>(node: SimulatedNode, kind: CommandKind, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#cluster.ask(node, kind, SERVING_LIMITS.silentMs, (answered) => {
        if (answered) resolve(answer());
        else reject(new Error('Command timed out'));
      });
    });
  }
}
