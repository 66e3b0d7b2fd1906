/**
 * The limits that decide a verdict. The verdict, the statistics, and the report's charts and tables all read them here,
 * so that a report never draws a limit that the verdict did not use.
 */
export const LIMITS = {
  /**
   * Limits on the share of values that match exactly or within the promise: an alert below the first, an alarm below
   * the second.
   */
  alertBelow: 0.99,
  alarmBelow: 0.9,
  /** An alarm when more than this share of the values has no explanation. */
  unexplainedMost: 0.01,
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
