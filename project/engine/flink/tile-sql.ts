/**
 * Tiles as Flink SQL: one GROUP BY over the events that count, whose row is a tile's message
 * (contract/aggregation/tile-message.ts). Plain, not by windows of Flink's: those drop late rows.
 *
 * What other engines have rows apart for is a COLLECT here, a multiset of texts: so a tile is sent whole. FIRST_VALUE
 * follows arrival; the first by time, of equal times the smallest value, is the smallest of texts that begin with the
 * time. A float has no such text: its values are collected with their times.
 */
import type { TilePart } from '../../../contract/aggregation/parts/part.ts';
import { LAST_TIME_US, TIME_DIGITS } from '../../../contract/aggregation/tile-message.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { LOG_GAMMA, LOWEST } from '../../../contract/aggregation/sketch/ddsketch.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { takesBack } from '../../../contract/stream-source.ts';
import { roundSql } from './expression-sql.ts';

interface MessageColumn {
  readonly name: string;
  readonly type: string;
  /** Over the columns of `once`, within the GROUP BY. */
  readonly sql: string;
}

const INT64_OFFSET = `CAST('9223372036854775808' AS DECIMAL(20, 0))`;

function isFloat({ kind }: ValueType): boolean {
  return kind === 'float32' || kind === 'float64';
}

/** @returns the columns of a tile's message, behind those that say which tile it is */
export function tileColumns(plan: TilePlan): MessageColumn[] {
  const signed = takesBack(plan.view.source.stream!);
  const columns: MessageColumn[] = [
    { name: 'n', type: 'BIGINT', sql: signed ? 'SUM(CAST(sign AS BIGINT))' : 'COUNT(*)' },
    { name: 'seen', type: 'BIGINT', sql: 'COUNT(*)' },
    { name: 'since', type: 'BIGINT', sql: 'MIN(place)' },
    ...plan.parts.flatMap((part) => partColumns(part, plan, signed)),
  ];
  // A list may serve two parts.
  return [...new Map(columns.map((column) => [column.name, column])).values()];
}

function partColumns({ key, fields }: TilePart, plan: TilePlan, signed: boolean): MessageColumn[] {
  const { type } = plan.columns[key.column]!;
  const v = `v${key.column}`;
  const name = fields[0]!.name;
  const multiset = (of: string, text: string): MessageColumn[] => {
    const list = (suffix: string, which: string): MessageColumn => ({
      name: `${of}${key.column}${suffix}`,
      type: 'MULTISET<STRING>',
      sql: `COLLECT(${text})${which}`,
    });
    if (!signed) return [list('', '')];
    return [list('', ' FILTER (WHERE sign > 0)'), list('_back', ' FILTER (WHERE sign < 0)')];
  };
  switch (key.name) {
    case 'nv': {
      const counted = `COALESCE(SUM(CASE WHEN ${v} IS NOT NULL THEN CAST(sign AS BIGINT) END), 0)`;
      return [{ name, type: 'BIGINT', sql: signed ? counted : `COUNT(${v})` }];
    }
    case 'sum': {
      const fixed = `${fixedSql(v, type, key.scale)}${signed ? ' * sign' : ''}`;
      return [{ name, type: 'STRING', sql: `CAST(COALESCE(SUM(${decimal(fixed)}), 0) AS STRING)` }];
    }
    case 'squares': {
      const fixed = fixedSql(v, type, key.scale);
      const square = `${narrowDecimal(fixed)} * ${narrowDecimal(fixed)}${signed ? ' * sign' : ''}`;
      // A sum that passes 38 digits would begin again from its next value.
      const isHeld = `COALESCE(SUM(CAST(${fixed} AS DOUBLE) * CAST(${fixed} AS DOUBLE)), 0E0) < 9.9E37`;
      const sum = `CAST(COALESCE(SUM(${decimal(square)}), 0) AS STRING)`;
      return [{ name, type: 'STRING', sql: `CASE WHEN ${isHeld} THEN ${sum} END` }];
    }
    case 'min':
    case 'max':
      return [extremeColumn(name, key.name.toUpperCase(), v, type)];
    case 'first':
    case 'last':
      return isFloat(type)
        ? multiset('timed', timedText(v, type))
        : endpointColumns(key.name, fields, v, type);
    case 'values':
      return multiset('values', valueText(v, type));
    case 'latest':
      return multiset('timed', timedText(v, type));
    case 'registers':
      // A float is hashed by its bits, which no function here gives: its values are collected instead.
      return isFloat(type)
        ? multiset('values', valueText(v, type))
        : multiset('registers', registerText(v, type));
    case 'buckets':
      return multiset('buckets', bucketText(v));
  }
}

function extremeColumn(name: string, which: string, v: string, { kind }: ValueType): MessageColumn {
  switch (kind) {
    case 'bool': {
      const sql = `${which}(CASE WHEN ${v} THEN 1 WHEN NOT ${v} THEN 0 END) = 1`;
      return { name, type: 'BOOLEAN', sql };
    }
    case 'int64':
    case 'timestamp':
      return { name, type: 'STRING', sql: `CAST(${which}(${v}) AS STRING)` };
    default: {
      const type =
        kind === 'int32' ? 'BIGINT' : kind === 'string' ? 'STRING' : kind === 'float32' ? 'FLOAT' : 'DOUBLE';
      return { name, type, sql: `${which}(${v})` };
    }
  }
}

/** Both are cut out of the smallest of texts: the time, or what is left to the last one, then the value. */
function endpointColumns(
  which: 'first' | 'last',
  [time, value]: TilePart['fields'],
  v: string,
  type: ValueType,
): MessageColumn[] {
  const t = which === 'first' ? 't' : `${LAST_TIME_US} - t`;
  const text = `CONCAT(LPAD(CAST(${t} AS STRING), ${TIME_DIGITS}, '0'), ${sortedText(v, type)})`;
  const least = `MIN(CASE WHEN ${v} IS NOT NULL THEN ${text} END)`;
  const at = `CAST(SUBSTRING(${least}, 1, ${TIME_DIGITS}) AS BIGINT)`;
  const rest = `SUBSTRING(${least}, ${TIME_DIGITS + 1})`;
  const shown = sortedValue(rest, type);
  return [
    { name: time!.name, type: 'BIGINT', sql: which === 'first' ? at : `${LAST_TIME_US} - ${at}` },
    { name: value!.name, type: shown.type, sql: shown.sql },
  ];
}

/** A text that is ordered as its value is. */
function sortedText(v: string, { kind }: ValueType): string {
  if (kind === 'string') return v;
  if (kind === 'bool') return `(CASE WHEN ${v} THEN '1' ELSE '0' END)`;
  return `LPAD(CAST(CAST(${v} AS DECIMAL(20, 0)) + ${INT64_OFFSET} AS STRING), 20, '0')`;
}

function sortedValue(text: string, { kind }: ValueType): { readonly type: string; readonly sql: string } {
  if (kind === 'string') return { type: 'STRING', sql: text };
  if (kind === 'bool') return { type: 'BOOLEAN', sql: `${text} = '1'` };
  const whole = `CAST(CAST(${text} AS DECIMAL(20, 0)) - ${INT64_OFFSET} AS STRING)`;
  return kind === 'int32'
    ? { type: 'BIGINT', sql: `CAST(${whole} AS BIGINT)` }
    : { type: 'STRING', sql: whole };
}

function valueText(v: string, { kind }: ValueType): string {
  if (kind === 'string') return v;
  return kind === 'bool'
    ? `CASE WHEN ${v} THEN 'true' WHEN NOT ${v} THEN 'false' END`
    : `CAST(${v} AS STRING)`;
}

function timedText(v: string, type: ValueType): string {
  return `CASE WHEN ${v} IS NOT NULL THEN CONCAT(CAST(t AS STRING), ' ', ${valueText(v, type)}) END`;
}

/** The register in hexadecimal digits, and the rank: the leading zeros of the 52 bits behind it, plus 1. */
function registerText(v: string, type: ValueType): string {
  const hash = `MD5(${valueText(v, type)})`;
  const zeros = `CHAR_LENGTH(REGEXP_EXTRACT(SUBSTRING(${hash}, 4, 13), '^(0*)', 1))`;
  const digit = `SUBSTRING(${hash}, 4 + ${zeros}, 1)`;
  const ofDigit = `CASE WHEN ${zeros} = 13 THEN 0 WHEN ${digit} = '1' THEN 3 WHEN ${digit} IN ('2', '3') THEN 2 WHEN ${digit} IN ('4', '5', '6', '7') THEN 1 ELSE 0 END`;
  return `CASE WHEN ${v} IS NOT NULL THEN CONCAT(SUBSTRING(${hash}, 1, 3), ' ', CAST(4 * ${zeros} + ${ofDigit} + 1 AS STRING)) END`;
}

/**
 * The number of the bucket. Logarithms differ between engines: where the value lies so close to a bound that they may
 * disagree, it is the value itself behind `~`, and the reader looks at the bounds.
 */
function bucketText(v: string): string {
  const double = `CAST(${v} AS DOUBLE)`;
  const place = `(LN(ABS(${double}) / ${exponential(LOWEST)}) / ${exponential(LOG_GAMMA)})`;
  const isClose = `ABS(${place} - ROUND(${place}, 0)) < 1E-6`;
  const bucket = `CAST(GREATEST(CAST(1 AS BIGINT), LEAST(CAST(3600 AS BIGINT), CAST(CEIL(${place}) AS BIGINT) + 1)) AS STRING)`;
  const number = `CONCAT(CASE WHEN ${double} < 0E0 THEN '-' ELSE '' END, ${bucket})`;
  return `CASE WHEN ${double} = 0E0 THEN '0' WHEN ${isClose} THEN CONCAT('~', CAST(${double} AS STRING)) ELSE ${number} END`;
}

function exponential(value: number): string {
  return `CAST('${value}' AS DOUBLE)`;
}

/** A whole number with its decimal places, BIGINT: it is at most 10^18, and a double goes to DECIMAL by way of text. */
function fixedSql(v: string, type: ValueType, scale: number): string {
  if (!isFloat(type)) return v;
  return `CAST(${roundSql(`(CAST(${v} AS DOUBLE) * 1E${scale})`)} AS BIGINT)`;
}

function decimal(sql: string): string {
  return `CAST(${sql} AS DECIMAL(38, 0))`;
}

function narrowDecimal(sql: string): string {
  return `CAST(${sql} AS DECIMAL(19, 0))`;
}
