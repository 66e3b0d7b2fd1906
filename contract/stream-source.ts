/**
 * A source whose events come as messages: a topic, or a folder of files, and how the bytes of a message become the
 * typed values of its fields. What `plumb stream` reads it keeps in the source's archive (`Source.path`), which every
 * other program reads in its place.
 */
import type { ValueType } from './value-type.ts';

export const TIME_UNITS = ['s', 'ms', 'us', 'rfc3339'] as const;
/** What a number that stands for a time counts since 1970, or `rfc3339`: it is a text. */
export type TimeUnit = (typeof TIME_UNITS)[number];

export interface StreamField {
  /** As the messages call it; in the archive a column of the same name. */
  readonly name: string;
  readonly type: ValueType;
  /** Of the timestamps in its values; null: there are none, or the messages' own schema says it. */
  readonly unit: TimeUnit | null;
}

/**
 * How the bytes of a message are read. `file` is where the schema was read from, relative to the project's folder;
 * `schema` is its text as JSON, in one form, so that nobody needs the file afterwards.
 */
export type StreamFormat =
  | { readonly kind: 'json' }
  /** JSON envelopes of changes of a table: `op`, `before`, `after`. */
  | { readonly kind: 'debezium' }
  /** Files of Parquet in a folder; they hold rows, and nothing is decoded. */
  | { readonly kind: 'parquet' }
  | {
      readonly kind: 'protobuf';
      readonly file: string;
      /** The full name of the message's type. */
      readonly message: string;
      readonly schema: string;
    }
  | { readonly kind: 'avro'; readonly file: string; readonly schema: string };

/** A field whose value says whether the event is counted or taken back. */
interface StreamOperation {
  readonly column: string;
  /** The values, as texts, that make an event count. */
  readonly insert: readonly string[];
  /** Those that take back an event of the same keys, id and event time, counted before. */
  readonly delete: readonly string[];
}

export interface StreamSource {
  /** Of Kafka; null: the messages lie in `folder`. */
  readonly topic: string | null;
  /** Files of JSON lines or of Parquet, read in the order of their names. */
  readonly folder: string | null;
  readonly format: StreamFormat;
  readonly fields: readonly StreamField[];
  /** The field by which an event that comes twice is known; null: each message is an event of its own. */
  readonly id: string | null;
  /** The field that the messages' key holds, so that all events of an entity are in one partition; null: unknown. */
  readonly keyedBy: string | null;
  /** null: every event counts (of `debezium`: as its envelope says). */
  readonly op: StreamOperation | null;
}

/** The archive's columns beside the source's fields. No field has their names. */
export const ARCHIVE_COLUMNS = {
  partition: '_partition',
  offset: '_offset',
  /** When the broker, or the folder's file, got the message: the created time of its events. */
  appended: '_appended',
  archived: '_archived',
  /** `insert`, or `delete` where the event takes back an earlier one. */
  op: '_op',
  /** Of `debezium`: what tells a change of the database from all others; null: its message does not say. */
  change: '_change',
} as const;

/** @returns whether the archive has a column of this name; engines compare names without case */
export function isArchiveColumn(name: string): boolean {
  return (Object.values(ARCHIVE_COLUMNS) as readonly string[]).includes(name.toLowerCase());
}

/** Whether a source's messages are changes of a table, which are told apart by where they stand in its log. */
export function hasChanges({ format }: StreamSource): boolean {
  return format.kind === 'debezium';
}

/** Whether a source's events may be taken back. */
export function takesBack(stream: StreamSource): boolean {
  return stream.op !== null || hasChanges(stream);
}
