/** What a folder of messages is made of: files, read one after the other. */
import type { StreamRow } from './stream-reader.ts';

/** A file of messages that is read from its beginning, or from where it is skipped to. */
export interface FolderFile<Message> {
  readonly modifiedUs: number;
  /** @returns messages that follow those before; null: there is nothing more */
  read(): Promise<readonly Message[] | null>;
  /** To be called before messages are asked for. */
  skip(messages: number): Promise<void>;
  close(): Promise<void>;
}

/** What files are taken, and how they are read. */
export interface FileKind {
  readonly taken: RegExp;
  /** For whoever put another one there. */
  readonly expected: string;
  open(file: string): Promise<FolderFile<Buffer | StreamRow>>;
  close(): Promise<void>;
}
