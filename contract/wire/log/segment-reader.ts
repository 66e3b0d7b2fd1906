/**
 * Reads the frames of one segment, passing over whatever is none.
 *
 *   file     ... | frame | damage ... | frame | frame | torn tail
 *   window            ^at                        ^end             1.3 MiB of it, moved along
 *
 * Trusts no length and no position: when no frame begins where one should, it looks for the next magic that begins a
 * valid frame. A magic inside a payload does not pass: the CRC decides. One reader serves many segments, so that its
 * window is allocated once. Called by spool-walk.ts, in whose loop it allocates nothing for a frame.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, MAX_PAYLOAD_BYTES } from './spool-frame.ts';
import {
  CUT_SHORT,
  epochCrc,
  frameAt,
  frameLength,
  frameSequence,
  isRunIntact,
  runEnd,
} from './spool-frame.ts';
import { readSegmentHeader } from './spool-segment.ts';
import type { SegmentHeader, SegmentName } from './spool-segment.ts';

/** Read at once: small enough to be in the processor's cache still when its CRC is computed. */
const READ_BYTES = 256 * 1024;
const HEADER_BYTES_MAX = 65_535 + 64;

export class SegmentReader {
  readonly #window: Buffer;
  #fd = -1;
  #seed = 0;
  /** The file's offset of the window's first byte, where the window's bytes end, and where to go on. */
  #base = 0;
  #end = 0;
  #at = 0;
  #endOfFile = false;
  /** Up to where a run of frames was checked at once, and up to where frames are known to be intact. */
  #checkedTo = 0;
  #intactTo = 0;

  /** null when the header is damaged: the segment's name then stands in for it. */
  header: (SegmentHeader & { readonly bytes: number }) | null = null;
  /** The frame that `next` has found: its payload is `buffer[from, to)`, valid until the next call. */
  readonly buffer: Buffer;
  from = 0;
  to = 0;
  sequence = 0;
  /** The file's offset of the frame, and that of the byte behind it. */
  offset = 0;
  nextOffset = 0;
  /** Bytes before the frame, or at the end behind the last one, that are no frame; they begin at `skippedOffset`. */
  skippedBytes = 0;
  skippedOffset = 0;
  /** Why reading ended before the file did: a disk that fails. null while it does not. */
  fault: Error | null = null;

  constructor() {
    this.#window = Buffer.allocUnsafe(MAX_PAYLOAD_BYTES + FRAME_HEADER_BYTES + READ_BYTES);
    this.buffer = this.#window;
  }

  /**
   * @param offset  where to begin: 0, or a `nextOffset` of an earlier reading
   * @throws        the file system's error; ENOENT when the segment was deleted meanwhile
   */
  open(path: string, name: SegmentName, offset: number): void {
    this.close();
    this.fault = null;
    this.#fd = openSync(path, 'r');
    this.#load(0);
    this.header = readSegmentHeader(this.#window.subarray(0, Math.min(this.#end, HEADER_BYTES_MAX)));
    this.#seed = epochCrc(this.header?.epoch ?? BigInt(`0x${name.epoch}`));
    const start = Math.max(offset, this.header?.bytes ?? 0);
    if (start <= this.#end) this.#at = start;
    else this.#load(start);
  }

  /** Continues in the same file at `offset`, an earlier `nextOffset`; the file may have grown meanwhile. */
  resume(offset: number): void {
    this.fault = null;
    this.#load(offset);
  }

  /** @returns false behind the last frame; `skippedBytes` are then those that follow it */
  next(): boolean {
    const skippedFrom = this.#base + this.#at;
    for (;;) {
      const length = this.#frame();
      if (length >= 0) {
        this.skippedOffset = skippedFrom;
        this.#found(length);
        return true;
      }
      if (length === CUT_SHORT && !this.#endOfFile) {
        this.#slide();
      } else if (!this.#seekMagic()) {
        this.skippedOffset = skippedFrom;
        this.skippedBytes = this.#base + this.#end - skippedFrom;
        return false;
      }
    }
  }

  /** @returns as `frameAt` does; frames are checked by the run, and one by one where a run is damaged */
  #frame(): number {
    if (this.#at >= this.#checkedTo) {
      this.#checkedTo = runEnd(this.#window, this.#at, this.#end);
      const intact = isRunIntact(this.#window, this.#at, this.#checkedTo, this.#seed);
      this.#intactTo = intact ? this.#checkedTo : 0;
    }
    if (this.#at < this.#intactTo) return frameLength(this.#window, this.#at);
    return frameAt(this.#window, this.#at, this.#end, this.#seed);
  }

  #found(length: number): void {
    const at = this.#at;
    this.sequence = frameSequence(this.#window, at);
    this.offset = this.#base + at;
    this.skippedBytes = this.offset - this.skippedOffset;
    this.from = at + FRAME_HEADER_BYTES;
    this.to = this.from + length;
    this.#at = this.to;
    this.nextOffset = this.#base + this.to;
  }

  /** Goes to the next magic behind the current byte. @returns false when the file holds none */
  #seekMagic(): boolean {
    this.#at += 1;
    for (;;) {
      const found = this.#window.subarray(0, this.#end).indexOf(FRAME_MAGIC, this.#at);
      if (found !== -1) {
        this.#at = found;
        return true;
      }
      // The last three bytes may be the beginning of one.
      this.#at = Math.max(this.#at, this.#end - FRAME_MAGIC.length + 1);
      if (this.#endOfFile) return false;
      this.#slide();
    }
  }

  /** Moves the bytes from `at` on to the window's front and fills the rest from the file. */
  #slide(): void {
    const at = Math.min(this.#at, this.#end);
    this.#window.copyWithin(0, at, this.#end);
    this.#base += at;
    this.#end -= at;
    this.#at -= at;
    this.#forgetRun();
    this.#fill();
  }

  #load(offset: number): void {
    this.#base = offset;
    this.#end = 0;
    this.#at = 0;
    this.#endOfFile = false;
    this.#forgetRun();
    this.#fill();
  }

  #forgetRun(): void {
    this.#checkedTo = 0;
    this.#intactTo = 0;
  }

  /** Reads a little more; fewer bytes than asked for mean that the end of the file is known, for now. */
  #fill(): void {
    const to = Math.min(this.#end + READ_BYTES, this.#window.length);
    while (this.#end < to && !this.#endOfFile) {
      const bytes = this.#read(to - this.#end);
      this.#endOfFile = bytes === 0;
      this.#end += bytes;
    }
  }

  #read(bytes: number): number {
    try {
      return readSync(this.#fd, this.#window, this.#end, bytes, this.#base + this.#end);
    } catch (error) {
      this.fault = error as Error;
      return 0;
    }
  }

  close(): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }
}
