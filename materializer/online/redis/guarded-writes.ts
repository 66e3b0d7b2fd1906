/**
 * Guarded writes to whatever nodes there are: each batch down the lanes of the nodes, and what had no answer again,
 * one by one through the client, until it succeeds or RETRY_LIMIT_MS have passed since the first failure. A row whose
 * first write did happen is then counted `equal`. Shared by the writers of one Redis and of a cluster.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { noWrites } from '../guard-outcome.ts';
import type { WriteCounts } from '../guard-outcome.ts';
import type { GuardLane } from './guard-lane.ts';
import { argumentsOf, countAnswer, GUARD_SCRIPT, GUARD_SHA, GuardShapes } from './guard-script.ts';
import type { GuardedRow } from './guard-script.ts';
import type { OnlineRow, WriteOptions } from '../online-writer.ts';
import { isWrongType } from '../../../project/connections/redis-wrong-type.ts';
import { isNoScript, isRetriable } from './redis-reply.ts';
import type { StoreFailure } from './redis-reply.ts';

const RETRY_LIMIT_MS = 30_000;
const RETRY_PAUSE_MS = 200;
/** Of the keys that are no hashes so many are kept by name, the others are counted. */
const BLOCKED_NAMES = 100;

/** What is needed of a client: the Redis and the Cluster of ioredis. */
interface GuardClient {
  call(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
}

export class GuardedWrites {
  readonly #client: GuardClient;
  readonly #laneOf: (key: string) => GuardLane | null;
  readonly #store: Pick<StoreFailure, 'failed' | 'blocked'>;
  readonly #shapes: GuardShapes;
  #largestRow = 0;
  /** Keys that are no hashes, since the last call of `blocked`. */
  #blockedKeys: string[] = [];
  #blockedCount = 0;

  /**
   * @param laneOf  the lane to the node of a key; null: none is known, and the client finds it
   * @param store   makes of what goes wrong an error for people
   */
  constructor(
    client: GuardClient,
    laneOf: (key: string) => GuardLane | null,
    fieldOf: (view: string) => Buffer,
    store: Pick<StoreFailure, 'failed' | 'blocked'>,
  ) {
    this.#client = client;
    this.#laneOf = laneOf;
    this.#shapes = new GuardShapes(fieldOf);
    this.#store = store;
  }

  async write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts> {
    const counts = noWrites();
    const groups = new Map<GuardLane | null, GuardedRow[]>();
    for (const row of rows) {
      if (row.row.length > this.#largestRow) this.#largestRow = row.row.length;
      const lane = this.#laneOf(row.key);
      const guarded = { key: row.key, row: row.row, shape: this.#shapes.of(row, options) };
      const group = groups.get(lane);
      if (group === undefined) groups.set(lane, [guarded]);
      else group.push(guarded);
    }
    const again: GuardedRow[] = [];
    await Promise.all(
      [...groups].map(async ([lane, group]) => {
        const left = lane === null ? group : this.#count(counts, group, await lane.send(group));
        for (const row of left) again.push(row);
      }),
    );
    if (again.length > 0) await this.#retry(counts, again);
    return counts;
  }

  /** @returns bytes of the largest row since the last call */
  largestRow(): number {
    const bytes = this.#largestRow;
    this.#largestRow = 0;
    return bytes;
  }

  /** Whether `blocked` would name any. */
  isBlocked(): boolean {
    return this.#blockedCount > 0;
  }

  /** @returns what became of keys that are no hashes since the last call; null: there was none */
  blocked(): Error | null {
    if (this.#blockedCount === 0) return null;
    const error = this.#store.blocked(this.#blockedKeys, this.#blockedCount);
    this.#blockedKeys = [];
    this.#blockedCount = 0;
    return error;
  }

  #block(key: string): void {
    if (this.#blockedKeys.includes(key)) return;
    this.#blockedCount += 1;
    if (this.#blockedKeys.length < BLOCKED_NAMES) this.#blockedKeys.push(key);
  }

  async #retry(counts: WriteCounts, rows: readonly GuardedRow[]): Promise<void> {
    const endMs = performance.now() + RETRY_LIMIT_MS;
    let left = rows;
    while (left.length > 0) {
      const answers = await Promise.all(left.map((row) => this.#callOnce(row)));
      const failed = this.#count(counts, left, answers);
      if (failed.length > 0 && performance.now() > endMs)
        throw this.#store.failed(answers.find((answer) => answer instanceof Error));
      left = failed;
      if (left.length > 0) await sleep(RETRY_PAUSE_MS);
    }
  }

  /** Through the client, which connects anew, and follows MOVED and ASK. */
  async #callOnce(row: GuardedRow): Promise<number | Error> {
    const args = argumentsOf(row);
    try {
      return (await this.#client.call('EVALSHA', GUARD_SHA, ...args)) as number;
    } catch (error) {
      if (!isNoScript(error as Error)) return error as Error;
    }
    try {
      return (await this.#client.call('EVAL', GUARD_SCRIPT, ...args)) as number;
    } catch (error) {
      return error as Error;
    }
  }

  /**
   * Counts the answers; returns the rows to send again, and throws an error that no retry can help. A key that is no
   * hash is kept for `blocked`: the rows of other keys are written all the same.
   */
  #count(
    counts: WriteCounts,
    rows: readonly GuardedRow[],
    answers: readonly (number | Error)[],
  ): GuardedRow[] {
    const again: GuardedRow[] = [];
    for (let i = 0; i < rows.length; i++) {
      const answer = answers[i]!;
      if (typeof answer === 'number') countAnswer(counts, answer);
      else if (isRetriable(answer)) again.push(rows[i]!);
      else if (isWrongType(answer)) this.#block(rows[i]!.key);
      else throw this.#store.failed(answer);
    }
    return again;
  }
}
