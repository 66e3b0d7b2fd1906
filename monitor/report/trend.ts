/**
 * How the features of each service matched over the last days, from the snapshots that are there: what `plumb monitor
 * trend` prints.
 */
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { registryError } from '../../contract/errors.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { DAY_US, dayOf, parseTimestamp } from '../../contract/std/timestamp.ts';
import { readSnapshot } from '../verdict/snapshot-folder.ts';
import type { Verdict } from '../../contract/verdict.ts';
import type { FeatureSnapshot, Snapshot } from '../verdict/snapshot.ts';
import { datesOf, servicesOf } from './judged-days.ts';

interface TrendOptions {
  /** Default: every service with a verdict. */
  readonly service?: string;
  /** The full name of a feature, or its name alone; default: all. */
  readonly feature?: string;
  /** How many days, up to the newest verdict of the service. */
  readonly days: number;
}

export interface ServiceTrend {
  readonly service: string;
  /** Every day of the span, oldest first, also those that were not judged. */
  readonly dates: readonly string[];
  /** One for each date; null: there is no verdict that can be read. */
  readonly verdicts: readonly (Verdict | null)[];
  /** Those of the newest verdict first, in its order. */
  readonly features: readonly FeatureTrend[];
}

export interface FeatureTrend {
  readonly name: string;
  /** One for each date; null: it was not judged then. */
  readonly days: readonly (DayOfTrend | null)[];
}

type DayOfTrend = Pick<
  FeatureSnapshot,
  'present' | 'beyondPromise' | 'exactMatch' | 'exactMatchWithinPromise' | 'interval'
>;

/**
 * A snapshot that cannot be read is a day without a verdict, with a warning.
 *
 * @throws REG_UNKNOWN when no service or feature of that name was judged
 */
export function readTrends(
  reports: string,
  { service, feature, days }: TrendOptions,
  logger: Logger,
): ServiceTrend[] {
  const known = servicesOf(reports);
  if (service !== undefined && !known.includes(service)) {
    const hint = didYouMean(service, known) || `; there are ${known.join(', ') || 'none'}`;
    throw registryError('REG_UNKNOWN', `no day of the service ${service} was judged${hint}`, {
      field: 'service',
    });
  }
  const trends = (service === undefined ? known : [service]).map((name) =>
    trendOf(reports, name, days, logger),
  );
  if (feature === undefined) return trends;
  const narrowed = trends.map((trend) => ({
    ...trend,
    features: trend.features.filter(({ name }) => name === feature || name.endsWith(`__${feature}`)),
  }));
  const found = narrowed.filter(({ features }) => features.length > 0);
  if (found.length > 0) return found;
  const names = [...new Set(trends.flatMap(({ features }) => features.map(({ name }) => name)))];
  const hint = didYouMean(feature, names) || `; there are ${names.slice(0, 10).join(', ') || 'none'}`;
  throw registryError('REG_UNKNOWN', `no feature ${feature} was judged in these days${hint}`, {
    field: 'feature',
  });
}

function trendOf(reports: string, service: string, days: number, logger: Logger): ServiceTrend {
  const judged = datesOf(reports, service);
  const last = Number(parseTimestamp(judged.at(-1)!)!);
  const dates = Array.from({ length: days }, (_, i) => dayOf(last - (days - 1 - i) * DAY_US));
  const snapshots = dates.map((date) =>
    judged.includes(date) ? tryRead(reports, service, date, logger) : null,
  );
  const names = new Set(snapshots.toReversed().flatMap((one) => one?.features.map(({ name }) => name) ?? []));
  const byName = snapshots.map((one) => new Map(one?.features.map((feature) => [feature.name, feature])));
  return {
    service,
    dates,
    verdicts: snapshots.map((one) => one?.verdict ?? null),
    features: [...names].map((name) => ({ name, days: byName.map((of) => dayOfTrend(of.get(name))) })),
  };
}

function dayOfTrend(feature: FeatureSnapshot | undefined): DayOfTrend | null {
  if (feature === undefined) return null;
  const { present, beyondPromise, exactMatch, exactMatchWithinPromise, interval } = feature;
  return { present, beyondPromise, exactMatch, exactMatchWithinPromise, interval };
}

function tryRead(reports: string, service: string, date: string, logger: Logger): Snapshot | null {
  try {
    return readSnapshot(reports, service, date);
  } catch (error) {
    logger.warn(`the verdict of ${date} is left out: ${(error as Error).message}`);
    return null;
  }
}
