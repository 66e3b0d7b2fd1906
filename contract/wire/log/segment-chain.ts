/**
 * The chain of a spool's segments: each names the one before it, with its length at that time.
 *
 *   epoch A  seg 1 <-- seg 2 <-- | epoch B  seg 1 <-- seg 3        3 names 1: there never was a 2
 *            deleted,    gone: a gap,                 shrunk: a gap of what it lacks
 *            below the mark     whatever numbers say
 *
 * Sequence numbers show what is missing between two records of one epoch. The chain shows it also when no record
 * follows, and between epochs, and how many bytes are missing. Called by epoch-walk.ts and log-status.ts.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readPassedMark } from './passed-mark.ts';
import { cursorConsumers, readCursor } from './spool-cursor.ts';
import { parseSegmentFile } from './spool-segment.ts';
import type { SegmentHeader, SegmentName } from './spool-segment.ts';

/** What is missing of a segment that another one names. */
interface ChainLoss {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
}

export class SegmentChain {
  readonly #folder: string;
  readonly #from: string;

  /** @param from  the segment where reading begins; what stands before it was read earlier */
  constructor(folder: string, from = '') {
    this.#folder = folder;
    this.#from = from;
  }

  /** @returns what is missing of the segment before this one; null: nothing, or this one does not say */
  lossBefore(header: SegmentHeader | null): ChainLoss | null {
    const previous = header?.previous ?? null;
    if (previous === null || previous.file < this.#from) return null;
    const { file, bytes } = previous;
    const size = statSync(join(this.#folder, file), { throwIfNoEntry: false })?.size;
    if (size !== undefined) return size < bytes ? { segment: file, offset: size, bytes: bytes - size } : null;
    return file <= readPassedMark(this.#folder) ? null : { segment: file, offset: 0, bytes };
  }

  /** Whether the front of an epoch was deleted in order, so that its first segment there may begin anywhere. */
  isFrontPassed(first: SegmentName, header: SegmentHeader | null): boolean {
    if (first.number === 1) return false;
    const previous = header?.previous ?? null;
    if (previous === null) return first.file <= this.#furthestPassed();
    return (
      parseSegmentFile(previous.file)?.epoch === first.epoch && previous.file <= readPassedMark(this.#folder)
    );
  }

  /** For a segment that does not name the one before it: how far a consumer has passed stands in for the chain. */
  #furthestPassed(): string {
    let furthest = readPassedMark(this.#folder);
    for (const consumer of cursorConsumers(this.#folder)) {
      try {
        const segment = readCursor(this.#folder, consumer)?.segment ?? '';
        if (segment > furthest) furthest = segment;
      } catch {
        // A damaged cursor proves nothing; its own reader reports it.
      }
    }
    return furthest;
  }
}
