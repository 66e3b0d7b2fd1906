/**
 * Keeps the lag of the spool's consumers at hand for the metrics: looked at every 5 s and never while somebody asks,
 * with asynchronous reads only, one look at a time. A disk that stands still makes the figures old and nothing else.
 * Called by main.ts.
 */
import type { SpoolPosition } from '../../contract/wire/log/spool-cursor.ts';
import { cursorOf, lagOf, sizedSegments } from './consumer-lag.ts';
import type { ConsumerLag } from './consumer-lag.ts';

const LOOK_MS = 5_000;

export class ConsumerWatch {
  readonly #folder: string;
  readonly #consumers: readonly string[];
  readonly #timer: NodeJS.Timeout;
  #lags: readonly ConsumerLag[] = [];
  #looking: Promise<void> | null = null;

  /** @param consumers  those that the spool waits for */
  constructor(folder: string, consumers: readonly string[]) {
    this.#folder = folder;
    this.#consumers = consumers;
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
    void this.look();
  }

  /** @returns the figures of the last look; none before the first has ended */
  get lags(): readonly ConsumerLag[] {
    return this.#lags;
  }

  /** Looks now, or waits for the look that is under way. Never throws: what cannot be read keeps its last figures. */
  look(): Promise<void> {
    if (this.#consumers.length === 0) return Promise.resolve();
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const folder = this.#folder;
      const segments = await sizedSegments(folder);
      // What decodes records takes 11 MiB, which a spool that nobody reads need not have.
      const { SegmentEnds } = await import('../../contract/wire/log/segment-ends.ts');
      const ends = new SegmentEnds();
      const lags: ConsumerLag[] = [];
      for (const consumer of this.#consumers) {
        const position = knownPosition(folder, consumer);
        lags.push(await lagOf({ folder, segments, ends }, consumer, position));
      }
      this.#lags = lags;
    } catch {
      // The spool says what is wrong with its disk.
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Behind a damaged cursor nothing is passed: that consumer reads nothing until somebody mends it. */
function knownPosition(folder: string, consumer: string): SpoolPosition | null {
  try {
    return cursorOf(folder, consumer);
  } catch {
    return null;
  }
}
