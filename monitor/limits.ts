/**
 * The limits that decide a verdict. The verdict, the statistics, and the report's charts and tables all read them here,
 * so that a report never draws a limit that the verdict did not use.
 */
import { ALERT_BELOW } from '../contract/verdict.ts';

export const LIMITS = {
  /**
   * Limits on the share of values that match exactly or within the promise: an alert below the first, an alarm below
   * the second.
   */
  alertBelow: ALERT_BELOW,
  alarmBelow: 0.9,
  /** An alarm when surely more than this share of the rows is unexplained, or another entity's. */
  unexplainedMost: 0.01,
  /** An alarm when this many entities were answered with the row of another. */
  foreignEntities: 3,
  /** An alert when a view is surely less available than this. */
  availableLeast: 0.999,
  /** With fewer vectors nothing is judged; those of so many days are taken together before. */
  leastValues: 30,
  pooledDays: 7,
  /** Fewer wrong rows than these are no evidence, in however few rows. */
  leastWrongRows: 2,
  /** Where an incident of at least so many mismatches came about is told if one slice of the traffic holds most. */
  leastInSlice: 30,
  sliceHolds: 0.8,
  /** And is at most this share of the traffic. */
  sliceTraffic: 0.4,
  /** Not enough data when more than this share of the values could not be judged. */
  unjudgedMost: 0.01,
  /**
   * Limits on the distance D of two distributions: from the first on the report warns, from the second on the monitor
   * alerts.
   */
  distanceWarn: 0.05,
  distanceAlarm: 0.1,
  /** With fewer pairs D has no level: a few wrong values of few make a large one. */
  leastPairs: 100,
};

/** @param share  the share of exact match within the promise */
export function matchLevel(share: number): 'ok' | 'alert' | 'alarm' {
  if (share >= LIMITS.alertBelow) return 'ok';
  return share >= LIMITS.alarmBelow ? 'alert' : 'alarm';
}

/** @param d  the Kolmogorov-Smirnov statistic of served and replayed values, in [0, 1] */
export function distanceLevel(d: number): 'ok' | 'warn' | 'alarm' {
  if (d < LIMITS.distanceWarn) return 'ok';
  return d < LIMITS.distanceAlarm ? 'warn' : 'alarm';
}
