/** Reads rows from the masters of a Redis Cluster: a replica may lag behind the marker that vouches for its rows. */
import { clusterClient } from '../../project/connections/redis-client.ts';
import type { Cluster } from '../../project/connections/redis-client.ts';
import { LiveCredentials } from '../../project/connections/redis-connection.ts';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  SLOTS_PER_MARKER,
} from '../../contract/wire/online/online-layout.ts';
import type { Pings } from './node-silence.ts';
import { ReadLane } from './read-lane.ts';
import type { LaneLimits } from './read-lane.ts';
import { CLIENT_OPTIONS, RedisRows, connectionOptions, reconnectDelayMs } from './redis-rows.ts';
import type { RedisReaderOptions } from './redis-rows.ts';
import type { RedisCommands } from './redis-rows.ts';

const MAX_REDIRECTIONS = 3;
const RETRY_DELAY_MS = 50;
const SLOTS_REFRESH_MS = 30_000;
const SLOTS_REFRESH_JITTER = 0.3;
/** How often the slots are asked for while a node is silent. */
const SILENT_REFRESH_MS = 1_000;

export class RedisClusterReader extends RedisRows {
  readonly kind = 'redis-cluster';
  readonly #cluster: Cluster;
  readonly #keyPrefix: string;
  protected override readonly credentials: LiveCredentials;
  readonly #limits: LaneLimits;
  #polledMs = 0;
  /** By node, for as long as the cluster has it. */
  readonly #lanes = new Map<string, ReadLane>();

  constructor({ address, keyPrefix, clock, onTrouble, limits }: RedisReaderOptions) {
    const options = {
      ...CLIENT_OPTIONS,
      // Default 16. A deadline leaves time for one redirect; after three the slots are still moving.
      maxRedirections: MAX_REDIRECTIONS,
      // Defaults 100 ms: a replica is promoted within a second, and each try asks the next node.
      retryDelayOnFailover: RETRY_DELAY_MS,
      retryDelayOnClusterDown: RETRY_DELAY_MS,
      // Default 1 s.
      slotsRefreshTimeout: limits.connectMs,
      // Default: never. At random intervals, so that a fleet does not ask in step; `onSilence` asks sooner.
      slotsRefreshInterval: SLOTS_REFRESH_MS * (1 - SLOTS_REFRESH_JITTER * Math.random()),
      clusterRetryStrategy: reconnectDelayMs,
      redisOptions: connectionOptions(limits),
    };
    const cluster = clusterClient(address, options, (error) => this.heard(error));
    super(new ReadyCommands(cluster), keyPrefix, clock, onTrouble);
    this.#cluster = cluster;
    this.#keyPrefix = keyPrefix;
    this.#limits = limits;
    this.credentials = new LiveCredentials(address.login, address.tls);
    for (const event of ['ready', '+node', '-node']) cluster.on(event, () => this.forget());
    cluster.on('-node', ({ options: node }: { options: { host?: string; port?: number } }) =>
      this.#endLane(`${node.host}:${node.port}`),
    );
  }

  protected override async connect(): Promise<void> {
    await this.#cluster.connect();
  }

  /** Whether every master that was ever called is connected now. */
  protected override isConnected(): boolean {
    const isUp = ({ status }: { status: string }): boolean => status === 'ready' || status === 'wait';
    return this.#cluster.status === 'ready' && this.#cluster.nodes('master').every(isUp);
  }

  /** A different one each time, so that one node that is down does not decide. */
  protected override anyMarkerHash(): string {
    return clusterMarkerKey(this.#keyPrefix, Math.floor(Math.random() * CLUSTER_SLOTS));
  }

  protected override markerHashOf(key: string): string {
    return clusterMarkerKey(this.#keyPrefix, clusterSlot(key));
  }

  nodeOf(key: string): string {
    return this.#cluster.slots[clusterSlot(key)]?.[0] ?? 'unknown';
  }

  /**
   * The edge of a node may lie inside a group of slots, and the group's marker on the other side of it. A node that
   * lost its rows has lost the markers of its whole groups too, so those beside a group are asked as well.
   */
  protected override absenceHashesOf(key: string): string[] {
    const slot = clusterSlot(key);
    return [slot - SLOTS_PER_MARKER, slot, slot + SLOTS_PER_MARKER]
      .filter((near) => near >= 0 && near < CLUSTER_SLOTS)
      .map((near) => clusterMarkerKey(this.#keyPrefix, near));
  }

  protected override laneOf(key: string): ReadLane | null {
    const node = this.#cluster.slots[clusterSlot(key)]?.[0];
    if (node === undefined) return null;
    let lane = this.#lanes.get(node);
    if (lane === undefined) this.#lanes.set(node, (lane = this.#newLane(node)));
    return lane;
  }

  #newLane(node: string): ReadLane {
    const colon = node.lastIndexOf(':');
    const host = node.slice(0, colon);
    const port = Number(node.slice(colon + 1));
    const address = { host, port, database: 0, credentials: this.credentials };
    return new ReadLane(address, this.#limits, () => this.forget());
  }

  #endLane(node: string): void {
    this.#lanes.get(node)?.end();
    this.#lanes.delete(node);
  }

  /** A master that hangs keeps its slots until its replica is promoted: that is looked for while reads fail. */
  protected override onSilence(): void {
    const nowMs = performance.now();
    if (nowMs - this.#polledMs < SILENT_REFRESH_MS) return;
    this.#polledMs = nowMs;
    this.#cluster.refreshSlotsCache();
  }

  protected override async info(node: string, section: 'server' | 'stats'): Promise<string> {
    const found = this.#cluster
      .nodes('master')
      .find(({ options }) => `${options.host}:${options.port}` === node);
    if (found === undefined) throw new Error("Cluster isn't ready");
    return found.info(section);
  }

  protected override *pings(): ReturnType<Pings> {
    for (const node of this.#cluster.nodes('master')) {
      const { options, status } = node;
      if (status !== 'wait') yield [`${options.host}:${options.port}`, () => node.ping()];
    }
  }

  protected override disconnect(): void {
    for (const lane of this.#lanes.values()) lane.end();
    this.#cluster.disconnect();
  }
}

/**
 * Commands to a cluster that is ready; before that they fail at once. ioredis would queue them until it knows the
 * slots, whatever its options say, and a cluster that has no slots never tells any.
 */
class ReadyCommands implements RedisCommands {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async hmgetBuffer(key: string, ...fields: Buffer[]): Promise<(Buffer | null)[]> {
    return this.#ready().hmgetBuffer(key, ...fields);
  }

  async hgetall(key: string): Promise<Record<string, string>> {
    return this.#ready().hgetall(key);
  }

  async hget(key: string, field: string): Promise<string | null> {
    return this.#ready().hget(key, field);
  }

  #ready(): Cluster {
    if (this.#cluster.status !== 'ready') throw new Error("Cluster isn't ready");
    return this.#cluster;
  }
}
