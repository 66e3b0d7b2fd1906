/**
 * How one column of a view is read from a group of files, and when that makes a row a bad one. `exact-cast.ts` decides
 * by types; here its decisions become SQL over rows, for stored rows and raw events alike.
 */
import { duckTypeOf, quoteText } from '../duckdb.ts';
import { exactCast } from './exact-cast.ts';
import type { ExactCast } from './exact-cast.ts';
import type { Fault } from './row-fault.ts';
import type { FileColumn, FileGroup } from './source-files.ts';
import { decimalOf, formatSourceType } from './source-type.ts';
import type { SourceType } from './source-type.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { ValueType } from '../../../../contract/value-type.ts';

/** A column that a view reads: what messages call it, its name in the source, and what it is made into. */
export interface WantedColumn {
  readonly name: string;
  readonly column: string;
  readonly type: ValueType;
}

/** The columns of a name; two if they differ only in case, and then it is not known which is meant. */
export function columnsOf(group: FileGroup, column: string): readonly FileColumn[] {
  return group.columns.get(column.toLowerCase()) ?? [];
}

/** A column that the group lacks is null; so is one that it has twice, whose rows are bad. */
export function readColumn(group: FileGroup, { column, type }: WantedColumn): ExactCast {
  const found = columnsOf(group, column);
  if (found.length !== 1) return { sql: `NULL::${duckTypeOf(type)}`, fit: 'all' };
  return exactCast(found[0]!.type, type, found[0]!.sql);
}

/** A column that should be a time, as TIMESTAMP in UTC: bare where it can be, infinity with it, else cast exactly. */
export function readTime(group: FileGroup, column: string | null): string {
  if (column === null) return 'NULL::TIMESTAMP';
  const found = columnsOf(group, column);
  // A filter on a bare column reaches the statistics of the file.
  if (found.length === 1 && isMicros(found[0]!.type)) return found[0]!.sql;
  return readColumn(group, { name: column, column, type: { kind: 'timestamp' } }).sql;
}

/** @returns the faults of values that do not fit: none, or one */
export function misfitsOf(group: FileGroup, wanted: WantedColumn): Fault[] {
  const { name, column, type } = wanted;
  const found = columnsOf(group, column);
  if (found.length > 1) {
    const names = found.map((one) => `"${one.name}"`).join(' and ');
    return [
      always(`${name} should be ${formatType(type)}, but its file has ${names}, one name to an engine`),
    ];
  }
  const { sql, fit } = readColumn(group, wanted);
  if (found.length === 0 || fit === 'all') return [];
  const raw = found[0]!.sql;
  // Of a decimal of more than 38 digits the engine shows another number.
  const isShown = (decimalOf(found[0]!.type)?.precision ?? 0) <= 38;
  const value = isShown ? `left(CAST(${raw} AS VARCHAR), 80)` : quoteText('more than 38 digits');
  const head = quoteText(`${name} should be ${formatType(type)}, got `);
  const tail = quoteText(` (${formatSourceType(found[0]!.type)})`);
  return [
    {
      bad: fit === 'none' ? `${raw} IS NOT NULL` : `(${raw} IS NOT NULL AND ${sql} IS NULL)`,
      good: fit === 'none' ? `${raw} IS NULL` : `(${raw} IS NULL OR ${sql} IS NOT NULL)`,
      reason: `${head} || ${value} || ${tail}`,
    },
  ];
}

/** Every row of the group is bad. */
export function always(reason: string): Fault {
  return { bad: 'true', good: 'false', reason: quoteText(reason) };
}

/**
 * @param excluded  SQL of whether a row is excluded; null: none is
 * @returns         the WHERE clause that keeps the rows that are neither excluded nor at fault, or nothing
 */
export function whereGood(faults: readonly Fault[], excluded: string | null = null): string {
  const kept = excluded === null ? [] : [`NOT ${excluded}`];
  const conditions = [...kept, ...faults.map((fault) => fault.good)];
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
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

export function isMicros(type: SourceType): boolean {
  return type.kind === 'scalar' && type.name === 'TIMESTAMP';
}

export function isNanos(type: SourceType): boolean {
  return type.kind === 'scalar' && type.name === 'TIMESTAMP_NS';
}
