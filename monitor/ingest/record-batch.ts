/**
 * The records of a batch on their way into Parquet: collected in an in-memory DuckDB, then written as one file for each
 * hour in which they were served.
 *
 *   pod, epoch, sequence | kind: served, heartbeat, last | served_at | request_id, surface, service, service_version,
 *   bundle, vectors (null where there is none) | record: the bytes as they were logged, parts joined
 *
 * The bytes hold the whole record; the other columns only serve to find records with plain SQL.
 */
import { DuckDb, blob, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import type { LogRecord } from '../../contract/wire/log/served-record.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import { batchFile, hourOf } from './served-files.ts';
import type { ServedDisk } from './served-files.ts';

type SqlValue = Parameters<DuckDb['append']>[1][number][number];

interface HourFile {
  readonly hour: string;
  readonly records: number;
}

const APPEND_ROWS = 20_480;
/** Created again after each batch, which frees the memory of the last one. */
const EMPTY_TABLE = `CREATE OR REPLACE TABLE batch (hour VARCHAR, pod VARCHAR, epoch VARCHAR, sequence BIGINT,
  kind VARCHAR, served_us BIGINT, request_id VARCHAR, surface VARCHAR, service VARCHAR, service_version INTEGER,
  bundle VARCHAR, vectors INTEGER, record BLOB)`;

export class RecordBatch {
  readonly #duck: DuckDb;
  #rows: SqlValue[][] = [];
  readonly #hours = new Map<string, number>();
  records = 0;
  bytes = 0;

  private constructor(duck: DuckDb) {
    this.#duck = duck;
  }

  static async open(): Promise<RecordBatch> {
    const duck = await DuckDb.open();
    await duck.run(EMPTY_TABLE);
    return new RecordBatch(duck);
  }

  /** @param payload  the record's bytes, which are copied */
  async add(record: Exclude<LogRecord, { kind: 'part' }>, payload: Buffer): Promise<void> {
    const origin = record.kind === 'served' ? record.record : record.origin;
    const atUs = record.kind === 'served' ? record.record.servedUs : record.heartbeat.atUs;
    const hour = hourOf(atUs);
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + 1);
    this.records += 1;
    this.bytes += payload.length;
    this.#rows.push([
      hour,
      origin.pod,
      origin.epoch,
      BigInt(origin.sequence),
      record.kind,
      BigInt(atUs),
      ...(record.kind === 'served' ? servedColumns(record.record) : NO_REQUEST),
      blob(Buffer.from(payload)),
    ]);
    if (this.#rows.length >= APPEND_ROWS) await this.#append();
  }

  async #append(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    await this.#duck.append('batch', rows);
  }

  /**
   * Writes a file for each hour and empties the batch.
   *
   * @returns what was written, in order of hours
   */
  async write(served: string, batch: number, disk: ServedDisk): Promise<HourFile[]> {
    await this.#append();
    const hours = [...this.#hours].map(([hour, records]) => ({ hour, records })).toSorted(byHour);
    for (const { hour } of hours) {
      const file = batchFile(served, hour, batch);
      await this.#duck
        .run(`COPY (SELECT pod, epoch, sequence, kind, make_timestamp(served_us) AS served_at, request_id,
          surface, service, service_version, bundle, vectors, record
          FROM batch WHERE hour = ${quoteText(hour)} ORDER BY epoch, sequence)
        TO ${quoteTarget(disk.aside(file))} (FORMAT parquet, COMPRESSION zstd)`);
      disk.publish(file);
    }
    await this.#duck.run(EMPTY_TABLE);
    this.#hours.clear();
    this.records = 0;
    this.bytes = 0;
    return hours;
  }

  close(): void {
    this.#duck.close();
  }
}

const NO_REQUEST: SqlValue[] = [null, null, null, null, null, null];

function servedColumns(record: Extract<LogRecord, { kind: 'served' }>['record']): SqlValue[] {
  const { requestId, surface, service, serviceVersion, bundle, vectors } = record;
  return [requestId, SURFACES[surface] ?? String(surface), service, serviceVersion, bundle, vectors.length];
}

function byHour(a: HourFile, b: HourFile): number {
  return a.hour < b.hour ? -1 : 1;
}
