/** What the newest verdict with a value says of a service: skew against its limit, how many values were there. Pure. */
import { DAY_US, parseTimestamp } from '../../contract/std/timestamp.ts';
import { isAbsent } from '../causes/value-state.ts';
import type { FeatureSnapshot, Snapshot } from '../verdict/snapshot.ts';
import type { HealthCheck } from './health-check.ts';

/** The largest share of the values present that may differ beyond the promise. */
const SKEW_MOST = 0.0001;
/** The day before is judged in the course of a day; a verdict on an older one says nothing of now. */
export const DAYS_MOST = 3;

/** What is asked of a verdict. */
export interface JudgedFeatures extends Pick<Snapshot, 'date'> {
  readonly features: readonly JudgedFeature[];
}

type JudgedFeature = Pick<
  FeatureSnapshot,
  'present' | 'beyondPromise' | 'bothAbsent' | 'unavailable' | 'states'
>;

/** @param verdicts  those on the service, the newest first; an error: it cannot be read */
export function verdictHealth(
  service: string,
  verdicts: readonly (JudgedFeatures | Error)[],
  nowUs: number,
): HealthCheck[] {
  const skewOf = { check: 'skew', of: service, unit: 'share', limit: SKEW_MOST } as const;
  const coverageOf = { check: 'coverage', of: service, unit: 'share', limit: null } as const;
  const unknown = (why: string): HealthCheck[] =>
    [skewOf, coverageOf].map((of): HealthCheck => ({ ...of, state: 'unknown', value: null, why }));
  const [newest] = verdicts;
  if (newest === undefined)
    return unknown('it was never judged: nobody asked it, or `plumb monitor run` is due');
  const told = verdicts.find((one) => one instanceof Error || hasValues(one)) ?? newest;
  if (told instanceof Error) return unknown(told.message);
  const { date, features } = told;
  const days = Math.floor((nowUs - Number(parseTimestamp(date) ?? 0n)) / DAY_US);
  if (days > DAYS_MOST)
    return unknown(`the newest verdict is on ${date}, ${days} days ago: \`plumb monitor run\``);
  const sum = (of: (feature: JudgedFeature) => number): number => sumOf(features, of);
  const present = sum((feature) => feature.present);
  const beyond = sum((feature) => feature.beyondPromise);
  const skew = beyond / present;
  const served = sum(({ states }) =>
    states.reduce((total, { served: state, rows }) => total + (isAbsent(state) ? 0 : rows), 0),
  );
  const asked = sum(askedOf);
  if (asked === 0) return unknown(`no value of ${date} was judged`);
  const on = told === newest ? `on ${date}` : `on ${date}, no value was judged since`;
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

function hasValues({ features }: JudgedFeatures): boolean {
  return sumOf(features, askedOf) > 0;
}

/** Values that were judged, or were absent. */
function askedOf({ present, bothAbsent, unavailable }: JudgedFeature): number {
  return present + bothAbsent + unavailable;
}

function sumOf(features: readonly JudgedFeature[], of: (feature: JudgedFeature) => number): number {
  return features.reduce((total, feature) => total + of(feature), 0);
}
