/**
 * All records of a spool in the order they were written, and all that is missing between them.
 *
 *   epoch A  seg 1 | 1 2 3 # 5 |    # damaged: gap 4         epoch B  seg 1 | 1 2 3 h 8 ~~~
 *            seg 3 | 9 10 L |       seg 2 lost: gap 6 to 8            h heartbeat: 4 to 7 shed, no gap
 *                                   L last: the epoch is closed       ~ torn tail: never answered, no gap
 *
 * Sequence numbers are consecutive in an epoch, so what is missing shows even where a whole file is gone. Shed
 * numbers are no gap: the first record behind them is a heartbeat that names them. Called by `log cat`, `log
 * verify`, `log status` and the monitor; reads one window at a time and never stops at damage.
 */
import { SegmentChain } from './segment-chain.ts';
import type { SpoolPosition } from './spool-cursor.ts';
import { SegmentReader } from './segment-reader.ts';
import { listSegments, parseSegmentFile } from './spool-segment.ts';
import { EpochWalk } from './epoch-walk.ts';

/**
 * damaged: bytes that are no frame · missing: numbers that no segment holds, or a segment that another one names · incomplete: a record lost one of its
 * parts · unreadable: an intact frame of a version or content that this build does not know, or a file that cannot
 * be opened
 */
export type GapReason = 'damaged' | 'missing' | 'incomplete' | 'unreadable';

export interface SpoolGap {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  /** Both ends included; null when no number is missing, or none is known to be. */
  readonly fromSequence: number | null;
  readonly toSequence: number | null;
  readonly reason: GapReason;
}

/** One record; the same object each time: what is kept must be copied. */
export interface WalkedRecord {
  readonly kind: 'record';
  epoch: string;
  content: 'served' | 'heartbeat' | 'last';
  sequence: number;
  segment: string;
  offset: number;
  /** Behind the record's last frame. */
  nextOffset: number;
  /** The payload is `buffer[from, to)`, valid until the next item is asked for. */
  buffer: Buffer;
  from: number;
  to: number;
}

export type SpoolItem =
  | WalkedRecord
  /** The walk has come to a segment; its pod is null when its header is damaged. */
  | {
      readonly kind: 'segment';
      readonly epoch: string;
      readonly segment: string;
      readonly pod: string | null;
    }
  | { readonly kind: 'gap'; readonly epoch: string; readonly gap: SpoolGap }
  | {
      readonly kind: 'torn';
      readonly epoch: string;
      readonly segment: string;
      readonly offset: number;
      bytes: number;
    };

/** @param from  where an earlier walk ended, or null: from the oldest segment there is */
export function* walkSpool(folder: string, from: SpoolPosition | null = null): Generator<SpoolItem> {
  const segments = listSegments(folder).filter(({ file }) => from === null || file >= from.segment);
  const chain = new SegmentChain(folder, from?.segment);
  const reader = new SegmentReader();
  try {
    for (let i = 0; i < segments.length;) {
      const { epoch, startUs } = segments[i]!;
      let to = i;
      while (to < segments.length && segments[to]!.epoch === epoch && segments[to]!.startUs === startUs)
        to += 1;
      const first = segments[i]!;
      const resumed = from !== null && parseSegmentFile(from.segment)?.epoch === epoch;
      const offset = resumed && first.file === from.segment ? from.offset : 0;
      const walk = new EpochWalk({ folder, epoch, reader, chain, last: resumed ? from.sequence : null });
      yield* walk.walk(segments.slice(i, to), offset);
      i = to;
    }
  } finally {
    reader.close();
  }
}
