/**
 * How far a source has come in event time, as the marks beside its tiles say. Pure.
 *
 *   seen of a partition   min(newest event time, newest append time) of a mark that came `holdMs` ago at least: the
 *                         tiles that it counts come by other transactions, some of them a moment later
 *   an idle partition     one of which the tiles hold every message, or that has none: the clock, less what a message
 *                         may be on its way
 *   seen of the source    the least of all partitions; a partition without a mark holds it
 */
import type { TileMark } from '../../../contract/aggregation/tile-message.ts';
import { IDLE_US } from '../windows/watermark.ts';

interface TimedMark {
  readonly mark: TileMark;
  readonly cameMs: number;
}

export class SourceMarks {
  /** By partition, those whose time has not come behind the one that counts. */
  readonly #marks = new Map<number, TimedMark[]>();
  #us = 0;

  /** @param marks  as they stood when the state was saved */
  constructor(marks: readonly TileMark[] = []) {
    for (const mark of marks) this.#marks.set(mark.partition, [{ mark, cameMs: -Infinity }]);
  }

  take(mark: TileMark, nowMs: number): void {
    const held = this.#marks.get(mark.partition) ?? [];
    held.push({ mark, cameMs: nowMs });
    this.#marks.set(mark.partition, held);
  }

  /** The newest mark of each partition. */
  get newest(): TileMark[] {
    return [...this.#marks.values()].map((held) => held.at(-1)!.mark);
  }

  /** @returns the newest mark of each partition of which the tiles are there */
  #settled(nowMs: number): ReadonlyMap<number, TileMark> {
    const settled = new Map<number, TileMark>();
    for (const [partition, held] of this.#marks) {
      const last = held.findLastIndex(({ mark, cameMs }) => nowMs - cameMs >= mark.holdMs);
      if (last > 0) held.splice(0, last);
      if (last >= 0) settled.set(partition, held[0]!.mark);
    }
    return settled;
  }

  /** By partition the offset behind the last message that its settled mark counts. */
  settledOffsets(nowMs: number): ReadonlyMap<number, number> {
    return new Map([...this.#settled(nowMs)].map(([partition, { offset }]) => [partition, offset + 1]));
  }

  /**
   * @param ends  of every partition of the source, as its broker says it now: the offset behind its last message that
   *              an engine reads; null: the broker did not say
   * @returns     microseconds since 1970; it never falls
   */
  seenUs(nowMs: number, ends: readonly number[] | null): number {
    if (ends === null) return this.#us;
    const settled = this.#settled(nowMs);
    const times = ends.map((end, partition) => {
      const mark = settled.get(partition);
      const seen = mark === undefined ? 0 : Math.min(mark.eventUs ?? 0, mark.appendedUs ?? 0);
      const isIdle = end === 0 || (mark !== undefined && mark.offset + 1 >= end);
      return isIdle ? Math.max(seen, nowMs * 1_000 - IDLE_US) : seen;
    });
    this.#us = Math.max(this.#us, Math.min(...times));
    return this.#us;
  }
}
