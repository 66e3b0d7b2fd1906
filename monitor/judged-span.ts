/**
 * What a verdict is on: a UTC day, or one hour of it. A verdict on an hour is a first look: the day's own stands beside
 * it and counts. Pure.
 */
import { DAY_US, dayOf, formatTimestamp, parseTimestamp } from '../contract/std/timestamp.ts';
import { monitorError } from './errors.ts';

/** As a snapshot names it. */
interface SpanName {
  /** YYYY-MM-DD, UTC. */
  readonly date: string;
  /** 0 to 23; null or absent: the whole day. */
  readonly hour?: number | null;
}

export interface JudgedSpan {
  readonly date: string;
  /** 0 to 23; null: the whole day. */
  readonly hour: number | null;
  readonly fromUs: number;
  readonly toUs: number;
}

const HOUR_US = 3_600_000_000;
/** Names the newest hour that is over. */
const LAST_HOUR = 'last';

/** @returns `2026-11-21`, or `2026-11-21T07` of the hour from 07:00 to 08:00: the name of its files */
export function spanText({ date, hour = null }: SpanName): string {
  return hour === null ? date : `${date}T${String(hour).padStart(2, '0')}`;
}

/** @returns `2026-11-21`, or `2026-11-21, 07:00 to 08:00`: for people */
export function spanWords({ date, hour = null }: SpanName): string {
  if (hour === null) return date;
  const clock = (at: number): string => `${String(at).padStart(2, '0')}:00`;
  return `${date}, ${clock(hour)} to ${clock(hour + 1)}`;
}

/** @throws MON_DAY when the date is none */
export function spanOf({ date, hour = null }: SpanName): JudgedSpan {
  const us = /^\d{4}-\d\d-\d\d$/.test(date) ? parseTimestamp(date) : null;
  if (us === null) throw monitorError('MON_DAY', `expected a date such as 2026-11-21, got ${date}`);
  const dayUs = Number(us);
  if (hour === null) return { date, hour, fromUs: dayUs, toUs: dayUs + DAY_US };
  const fromUs = dayUs + hour * HOUR_US;
  return { date, hour, fromUs, toUs: fromUs + HOUR_US };
}

/**
 * @param asked  as the command line has it; without either, yesterday
 * @throws       MON_DAY when they name no day or hour, or do not go together
 */
export function askedSpan(
  { date, hour }: { readonly date?: string | undefined; readonly hour?: string | undefined },
  nowUs: number,
): JudgedSpan {
  if (hour === undefined) return spanOf({ date: date ?? dayOf(nowUs - DAY_US) });
  if (hour === LAST_HOUR) {
    if (date !== undefined) {
      throw monitorError(
        'MON_DAY',
        `--hour last names the newest hour that is over, and --date ${date} a day: give only one`,
      );
    }
    const text = formatTimestamp(nowUs - HOUR_US);
    return spanOf({ date: text.slice(0, 10), hour: Number(text.slice(11, 13)) });
  }
  const number = /^\d{1,2}$/.test(hour) ? Number(hour) : NaN;
  if (!(number <= 23)) {
    throw monitorError('MON_DAY', `--hour: expected 0 to 23, or last, got ${JSON.stringify(hour)}`);
  }
  if (date === undefined) {
    throw monitorError(
      'MON_DAY',
      `--hour ${hour} does not say of which day: give --date DAY with it, or --hour last alone`,
    );
  }
  return spanOf({ date, hour: number });
}
