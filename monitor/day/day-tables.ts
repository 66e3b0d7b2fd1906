/**
 * Reads a UTC day of the vector log into DuckDB, one pair of tables a service:
 *
 *   vectors_{i}   vid | request_id, surface, bundle, served_us, row_index, pod, epoch, sequence, part
 *                 | hmac_key: the secret of its HMACs; empty: it has none
 *                 | key_0 .. of the join keys' types, in the order of the service's request keys
 *                 | shown_0 .. what reports show in their place: the HMAC of a hashed id; null: the id itself
 *   rows_{i}      vid, role | status, source, fetched_us, watermark_us | event_us, created_us, definition_id,
 *                 written_ms of the row's header | row: the stored bytes | masked; hmacs: 32 bytes each, null: none
 *
 * A vector is one entity row of an answer; vid numbers those of a service from 0 in the order of the log. Values stay
 * in the stored bytes, to be decoded once, when they are compared. A record that came twice (pod, epoch, sequence,
 * part) counts once.
 */
import { blob } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import type { FeatureService } from '../../contract/model.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { readHeader } from '../../contract/wire/online/row-header.ts';
import type { LoggedRow, ServedRecord } from '../../contract/wire/log/served-record.ts';
import type { SpoolGap } from '../../contract/wire/log/spool-item.ts';
import type { HashedIds } from './hashed-ids.ts';
import { RequestIds } from './request-ids.ts';
import { SequenceSet } from '../ingest/sequence-set.ts';
import type { DayAccount, ServedDay, ServedDayItem } from './served-day.ts';

export interface DayOfService {
  readonly service: FeatureService;
  /** Names of the service's tables. */
  readonly vectorTable: string;
  readonly rowTable: string;
  vectors: number;
  /** Served times of the first and the last vector. */
  firstUs: number;
  lastUs: number;
  /** Vectors in records that the log holds twice; each counts once. */
  duplicates: number;
}

/** A day of the log, in tables. */
export interface DayOfLog {
  /** By service name; only services with a vector that day. */
  readonly services: Map<string, DayOfService>;
  /** All records of the day, also those without vectors. */
  readonly records: number;
  /**
   * Missing sequence numbers between two records of the log, where one of the two is of the day or the day lies between
   * them.
   */
  readonly gaps: number;
  /** Starts of a sidecar that have a record on the day but no last record. */
  readonly openTails: number;
  /** Vectors left out, by reason: the service is not applied, single features, hashed or dropped keys. */
  readonly leftOut: ReadonlyMap<string, number>;
}

type SqlValue = Parameters<DuckDb['append']>[1][number][number];

/** How many characters of a record's service name are kept: no definition limits its length. */
const MAX_NAME = 100;
const BATCH_ROWS = 20_480;

/** Which vectors of the log go into the tables. */
interface DayScope {
  readonly fromUs: number;
  readonly toUs: number;
  /** The services of the bundle in force, by name. */
  readonly services: ReadonlyMap<string, FeatureService>;
  /** Finds ids by their HMACs; null: no entity's ids are hashed, or the secret is not set. */
  readonly hashedIds: HashedIds | null;
}

/** @throws the file system's error when the log cannot be read */
export async function readDayTables(
  duck: DuckDb,
  log: ServedDay,
  scope: DayScope,
  logger: Logger,
): Promise<DayOfLog> {
  const tables = new DayTables(duck, scope);
  for await (const item of log.items) {
    if (item.kind === 'gap') tables.gap(item.epoch, item.gap);
    else if (item.kind === 'torn') logger.warn(`${item.segment} has a torn tail of ${item.bytes} bytes`);
    else tables.record(item);
    if (tables.isFull) await tables.flush();
  }
  await tables.flush();
  return tables.result(log.account);
}

interface EpochState {
  readonly seen: SequenceSet;
  lastUs: number;
  /** Missing numbers whose time becomes known with the next record. */
  missing: number;
  ofDay: boolean;
  closed: boolean;
}

class DayTables {
  readonly #duck: DuckDb;
  readonly #scope: DayScope;
  readonly #services = new Map<string, DayOfService>();
  readonly #epochs = new Map<string, EpochState>();
  readonly #leftOut = new Map<string, number>();
  readonly #pending = new Map<string, SqlValue[][]>();
  readonly #created = new Set<string>();
  #pendingRows = 0;
  #records = 0;
  #gaps = 0;

  constructor(duck: DuckDb, scope: DayScope) {
    this.#duck = duck;
    this.#scope = scope;
  }

  get isFull(): boolean {
    return this.#pendingRows >= BATCH_ROWS;
  }

  gap(epochName: string, { fromSequence, toSequence }: SpoolGap): void {
    if (fromSequence !== null && toSequence !== null) {
      this.#epoch(epochName).missing += toSequence - fromSequence + 1;
    }
  }

  record(item: Exclude<ServedDayItem, { kind: 'gap' | 'torn' }>): void {
    const origin = item.kind === 'served' ? item.record : item.origin;
    const atUs = item.kind === 'served' ? item.record.servedUs : item.heartbeat.atUs;
    const { fromUs, toUs } = this.#scope;
    const epoch = this.#epoch(origin.epoch);
    const ofDay = atUs >= fromUs && atUs < toUs;
    if (epoch.missing > 0 && atUs >= fromUs && epoch.lastUs < toUs) this.#gaps += epoch.missing;
    epoch.missing = 0;
    epoch.lastUs = atUs;
    if (item.kind === 'last') epoch.closed = true;
    if (ofDay) {
      epoch.ofDay = true;
      this.#records += 1;
    }
    const isNew = epoch.seen.add(origin.sequence, atUs);
    if (item.kind === 'served' && ofDay) this.#served(item.record, isNew);
  }

  #epoch(name: string): EpochState {
    let epoch = this.#epochs.get(name);
    if (epoch === undefined) {
      epoch = { seen: new SequenceSet(), lastUs: 0, missing: 0, ofDay: false, closed: false };
      this.#epochs.set(name, epoch);
    }
    return epoch;
  }

  #served(record: ServedRecord, isNew: boolean): void {
    const { services, hashedIds } = this.#scope;
    const service = services.get(record.service);
    if (service === undefined) {
      const name = record.service.slice(0, MAX_NAME);
      const what = name === '' ? 'of requests for single features' : `of the unknown service ${name}`;
      return this.#leaveOut(what, record.vectors.length);
    }
    const requestIds = RequestIds.of(record, service, hashedIds);
    if (typeof requestIds === 'string') {
      return this.#leaveOut(`of ${service.name} ${requestIds}`, record.vectors.length);
    }
    const day = this.#dayOf(service);
    if (!isNew) {
      day.duplicates += record.vectors.length;
      return;
    }
    day.firstUs = Math.min(day.firstUs, record.servedUs);
    day.lastUs = Math.max(day.lastUs, record.servedUs);
    for (const [index, vector] of record.vectors.entries()) {
      const own = requestIds.read(vector.keys);
      if (own === null) {
        this.#leaveOut(`of ${service.name} with ids that are none of their keys' types`, 1);
        continue;
      }
      const vid = BigInt(day.vectors++);
      this.#push(day.vectorTable, [
        vid,
        record.requestId,
        record.surface,
        record.bundle,
        BigInt(record.servedUs),
        index,
        record.pod,
        record.epoch,
        BigInt(record.sequence),
        record.part,
        record.hmacKeyId,
        ...own.ids,
        ...own.shown,
      ]);
      for (const row of vector.rows) this.#push(day.rowTable, rowValues(vid, row));
    }
  }

  #leaveOut(what: string, vectors: number): void {
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + vectors);
  }

  #dayOf(service: FeatureService): DayOfService {
    let day = this.#services.get(service.name);
    if (day === undefined) {
      const i = this.#services.size;
      day = {
        service,
        vectorTable: `vectors_${i}`,
        rowTable: `rows_${i}`,
        vectors: 0,
        firstUs: Infinity,
        lastUs: -Infinity,
        duplicates: 0,
      };
      this.#services.set(service.name, day);
    }
    return day;
  }

  #push(table: string, row: SqlValue[]): void {
    const rows = this.#pending.get(table);
    if (rows === undefined) this.#pending.set(table, [row]);
    else rows.push(row);
    this.#pendingRows += 1;
  }

  async flush(): Promise<void> {
    for (const { service, vectorTable, rowTable } of this.#services.values()) {
      if (this.#created.has(vectorTable)) continue;
      this.#created.add(vectorTable);
      await this.#duck.run(createTablesSql(service, vectorTable, rowTable));
    }
    for (const [table, rows] of this.#pending) await this.#duck.append(table, rows);
    this.#pending.clear();
    this.#pendingRows = 0;
  }

  /** @param account  what the ingest knows of the day beside its records; null: it is computed from the records */
  result(account: DayAccount | null): DayOfLog {
    const tails = [...this.#epochs].filter(
      ([name, epoch]) => epoch.ofDay && !(account === null ? epoch.closed : account.closed.has(name)),
    );
    for (const day of this.#services.values()) {
      if (account !== null) day.duplicates = account.duplicatesOf(day.service.name);
    }
    return {
      services: this.#services,
      records: this.#records,
      gaps: account?.gaps ?? this.#gaps,
      openTails: tails.length,
      leftOut: this.#leftOut,
    };
  }
}

function rowValues(vid: bigint, row: LoggedRow): SqlValue[] {
  const header = row.row === null ? null : readHeader(row.row);
  return [
    vid,
    row.role,
    row.status,
    row.source,
    row.fetchedUs === 0 ? null : BigInt(row.fetchedUs),
    row.watermarkUs === 0 ? null : BigInt(row.watermarkUs),
    header === null ? null : BigInt(header.eventUs),
    header === null || header.createdUs === 0 ? null : BigInt(header.createdUs),
    header === null ? null : header.definitionId,
    header === null ? null : BigInt(header.writtenMs),
    row.row === null ? null : blob(row.row),
    row.masked,
    row.hmacs.length === 0 ? null : blob(Buffer.concat(row.hmacs)),
  ];
}

function createTablesSql(service: FeatureService, vectorTable: string, rowTable: string): string {
  const keys = service.requestKeys.map((key, i) => `key_${i} ${duckKeyType(key.type)}`);
  const shown = keys.map((_, i) => `shown_${i} VARCHAR`);
  return `CREATE TABLE ${vectorTable} (vid BIGINT, request_id VARCHAR, surface UTINYINT, bundle VARCHAR,
      served_us BIGINT, row_index INTEGER, pod VARCHAR, epoch VARCHAR, sequence BIGINT, part INTEGER, hmac_key VARCHAR,
      ${[...keys, ...shown].join(', ')});
    CREATE TABLE ${rowTable} (vid BIGINT, role VARCHAR, status UTINYINT, source UTINYINT, fetched_us BIGINT,
      watermark_us BIGINT, event_us BIGINT, created_us BIGINT, definition_id UINTEGER, written_ms BIGINT, row BLOB, masked BOOLEAN, hmacs BLOB)`;
}
