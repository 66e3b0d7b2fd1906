/**
 * Where served records are read from (the spool of a sidecar, or the topic), and what the ingest needs of either. One
 * suite of properties runs over both.
 */

/** JSON; only its source reads it. */
export type SourcePosition = Readonly<Record<string, unknown>>;

export type SourceItem =
  | {
      readonly kind: 'record';
      /** A whole Record of served.proto, parts joined; the reader's. */
      readonly payload: Buffer;
      /** Whether numbers before an epoch's first record would have come from here too, so that they are missing. */
      readonly anchored: boolean;
      /** It was read before an earlier commit and is read again only for a record it is a part of. */
      readonly again: boolean;
    }
  /** A part of a record that was taken before. */
  | { readonly kind: 'duplicate'; readonly again: boolean }
  /** Something that is no record, or one of a version that this build does not know. */
  | { readonly kind: 'unreadable'; readonly where: string; readonly again: boolean }
  /** Nothing comes for the moment, for whatever reason. */
  | { readonly kind: 'idle' }
  /** There is nothing more; whatever was in the log at `asOfUs` has been given. */
  | { readonly kind: 'caught-up'; readonly asOfUs: number };

/** What a spool's folder lacks that was removed or replaced. */
export interface LostStarts {
  readonly folder: string;
  readonly pod: string;
  /** The oldest first. */
  readonly epochs: readonly string[];
}

export interface LogSource {
  /** Names its positions in the state. */
  readonly name: string;
  /**
   * @param from  a position of an earlier run; null: from the beginning of what there is
   * @throws      MON_LOG, MON_TOPIC
   */
  items(from: SourcePosition | null): AsyncGenerator<SourceItem>;
  /** Where to go on once all that was given so far is committed. */
  position(): SourcePosition;
  /** Starts of sidecars that were ingested and that the log has lost without a word. */
  readonly lostStarts: readonly LostStarts[];
  /**
   * Tells the keeper of the log that everything before a position is committed. A position behind the one that it was
   * told last changes nothing.
   */
  passed(position: SourcePosition): Promise<void>;
  close(): Promise<void>;
}

export interface SourceOptions {
  /** Go on when there is nothing more, until the signal. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly nowUs: () => number;
  readonly warn: (line: string) => void;
}
