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
import type { SpoolItem } from './spool-item.ts';

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
