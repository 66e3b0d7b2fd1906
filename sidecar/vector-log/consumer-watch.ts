/**
 * Keeps the lag of the spool's consumers ready for the metrics. Looks every 5 s, never during a scrape, with
 * asynchronous reads and one look at a time: a disk that stands still makes the figures old and does no other harm.
 * Started by main.ts.
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
      // The decoder of records takes 11 MiB: it is loaded only where there are consumers.
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

/** With a damaged cursor a consumer has passed nothing: it reads nothing until somebody fixes the cursor. */
function knownPosition(folder: string, consumer: string): SpoolPosition | null {
  try {
    return cursorOf(folder, consumer);
  } catch {
    return null;
  }
}
