/** Reads rows from one Redis. */
import { Redis } from 'ioredis';
import type { Clock } from '../../registry/std/clock.ts';
import { markerKey } from '../../registry/wire/online-layout.ts';
import { ReadLane } from './read-lane.ts';
import {
  CLIENT_OPTIONS,
  CONNECTION_OPTIONS,
  LANE_LIMITS,
  RedisRows,
  reconnectDelayMs,
} from './redis-rows.ts';

export class RedisReader extends RedisRows {
  readonly kind = 'redis';
  readonly #redis: Redis;
  readonly #markerHash: string;
  readonly #lane: ReadLane | null;

  constructor(url: string, keyPrefix: string, clock: Clock, onTrouble: (error: Error) => void) {
    const redis = new Redis(url, {
      ...CLIENT_OPTIONS,
      ...CONNECTION_OPTIONS,
      // Default 20: a read that a lost connection took with it is its request's loss; the next one asks anew.
      maxRetriesPerRequest: 0,
      retryStrategy: reconnectDelayMs,
    });
    super(redis, keyPrefix, clock, onTrouble);
    this.#redis = redis;
    this.#markerHash = markerKey(keyPrefix);
    this.#lane = openLane(redis, () => this.markers.forget());
    redis.on('error', (error) => this.heard(error));
    redis.on('ready', () => this.markers.forget());
  }

  protected override async connect(): Promise<void> {
    // The client goes on trying by itself, and tells of each failure.
    await this.#redis.connect();
    this.#lane?.open();
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
    return `${this.#redis.options.host ?? 'localhost'}:${this.#redis.options.port ?? 6_379}`;
  }

  protected override absenceHashesOf(): string[] {
    return [this.#markerHash];
  }

  protected override laneOf(): ReadLane | null {
    return this.#lane;
  }

  protected override disconnect(): void {
    this.#lane?.end();
    this.#redis.disconnect();
  }
}

/** @returns null where the client alone can connect: TLS, a unix socket */
function openLane({ options }: Redis, onOpen: () => void): ReadLane | null {
  if ((options.tls ?? options.path ?? null) !== null) return null;
  const address = {
    host: options.host ?? 'localhost',
    port: options.port ?? 6_379,
    username: options.username ?? null,
    password: options.password ?? null,
    database: options.db ?? 0,
  };
  return new ReadLane(address, LANE_LIMITS, onOpen);
}
