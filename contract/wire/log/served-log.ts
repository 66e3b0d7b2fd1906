/**
 * The vector log as its readers see it: decoded records, and what is missing between them, in the order written.
 * Called by `log cat` and by the monitor's ingest; a spool is read as it stands, also while a sidecar writes it.
 */
import { decodeRecord } from './served-decoder.ts';
import type { Heartbeat, LogRecord, RecordOrigin, ServedRecord } from './served-record.ts';
import { walkSpool } from './spool-walk.ts';
import type { SpoolGap, WalkedRecord } from './spool-item.ts';
import type { SpoolPosition } from './spool-cursor.ts';

export type LogItem =
  | {
      readonly kind: 'served';
      /** Its buffers are the caller's. */
      readonly record: ServedRecord;
      /** Where to go on once this record is kept; what a cursor is advanced to. */
      readonly next: SpoolPosition;
    }
  | {
      /** `last` closes its epoch; an epoch without one has an open tail. */
      readonly kind: 'heartbeat' | 'last';
      readonly origin: RecordOrigin;
      readonly heartbeat: Heartbeat;
      readonly next: SpoolPosition;
    }
  | { readonly kind: 'gap'; readonly epoch: string; readonly gap: SpoolGap }
  /** Bytes behind the last whole record of an epoch: never answered, or being written right now. */
  | {
      readonly kind: 'torn';
      readonly epoch: string;
      readonly segment: string;
      readonly offset: number;
      readonly bytes: number;
    };

/**
 * Reads a spool from `from` on (null: from its beginning), one record in memory at a time. Damage becomes a gap and
 * never an error; a folder that does not exist is an empty log.
 */
export function* readServedLog(folder: string, from: SpoolPosition | null = null): Generator<LogItem> {
  for (const item of walkSpool(folder, from)) {
    if (item.kind === 'record') yield readRecord(item);
    else if (item.kind !== 'segment') yield item;
  }
}

function readRecord(item: WalkedRecord): LogItem {
  const { segment, offset, nextOffset, sequence, epoch } = item;
  const next = { segment, offset: nextOffset, sequence };
  let decoded: LogRecord;
  try {
    decoded = decodeRecord(item.buffer.subarray(item.from, item.to));
  } catch {
    const gap = { segment, offset, bytes: nextOffset - offset, fromSequence: sequence, toSequence: sequence };
    return { kind: 'gap', epoch, gap: { ...gap, reason: 'unreadable' } };
  }
  // The walk joins parts, so none arrives here.
  if (decoded.kind === 'part')
    throw new TypeError(`part ${decoded.origin.part} of record ${sequence} was not joined`);
  return { ...decoded, next };
}
