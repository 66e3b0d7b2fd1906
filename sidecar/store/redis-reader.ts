/** Reads rows from one Redis, by itself or as the master that sentinels name. */
import type { RedisAddress } from '../../project/connections/redis-address.ts';
import { nodeOf, redisClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import { LiveCredentials } from '../../project/connections/redis-connection.ts';
import { markerKey } from '../../contract/wire/online/online-layout.ts';
import type { Pings } from './node-silence.ts';
import { ReadLane } from './read-lane.ts';
import type { LaneLimits } from './read-lane.ts';
import { CLIENT_OPTIONS, RedisRows, connectionOptions, reconnectDelayMs } from './redis-rows.ts';
import type { RedisReaderOptions } from './redis-rows.ts';

export class RedisReader extends RedisRows {
  readonly kind = 'redis';
  readonly #address: RedisAddress;
  protected override readonly credentials: LiveCredentials;
  readonly #limits: LaneLimits;
  readonly #redis: Redis;
  readonly #markerHash: string;
  #lane: ReadLane | null = null;
  #laneNode = '';

  constructor({ address, keyPrefix, clock, onTrouble, limits }: RedisReaderOptions) {
    const options = {
      ...CLIENT_OPTIONS,
      ...connectionOptions(limits),
      // Behind sentinels it is how one sees that the node is the master.
      enableReadyCheck: address.kind === 'sentinel',
      // Default 20. A read that is lost with its connection fails its request; the next request reads again.
      maxRetriesPerRequest: 0,
      retryStrategy: reconnectDelayMs,
      sentinelRetryStrategy: reconnectDelayMs,
    };
    const redis = redisClient(address, options, (error) => this.heard(error));
    super(redis, keyPrefix, clock, onTrouble);
    this.#address = address;
    this.#limits = limits;
    this.credentials = new LiveCredentials(address.login, address.tls);
    this.#redis = redis;
    this.#markerHash = markerKey(keyPrefix);
    redis.on('ready', () => {
      this.forget();
      this.#followMaster();
    });
  }

  protected override async connect(): Promise<void> {
    // The client tries again by itself, and reports each failure.
    await this.#redis.connect();
  }

  protected override isConnected(): boolean {
    return this.#redis.status === 'ready';
  }

  protected override anyMarkerHash(): string {
    return this.#markerHash;
  }

  protected override markerHashOf(): string {
    return this.#markerHash;
  }

  nodeOf(): string {
    const { host, port } = nodeOf(this.#redis, this.#address);
    return `${host}:${port}`;
  }

  protected override absenceHashesOf(): string[] {
    return [this.#markerHash];
  }

  protected override laneOf(): ReadLane | null {
    return this.#lane;
  }

  protected override info(_node: string, section: 'server' | 'stats'): Promise<string> {
    return this.#redis.info(section);
  }

  protected override pings(): ReturnType<Pings> {
    return [[this.nodeOf(), () => this.#redis.ping()]];
  }

  protected override disconnect(): void {
    this.#lane?.end();
    this.#redis.disconnect();
  }

  /** The lane goes where the client went. */
  #followMaster(): void {
    const node = this.nodeOf();
    if (node !== this.#laneNode) {
      this.#lane?.end();
      const { database } = this.#address;
      const address = { ...nodeOf(this.#redis, this.#address), database, credentials: this.credentials };
      this.#lane = new ReadLane(address, this.#limits, () => this.forget());
      this.#laneNode = node;
    }
    this.#lane!.open();
  }
}
