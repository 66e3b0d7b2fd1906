/** What the newest verdict on each service says: skew against its limit, and how many values were there. Pure. */
import { DAY_US, parseTimestamp } from '../../contract/std/timestamp.ts';
import { isAbsent } from '../causes/value-state.ts';
import type { FeatureSnapshot, Snapshot } from '../verdict/snapshot.ts';
import type { HealthCheck } from './health-check.ts';

/** The largest share of the values present that may differ beyond the promise. */
const SKEW_MOST = 0.0001;
/** The day before is judged in the course of a day; a verdict on an older one says nothing of now. */
const DAYS_MOST = 3;

/** What is asked of a verdict. */
export interface JudgedFeatures extends Pick<Snapshot, 'date'> {
  readonly features: readonly Pick<
    FeatureSnapshot,
    'present' | 'beyondPromise' | 'bothAbsent' | 'unavailable' | 'states'
  >[];
}

/** @param newest  the newest verdict; null: there is none; an error: it cannot be read */
export function verdictHealth(
  service: string,
  newest: JudgedFeatures | Error | null,
  nowUs: number,
): HealthCheck[] {
  const skewOf = { check: 'skew', of: service, unit: 'share', limit: SKEW_MOST } as const;
  const coverageOf = { check: 'coverage', of: service, unit: 'share', limit: null } as const;
  const unknown = (why: string): HealthCheck[] =>
    [skewOf, coverageOf].map((of): HealthCheck => ({ ...of, state: 'unknown', value: null, why }));
  if (newest === null) return unknown('it was never judged: `plumb monitor run`');
  if (newest instanceof Error) return unknown(newest.message);
  const { date, features } = newest;
  const days = Math.floor((nowUs - Number(parseTimestamp(date) ?? 0n)) / DAY_US);
  if (days > DAYS_MOST)
    return unknown(`the newest verdict is on ${date}, ${days} days ago: \`plumb monitor run\``);
  const sum = (of: (feature: JudgedFeatures['features'][number]) => number): number =>
    features.reduce((total, feature) => total + of(feature), 0);

  const present = sum((feature) => feature.present);
  const beyond = sum((feature) => feature.beyondPromise);
  const skew = beyond / present;
  const served = sum(({ states }) =>
    states.reduce((total, { served: state, rows }) => total + (isAbsent(state) ? 0 : rows), 0),
  );
  const asked = present + sum((feature) => feature.bothAbsent + feature.unavailable);
  if (present === 0 && asked === 0) return unknown(`no value of ${date} was judged`);
  const on = `on ${date}`;
  return [
    present === 0
      ? { ...skewOf, state: 'unknown', value: null, why: `${on}: no value was present` }
      : {
          ...skewOf,
          state: skew <= SKEW_MOST ? 'good' : 'bad',
          value: skew,
          why: `${on}: ${beyond} of ${present} values beyond the promise`,
        },
    {
      ...coverageOf,
      state: served > 0 ? 'good' : 'bad',
      value: served / asked,
      why: `${on}: ${served} of ${asked} values were PRESENT`,
    },
  ];
}
