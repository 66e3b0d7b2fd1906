/**
 * The rows of a stored view as its source holds them, each file read by its own types (`exact-cast.ts`), and which of
 * them are bad: one rule for materialize, training and the replay.
 *
 * A bad row has a value that does not fit its type, a null key or one longer than an id may be, an event time that is
 * null, infinite or before 1970, a created time that is infinite or before 1970, or fails a check of its feature. It
 * is left out, counted and named; it never stands for another value, and never stops who reads the others.
 */
import { duckTypeOf, quoteName, quoteText } from './duckdb.ts';
import { exactCast } from './exact-cast.ts';
import type { Entity, Feature, FeatureView } from './model.ts';
import type { FileColumn, FileGroup, SourceFiles } from './source-files.ts';
import { FILE_COLUMN, groupSql } from './source-files.ts';
import { formatSourceType } from './source-type.ts';
import type { SourceType } from './source-type.ts';
import { formatType, isNumeric } from './value-type.ts';
import type { ValueType } from './value-type.ts';
import { MAX_ID_BYTES } from './wire/entity-key.ts';

/** Columns beside those of the view; no join key and no feature can have such a name. */
export const REASON = '~reason';
export const ROW_COLUMN = '~row';
/** Nanoseconds of event and created time past their microsecond; 0 where the source has none. */
export const EVENT_NS = '~event_ns';
export const CREATED_NS = '~created_ns';

/** A fault of a row: SQL that is true of a bad one, SQL that is true of every other, and the reason as SQL of a text. */
export interface Fault {
  readonly bad: string;
  readonly good: string;
  readonly reason: string;
}

/** A column of the view: what it is in a file, and what it is made into. */
interface Wanted {
  readonly name: string;
  readonly column: string;
  readonly type: ValueType;
}

/**
 * @returns a SELECT of the good rows: join keys, event_time and created_time (TIMESTAMP, UTC, microseconds), run_id and
 *          definition_id (null), the features, and where a file has nanoseconds EVENT_NS and CREATED_NS
 */
export function goodRowsSql(source: SourceFiles, view: FeatureView, entity: Entity): string {
  const nanos = hasNanos(source, view);
  const selects = source.groups.map((group) => {
    const reading = new GroupReading(group, view, entity);
    return `SELECT ${reading.columns(nanos).join(', ')} FROM ${reading.from}${whereGood(reading.faults())}`;
  });
  return selects.join('\nUNION ALL ');
}

/**
 * @returns a SELECT of all rows with the columns of `goodRowsSql`, REASON (the first fault of a row as a text, or NULL),
 *          FILE_COLUMN and ROW_COLUMN (the row's place in its file, from 1)
 */
export function judgedRowsSql(source: SourceFiles, view: FeatureView, entity: Entity): string {
  const selects = source.groups.map((group) => {
    const reading = new GroupReading(group, view, entity);
    const origin = [`${quoteName(FILE_COLUMN)}`, `file_row_number + 1 AS ${quoteName(ROW_COLUMN)}`];
    const columns = [
      ...reading.columns(true),
      `${reasonSql(reading.faults())} AS ${quoteName(REASON)}`,
      ...origin,
    ];
    return `SELECT ${columns.join(', ')} FROM ${reading.from}`;
  });
  return selects.join('\nUNION ALL ');
}

/** @returns the WHERE clause that keeps the rows without a fault, or nothing */
export function whereGood(faults: readonly Fault[]): string {
  return faults.length === 0 ? '' : ` WHERE ${faults.map((fault) => fault.good).join(' AND ')}`;
}

/** @returns SQL of the reason of a row's first fault, or NULL */
export function reasonSql(faults: readonly Fault[]): string {
  if (faults.length === 0) return 'NULL::VARCHAR';
  return `CASE ${faults.map(({ bad, reason }) => `WHEN ${bad} THEN ${reason}`).join('\n  ')} END`;
}

/** @returns SQL of what a reason says without the value that is at fault, to count by */
export function reasonKindSql(reason: string): string {
  return `split_part(${reason}, ', got ', 1)`;
}

/** Whether a time column of a file counts nanoseconds, so that rows may differ within a microsecond. */
export function hasNanos(source: SourceFiles, view: FeatureView): boolean {
  const { eventTime, createdTime } = view.source;
  return source.groups.some((group) =>
    [eventTime, createdTime].some(
      (name) => name !== null && group.columns.get(name.toLowerCase())?.some((c) => isNanos(c.type)),
    ),
  );
}

function isNanos(type: SourceType): boolean {
  return type.kind === 'scalar' && type.name === 'TIMESTAMP_NS';
}

/** How one group of files is read. */
class GroupReading {
  readonly from: string;
  readonly #group: FileGroup;
  readonly #view: FeatureView;
  readonly #entity: Entity;

  constructor(group: FileGroup, view: FeatureView, entity: Entity) {
    this.from = groupSql(group);
    this.#group = group;
    this.#view = view;
    this.#entity = entity;
  }

  columns(nanos: boolean): string[] {
    const { eventTime, createdTime } = this.#view.source;
    const times = [`${this.#time(eventTime)} AS event_time`, `${this.#time(createdTime)} AS created_time`];
    const ns = [
      `${this.#nanos(eventTime)} AS ${quoteName(EVENT_NS)}`,
      `${this.#nanos(createdTime)} AS ${quoteName(CREATED_NS)}`,
    ];
    return [
      ...this.#keys().map((key) => this.#cast(key)),
      ...times,
      'NULL::VARCHAR AS run_id',
      'NULL::UINTEGER AS definition_id',
      ...this.#features().map((feature) => this.#cast(feature)),
      ...(nanos ? ns : []),
    ];
  }

  faults(): Fault[] {
    const { eventTime, createdTime } = this.#view.source;
    const faults = [...this.#keys(), ...this.#features()].flatMap((wanted) => this.#misfit(wanted));
    for (const key of this.#keys()) faults.push(...this.#keyFaults(key));
    faults.push(...this.#timeFaults(eventTime, 'event'));
    if (createdTime !== null) faults.push(...this.#timeFaults(createdTime, 'created'));
    for (const feature of this.#view.features) {
      faults.push(...checkFaults(feature, this.#read(wantedOf(feature)).sql));
    }
    return faults;
  }

  #keys(): Wanted[] {
    return this.#entity.joinKeys.map(({ name, type }) => ({ name, column: name, type: { kind: type } }));
  }

  #features(): Wanted[] {
    return this.#view.features.map(wantedOf);
  }

  /** The columns of a name; two where they differ only in case, and then no one knows which is meant. */
  #found(column: string): readonly FileColumn[] {
    return this.#group.columns.get(column.toLowerCase()) ?? [];
  }

  #read({ column, type }: Wanted): { sql: string; fit: 'all' | 'some' | 'none' } {
    const found = this.#found(column);
    if (found.length !== 1) return { sql: `NULL::${duckTypeOf(type)}`, fit: 'all' };
    return exactCast(found[0]!.type, type, found[0]!.sql);
  }

  #cast(wanted: Wanted): string {
    return `${this.#read(wanted).sql} AS ${quoteName(wanted.name)}`;
  }

  #misfit(wanted: Wanted): Fault[] {
    const { name, column, type } = wanted;
    const found = this.#found(column);
    if (found.length > 1) {
      const names = found.map((c) => `"${c.name}"`).join(' and ');
      return [
        always(`${name} should be ${formatType(type)}, but its file has ${names}, one name to an engine`),
      ];
    }
    const { sql, fit } = this.#read(wanted);
    if (found.length === 0 || fit === 'all') return [];
    const raw = found[0]!.sql;
    const head = quoteText(`${name} should be ${formatType(type)}, got `);
    const tail = quoteText(` (${formatSourceType(found[0]!.type)})`);
    return [
      {
        bad: fit === 'none' ? `${raw} IS NOT NULL` : `(${raw} IS NOT NULL AND ${sql} IS NULL)`,
        good: fit === 'none' ? `${raw} IS NULL` : `(${raw} IS NULL OR ${sql} IS NOT NULL)`,
        reason: `${head} || left(CAST(${raw} AS VARCHAR), 80) || ${tail}`,
      },
    ];
  }

  #keyFaults(key: Wanted): Fault[] {
    if (this.#found(key.column).length === 0) return [always(`its file has no join key ${key.column}`)];
    const { sql } = this.#read(key);
    const faults = [faultOf(`${sql} IS NULL`, `${sql} IS NOT NULL`, `join key ${key.name} is null`)];
    if (key.type.kind === 'string') {
      const reason = `join key ${key.name} is longer than ${MAX_ID_BYTES} bytes`;
      faults.push(faultOf(`strlen(${sql}) > ${MAX_ID_BYTES}`, `strlen(${sql}) <= ${MAX_ID_BYTES}`, reason));
    }
    return faults;
  }

  /** TIMESTAMP; NULL where it is null, infinite or no time. */
  #time(column: string | null): string {
    if (column === null) return 'NULL::TIMESTAMP';
    const [found] = this.#found(column);
    // Bare where it can be: a filter on it then reaches the statistics of the file.
    if (found !== undefined && isMicros(found.type)) return found.sql;
    return this.#read({ name: column, column, type: { kind: 'timestamp' } }).sql;
  }

  #nanos(column: string | null): string {
    const found = column === null ? [] : this.#found(column);
    if (found.length !== 1 || !isNanos(found[0]!.type)) return '0::SMALLINT';
    return `CAST(epoch_ns(${found[0]!.sql}) % 1000 AS SMALLINT)`;
  }

  #timeFaults(column: string, what: 'event' | 'created'): Fault[] {
    const found = this.#found(column);
    if (found.length === 0) return what === 'event' ? [always(`its file has no event time ${column}`)] : [];
    const time = this.#time(column);
    const [{ sql: raw, type }] = found as [FileColumn];
    // Microseconds are read as they are, infinity with them; of other types infinity is a misfit.
    const micros = isMicros(type) && found.length === 1;
    const faults = micros ? [] : this.#misfit({ name: `${what} time ${column}`, column, type: TIME });
    const early = faultOf(`${time} < ${START}`, `${time} >= ${START}`, `${what} time is before 1970`);
    if (what === 'event') {
      const none = micros ? `${raw} IS NULL OR NOT isfinite(${raw})` : `${raw} IS NULL`;
      const there = micros ? `${raw} < ${END}` : `${raw} IS NOT NULL`;
      return [...faults, faultOf(none, there, 'event time is null or infinite'), early];
    }
    const infinite = faultOf(`NOT isfinite(${time})`, `${time} < ${END}`, 'created time is infinite');
    const orNull = (f: Fault): Fault => ({ ...f, good: `(${time} IS NULL OR ${f.good})` });
    return [...faults, ...(micros ? [orNull(infinite)] : []), orNull(early)];
  }
}

const TIME: ValueType = { kind: 'timestamp' };
const START = "TIMESTAMP '1970-01-01'";
const END = "TIMESTAMP 'infinity'";

function isMicros(type: SourceType): boolean {
  return type.kind === 'scalar' && type.name === 'TIMESTAMP';
}

function wantedOf(feature: Feature): Wanted {
  return { name: feature.name, column: feature.column ?? feature.name, type: feature.type };
}

function faultOf(bad: string, good: string, reason: string): Fault {
  return { bad, good, reason: quoteText(reason) };
}

/** Every row of the group is bad. */
function always(reason: string): Fault {
  return faultOf('true', 'false', reason);
}

/**
 * A NaN is a value like any other, unless the feature has a range: it lies in none.
 *
 * @param sql  of the value, in the feature's type
 */
export function checkFaults({ name, type, checks }: Feature, sql: string): Fault[] {
  if (checks === null || !isNumeric(type)) return [];
  const faults: Fault[] = [];
  const add = (bad: string, reason: string): void => {
    faults.push({ bad, good: `coalesce(NOT ${bad}, true)`, reason: quoteText(`${name} ${reason}`) });
  };
  if ((checks.min !== null || checks.max !== null) && type.kind.startsWith('float')) {
    add(`isnan(${sql})`, 'is NaN and has a range');
  }
  if (checks.min !== null) add(`(${sql} < ${checks.min}::DOUBLE)`, `is below its minimum ${checks.min}`);
  if (checks.max !== null) add(`(${sql} > ${checks.max}::DOUBLE)`, `is above its maximum ${checks.max}`);
  return faults;
}
