/** Reads rows from a Redis Cluster, from the masters: a replica may lag behind the marker that vouches for its rows. */
import { Cluster } from 'ioredis';
import type { Clock } from '../../registry/std/clock.ts';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  SLOTS_PER_MARKER,
} from '../../registry/wire/online-layout.ts';
import { COMMAND_LIMIT_MS, CONNECT_LIMIT_MS, MAX_RECONNECT_DELAY_MS, RedisRows } from './redis-rows.ts';

const MAX_REDIRECTIONS = 3;
const SLOTS_REFRESH_MS = 1_000;

export class RedisClusterReader extends RedisRows {
  readonly kind = 'redis-cluster';
  readonly #cluster: Cluster;
  readonly #keyPrefix: string;

  /** @param url  redis+cluster://[user:password@]host1:port1,host2:port2 or rediss+cluster://... */
  constructor(url: string, keyPrefix: string, clock: Clock, onTrouble: (error: Error) => void) {
    const { nodes, redisOptions } = parseClusterUrl(url);
    const cluster = new Cluster(nodes, {
      lazyConnect: true,
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      maxRedirections: MAX_REDIRECTIONS,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
      slotsRefreshTimeout: CONNECT_LIMIT_MS,
      // A master that hangs keeps its socket: without this ioredis 6 would ask it for ever, its replica promoted or not.
      slotsRefreshInterval: SLOTS_REFRESH_MS,
      clusterRetryStrategy: (times) => Math.min(50 * times, MAX_RECONNECT_DELAY_MS),
      redisOptions: {
        ...redisOptions,
        connectTimeout: CONNECT_LIMIT_MS,
        commandTimeout: COMMAND_LIMIT_MS,
        autoResendUnfulfilledCommands: false,
      },
    });
    super(cluster, keyPrefix, clock);
    this.#cluster = cluster;
    this.#keyPrefix = keyPrefix;
    cluster.on('error', onTrouble);
    for (const event of ['ready', '+node', '-node']) cluster.on(event, () => this.markers.forget());
  }

  async start(): Promise<void> {
    await this.#cluster.connect().catch(() => {});
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

  protected override disconnect(): void {
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
