/**
 * The segments of one epoch, written one after the other: whole frames or none.
 *
 *   none --write--> n open --write--> n open --write past segmentBytes--> n retired, n + 1 open
 *                        \--no space, I/O error--> cut back to the last whole frame, n retired, none open
 *                                                  (a segment without any frame is removed)
 *
 * A retired segment is never written again: a reader may have seen frames of a write that was then cut back, and its
 * position would lie in the middle of what came in their place. The next sync makes a retired segment durable and
 * closes it. Called by spool.ts.
 */
import { join } from 'node:path';
import { segmentFile, segmentHeader } from '../../contract/wire/log/spool-segment.ts';
import type { SegmentLink } from '../../contract/wire/log/spool-segment.ts';
import { countDuration } from './duration-counts.ts';
import type { SpoolFiles } from './spool-files.ts';
import type { WriterState } from './writer-state.ts';

export interface Epoch {
  readonly folder: string;
  readonly pod: string;
  readonly id: bigint;
  /** 16 hex digits. */
  readonly hex: string;
  readonly startUs: number;
  /** The last segment of earlier starts in the folder, as this one found it. */
  readonly before: SegmentLink | null;
}

export interface SegmentWriterOptions {
  readonly epoch: Epoch;
  readonly files: SpoolFiles;
  /** A segment that would grow past it is left for a new one. */
  readonly segmentBytes: number;
  readonly nowUs: () => number;
  readonly state: WriterState;
}

export class SegmentWriter {
  readonly #epoch: Epoch;
  readonly #files: SpoolFiles;
  readonly #segmentBytes: number;
  readonly #nowUs: () => number;
  readonly #state: WriterState;

  constructor({ epoch, files, segmentBytes, nowUs, state }: SegmentWriterOptions) {
    this.#epoch = epoch;
    this.#files = files;
    this.#segmentBytes = segmentBytes;
    this.#nowUs = nowUs;
    this.#state = state;
  }

  /** The name of the segment that is being written, or null. */
  get current(): string | null {
    return this.#state.fd === -1 ? null : this.#name();
  }

  #name(): string {
    return segmentFile(this.#epoch.startUs, this.#epoch.hex, this.#state.number);
  }

  /**
   * Writes all the frames, into a new segment where they would not fit into this one.
   *
   * @throws  the file system's error; none of the frames is then in the spool
   */
  write(frames: Buffer, firstSequence: number): void {
    const state = this.#state;
    const startMs = performance.now();
    if (state.takeRetireAsked()) state.retire();
    const begun = state.size > state.headerBytes;
    if (state.fd !== -1 && begun && state.size + frames.length > this.#segmentBytes) state.retire();
    if (state.fd === -1) this.open(firstSequence);
    this.#append(frames);
    countDuration(state.writeDurations, performance.now() - startMs);
  }

  /** Begins a new segment. */
  open(firstSequence: number): void {
    const { folder, startUs, hex, id, pod } = this.#epoch;
    const state = this.#state;
    for (;;) {
      const number = state.nextNumber();
      const path = join(folder, segmentFile(startUs, hex, number));
      let fd: number;
      try {
        fd = this.#files.create(path);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' && this.#files.makeFolder(folder)) state.countVanished();
        else if (code !== 'EEXIST') throw error;
        continue;
      }
      state.opened(fd);
      const header = {
        epoch: id,
        number,
        firstSequence,
        createdUs: this.#nowUs(),
        previous: this.#previous(),
        pod,
      };
      this.#append(segmentHeader(header));
      state.headerBytes = state.size;
      return;
    }
  }

  #previous(): SegmentLink | null {
    const { number, size } = this.#state.previous;
    const { startUs, hex, before } = this.#epoch;
    return number === 0 ? before : { file: segmentFile(startUs, hex, number), bytes: size };
  }

  #append(bytes: Buffer): void {
    const state = this.#state;
    let at = 0;
    try {
      while (at < bytes.length) {
        const written = this.#files.write(state.fd, bytes, at, state.size + at);
        if (written <= 0) throw new Error('the file system wrote nothing');
        at += written;
      }
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    state.size += bytes.length;
    state.grow(bytes.length);
  }

  /** Undoes a torn write. Where even that fails, what is left is a torn tail that readers pass over. */
  #cutBack(): void {
    const state = this.#state;
    const empty = state.size <= state.headerBytes;
    const path = join(this.#epoch.folder, this.#name());
    try {
      if (empty) this.#files.remove(path);
      else this.#files.truncate(state.fd, state.size);
    } catch {
      // The next segment has another number.
    }
    if (empty) state.grow(-state.size);
    state.retire(!empty);
  }

  /** Ends the current segment: the next write opens a new one. */
  retire(): void {
    this.#state.retire();
  }

  /**
   * Makes durable everything written before the call. Only one may be in flight; the other thread may write on
   * meanwhile, since descriptors are closed here alone.
   */
  async sync(): Promise<void> {
    // Read in this order: a segment that is retired in between then counts in both.
    const current = this.#state.fd;
    const path = join(this.#epoch.folder, this.#name());
    const retired = this.#state.takeRetired();
    const created = this.#state.takeCreated();
    try {
      const isCurrent = current !== -1 && !retired.includes(current);
      if (isCurrent) await this.#files.dataSync(current);
      for (const fd of retired) await this.#files.dataSync(fd);
      if (created) await this.#files.syncFolder(this.#epoch.folder);
      if (isCurrent) await this.#lookForFile(current, path);
    } catch (error) {
      // What is written after the failure counts only if its file has a name, so the next sync tries the folder again.
      if (created) this.#state.askForFolder();
      throw error;
    } finally {
      for (const fd of retired) await this.#files.close(fd);
    }
  }

  /** Bytes in a file that has lost its name, or in a folder that another one has replaced, are found by nobody. */
  async #lookForFile(fd: number, path: string): Promise<void> {
    if (await this.#files.isAt(fd, path)) return;
    // A segment that was retired meanwhile may have been read and deleted.
    if (this.#state.fd !== fd) return;
    this.#state.countVanished();
    this.#state.askToRetire();
    throw new Error('the segment that is written is gone from its folder');
  }
}
