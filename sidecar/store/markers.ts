/**
 * The watermarks that the sidecar knows, by marker hash: one hash in a single Redis, one for each 128 slots in a
 * cluster. One read in flight a hash.
 */
import { parseEvictionMark, viewOfEvictionField } from '../../contract/wire/online/eviction-mark.ts';
import type { EvictionMark } from '../../contract/wire/online/eviction-mark.ts';
import { visibleText } from '../../contract/std/visible-text.ts';
import { parseWatermark } from '../../contract/wire/online/watermark.ts';
import { MARKER_AGE_MS } from './store-reader.ts';

/** Hashes that were not asked for in this time are no longer renewed, so an idle sidecar leaves its store alone. */
export const MARKER_IDLE_MS = 60_000;

/** What a marker hash holds. */
export interface Marks {
  /** View id to watermark. */
  readonly watermarks: ReadonlyMap<string, number>;
  /** View id to what had been evicted when its rows were last written in full. */
  readonly evictions: ReadonlyMap<string, EvictionMark>;
}

interface MarkerHash {
  marks: Marks | null;
  readUs: number;
  readMs: number;
  askedMs: number;
  reading: Promise<Marks> | null;
}

type FetchMarkers = (hash: string) => Promise<Readonly<Record<string, string>>>;

export class Markers {
  readonly #fetch: FetchMarkers;
  readonly #nowMs: () => number;
  readonly #onTrouble: (error: Error) => void;
  readonly #hashes = new Map<string, MarkerHash>();

  /**
   * @param fetch      reads all fields of a marker hash
   * @param nowMs      a monotonic clock
   * @param onTrouble  told of each marker that cannot be parsed, whenever its hash is read
   */
  constructor(
    fetch: FetchMarkers,
    nowMs: () => number = () => performance.now(),
    onTrouble: (error: Error) => void = () => {},
  ) {
    this.#onTrouble = onTrouble;
    this.#fetch = fetch;
    this.#nowMs = nowMs;
  }

  /** @returns the marks if they are recent enough for a row that is read now, else null */
  known(hash: string, nowUs: number): Marks | null {
    const entry = this.#hashes.get(hash);
    if (entry === undefined || entry.marks === null) return null;
    const nowMs = this.#nowMs();
    entry.askedMs = nowMs;
    const youngOnClock = Math.abs(nowUs - entry.readUs) <= MARKER_AGE_MS * 1_000;
    return youngOnClock && nowMs - entry.readMs <= MARKER_AGE_MS ? entry.marks : null;
  }

  /** @returns the least watermark of each view in the hashes that were asked for lately */
  least(): Map<string, number> {
    const nowMs = this.#nowMs();
    const least = new Map<string, number>();
    for (const { marks, askedMs } of this.#hashes.values()) {
      if (marks === null || nowMs - askedMs > MARKER_IDLE_MS) continue;
      for (const [view, us] of marks.watermarks) least.set(view, Math.min(us, least.get(view) ?? us));
    }
    return least;
  }

  /** Reads a marker hash, or joins the read that is under way. */
  read(hash: string, nowUs: number): Promise<Marks> {
    let entry = this.#hashes.get(hash);
    if (entry === undefined) {
      entry = { marks: null, readUs: 0, readMs: 0, askedMs: 0, reading: null };
      this.#hashes.set(hash, entry);
    }
    entry.askedMs = this.#nowMs();
    return this.#join(hash, entry, nowUs);
  }

  /** Reads the hash again, and never joins a read that started before this call. */
  async readAfter(hash: string, nowUs: number): Promise<Marks> {
    await this.#hashes.get(hash)?.reading?.catch(() => {});
    return this.read(hash, nowUs);
  }

  /** Reads every hash again that was used lately, and forgets the others; the next reader meets what failed. */
  renew(nowUs: number): void {
    const nowMs = this.#nowMs();
    for (const [hash, entry] of this.#hashes) {
      if (nowMs - entry.askedMs > MARKER_IDLE_MS) this.#hashes.delete(hash);
      else this.#join(hash, entry, nowUs).catch(() => {});
    }
  }

  /** To be called after a reconnect: markers that were read before may not hold any more. */
  forget(): void {
    this.#hashes.clear();
  }

  #join(hash: string, entry: MarkerHash, nowUs: number): Promise<Marks> {
    entry.reading ??= this.#readNow(hash, entry, nowUs);
    return entry.reading;
  }

  async #readNow(hash: string, entry: MarkerHash, nowUs: number): Promise<Marks> {
    const readMs = this.#nowMs();
    try {
      const fields = await this.#fetch(hash);
      entry.marks = this.#marksOf(fields);
      entry.readUs = nowUs;
      entry.readMs = readMs;
      return entry.marks;
    } finally {
      entry.reading = null;
    }
  }

  /** A marker that cannot be parsed counts as absent. */
  #marksOf(fields: Readonly<Record<string, string>>): Marks {
    const watermarks = new Map<string, number>();
    const evictions = new Map<string, EvictionMark>();
    for (const [field, text] of Object.entries(fields)) {
      const view = viewOfEvictionField(field);
      if (view === null) {
        const watermarkUs = parseWatermark(text);
        if (watermarkUs === null) this.#onTrouble(noMarker(field, text));
        else watermarks.set(field, watermarkUs);
        continue;
      }
      const mark = parseEvictionMark(text);
      if (mark !== null) evictions.set(view, mark);
    }
    return { watermarks, evictions };
  }
}

/** @returns the warning about a marker that cannot be parsed */
export function noMarker(view: string, text: string): Error {
  const shown = JSON.stringify(text.slice(0, 40));
  return new Error(
    `the marker of ${visibleText(view.slice(0, 100))} should be microseconds before the year 2200, got ${shown}: it ` +
      'counts as missing until the view is materialized again',
  );
}
