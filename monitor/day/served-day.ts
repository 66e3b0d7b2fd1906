/**
 * Reads one UTC day of the vector log: from the ingested Parquet or, if nothing of the day was ingested, from the
 * spool. Both give the same records in the same order, and the same account of what is missing
 * (test/integration/monitor/monitor-ingest.test.ts). Called by run.ts.
 */
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Project } from '../../project/project.ts';
import { readServedLog } from '../../contract/wire/log/served-log.ts';
import type { LogItem } from '../../contract/wire/log/served-log.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { DAY_US, dayOf, formatTimestamp } from '../../contract/std/timestamp.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import type { LogRecord } from '../../contract/wire/log/served-record.ts';
import { monitorError } from '../errors.ts';
import { memoryLimit } from '../memory-limit.ts';
import { sourceOf, tryIngest } from '../ingest/main.ts';
import { IngestLedger } from '../ingest/ledger.ts';
import type { HourCount } from '../ingest/ledger.ts';
import { servedFiles } from '../ingest/served-files.ts';
import type { ServedFile } from '../ingest/served-files.ts';

/** What is known of a day in addition to its records. */
export interface DayAccount {
  readonly gaps: number;
  /** Epochs whose last record has been ingested, on this day or another. */
  readonly closed: ReadonlySet<string>;
  /** Vectors of a service in records that were ingested before. */
  duplicatesOf(service: string): number;
}

export interface ServedDay {
  readonly items: AsyncIterable<ServedDayItem> | Iterable<ServedDayItem>;
  /** null: it is computed from the items. */
  readonly account: DayAccount | null;
}

/** A record of the log, without its position there. */
export type ServedDayItem = WithoutNext<LogItem>;
type WithoutNext<T> = T extends { readonly next: unknown } ? Omit<T, 'next'> : T;

/**
 * If the log is ingested from a spool, this first ingests what the spool holds now, so that the day is complete.
 *
 * @param scratch  a folder for temporary files, when the sort of a large day does not fit in memory
 * @throws         MON_SERVED when a file of the day is missing, MON_LOG
 */
export async function servedDay(project: Project, fromUs: number, scratch: string): Promise<ServedDay> {
  const { served, log } = project.settings;
  const day = dayOf(fromUs);
  const untilUs = Math.min(fromUs + DAY_US, project.clock.nowUs());
  let ledger = IngestLedger.read(served);
  if (hoursOf(ledger, day).length === 0) return { items: readServedLog(log.spool), account: null };
  if (sourceOf(project.settings) === 'spool') {
    await tryIngest(project);
    ledger = IngestLedger.read(served);
  }
  if (ledger.caughtUpUs < untilUs) {
    const upTo = ledger.caughtUpUs === 0 ? 'in part' : `up to ${formatTimestamp(ledger.caughtUpUs)}`;
    project.logger.warn(`the log was ingested ${upTo}; run \`plumb monitor ingest\` for the rest of ${day}`);
  }
  const files = filesOf(served, ledger, day);
  return {
    items: records(files, ledger, { scratch, limit: memoryLimit(project.settings.monitor) }, project.logger),
    account: accountOf(ledger, fromUs),
  };
}

function hoursOf(ledger: IngestLedger, day: string): [string, HourCount][] {
  return [...ledger.hours].filter(([hour]) => hour.startsWith(`${day}T`));
}

/** @returns all committed files of the day */
function filesOf(served: string, ledger: IngestLedger, day: string): ServedFile[] {
  const files = servedFiles(served, (hour) => hour.startsWith(`${day}T`)).filter(
    ({ batch }) => batch <= ledger.batch,
  );
  for (const [hour, { files: expected }] of hoursOf(ledger, day)) {
    const found = files.filter((file) => file.hour === hour).length;
    if (found === expected) continue;
    throw monitorError(
      'MON_SERVED',
      `hour ${hour} in ${served} should have ${expected} files and has ${found}`,
      {
        file: served,
      },
    );
  }
  return files;
}

/** Yields records in the order of a spool: epochs by their beginning, records by sequence number. */
async function* records(
  files: readonly ServedFile[],
  ledger: IngestLedger,
  { scratch, limit }: { readonly scratch: string; readonly limit: string },
  logger: Logger,
): AsyncGenerator<ServedDayItem> {
  const duck = await DuckDb.open({
    file: `${scratch}/served.duckdb`,
    memoryLimit: limit,
    memorySetting: 'monitor.memory',
  });
  let unreadable = 0;
  try {
    await duck.run('CREATE TABLE epochs (pod VARCHAR, epoch VARCHAR, first_us BIGINT)');
    await duck.append(
      'epochs',
      ledger.epochs().map(({ pod, epoch, firstUs }) => [pod, epoch, BigInt(firstUs)]),
    );
    const paths = files.map(({ file }) => file);
    const sql = `SELECT r.record FROM read_parquet(${quotePaths(paths)}, hive_partitioning = false) r
      JOIN epochs e ON e.pod = r.pod AND e.epoch = r.epoch ORDER BY e.first_us, r.epoch, r.pod, r.sequence`;
    for await (const rows of duck.chunks(sql)) {
      for (const row of rows) {
        const { bytes } = row['record'] as unknown as { readonly bytes: Uint8Array };
        const record = decoded(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
        if (record === null) unreadable += 1;
        else if (record.kind !== 'part') yield record;
      }
    }
    if (unreadable > 0) logger.warn(`${unreadable} ingested records cannot be read and are left out`);
  } finally {
    duck.close();
  }
}

function decoded(payload: Buffer): LogRecord | null {
  try {
    return decodeRecord(payload);
  } catch {
    return null;
  }
}

/**
 * Counts gaps as reading the spool does: between two records of which one is of the day, or between which the day lies.
 */
function accountOf(ledger: IngestLedger, fromUs: number): DayAccount {
  const toUs = fromUs + DAY_US;
  const epochs = ledger.epochs();
  const ofDay = epochs
    .flatMap((epoch) => epoch.gaps())
    .filter((gap) => gap.afterUs >= fromUs && gap.beforeUs < toUs);
  return {
    gaps: ofDay.reduce((sum, { from, to }) => sum + to - from + 1, 0),
    closed: new Set(epochs.filter(({ closed }) => closed).map(({ epoch }) => epoch)),
    duplicatesOf: (service) => ledger.duplicatesOf(dayOf(fromUs), service),
  };
}
