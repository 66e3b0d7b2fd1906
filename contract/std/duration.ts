/** Durations as people write them (`7d`, `90s`, `1h30m`), held as whole microseconds. */

const UNIT_US = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
  w: 604_800_000_000,
} as const;

type Unit = keyof typeof UNIT_US;
type Part = `${bigint}${Unit}`;

/** A duration of up to three parts, for the type checker; `parseDuration` takes any number of parts. */
export type Duration = Part | `${Part}${Part}` | `${Part}${Part}${Part}`;

const WHOLE = /^(?:\d+(?:us|ms|s|m|h|d|w))+$/;
const PART = /(\d+)(us|ms|s|m|h|d|w)/g;

/** @returns microseconds, or null when the text is no duration (the caller knows the field and says so) */
export function parseDuration(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  let us = 0;
  for (const [, count, unit] of text.matchAll(PART)) us += Number(count) * UNIT_US[unit as Unit];
  return Number.isSafeInteger(us) ? us : null;
}

/** @returns the shortest text of whole units that `parseDuration` reads back, e.g. `7d`, `1h30m`, `0s` */
export function formatDuration(us: number): string {
  if (us === 0) return '0s';
  let rest = Math.round(us);
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms', 'us'] as const) {
    const count = Math.floor(rest / UNIT_US[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNIT_US[unit];
  }
  return text;
}
