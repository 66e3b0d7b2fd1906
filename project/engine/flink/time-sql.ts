/**
 * Times in RFC 3339 in Flink SQL, by the rule of contract/std/timestamp.ts and to the microsecond. Flink's own functions
 * read milliseconds, and take the 31st of February for the 3rd of March: the days are counted here.
 */

const DATE = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const CLOCK = '[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?';
const FORM = `^${DATE}([Tt ]${CLOCK})?([Zz]|[+-][0-9]{2}:?[0-9]{2})?$`;
/** By which the Gregorian calendar repeats. */
const DAYS_OF_400_YEARS = 146_097;
/** Days from the first of March of the year 0 to 1970. */
const DAYS_TO_1970 = 719_468;

interface TimeSql {
  /** Microseconds since 1970, BIGINT; of a text that is no time NULL, or anything. */
  readonly value: string;
  /** Whether a text is a time, never NULL. */
  readonly fits: string;
}

/** @param text  SQL of a text, or of NULL */
export function timeSql(text: string): TimeSql {
  const number = (sql: string): string => `COALESCE(TRY_CAST(${sql} AS BIGINT), 0)`;
  const part = (from: number, length: number): string => number(`SUBSTRING(${text}, ${from}, ${length})`);
  const [year, month, day] = [part(1, 4), part(6, 2), part(9, 2)];
  const hasClock = `SUBSTRING(${text}, 11, 1) IN ('T', 't', ' ')`;
  const hasSecond = `${hasClock} AND SUBSTRING(${text}, 17, 1) = ':'`;
  const at = (has: string, from: number): string => `(CASE WHEN ${has} THEN ${part(from, 2)} ELSE 0 END)`;
  const [hour, minute, second] = [at(hasClock, 12), at(hasClock, 15), at(hasSecond, 18)];
  const fraction = `COALESCE(REGEXP_EXTRACT(${text}, '[.]([0-9]+)', 1), '')`;
  const micros = number(`RPAD(SUBSTRING(${fraction}, 1, 6), 6, '0')`);
  // Behind the day no other sign stands.
  const zone = `REPLACE(COALESCE(REGEXP_EXTRACT(SUBSTRING(${text}, 11), '([+-][0-9]{2}:?[0-9]{2})$', 1), '+0000'), ':', '')`;
  const zoneMinutes = `(${number(`SUBSTRING(${zone}, 2, 2)`)} * 60 + ${number(`SUBSTRING(${zone}, 4, 2)`)})`;
  const zoneUs = `(CASE WHEN SUBSTRING(${zone}, 1, 1) = '-' THEN -1 ELSE 1 END) * ${zoneMinutes} * 60000000`;
  // The year begins in March, so that the day that some years have more is its last; 400 years more keep all positive.
  const marchYear = `(${year} + 400 - CASE WHEN ${month} <= 2 THEN 1 ELSE 0 END)`;
  const marchMonth = `(${month} + CASE WHEN ${month} > 2 THEN -3 ELSE 9 END)`;
  const years = `${marchYear} * 365 + ${marchYear} / 4 - ${marchYear} / 100 + ${marchYear} / 400`;
  const days = `(${years} + (153 * ${marchMonth} + 2) / 5 + ${day} - 1 - ${DAYS_OF_400_YEARS + DAYS_TO_1970})`;
  const seconds = `(((${days} * 24 + ${hour}) * 60 + ${minute}) * 60 + ${second})`;
  const isLeap = `(MOD(${year}, 4) = 0 AND (MOD(${year}, 100) <> 0 OR MOD(${year}, 400) = 0))`;
  const lastDay = `(CASE WHEN ${month} = 2 THEN CASE WHEN ${isLeap} THEN 29 ELSE 28 END WHEN ${month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END)`;
  const ranges = [
    `REGEXP(${text}, '${FORM}')`,
    `${month} BETWEEN 1 AND 12`,
    `${day} BETWEEN 1 AND ${lastDay}`,
    `${hour} <= 23 AND ${minute} <= 59 AND ${second} <= 59`,
    `REGEXP(SUBSTRING(${fraction}, 7), '^0*$')`,
  ];
  return {
    value: `(${seconds} * 1000000 + ${micros} - ${zoneUs})`,
    fits: `COALESCE(${ranges.join(' AND ')}, FALSE)`,
  };
}
