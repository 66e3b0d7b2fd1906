/** What a walk over a spool meets: records, the segments they lie in, and what is missing between them. */

/**
 * - damaged: bytes that are no frame
 * - missing: numbers that no segment holds, or a segment that another one names
 * - incomplete: a record lost one of its parts
 * - unreadable: an intact frame whose version or content this build does not know, or a file that does not open
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
