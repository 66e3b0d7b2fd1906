/**
 * The watermarks that the sidecar knows, by marker hash: one hash in a single Redis, one for each 128 slots in a
 * cluster. One read in flight a hash.
 */
import { MARKER_AGE_MS } from './store-reader.ts';

/** View id to watermark. */
export type Marks = ReadonlyMap<string, number>;

interface MarkerHash {
  marks: Marks | null;
  readUs: number;
  readMs: number;
  reading: Promise<Marks> | null;
}

export class Markers {
  readonly #fetch: (hash: string) => Promise<Readonly<Record<string, string>>>;
  readonly #hashes = new Map<string, MarkerHash>();

  /** @param fetch  reads all fields of a marker hash */
  constructor(fetch: (hash: string) => Promise<Readonly<Record<string, string>>>) {
    this.#fetch = fetch;
  }

  /** @returns the marks when they are young enough to stand before a row that is read now, else null */
  known(hash: string, nowUs: number): Marks | null {
    const entry = this.#hashes.get(hash);
    if (entry === undefined || entry.marks === null) return null;
    const youngOnClock = Math.abs(nowUs - entry.readUs) <= MARKER_AGE_MS * 1_000;
    return youngOnClock && performance.now() - entry.readMs <= MARKER_AGE_MS ? entry.marks : null;
  }

  /** Reads a marker hash, or joins the read that is under way. */
  read(hash: string, nowUs: number): Promise<Marks> {
    let entry = this.#hashes.get(hash);
    if (entry === undefined) {
      entry = { marks: null, readUs: 0, readMs: 0, reading: null };
      this.#hashes.set(hash, entry);
    }
    entry.reading ??= this.#readNow(hash, entry, nowUs);
    return entry.reading;
  }

  /** Reads anew, never joining a read that started before this call. */
  async readAfter(hash: string, nowUs: number): Promise<Marks> {
    await this.#hashes.get(hash)?.reading?.catch(() => {});
    return this.read(hash, nowUs);
  }

  /** Reads every known hash again; failures are left to the next reader. */
  renew(nowUs: number): void {
    for (const hash of this.#hashes.keys()) this.read(hash, nowUs).catch(() => {});
  }

  /** After a reconnect nothing that was known before vouches for anything. */
  forget(): void {
    this.#hashes.clear();
  }

  async #readNow(hash: string, entry: MarkerHash, nowUs: number): Promise<Marks> {
    const readMs = performance.now();
    try {
      const fields = await this.#fetch(hash);
      entry.marks = new Map(Object.entries(fields).map(([view, us]) => [view, Number(us)]));
      entry.readUs = nowUs;
      entry.readMs = readMs;
      return entry.marks;
    } finally {
      entry.reading = null;
    }
  }
}
