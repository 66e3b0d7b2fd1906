/**
 * The archive of a source's partition as the stream writes it and reads it again.
 *
 * Events are held by DuckDB until a commit. A stream that dies in between reads them again from where the archive
 * ends: the source has them, since its offset there follows the archive.
 *
 *   add ... add -> commit: file aside, synced, in its place -> the entry, which counts only behind the last one
 */
import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { ARCHIVE_COLUMNS, hasChanges } from '../../../contract/stream-source.ts';
import { commit } from '../../../project/delta/commit.ts';
import type { Folder } from '../../../project/storage/folder.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import type { TableState } from '../../../project/delta/table-state.ts';
import { checkpointIfDue } from '../../../project/engine/duckdb/delta-checkpoint.ts';
import { openHistoryStorage } from '../../../project/engine/duckdb/object-storage.ts';
import { duckTypeOf, quoteName, quoteText, valueFromDuck } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import type { Logger } from '../../../contract/std/logger.ts';
import { materializerError } from '../../errors.ts';
import { BEGINNING } from '../source/stream-reader.ts';
import type { Position } from '../source/stream-reader.ts';
import type { Source } from '../../../contract/model.ts';
import { eventMaker } from '../decode/event-maker.ts';
import type { ReceivedEvent } from '../stream-event.ts';
import {
  archiveColumns,
  archiveEntry,
  lastArchived,
  mayHoldTimes,
  partitionsArchived,
} from './archive-entry.ts';
import type { ArchiveFile } from './archive-entry.ts';
import { WaitingEvents } from './waiting-events.ts';
import type { WaitingDay } from './waiting-events.ts';

/** What `_op` says of an event that takes back another. */
const DELETE = 'delete';

interface ArchiveOptions {
  readonly folder: Folder;
  readonly source: Source;
  readonly partition: number;
  /** How many the source has. */
  readonly partitions: number;
  readonly sourceId: string;
  /** Whether the source may have more partitions than when the archive was last written. */
  readonly mayGrow?: boolean;
  /** Throws where another may have the partition. */
  readonly hold: () => Promise<void>;
  readonly duck: DuckDb;
  readonly logger: Logger;
}

/** Which messages are wanted; null: whatever theirs is. */
interface WantedRows {
  /** Of event time. */
  readonly ranges: readonly { readonly fromUs: number; readonly beforeUs: number }[] | null;
  /** Those of a field with one of these texts. */
  readonly keys: { readonly field: string; readonly texts: readonly string[] } | null;
}

const ALL: WantedRows = { ranges: null, keys: null };

export class ArchiveTable {
  readonly #options: ArchiveOptions;
  #state: TableState | null;
  #waiting: WaitingEvents | null = null;

  private constructor(options: ArchiveOptions, state: TableState | null) {
    this.#options = options;
    this.#state = state;
  }

  /** @throws REG_STORE when its log is damaged, MAT_STREAM_SOURCE when it is another topic's */
  static async open(options: ArchiveOptions): Promise<ArchiveTable> {
    const { folder, partition, sourceId } = options;
    const state = await readTable(folder);
    const last = lastArchived(state, partition);
    const partitions = partitionsArchived(state) ?? options.partitions;
    if (last === null || last.sourceId === sourceId) {
      const hasGrown = options.mayGrow === true && partitions < options.partitions;
      if (partitions === options.partitions || hasGrown) return new ArchiveTable(options, state);
      throw sharedOtherwise(options, partitions);
    }
    throw materializerError(
      'MAT_STREAM_SOURCE',
      `the archive ${folder.path} holds messages of ${last.sourceId}, and the source is now ${sourceId}: ` +
        'the topic was made anew, and its offsets mean other messages',
      { file: folder.path, help: 'Give the source another archive.' },
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
    return this.#waiting?.rows ?? 0;
  }

  /** To be called before the first event is added. */
  async begin(): Promise<void> {
    const { duck, source, partition } = this.#options;
    this.#waiting = await WaitingEvents.open(duck, source.stream!, `waiting_${partition}`);
  }

  add(event: ReceivedEvent): void {
    this.#waiting!.add(event);
  }

  /**
   * Commits what waits.
   * @param position  behind the last message that was read, archived or not
   * @throws MAT_LEASE when another stream has written the partition meanwhile; nothing is committed then
   */
  async commit(position: Position, seenUs: number, nowUs: number): Promise<void> {
    const { folder, source, partition, partitions, sourceId, hold, duck, logger } = this.#options;
    const waiting = this.#waiting!;
    const from = this.end.offset;
    if (position.offset === from && seenUs <= this.seenUs) return;
    const files: ArchiveFile[] = [];
    if (waiting.rows > 0)
      for (const day of waiting.days()) files.push(await this.#write(waiting, day, nowUs));
    const nowMs = Math.floor(nowUs / 1_000);
    const state = await commit({
      table: folder,
      seen: this.#state,
      actions: async (now) => {
        await hold();
        const end = lastArchived(now, partition)?.position.offset ?? 0;
        if (end !== from) throw partitionLost(folder.path, partition, end);
        const facts = { sourceId, partition, partitions, from, position, seenUs };
        return archiveEntry(now, {
          columns: archiveColumns(source.stream!),
          files,
          eventTime: source.eventTime,
          commit: facts,
          nowMs,
          folder: folder.path,
        });
      },
    });
    await checkpointIfDue({ duck, table: folder, state, logger, nowMs });
    this.#state = state;
    if (waiting.rows > 0) await this.begin();
  }

  async #write(waiting: WaitingEvents, day: WaitingDay, nowUs: number): Promise<ArchiveFile> {
    const { first, last, rows, firstUs, lastUs } = day;
    const { folder, partition, duck } = this.#options;
    const name = `${first}-${last}.${randomBytes(4).toString('hex')}.parquet`;
    const place = `partition=${partition}/day=${formatTimestamp(day.fromUs).slice(0, 10)}`;
    const path = `${place}/${name}`;
    const aside = folder.asideOf(`${place}/_${name}`);
    const select = waiting.select(day, { names: ARCHIVE_COLUMNS, partition, archivedUs: nowUs });
    try {
      await duck.run(`COPY (${select}) TO ${quoteTarget(aside)} (FORMAT parquet, COMPRESSION zstd)`);
      const bytes = statSync(aside).size;
      await folder.bring([{ from: aside, to: path }]);
      return { path, bytes, rows, firstUs, lastUs, firstOffset: first, lastOffset: last };
    } finally {
      rmSync(aside, { force: true });
    }
  }

  /**
   * Yields the archived messages of the partition from an offset on, in their order.
   * @param wanted  where only some are: at least those are among them
   */
  async *read(fromOffset: number, wanted: WantedRows = ALL): AsyncGenerator<ReceivedEvent[]> {
    const { folder, partition, duck } = this.#options;
    await openHistoryStorage(duck, folder);
    const own = `partition=${partition}/`;
    const all = [...(this.#state?.files.values() ?? [])];
    const mayHold = (stats: string | undefined): boolean =>
      wanted.ranges === null || mayHoldTimes(stats, this.#options.source.eventTime, wanted.ranges);
    const paths = all.flatMap(({ path, stats }) => (mayHold(stats) ? [decodeURIComponent(path)] : []));
    const files = paths.filter((path) => path.startsWith(own) && lastOffsetOf(path) >= fromOffset);
    for (const file of files.toSorted((a, b) => lastOffsetOf(a) - lastOffsetOf(b))) {
      const from = `read_parquet(${quotePaths([folder.fileOf(file)])}, hive_partitioning = false)`;
      yield* this.#eventsIn(from, fromOffset, wanted);
    }
  }

  /** As `read`, and then those that wait for a commit. */
  async *readAll(fromOffset: number, wanted: WantedRows): AsyncGenerator<ReceivedEvent[]> {
    yield* this.read(fromOffset, wanted);
    if (this.waiting === 0) return;
    const { partition } = this.#options;
    const named = { names: ARCHIVE_COLUMNS, partition, archivedUs: 0 };
    yield* this.#eventsIn(`(${await this.#waiting!.asTheyAre(named)})`, fromOffset, wanted);
  }

  /** @param from  a FROM item with columns as the archive's files have them */
  async *#eventsIn(
    from: string,
    fromOffset: number,
    { ranges, keys }: WantedRows,
  ): AsyncGenerator<ReceivedEvent[]> {
    const { source, duck } = this.#options;
    const { fields } = source.stream!;
    const make = eventMaker(source);
    const { offset, appended: appendedAt, op, change } = ARCHIVE_COLUMNS;
    const there = await duck.rows(`SELECT column_name AS name FROM (DESCRIBE SELECT * FROM ${from})`);
    const names = new Set(there.map(({ name }) => name as string));
    const columnsSql = fields.map(({ name, type }) =>
      names.has(name)
        ? `CAST(${timeSql(type.kind, quoteName(name))} AS ${duckTypeOf(type)})`
        : `NULL::${duckTypeOf(type)}`,
    );
    const conditions = [`${offset} >= ${fromOffset}`];
    if (ranges !== null) {
      const time = `epoch_us(${quoteName(source.eventTime)})`;
      const within = ranges.map(({ fromUs, beforeUs }) => `${time} >= ${fromUs} AND ${time} < ${beforeUs}`);
      conditions.push(`(${within.join(' OR ')})`);
    }
    if (keys !== null && names.has(keys.field))
      conditions.push(
        `CAST(${quoteName(keys.field)} AS VARCHAR) IN (${keys.texts.map(quoteText).join(', ')})`,
      );
    const select = [...columnsSql, offset, `epoch_us(${appendedAt})`, op];
    select.push(names.has(change) ? change : 'NULL::VARCHAR');
    const sql = `SELECT ${select.join(', ')} FROM ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${offset}`;
    const width = fields.length;
    const byChange = hasChanges(source.stream!);
    for await (const columns of duck.columnChunks(sql)) {
      yield columns[0]!.map((_, row): ReceivedEvent => {
        const values = fields.map(({ type }, i) => valueFromDuck(type, columns[i]![row]!));
        const sign = columns[width + 2]![row] === DELETE ? -1 : 1;
        const event = make(values, sign);
        // It was an event when it was archived: whoever writes into the table answers for it.
        if (typeof event === 'string') throw new Error(`a row of ${from} is no event: ${event}`);
        const [at, appended] = [Number(columns[width]![row]), Number(columns[width + 1]![row])];
        const id = byChange ? (columns[width + 3]![row] as string | null) : event.id;
        return { ...event, id, op: sign, offset: at, appendedUs: appended };
      });
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

function sharedOtherwise({ folder, source, partitions }: ArchiveOptions, before: number): Error {
  return materializerError(
    'MAT_STREAM_SOURCE',
    `the archive ${folder.path} is of ${before} partitions, and ${source.name} has ${partitions} by now: entities may have ` +
      'moved from one to another',
    {
      file: folder.path,
      help:
        'Rows can be made of the tiles of all partitions: `plumb stream --make-tiles` and `plumb stream --tiles TOPIC` ' +
        '(docs/streams.md, "Entities in any partition").',
    },
  );
}

function partitionLost(folder: string, partition: number, end: number): Error {
  return materializerError(
    'MAT_LEASE',
    `another stream has written partition ${partition} of ${folder} up to offset ${end}: this one has lost it`,
  );
}
