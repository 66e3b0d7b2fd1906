/**
 * Whether the disk of the spool takes writes. Logs when it stops and when it takes them again, and says when the next
 * try is due. Called by spool.ts.
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

  /** Whether the last write failed so recently that another try would cost time for nothing. */
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
