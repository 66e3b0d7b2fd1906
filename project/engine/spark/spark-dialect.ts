/**
 * Spark's part of SQL that is written once for all engines, for sessions as spark-job.ts sets them.
 *
 * A time is a TIMESTAMP, whatever zone its file tells of: with the session in UTC both of Spark's types have the same
 * microseconds.
 */
import type { KeyType, ValueType } from '../../../contract/value-type.ts';
import type { SqlDialect } from '../sql-dialect.ts';
import { sparkName, sparkText, sparkTypeOf } from './spark-sql.ts';

const UNSIGNED = { 8: 'SMALLINT', 16: 'INT', 32: 'BIGINT' } as const;
const KEYS: Readonly<Record<KeyType, string>> = { string: 'STRING', int32: 'INT', int64: 'BIGINT' };

const MICROS = `'yyyy-MM-dd HH:mm:ss.SSSSSS'`;
const AS_JSON = `'ignoreNullFields', 'false', 'timestampFormat', ${MICROS}, 'timestampNTZFormat', ${MICROS}`;

/** As `sameValueSql` of DuckDB. */
function sameValue(type: ValueType, a: string, b: string): string {
  const same = `${a} IS NOT DISTINCT FROM ${b}`;
  switch (type.kind) {
    case 'float32':
    case 'float64':
      // There is no sign bit to ask for: the text of -0 has its sign.
      return `(${same} AND (${a} IS NULL OR ${a} <> 0 OR CAST(${a} AS STRING) = CAST(${b} AS STRING)))`;
    case 'timestamp':
      return `unix_micros(CAST(${a} AS TIMESTAMP)) IS NOT DISTINCT FROM unix_micros(CAST(${b} AS TIMESTAMP))`;
    case 'embedding':
    case 'list':
    case 'map':
    case 'struct': {
      // Maps cannot be compared. Of one type, equal JSON is the same value: it has the sign of -0, and nulls.
      const json = (value: string): string => `to_json(${value}, map(${AS_JSON}))`;
      return `${json(a)} IS NOT DISTINCT FROM ${json(b)}`;
    }
    default:
      return same;
  }
}

export const SPARK: SqlDialect = {
  name: 'spark',
  quoteName: sparkName,
  quoteText: sparkText,
  typeOf: sparkTypeOf,
  keyTypeOf: (type) => KEYS[type],
  unsigned: (bits) => UNSIGNED[bits],
  epochUs: (time) => `unix_micros(CAST(${time} AS TIMESTAMP))`,
  epochMs: (time) => `unix_millis(CAST(${time} AS TIMESTAMP))`,
  timeOf: (us) => `timestamp_micros(${us})`,
  quotient: (of, by) => `(${of} DIV ${by})`,
  placeIn: (list, text) =>
    `CAST(nullif(array_position(array(${list.map(sparkText).join(', ')}), ${text}), 0) - 1 AS ${UNSIGNED[8]})`,
  sameValue,
};
