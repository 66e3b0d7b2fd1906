/** Reads rows from a Redis Cluster, from the masters: a replica may lag behind the marker that vouches for its rows. */
import { Cluster } from 'ioredis';
import type { Clock } from '../../registry/std/clock.ts';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  SLOTS_PER_MARKER,
} from '../../registry/wire/online-layout.ts';
import { ReadLane } from './read-lane.ts';
import {
  CLIENT_OPTIONS,
  CONNECTION_OPTIONS,
  CONNECT_LIMIT_MS,
  LANE_LIMITS,
  RedisRows,
  reconnectDelayMs,
} from './redis-rows.ts';

const MAX_REDIRECTIONS = 3;
const RETRY_DELAY_MS = 50;
const SLOTS_REFRESH_MS = 1_000;
const SLOTS_REFRESH_JITTER = 0.3;
const SLOTS_REFRESH_LEAST_MS = 200;

/**
 * While commands fail, ioredis asks for the slots anew with each retry, and puts 16,384 of them in order: a quarter of
 * the event loop's time while a primary is gone. A few times a second are enough to see its replica promoted.
 */
class CalmCluster extends Cluster {
  #refreshedMs = -Infinity;

  /** @param callback  of a connection that cannot go on without the slots: then they are asked for */
  override refreshSlotsCache(callback?: Parameters<Cluster['refreshSlotsCache']>[0]): void {
    const nowMs = performance.now();
    if (callback === undefined && nowMs - this.#refreshedMs < SLOTS_REFRESH_LEAST_MS) return;
    this.#refreshedMs = nowMs;
    super.refreshSlotsCache(callback);
  }
}

export class RedisClusterReader extends RedisRows {
  readonly kind = 'redis-cluster';
  readonly #cluster: Cluster;
  readonly #keyPrefix: string;
  readonly #login: ClusterAddress['redisOptions'];
  /** By node, for as long as the cluster has it. */
  readonly #lanes = new Map<string, ReadLane>();

  /** @param url  redis+cluster://[user:password@]host1:port1,host2:port2 or rediss+cluster://... */
  constructor(url: string, keyPrefix: string, clock: Clock, onTrouble: (error: Error) => void) {
    const { nodes, redisOptions } = parseClusterUrl(url);
    const cluster = new CalmCluster(nodes, {
      ...CLIENT_OPTIONS,
      // Default 16: a deadline allows for one redirect, and slots that are still on the move after three for none.
      maxRedirections: MAX_REDIRECTIONS,
      // Defaults 100 ms: a replica is promoted within a second, and each try asks the next node.
      retryDelayOnFailover: RETRY_DELAY_MS,
      retryDelayOnClusterDown: RETRY_DELAY_MS,
      // Default 1 s.
      slotsRefreshTimeout: CONNECT_LIMIT_MS,
      // Default: never. A master that hangs keeps its socket: without this ioredis 6 would ask it for ever, its replica
      // promoted or not. Each process at its own pace, so that a fleet does not ask in step.
      slotsRefreshInterval: SLOTS_REFRESH_MS * (1 - SLOTS_REFRESH_JITTER * Math.random()),
      clusterRetryStrategy: reconnectDelayMs,
      redisOptions: { ...redisOptions, ...CONNECTION_OPTIONS },
    });
    super(cluster, keyPrefix, clock, onTrouble);
    this.#cluster = cluster;
    this.#keyPrefix = keyPrefix;
    this.#login = redisOptions;
    for (const event of ['error', 'node error']) cluster.on(event, (error: Error) => this.heard(error));
    for (const event of ['ready', '+node', '-node']) cluster.on(event, () => this.markers.forget());
    cluster.on('-node', ({ options }: { options: { host?: string; port?: number } }) =>
      this.#endLane(`${options.host}:${options.port}`),
    );
  }

  protected override async connect(): Promise<void> {
    await this.#cluster.connect();
  }

  /** Whether every primary that was called can be called now. */
  protected override isConnected(): boolean {
    const isUp = ({ status }: { status: string }): boolean => status === 'ready' || status === 'wait';
    return this.#cluster.status === 'ready' && this.#cluster.nodes('master').every(isUp);
  }

  /** Another one each time, so that one node that is down does not stand for all. */
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
    if (this.#login.tls !== undefined) return null;
    const node = this.#cluster.slots[clusterSlot(key)]?.[0];
    if (node === undefined) return null;
    let lane = this.#lanes.get(node);
    if (lane === undefined) this.#lanes.set(node, (lane = this.#newLane(node)));
    return lane;
  }

  #newLane(node: string): ReadLane {
    const colon = node.lastIndexOf(':');
    const { username = null, password = null } = this.#login;
    const host = node.slice(0, colon);
    const port = Number(node.slice(colon + 1));
    return new ReadLane({ host, port, username, password, database: 0 }, LANE_LIMITS, () =>
      this.markers.forget(),
    );
  }

  #endLane(node: string): void {
    this.#lanes.get(node)?.end();
    this.#lanes.delete(node);
  }

  protected override disconnect(): void {
    for (const lane of this.#lanes.values()) lane.end();
    this.#cluster.disconnect();
  }
}

interface ClusterAddress {
  readonly nodes: { host: string; port: number }[];
  readonly redisOptions: { username?: string; password?: string; tls?: object };
}

function parseClusterUrl(url: string): ClusterAddress {
  const [scheme, rest] = url.split('://') as [string, string];
  const at = rest.lastIndexOf('@');
  const [username = '', password = ''] =
    at === -1 ? [] : rest.slice(0, at).split(':').map(decodeURIComponent);
  const hosts = rest.slice(at + 1).replace(/\/.*$/, '');
  return {
    nodes: hosts.split(',').map((host) => {
      const { hostname, port } = new URL(`redis://${host}`);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 6_379 : port) };
    }),
    redisOptions: {
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
      ...(scheme.startsWith('rediss') ? { tls: {} } : {}),
    },
  };
}
