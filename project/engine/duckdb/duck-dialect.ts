/** DuckDB's part of SQL that is written once for all engines. */
import type { SqlDialect } from '../sql-dialect.ts';
import { duckTypeOf, quoteName, quoteText } from './duckdb.ts';
import { duckKeyType } from './history.ts';
import { sameValueSql } from './same-value-sql.ts';

const UNSIGNED = { 8: 'UTINYINT', 16: 'USMALLINT', 32: 'UINTEGER' } as const;

export const DUCKDB: SqlDialect = {
  name: 'duckdb',
  quoteName,
  quoteText,
  typeOf: (type) => duckTypeOf(type),
  keyTypeOf: duckKeyType,
  unsigned: (bits) => UNSIGNED[bits],
  epochUs: (time) => `epoch_us(${time})`,
  epochMs: (time) => `epoch_ms(${time})`,
  timeOf: (us) => `make_timestamp(${us})`,
  quotient: (of, by) => `(${of} // ${by})`,
  placeIn: (list, text) =>
    `(list_position([${list.map(quoteText).join(', ')}], ${text}) - 1)::${UNSIGNED[8]}`,
  sameValue: sameValueSql,
};
