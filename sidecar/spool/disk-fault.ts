/**
 * Whether the disk of the spool takes writes: says in the log when it does not and when it does again, and how soon
 * another try is worth its time. Called by spool.ts.
 */
import type { Logger } from '../../contract/std/logger.ts';

const RETRY_MS = 100;

export class DiskFault {
  readonly #folder: string;
  readonly #logger: Logger;
  #failedMs = -Infinity;
  /** Whether the last write failed. */
  isThere = false;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /** Whether it has just been met, so that another write is not worth its time yet. */
  get isFresh(): boolean {
    return this.isThere && performance.now() - this.#failedMs < RETRY_MS;
  }

  /** A write failed. */
  met(reason: string): void {
    this.#failedMs = performance.now();
    if (this.isThere) return;
    this.isThere = true;
    const help = /^E[MN]FILE\b/.test(reason)
      ? '; the limit of open files is reached: raise it (ulimit -n)'
      : '';
    this.#logger.warn(`the spool in ${this.#folder} cannot be written: ${reason}${help}`);
  }

  /** A write succeeded. */
  gone(): void {
    if (!this.isThere) return;
    this.isThere = false;
    this.#logger.info(`the spool in ${this.#folder} can be written again`);
  }
}
