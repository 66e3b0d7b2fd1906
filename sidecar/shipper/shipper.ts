/**
 * Moves the spool to Kafka: reads, sends, makes the cursor durable, in this order, so that after a crash records are
 * sent again and never skipped.
 *
 *   spool --SpoolTail--> batch of one key, up to 1 MiB --send, acks of all replicas--> cursor --> writer deletes
 *                            |                    |
 *                            |                    `- unavailable: sent again after 0.1 s, 0.2 s ... 5 s, without end;
 *                            |                       nothing else is sent meanwhile, so order is kept
 *                            `- refused: halved until the record is found; it goes to rejected/, the others to Kafka
 *
 * One batch is in flight at a time; meanwhile the next one is read, and the cursor is written when it is 200 ms behind
 * (at once when nothing is left). So a crash repeats at most those 200 ms and the batch in flight. Runs in a thread of
 * its own (shipper-thread.ts), or in the command `log ship`. Knows nothing of requests.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../project/clock.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { advanceCursor, readCursor } from '../../contract/wire/log/spool-cursor.ts';
import type { SpoolPosition } from '../../contract/wire/log/spool-cursor.ts';
import { logError } from '../spool/errors.ts';
import type { LogProducer } from './log-producer.ts';
import { keepRejected } from './rejected-records.ts';
import { SpoolTail } from './spool-tail.ts';
import type { SpooledRecord } from './spool-tail.ts';

export const KAFKA_CONSUMER = 'kafka';

/** Kafka's default limit of a batch is 1 MiB and 12 bytes, its own header of 61 bytes included. */
export const BATCH_BYTES_MAX = 2 ** 20 - 100;
const CURSOR_MS = 200;
const POLL_MS = 50;
const BACKOFF_MS = 100;
const BACKOFF_MS_MAX = 5_000;
const WARN_EVERY_MS = 30_000;

interface ShipperOptions {
  readonly spool: string;
  readonly topic: string;
  readonly producer: LogProducer;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ShipperStats {
  /** Whether the last send was answered. */
  readonly connected: boolean;
  readonly shippedRecords: number;
  readonly shippedBytes: number;
  readonly rejectedRecords: number;
  /** Sends that had to be repeated. */
  readonly retries: number;
  readonly damagedBytes: number;
  readonly lagBytes: number;
  /** When the oldest record that waits was served; null when none waits, or its time is not known. */
  readonly oldestUs: number | null;
  /** What was shipped last: 16 hex digits and the sequence number; null before the first. */
  readonly epoch: string | null;
  readonly sequence: number;
}

type Trouble = 'spool' | 'kafka' | 'refused' | 'rejected' | 'cursor';

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #tail: SpoolTail;
  /** Behind the last record that Kafka or `rejected/` has, and where the durable cursor stands. */
  #shipped: SpoolPosition | null;
  #saved: SpoolPosition | null;
  #savedMs = 0;
  #draining = false;
  #aborted = false;
  /** Whether `run` has ended since nothing was left. */
  complete = false;
  #wake: (() => void) | null = null;
  /** When each kind of trouble was last logged. */
  readonly #warnedMs = new Map<Trouble, number>();
  #connected = false;
  #readable = true;
  #shippedRecords = 0;
  #shippedBytes = 0;
  #rejectedRecords = 0;
  #retries = 0;
  #lag = 0;
  #epoch: string | null = null;
  /** The oldest record that is not shipped, where one was read. */
  #waiting: SpooledRecord | null = null;

  /** @throws LOG_CURSOR when the cursor is damaged */
  constructor(options: ShipperOptions) {
    this.#options = options;
    try {
      this.#shipped = readCursor(options.spool, KAFKA_CONSUMER);
    } catch (error) {
      throw logError('LOG_CURSOR', (error as Error).message, {}, error);
    }
    this.#saved = this.#shipped;
    this.#tail = new SpoolTail(options.spool, this.#shipped);
  }

  /** Ships until `drain` finds nothing left, or `abort`. Never throws. */
  async run(): Promise<void> {
    let batch = this.#read();
    while (!this.#aborted) {
      if (batch === null) {
        this.#waiting = null;
        this.#saveCursor();
        if (this.#draining && this.#readable) {
          this.complete = true;
          break;
        }
        await this.#rest(POLL_MS);
        batch = this.#read();
        continue;
      }
      this.#waiting = batch[0]!;
      const delivered = this.#deliver(batch);
      // The batch is sent first, so that Kafka works on it while this thread waits for the disk.
      await turn();
      if (performance.now() - this.#savedMs >= CURSOR_MS) this.#saveCursor();
      const next = this.#read();
      await delivered;
      // What came in while the last of it was sent is waiting already.
      batch = next ?? (this.#aborted ? null : this.#read());
    }
    this.#saveCursor();
    this.#tail.close();
  }

  /** Lets `run` end once nothing is left. */
  drain(): void {
    this.#draining = true;
    this.#wake?.();
  }

  /** Lets `run` end as soon as the send under way has its answer; what was answered so far is durable at once. */
  abort(): void {
    this.#aborted = true;
    this.#saveCursor();
    this.#wake?.();
  }

  stats(): ShipperStats {
    return {
      connected: this.#connected,
      shippedRecords: this.#shippedRecords,
      shippedBytes: this.#shippedBytes,
      rejectedRecords: this.#rejectedRecords,
      retries: this.#retries,
      damagedBytes: this.#tail.damagedBytes,
      lagBytes: this.#lagBytes(),
      oldestUs: this.#waiting === null ? null : timeOf(this.#waiting.value),
      epoch: this.#epoch,
      sequence: this.#shipped?.sequence ?? 0,
    };
  }

  #lagBytes(): number {
    try {
      this.#lag = this.#tail.bytesBehind(this.#shipped);
    } catch {
      // The next read reports a folder that cannot be read; until then the last figure stays.
    }
    return this.#lag;
  }

  #read(): SpooledRecord[] | null {
    try {
      const batch = this.#tail.read(BATCH_BYTES_MAX);
      this.#readable = true;
      return batch;
    } catch (error) {
      this.#readable = false;
      this.#warn('spool', `the spool in ${this.#options.spool} cannot be read: ${(error as Error).message}`);
      return null;
    }
  }

  /** Sends the batch, or what of it Kafka takes; returns early only when aborted. */
  async #deliver(batch: readonly SpooledRecord[]): Promise<void> {
    for (let tries = 0; !this.#aborted; tries++) {
      const outcome = await this.#options.producer.send(batch);
      if (outcome.kind === 'sent') return this.#passed(batch);
      if (outcome.kind === 'refused') {
        this.#connected = true;
        if (batch.length === 1) {
          if (this.#reject(batch[0]!, outcome.reason)) return;
        } else {
          const middle = batch.length >> 1;
          await this.#deliver(batch.slice(0, middle));
          return this.#deliver(batch.slice(middle));
        }
      } else {
        this.#connected = false;
        this.#warn('kafka', `Kafka does not take the vector log (it stays in the spool): ${outcome.reason}`);
      }
      this.#retries += 1;
      await this.#rest(backoffMs(tries));
    }
  }

  #passed(batch: readonly SpooledRecord[]): void {
    if (this.#warnedMs.delete('kafka')) this.#options.logger.info('Kafka takes the vector log again');
    this.#connected = true;
    this.#shippedRecords += batch.length;
    for (const { value } of batch) this.#shippedBytes += value.length;
    this.#moveTo(batch.at(-1)!);
  }

  /** @returns false when the record cannot be kept; the cursor must then not pass it */
  #reject(record: SpooledRecord, reason: string): boolean {
    const { spool, topic, clock } = this.#options;
    try {
      keepRejected(spool, record, { topic, reason, atUs: clock.nowUs() });
    } catch (error) {
      this.#warn(
        'rejected',
        `a refused record cannot be kept, so shipping waits: ${(error as Error).message}`,
      );
      return false;
    }
    this.#rejectedRecords += 1;
    this.#warn(
      'refused',
      `Kafka refused record ${record.epoch}/${record.sequence} (${reason}): it is kept in rejected/`,
    );
    this.#moveTo(record);
    return true;
  }

  #moveTo({ segment, nextOffset, sequence, epoch }: SpooledRecord): void {
    this.#shipped = { segment, offset: nextOffset, sequence };
    this.#epoch = epoch;
  }

  #saveCursor(): void {
    this.#savedMs = performance.now();
    if (this.#shipped === null || this.#shipped === this.#saved) return;
    try {
      advanceCursor(this.#options.spool, KAFKA_CONSUMER, this.#shipped);
      this.#saved = this.#shipped;
    } catch (error) {
      this.#warn('cursor', `the cursor of Kafka cannot be written: ${(error as Error).message}`);
    }
  }

  /** Waits; `drain` and `abort` end it early. */
  async #rest(ms: number): Promise<void> {
    if (this.#aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  /** Repeats a warning only now and then, since trouble may go on for hours. */
  #warn(trouble: Trouble, line: string): void {
    const nowMs = performance.now();
    if (nowMs - (this.#warnedMs.get(trouble) ?? -Infinity) < WARN_EVERY_MS) return;
    this.#warnedMs.set(trouble, nowMs);
    this.#options.logger.warn(line);
  }
}

/** Doubles up to its limit; half of it is random, so that the sidecars of a cluster do not come back all at once. */
function backoffMs(tries: number): number {
  const full = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** Math.min(tries, 16));
  return full * (0.5 + Math.random() / 2);
}

function timeOf(value: Buffer): number | null {
  try {
    const record = decodeRecord(value);
    if (record.kind === 'served') return record.record.servedUs;
    return record.kind === 'part' ? null : record.heartbeat.atUs;
  } catch {
    return null;
  }
}
