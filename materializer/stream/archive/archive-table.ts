/**
 * The archive of a source's partition as the stream writes it and reads it again.
 *
 * Messages are held in memory until a commit. A stream that dies in between reads them again from where the archive
 * ends: the source has them, since its offset there follows the archive.
 *
 *   add ... add -> commit: file aside, synced, in its place -> the entry, which counts only behind the last one
 */
import { randomBytes } from 'node:crypto';
import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { syncFile, syncFolder } from '../../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import { dayOf } from '../../../contract/std/timestamp.ts';
import { ARCHIVE_COLUMNS } from '../../../contract/stream-source.ts';
import type { Value } from '../../../contract/value-type.ts';
import { commit } from '../../../project/delta/commit.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import type { TableState } from '../../../project/delta/table-state.ts';
import { fileValueSql } from '../../../project/engine/duckdb/committed-rows.ts';
import { checkpointIfDue } from '../../../project/engine/duckdb/delta-checkpoint.ts';
import { duckTypeOf, quoteName, valueFromDuck, valueToDuck } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';
import type { Logger } from '../../../contract/std/logger.ts';
import { materializerError } from '../../errors.ts';
import { BEGINNING } from '../source/stream-reader.ts';
import type { Position } from '../source/stream-reader.ts';
import type { Source } from '../../../contract/model.ts';
import { eventMaker } from '../decode/event-maker.ts';
import type { ReceivedEvent } from '../stream-event.ts';
import { archiveColumns, archiveEntry, lastArchived } from './archive-entry.ts';
import type { ArchiveFile } from './archive-entry.ts';

/** What `_op` says. */
const INSERT = 'insert';
const DELETE = 'delete';

interface ArchiveOptions {
  /** The table's folder, absolute. */
  readonly folder: string;
  readonly source: Source;
  readonly partition: number;
  readonly sourceId: string;
  readonly duck: DuckDb;
  readonly logger: Logger;
}

export class ArchiveTable {
  readonly #options: ArchiveOptions;
  #state: TableState | null;
  #events: ReceivedEvent[] = [];

  /** @throws REG_STORE when its log is damaged, MAT_STREAM_SOURCE when it is another topic's */
  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#state = readTable(options.folder);
    const last = lastArchived(this.#state, options.partition);
    if (last === null || last.sourceId === options.sourceId) return;
    throw materializerError(
      'MAT_STREAM_SOURCE',
      `the archive ${options.folder} holds messages of ${last.sourceId}, and the source is now ${options.sourceId}: ` +
        'the topic was made anew, and its offsets mean other messages',
      { file: options.folder, help: 'Give the source another archive.' },
    );
  }

  /** Where the archive ends: the source is read on from there. */
  get end(): Position {
    return lastArchived(this.#state, this.#options.partition)?.position ?? BEGINNING;
  }

  /** How far the partition had come in event time when it was last written. */
  get seenUs(): number {
    return lastArchived(this.#state, this.#options.partition)?.seenUs ?? 0;
  }

  /** How many messages wait for a commit. */
  get waiting(): number {
    return this.#events.length;
  }

  add(event: ReceivedEvent): void {
    this.#events.push(event);
  }

  /**
   * Commits what waits.
   * @param position  behind the last message that was read, archived or not
   * @throws MAT_LEASE when another stream has written the partition meanwhile; nothing is committed then
   */
  async commit(position: Position, seenUs: number, nowUs: number): Promise<void> {
    const { folder, source, partition, sourceId, duck, logger } = this.#options;
    const events = this.#events;
    const from = this.end.offset;
    if (position.offset === from && seenUs <= this.seenUs) return;
    const files: ArchiveFile[] = [];
    for (const [day, rows] of Map.groupBy(events, ({ appendedUs }) => dayOf(appendedUs)))
      files.push(await this.#write(day, rows, nowUs));
    const nowMs = Math.floor(nowUs / 1_000);
    const state = await commit({
      table: folder,
      seen: this.#state,
      actions: async (now) => {
        const end = lastArchived(now, partition)?.position.offset ?? 0;
        if (end !== from) throw partitionLost(folder, partition, end);
        const facts = { sourceId, partition, from, position, seenUs };
        return archiveEntry(now, {
          columns: archiveColumns(source.stream!),
          files,
          commit: facts,
          nowMs,
          folder,
        });
      },
    });
    this.#events = [];
    await checkpointIfDue({ duck, table: folder, state, logger, nowMs });
    this.#state = state;
  }

  async #write(day: string, events: readonly ReceivedEvent[], nowUs: number): Promise<ArchiveFile> {
    const { folder, source, partition, duck } = this.#options;
    const columns = archiveColumns(source.stream!);
    const types = columns.map(({ type }) => type);
    const define = columns.map(({ name, type }) => `${quoteName(name)} ${duckTypeOf(type)}`);
    await duck.run(`CREATE OR REPLACE TABLE archived (${define.join(', ')})`);
    await duck.append(
      'archived',
      events.map(({ values, offset, appendedUs, op }) => {
        const times = [BigInt(appendedUs), BigInt(nowUs)];
        const all: Value[] = [
          ...values,
          BigInt(partition),
          BigInt(offset),
          ...times,
          op === 1 ? INSERT : DELETE,
        ];
        return all.map((value, i) => valueToDuck(types[i]!, value));
      }),
    );
    const [firstOffset, lastOffset] = [events[0]!.offset, events.at(-1)!.offset];
    const name = `${firstOffset}-${lastOffset}.${randomBytes(4).toString('hex')}.parquet`;
    const path = join(`partition=${partition}`, `day=${day}`, name);
    const file = join(folder, path);
    const aside = join(folder, `partition=${partition}`, `day=${day}`, `_${name}.tmp`);
    makeFolder(join(file, '..'));
    const select = columns.map(({ name: column, type }) => {
      const value = fileValueSql(type, quoteName(column));
      return `${value} AS ${quoteName(column)}`;
    });
    await duck.run(
      `COPY (SELECT ${select.join(', ')} FROM archived ORDER BY ${ARCHIVE_COLUMNS.offset}) TO ${quoteTarget(aside)}
       (FORMAT parquet, COMPRESSION zstd); DROP TABLE archived`,
    );
    syncFile(aside);
    renameSync(aside, file);
    syncFolder(join(file, '..'));
    return { path, bytes: statSync(file).size, rows: events.length, firstOffset, lastOffset };
  }

  /** Yields the archived messages of the partition from an offset on, in their order. */
  async *read(fromOffset: number): AsyncGenerator<ReceivedEvent[]> {
    const { folder, source, partition, duck } = this.#options;
    const { fields } = source.stream!;
    const make = eventMaker(source);
    const own = `partition=${partition}/`;
    const paths = [...(this.#state?.files.keys() ?? [])].map(decodeURIComponent);
    const files = paths.filter((path) => path.startsWith(own) && lastOffsetOf(path) >= fromOffset);
    const sorted = files.toSorted((a, b) => lastOffsetOf(a) - lastOffsetOf(b));
    const { offset, appended: appendedAt, op } = ARCHIVE_COLUMNS;
    for (const file of sorted) {
      const from = `read_parquet(${quotePaths([join(folder, file)])}, hive_partitioning = false)`;
      const there = await duck.rows(`SELECT column_name AS name FROM (DESCRIBE SELECT * FROM ${from})`);
      const names = new Set(there.map(({ name }) => name as string));
      const columnsSql = fields.map(({ name, type }) =>
        names.has(name)
          ? `CAST(${timeSql(type.kind, quoteName(name))} AS ${duckTypeOf(type)})`
          : `NULL::${duckTypeOf(type)}`,
      );
      const select = [...columnsSql, offset, `epoch_us(${appendedAt})`, op];
      const sql = `SELECT ${select.join(', ')} FROM ${from} WHERE ${offset} >= ${fromOffset} ORDER BY ${offset}`;
      const width = fields.length;
      for await (const columns of duck.columnChunks(sql)) {
        yield columns[0]!.map((_, row): ReceivedEvent => {
          const values = fields.map(({ type }, i) => valueFromDuck(type, columns[i]![row]!));
          const sign = columns[width + 2]![row] === DELETE ? -1 : 1;
          const event = make(values, sign);
          // It was an event when it was archived: whoever writes into the table answers for it.
          if (typeof event === 'string')
            throw new Error(`a row of ${join(folder, file)} is no event: ${event}`);
          const [at, appended] = [Number(columns[width]![row]), Number(columns[width + 1]![row])];
          return { ...event, op: sign, offset: at, appendedUs: appended };
        });
      }
    }
  }
}

function timeSql(kind: string, sql: string): string {
  return kind === 'timestamp' ? `make_timestamp(epoch_us(${sql}))` : sql;
}

/** @returns the last offset of a file, as its name says it */
function lastOffsetOf(path: string): number {
  return Number(/(\d+)\.[0-9a-f]+\.parquet$/.exec(path)![1]);
}

function partitionLost(folder: string, partition: number, end: number): Error {
  return materializerError(
    'MAT_LEASE',
    `another stream has written partition ${partition} of ${folder} up to offset ${end}: this one has lost it`,
  );
}
