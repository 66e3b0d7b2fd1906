/**
 * The folder of a spool: its lock, and how much lies in it. It can be taken away while it is written (a cleaner of
 * temporary files, a volume mounted over it): then what is written goes into a file that nobody finds.
 * segment-writer.ts notices that; here it becomes an alarm, and the new folder in its place is locked and counted.
 * Called by spool.ts.
 */
import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileLock } from '../../contract/std/files/file-lock.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { listSegments } from '../../contract/wire/log/spool-segment.ts';
import type { SegmentName } from '../../contract/wire/log/spool-segment.ts';
import { lockForWriting } from './lock.ts';
import type { WriterState } from './writer-state.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

/** Where the shipper keeps the records that Kafka refuses. */
export const REJECTED_FOLDER = 'rejected';

/** For how long a folder that vanished shows in the metrics: long enough for a few scrapes. */
const ALARM_MS = 60_000;

export class SpoolFolder {
  readonly path: string;
  /** The segments of earlier starts. */
  readonly existing: readonly SegmentName[];
  readonly #state: WriterState;
  readonly #logger: Logger;
  #lock: FileLock;
  #bytes = 0;
  #segments = 0;
  #vanishedMs = -Infinity;
  #rejectedBytes = 0;
  #rejectedMs = 0;
  #isCounting = false;
  /** How often the folder was found gone. */
  vanished = 0;

  private constructor(path: string, lock: FileLock, state: WriterState, logger: Logger) {
    this.path = path;
    this.#lock = lock;
    this.#state = state;
    this.#logger = logger;
    this.existing = this.#count();
  }

  /** @throws LOG_LOCKED, LOG_FOLDER, the file system's error */
  static take(path: string, state: WriterState, logger: Logger): SpoolFolder {
    makeFolder(path, 0o700);
    const lock = lockForWriting(path);
    try {
      return new SpoolFolder(path, lock, state, logger);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  #count(): SegmentName[] {
    const segments = listSegments(this.path);
    this.#bytes = segments.reduce((sum, { file }) => sum + sizeOf(join(this.path, file)), 0);
    this.#segments = segments.length;
    return segments;
  }

  /** Of all segments, and of the records that Kafka refused: they lie on the same disk, and nobody deletes them. */
  get bytes(): number {
    this.#bytes += this.#state.takeGrown();
    return this.#bytes + this.#rejectedBytes;
  }

  get segments(): number {
    this.#segments += this.#state.takeMade();
    return this.#segments;
  }

  /** A segment of so many bytes was deleted. */
  deleted(bytes: number): void {
    this.#bytes -= bytes;
    this.#segments -= 1;
  }

  /** Sounds the alarm if the folder, or the segment in it, was found gone since the last call. */
  look(): void {
    const times = this.#state.takeVanished();
    if (times === 0) return;
    this.vanished += times;
    this.#vanishedMs = performance.now();
    this.#logger.warn(
      `the spool in ${this.path} was removed or replaced while it was written: what it held is gone, a new segment is begun`,
    );
    try {
      makeFolder(this.path, 0o700);
      this.#lock.release();
      this.#lock = lockForWriting(this.path);
      this.#state.takeGrown();
      this.#state.takeMade();
      this.#count();
    } catch (error) {
      this.#logger.warn(`the new spool in ${this.path} cannot be taken: ${(error as Error).message}`);
    }
  }

  /** Counts the refused records where some have come or gone since the last call; never throws. */
  async countRejected(): Promise<void> {
    if (this.#isCounting) return;
    this.#isCounting = true;
    const folder = join(this.path, REJECTED_FOLDER);
    try {
      const { mtimeMs } = await stat(folder);
      if (mtimeMs === this.#rejectedMs) return;
      let bytes = 0;
      for (const file of await readdir(folder)) bytes += (await stat(join(folder, file))).size;
      this.#rejectedBytes = bytes;
      this.#rejectedMs = mtimeMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#rejectedBytes = this.#rejectedMs = 0;
    } finally {
      this.#isCounting = false;
    }
  }

  get isAlarmed(): boolean {
    return performance.now() - this.#vanishedMs < ALARM_MS;
  }

  release(): void {
    this.#lock.release();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
