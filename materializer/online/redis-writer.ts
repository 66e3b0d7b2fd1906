/**
 * The online store in one Redis (with or without replicas behind it): guarded writes in pipelines.
 *
 * Trades one script call a row (about 10 us of this process) for a guard that holds against any other writer.
 * Called by materialize.ts through the port.
 */
import type { RowSchema } from '../../registry/model.ts';
import { redisAddress } from '../../registry/redis-address.ts';
import { connectWithin, redisClient } from '../../registry/redis-client.ts';
import type { Redis } from '../../registry/redis-client.ts';
import type { OnlineSettings } from '../../registry/settings.ts';
import { fieldOf, markerKey, schemasKey } from '../../registry/wire/online-layout.ts';
import { noWrites } from './guard-outcome.ts';
import type { WriteCounts } from './guard-outcome.ts';
import { countAnswer, GUARD_SCRIPT, GuardCall } from './guard-script.ts';
import type { MarkerState, OnlineRow, OnlineWriter, WriteOptions } from './online-writer.ts';
import { schemaFields, sendGuarded, StoreFailure } from './redis-reply.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** For all that it takes: sentinels, TLS, a server that is still loading. */
const START_LIMIT_MS = 15_000;
// With the client's delays between them: about ten seconds until a command is given up.
const RETRIES = 8;

export async function openRedisWriter(online: OnlineSettings): Promise<OnlineWriter> {
  const store = new StoreFailure(online.url);
  const options = { connectTimeout: CONNECT_TIMEOUT_MS, maxRetriesPerRequest: RETRIES };
  const client = redisClient(redisAddress(online.url, online.access), options, store.heard);
  try {
    await connectWithin(client, START_LIMIT_MS);
    await client.script('LOAD', GUARD_SCRIPT);
    return new RedisWriter(client, online.keyPrefix, store.failed);
  } catch (error) {
    client.disconnect();
    throw store.failed(error);
  }
}

class RedisWriter implements OnlineWriter {
  readonly #client: Redis;
  readonly #keyPrefix: string;
  readonly #failed: (error: unknown) => Error;
  readonly #guard = new GuardCall(fieldOf);

  constructor(client: Redis, keyPrefix: string, failed: (error: unknown) => Error) {
    this.#client = client;
    this.#keyPrefix = keyPrefix;
    this.#failed = failed;
  }

  async publishSchemas(schemas: readonly RowSchema[]): Promise<void> {
    const fields = schemaFields(schemas);
    if (fields.length > 0) await this.#ask(this.#client.hset(schemasKey(this.#keyPrefix), ...fields));
  }

  async write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts> {
    const counts = noWrites();
    const calls = rows.map((row) => this.#guard.argumentsOf(row, options));
    for (const answer of await this.#ask(sendGuarded(this.#client, calls))) {
      if (answer instanceof Error) throw this.#failed(answer);
      countAnswer(counts, answer);
    }
    return counts;
  }

  markerGroupOf(): number {
    return 0;
  }

  async readMarkers(view: string): Promise<MarkerState> {
    const text = await this.#ask(this.#client.hget(markerKey(this.#keyPrefix), view));
    return { watermarksUs: [text === null ? null : Number(text)] };
  }

  async writeMarkers(view: string, watermarkUs: number): Promise<void> {
    await this.#ask(this.#client.hset(markerKey(this.#keyPrefix), view, String(watermarkUs)));
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.#failed(error);
    }
  }
}
