/**
 * A folder of files as a stream of one partition: files in the order of their names, lines or rows in theirs, one
 * message each. A file's own time stands for the time at which its messages were appended.
 *
 *   incoming/clicks-0001.jsonl   offsets 0, 1, 2
 *            clicks-0002.jsonl   offsets 3, 4
 *
 * A file is whole when it appears under its name: write it aside (a name that begins with `.` or `_` is passed over)
 * and rename it. A file that comes with a name before one that was read is never read, and warned of.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { materializerError } from '../../errors.ts';
import { BEGINNING } from './stream-reader.ts';
import type {
  MessageBatch,
  MessagePlace,
  Position,
  StreamMessage,
  StreamReader,
  StreamRow,
} from './stream-reader.ts';
import type { FileKind, FolderFile } from './folder-file.ts';

const PARTITION = 0;
const IDLE_MS = 200;

interface FolderReaderOptions {
  readonly folder: string;
  readonly kind: FileKind;
  readonly warn: (line: string) => void;
  /** Whether an empty batch waits for a moment; a drain does not. */
  readonly waits: boolean;
}

export class FolderReader implements StreamReader {
  readonly id = 'folder';
  readonly partitions = [PARTITION];
  readonly #folder: string;
  readonly #kind: FileKind;
  readonly #warn: FolderReaderOptions['warn'];
  readonly #waits: boolean;
  readonly #passedOver = new Set<string>();
  /** The files that were there when the folder was first looked at, and those read since. */
  readonly #known = new Set<string>();
  #position = BEGINNING;
  #file: FolderFile<Buffer | StreamRow> | null = null;
  #looked = false;

  constructor({ folder, kind, warn, waits }: FolderReaderOptions) {
    this.#folder = folder;
    this.#kind = kind;
    this.#warn = warn;
    this.#waits = waits;
  }

  async start(from: ReadonlyMap<number, Position>): Promise<void> {
    this.#position = from.get(PARTITION)!;
  }

  behind(): null {
    return null;
  }

  placeOf(offset: number): MessagePlace | null {
    const { offset: next, file, line } = this.#position;
    const first = next - line;
    return file === null || offset < first ? null : { file, row: offset - first + 1 };
  }

  async next(): Promise<readonly MessageBatch[]> {
    return [await this.#next()];
  }

  async #next(): Promise<MessageBatch> {
    for (;;) {
      const file = this.#file ?? (await this.#open());
      if (file === null) {
        if (this.#waits) await sleep(IDLE_MS);
        return { partition: PARTITION, messages: [], position: this.#position, atEnd: true };
      }
      const read = await file.read();
      if (read === null) {
        this.#file = null;
        await file.close();
        continue;
      }
      if (read.length > 0) return this.#batch(file, read);
    }
  }

  #batch({ modifiedUs }: FolderFile<unknown>, read: readonly (Buffer | StreamRow)[]): MessageBatch {
    const { offset, file, line } = this.#position;
    const messages: StreamMessage[] = [];
    for (let i = 0; i < read.length; i++) {
      const message = read[i]!;
      const at = offset + i;
      if (!Buffer.isBuffer(message))
        messages.push({ offset: at, appendedUs: modifiedUs, value: null, row: message });
      else if (message.length > 0)
        messages.push({ offset: at, appendedUs: modifiedUs, value: message, row: null });
    }
    this.#position = { offset: offset + read.length, file, line: line + read.length };
    return { partition: PARTITION, messages, position: this.#position, atEnd: false };
  }

  /** Opens the next file and goes to the line where it is to be read on. */
  async #open(): Promise<FolderFile<Buffer | StreamRow> | null> {
    const { file, line } = this.#position;
    const names = this.#names();
    const begun = file !== null && !this.#looked && names.includes(file);
    // What was there at the start has been read by the run before.
    const isNew = (name: string): boolean => this.#looked && !this.#known.has(name);
    for (const name of names) if (file !== null && name < file && isNew(name)) this.#passOver(name, file);
    for (const name of names) this.#known.add(name);
    this.#looked = true;
    const name = begun ? file : names.find((one) => file === null || one > file);
    if (name === undefined) return null;
    const opened = await this.#kind.open(join(this.#folder, name));
    if (begun) await opened.skip(line);
    else this.#position = { ...this.#position, file: name, line: 0 };
    return (this.#file = opened);
  }

  #passOver(name: string, file: string): void {
    if (this.#passedOver.has(name)) return;
    this.#passedOver.add(name);
    this.#warn(
      `${join(this.#folder, name)} came after ${file} was read, whose name sorts behind it: it is not read. ` +
        'Give it a later name.',
    );
  }

  #names(): string[] {
    try {
      const names = readdirSync(this.#folder).filter((name) => !/^[._]/.test(name));
      const { taken, expected } = this.#kind;
      const other = names.find((name) => !taken.test(name) && !this.#passedOver.has(name));
      if (other !== undefined) {
        this.#passedOver.add(other);
        this.#warn(`${join(this.#folder, other)} is passed over: expected ${expected}`);
      }
      return names.filter((name) => taken.test(name)).toSorted((a, b) => (a < b ? -1 : 1));
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
    await this.#file?.close();
    this.#file = null;
    await this.#kind.close();
  }
}
