/** Reads rows from one Redis. */
import { Redis } from 'ioredis';
import type { Clock } from '../../registry/std/clock.ts';
import { markerKey } from '../../registry/wire/online-layout.ts';
import { COMMAND_LIMIT_MS, CONNECT_LIMIT_MS, MAX_RECONNECT_DELAY_MS, RedisRows } from './redis-rows.ts';

export class RedisReader extends RedisRows {
  readonly kind = 'redis';
  readonly #redis: Redis;
  readonly #markerHash: string;

  constructor(url: string, keyPrefix: string, clock: Clock, onTrouble: (error: Error) => void) {
    const redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      connectTimeout: CONNECT_LIMIT_MS,
      commandTimeout: COMMAND_LIMIT_MS,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (times) => Math.min(50 * times, MAX_RECONNECT_DELAY_MS),
    });
    super(redis, keyPrefix, clock);
    this.#redis = redis;
    this.#markerHash = markerKey(keyPrefix);
    redis.on('error', onTrouble);
    redis.on('ready', () => {
      this.markers.forget();
      this.markers.read(this.#markerHash, clock.nowUs()).catch(onTrouble);
    });
  }

  async start(): Promise<void> {
    // The client goes on trying by itself, and has told `onTrouble`.
    await this.#redis.connect().catch(() => {});
  }

  protected override markerHashOf(): string {
    return this.#markerHash;
  }

  nodeOf(): string {
    return `${this.#redis.options.host ?? 'localhost'}:${this.#redis.options.port ?? 6_379}`;
  }

  protected override absenceHashesOf(): string[] {
    return [this.#markerHash];
  }

  protected override disconnect(): void {
    this.#redis.disconnect();
  }
}
