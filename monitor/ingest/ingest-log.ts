/**
 * `plumb monitor ingest`: copies the vector log into hourly Parquet files, every record exactly once.
 *
 *   source --records--> ledger (new?) --> batch --files, aside--> published --> state written = committed --> cursor
 *                          ^                                                        |
 *                          `----- a crash leaves only what lies between these ------'
 *
 * A crash before the commit leaves files that no state names, which the next start removes; the next run reads the
 * source again from the last commit. If the crash comes after the commit, the next start advances the cursor. A record
 * that the log holds twice is recognised by its pod, epoch and sequence number.
 */
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import type { LogRecord } from '../../contract/wire/log/served-record.ts';
import { dayOf, formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { monitorError } from '../errors.ts';
import type { ServedDisk } from './served-files.ts';
import type { IngestLedger } from './ledger.ts';
import type { LogSource, SourceItem } from './log-source.ts';
import { RecordBatch } from './record-batch.ts';

export interface IngestOptions {
  /** The folder that the files are written to. */
  readonly served: string;
  readonly disk: ServedDisk;
  readonly logger: Logger;
  /**
   * A batch is committed when it reaches one of these limits (records, bytes, or the age of its oldest record), and at
   * the end.
   */
  readonly batchRecords: number;
  readonly batchBytes: number;
  readonly batchMs: number;
}

export const BATCH = { batchRecords: 100_000, batchBytes: 128 * 2 ** 20, batchMs: 60_000 };

/**
 * Reads a source until it ends and commits all of it.
 *
 * @param ledger  as read from the folder; holds the folder's new state afterwards
 * @throws        MON_SERVED, and what the source throws; earlier commits stay
 */
export async function ingestLog(
  source: LogSource,
  ledger: IngestLedger,
  options: IngestOptions,
): Promise<void> {
  const { served, disk, logger } = options;
  const removed = onDisk(options, () => disk.removeUncommitted(served, ledger.batch));
  if (removed > 0) logger.info(`removed ${removed} files that an ingest left uncommitted`);
  const from = ledger.position(source.name);
  if (from !== null) await source.passed(from);
  const batch = await RecordBatch.open();
  try {
    const run = new IngestRun(source, ledger, batch, options);
    for await (const item of source.items(from)) await run.take(item);
    await run.commit();
  } finally {
    batch.close();
  }
}

class IngestRun {
  readonly #source: LogSource;
  readonly #ledger: IngestLedger;
  readonly #batch: RecordBatch;
  readonly #options: IngestOptions;
  #committed: string;
  #sinceMs = performance.now();

  constructor(source: LogSource, ledger: IngestLedger, batch: RecordBatch, options: IngestOptions) {
    this.#source = source;
    this.#ledger = ledger;
    this.#batch = batch;
    this.#options = options;
    this.#committed = ledger.text();
  }

  async take(item: SourceItem): Promise<void> {
    if (item.kind === 'record') await this.#record(item);
    else if (item.kind === 'caught-up')
      this.#ledger.caughtUpUs = Math.max(this.#ledger.caughtUpUs, item.asOfUs);
    else if (item.kind === 'unreadable') this.#unreadable(item.where, item.again);
    else if (item.kind === 'duplicate' && !item.again) this.#ledger.countDuplicate(null);
    const { batchRecords, batchBytes, batchMs } = this.#options;
    const { records, bytes } = this.#batch;
    const full = records >= batchRecords || bytes >= batchBytes;
    if (full || performance.now() - this.#sinceMs >= batchMs) await this.commit();
  }

  async #record({ payload, anchored, again }: Extract<SourceItem, { kind: 'record' }>): Promise<void> {
    const record = decoded(payload);
    if (record === null) return this.#unreadable('a record', again);
    const origin = record.kind === 'served' ? record.record : record.origin;
    const atUs = record.kind === 'served' ? record.record.servedUs : record.heartbeat.atUs;
    if (!this.#ledger.take(origin, atUs, anchored)) {
      if (!again) this.#ledger.countDuplicate(record.kind === 'served' ? vectorsOf(record.record) : null);
      return;
    }
    if (record.kind !== 'served')
      this.#ledger.hear(origin.pod, origin.epoch, record.heartbeat, record.kind === 'last');
    await this.#batch.add(record, payload);
  }

  #unreadable(where: string, again: boolean): void {
    if (again) return;
    this.#ledger.countUnreadable();
    this.#options.logger.warn(`${where} cannot be read: it is no record, or one of a later version`);
  }

  /** Commits the batch in one step; does nothing when nothing has changed. */
  async commit(): Promise<void> {
    const { served, disk, logger } = this.#options;
    const ledger = this.#ledger;
    const position = this.#source.position();
    ledger.setPosition(this.#source.name, position);
    if (ledger.text() === this.#committed) {
      this.#sinceMs = performance.now();
      return;
    }
    try {
      const { records } = this.#batch;
      if (records > 0) {
        const files = await this.#batch.write(served, ledger.batch + 1, disk);
        ledger.batch += 1;
        for (const file of files) ledger.addFile(file.hour, file.records);
      }
      this.#committed = ledger.text();
      disk.writeState(served, this.#committed);
      if (records > 0) logger.info(`ingested ${records} records up to ${formatTimestamp(ledger.newestUs)}`);
    } catch (error) {
      throw notWritten(this.#options, error);
    }
    await this.#source.passed(position);
    // The interval starts when the commit ends: if it started with the commit, a disk slower than the interval would
    // get one file per record.
    this.#sinceMs = performance.now();
  }
}

function onDisk<T>(options: IngestOptions, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw notWritten(options, error);
  }
}

function notWritten({ served }: IngestOptions, error: unknown): Error {
  return monitorError(
    'MON_SERVED',
    `${served} cannot be written: ${(error as Error).message}`,
    { file: served },
    error,
  );
}

function decoded(payload: Buffer): Exclude<LogRecord, { kind: 'part' }> | null {
  try {
    const record = decodeRecord(payload);
    return record.kind === 'part' ? null : record;
  } catch {
    return null;
  }
}

function vectorsOf({ servedUs, service, vectors }: Extract<LogRecord, { kind: 'served' }>['record']) {
  return { day: dayOf(servedUs), service, count: vectors.length };
}
