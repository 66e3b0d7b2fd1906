/**
 * How much more the spool may hold. It is full from the first frames that do not fit until a passed segment was
 * deleted; smaller records that would still fit are not taken meanwhile, but heartbeats are. Made by spool.ts; asked by
 * vector-log.ts before each record.
 */
import assert from 'node:assert/strict';
import type { Logger } from '../../contract/std/logger.ts';

export interface RoomOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** What becomes of the requests that a full spool cannot take; for the message. */
  readonly onFull: 'shed-log' | 'reject';
  readonly logger: Logger;
}

export class SpoolRoom {
  readonly #options: RoomOptions;
  readonly #usedBytes: () => number;
  /** What room there was when the spool became full; more of it means that some was deleted. null: it is not full. */
  #fullRoom: number | null = null;

  /** @param usedBytes  of the segments, and of what waits in the ring */
  constructor(options: RoomOptions, usedBytes: () => number) {
    this.#options = options;
    this.#usedBytes = usedBytes;
  }

  get #bytes(): number {
    return this.#options.maxBytes - this.#usedBytes();
  }

  get isFull(): boolean {
    if (this.#fullRoom !== null && this.#bytes > this.#fullRoom) this.#leaveFull();
    return this.#fullRoom !== null;
  }

  /** @returns whether frames of so many bytes fit; where they do not, the spool is full from now on */
  fits(bytes: number): boolean {
    if (bytes <= this.#bytes) return true;
    this.#enterFull();
    return false;
  }

  #enterFull(): void {
    assert(this.#fullRoom === null, 'what is full is not offered any more');
    this.#fullRoom = this.#bytes;
    const { folder, maxBytes, onFull, logger } = this.#options;
    const then = onFull === 'reject' ? 'requests are refused' : 'answers go on without being logged, counted';
    logger.warn(`the spool in ${folder} is full (log.maxBytes ${maxBytes}): ${then}`);
  }

  #leaveFull(): void {
    this.#fullRoom = null;
    this.#options.logger.info(`the spool in ${this.#options.folder} has room again`);
  }
}
