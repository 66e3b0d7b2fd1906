/**
 * The rows of a stored view as its source holds them, each file read by its own types (`exact-cast.ts`), and which of
 * them are bad: one rule for materialize, training and the replay.
 *
 * A bad row has a value that does not fit its type, a null key or one longer than an id may be, an event time that is
 * null, infinite or before 1970, a created time that is infinite or before 1970, or fails a check of its feature. It
 * is left out, counted and named; it never becomes another value, and the other rows are read all the same.
 */
import { withComputedColumns } from './computed-columns.ts';
import {
  always,
  columnsOf,
  isMicros,
  isNanos,
  misfitsOf,
  readColumn,
  readTime,
  reasonSql,
  whereGood,
} from './column-reading.ts';
import type { WantedColumn } from './column-reading.ts';
import type { Fault } from './row-fault.ts';
import { quoteName, quoteText } from '../duckdb.ts';
import type { Entity, Feature, FeatureView } from '../../../../contract/model.ts';
import type { FileColumn, FileGroup, ShownValues, SourceFiles } from './source-files.ts';
import { FILE_COLUMN, groupSql } from './source-files.ts';
import { formatDuration } from '../../../../contract/std/duration.ts';
import { isNumeric } from '../../../../contract/value-type.ts';
import type { SourceType } from './source-type.ts';
import type { ValueType } from '../../../../contract/value-type.ts';
import { MAX_ID_BYTES } from '../../../../contract/wire/online/entity-key.ts';

/** Columns beside those of the view; no join key and no feature can have such a name. */
export const REASON = '~reason';
/** Whether the view's `where` excludes a row; never NULL. */
export const EXCLUDED = '~excluded';
export const ROW_COLUMN = '~row';
/** Nanoseconds of event and created time past their microsecond; 0 where the source has none. */
export const EVENT_NS = '~event_ns';
export const CREATED_NS = '~created_ns';

/**
 * @returns a SELECT of the good rows: join keys, event_time and created_time (TIMESTAMP, UTC, microseconds), run_id and
 *          definition_id (null), the features, and where a file has nanoseconds EVENT_NS and CREATED_NS
 */
export function goodRowsSql(source: SourceFiles, view: FeatureView, entity: Entity): string {
  const nanos = hasNanos(source, view);
  const selects = withComputedColumns(source, view).groups.map((group) => {
    const reading = new GroupReading(group, view, entity);
    const good = whereGood(reading.faults(), group.excluded);
    return `SELECT ${reading.columns(nanos).join(', ')} FROM ${reading.from}${good}`;
  });
  return selects.join('\nUNION ALL ');
}

/**
 * @returns a SELECT of all rows with the columns of `goodRowsSql`, EXCLUDED, REASON (as text the first fault of a row
 *          that is not excluded, or NULL), FILE_COLUMN and ROW_COLUMN (the row's place in its file, from 1)
 */
export function rowsWithFaultsSql(source: SourceFiles, view: FeatureView, entity: Entity): string {
  const selects = withComputedColumns(source, view).groups.map((group) => {
    const reading = new GroupReading(group, view, entity);
    const origin = [`${quoteName(FILE_COLUMN)}`, `file_row_number + 1 AS ${quoteName(ROW_COLUMN)}`];
    const excluded = group.excluded ?? 'false';
    const reason = reasonSql(reading.faults());
    const columns = [
      ...reading.columns(true),
      `${excluded} AS ${quoteName(EXCLUDED)}`,
      `${group.excluded === null ? reason : `CASE WHEN NOT ${excluded} THEN ${reason} END`} AS ${quoteName(REASON)}`,
      ...origin,
    ];
    return `SELECT ${columns.join(', ')} FROM ${reading.from}`;
  });
  return selects.join('\nUNION ALL ');
}

/**
 * What the newest file lacks of a view, the last by name: a load that lost a column turns its features to nulls, while
 * files from before a feature was added lack it rightly.
 *
 * @returns one sentence a feature
 */
export function lostColumns(source: SourceFiles, view: FeatureView): string[] {
  const last = source.groups.flatMap(({ files }) => files.at(-1)!).reduce((a, b) => (a > b ? a : b));
  const group = source.groups.find(({ files }) => files.includes(last))!;
  return view.features.flatMap((feature) => {
    const { column } = wantedOf(feature);
    if (columnsOf(group, column).length > 0) return [];
    if (source.groups.every((other) => columnsOf(other, column).length === 0)) return [];
    return [`${last} has no column ${column}, which other files have: ${feature.name} is null there`];
  });
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
    const times = [
      `${readTime(this.#group, eventTime)} AS event_time`,
      `${readTime(this.#group, createdTime)} AS created_time`,
    ];
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
    const faults = [...this.#group.faults];
    for (const wanted of [...this.#keys(), ...this.#features()])
      faults.push(...misfitsOf(this.#group, wanted));
    for (const key of this.#keys()) faults.push(...this.#keyFaults(key));
    faults.push(...this.#timeFaults(eventTime, 'event'));
    if (createdTime !== null)
      faults.push(...this.#timeFaults(createdTime, 'created'), ...this.#aheadFaults());
    for (const feature of this.#view.features) {
      faults.push(...checkFaults(feature, readColumn(this.#group, wantedOf(feature)).sql));
    }
    return faults;
  }

  #keys(): WantedColumn[] {
    return this.#entity.joinKeys.map(({ name, type }) => ({ name, column: name, type: { kind: type } }));
  }

  #features(): WantedColumn[] {
    return this.#view.features.map(wantedOf);
  }

  #cast(wanted: WantedColumn): string {
    return `${readColumn(this.#group, wanted).sql} AS ${quoteName(wanted.name)}`;
  }

  #keyFaults(key: WantedColumn): Fault[] {
    if (columnsOf(this.#group, key.column).length === 0)
      return [always(`its file has no join key ${key.column}`)];
    const { sql } = readColumn(this.#group, key);
    const faults: Fault[] = [];
    // A null in the file, or one that a value became: that is a misfit.
    if (this.#shown(key.column)?.noNull !== true)
      faults.push(faultOf(`${sql} IS NULL`, `${sql} IS NOT NULL`, `join key ${key.name} is null`));
    if (key.type.kind === 'string') {
      const reason = `join key ${key.name} is longer than ${MAX_ID_BYTES} bytes`;
      faults.push(faultOf(`strlen(${sql}) > ${MAX_ID_BYTES}`, `strlen(${sql}) <= ${MAX_ID_BYTES}`, reason));
    }
    return faults;
  }

  /** What the footers show of a column that is read as it stands in the files: not of one that an expression makes. */
  #shown(column: string): ShownValues | undefined {
    const found = columnsOf(this.#group, column);
    const isOwn = found.length === 1 && found[0]!.sql === quoteName(found[0]!.name);
    return isOwn ? this.#group.shown.get(column.toLowerCase()) : undefined;
  }

  #nanos(column: string | null): string {
    const found = column === null ? [] : columnsOf(this.#group, column);
    if (found.length !== 1 || !isNanos(found[0]!.type)) return '0::SMALLINT';
    return `CAST(epoch_ns(${found[0]!.sql}) % 1000 AS SMALLINT)`;
  }

  /** By the row's own times; without a created time the run's start decides (materializer/online/latest-rows.ts). */
  #aheadFaults(): Fault[] {
    const { eventTime, createdTime, maxAheadUs } = this.#view.source;
    if (maxAheadUs === null || createdTime === null) return [];
    const [event, created] = [eventTime, createdTime].map((name) => readTime(this.#group, name));
    const ahead = `epoch_us(${event}) - epoch_us(${created}) > ${maxAheadUs}`;
    const reason = aheadReason(maxAheadUs, createdTime);
    return [faultOf(`coalesce(${ahead}, false)`, `coalesce(NOT ${ahead}, true)`, reason)];
  }

  #timeFaults(column: string, what: 'event' | 'created'): Fault[] {
    const found = columnsOf(this.#group, column);
    const shown = this.#shown(column);
    const isTime = found.length === 1 && isInstant(found[0]!.type);
    if (isTime && shown?.onlyTimes === true && (shown.noNull || what === 'created')) return [];
    if (found.length === 0) return what === 'event' ? [always(`its file has no event time ${column}`)] : [];
    const time = readTime(this.#group, column);
    const [{ sql: raw, type }] = found as [FileColumn];
    // Microseconds are read as they are, infinity with them; of other types infinity is a misfit.
    const micros = isMicros(type) && found.length === 1;
    const faults = micros
      ? []
      : misfitsOf(this.#group, { name: `${what} time ${column}`, column, type: TIME });
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

/**
 * @param than  what a row's event time is compared with: a column, or the run
 * @returns     why a row is bad whose event time lies further ahead than the source allows
 */
export function aheadReason(maxAheadUs: number, than: string): string {
  return `event time is more than ${formatDuration(maxAheadUs)} ahead of ${than}: a wrong clock wrote it`;
}

/** Whether the least and the greatest value in a footer are the times that are read. */
function isInstant(type: SourceType): boolean {
  return type.kind === 'scalar' && (type.name === 'TIMESTAMP' || type.name === 'TIMESTAMP WITH TIME ZONE');
}

const TIME: ValueType = { kind: 'timestamp' };
const START = "TIMESTAMP '1970-01-01'";
const END = "TIMESTAMP 'infinity'";

function wantedOf(feature: Feature): WantedColumn {
  return { name: feature.name, column: feature.column ?? feature.name, type: feature.type };
}

function faultOf(bad: string, good: string, reason: string): Fault {
  return { bad, good, reason: quoteText(reason) };
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
