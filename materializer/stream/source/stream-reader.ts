/**
 * Where the messages of a source come from: one port, kept by a folder of files and by a topic alike.
 *
 * A partition's messages have offsets that rise; each is read once, in their order. A position says where to go on:
 * what stands before its offset has been read.
 */
import type { Value } from '../../../contract/value-type.ts';

/** The values of a row, one for each field of the source, in their order; a text: why it is none. */
export type StreamRow = readonly Value[] | string;

export interface StreamMessage {
  readonly offset: number;
  /** When the broker, or the folder, got it: the created time of its events. */
  readonly appendedUs: number;
  /** null: the message has none, or is a row. */
  readonly value: Buffer | null;
  /** Of a file of rows: what is to be made an event without decoding; null: the value is to be decoded. */
  readonly row: StreamRow | null;
}

/** Where a message of a folder stands. */
export interface MessagePlace {
  readonly file: string;
  /** Its line or row, from 1. */
  readonly row: number;
}

export interface Position {
  /** Of the next message. */
  readonly offset: number;
  /** Of a folder: the file that it lies in, and how many of its lines come before. */
  readonly file: string | null;
  readonly line: number;
}

export const BEGINNING: Position = { offset: 0, file: null, line: 0 };

/** Messages of one partition that follow each other. */
export interface MessageBatch {
  readonly partition: number;
  readonly messages: readonly StreamMessage[];
  /** After the last of them. */
  readonly position: Position;
  /** Whether no further message was there when they were read. */
  readonly atEnd: boolean;
}

export interface StreamReader {
  /** Tells the source from another one of its name: a topic's id. Offsets mean nothing in another one. */
  readonly id: string;
  /** All that the source has. */
  readonly partitions: readonly number[];
  /** To be called before messages are asked for. @param from  of each partition that is to be read, no others are */
  start(from: ReadonlyMap<number, Position>): Promise<void>;
  /** @returns messages that follow those before; none of them when nothing comes for a moment */
  next(): Promise<readonly MessageBatch[]>;
  /** @returns messages of a partition that are not read yet, as far as is known; null: nobody counts them */
  behind(partition: number): number | null;
  /** @returns the file of a message that was read last, or of those with it; null: it has none, or nobody knows */
  placeOf(offset: number): MessagePlace | null;
  close(): Promise<void>;
}
