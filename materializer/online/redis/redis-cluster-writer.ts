/**
 * The online store in a Redis Cluster: guarded writes down a lane a node. Where a slot moves or a primary dies, the
 * cluster client finds the way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RowSchema } from '../../../contract/model.ts';
import { redisAddress } from '../../../project/connections/redis-address.ts';
import type { RedisAddress } from '../../../project/connections/redis-address.ts';
import { clusterClient, connectWithin } from '../../../project/connections/redis-client.ts';
import type { Cluster } from '../../../project/connections/redis-client.ts';
import { LiveCredentials } from '../../../project/connections/redis-connection.ts';
import type { OnlineSettings } from '../../../project/settings/settings.ts';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterPublishedKey,
  clusterSlot,
  fieldOf,
  schemasKey,
  SLOTS_PER_MARKER,
} from '../../../contract/wire/online/online-layout.ts';
import { parseWatermark } from '../../../contract/wire/online/watermark.ts';
import type { WriteCounts } from '../guard-outcome.ts';
import { GuardLane } from './guard-lane.ts';
import { GuardedWrites } from './guarded-writes.ts';
import type { MarkerState, OnlineRow, OnlineWriter, WriteOptions } from '../online-writer.ts';
import { StoreEvictions } from './store-evictions.ts';
import type { EvictionGroup } from './store-evictions.ts';
import { isRetriable, schemaFields, StoreFailure } from './redis-reply.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** For all that it takes; a cluster without slots never becomes ready. */
const START_LIMIT_MS = 15_000;
const SILENT_LIMIT_MS = 10_000;
const RETRY_LIMIT_MS = 30_000;
const RETRY_PAUSE_MS = 200;

export async function openRedisClusterWriter(online: OnlineSettings): Promise<OnlineWriter> {
  const store = new StoreFailure(online.url);
  const options = {
    redisOptions: { connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SILENT_LIMIT_MS },
    clusterRetryStrategy: (times: number) => Math.min(100 * times, 1_000),
  };
  const address = redisAddress(online.url, online.access);
  const cluster = clusterClient(address, options, store.heard);
  try {
    new LiveCredentials(address.login, address.tls).check();
    await connectWithin(cluster, START_LIMIT_MS);
    return new RedisClusterWriter(cluster, address, online.keyPrefix, store);
  } catch (error) {
    cluster.disconnect();
    throw store.failed(error);
  }
}

class RedisClusterWriter implements OnlineWriter {
  readonly evictions: StoreEvictions;
  readonly #cluster: Cluster;
  readonly #keyPrefix: string;
  readonly #store: StoreFailure;
  readonly #writes: GuardedWrites;
  readonly #credentials: LiveCredentials;
  /** By node. */
  readonly #lanes = new Map<string, GuardLane>();

  constructor(cluster: Cluster, address: RedisAddress, keyPrefix: string, store: StoreFailure) {
    this.#cluster = cluster;
    this.#keyPrefix = keyPrefix;
    this.#store = store;
    this.#credentials = new LiveCredentials(address.login, address.tls);
    const markers = {
      hget: (key: string, field: string) => this.#untilDone(key, () => cluster.hget(key, field)),
      hset: (key: string, field: string, value: string) =>
        this.#untilDone(key, () => cluster.hset(key, field, value)),
    };
    this.evictions = new StoreEvictions(markers, () => this.#groups(), store.failed);
    this.#writes = new GuardedWrites(cluster, (key) => this.#laneOf(key), fieldOf, store);
  }

  async publishSchemas(schemas: readonly RowSchema[]): Promise<void> {
    const fields = schemaFields(schemas);
    const key = schemasKey(this.#keyPrefix);
    if (fields.length > 0) await this.#untilDone(key, () => this.#cluster.hset(key, ...fields));
  }

  write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts> {
    return this.#writes.write(rows, options);
  }

  #laneOf(key: string): GuardLane | null {
    const node = this.#cluster.slots[clusterSlot(key)]?.[0];
    if (node === undefined) return null;
    let lane = this.#lanes.get(node);
    if (lane === undefined) {
      const colon = node.lastIndexOf(':');
      const where = { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
      lane = new GuardLane(where, 0, this.#credentials);
      this.#lanes.set(node, lane);
    }
    return lane;
  }

  blocked(): Error | null {
    return this.#writes.blocked();
  }

  isBlocked(): boolean {
    return this.#writes.isBlocked();
  }

  largestRow(): number {
    return this.#writes.largestRow();
  }

  markerGroupOf(key: string): number {
    return Math.floor(clusterSlot(key) / SLOTS_PER_MARKER);
  }

  readRows(view: string, keys: readonly string[]): Promise<(Buffer | null)[]> {
    const field = fieldOf(view);
    return Promise.all(keys.map((key) => this.#untilDone(key, () => this.#cluster.hgetBuffer(key, field))));
  }

  async readMarkers(view: string): Promise<MarkerState> {
    const texts = await Promise.all(
      this.#markerKeys().map((key) => this.#untilDone(key, () => this.#cluster.hget(key, view))),
    );
    return { watermarksUs: texts.map((text) => (text === null ? null : parseWatermark(text))) };
  }

  readPublished(view: string): Promise<(string | null)[]> {
    const keys = this.#groupKeys(clusterPublishedKey);
    return Promise.all(keys.map((key) => this.#untilDone(key, () => this.#cluster.hget(key, view))));
  }

  async writePublished(view: string, text: string): Promise<void> {
    const keys = this.#groupKeys(clusterPublishedKey);
    await Promise.all(keys.map((key) => this.#untilDone(key, () => this.#cluster.hset(key, view, text))));
  }

  async writeMarkers(view: string, watermarkUs: number): Promise<void> {
    await Promise.all(
      this.#markerKeys().map((key) =>
        this.#untilDone(key, () => this.#cluster.hset(key, view, String(watermarkUs))),
      ),
    );
  }

  /** The marker groups with the nodes that have slots of them. */
  #groups(): EvictionGroup[] {
    const nodes = new Map(
      this.#cluster.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
    );
    return this.#markerKeys().map((markerKey, group) => {
      const from = group * SLOTS_PER_MARKER;
      const names = new Set(
        this.#cluster.slots.slice(from, from + SLOTS_PER_MARKER).map((slot) => slot?.[0]),
      );
      return { markerKey, nodes: [...names].flatMap((name) => nodes.get(name ?? '') ?? []) };
    });
  }

  #markerKeys(): string[] {
    return this.#groupKeys(clusterMarkerKey);
  }

  #groupKeys(keyOf: typeof clusterMarkerKey): string[] {
    const keys: string[] = [];
    for (let slot = 0; slot < CLUSTER_SLOTS; slot += SLOTS_PER_MARKER)
      keys.push(keyOf(this.#keyPrefix, slot));
    return keys;
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes.values()) lane.end();
    this.#cluster.disconnect();
  }

  async #untilDone<T>(key: string, command: () => Promise<T>): Promise<T> {
    for (const endMs = performance.now() + RETRY_LIMIT_MS; ;) {
      try {
        return await command();
      } catch (error) {
        if (!isRetriable(error as Error) || performance.now() > endMs) throw this.#store.failed(error, key);
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }
}
