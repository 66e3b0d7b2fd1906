/**
 * Times as RFC 3339 text and as microseconds since 1970-01-01 UTC.
 *
 * A time that a program handles itself (event, created, written, fetched, served) is a `number`: microseconds stay
 * exact up to the year 2255. A feature's value of type timestamp is a `bigint`, so that none is ever rounded.
 */

const FORM =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?([Zz]|[+-]\d{2}:?\d{2})?$/;

type Day = `${number}-${number}-${number}`;
/** A date or a date with a time, as far as a type can tell it. */
export type TimeText = Day | `${Day}${'T' | 't' | ' '}${string}`;

export const DAY_US = 86_400_000_000;
/** The vector log takes times of the years 1970 to 2199. */
export const TIME_END_US = 7_258_118_400_000_000;

/**
 * @param us  in the years 0000 to 9999
 * @returns   RFC 3339 to the microsecond, UTC, e.g. `2026-11-21T09:10:11.000000Z`
 */
export function formatTimestamp(us: number | bigint): string {
  if (typeof us === 'number' && us >= 0 && Number.isSafeInteger(us)) return formatSafe(us);
  const whole = BigInt(us);
  const micro = ((whole % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((whole - micro) / 1_000n)).toISOString();
  return `${seconds.slice(0, -5)}.${micro.toString().padStart(6, '0')}Z`;
}

const FIRST_US = -62_167_219_200_000_000n;
const LAST_US = 253_402_300_799_999_999n;

/** @returns the text of any timestamp: RFC 3339, or decimal microseconds outside the years 0000 to 9999 */
export function timestampText(us: bigint): string {
  return us >= FIRST_US && us <= LAST_US ? formatTimestamp(us) : us.toString();
}

let lastDay = -1;
let lastDayText = '';
const TWO_DIGITS = Array.from({ length: 100 }, (_, n) => n.toString().padStart(2, '0'));

/** What an answer's event times take; times come from few days, so the last day's text is kept. */
function formatSafe(us: number): string {
  const day = Math.floor(us / DAY_US);
  if (day !== lastDay) {
    lastDayText = new Date(day * 86_400_000).toISOString().slice(0, 11);
    lastDay = day;
  }
  const second = Math.floor((us - day * DAY_US) / 1_000_000);
  const micro = us - day * DAY_US - second * 1_000_000;
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  const time = `${TWO_DIGITS[hour]!}:${TWO_DIGITS[minute - hour * 60]!}:${TWO_DIGITS[second - minute * 60]!}`;
  const [high, middle, low] = [Math.floor(micro / 10_000), Math.floor(micro / 100) % 100, micro % 100];
  return `${lastDayText}${time}.${TWO_DIGITS[high]!}${TWO_DIGITS[middle]!}${TWO_DIGITS[low]!}Z`;
}

/**
 * Reads a date or a date and time; without a zone it is UTC. Digits past the microsecond must be zeros.
 * @returns microseconds, or null when the text is no time
 */
export function parseTimestamp(text: string): bigint | null {
  const m = FORM.exec(text);
  if (m === null) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = m;
  if (!/^0*$/.test(fraction.slice(6))) return null;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  if (Number.isNaN(ms) || new Date(ms).getUTCDate() !== Number(day)) return null;
  const micro = BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return BigInt(ms) * 1_000n + micro - zoneUs(zone);
}

function zoneUs(zone: string): bigint {
  if (zone === 'Z' || zone === 'z') return 0n;
  const sign = zone.startsWith('-') ? -1n : 1n;
  const digits = zone.slice(1).replace(':', '');
  return sign * (BigInt(digits.slice(0, 2)) * 60n + BigInt(digits.slice(2))) * 60_000_000n;
}

/** @returns `2026-11-21`, the UTC day of a time */
export function dayOf(us: number): string {
  return formatTimestamp(us).slice(0, 10);
}
