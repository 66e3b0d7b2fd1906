/**
 * `plumb monitor ingest`: archives the vectors of the log as typed Parquet, every record exactly once.
 *
 *   source --records--> ledger (new?) --> files, aside --> state written = committed --> files placed --> cursor
 *                          ^                                               |
 *                          `-- a crash leaves only what lies between --'
 *
 * A crash before the commit leaves files that no state names, which the next start removes; the next run reads the
 * source again from the last commit. If the crash comes after the commit, the next start does the rest. A record that
 * the log holds twice is recognised by its pod, epoch and sequence number.
 */
import { contentOf } from '../../contract/wire/log/record-content.ts';
import { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { monitorError } from '../errors.ts';
import { ArchiveWriter } from '../archive/archive-writer.ts';
import type { ArchiveOptions } from '../archive/archive-writer.ts';
import { OriginBook } from '../archive/origin-book.ts';
import { hourOf } from '../../project/archive/archive-layout.ts';
import type { IngestLedger } from '../../project/archive/ledger.ts';
import type { LogSource, SourceItem } from './log-source.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { stateName } from '../../project/archive/state-file.ts';

export interface IngestOptions {
  /** The folder that the files are written to. */
  readonly served: Folder;
  /** The folder on this machine for locks; absent: that of the archive, which lies here then. */
  readonly locks?: string;
  readonly logger: Logger;
  /**
   * A batch is committed when it reaches one of these limits (records, bytes, or the age of its oldest record), and at
   * the end.
   */
  readonly batchRecords: number;
  readonly batchBytes: number;
  readonly batchMs: number;
  readonly archive: Omit<ArchiveOptions, 'served' | 'warn'>;
  /** Which requests the archive takes; all unless given. */
  readonly within?: (servedUs: number, walk: RecordWalk) => boolean;
  /** Is told of each commit, and where there was nothing to commit; nothing that goes wrong there ends the ingest. */
  readonly onCommit?: (ledger: IngestLedger) => void;
}

export const BATCH = { batchRecords: 100_000, batchBytes: 128 * 2 ** 20, batchMs: 60_000 };

/**
 * Reads a source until it ends and commits all of it.
 *
 * @param ledger  as read from the folder; holds the folder's new state afterwards
 * @returns       the hours of the vectors that it archived: `2026-11-21T10`
 * @throws        MON_SERVED, and what the source throws; earlier commits stay
 */
export async function ingestLog(
  source: LogSource,
  ledger: IngestLedger,
  options: IngestOptions,
): Promise<ReadonlySet<string>> {
  const { served, logger } = options;
  const committed = ledger.text();
  const from = ledger.position(source.name);
  if (from !== null) await source.passed(from);
  const warn = (line: string): void => logger.warn(line);
  const archive = await ArchiveWriter.open({ ...options.archive, served, warn }, ledger.archive).catch(
    (error: unknown) => {
      throw notWritten(options, error);
    },
  );
  try {
    const run = new IngestRun({ source, ledger, archive, committed }, options);
    for await (const item of source.items(from)) await run.take(item);
    await run.commit();
    return archive.hours;
  } finally {
    archive.close();
  }
}

interface RunParts {
  readonly source: LogSource;
  readonly ledger: IngestLedger;
  readonly archive: ArchiveWriter;
  /** The text of the state as it is on disk. */
  readonly committed: string;
}

class IngestRun {
  readonly #source: LogSource;
  readonly #ledger: IngestLedger;
  readonly #archive: ArchiveWriter;
  readonly #origins = new OriginBook();
  readonly #walk = new RecordWalk();
  /** Of the batch. */
  #records = 0;
  #bytes = 0;
  readonly #options: IngestOptions;
  #committed: string;
  #sinceMs = performance.now();

  constructor({ source, ledger, archive, committed }: RunParts, options: IngestOptions) {
    this.#source = source;
    this.#ledger = ledger;
    this.#archive = archive;
    this.#options = options;
    this.#committed = committed;
  }

  async take(item: SourceItem): Promise<void> {
    if (item.kind === 'record') this.#record(item);
    else if (item.kind === 'caught-up')
      this.#ledger.caughtUpUs = Math.max(this.#ledger.caughtUpUs, item.asOfUs);
    else if (item.kind === 'unreadable') this.#unreadable(item.where, item.again);
    else if (item.kind === 'duplicate' && !item.again) this.#ledger.countDuplicate(null);
    const { batchRecords, batchBytes, batchMs } = this.#options;
    const full = this.#records >= batchRecords || this.#bytes >= batchBytes || this.#archive.isFull;
    if (full || performance.now() - this.#sinceMs >= batchMs) await this.commit();
  }

  #record(item: Extract<SourceItem, { kind: 'record' }>): void {
    const { payload, anchored, again } = item;
    const content = item.content ?? contentOf(payload, 0, payload.length);
    if (content === null || content === 'part') return this.#unreadable('a record', again);
    if (content === 'served') return this.#served(payload, anchored, again);
    const record = decodeRecord(payload);
    if (record.kind !== 'heartbeat' && record.kind !== 'last')
      throw new TypeError(`no ${record.kind} was expected`);
    const { origin, heartbeat } = record;
    if (!this.#ledger.take(origin, heartbeat.atUs, anchored)) {
      if (!again) this.#ledger.countDuplicate(null);
      return;
    }
    this.#ledger.hear(origin.pod, origin.epoch, heartbeat, record.kind === 'last');
    this.#count(payload);
  }

  #served(payload: Buffer, anchored: boolean, again: boolean): void {
    const walk = this.#walk;
    walk.request(payload);
    const { pod, epoch } = this.#origins.read(walk);
    const { sequence, servedUs } = walk;
    if (!this.#ledger.take({ pod, epoch, sequence }, servedUs, anchored)) {
      if (!again) this.#ledger.countDuplicate(vectorsOf(payload));
      return;
    }
    this.#count(payload);
    const { within } = this.#options;
    if (within !== undefined && !within(servedUs, walk)) return;
    const clockOffsetUs = this.#ledger.clockOffsetUs({ pod, epoch, sequence });
    if (!this.#archive.add(walk, this.#origins.at(pod, epoch, clockOffsetUs))) this.#ledger.countLeftOut();
  }

  #count(payload: Buffer): void {
    this.#records += 1;
    this.#bytes += payload.length;
  }

  #unreadable(where: string, again: boolean): void {
    if (again) return;
    this.#ledger.countUnreadable();
    this.#options.logger.warn(`${where} cannot be read: it is no record, or one of a later version`);
  }

  /** Commits the batch in one step; does nothing when nothing has changed. */
  async commit(): Promise<void> {
    const { served, logger } = this.#options;
    const { disk, share } = this.#options.archive;
    const ledger = this.#ledger;
    const position = this.#source.position();
    ledger.setPosition(this.#source.name, position);
    this.#archive.expire();
    if (ledger.text() === this.#committed && !this.#archive.hasHourToJoin) {
      this.#sinceMs = performance.now();
      this.#options.onCommit?.(ledger);
      return;
    }
    try {
      const records = this.#records;
      await this.#archive.stage(ledger.batch + 1);
      this.#origins.clear();
      if (ledger.archive.moving.size > 0) ledger.batch += 1;
      this.#committed = ledger.text();
      await disk.writeState(served.fileOf(stateName(served, share)), this.#committed);
      await this.#archive.settle();
      this.#records = 0;
      this.#bytes = 0;
      if (records > 0) logger.info(`ingested ${records} records up to ${formatTimestamp(ledger.newestUs)}`);
    } catch (error) {
      throw notWritten(this.#options, error);
    }
    await this.#source.passed(position);
    this.#options.onCommit?.(ledger);
    // The interval starts when the commit ends: if it started with the commit, a disk slower than the interval would
    // get one file per record.
    this.#sinceMs = performance.now();
  }
}

function notWritten({ served }: IngestOptions, error: unknown): Error {
  if (error instanceof CodedError && error.code === 'MON_INGEST_RUNS') return error;
  return monitorError(
    'MON_SERVED',
    `${served.path} cannot be written: ${(error as Error).message}`,
    { file: served.path },
    error,
  );
}

/** The vectors of a served record that came again. */
function vectorsOf(payload: Buffer): {
  readonly hour: string;
  readonly service: string;
  readonly count: number;
} {
  const decoded = decodeRecord(payload);
  if (decoded.kind !== 'served') throw new TypeError(`a ${decoded.kind} is no served request`);
  const { servedUs, service, vectors } = decoded.record;
  return { hour: hourOf(servedUs), service, count: vectors.length };
}
