/**
 * What the ingest needs from a source of served records: the spool of a sidecar, or the topic. One suite of properties
 * tests both.
 */

import type { RecordContent } from '../../contract/wire/log/record-content.ts';
import type { SourcePosition } from '../../project/archive/topic-positions.ts';

export type SourceItem =
  | {
      readonly kind: 'record';
      /** A whole Record of served.proto, its parts joined; valid until the next item is asked for. */
      readonly payload: Buffer;
      /** As `contentOf` has found it; null: it was not looked at as a whole. */
      readonly content: RecordContent | null;
      /**
       * Whether the source would also have given the numbers before an epoch's first record, so that they are missing.
       */
      readonly anchored: boolean;
      /** It was read before an earlier commit, and is read again only because it belongs to an unfinished record. */
      readonly again: boolean;
    }
  /** A part of a record that was already taken. */
  | { readonly kind: 'duplicate'; readonly again: boolean }
  /** Data that is not a record, or is one of a version that this build does not know. */
  | { readonly kind: 'unreadable'; readonly where: string; readonly again: boolean }
  /** Nothing came for a moment, for whatever reason. */
  | { readonly kind: 'idle' }
  /** The end is reached: all that the log held at `asOfUs` has been given. */
  | { readonly kind: 'caught-up'; readonly asOfUs: number };

/** Starts of sidecars that a spool folder no longer holds since it was removed or replaced. */
export interface LostStarts {
  readonly folder: string;
  readonly pod: string;
  /** The oldest first. */
  readonly epochs: readonly string[];
}

export interface LogSource {
  /** The key of this source's positions in the state. */
  readonly name: string;
  /**
   * @param from  a position of an earlier run; null: from the beginning of what there is
   * @throws      MON_LOG, MON_TOPIC
   */
  items(from: SourcePosition | null): AsyncGenerator<SourceItem>;
  /** The position to go on from when everything given so far is committed. */
  position(): SourcePosition;
  /** Starts of sidecars that were partly ingested, and that the log lost without any notice. */
  readonly lostStarts: readonly LostStarts[];
  /**
   * Tells the owner of the log that everything before a position is committed. A position before the last one it was
   * told changes nothing.
   */
  passed(position: SourcePosition): Promise<void>;
  close(): Promise<void>;
}

export interface SourceOptions {
  /** Whether to wait for more at the end, until the signal. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Which partitions of a topic are read; all unless given. */
  readonly holds?: (partition: number) => boolean;
  readonly nowUs: () => number;
  readonly warn: (line: string) => void;
}
