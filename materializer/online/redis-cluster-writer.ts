/**
 * The online store in a Redis Cluster: guarded writes in one pipeline a node.
 *
 * A first round groups the rows by the node that has their slot and sends each group down that node's own connection.
 * Rows that come back with an error that a retry mends (a slot on the move, a failover, a lost connection) go again,
 * one by one through the cluster client, which follows redirections, until RETRY_LIMIT_MS have passed since the first
 * failure. A row whose first write did happen is then counted `equal`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RowSchema } from '../../registry/model.ts';
import { redisAddress } from '../../registry/redis-address.ts';
import { clusterClient, connectWithin } from '../../registry/redis-client.ts';
import type { Cluster, Redis } from '../../registry/redis-client.ts';
import type { OnlineSettings } from '../../registry/settings.ts';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  fieldOf,
  schemasKey,
  SLOTS_PER_MARKER,
} from '../../registry/wire/online-layout.ts';
import { noWrites } from './guard-outcome.ts';
import type { WriteCounts } from './guard-outcome.ts';
import { countAnswer, GUARD_SCRIPT, GuardCall } from './guard-script.ts';
import type { GuardArguments } from './guard-script.ts';
import type { MarkerState, OnlineRow, OnlineWriter, WriteOptions } from './online-writer.ts';
import {
  GUARD_SHA,
  isNoScript,
  isRetriable,
  schemaFields,
  sendGuarded,
  StoreFailure,
} from './redis-reply.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** For all that it takes; a cluster without slots never becomes ready. */
const START_LIMIT_MS = 15_000;
const RETRY_LIMIT_MS = 30_000;
const RETRY_PAUSE_MS = 200;

export async function openRedisClusterWriter(online: OnlineSettings): Promise<OnlineWriter> {
  const store = new StoreFailure(online.url);
  const options = {
    redisOptions: { connectTimeout: CONNECT_TIMEOUT_MS },
    clusterRetryStrategy: (times: number) => Math.min(100 * times, 1_000),
  };
  const cluster = clusterClient(redisAddress(online.url, online.access), options, store.heard);
  try {
    await connectWithin(cluster, START_LIMIT_MS);
    return new RedisClusterWriter(cluster, online.keyPrefix, store.failed);
  } catch (error) {
    cluster.disconnect();
    throw store.failed(error);
  }
}

class RedisClusterWriter implements OnlineWriter {
  readonly #cluster: Cluster;
  readonly #keyPrefix: string;
  readonly #failed: (error: unknown) => Error;
  readonly #guard = new GuardCall(fieldOf);

  constructor(cluster: Cluster, keyPrefix: string, failed: (error: unknown) => Error) {
    this.#cluster = cluster;
    this.#keyPrefix = keyPrefix;
    this.#failed = failed;
  }

  async publishSchemas(schemas: readonly RowSchema[]): Promise<void> {
    const fields = schemaFields(schemas);
    if (fields.length > 0)
      await this.#untilDone(() => this.#cluster.hset(schemasKey(this.#keyPrefix), ...fields));
  }

  async write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts> {
    const counts = noWrites();
    const groups = new Map<Redis | null, GuardArguments[]>();
    const nodes = new Map(
      this.#cluster.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
    );
    for (const row of rows) {
      const node = nodes.get(this.#cluster.slots[clusterSlot(row.key)]?.[0] ?? '') ?? null;
      const group = groups.get(node);
      const call = this.#guard.argumentsOf(row, options);
      if (group === undefined) groups.set(node, [call]);
      else group.push(call);
    }
    const again: GuardArguments[] = [];
    await Promise.all(
      [...groups].map(async ([node, calls]) => {
        if (node === null) again.push(...calls);
        else again.push(...this.#count(counts, calls, await answersOf(node, calls)));
      }),
    );
    if (again.length > 0) await this.#retry(counts, again);
    return counts;
  }

  async #retry(counts: WriteCounts, calls: readonly GuardArguments[]): Promise<void> {
    const endMs = performance.now() + RETRY_LIMIT_MS;
    let left = calls;
    while (left.length > 0) {
      const answers = await Promise.all(left.map((call) => this.#callOnce(call)));
      const failed = this.#count(counts, left, answers);
      if (failed.length > 0 && performance.now() > endMs) {
        throw this.#failed(answers.find((answer) => answer instanceof Error));
      }
      left = failed;
      if (left.length > 0) await sleep(RETRY_PAUSE_MS);
    }
  }

  /** Through the cluster client, which follows MOVED and ASK. */
  async #callOnce(call: GuardArguments): Promise<number | Error> {
    try {
      return (await this.#cluster.call('EVALSHA', GUARD_SHA, ...call)) as number;
    } catch (error) {
      if (!isNoScript(error as Error)) return error as Error;
    }
    try {
      return (await this.#cluster.call('EVAL', GUARD_SCRIPT, ...call)) as number;
    } catch (error) {
      return error as Error;
    }
  }

  /** Counts the answers; returns the calls to send again, and throws at an error that no retry mends. */
  #count(
    counts: WriteCounts,
    calls: readonly GuardArguments[],
    answers: readonly (number | Error)[],
  ): GuardArguments[] {
    const again: GuardArguments[] = [];
    answers.forEach((answer, i) => {
      if (!(answer instanceof Error)) countAnswer(counts, answer);
      else if (isRetriable(answer)) again.push(calls[i]!);
      else throw this.#failed(answer);
    });
    return again;
  }

  markerGroupOf(key: string): number {
    return Math.floor(clusterSlot(key) / SLOTS_PER_MARKER);
  }

  async readMarkers(view: string): Promise<MarkerState> {
    const texts = await Promise.all(
      this.#markerKeys().map((key) => this.#untilDone(() => this.#cluster.hget(key, view))),
    );
    return { watermarksUs: texts.map((text) => (text === null ? null : Number(text))) };
  }

  async writeMarkers(view: string, watermarkUs: number): Promise<void> {
    await Promise.all(
      this.#markerKeys().map((key) =>
        this.#untilDone(() => this.#cluster.hset(key, view, String(watermarkUs))),
      ),
    );
  }

  #markerKeys(): string[] {
    const keys: string[] = [];
    for (let slot = 0; slot < CLUSTER_SLOTS; slot += SLOTS_PER_MARKER)
      keys.push(clusterMarkerKey(this.#keyPrefix, slot));
    return keys;
  }

  async close(): Promise<void> {
    this.#cluster.disconnect();
  }

  async #untilDone<T>(command: () => Promise<T>): Promise<T> {
    for (const endMs = performance.now() + RETRY_LIMIT_MS; ;) {
      try {
        return await command();
      } catch (error) {
        if (!isRetriable(error as Error) || performance.now() > endMs) throw this.#failed(error);
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }
}

async function answersOf(node: Redis, calls: readonly GuardArguments[]): Promise<(number | Error)[]> {
  try {
    return await sendGuarded(node, calls);
  } catch (error) {
    return calls.map(() => error as Error);
  }
}
