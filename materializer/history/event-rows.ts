/**
 * The raw events of an aggregated view as a FROM item, each file read by its own types: the rule of stored rows
 * (project/engine/duckdb/sources/exact-cast.ts) for the columns that the view reads.
 *
 * Where all files hold the same types, and every value of them fits, it is the files themselves: nothing is cast or
 * checked that need not be, and filters reach their statistics.
 */
import {
  columnsOf,
  isMicros,
  misfitsOf,
  readColumn,
  readTime,
  reasonSql,
} from '../../project/engine/duckdb/sources/column-reading.ts';
import type { WantedColumn } from '../../project/engine/duckdb/sources/column-reading.ts';
import { withComputedColumns } from '../../project/engine/duckdb/sources/computed-columns.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { hasExpressions } from '../../project/engine/duckdb/sources/row-expressions.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { EXCLUDED } from '../../project/engine/duckdb/sources/stored-rows.ts';
import { FILE_COLUMN, groupSql } from '../../project/engine/duckdb/sources/source-files.ts';
import type { FileGroup, SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import type { StreamSource } from '../../contract/stream-source.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { originSql } from './stream-events.ts';

/** What does not fit in a row, as a text, or NULL. No source has a column of this name. */
export const MISFIT = '~misfit';
/** A row's place in its file, from 0; with FILE_COLUMN its origin. */
export const FILE_ROW = 'file_row_number';

export interface EventRows {
  /** FROM item with the columns that the view reads, FILE_COLUMN and FILE_ROW. */
  readonly from: string;
  /** Whether it has MISFIT and EXCLUDED too. */
  readonly hasNotes: boolean;
  /** The view has a `where`. */
  readonly excludes: boolean;
  /** The event time is a TIMESTAMP. */
  readonly prunable: boolean;
  /** What they are read from. */
  readonly files: SourceFiles;
}

const TIME: ValueType = { kind: 'timestamp' };

export function eventRows(source: SourceFiles, view: FeatureView, entity: Entity): EventRows {
  const reading = new EventReading(view, entity);
  const [first, ...others] = source.groups;
  const excludes = view.where !== null;
  const isArchive = view.source.stream !== undefined;
  if (others.length === 0 && !isArchive && !hasExpressions(view) && reading.isPlain(first!)) {
    const [time] = columnsOf(first!, view.source.eventTime);
    return {
      from: groupSql(first!),
      hasNotes: false,
      excludes,
      prunable: isMicros(time!.type),
      files: source,
    };
  }
  const selects = withComputedColumns(source, view).groups.map((group) => reading.select(group));
  return {
    from: `(${selects.join('\nUNION ALL ')})`,
    hasNotes: true,
    excludes,
    prunable: true,
    files: source,
  };
}

class EventReading {
  readonly #keys: readonly WantedColumn[];
  readonly #times: readonly string[];
  readonly #values: readonly WantedColumn[];
  /** Columns of which only the nulls matter. */
  readonly #counted: readonly string[];

  /** Whose archive it is: what tells an event that came twice, or was taken back, is read, too. */
  readonly #stream: StreamSource | undefined;

  constructor({ source, features }: FeatureView, { joinKeys }: Entity) {
    this.#stream = source.stream;
    this.#keys = joinKeys.map(({ name, type }) => ({ name, column: name, type: { kind: type } }));
    this.#times = [source.eventTime, source.createdTime].filter((column) => column !== null);
    const taken = new Set([...this.#keys.map(({ column }) => column), ...this.#times].map(lower));
    const values = new Map<string, WantedColumn>();
    const counted = new Map<string, string>();
    for (const { aggregation: a } of features) {
      if (a === null || a.column === null || taken.has(lower(a.column))) continue;
      const { column, columnType: type } = a;
      if (a.function === 'count' || type === null) counted.set(lower(column), column);
      else values.set(lower(column), { name: column, column, type });
    }
    this.#values = [...values.values()];
    this.#counted = [...counted].flatMap(([name, column]) => (values.has(name) ? [] : [column]));
  }

  /** Whether the files can be read as they are: every value of every column fits, but for infinite times. */
  isPlain(group: FileGroup): boolean {
    const there = [...this.#times, ...this.#counted].every((name) => columnsOf(group, name).length === 1);
    const times = this.#times.every((name) => {
      const [time] = columnsOf(group, name);
      return time?.type.kind === 'scalar' && /^(DATE|TIMESTAMP)/.test(time.type.name);
    });
    const fit = [...this.#keys, ...this.#values].every((wanted) => {
      const found = columnsOf(group, wanted.column);
      if (found.length !== 1) return false;
      const time = wanted.type.kind === 'timestamp' && isMicros(found[0]!.type);
      return time || readColumn(group, wanted).fit === 'all';
    });
    return there && times && fit;
  }

  select(group: FileGroup): string {
    const wanted = [...this.#keys, ...this.#values];
    const times = this.#times.filter((column) =>
      columnsOf(group, column).every(({ type }) => !isMicros(type)),
    );
    const faults = [...group.faults];
    for (const one of [...wanted, ...times.map((column) => ({ name: column, column, type: TIME }))]) {
      faults.push(...misfitsOf(group, one));
    }
    const columns = [
      ...wanted.map((one) => `${readColumn(group, one).sql} AS ${quoteName(one.column)}`),
      ...this.#times.map((column) => `${readTime(group, column)} AS ${quoteName(column)}`),
      ...this.#counted.map((column) => `${countedSql(group, column)} AS ${quoteName(column)}`),
      ...(this.#stream === undefined ? [] : originSql(this.#stream, group)),
      `${reasonSql(faults)} AS ${quoteName(MISFIT)}`,
      `${group.excluded ?? 'false'} AS ${quoteName(EXCLUDED)}`,
      quoteName(FILE_COLUMN),
      FILE_ROW,
    ];
    return `SELECT ${columns.join(', ')} FROM ${groupSql(group)}`;
  }
}

function countedSql(group: FileGroup, column: string): string {
  const found = columnsOf(group, column);
  return found.length === 1 ? `(CASE WHEN ${found[0]!.sql} IS NOT NULL THEN 1 END)` : 'NULL::INTEGER';
}

function lower(name: string): string {
  return name.toLowerCase();
}
