/**
 * A folder of files of JSON lines as a stream of one partition: files in the order of their names, lines in theirs, one
 * message a line. A file's own time stands for the time at which its messages were appended.
 *
 *   incoming/clicks-0001.jsonl   offsets 0, 1, 2
 *            clicks-0002.jsonl   offsets 3, 4
 *
 * A file is whole when it appears under its name: write it aside (a name that begins with `.` or `_` is passed over)
 * and rename it. A file that comes with a name before one that was read is never read, and warned of.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { materializerError } from '../../errors.ts';
import { BEGINNING } from './stream-reader.ts';
import type { MessageBatch, Position, StreamMessage, StreamReader } from './stream-reader.ts';

const PARTITION = 0;
const CHUNK_BYTES = 1 << 20;
/** The longest line that is taken for a message. */
const LINE_BYTES_MAX = 16 << 20;
const IDLE_MS = 200;
const TAKEN = /\.(jsonl|ndjson|json)$/;

interface FolderReaderOptions {
  readonly folder: string;
  readonly warn: (line: string) => void;
  /** Whether an empty batch waits for a moment; a drain does not. */
  readonly waits: boolean;
}

export class FolderReader implements StreamReader {
  readonly id = 'folder';
  readonly partitions = [PARTITION];
  readonly #folder: string;
  readonly #warn: FolderReaderOptions['warn'];
  readonly #waits: boolean;
  readonly #passedOver = new Set<string>();
  /** The files that were there when the folder was first looked at, and those read since. */
  readonly #known = new Set<string>();
  #position = BEGINNING;
  #lines: LineFile | null = null;
  #looked = false;

  constructor({ folder, warn, waits }: FolderReaderOptions) {
    this.#folder = folder;
    this.#warn = warn;
    this.#waits = waits;
  }

  async start(from: ReadonlyMap<number, Position>): Promise<void> {
    this.#position = from.get(PARTITION)!;
  }

  behind(): null {
    return null;
  }

  async next(): Promise<readonly MessageBatch[]> {
    return [await this.#next()];
  }

  async #next(): Promise<MessageBatch> {
    for (;;) {
      const lines = this.#lines ?? this.#open();
      if (lines === null) {
        if (this.#waits) await sleep(IDLE_MS);
        return { partition: PARTITION, messages: [], position: this.#position, atEnd: true };
      }
      const texts = lines.read();
      if (texts === null) {
        lines.close();
        this.#lines = null;
        continue;
      }
      if (texts.length > 0) return this.#batch(lines, texts);
    }
  }

  #batch(lines: LineFile, texts: readonly Buffer[]): MessageBatch {
    const { offset, line } = this.#position;
    const messages = texts.flatMap((value, i): StreamMessage[] =>
      value.length === 0 ? [] : [{ offset: offset + i, appendedUs: lines.modifiedUs, value }],
    );
    this.#position = { offset: offset + texts.length, file: lines.name, line: line + texts.length };
    return { partition: PARTITION, messages, position: this.#position, atEnd: false };
  }

  /** Opens the next file and goes to the line where it is to be read on. */
  #open(): LineFile | null {
    const { file, line } = this.#position;
    const names = this.#names();
    const begun = file !== null && !this.#looked && names.includes(file);
    this.#looked = true;
    for (const name of names) {
      if (file !== null && name < file && !this.#known.has(name)) this.#passOver(name, file);
      this.#known.add(name);
    }
    const name = begun ? file : names.find((one) => file === null || one > file);
    if (name === undefined) return null;
    const lines = new LineFile(join(this.#folder, name), name);
    if (begun) lines.skip(line);
    else this.#position = { ...this.#position, file: name, line: 0 };
    return (this.#lines = lines);
  }

  #passOver(name: string, file: string): void {
    // What was there at the start has been read by the run before.
    if (this.#known.size === 0 || this.#passedOver.has(name)) return;
    this.#passedOver.add(name);
    this.#warn(
      `${join(this.#folder, name)} came after ${file} was read, whose name sorts behind it: it is not read. ` +
        'Give it a later name.',
    );
  }

  #names(): string[] {
    try {
      const names = readdirSync(this.#folder).filter((name) => !/^[._]/.test(name));
      const other = names.find((name) => !TAKEN.test(name) && !this.#passedOver.has(name));
      if (other !== undefined) {
        this.#passedOver.add(other);
        this.#warn(`${join(this.#folder, other)} is passed over: expected .jsonl, .ndjson or .json`);
      }
      return names.filter((name) => TAKEN.test(name)).toSorted((a, b) => (a < b ? -1 : 1));
    } catch (error) {
      throw materializerError(
        'MAT_STREAM_SOURCE',
        `the folder ${this.#folder} cannot be read: ${(error as Error).message}`,
        { file: this.#folder },
        error,
      );
    }
  }

  async close(): Promise<void> {
    this.#lines?.close();
    this.#lines = null;
  }
}

/** A file, read line by line. A line that is empty is no message, but has an offset. */
class LineFile {
  readonly name: string;
  readonly modifiedUs: number;
  readonly #fd: number;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(file: string, name: string) {
    this.name = name;
    this.#fd = openSync(file, 'r');
    this.modifiedUs = Math.floor(fstatSync(this.#fd).mtimeMs * 1_000);
  }

  /** @returns the lines that a chunk ends; null: there is nothing more */
  read(): Buffer[] | null {
    if (this.#ended && this.#rest.length === 0) return null;
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const size = readSync(this.#fd, chunk, 0, CHUNK_BYTES, null);
    this.#ended = size === 0;
    const bytes = Buffer.concat([this.#rest, chunk.subarray(0, size)]);
    const lines: Buffer[] = [];
    let at = 0;
    for (let end; (end = bytes.indexOf(0x0a, at)) >= 0; at = end + 1) lines.push(lineOf(bytes, at, end));
    this.#rest = bytes.subarray(at);
    if (this.#ended && this.#rest.length > 0) {
      lines.push(lineOf(bytes, at, bytes.length));
      this.#rest = bytes.subarray(bytes.length);
    }
    if (this.#rest.length <= LINE_BYTES_MAX) return lines;
    throw materializerError(
      'MAT_STREAM_SOURCE',
      `${this.name} holds a line of more than ${LINE_BYTES_MAX} bytes`,
      { file: this.name },
    );
  }

  skip(lines: number): void {
    for (let left = lines; left > 0;) {
      const read = this.read();
      if (read === null) return;
      left -= read.length;
      if (left < 0)
        this.#rest = Buffer.concat([...read.slice(left).flatMap((line) => [line, NEWLINE]), this.#rest]);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const NEWLINE = Buffer.from('\n');

function lineOf(bytes: Buffer, from: number, to: number): Buffer {
  const end = to > from && bytes[to - 1] === 0x0d ? to - 1 : to;
  return bytes.subarray(from, end);
}
