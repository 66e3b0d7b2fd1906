/**
 * Numbers, times and values as text for people. Times are UTC, as everywhere, which the page says once. A time on the
 * report's own day is shown without its date.
 */
import { percentText as breakablePercent } from '../../contract/std/percent-text.ts';

const MOST_CHARACTERS = 64;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

// Made once: making a formatter takes a hundred times as long as using it.
const WHOLE = new Intl.NumberFormat('en-US');
const TWO_DECIMALS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const THREE_DIGITS = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
const FOUR_DIGITS = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 });

export function countText(count: number): string {
  return WHOLE.format(count);
}

/** `1 value`, `2,000 values` */
export function counted(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * A share in percent, rounded down: only a full match is shown as 100 %, and no share seems to reach a limit that it
 * missed. The space does not break.
 */
export function percentText(share: number | null): string {
  return breakablePercent(share).replace(' ', '\u00a0');
}

/** A part of a whole, shown beside other parts: `12 %`, `0.3 %`, `<0.1 %`. */
export function shareText(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1\u00a0%';
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))}\u00a0%`;
}

/** A number with two decimals from 1 on, and three significant digits below; thousands are separated. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value).replace('-', '−');
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return signed(value.toExponential(2));
  const text = size >= 1 || size === 0 ? TWO_DECIMALS.format(value) : THREE_DIGITS.format(value);
  return signed(text);
}

/** A short number for axes: 950, 12k, 3.4M. */
export function compactText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size !== 0 && size < 1e-4)) return signed(value.toExponential(0));
  for (const [unit, letter] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size >= unit * (letter === 'k' ? 10 : 1))
      return signed(`${Number((value / unit).toPrecision(4))}${letter}`);
  }
  return signed(FOUR_DIGITS.format(value));
}

/** With the sign of minus in place of a hyphen. */
export function signed(text: string): string {
  return text.replace(/^-/, '−');
}

const DURATION_UNITS = [
  ['d', 86_400_000_000],
  ['h', 3_600_000_000],
  ['min', 60_000_000],
  ['s', 1_000_000],
  ['ms', 1_000],
] as const;

/** A duration in its two largest units: `2 h 5 min`, `45 s`, `0 s`. */
export function durationText(us: number): string {
  if (us < 0) return `−${durationText(-us)}`;
  const first = DURATION_UNITS.findIndex(([, unitUs]) => us >= unitUs);
  if (first === -1) return us === 0 ? '0 s' : '<1 ms';
  const [name, unitUs] = DURATION_UNITS[first]!;
  const whole = Math.floor(us / unitUs);
  const next = DURATION_UNITS[first + 1];
  const rest = next === undefined || name === 's' ? 0 : Math.floor((us % unitUs) / next[1]);
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${next![0]}`;
}

/** `Fri 20 Nov 2026` of `2026-11-20`. */
export function dayText(date: string): string {
  const [year, month, day] = date.split('-').map(Number);
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  return `${WEEKDAYS[weekday]} ${day} ${MONTHS[month! - 1]} ${year}`;
}

/** `14:03:07` on the report's day, else `19 Nov 14:03:07`, with the year where that differs too. */
export function timeText(rfc3339: string, today: string): string {
  const date = rfc3339.slice(0, 10);
  const clock = rfc3339.slice(11, 19);
  if (date === today) return clock;
  const [year, month, day] = date.split('-').map(Number);
  const calendar = `${day} ${MONTHS[month! - 1]}${date.slice(0, 4) === today.slice(0, 4) ? '' : ` ${year}`}`;
  return `${calendar} ${clock}`;
}

/** Like `timeText`, but without seconds when they are 0. */
export function momentText(rfc3339: string, today: string): string {
  return timeText(rfc3339, today).replace(/:00$/, '');
}

export function shortened(text: string, most = MOST_CHARACTERS): string {
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
