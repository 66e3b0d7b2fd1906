/**
 * Times in RFC 3339 in Flink SQL, by the rule of contract/std/timestamp.ts and to the microsecond: Flink's own
 * functions read milliseconds at most. Each part of the text is cut out by one function: what an expression says
 * twice, Flink compiles twice.
 */

const DATE = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const FRACTION = '[.]([0-9]{1,6}|[0-9]{6}0{1,3})';
const CLOCK = `([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](${FRACTION})?)?`;
const FORM = `^${DATE}([Tt ]${CLOCK})?([Zz]|[+-][0-9]{2}:?[0-9]{2})?$`;

interface TimeSql {
  /** Microseconds since 1970, BIGINT; of a text that is no time NULL, or anything. */
  readonly value: string;
  /** Whether a text is a time, never NULL. */
  readonly fits: string;
}

/** @param text  SQL of a text, or of NULL */
export function timeSql(text: string): TimeSql {
  const date = `TRY_CAST(SUBSTRING(${text}, 1, 10) AS DATE)`;
  const number = (pattern: string): string =>
    `COALESCE(TRY_CAST(REGEXP_EXTRACT(${text}, '${pattern}', 1) AS BIGINT), 0)`;
  const days = `CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ${date}) AS BIGINT)`;
  const minutes = `(${days} * 24 + ${number('^.{10}[Tt ]([0-9]{2})')}) * 60 + ${number('^.{13}:([0-9]{2})')}`;
  // A zone's sign stands behind the day.
  const zone = `${number('^.{10}.*([+-][0-9]{2}):?[0-9]{2}$')} * 60 + ${number('^.{10}.*[+]..:?([0-9]{2})$')} - ${number('^.{10}.*-..:?([0-9]{2})$')}`;
  const micros = `COALESCE(TRY_CAST(RPAD(SUBSTRING(REGEXP_EXTRACT(${text}, '[.]([0-9]+)', 1), 1, 6), 6, '0') AS BIGINT), 0)`;
  return {
    value: `(((${minutes} - (${zone})) * 60 + ${number('^.{16}:([0-9]{2})')}) * 1000000 + ${micros})`,
    fits: `COALESCE(REGEXP(${text}, '${FORM}') AND ${date} IS NOT NULL, FALSE)`,
  };
}
