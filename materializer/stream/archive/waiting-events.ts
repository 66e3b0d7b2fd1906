/**
 * Events of a partition that wait for a commit: in a table of DuckDB, to which they go in chunks of columns, so that
 * none of them grows old in the memory of this process.
 */
import { hasChanges } from '../../../contract/stream-source.ts';
import type { StreamField, StreamSource } from '../../../contract/stream-source.ts';
import { DAY_US } from '../../../contract/std/timestamp.ts';
import { fileValueSql } from '../../../project/engine/duckdb/committed-rows.ts';
import { pageOf, pageTypeOf, quoteName } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, TableFilling } from '../../../project/engine/duckdb/duckdb.ts';
import type { ValuePage } from '../../../project/engine/duckdb/value-page.ts';
import type { ReceivedEvent } from '../stream-event.ts';

/** Columns behind those of the fields. */
const OFFSET = 'at_offset';
const APPENDED = 'appended_us';
const COUNTS = 'counts';
/** Of a source of changes alone. */
const CHANGE = 'change_id';
const TEXT = { kind: 'string' } as const;
const DOUBLE = { kind: 'float64' } as const;
const BOOL = { kind: 'bool' } as const;

export class WaitingEvents {
  readonly #duck: DuckDb;
  readonly #fields: readonly StreamField[];
  readonly #hasChanges: boolean;
  readonly #table: string;
  #filling: TableFilling;
  readonly #page: ValuePage;
  /** By the start of the day. */
  readonly #days = new Map<number, DayFacts>();
  #day: DayFacts | null = null;
  #rows = 0;

  private constructor(duck: DuckDb, stream: StreamSource, table: string, filling: TableFilling) {
    this.#duck = duck;
    this.#fields = stream.fields;
    this.#hasChanges = hasChanges(stream);
    this.#table = table;
    this.#filling = filling;
    const own = [DOUBLE, DOUBLE, BOOL, ...(this.#hasChanges ? [TEXT] : [])];
    this.#page = pageOf([...stream.fields.map(({ type }) => type), ...own]);
  }

  /** @param table  a name that no other partition's events have */
  static async open(duck: DuckDb, stream: StreamSource, table: string): Promise<WaitingEvents> {
    const columns = stream.fields.map(({ type }, i) => `c${i} ${pageTypeOf(type)}`);
    // A double holds an offset and a time to the microsecond; a bigint would be one more object an event.
    const own = [`${OFFSET} DOUBLE`, `${APPENDED} DOUBLE`, `${COUNTS} BOOLEAN`];
    if (hasChanges(stream)) own.push(`${CHANGE} VARCHAR`);
    await duck.run(`CREATE OR REPLACE TABLE ${table} (${[...columns, ...own].join(', ')})`);
    return new WaitingEvents(duck, stream, table, await duck.filling(table));
  }

  /** How many they are. */
  get rows(): number {
    return this.#rows;
  }

  /** @param event  of an offset no less than those before */
  add(event: ReceivedEvent): void {
    const { values, offset, appendedUs, op, id } = event;
    this.#count(event);
    const page = this.#page;
    const width = this.#fields.length;
    for (let i = 0; i < width; i++) page.set(i, values[i]!);
    page.set(width, offset);
    page.set(width + 1, appendedUs);
    page.set(width + 2, op === 1);
    if (this.#hasChanges) page.set(width + 3, id);
    page.endRow();
    this.#rows += 1;
    if (page.isFull) this.#filling.addPage(page);
  }

  /** @returns a SELECT of those that were added so far, as the archive will hold them */
  async asTheyAre(named: ArchiveNames): Promise<string> {
    this.#filling.addPage(this.#page);
    // What an appender holds is not seen before it is closed.
    this.#filling.close();
    this.#filling = await this.#duck.filling(this.#table);
    return this.#selectAll(named);
  }

  #count({ offset, appendedUs, eventUs }: ReceivedEvent): void {
    let day = this.#day;
    if (day === null || appendedUs < day.fromUs || appendedUs >= day.fromUs + DAY_US) {
      const fromUs = Math.floor(appendedUs / DAY_US) * DAY_US;
      day = this.#days.get(fromUs) ?? {
        fromUs,
        first: offset,
        last: offset,
        rows: 0,
        firstUs: eventUs,
        lastUs: eventUs,
      };
      this.#days.set(fromUs, day);
      this.#day = day;
    }
    day.rows += 1;
    day.last = offset;
    if (eventUs < day.firstUs) day.firstUs = eventUs;
    else if (eventUs > day.lastUs) day.lastUs = eventUs;
  }

  /** No event comes to them from then on. @returns the days on which they were appended */
  days(): WaitingDay[] {
    this.#filling.addPage(this.#page);
    this.#filling.close();
    return [...this.#days.values()].toSorted((a, b) => a.fromUs - b.fromUs);
  }

  /**
   * To be called after `days`.
   * @param named  the columns' names in the archive, with SQL of those that are the same for all
   * @returns      a SELECT of the events of a day as the archive holds them, in the order of their offsets
   */
  select({ fromUs }: WaitingDay, named: ArchiveNames): string {
    const ofDay = `WHERE ${APPENDED} >= ${fromUs} AND ${APPENDED} < ${fromUs + DAY_US}`;
    return `${this.#selectAll(named)} ${this.#days.size === 1 ? '' : ofDay} ORDER BY ${OFFSET}`;
  }

  #selectAll(named: ArchiveNames): string {
    const fields = this.#fields.map(({ name, type }, i) => {
      const value = type.kind === 'timestamp' ? `make_timestamptz(c${i})` : fileValueSql(type, `c${i}`);
      return `${value} AS ${quoteName(name)}`;
    });
    const own = [
      `${named.partition}::BIGINT AS ${named.names.partition}`,
      `${OFFSET}::BIGINT AS ${named.names.offset}`,
      `make_timestamptz(${APPENDED}::BIGINT) AS ${named.names.appended}`,
      `make_timestamptz(${named.archivedUs}) AS ${named.names.archived}`,
      `CASE WHEN ${COUNTS} THEN 'insert' ELSE 'delete' END AS ${named.names.op}`,
      ...(this.#hasChanges ? [`${CHANGE} AS ${named.names.change}`] : []),
    ];
    return `SELECT ${[...fields, ...own].join(', ')} FROM ${this.#table}`;
  }
}

/** The events of a day of their append time, UTC. */
export interface WaitingDay {
  /** When it begins, microseconds. */
  readonly fromUs: number;
  /** Offsets. */
  readonly first: number;
  readonly last: number;
  readonly rows: number;
  /** Event times. */
  readonly firstUs: number;
  readonly lastUs: number;
}

type DayFacts = { -readonly [name in keyof WaitingDay]: WaitingDay[name] };

/** What the archive calls its own columns, and what is the same for all events of a commit. */
interface ArchiveNames {
  readonly names: Readonly<
    Record<'partition' | 'offset' | 'appended' | 'archived' | 'op' | 'change', string>
  >;
  readonly partition: number;
  readonly archivedUs: number;
}
