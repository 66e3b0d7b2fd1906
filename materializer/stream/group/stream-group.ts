/**
 * The processes that share the partitions of a source: one port, kept by Kafka's groups and by a process that is alone.
 *
 *   join -> share -> (another process comes or goes: the share is over) -> all is committed -> join -> ...
 *                 -> (this process was held up too long: the share is lost) -> what it had under way is dropped -> join
 *
 * A share that is over is handed over: its holder commits, and only then joins anew. One that is lost has another
 * holder by now, or may have: nothing more of it may be written.
 */
import type { Position } from '../source/stream-reader.ts';

/** What a process holds of a source between two times that partitions are shared out. */
export interface Share {
  /** In order; none where there are more processes than partitions. */
  readonly partitions: readonly number[];
  /** Tells it from those before it of this process and of others. */
  readonly generation: number;
  /** Whether the partitions are to be shared out anew. */
  readonly isOver: boolean;
  /** Whether another process has them, or may have. */
  readonly isLost: boolean;
  /**
   * To be called before anything is written that others see.
   * @throws MAT_LEASE when another process has the partitions, or may have them
   */
  hold(): Promise<void>;
}

export interface StreamGroup {
  /**
   * Gives back what was held, which is committed by then.
   * @returns null when `signal` aborts before there is a share
   */
  join(signal: AbortSignal): Promise<Share | null>;
  /** Says how far the archive has come, for those who look for lag. Where it fails, the next time makes up for it. */
  tell(positions: ReadonlyMap<number, Position>): Promise<void>;
  leave(): Promise<void>;
}

/** A process that has a source for itself: the lock and the lease of its views keep others away. */
export class LoneGroup implements StreamGroup {
  readonly #partitions: readonly number[];

  constructor(partitions: readonly number[]) {
    this.#partitions = partitions;
  }

  async join(): Promise<Share> {
    return {
      partitions: this.#partitions,
      generation: 0,
      isOver: false,
      isLost: false,
      hold: async () => {},
    };
  }

  async tell(): Promise<void> {}

  async leave(): Promise<void> {}
}
