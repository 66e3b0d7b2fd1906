/**
 * The fields of a source's JSON messages in Flink SQL. All are read as text, since Flink's JSON takes what does not
 * fit a type for null, or fails the job; whether a text is a value of the field's type is then said here, by the rule
 * of `plumb stream`. Flink does not tell a text "12" from the number 12: of a string field a number counts as its
 * text, and of a float a text that is a number as that.
 *
 *   bool BOOLEAN | int32, int64, timestamp BIGINT (microseconds) | float32 FLOAT | float64 DOUBLE | string STRING
 */
import type { StreamField, TimeUnit } from '../../../contract/stream-source.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { timeSql } from './time-sql.ts';
import { flinkName } from './expression-sql.ts';

const WHOLE = '^(0|-?[1-9][0-9]{0,18})$';
const FLOAT = '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$';
const US_IN: Readonly<Record<Exclude<TimeUnit, 'rfc3339'>, bigint>> = { s: 1_000_000n, ms: 1_000n, us: 1n };
const INT64_MAX = 2n ** 63n - 1n;

interface FieldSql {
  readonly type: ValueType;
  /** Its value, NULL where the message has none or one that does not fit. */
  readonly value: string;
  /** Whether what the message says fits, never NULL; null: it is not looked at. */
  readonly fits: string | null;
}

export function fieldSql({ name, type, unit }: StreamField): FieldSql {
  const text = flinkName(name);
  const whole = `TRY_CAST(${text} AS BIGINT)`;
  const digits = (more: string): string =>
    `(${text} IS NULL OR COALESCE(REGEXP(${text}, '${WHOLE}') AND ${more}, FALSE))`;
  switch (type.kind) {
    case 'bool':
      return {
        type,
        value: `(CASE ${text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)`,
        fits: `COALESCE(${text} IN ('true', 'false'), TRUE)`,
      };
    case 'int32':
      return { type, value: whole, fits: digits(`${whole} BETWEEN -2147483648 AND 2147483647`) };
    case 'int64':
      return { type, value: whole, fits: digits(`${whole} IS NOT NULL`) };
    case 'timestamp': {
      if (unit === 'rfc3339') {
        const time = timeSql(text);
        const value = `(CASE WHEN ${time.fits} THEN ${time.value} END)`;
        return { type, value, fits: `(${text} IS NULL OR ${time.fits})` };
      }
      const factor = US_IN[(unit ?? 'us') as keyof typeof US_IN];
      const fits = digits(`ABS(${whole} / 2) <= ${INT64_MAX / factor / 2n}`);
      return { type, value: factor === 1n ? whole : `${whole} * ${factor}`, fits };
    }
    case 'float32':
    case 'float64': {
      const double = `TRY_CAST(${text} AS DOUBLE)`;
      const value = type.kind === 'float64' ? double : `CAST(${double} AS FLOAT)`;
      const most = type.kind === 'float64' ? '1.7976931348623157E308' : '3.4028234663852886E38';
      const isFinite = `ABS(CAST(${value} AS DOUBLE)) <= ${most}`;
      const fits = `(${text} IS NULL OR COALESCE(REGEXP(${text}, '${FLOAT}') AND ${isFinite}, FALSE))`;
      return { type, value, fits };
    }
    default:
      return { type, value: text, fits: null };
  }
}
