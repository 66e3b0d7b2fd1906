/**
 * How far the run of a view is. Each long piece of work reports its steps here, and a run that has been told to stop
 * ends at its next step. Between two steps nothing takes longer than one statement of DuckDB, which is interrupted.
 */
import type { Logger } from '../../contract/std/logger.ts';
import { materializerError } from '../errors.ts';

export class RunProgress {
  readonly #logger: Logger;
  readonly #view: string;
  readonly #signal: AbortSignal | null;
  #doing = 'beginning';

  constructor(logger: Logger, view: string, signal: AbortSignal | null) {
    this.#logger = logger;
    this.#view = view;
    this.#signal = signal;
  }

  /**
   * @param done  of `total` units; equal to it when this piece of work has ended
   * @throws MAT_STOPPED when the run has been told to stop
   */
  step(doing: string, done: number, total: number, unit: string): void {
    this.#doing = `${doing}, ${done} of ${total} ${unit} done`;
    this.checkStopped();
    this.#logger.progress(`${this.#view}: ${doing}`, done, total, unit);
  }

  /** @throws MAT_STOPPED when the run has been told to stop */
  checkStopped(): void {
    if (this.#signal?.aborted === true) throw this.#stopped(undefined);
  }

  /** @returns MAT_STOPPED in place of an error that came of stopping; other errors as they are */
  explain(error: unknown): unknown {
    if (this.#signal?.aborted !== true || (error as { code?: string }).code === 'MAT_STOPPED') return error;
    return this.#stopped(error);
  }

  #stopped(cause: unknown): Error {
    return materializerError(
      'MAT_STOPPED',
      `the run of ${this.#view} was ended by ${String(this.#signal!.reason)} (${this.#doing})`,
      {},
      cause,
    );
  }
}
