/**
 * The sidecar's side of the shipper: starts its thread, keeps its last figures, starts it again if it dies, and gives
 * it time to ship the rest at the end. Nothing here waits for Kafka. Called by main.ts.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../contract/std/logger.ts';
import type { ShipperStats } from './shipper.ts';
import type { ThreadInput, ThreadMessage } from './shipper-thread.ts';

/** The pause before the thread is started again: doubles with each that dies, up to the second figure. */
const RESTART_MS = 1_000;
const RESTART_MS_MAX = 60_000;
/** How long the thread may take after its grace to write the cursor and end. */
const END_MS = 2_000;
// Beside this file, in the source tree as in the package.
const THREAD = new URL(`./shipper-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

const NOTHING_YET: ShipperStats = {
  connected: false,
  shippedRecords: 0,
  shippedBytes: 0,
  rejectedRecords: 0,
  retries: 0,
  damagedBytes: 0,
  lagBytes: 0,
  oldestUs: null,
  epoch: null,
  sequence: 0,
};

export class Shipping {
  readonly #input: ThreadInput;
  readonly #logger: Logger;
  #worker: Worker;
  #restart: NodeJS.Timeout | null = null;
  #stopping = false;
  #restartMs = RESTART_MS;
  #stats = NOTHING_YET;
  /** The counts of threads that have died. */
  #before = NOTHING_YET;

  constructor(input: ThreadInput, logger: Logger) {
    this.#input = input;
    this.#logger = logger;
    this.#worker = this.#start();
  }

  /** @returns figures that are at most a second old */
  stats(): ShipperStats {
    const { shippedRecords, shippedBytes, rejectedRecords, retries, damagedBytes } = this.#before;
    const now = this.#stats;
    return {
      ...now,
      shippedRecords: now.shippedRecords + shippedRecords,
      shippedBytes: now.shippedBytes + shippedBytes,
      rejectedRecords: now.rejectedRecords + rejectedRecords,
      retries: now.retries + retries,
      damagedBytes: now.damagedBytes + damagedBytes,
    };
  }

  /** Ships what is left, within the grace; resolves when the thread has ended. The spool keeps what is not shipped. */
  async stop(): Promise<void> {
    const { graceMs } = this.#input.kafka;
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#restart !== null) return clearTimeout(this.#restart);
    const worker = this.#worker;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const limit = setTimeout(() => void worker.terminate(), graceMs + END_MS);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    worker.postMessage({ graceMs });
    await ended;
    clearTimeout(limit);
    const { lagBytes } = this.#stats;
    if (lagBytes > 0)
      this.#logger.warn(`${lagBytes} bytes of the vector log are not in Kafka; they stay in the spool`);
  }

  #told(stats: ShipperStats): void {
    this.#stats = stats;
    if (stats.connected) this.#restartMs = RESTART_MS;
  }

  #start(): Worker {
    const worker = new Worker(THREAD, { workerData: this.#input, name: 'shipper' });
    worker.on('message', (message: ThreadMessage) => {
      if ('stats' in message) this.#told(message.stats);
      else if ('info' in message) this.#logger.info(message.info);
      else this.#logger.warn(message.warn);
    });
    let fault = 'it ended';
    worker.on('error', (error) => (fault = error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => {
      if (this.#stopping) return;
      this.#logger.warn(`the shipper's thread is started again: ${fault}`);
      this.#before = this.stats();
      this.#stats = { ...NOTHING_YET, lagBytes: this.#stats.lagBytes };
      this.#restart = setTimeout(() => {
        this.#restart = null;
        this.#worker = this.#start();
      }, this.#restartMs);
      this.#restartMs = Math.min(RESTART_MS_MAX, this.#restartMs * 2);
    });
    return worker;
  }
}
