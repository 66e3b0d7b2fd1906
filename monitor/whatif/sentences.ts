/** What a simulated setting changes, and how far the simulation is from what was measured, in one sentence each. */
import { formatDuration } from '../../contract/std/duration.ts';
import { FIDELITY_CAUSES } from '../causes/cause.ts';
import type { Cause } from '../causes/cause.ts';
import { spanText } from '../causes/evidence-text.ts';
import { percentText } from '../percent-text.ts';
import type { Setting, SettingRates, SettingsNow } from './setting.ts';

/** Mismatches of these come of no setting: the simulation, whose rows are all true and never lost, has none of them. */
const NO_SETTING: ReadonlySet<Cause> = new Set<Cause>([...FIDELITY_CAUSES, 'clock skew', 'missing online']);
/** Rates that are nearer to each other say the same. */
const APART_SHARE = 0.001;

/** @returns such as `every 15m instead of every 1h` */
export function settingName(
  { kind, us, isNow }: Setting & { readonly isNow: boolean },
  now: SettingsNow,
): string {
  const time = formatDuration(us);
  switch (kind) {
    case 'cache':
      return isNow
        ? `cache time ${time}, as now`
        : `cache time ${time} instead of ${formatDuration(now.cacheUs)}`;
    case 'interval':
      if (isNow) return `every ${time}, as now, none late`;
      return now.intervalUs === null
        ? `every ${time}`
        : `every ${time} instead of every ${formatDuration(now.intervalUs)}`;
    case 'delay':
      return `delay ${time} instead of ${formatDuration(now.delayUs)}`;
    case 'ttl':
      return `TTL ${time} instead of ${now.ttlUs === null ? 'none' : formatDuration(now.ttlUs)}`;
  }
}

/** @returns such as `every 15m instead of every 1h: exact 93.10 % -> 97.81 %, median age 31m -> 9m` */
export function settingText(
  setting: Setting & { readonly isNow: boolean },
  now: SettingsNow,
  before: SettingRates,
  after: SettingRates,
): string {
  const exact = changeText(percentText(before.exactMatch), percentText(after.exactMatch));
  const age = changeText(ageText(before.ageP50Us), ageText(after.ageP50Us));
  return `${settingName(setting, now)}: exact ${exact}, median age ${age}`;
}

function changeText(before: string, after: string): string {
  return before === after ? `stays ${after}` : `${before} -> ${after}`;
}

export function ageText(us: number | null): string {
  return us === null ? '–' : spanText(us);
}

/**
 * @param causes  how many values of the day each cause was found for
 * @returns       null: the simulation says what was measured
 */
export function apartText(
  measured: SettingRates,
  simulated: SettingRates,
  causes: ReadonlyMap<Cause, number>,
): string | null {
  const [was, is] = [measured.exactMatch, simulated.exactMatch];
  if (was === null || is === null || Math.abs(was - is) < APART_SHARE) return null;
  const points = (Math.abs(was - is) * 100).toFixed(2);
  const text = `the simulation of the settings as they are gives ${percentText(is)}, ${points} points ${is > was ? 'more' : 'less'} than was measured`;
  const others = [...causes].filter(([cause, values]) => NO_SETTING.has(cause) && values > 0);
  if (others.length === 0 || is < was)
    return `${text}: it knows runs by their ends and caches by their mean, and rows as the history has them now`;
  const named = others.map(([cause, values]) => `${cause} ${values}`).join(', ');
  return `${text}: values differ that no setting mends (${named})`;
}
