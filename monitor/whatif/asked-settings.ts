/** Which settings a what-if tries: those of the command line, or a few that are commonly asked for. */
import { registryError } from '../../contract/errors.ts';
import type { FeatureView } from '../../contract/model.ts';
import { parseDuration } from '../../contract/std/duration.ts';
import type { Setting, SettingKind, SettingsNow } from './setting.ts';

/** As commander passes them. */
export interface WhatIfOptions {
  date?: string;
  service?: string[];
  view?: string[];
  cache?: string;
  every?: string;
  delay?: string;
  ttl?: string;
  sample?: string;
}

/** By kind the times to try; a kind that is not there is not asked for. */
export type AskedTimes = ReadonlyMap<SettingKind, readonly number[]>;

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DEFAULT_CACHE = [0, SECOND, 5 * SECOND, 30 * SECOND, 60 * SECOND];
const DEFAULT_INTERVALS = [5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR];
const MOST_TIMES = 20;
const LONGEST_US = 366 * 24 * HOUR;

const OPTIONS = [
  { name: 'cache', kind: 'cache', leastUs: 0 },
  { name: 'every', kind: 'interval', leastUs: SECOND },
  { name: 'delay', kind: 'delay', leastUs: 0 },
  { name: 'ttl', kind: 'ttl', leastUs: 1 },
] as const satisfies readonly { name: keyof WhatIfOptions; kind: SettingKind; leastUs: number }[];

/**
 * @returns null: no option says what to try
 * @throws  REG_USAGE, with what was expected
 */
export function askedTimes(options: WhatIfOptions): AskedTimes | null {
  const asked = new Map<SettingKind, readonly number[]>();
  for (const { name, kind, leastUs } of OPTIONS) {
    const text = options[name];
    if (text !== undefined) asked.set(kind, timesOf(name, text, leastUs));
  }
  return asked.size === 0 ? null : asked;
}

/** @returns the share of the entities that is simulated */
export function askedShare({ sample }: WhatIfOptions): number {
  if (sample === undefined) return 1;
  const percent = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(sample)?.[1];
  const share = percent === undefined ? Number.NaN : Number(percent) / 100;
  if (share > 0 && share <= 1) return share;
  throw usage(
    'sample',
    `--sample: expected a share of the entities such as 10%, got ${JSON.stringify(sample)}`,
  );
}

function timesOf(option: string, text: string, leastUs: number): number[] {
  const example = option === 'cache' ? '1s,30s' : option === 'every' ? '5m,1h' : '0s,10m';
  const times = text.split(',').map((part) => {
    const us = parseDuration(part.trim());
    if (us !== null && us >= leastUs && us <= LONGEST_US) return us;
    const least = leastUs === 0 ? '' : leastUs === SECOND ? ' of a second or more' : ' above 0s';
    throw usage(
      option,
      `--${option}: expected durations${least} up to 366d, such as ${example}, got ${JSON.stringify(part)}`,
    );
  });
  if (times.length > MOST_TIMES)
    throw usage(option, `--${option}: expected at most ${MOST_TIMES} durations, got ${times.length}`);
  return times;
}

function usage(field: string, message: string): Error {
  return registryError('REG_USAGE', message, { field });
}

/**
 * The settings to try of one view, in the order of their kinds and times, without those that it cannot have. The cache
 * time and the interval in force are among them; another one in force is if it is asked for.
 *
 * @param asked            null: the usual ones
 * @param proposedDelayUs  what serving would have needed that day; null: not known
 */
export function settingsFor(
  view: Pick<FeatureView, 'kind' | 'hopUs'>,
  now: SettingsNow,
  asked: AskedTimes | null,
  proposedDelayUs: number | null,
): Setting[] {
  const times = (kind: SettingKind, usual: readonly number[]): readonly number[] =>
    (asked === null ? usual : asked.get(kind)) ?? [];
  const withNow = (all: readonly number[], us: number | null): readonly number[] =>
    all.length === 0 || us === null ? all : [...all, us];
  // More often than its edges come, runs bring nothing new.
  const intervals = DEFAULT_INTERVALS.filter((us) => us >= view.hopUs);
  const delays = [0, proposedDelayUs].filter((us) => us !== null && us !== now.delayUs) as number[];
  const ttls = now.ttlUs === null ? [] : [now.ttlUs / 2, now.ttlUs * 2];
  const all: readonly (readonly [SettingKind, readonly number[]])[] = [
    ['cache', withNow(times('cache', DEFAULT_CACHE), now.cacheUs)],
    ['interval', withNow(times('interval', intervals), now.intervalUs)],
    ['delay', times('delay', delays)],
    ['ttl', view.kind === 'stored' ? times('ttl', ttls) : []],
  ];
  return all.flatMap(([kind, own]) =>
    [...new Set(own.map(Math.round))].toSorted((a, b) => a - b).map((us) => ({ kind, us })),
  );
}
