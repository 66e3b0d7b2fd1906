/**
 * What a member of a group of Kafka holds, and how long: while the coordinator cannot have given it to another.
 *
 *   held   until the session's length after the last heartbeat that was answered, or SyncGroup, was sent
 *   over   the coordinator waits for all to join anew: also no later than `rebalance` after the last heartbeat was sent
 *          that was answered without that
 *
 * A clock that never goes back tells, so that a process that was stopped finds itself out. Past that time the next
 * answer decides: a member that the group still knows goes on, as when Kafka was away for all.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { materializerError } from '../../errors.ts';
import type { Share } from './stream-group.ts';

interface ShareOptions {
  readonly partitions: readonly number[];
  readonly generation: number;
  readonly group: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  /** When SyncGroup was sent. */
  readonly askedMs: number;
  /** The process is to stop. */
  readonly signal: AbortSignal;
  /** A clock that never goes back. */
  readonly nowMs?: () => number;
}

/** @property held  the group goes on with the member; over: and waits for it to join anew; lost: without it */
type HeartbeatAnswer = 'held' | 'over' | 'lost';

const LOOK_MS = 50;
/** How long a process that is told to stop waits to hear whether it may still commit. */
const STOPPED_WAIT_MS = 10_000;

export class KafkaShare implements Share {
  readonly #options: ShareOptions;
  readonly #nowMs: () => number;
  #sentMs: number;
  /** When what was answered `held` last was sent. */
  #heldMs: number;
  #state: HeartbeatAnswer = 'held';

  constructor(options: ShareOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#sentMs = this.#heldMs = options.askedMs;
  }

  get partitions(): readonly number[] {
    return this.#options.partitions;
  }

  get generation(): number {
    return this.#options.generation;
  }

  get isOver(): boolean {
    return this.#state !== 'held';
  }

  get isLost(): boolean {
    return this.#state === 'lost';
  }

  get #goodUntilMs(): number {
    const { sessionMs, rebalanceMs } = this.#options;
    const alive = this.#sentMs + sessionMs;
    return this.#state === 'held' ? alive : Math.min(alive, this.#heldMs + rebalanceMs);
  }

  /** @param sentMs  when the heartbeat was sent */
  answered(sentMs: number, answer: HeartbeatAnswer): void {
    if (this.#state === 'lost') return;
    this.#sentMs = Math.max(this.#sentMs, sentMs);
    if (answer === 'held' && this.#state === 'held') this.#heldMs = this.#sentMs;
    if (answer !== 'held') this.#state = answer;
  }

  async hold(): Promise<void> {
    const { signal } = this.#options;
    let stoppedMs = 0;
    while (this.#state !== 'lost' && this.#nowMs() >= this.#goodUntilMs) {
      // Past the time for joining anew no answer can tell that nobody else has the partitions.
      if (this.#state === 'over' && this.#nowMs() >= this.#heldMs + this.#options.rebalanceMs) break;
      if (signal.aborted && (stoppedMs += LOOK_MS) > STOPPED_WAIT_MS) break;
      await sleep(LOOK_MS);
    }
    if (this.#state !== 'lost' && this.#nowMs() < this.#goodUntilMs) return;
    this.#state = 'lost';
    throw materializerError(
      'MAT_LEASE',
      `the partitions ${this.partitions.join(', ')} may have another holder in the group ${this.#options.group}: this ` +
        'process was held up for too long',
    );
  }
}
