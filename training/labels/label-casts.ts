/**
 * What the features need of a label (its time, its keys, the inputs of on-demand views) as SQL in the type that each is
 * to have, by the rule for sources: a value converts without loss, or it is named.
 */
import type { JoinKey } from '../../contract/model.ts';
import { formatType } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { duckTypeOf } from '../../project/engine/duckdb/duckdb.ts';
import { exactCast } from '../../project/engine/duckdb/sources/exact-cast.ts';
import { formatSourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import { trainingError } from '../errors.ts';
import { fieldFault, keysOnceSql } from './input-shape.ts';
import { numberOf } from './label-file.ts';
import type { LabelFile } from './label-file.ts';

/** A column that says whose label it is. */
export interface LabelKey extends JoinKey {
  /** Whether a null is no fault, nor is a file without the column, which has nulls then. */
  readonly isOptional?: boolean;
}

/** What an on-demand view takes of a label. */
export interface LabelInput {
  readonly name: string;
  readonly type: ValueType;
  /** Whether a null is no fault. */
  readonly isOptional: boolean;
  /** The column that holds it; null: it is left out. */
  readonly column: string | null;
}

export interface LabelCast {
  /** Number of the column in the labels' file. */
  readonly column: number;
  /** Its column in LABEL_KEYS. */
  readonly as: string;
  readonly what: string;
  readonly sql: string;
  readonly isInput?: boolean;
  /** Whether a null is a fault. */
  readonly isNeeded?: boolean;
}

const CSV_NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`;

/** @throws TRAIN_LABELS when the column's type cannot hold times */
export function timeCast(labels: LabelFile, timeColumn: string): LabelCast {
  return { column: numberOf(labels, timeColumn), as: 't', what: 'a time', sql: timeSql(labels, timeColumn) };
}

/**
 * @param i  which of the keys it is
 * @returns  null: the labels have no such column
 * @throws   TRAIN_LABELS when the column's type never fits the key's
 */
export function keyCast(labels: LabelFile, key: JoinKey, i: number): LabelCast | null {
  const column = numberOf(labels, key.name);
  return column === -1 ? null : { column, as: `key_${i}`, what: key.type, sql: keySql(labels, key) };
}

/** @throws TRAIN_LABELS when the column's type never fits the input's, or has other fields */
export function inputCast(
  labels: LabelFile,
  { name, type, isOptional, column }: LabelInput,
  i: number,
): LabelCast {
  const number = numberOf(labels, column ?? name);
  const what = formatType(type);
  const ref = labels.refs[number]!;
  const text = labels.format === 'csv' ? csvInputSql(type, ref) : null;
  const from = labels.types[number]!;
  const { sql: cast, fit } = exactCast(from, type, ref);
  // Sources take numbers as truth values, requests do not: only their nulls fit.
  const sql = type.kind === 'bool' && fit === 'some' ? 'NULL::BOOLEAN' : cast;
  // Of a CSV each value is read by its text.
  const fault = labels.format === 'csv' ? null : fieldFault(from, type);
  if (fault !== null || (text === null && fit === 'none')) throw wrongType(labels, number, what, fault);
  const once = keysOnceSql(from, type, ref);
  return {
    column: number,
    as: `input_${i}`,
    what: once === null ? what : `${what} with each key once`,
    sql: text ?? (once === null ? sql : `CASE WHEN ${once} THEN ${sql} END`),
    isInput: true,
    isNeeded: !isOptional,
  };
}

/** @returns SQL of a text of a CSV as a number or a truth value, NULL where it is none; null: it is read as any text */
function csvInputSql(type: ValueType, text: string): string | null {
  switch (type.kind) {
    case 'float64':
    case 'float32': {
      const number = `CASE WHEN regexp_full_match(${text}, '${CSV_NUMBER}') THEN TRY_CAST(${text} AS ${duckTypeOf(type)}) END`;
      return `CASE WHEN isfinite(${number}) THEN ${number} END`;
    }
    case 'bool':
      return `CASE WHEN ${text} IN ('true', 'True', 'TRUE') THEN true WHEN ${text} IN ('false', 'False', 'FALSE') THEN false END`;
    default:
      return null;
  }
}

/**
 * @returns SQL of a label's time in microseconds; NULL where the value is not a finite time. Text without a zone is UTC
 * @throws  TRAIN_LABELS when the column's type cannot hold times
 */
function timeSql(labels: LabelFile, timeColumn: string): string {
  const number = numberOf(labels, timeColumn);
  const type = labels.types[number]!;
  const ref = labels.refs[number]!;
  if (type.kind === 'scalar' && type.name === 'VARCHAR') {
    const time = `TRY_CAST(${ref} AS TIMESTAMPTZ)`;
    return `CASE WHEN isfinite(${time}) THEN epoch_us(${time}) END`;
  }
  const { sql, fit } = exactCast(type, { kind: 'timestamp' }, ref);
  if (fit === 'none') throw wrongType(labels, number, 'a timestamp, a date or RFC 3339 text');
  return `epoch_us(${sql})`;
}

/**
 * @returns SQL of a label's join key; NULL where the value does not fit the key's type exactly (the rule for sources)
 * @throws  TRAIN_LABELS when the column's type never fits the key's type
 */
function keySql(labels: LabelFile, key: JoinKey): string {
  const number = numberOf(labels, key.name);
  const { sql, fit } = exactCast(labels.types[number]!, { kind: key.type }, labels.refs[number]!);
  if (fit === 'none') throw wrongType(labels, number, key.type);
  return sql;
}

function wrongType(
  { file, columns, types }: LabelFile,
  number: number,
  wanted: string,
  fault: string | null = null,
): Error {
  const [field, type] = [columns[number]!, formatSourceType(types[number]!)];
  const more = fault === null ? '' : `, which ${fault}`;
  return trainingError('TRAIN_LABELS', `${file}: ${field} should be ${wanted}, got ${type}${more}`, {
    file,
    field,
  });
}
