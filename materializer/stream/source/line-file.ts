/** A file of lines, one message each. A line that is empty is no message, but has an offset. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { materializerError } from '../../errors.ts';
import type { FolderFile } from './folder-file.ts';

const CHUNK_BYTES = 1 << 20;
/** The longest line that is taken for a message. */
const LINE_BYTES_MAX = 16 << 20;

export class LineFile implements FolderFile<Buffer> {
  readonly modifiedUs: number;
  readonly #name: string;
  readonly #fd: number;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(file: string) {
    this.#name = basename(file);
    this.#fd = openSync(file, 'r');
    this.modifiedUs = Math.floor(fstatSync(this.#fd).mtimeMs * 1_000);
  }

  async read(): Promise<Buffer[] | null> {
    return this.#read();
  }

  /** @returns the lines that a chunk ends; null: there is nothing more */
  #read(): Buffer[] | null {
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
      `${this.#name} holds a line of more than ${LINE_BYTES_MAX} bytes`,
      { file: this.#name },
    );
  }

  async skip(lines: number): Promise<void> {
    for (let left = lines; left > 0;) {
      const read = this.#read();
      if (read === null) return;
      left -= read.length;
      if (left < 0)
        this.#rest = Buffer.concat([...read.slice(left).flatMap((line) => [line, NEWLINE]), this.#rest]);
    }
  }

  async close(): Promise<void> {
    closeSync(this.#fd);
  }
}

const NEWLINE = Buffer.from('\n');

function lineOf(bytes: Buffer, from: number, to: number): Buffer {
  const end = to > from && bytes[to - 1] === 0x0d ? to - 1 : to;
  return bytes.subarray(from, end);
}
