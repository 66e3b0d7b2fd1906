/**
 * The online store in one Redis (with or without replicas behind it): guarded writes down a lane.
 *
 * Trades one script call a row (about 4 us of Redis) for a guard that holds against any other writer.
 * Called by materialize.ts through the port.
 */
import type { RowSchema } from '../../../contract/model.ts';
import { redisAddress } from '../../../project/connections/redis-address.ts';
import type { RedisAddress } from '../../../project/connections/redis-address.ts';
import { connectWithin, nodeOf, redisClient } from '../../../project/connections/redis-client.ts';
import type { Redis } from '../../../project/connections/redis-client.ts';
import { LiveCredentials } from '../../../project/connections/redis-connection.ts';
import type { OnlineSettings } from '../../../project/settings/settings.ts';
import { fieldOf, markerKey, publishedKey, schemasKey } from '../../../contract/wire/online/online-layout.ts';
import { parseWatermark } from '../../../contract/wire/online/watermark.ts';
import type { WriteCounts } from '../guard-outcome.ts';
import { GuardLane } from './guard-lane.ts';
import { GuardedWrites } from './guarded-writes.ts';
import type { MarkerState, OnlineRow, OnlineWriter, WriteOptions } from '../online-writer.ts';
import { StoreEvictions } from './store-evictions.ts';
import { schemaFields, StoreFailure } from './redis-reply.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** For all that it takes: sentinels, TLS, a server that is still loading. */
const START_LIMIT_MS = 15_000;
const SILENT_LIMIT_MS = 10_000;
// With the client's delays between them: about ten seconds until a command is given up.
const RETRIES = 8;

export async function openRedisWriter(online: OnlineSettings): Promise<OnlineWriter> {
  const store = new StoreFailure(online.url);
  const address = redisAddress(online.url, online.access);
  const options = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENT_LIMIT_MS,
    maxRetriesPerRequest: RETRIES,
  };
  const client = redisClient(address, options, store.heard);
  try {
    new LiveCredentials(address.login, address.tls).check();
    await connectWithin(client, START_LIMIT_MS);
    return new RedisWriter(client, address, online.keyPrefix, store);
  } catch (error) {
    client.disconnect();
    throw store.failed(error);
  }
}

class RedisWriter implements OnlineWriter {
  readonly evictions: StoreEvictions;
  readonly #client: Redis;
  readonly #address: RedisAddress;
  readonly #keyPrefix: string;
  readonly #store: StoreFailure;
  readonly #writes: GuardedWrites;
  readonly #credentials: LiveCredentials;
  #lane: GuardLane | null = null;
  #laneNode = '';

  constructor(client: Redis, address: RedisAddress, keyPrefix: string, store: StoreFailure) {
    this.#client = client;
    this.#address = address;
    this.#keyPrefix = keyPrefix;
    this.#store = store;
    this.#credentials = new LiveCredentials(address.login, address.tls);
    const groups = [{ markerKey: markerKey(keyPrefix), nodes: [client] }];
    const markers = {
      hget: (key: string, field: string) => this.#answered(key, client.hget(key, field)),
      hset: (key: string, field: string, value: string) =>
        this.#answered(key, client.hset(key, field, value)),
    };
    this.evictions = new StoreEvictions(markers, () => groups, store.failed);
    this.#writes = new GuardedWrites(client, () => this.#lane, fieldOf, store);
  }

  /** The lane goes to the node that the client is connected to, which may change behind sentinels and names. */
  #followMaster(): void {
    const { host, port } = nodeOf(this.#client, this.#address);
    if (this.#laneNode !== `${host}:${port}`) {
      this.#lane?.end();
      this.#lane = new GuardLane({ host, port }, this.#address.database, this.#credentials);
      this.#laneNode = `${host}:${port}`;
    }
  }

  async publishSchemas(schemas: readonly RowSchema[]): Promise<void> {
    const fields = schemaFields(schemas);
    const key = schemasKey(this.#keyPrefix);
    if (fields.length > 0) await this.#answered(key, this.#client.hset(key, ...fields));
  }

  write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts> {
    this.#followMaster();
    return this.#writes.write(rows, options);
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

  markerGroupOf(): number {
    return 0;
  }

  readRows(view: string, keys: readonly string[]): Promise<(Buffer | null)[]> {
    const field = fieldOf(view);
    return Promise.all(keys.map((key) => this.#answered(key, this.#client.hgetBuffer(key, field))));
  }

  async readMarkers(view: string): Promise<MarkerState> {
    const key = markerKey(this.#keyPrefix);
    const text = await this.#answered(key, this.#client.hget(key, view));
    return { watermarksUs: [text === null ? null : parseWatermark(text)] };
  }

  async readPublished(view: string): Promise<(string | null)[]> {
    const key = publishedKey(this.#keyPrefix);
    return [await this.#answered(key, this.#client.hget(key, view))];
  }

  async writePublished(view: string, text: string): Promise<void> {
    const key = publishedKey(this.#keyPrefix);
    await this.#answered(key, this.#client.hset(key, view, text));
  }

  async writeMarkers(view: string, watermarkUs: number): Promise<void> {
    const key = markerKey(this.#keyPrefix);
    await this.#answered(key, this.#client.hset(key, view, String(watermarkUs)));
  }

  async close(): Promise<void> {
    this.#lane?.end();
    this.#client.disconnect();
  }

  async #answered<T>(key: string, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.#store.failed(error, key);
    }
  }
}
