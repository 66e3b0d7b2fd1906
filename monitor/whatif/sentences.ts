/** What a simulated setting changes, and how far the simulation is from what was measured, in one sentence each. */
import { formatDuration } from '../../contract/std/duration.ts';
import { FIDELITY_CAUSES } from '../../contract/cause.ts';
import type { Cause } from '../../contract/cause.ts';
import { spanText } from '../causes/evidence-text.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import type { Setting, SettingRates, SettingsNow } from './setting.ts';

/** Mismatches of these come of no setting: the simulation, whose rows are all true and never lost, has none of them. */
const NO_SETTING: ReadonlySet<Cause> = new Set<Cause>([...FIDELITY_CAUSES, 'clock skew', 'missing online']);
/** Rates that are nearer to each other say the same. */
const APART_SHARE = 0.001;
/** So do ages that are nearer than both of these. */
const APART_AGE = 0.1;
const APART_AGE_US = 60_000_000;

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
      if (isNow) return `delay ${time}, as now`;
      return `delay ${time} instead of ${formatDuration(now.delayUs)}`;
    case 'ttl':
      if (isNow) return `TTL ${time}, as now`;
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

/** What the measured and the simulated rates are of. */
interface ComparedDay {
  /** How many values of the day each cause was found for. */
  readonly causes: ReadonlyMap<Cause, number>;
  /** Of the entities, that is simulated; null: all are. */
  readonly sampled: number | null;
  /** Vectors of the day in the verdict, and in the log now. */
  readonly judged: number;
  readonly logged: number;
}

/** @returns null: the simulation says what was measured */
export function apartText(measured: SettingRates, simulated: SettingRates, day: ComparedDay): string | null {
  const difference = differenceText(measured, simulated);
  if (difference === null) return null;
  const { causes, sampled, judged, logged } = day;
  const text = `the simulation of the settings as they are gives ${difference}`;
  if (sampled !== null)
    return `${text}: it is of ${percentText(sampled)} of the entities, what was measured is of all`;
  if (judged !== logged)
    return `${text}: the day was judged with ${judged} vectors and has ${logged} now; judge it again`;
  const others = [...causes].filter(([cause, values]) => NO_SETTING.has(cause) && values > 0);
  if (others.length === 0 || (simulated.exactMatch ?? 0) < (measured.exactMatch ?? 0))
    return `${text}: it knows runs by their ends and caches by their mean, and rows as the history has them now`;
  const named = others.map(([cause, values]) => `${cause} ${values}`).join(', ');
  return `${text}: values differ that no setting mends (${named})`;
}

/** Of the first of the rates that are apart: exact match, within the promise, median age. */
function differenceText(measured: SettingRates, simulated: SettingRates): string | null {
  const shares = [
    [measured.exactMatch, simulated.exactMatch, ''],
    [measured.exactMatchWithinPromise, simulated.exactMatchWithinPromise, ' exact or within the promise'],
  ] as const;
  for (const [was, is, what] of shares) {
    if (was === null || is === null || Math.abs(was - is) < APART_SHARE) continue;
    const points = (Math.abs(was - is) * 100).toFixed(2);
    return `${percentText(is)}${what}, ${points} points ${is > was ? 'more' : 'less'} than was measured`;
  }
  const [was, is] = [measured.ageP50Us, simulated.ageP50Us];
  if (was === null || is === null) return null;
  if (Math.abs(was - is) < Math.max(APART_AGE_US, APART_AGE * Math.max(was, is))) return null;
  return `a median age of ${ageText(is)}, where ${ageText(was)} was measured`;
}
